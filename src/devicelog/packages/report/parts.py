"""What every page is made of: one look, head, lists, tables and sections, escaped. Pure.

A page needs nothing else: no script, no request. Every text is escaped and stands isolated in its own direction. Not
responsible for what a page says, nor in which order.
"""

import re
from collections.abc import Iterable
from html import escape

from devicelog.packages.report.facts import Fact, Section, Table

_STYLE = """
@page { size: A4; margin: 12mm 13mm 14mm;
  @bottom-left { content: "NAME"; font: 7.5pt sans-serif }
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
_NL = "\n"


def sound(markup: str) -> str:
    """The same; characters that no page may have are U+FFFD."""
    return _NOT_IN_A_PAGE.sub("\ufffd", markup)


def head(title: str, id_: str) -> str:
    """The beginning of a file, up to its first heading, which is in it; the header stays open."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{plain(title)} {plain(id_)}</title>\n"
        f"<style>{_STYLE.replace('NAME', _css(id_))}</style>\n</head>\n<body>\n<header>\n"
        f'<h1>{plain(title)} <span class="id">{plain(id_)}</span></h1>\n'
    )


def list_of(facts: Iterable[Fact], kind: str = "") -> str:
    """Names and what they are, in two columns; of another kind in one."""
    rows = "".join(f"<dt>{text_of(fact.name)}</dt><dd>{text_of(fact.value)}</dd>\n" for fact in facts)
    return f'<dl class="{kind}">\n{rows}</dl>\n' if kind else f"<dl>\n{rows}</dl>\n"


def table_of(table: Table) -> str:
    """A table with its caption, and what is said below it."""
    classes = [' class="n"' if column.numeric else "" for column in table.columns]
    heads = "".join(
        f'<th scope="col"{kind}>{text_of(column.name)}</th>'
        for column, kind in zip(table.columns, classes, strict=True)
    )
    rows = "".join(
        f'<tr><th scope="row">{text_of(row[0])}</th>'
        + "".join(f"<td{kind}>{text_of(cell)}</td>" for cell, kind in zip(row[1:], classes[1:], strict=True))
        + "</tr>\n"
        for row in table.rows
    )
    below = "".join(f'<p class="small">{text_of(words)}</p>\n' for words in table.below)
    return (
        f"<table>\n<caption>{text_of(table.caption)}</caption>\n<thead><tr>{heads}</tr></thead>\n"
        f"<tbody>\n{rows}</tbody>\n</table>\n{below}"
    )


def section_of(section: Section) -> str:
    """A heading, what is said under it, and a list."""
    says = "".join(f"<p>{text_of(words)}</p>\n" for words in section.says)
    lines = "".join(f"<li>{text_of(line)}</li>\n" for line in section.lines)
    kind = ' class="small"' if section.small else ""
    return (
        f"<section{kind}>\n<h2>{text_of(section.heading)}</h2>\n{says}{f'<ul>{_NL}{lines}</ul>{_NL}' if lines else ''}"
        "</section>\n"
    )


def _css(text: str) -> str:
    """As what stands between quotes in a style: every character by its number."""
    return "".join(f"\\{ord(char):x} " for char in text)


def plain(text: str) -> str:
    """Escaped."""
    return escape(text)


def text_of(text: str) -> str:
    """Escaped, and of its own direction: what stands in it cannot turn what stands around it."""
    return f"<bdi>{escape(text)}</bdi>"
