"""Words, facts and tables of an inspection's page, from its document. Pure.

Every line says what it counts. What this version cannot record is said as that, never as none.
"""

from collections.abc import Callable, Iterable, Iterator

from devicelog.canonical import Json
from devicelog.packages.report.facts import Column, Fact, Section, Table
from devicelog.words.units import seconds

CANNOT_SHOW = (
    "What was never recorded: a pen that was used while no recorder ran, or far from it. Counter jumps show that "
    "something was done, and not what.",
    "Anything before this log's first entry, after its newest one here, or between this log and its predecessor.",
    "Whether what was measured was true: the log keeps what pens and people said.",
    "Whether entries after the newest checkpoint that somebody outside holds were rewritten: compare data/checkpoint "
    "with the copies that were kept elsewhere.",
    "Who a client is: no code, no name and no note is in an inspection.",
    "Clocks: a session belongs to the day that its entry names, and a clock that was not sure may have named another.",
)
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
    yield Fact(name="First entry", value=_place(log["first"]))
    yield Fact(name="Newest entry", value=_place(log["newest"]))
    keys = log["keys"]
    users = {
        "own user": "kept by a user of their own: who writes the database cannot sign by that",
        "same user": "kept by the recorder's user: who can write the database can sign",
    }
    said = "none yet" if keys is None else f"{keys['fingerprint']}; {users.get(keys['signer'], keys['signer'])}"
    yield Fact(name="Key that signs bags", value=said)
    yield Fact(name="Predecessor", value=_predecessor(log["predecessor"]))
    yield Fact(name="Entries of these days", value=str(period["entries"]))
    yield Fact(name="Oldest of these days", value=_place(period["oldest"]))
    yield Fact(name="Newest of these days", value=_place(period["newest"]))


def _predecessor(before: Json | None) -> str:
    if before is None:
        return "none: this log is not said to continue another one"
    witness = before["witness"]
    held = "witnessed by nobody outside" if not witness else f"witnessed by {witness['name']} at {witness['at']}"
    gap = "the gap is not known" if before["gap_s"] is None else f"nothing is known of {_long(before['gap_s'])} between"
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
        total = told["sessions"]["total"]
        yield f"{simulated} OF {total} SESSIONS ARE OF SIMULATED OR TEST PENS: no person was treated in them."
    if lacking := len(told["sessions"]["underivable"]) + len(told["unattributed"]["underivable"]):
        yield f"THE DERIVED RECORDS OF {lacking} SESSIONS OR SPANS CANNOT BE READ: the database is damaged."
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
    columns = list(dict.fromkeys(("real", "demo", "test", "unknown", *modes)))

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
    yield (
        f"Unsigned: all {sessions['total']}. This version has no signatures of practitioners: no session can have one."
    )
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
    status = ", ".join((row["status"], row["verdict"] or "no verdict", *marks))
    return (
        row["id"],
        str(row["seq"]),
        _minute(row["opened_at"]),
        _minute(row["closed_at"]) if row["closed_at"] else "-",
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


def sections(told: Json) -> Iterator[Section]:
    """Everything else, a heading each; a list that is empty is said to be."""
    for heading, say, lines in _SECTIONS:
        listed = tuple(lines(told))
        says = tuple(say(told))
        yield Section(heading=heading, says=says if says or listed else ("None.",), lines=listed)
    yield Section(heading="What this page cannot show", lines=CANNOT_SHOW)


# --- one heading each -------------------------------------------------------------------------------------------------


def _late(told: Json) -> Iterator[str]:
    for row in told["late"]:
        after = (
            "how long after the end is not known"
            if row["after_us"] is None
            else f"{_ago(row['after_us'])} after the end"
        )
        other = "" if row["opened_at"] else "; the session is not one that this log opened"
        yield f"{_place(row)}: {row['stream']}, {row['type']} by {row['by']} (auth: {row['auth']}), {after}{other}"


def _unattributed_says(told: Json) -> Iterator[str]:
    spans = told["unattributed"]
    yield (
        f"{spans['total']} spans in which a pen was listened to and no session was open, {spans['by_a_person']} of "
        f"them opened by a person for a calibration, {spans['interrupted']} cut off. In {len(spans['needled'])} the "
        "pen was on the skin, or may have been."
    )


def _unattributed(told: Json) -> Iterator[str]:
    for row in told["unattributed"]["needled"]:
        unknown = row["contact_unknown_us"]
        also = f", {seconds(unknown)} with the motor on and contact unknown" if unknown else ""
        by = f", opened by {row['by']}" if row["by"] else ""
        yield (
            f"{row['opened_at']} (clock: {row['clock']}): {row['id']}, {row['mode']}, pen "
            f"{row['pen_serial'] or 'not named'}: {seconds(row['contact_us'])} on the skin{also}{by}"
        )
    for name in told["unattributed"]["underivable"]:
        yield f"DERIVED RECORD NOT READABLE: {name}; whether it was needled is not known here"


def _use(told: Json) -> Iterator[str]:
    for row in told["use"]:
        yield f"{row['opened_at']}: {row['stream']} ({row['mode']}), {row['rule']}: {row['says']}"


def _clock_says(told: Json) -> Iterator[str]:
    clock, period = told["clock"], told["period"]
    by = ", ".join(f"{row['n']} {row['clock']}" for row in period["clocks"]) or "none"
    yield f"Entries of these days by how far their clock can be believed: {by}; not sure: {clock['unsure_entries']}."
    yield (
        f"Entries of other days with a clock that was not sure, which may be of these days: "
        f"{period['unsure_elsewhere']}."
    )


def _clock(told: Json) -> Iterator[str]:
    clock = told["clock"]
    if clock["sessions_elsewhere"]:
        yield f"sessions of other days that may be of these: {', '.join(clock['sessions_elsewhere'])}"
    if clock["unsure_streams"]:
        yield f"sessions and spans with the finding clock.unsure: {', '.join(clock['unsure_streams'])}"
    for row in clock["steps"]:
        way = "on" if row["by_us"] > 0 else "back"
        yield f"{_place(row)}: the clock was set {way} by {_ago(abs(row['by_us']))} since the entry before"
    for row in clock["steps_in_streams"]:
        yield f"{row['stream']}: the clock was set {row['n']} times while it was recorded"


def _overrides(_told: Json) -> Iterator[str]:
    yield "This version knows no overrides: none can have been recorded."


def _measured(told: Json) -> Iterator[str]:
    for row in told["pens"]["measured"]:
        what = "calibrated" if row["type"] == "pen.calibrated" else "checked"
        found = "nothing to compare with" if row["as_found_um"] is None else f"as found {row['as_found_um']} µm off"
        left = "" if row["as_left_um"] is None else f", as left {row['as_left_um']} µm"
        out = f"; OUT OF TOLERANCE, {row['sessions_affected']} sessions affected" if row["out_of_tolerance"] else ""
        yield (
            f"{_place(row)}: pen {row['pen_serial'] or 'not named'} {what} by {row['by']}, {found}{left}, tolerance "
            f"{row['tolerance_um']} µm{out}"
        )
    for row in told["pens"]["updated"]:
        changed = ", ".join(f"{each['what']} {each['from']} to {each['to']}" for each in row["changed"])
        yield f"{_place(row)}: pen {row['pen_serial'] or 'not named'} says something else in {row['stream']}: {changed}"


def _erased(told: Json) -> Iterator[str]:
    for row in told["erased"]:
        what = f"{row['sessions']} sessions, {row['notes']} notes"
        yield f"{_place(row)}: private texts of one client erased by {row['by']}, {what}"
    for row in told["retention"]:
        yield f"{_place(row)}: set by {row['by']}: private texts are kept at least {row['days']} days"


def _exports(told: Json) -> Iterator[str]:
    for row in told["exports"]:
        days = row["inspection"]
        what = f"an inspection of {days['from']} to {days['to']}" if days else f"{row['sessions']} sessions"
        who = f" for {row['recipient']}" if row["recipient"] else ""
        private = "without private texts" if row["redacted"] else "private texts not left out"
        private = "" if days else f", {private}"
        yield f"{_place(row)}: {what} as {', '.join(row['formats'])} by {row['by']}{who}{private}"


def _rebuilt(told: Json) -> Iterator[str]:
    for row in told["rebuilt"]:
        lost = f"; GUARDS LOST BEFORE: {', '.join(row['guards'])}" if row["guards"] else "; no guard was missing"
        schemas = f"schema {row['from_schema']} to {row['to_schema']}"
        yield f"{_place(row)}: the database was made anew by {row['by']}, {schemas}{lost}"


def _listening_says(told: Json) -> Iterator[str]:
    heard = told["listening"]
    yield (
        f"A recorder was started {heard['starts']} times in these days. In {heard['silences']} stretches none ran, for "
        f"{_ago(heard['in_these_days_us'])} of these days in all; in {heard['computer_restarted']} of them the "
        f"computer was started anew, so power may have been off. {len(heard['died'])} began without a word: power was "
        "cut, or the recorder was killed."
    )
    if heard["untold"]:
        yield f"Of {heard['untold']} stretches the clocks do not tell how long they were: they are not in that time."
    if heard["goes_on"]:
        yield "The last stretch goes on: no recorder has started since."
    yield "What a pen did meanwhile is not here; where its own counters went on, that is a finding (counter.jump)."


def _listening(told: Json) -> Iterator[str]:
    for row in told["listening"]["died"]:
        lasted = "how long is not known" if row["for_us"] is None else _ago(row["for_us"])
        until = f"next start {_place(row['until'])}" if row["ends"] else "no recorder started since"
        anew = "; the computer was started anew" if row["restarted"] else ""
        yield f"a recorder ended without a word: newest entry of it {_place(row['since'])}; {until}: {lasted}{anew}"


def _nothing(_told: Json) -> Iterable[str]:
    return ()


_SECTIONS: tuple[tuple[str, Callable[[Json], Iterable[str]], Callable[[Json], Iterable[str]]], ...] = (
    ("Entries made after a session's end", _nothing, _late),
    ("Use outside a session", _unattributed_says, _unattributed),
    ("Use that nobody recorded, as the pens' counters tell it", _nothing, _use),
    ("Doubt about clocks", _clock_says, _clock),
    ("Overrides", _overrides, _nothing),
    ("Pens: calibrations, checks, updates", _nothing, _measured),
    ("Erasures and retention", _nothing, _erased),
    ("Exports", _nothing, _exports),
    ("Databases made anew", _nothing, _rebuilt),
    ("When nobody listened", _listening_says, _listening),
)


# --- words ------------------------------------------------------------------------------------------------------------


def _table(
    caption: str, heads: Iterable[str], rows: Iterable[list[str]], *, numeric: range, below: tuple[str, ...] = ()
) -> Table:
    columns = tuple(Column(name=name, numeric=i in numeric) for i, name in enumerate(heads))
    return Table(caption=caption, columns=columns, rows=tuple(map(tuple, rows)), below=below)


def _place(stamp: Json | None) -> str:
    return "none" if stamp is None else f"{stamp['at']} (entry {stamp['seq']}, clock: {stamp['clock']})"


def _minute(at: str) -> str:
    return at[:16].replace("T", " ")


def _ago(us: int) -> str:
    return seconds(us) if us < 120_000_000 else _long(us // 1_000_000)


def _long(total_s: int) -> str:
    """Days, hours and minutes: `2 d 3 h 05 min`."""
    sign, total_s = ("minus " if total_s < 0 else ""), abs(total_s)
    days, rest = divmod(total_s, 86_400)
    hours, minutes = rest // 3600, rest % 3600 // 60
    parts = [f"{days} d"] * bool(days) + [f"{hours} h"] * bool(days or hours) + [f"{minutes:02} min"]
    return sign + " ".join(parts)
