"""What a report says: every word of it, before anything is laid out, so that page and PDF say the same. Pure.

What is left out for a recipient is taken out first (redaction.py), and nothing after it knows it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from devicelog.canonical import Json
from devicelog.packages.redaction import shown
from devicelog.packages.report.plot import Plot, plot_of, shown_zones
from devicelog.words import planned, stated, treated_zones, witnesses
from devicelog.words import session as words
from devicelog.words import treatment as treated
from devicelog.words.findings import said_in
from devicelog.words.units import elapsed, mm, mm_range, seconds

LEFT_OUT = "(left out)"
ERASED = "(erased)"
DEPTHS = (
    "Depths are what the dial is set to and what the pen's sensor says. Neither is depth reached in tissue, and "
    "nothing here is a dose."
)
# The words of docs/package.md, "What is proved, and what is not".
PROVED = (
    "Evidence under a checkpoint is tamper-evident relative to the newest checkpoint that left the device. It is not "
    "tamper-proof, and it does not prove that what was measured was true. Whoever owns the device owns its keys: what "
    "was recorded since the newest checkpoint that somebody else holds could have been rewritten and signed anew.",
    "This report was made from the evidence for reading and proves nothing by itself: of all that is handed over with "
    "it, only the signature of the whole bag covers it.",
)
NO_PROOF = "This report was made without a checkpoint: nothing in it leads to evidence under a signature."


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Where the evidence of the session stands in the log. What is None was not there when the report was made.

    `log`: the log's id; `checkpoint`: the signed note, whole; `fingerprint`: of the key that signed it; `size`: how
    many entries the checkpoint is over; `entry`: the number of the entry that sealed the session; `package_sha256`: of
    the package's file, hex.
    """

    log: str | None = None
    checkpoint: str | None = None
    fingerprint: str | None = None
    size: int | None = None
    entry: int | None = None
    package_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A name and what it is."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The head of a column; numbers stand to the right."""

    name: str
    numeric: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of as many cells as there are columns; the first cell of a row is its head."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    below: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading, what is said under it, and a list, which may be empty. `small`: of less weight than the others."""

    heading: str
    says: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    small: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFacts:
    """Everything a report says, in its order. `banners`: what must not be overlooked. `opened_at`: ISO 8601, UTC."""

    title: str
    id: str
    opened_at: str
    banners: tuple[str, ...]
    verdict: str
    verdict_says: str
    facts: tuple[Fact, ...]
    zones: Table | None
    compared: Table | None
    plot: Plot
    plot_says: str
    findings: Table | None
    sections: tuple[Section, ...]
    evidence: tuple[Fact, ...]
    checkpoint: str | None
    proved: tuple[str, ...]
    made: str


def facts_of(
    session: Json,
    rows: Iterable[Json],
    proof: Proof,
    *,
    redacted: bool,
    client_called: str | None,
    made_at: str,
) -> ReportFacts:
    """What the report of a session says.

    `session`: as `sessions show --json` prints it; `rows`: of devicelog.samples.sample_rows, read once. `redacted`:
    without the client's code and reference, the notes and the reasons. `client_called`: what this recipient knows the
    client by; it stands for the code, redacted or not. `made_at`: when the report was made, in words.
    """
    moved = words.moves(session["attribution"]) if session["attribution"] else []
    session = shown(session, redacted=redacted, client_called=client_called)
    plot = plot_of(session, rows)
    return ReportFacts(
        title="Session record" if session["kind"] == "session" else "Record of use outside a session",
        id=session["id"],
        opened_at=session["opened_at"],
        banners=tuple(_banners(session)),
        verdict=words.verdict(session),
        verdict_says=words.VERDICTS.get(session["verdict"] or "", ""),
        facts=tuple(_head(session, redacted=redacted)),
        zones=_zones(session),
        compared=_compared(session),
        plot=plot,
        plot_says=_plot_says(session, plot),
        findings=_findings(session),
        sections=tuple(_sections(session, moved, redacted=redacted)),
        evidence=tuple(_evidence(session, proof)),
        checkpoint=proof.checkpoint,
        proved=PROVED if proof.checkpoint else (*PROVED, NO_PROOF),
        made=f"Report of {session['id']}, made {made_at}",
    )


def _banners(session: Json) -> Iterable[str]:
    if mode := words.MODES.get(session["mode"]):
        yield mode
    if not session["closed_at"]:
        yield "NOT FINISHED: this is the session as far as it is on disk"
    elif session["ended"] == "interrupted":
        yield "INTERRUPTED: the recording was cut off, and what came after is not in it"
    if session["derivations"] > 1:
        number, count = session["derivation"], session["derivations"]
        yield f"AMENDED: derivation {number} of {count}; see Corrections"
    if session["amendments"]:
        yield f"AMENDED: {len(session['amendments'])} by people; see Amendments"
    if session["signatures"] and session["wants_signature"]:
        yield "SIGNED BEFORE THE CORRECTION: it wants another signature"


def _client(session: Json, *, redacted: bool) -> str:
    if session["client"] is not None:
        return str(session["client"])
    return LEFT_OUT if redacted else f"erased ({session['client_ref']})"


def _head(session: Json, *, redacted: bool) -> Iterable[Fact]:
    modes = {"demo": "demo: a simulated pen", "test": "test", "real": "real"}
    yield Fact(name="Mode", value=modes.get(session["mode"], "unknown: no frame said it"))
    confidence = session["clock"]["confidence"] or "unknown"
    yield Fact(name="Opened", value=f"{session['opened_at']} (clock: {confidence})")
    if session["closed_at"]:
        ended = f"{session['ended']}, by {session['end_cause']}" if session["end_cause"] else session["ended"]
        yield Fact(name="Closed", value=f"{session['closed_at']} ({ended})")
    else:
        yield Fact(name="Closed", value="not yet")
    yield Fact(name="Lasted", value=_lasted(session["duration_us"]))
    if session["kind"] == "session":
        yield Fact(name="Client", value=_client(session, redacted=redacted))
        yield Fact(name="Practitioner", value=f"{session['practitioner']} (auth: {session['auth']})")
    plan = session["plan"]
    yield Fact(name="Plan", value=f"{plan['id']}: {plan['label']} ({plan['indication']})" if plan else "none")
    if session["pen"]:
        for name, value in words.pen_names(session["pen"]):
            yield Fact(name="Pen" if name == "model" else name.capitalize(), value=value)
    else:
        yield Fact(name="Pen", value="none said who it is")
    if host := session.get("host_calibration"):
        yield Fact(name="Calibrated", value=words.host_calibration(host))
    if changed := words.pens_changed(session):
        yield Fact(name="Pens changed", value=changed)
    for told in words.pen_clocks(session):
        yield Fact(name="Pen's clock", value=told)
    if before := words.before_this(session):
        yield Fact(name="Before this", value=before)


def _lasted(us: int) -> str:
    return seconds(us) if us < 60_000_000 else f"{elapsed(us)} ({seconds(us)})"


# --- the zones --------------------------------------------------------------------------------------------------------

_COLUMNS = (
    Column(name="Zone"),
    Column(name="Passes", numeric=True),
    Column(name="Counted by"),
    Column(name="Glides", numeric=True),
    Column(name="On skin", numeric=True),
    Column(name="Set", numeric=True),
    Column(name="Measured min", numeric=True),
    Column(name="mean", numeric=True),
    Column(name="max", numeric=True),
    Column(name="Plan", numeric=True),
    Column(name="Over plan", numeric=True),
    Column(name="Over device", numeric=True),
    Column(name="Strokes/s", numeric=True),
)


def _zones(session: Json) -> Table | None:
    shown = shown_zones(session)
    if not shown:
        return None
    said_below = (*planned.changed(session), words.what_over_means(session), words.paused(session))
    below = [_sentence(told) for told in said_below if told]
    return Table(
        caption="What was done in each zone, depths in millimetres",
        columns=_COLUMNS,
        rows=tuple(_row(number, zone, planned.ranges(session, zone["zone"])) for number, zone in enumerate(shown, 1)),
        below=(*below, DEPTHS),
    )


def _sentence(told: str) -> str:
    return f"{told[0].upper()}{told[1:]}."


def _row(number: int, zone: Json, plan: str) -> tuple[str, ...]:
    passes, sources = words.pass_counts(zone)
    unknown, depth = bool(zone["contact_unknown_us"]), zone["depth"]
    sets = [row["depth_set_um"] for row in zone["at_set_depth"]]
    return (
        f"{number} {zone['zone']}",
        passes,
        ", ".join(sources) or "nobody",
        "unknown" if unknown else str(zone["glides"]),
        "unknown" if unknown else seconds(zone["contact_us"]),
        mm_range(min(sets), max(sets)) if sets else "–",
        *([mm(depth["min_um"]), mm(_tens(depth["mean_um"])), mm(depth["max_um"])] if depth else ["–", "–", "–"]),
        plan,
        words.over_plan(zone),
        words.over_device(zone),
        str((zone["frequency"]["mean_dhz"] + 5) // 10) if zone["frequency"] else "–",
    )


def _compared(session: Json) -> Table | None:
    """Pen and pins side by side, where both were there."""
    rows = witnesses.compared(session)
    if not rows:
        return None
    numbers = (Column(name=name.capitalize(), numeric=True) for name in witnesses.HEAD[1:-1])
    return Table(
        caption="What the pen says / what the pins beside it say",
        columns=(Column(name="Zone"), *numbers, Column(name="Result")),
        rows=tuple(rows),
    )


def _tens(um: int) -> int:
    """To hundredths of a millimetre, halves upwards."""
    return (um + 5) // 10 * 10


def _plot_says(session: Json, plot: Plot) -> str:
    """The plot in words."""
    told = [f"Depth in millimetres over {elapsed(plot.duration_us)} (minutes and seconds), {plot.samples} samples."]
    if plot.device_max_um is not None:
        told.append(f"Device limit {mm(plot.device_max_um)} mm.")
    for zone in shown_zones(session):
        sets = [row["depth_set_um"] for row in zone["at_set_depth"]]
        parts = [f"set {mm_range(min(sets), max(sets))} mm"] if sets else []
        if depth := zone["depth"]:
            parts.append(f"measured {mm_range(depth['min_um'], depth['max_um'])} mm")
        if zone["plan_max_um"] is not None:
            parts.append(f"plan {planned.ranges(session, zone['zone'])} mm")
        times = ", ".join(
            f"{elapsed(stay.from_us)} to {elapsed(stay.to_us)}" for stay in plot.stays if stay.zone == zone["zone"]
        )
        told.append(f"{zone['zone']} ({times or 'never on the skin'}): {', '.join(parts) or 'no depth'}.")
    told.append(f"Gaps in what was recorded: {len(plot.gaps) or 'none'}.")
    return " ".join(told)


# --- findings and what follows ----------------------------------------------------------------------------------------


def _findings(session: Json) -> Table | None:
    if not session["findings"]:
        return None
    return Table(
        caption=f"Findings: {len(session['findings'])}",
        columns=(Column(name="Rule"), Column(name="Severity"), Column(name="Zone"), Column(name="What was found")),
        rows=tuple(
            (finding["rule"], finding["severity"].upper(), finding["zone"] or "–", said_in(session, finding))
            for finding in session["findings"]
        ),
    )


def _sections(session: Json, moved: list[str], *, redacted: bool) -> Iterable[Section]:
    def text(written: str | None) -> str:
        return written if written is not None else LEFT_OUT if redacted else ERASED

    yield from _treatment(session, LEFT_OUT if redacted else ERASED)
    notes = [f"at {seconds(note['at_us'])}: {text(note['text'])}" for note in session["notes"]]
    unassessed = words.of_result(session, "not assessable")
    yield _listed("Not assessable", unassessed, "Nothing: every check that was to run could run.")
    yield _listed("Gaps", words.gaps(session), "None.")
    yield _listed("Notes", notes, "None.")
    made = session["attribution"]
    corrected = [_corrected(session, made), f"reason: {text(made['reason'])}", *moved] if made else []
    if not made and session["derivations"] > 1:
        corrected = [f"Derivation 1 of {session['derivations']}: as it was recorded; it was corrected later"]
    yield _listed("Corrections", corrected, "None: this is the session as it was recorded.")
    absent = LEFT_OUT if redacted else ERASED
    if amended := [stated.amendment(each, absent) for each in session["amendments"]]:
        yield Section(heading="Amendments", lines=tuple(amended))
    if explained := [stated.explanation(each, absent) for each in session["explained"]]:
        yield Section(heading="Findings explained", lines=tuple(explained))
    yield _listed("Signatures", list(stated.signatures(session, absent)), "Not signed.")
    closes, accounts = words.completeness(session)
    yield Section(
        heading="Completeness",
        says=(_sentence(closes),),
        lines=tuple(accounts),
        small=True,
    )
    if pins := witnesses.pins(session):
        yield Section(heading="Pins", lines=tuple(pins), small=True)
    if nothing := words.nothing_to_check(session):
        yield Section(heading="Nothing to check", lines=tuple(nothing), small=True)


def _treatment(session: Json, absent: str) -> Iterable[Section]:
    """The treatment record; of its table of zones what does not stand in that of `_zones`."""
    for part in treated.parts(session, absent):
        missing = (f"Not recorded: {', '.join(part.missing)}.",) if part.missing else ()
        lines = tuple(f"{name}: {told}" for name, told in part.lines)
        yield Section(heading=part.heading, says=missing, lines=lines, small=True)
    if treated_zones.zone_rows(session):
        says = tuple(_sentence(told) for told in treated_zones.zone_notes(session, absent))
        lines = tuple(treated_zones.zone_lines(session))
        yield Section(heading="Limits, end-points and estimate by zone", lines=(*lines, *says), small=True)
    if allowed := treated.overrides(session, absent):
        yield Section(heading="Allowed with a reason", lines=tuple(allowed))


def _listed(heading: str, lines: list[str], otherwise: str) -> Section:
    """A list, or why there is none."""
    return Section(heading=heading, lines=tuple(lines), says=() if lines else (otherwise,))


def _corrected(session: Json, made: Json) -> str:
    number, count = session["derivation"], session["derivations"]
    later = "" if number == count else "; it was corrected again later"
    who = f"{made['practitioner']} (auth: {made['auth']})"
    return f"Derivation {number} of {count}: corrected {made['at']} by {who}{later}"


# --- the evidence -----------------------------------------------------------------------------------------------------


def _evidence(session: Json, proof: Proof) -> Iterable[Fact]:
    def of(name: str, value: object) -> Fact:
        return Fact(name=name, value="not there" if value is None else str(value))

    lines = (proof.checkpoint or "").split("\n")
    yield of("Log", proof.log)
    yield of("Sealed by entry", proof.entry)
    yield of("Checkpoint over entries", proof.size)
    yield of("Root, base64", lines[2] if len(lines) > 2 else None)
    yield of("Key that signed it", proof.fingerprint)
    yield of("Package, SHA-256", proof.package_sha256)
    yield of("Derived record, SHA-256", session["derived"])
    yield of("Engine", session["engine"])
