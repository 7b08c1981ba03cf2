"""What an inspection's page says under one heading each: late entries, use outside sessions, clocks and so on. Pure.

A list that is empty is said to be; what this version cannot record is said as that, never as none.
"""

from collections.abc import Callable, Iterable, Iterator

from devicelog.canonical import Json
from devicelog.clinic.signatures import VALID
from devicelog.packages.inspection import override_lines
from devicelog.packages.inspection.phrases import ago, place, several
from devicelog.packages.report.facts import Section
from devicelog.words.units import mm, seconds

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
            else f"{ago(row['after_us'])} after the end"
        )
        other = "" if row["opened_at"] else "; the session is not one that this log opened"
        yield f"{place(row)}: {row['stream']}, {row['type']} by {row['by']} (auth: {row['auth']}), {after}{other}"


def _unattributed_says(told: Json) -> Iterator[str]:
    spans = told["unattributed"]
    yield (
        f"Spans in which a pen was listened to and no session was open: {spans['total']}; opened by a person for a "
        f"calibration: {spans['by_a_person']}; cut off: {spans['interrupted']}; in which the pen was on the skin, or "
        f"may have been: {len(spans['needled'])}."
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
        by = ago(abs(row["by_us"]))
        yield f"{place(row)}: since the entry before, the wall clock went {way} by {by} beside the time that passed"
    for row in clock["steps_in_streams"]:
        yield f"{row['stream']}: steps of the wall clock while it was recorded: {row['n']}"


def _signed_says(told: Json) -> Iterator[str]:
    if told["signed"]:
        yield "Printed names are private texts and in no inspection. An id is one person's for good."


def _signed(told: Json) -> Iterator[str]:
    for row in told["signed"]:
        wrong = f"; wrong PINs before: {row['failures']}" if row["failures"] else ""
        standing = row["standing"] if row["standing"] == VALID else row["standing"].upper()
        yield (
            f"{place(row)}: {row['stream']} signed as {row['meaning']} by {row['person']} (auth: {row['auth']}), over "
            f"derivation {row['number']}{wrong}; {standing}"
        )


def _amended(told: Json) -> Iterator[str]:
    for row in told["amended"]:
        if row["type"] == "session.amended":
            what = f"amendment {row['number']}, {row['field']}"
        else:
            what = f"finding {row['rule']}{' in ' + row['zone'] if row['zone'] else ''} explained"
        yield f"{place(row)}: {row['stream']}, {what} by {row['by']} (auth: {row['auth']})"


def _people_says(told: Json) -> Iterator[str]:
    if wrong := [row for row in told["people"] if row["type"] == "pin.refused"]:
        locks, people = sum(row["locked_s"] > 0 for row in wrong), len({row["person"] for row in wrong})
        yield f"Wrong PINs: {len(wrong)}, of {several(people, 'person', 'people')}; locks that they began: {locks}."


def _paper_says(told: Json) -> Iterator[str]:
    if told["paper"]:
        yield "Nothing of these was measured, and they are in no figure above. What was on paper comes when asked for."


def _paper(told: Json) -> Iterator[str]:
    for row in told["paper"]:
        course = f", {row['course']}" if row["course"] else ""
        withdrawn = row["withdrawn"]
        yield (
            f"{place(row)}: {row['session']} of {row['day']} by {row['practitioner']}{course}, entered by {row['by']} "
            f"(auth: {row['auth']}); reason: {row['commitment'] or 'none'}"
            + (f"; withdrawn {place(withdrawn)} by {withdrawn['by']} (auth: {withdrawn['auth']})" if withdrawn else "")
        )


def _adverse_says(told: Json) -> Iterator[str]:
    if told["adverse"]:
        events, every = {row["event"] for row in told["adverse"]}, len(told["adverse"])
        yield f"{several(every, 'entry', 'entries')} about {several(len(events), 'event')}. What happened is private."
    else:
        yield "None recorded in this period; what nobody enters is not here."


def _adverse(told: Json) -> Iterator[str]:
    for row in told["adverse"]:
        what = "recorded" if row["type"] == "event.recorded" else "followed up"
        of = row["stream"] or row["visit"] or "no session or visit named"
        yield f"{place(row)}: {row['event']} {what} by {row['by']} (auth: {row['auth']}), {of}"


def _adopted(told: Json) -> Iterator[str]:
    for row in told["adopted"]:
        what = row["type"].removesuffix(".adopted")
        words = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in sorted(row["told"].items()))
        documents = ", ".join(row["documents"].values()) or "none"
        yield f"{place(row)}: {what} taken over by {row['by']} (auth: {row['auth']}): {words}; document {documents}"


def _people(told: Json) -> Iterator[str]:
    for row in told["people"]:
        if row["type"] == "pin.refused":
            locked = f", locked for {row['locked_s']} s" if row["locked_s"] else ""
            yield f"{place(row)}: WRONG PIN of {row['person']}, {row['failures']} in a row{locked}"
            continue
        words = {"person.added": "added", "person.changed": "changed", "person.retired": "retired"}
        what = words.get(row["type"], f"PIN set ({row.get('how')})")
        role = f", role {row['role']}" if row.get("role") else ""
        role += f", authority {mm(row['authority_um'])} mm" if row.get("authority_um") is not None else ""
        yield f"{place(row)}: {row['person']} {what} by {row['by']} (auth: {row['auth']}){role}"


def _measured(told: Json) -> Iterator[str]:
    for row in told["pens"]["measured"]:
        what = "calibrated" if row["type"] == "pen.calibrated" else "checked"
        found = "nothing to compare with" if row["as_found_um"] is None else f"as found {row['as_found_um']} µm off"
        left = "" if row["as_left_um"] is None else f", as left {row['as_left_um']} µm"
        out = f"; OUT OF TOLERANCE, sessions affected: {row['sessions_affected']}" if row["out_of_tolerance"] else ""
        yield (
            f"{place(row)}: pen {row['pen_serial'] or 'not named'} {what} by {row['by']}, {found}{left}, tolerance "
            f"{row['tolerance_um']} µm{out}"
        )
    for row in told["pens"]["updated"]:
        changed = ", ".join(f"{each['what']} {each['from']} to {each['to']}" for each in row["changed"])
        yield f"{place(row)}: pen {row['pen_serial'] or 'not named'} says something else in {row['stream']}: {changed}"


def _erased(told: Json) -> Iterator[str]:
    for row in told["erased"]:
        what = f"{several(row['sessions'], 'session')}, {several(row['notes'], 'note')}"
        yield f"{place(row)}: private texts of one client erased by {row['by']}, {what}"
    for row in told["retention"]:
        yield f"{place(row)}: set by {row['by']}: private texts are kept at least {row['days']} days"


def _exports(told: Json) -> Iterator[str]:
    for row in told["exports"]:
        days = row["inspection"]
        what = f"an inspection of {days['from']} to {days['to']}" if days else several(row["sessions"], "session")
        who = f" for {row['recipient']}" if row["recipient"] else ""
        private = "without private texts" if row["redacted"] else "private texts not left out"
        private = "" if days else f", {private}"
        yield f"{place(row)}: {what} as {', '.join(row['formats'])} by {row['by']}{who}{private}"


def _rebuilt(told: Json) -> Iterator[str]:
    for row in told["rebuilt"]:
        lost = f"; GUARDS LOST BEFORE: {', '.join(row['guards'])}" if row["guards"] else "; no guard was missing"
        schemas = f"schema {row['from_schema']} to {row['to_schema']}"
        yield f"{place(row)}: the database was made anew by {row['by']}, {schemas}{lost}"


def _listening_says(told: Json) -> Iterator[str]:
    heard = told["listening"]
    yield (
        f"Starts of a recorder in these days: {heard['starts']}. Stretches in which none ran: {heard['silences']}, "
        f"{ago(heard['in_these_days_us'])} of these days in all. With a start of the computer in them, so that power "
        f"may have been off: {heard['computer_restarted']}. That began without a word, because power was cut or the "
        f"recorder was killed: {len(heard['died'])}."
    )
    if heard["untold"]:
        untold = several(heard["untold"], "stretch", "stretches")
        yield f"Not in that time, because the clocks do not tell how long: {untold}."
    if heard["goes_on"]:
        yield "The last stretch goes on: no recorder has started since."
    yield "What a pen did meanwhile is not here; where its own counters went on, that is a finding (counter.jump)."


def _listening(told: Json) -> Iterator[str]:
    for row in told["listening"]["died"]:
        lasted = "how long is not known" if row["for_us"] is None else ago(row["for_us"])
        until = f"next start {place(row['until'])}" if row["ends"] else "no recorder started since"
        anew = "; the computer was started anew" if row["restarted"] else ""
        yield f"a recorder ended without a word: newest entry of it {place(row['since'])}; {until}: {lasted}{anew}"


def _nothing(_told: Json) -> Iterable[str]:
    return ()


_SECTIONS: tuple[tuple[str, Callable[[Json], Iterable[str]], Callable[[Json], Iterable[str]]], ...] = (
    ("Entries made after a session's end", _nothing, _late),
    ("Use outside a session", _unattributed_says, _unattributed),
    ("Findings about use that is in no session", _nothing, _use),
    ("Doubt about clocks", _clock_says, _clock),
    ("Overrides", override_lines.says, override_lines.lines),
    ("Signatures", _signed_says, _signed),
    ("Amendments and explanations", _nothing, _amended),
    ("People and PINs", _people_says, _people),
    ("Sessions from paper, entered afterwards", _paper_says, _paper),
    ("Adverse events", _adverse_says, _adverse),
    ("Limits and plans of the clinic", _nothing, _adopted),
    ("Pens: calibrations, checks, updates", _nothing, _measured),
    ("Erasures and retention", _nothing, _erased),
    ("Exports", _nothing, _exports),
    ("Databases made anew", _nothing, _rebuilt),
    ("When nobody listened", _listening_says, _listening),
)
