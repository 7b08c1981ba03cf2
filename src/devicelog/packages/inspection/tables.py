"""What an inspection's page says of the log and of the sessions: banners, facts, counts and the list. Pure.

Every line says what it counts, and every table of sessions adds up to all of them.
"""

from collections.abc import Iterable, Iterator

from devicelog.canonical import Json
from devicelog.packages.inspection.document import MODES
from devicelog.packages.inspection.phrases import long, minute, place, several
from devicelog.packages.report.facts import Column, Fact, Table

DRAW = (
    "Draw your own sample from the list of sessions: let no one draw it for you. Ask for each one drawn by its id "
    "(`devicelog export ID --to PATH`), and check that the entry that opened it has the number that stands here."
)
_SEVERITIES = ("high", "medium", "low")


def log_facts(told: Json) -> Iterator[Fact]:
    """The log as a whole."""
    log, period = told["log"], told["period"]
    yield Fact(name="Log", value=log["id"])
    yield Fact(name="Entries", value=f"{log['entries']}, the entry of this export included")
    signed = "none" if log["signed"] is None else f"over {log['signed']} entries"
    yield Fact(name="Checkpoint made for this export", value=signed)
    yield Fact(name="First entry", value=place(log["first"]))
    yield Fact(name="Newest entry", value=place(log["newest"]))
    keys = log["keys"]
    users = {
        "own user": "kept by a user of their own: who writes the database cannot sign by that",
        "same user": "kept by the recorder's user: who can write the database can sign",
    }
    said = "none yet" if keys is None else f"{keys['fingerprint']}; {users.get(keys['signer'], keys['signer'])}"
    yield Fact(name="Key that signs bags", value=said)
    yield Fact(name="Predecessor", value=_predecessor(log["predecessor"]))
    yield Fact(name="Entries of these days", value=str(period["entries"]))
    yield Fact(name="Oldest of these days", value=place(period["oldest"]))
    yield Fact(name="Newest of these days", value=place(period["newest"]))


def _predecessor(before: Json | None) -> str:
    if before is None:
        return "none: this log is not said to continue another one"
    witness = before["witness"]
    held = "witnessed by nobody outside" if not witness else f"witnessed by {witness['name']} at {witness['at']}"
    gap = "the gap is not known" if before["gap_s"] is None else f"nothing is known of {long(before['gap_s'])} between"
    return (
        f"{before['predecessor']}, head over {before['size']} entries, root {before['root']}, {held}; newest entry "
        f"known {before['last_at'] or 'not known'}; {gap}"
    )


def banners(told: Json) -> Iterator[str]:
    """What must not be overlooked."""
    if not told["period"]["entries"]:
        yield "NO ENTRY OF THIS LOG IS OF THESE DAYS."
    simulated = sum(row["mode"] in ("demo", "test") for row in told["sessions"]["list"])
    if simulated:
        total = several(told["sessions"]["total"], "session")
        yield f"DEMO OR TEST DATA: {simulated} of {total}. No person was treated in them."
    if lacking := len(told["sessions"]["underivable"]) + len(told["unattributed"]["underivable"]):
        yield f"DERIVED RECORDS THAT CANNOT BE READ, OF SESSIONS OR SPANS: {lacking}. The database is damaged."
    if guards := sorted({guard for row in told["rebuilt"] for guard in row["guards"]}):
        yield f"GUARDS OF THE DATABASE HAD BEEN LOST: {', '.join(guards)}."


def counted_tables(told: Json) -> Iterator[Table]:
    """The sessions, counted; each table adds up to all sessions."""
    sessions = told["sessions"]
    total = sessions["total"]
    yield _by_mode("Sessions by status", "status", sessions["statuses"], total)
    yield _by_mode("Sessions by verdict", "verdict", sessions["verdicts"], total)
    yield _by_mode("Sessions by practitioner", "practitioner", sessions["practitioners"], total)
    yield _by_mode("Sessions by what ended them", "ended by", sessions["endings"], total)


def _by_mode(caption: str, head: str, rows: list[Json], total: int) -> Table:
    modes = [row["mode"] for each in rows for row in each["modes"]]
    columns = list(dict.fromkeys((*MODES, *modes)))

    def cells(each: Json) -> list[str]:
        by = {row["mode"]: row["n"] for row in each["modes"]}
        return [each["what"] or "not named", *(str(by.get(mode, 0)) for mode in columns), str(each["n"])]

    sums = [sum(row["n"] for each in rows for row in each["modes"] if row["mode"] == mode) for mode in columns]
    body = [*map(cells, rows), ["all", *map(str, sums), str(total)]]
    return _table(caption, (head, *columns, "all"), body, numeric=range(1, len(columns) + 2))


def types_table(told: Json) -> Table:
    """The entries of the days by type, those of later versions too."""
    rows = [
        [row["type"] + ("" if row["known"] else " (of a later version: not understood here)"), str(row["n"])]
        for row in told["period"]["types"]
    ]
    return _table(
        "Entries of these days",
        ("type", "entries"),
        [*rows, ["all", str(told["period"]["entries"])]],
        numeric=range(1, 2),
    )


def session_lines(told: Json) -> Iterator[str]:
    """What is said of the sessions apart from the tables."""
    sessions = told["sessions"]
    yield "A session counts on the day on which it was opened. In the tables, demo and test are not of a real pen."
    yield f"Without a signature that stands (none, or corrected since): {sessions['unsigned']} of {sessions['total']}."
    yield "Voided: none; this version cannot void a session."
    yield (
        f"With entries made after the end: {sessions['with_late_entries']}. Not sealed: {sessions['unsealed']}. "
        f"Released from the database, in their packages alone: {sessions['released']}. With private texts erased: "
        f"{sessions['erased']}."
    )
    if sessions["ended_here"]:
        yield f"Ended in these days and opened before them, in no figure here: {', '.join(sessions['ended_here'])}."
    imported = told["imported"]
    yield (
        f"Read here from packages of another log: {imported['total']}, of which {len(imported['list'])} are of these "
        "days. They are in no figure here: their evidence is in their own log."
    )
    for row in imported["list"]:
        verdict = row["verdict"] or "no verdict"
        yield f"of {row['log']}: {row['id']}, opened {row['opened_at']}, {row['status']}, {verdict}"
    for name in sessions["underivable"]:
        yield f"DERIVED RECORD NOT READABLE: {name}; its findings are in no figure here."


def session_table(told: Json) -> tuple[tuple[Column, ...], Iterator[tuple[str, ...]]]:
    """The list to draw a sample from: its columns, and one row a session, in the order of their entries."""
    numbers = (1, 10)
    names = (
        "session",
        "entry",
        "opened",
        "closed",
        "status, verdict",
        "mode",
        "by",
        "pen",
        "clock",
        "findings",
        "late",
    )
    columns = tuple(Column(name=name, numeric=i in numbers) for i, name in enumerate(names))
    return columns, (_session(row) for row in told["sessions"]["list"])


def _session(row: Json) -> tuple[str, ...]:
    counts = row["findings"]
    if counts is None:
        found = "-" if row["status"] == "being recorded" else "not readable"
    else:
        extra = sorted(counts.keys() - set(_SEVERITIES))
        found = ", ".join(f"{counts[name]} {name}" for name in (*_SEVERITIES, *extra) if counts.get(name)) or "none"
        if row["not_assessable"]:
            found += f"; {row['not_assessable']} not assessable"
    marks = [word for word in ("released", "erased") if row[word]] + ["not sealed"] * (not row["sealed"])
    marks += [f"signed as {row['signed']}"] * (row["signed"] is not None)
    status = ", ".join((row["status"], row["verdict"] or "no verdict", *marks))
    return (
        row["id"],
        str(row["seq"]),
        minute(row["opened_at"]),
        minute(row["closed_at"]) if row["closed_at"] else "-",
        status,
        row["mode"],
        row["practitioner"] or "-",
        row["pen_serial"] or "not named",
        row["clock"],
        found,
        str(row["late"]),
    )


def findings_table(told: Json) -> Table | None:
    """Findings by rule; None where there are none."""
    if not told["findings"]:
        return None
    rows = [
        [
            row["rule"],
            row["severity"],
            *(str(row[key]) for key in ("n", "sessions", "spans")),
            ", ".join(f"{each['n']} {each['mode']}" for each in row["modes"]),
        ]
        for row in told["findings"]
    ]
    below = ("Of sessions and of spans outside one; each by its newest derivation.",)
    heads = ("rule", "severity", "findings", "sessions", "spans", "of them")
    return _table("Findings by rule", heads, rows, numeric=range(2, 5), below=below)


def _table(
    caption: str, heads: Iterable[str], rows: Iterable[list[str]], *, numeric: range, below: tuple[str, ...] = ()
) -> Table:
    columns = tuple(Column(name=name, numeric=i in numeric) for i, name in enumerate(heads))
    return Table(caption=caption, columns=columns, rows=tuple(map(tuple, rows)), below=below)
