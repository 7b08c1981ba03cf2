"""The treatment record laid out for a terminal of 100 columns. What it says is made in words."""

from textwrap import wrap

from devicelog.canonical import Json
from devicelog.cli.common import table
from devicelog.words import treated_zones
from devicelog.words import treatment as treated

ERASED = "(erased)"


def parts(session: Json) -> tuple[list[str], list[str]]:
    """The sections of the treatment record: those before the zones, and the last, which is after what was found."""
    blocks = []
    for part in treated.parts(session, ERASED):
        wide = max((len(name) for name, _ in part.lines), default=0)
        lines = [line for name, told in part.lines for line in _beside(name, wide, told)]
        lines += folded([f"not recorded: {', '.join(part.missing)}"] if part.missing else [])
        blocks.append("\n".join([f"{part.heading}:", *lines]))
    return blocks[:-1], blocks[-1:]


def _beside(name: str, wide: int, told: str) -> list[str]:
    """A name and what it is, folded beside it."""
    return wrap(told, 100, initial_indent=f"  {name:<{wide}}  ", subsequent_indent=" " * (wide + 4)) or [f"  {name}"]


def by_zone(session: Json) -> str:
    """The table of zones, and what its numbers rest on."""
    rows = treated_zones.zone_rows(session)
    if not rows:
        return ""
    lines = [f"  {line}" for line in table([treated_zones.ZONE_HEAD, *rows])]
    lines += folded(list(treated_zones.zone_notes(session, ERASED)))
    if any("-" in row for row in rows):
        lines.append("  -: not recorded, or there is none")
    return "\n".join(["Treatment by zone:", *lines])


def allowed(session: Json) -> str:
    """What was allowed, before and while it ran."""
    lines = treated.overrides(session, ERASED)
    return "\n".join(["Allowed:", *folded(lines)]) if lines else ""


def folded(lines: list[str]) -> list[str]:
    """Long lines over several, so that each can be told from the next."""
    return [part for line in lines for part in wrap(line, 98, initial_indent="  ", subsequent_indent="    ")]
