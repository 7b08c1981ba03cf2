"""What an inspection's page says of overrides, a line each. Pure.

Where none can be known of, it says why: none recorded is not the same as none.
"""

from collections.abc import Iterator

from devicelog.canonical import Json
from devicelog.packages.inspection.overrides import TOO_LATE
from devicelog.packages.inspection.phrases import ago, place, several


def says(told: Json) -> Iterator[str]:
    """How many there are, and of which sessions that cannot be told."""
    overrides, total = told["overrides"], told["sessions"]["total"]
    given, marked, of = len(overrides["given"]), len(overrides["marked"]), overrides["sessions"]
    if given or marked or overrides["findings"]:
        yield (
            f"By which somebody went on against a rule: {several(given, 'entry', 'entries')}, "
            f"{several(marked, 'mark')} in {several(of['marked'], 'session')}. Findings that name one: "
            f"{len(overrides['findings'])}, of which it came too late for {overrides['too_late']}."
        )
        yield (
            "Reasons are private texts and in no inspection: an entry names the commitment to its reason, and that of "
            "a mark is in its record, in the session's own package."
        )
    else:
        yield "None recorded in this period."
    if of["before_engine_4"]:
        yield (
            f"Derived before engine 4: {of['before_engine_4']} of {several(total, 'session')}; sessions of engines "
            "before 4 cannot have any mark of one."
        )
    if of["being_recorded"]:
        yield f"Still being recorded, their marks not told yet: {of['being_recorded']} of {several(total, 'session')}."


def lines(told: Json) -> Iterator[str]:
    """Each entry, each mark, each finding that names one, and each session of which nothing can be told."""
    overrides = told["overrides"]
    yield from map(_given, overrides["given"])
    yield from map(_marked, overrides["marked"])
    yield from map(_finding, overrides["findings"])
    for name in overrides["sessions"]["not_readable"]:
        yield f"DERIVED RECORD NOT READABLE: {name}; whether anything was overridden in it is not known here"


def _given(row: Json) -> str:
    return (
        f"{place(row)}: {row['rule']}{_against(row)}, {_of(row)}, by {row['by']} (role: {row['role']}, auth: "
        f"{row['auth']}); reason: {row['commitment'] or 'none'}"
    )


def _against(row: Json) -> str:
    if row["screening"] is not None:
        return f", for the answers of entry {row['screening']}"
    if row["cartridge"] is not None:
        return f", cartridge {row['cartridge']} that was fitted elsewhere before"
    return _where(row)


def _of(row: Json) -> str:
    if row["session"] is not None:
        return str(row["session"])
    if row["visit"] is None:
        return "of a client, in no visit"
    after = ", ".join(row["sessions"]) or "none so far"
    return f"{row['visit']} (sessions of it since: {after})"


def _marked(row: Json) -> str:
    return (
        f"{_place(row)}, record {row['record']}, {ago(row['at_us'])} after its first: {row['rule']}{_where(row)}, by "
        f"{row['by']} (role: not in a mark, auth: {row['auth']})"
    )


def _finding(row: Json) -> str:
    record = "" if row["record"] is None else f" (record {row['record']})"
    late = row["override"] == TOO_LATE
    what = "OVERRIDE TOO LATE, the finding stays" if late else f"override {row['override']}"
    return f"{_place(row)}: {what}{record}: {row['rule']}{_where(row)}, {row['severity']}"


def _place(row: Json) -> str:
    return f"{row['session']} ({row['mode']}), opened {row['opened_at']} (clock: {row['clock']})"


def _where(row: Json) -> str:
    return " everywhere" if row["zone"] is None else f" in {row['zone']}"
