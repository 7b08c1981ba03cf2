"""An inspection as one HTML file that needs nothing else, from its document; in blocks: its list may be long. Pure."""

from collections.abc import Iterator
from html import escape

from devicelog.canonical import Json
from devicelog.packages.inspection import tables
from devicelog.packages.inspection.sections import sections
from devicelog.packages.report.parts import head, list_of, section_of, sound, table_of, text_of

_ROWS_A_BLOCK = 200


def inspection_page(told: Json, *, made: str) -> Iterator[bytes]:
    """The whole file, in UTF-8. `made`: when and by what it was made, in words. The same values give the same bytes."""
    for part in _parts(told, made):
        yield sound(part).encode()


def _parts(told: Json, made: str) -> Iterator[str]:
    days = told["from"] if told["from"] == told["to"] else f"{told['from']} to {told['to']}"
    yield head("Inspection", days)
    for banner in tables.banners(told):
        yield f'<p class="banner">{text_of(banner)}</p>\n'
    yield (
        "<p>What a log says of these days (UTC, both included), counted from its entries and from the derived records "
        "that they name. The entries are in data/log/entries.jsonl: whoever has them can count again.</p>\n"
        "</header>\n<main>\n"
    )
    yield list_of(tables.log_facts(told), "long")
    yield "<h2>Sessions opened in these days</h2>\n"
    for line in tables.session_lines(told):
        yield f"<p>{text_of(line)}</p>\n"
    for table in tables.counted_tables(told):
        yield table_of(table)
    findings = tables.findings_table(told)
    yield "<h2>Findings by rule</h2>\n<p>None.</p>\n" if findings is None else table_of(findings)
    for section in sections(told):
        yield section_of(section)
    yield table_of(tables.types_table(told))
    yield f"<h2>Every session of these days</h2>\n<p>{text_of(tables.DRAW)}</p>\n"
    yield from _sessions(told)
    yield f"</main>\n<footer>{text_of(made)}</footer>\n</body>\n</html>\n"


def _sessions(told: Json) -> Iterator[str]:
    columns, rows = tables.session_table(told)
    if not told["sessions"]["list"]:
        yield "<p>None.</p>\n"
        return
    kinds = [' class="n"' if column.numeric else "" for column in columns]
    heads = "".join(
        f'<th scope="col"{kind}>{escape(column.name)}</th>' for column, kind in zip(columns, kinds, strict=True)
    )
    yield f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n"
    block: list[str] = []
    for row in rows:
        cells = "".join(f"<td{kind}>{text_of(cell)}</td>" for cell, kind in zip(row[1:], kinds[1:], strict=True))
        block.append(f'<tr><th scope="row">{text_of(row[0])}</th>{cells}</tr>\n')
        if len(block) == _ROWS_A_BLOCK:
            yield "".join(block)
            block.clear()
    yield "".join(block) + "</tbody>\n</table>\n"
