"""The report as one HTML file that needs nothing else: no script, no request, style and drawings in it. Pure.

Every text is escaped and stands isolated in its own direction. Printed on A4 it is one or two pages; what is
longer goes on without a row being cut.
"""

import re
from collections.abc import Iterable, Iterator
from html import escape

from devicelog.packages.report import qr, svg
from devicelog.packages.report.facts import Fact, ReportFacts, Section, Table

_STYLE = """
@page { size: A4; margin: 12mm 13mm 14mm;
  @bottom-left { content: "SESSION"; font: 7.5pt sans-serif }
  @bottom-right { content: counter(page) " / " counter(pages); font: 7.5pt sans-serif } }
* { box-sizing: border-box }
body { font: 9pt/1.32 Helvetica, Arial, "Liberation Sans", system-ui, sans-serif; color: #000; background: #fff;
  max-width: 184mm; margin: 6mm auto; padding: 0 4mm; overflow-wrap: anywhere }
h1 { font-size: 15pt; margin: 0 } h2 { font-size: 10.5pt; margin: 3.2mm 0 .8mm; border-bottom: .3mm solid #000 }
h2, caption { break-after: avoid } p, ul { margin: .6mm 0 } ul { padding-left: 4.5mm }
li, tr, p, figure { break-inside: avoid }
.id { font-family: monospace; font-size: 11pt }
.banner { border: .6mm solid #000; font-weight: bold; padding: 1mm 2mm; margin: 1.5mm 0 }
.verdict { border: .3mm solid #000; background: #eee; padding: 1.2mm 2mm; margin: 2mm 0 }
.verdict strong { font-size: 12pt; text-transform: uppercase }
dl { display: grid; grid-template-columns: repeat(2, 24mm 1fr); gap: .3mm 3mm; margin: 1mm 0 }
dl.long { grid-template-columns: 42mm 1fr } dt { color: #333 } dd { margin: 0 }
table { border-collapse: collapse; width: 100%; margin: 1mm 0; font-size: 8pt }
caption { text-align: left; font-weight: bold; font-size: 10.5pt; padding: 2mm 0 .8mm }
th, td { border-bottom: .15mm solid #888; padding: .5mm 1mm; text-align: left; vertical-align: top }
th, td { overflow-wrap: normal } tbody th { white-space: nowrap }
th { font-weight: normal } thead th { font-weight: bold; border-bottom: .3mm solid #000; vertical-align: bottom }
tbody th { font-weight: bold } td:last-child { overflow-wrap: anywhere }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap } thead .n { white-space: normal }
figure { margin: 2mm 0 } figure svg { width: 100%; height: auto; display: block }
.small { font-size: 7.5pt; color: #222 }
.small ul { columns: 2; column-gap: 6mm }
.proof { display: flex; gap: 5mm; align-items: flex-start; break-inside: avoid }
.proof svg { width: 42mm; height: 42mm; flex: none } .proof pre { white-space: pre-wrap; font-size: 7.5pt; margin: 0 }
footer { margin-top: 3mm; border-top: .15mm solid #888; font-size: 7.5pt }
@media print { body { margin: 0; padding: 0; max-width: none } }
"""
# Controls and half characters, and what turns the direction of writing by itself: a text reads as it was written.
_NOT_IN_A_PAGE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def html_report(facts: ReportFacts) -> str:
    """The whole file. The same facts give the same text; characters that no page may have are U+FFFD."""
    return _NOT_IN_A_PAGE.sub("\ufffd", "".join(_parts(facts)))


def _parts(facts: ReportFacts) -> Iterator[str]:
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{_plain(facts.title)} {_plain(facts.id)}</title>\n"
        f"<style>{_STYLE.replace('SESSION', _css(facts.id))}</style>\n</head>\n<body>\n<header>\n"
        f'<h1>{_plain(facts.title)} <span class="id">{_plain(facts.id)}</span></h1>\n'
    )
    for banner in facts.banners:
        yield f'<p class="banner">{_text(banner)}</p>\n'
    says = f": {_text(facts.verdict_says)}" if facts.verdict_says else ""
    yield f'<p class="verdict">Verdict: <strong>{_text(facts.verdict)}</strong>{says}</p>\n</header>\n<main>\n'
    yield _list(facts.facts)
    yield _table(facts.zones) if facts.zones else "<h2>Zones</h2>\n<p>No sample arrived in a zone.</p>\n"
    yield _table(facts.compared) if facts.compared else ""
    yield f"<h2>Depth over time</h2>\n<figure>{svg.drawn(facts.plot, facts.plot_says)}</figure>\n"
    yield _table(facts.findings) if facts.findings else "<h2>Findings</h2>\n<p>None.</p>\n"
    yield from map(_section, facts.sections)
    yield "<section>\n<h2>Evidence</h2>\n"
    yield _list(facts.evidence, "long")
    yield from _checkpoint(facts.checkpoint)
    yield "".join(f"<p>{_text(words)}</p>\n" for words in facts.proved)
    yield f"</section>\n</main>\n<footer>{_text(facts.made)}</footer>\n</body>\n</html>\n"


def _checkpoint(checkpoint: str | None) -> Iterator[str]:
    if checkpoint is None:
        return
    code = qr.drawn(checkpoint, qr.SAYS)
    yield f'<div class="proof">{code or ""}<div><p>{_text(qr.beside(code))}</p>'
    yield f"<pre>{_plain(checkpoint)}</pre></div></div>\n"


def _list(facts: Iterable[Fact], kind: str = "") -> str:
    rows = "".join(f"<dt>{_text(fact.name)}</dt><dd>{_text(fact.value)}</dd>\n" for fact in facts)
    return f'<dl class="{kind}">\n{rows}</dl>\n' if kind else f"<dl>\n{rows}</dl>\n"


def _table(table: Table) -> str:
    classes = [' class="n"' if column.numeric else "" for column in table.columns]
    head = "".join(
        f'<th scope="col"{kind}>{_text(column.name)}</th>' for column, kind in zip(table.columns, classes, strict=True)
    )
    rows = "".join(
        f'<tr><th scope="row">{_text(row[0])}</th>'
        + "".join(f"<td{kind}>{_text(cell)}</td>" for cell, kind in zip(row[1:], classes[1:], strict=True))
        + "</tr>\n"
        for row in table.rows
    )
    below = "".join(f'<p class="small">{_text(words)}</p>\n' for words in table.below)
    return (
        f"<table>\n<caption>{_text(table.caption)}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{rows}</tbody>\n</table>\n{below}"
    )


def _section(section: Section) -> str:
    says = "".join(f"<p>{_text(words)}</p>\n" for words in section.says)
    lines = "".join(f"<li>{_text(line)}</li>\n" for line in section.lines)
    kind = ' class="small"' if section.small else ""
    return (
        f"<section{kind}>\n<h2>{_text(section.heading)}</h2>\n{says}{f'<ul>{_NL}{lines}</ul>{_NL}' if lines else ''}"
        "</section>\n"
    )


_NL = "\n"


def _css(text: str) -> str:
    """As what stands between quotes in a style: every character by its number."""
    return "".join(f"\\{ord(char):x} " for char in text)


def _plain(text: str) -> str:
    return escape(text)


def _text(text: str) -> str:
    """Escaped, and of its own direction: what stands in it cannot turn what stands around it."""
    return f"<bdi>{escape(text)}</bdi>"
