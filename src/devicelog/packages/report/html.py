"""The report as one HTML file that needs nothing else: no script, no request, style and drawings in it. Pure.

Every text is escaped and stands isolated in its own direction. Printed on A4 it is one or two pages; what is
longer goes on without a row being cut.
"""

from collections.abc import Iterator

from devicelog.packages.report import qr, svg
from devicelog.packages.report.facts import ReportFacts
from devicelog.packages.report.parts import head, list_of, plain, section_of, sound, table_of, text_of


def html_report(facts: ReportFacts) -> str:
    """The whole file. The same facts give the same text; characters that no page may have are U+FFFD."""
    return sound("".join(_parts(facts)))


def _parts(facts: ReportFacts) -> Iterator[str]:
    yield head(facts.title, facts.id)
    for banner in facts.banners:
        yield f'<p class="banner">{text_of(banner)}</p>\n'
    says = f": {text_of(facts.verdict_says)}" if facts.verdict_says else ""
    yield f'<p class="verdict">Verdict: <strong>{text_of(facts.verdict)}</strong>{says}</p>\n</header>\n<main>\n'
    yield list_of(facts.facts)
    yield table_of(facts.zones) if facts.zones else "<h2>Zones</h2>\n<p>No sample arrived in a zone.</p>\n"
    yield table_of(facts.compared) if facts.compared else ""
    yield f"<h2>Depth over time</h2>\n<figure>{svg.drawn(facts.plot, facts.plot_says)}</figure>\n"
    yield table_of(facts.findings) if facts.findings else "<h2>Findings</h2>\n<p>None.</p>\n"
    yield from map(section_of, facts.sections)
    yield "<section>\n<h2>Evidence</h2>\n"
    yield list_of(facts.evidence, "long")
    yield from _checkpoint(facts.checkpoint)
    yield "".join(f"<p>{text_of(words)}</p>\n" for words in facts.proved)
    yield f"</section>\n</main>\n<footer>{text_of(facts.made)}</footer>\n</body>\n</html>\n"


def _checkpoint(checkpoint: str | None) -> Iterator[str]:
    if checkpoint is None:
        return
    code = qr.drawn(checkpoint, qr.SAYS)
    yield f'<div class="proof">{code or ""}<div><p>{text_of(qr.beside(code))}</p>'
    yield f"<pre>{plain(checkpoint)}</pre></div></div>\n"
