"""Sentences about one session, from the document that `sessions show --json` prints.

Texts that a person wrote are not made here: whoever lays them out decides whether they are shown.
"""

from collections.abc import Iterator

from devicelog.canonical import Json
from devicelog.words.units import count_words, mm, seconds

# The words of docs/sessions.md, "Verdict".
VERDICTS = {
    "incomplete": "the recording was interrupted, or an account does not close",
    "not conforming": "over the device's limit",
    "not assessable": "a check could not run; a check that could not run never counts as passed",
    "conforming with deviations": "there are findings",
    "conforming": "nothing was found, and every check that was to run could run",
}
MODES = {"demo": "DEMO DATA, no person was treated", "test": "TEST DATA"}


def verdict(session: Json) -> str:
    """The verdict, or why there is none."""
    told: str | None = session["verdict"]
    return told or ("no verdict" if session["closed_at"] else "not finished: as far as it is on disk")


def pen_names(pen: Json) -> list[tuple[str, str]]:
    """Who the pen says it is: name and value."""
    named = [("model", pen["model"]), ("serial", pen["serial"]), ("firmware", pen["firmware"])]
    named += [("calibration", pen["calibration_id"]), ("cartridge", pen["cartridge"])]
    return [(name, value or "not recorded") for name, value in named]


def host_calibration(host: Json) -> str:
    """The calibration made here by which there are depths."""
    until = f"until {host['expires']}" if host["expires"] else "no last day named"
    own = f"; {host['own']} samples came with a depth of the pen's own" if host["own"] else ""
    unnamed = host.get("unnamed", 0)  # records from before it was counted do not have it
    left = f"; {unnamed} after a lost link have no depth: no pen had said who it was" if unnamed else ""
    return f"here: {host['id']}, {until}; applied to {host['applied']} samples{own}{left}"


def pens_changed(session: Json) -> str:
    """Who else said who it is; empty where there was one pen."""
    if len(session["pens"]) < 2:
        return ""
    others = ", ".join(f"serial {pen['serial'] or 'not recorded'}" for pen in session["pens"])
    return f"{len(session['pens'])} pens said who they are: {others}"


def pen_clocks(session: Json) -> Iterator[str]:
    """How fast the pen's clock ran, once for each start of the pen."""
    for clock in session.get("pen_clock", ()):  # records of engine 1 do not have it
        if clock["drift_ppm"] is not None:
            pace = "fast" if clock["drift_ppm"] > 0 else "slow"
            yield (
                f"{abs(clock['drift_ppm']) / 10_000:.2f} % {pace} against this computer's, over "
                f"{seconds(clock['for_us'])} (residual {clock['residual_us'] / 1000:.1f} ms)"
            )


def before_this(session: Json) -> str:
    """What the pen did while nobody listened; empty where it did nothing, or nobody can know."""
    jump = session["unattended"]
    if jump and jump["counters_fell"]:
        return "the pen's counters are lower than when it was last heard: what it did meanwhile is unknown"
    if jump and (jump["passes"] or jump["strokes"]):
        strokes, passes = count_words(jump["strokes"]), count_words(jump["passes"])
        return f"the pen made {strokes} strokes and {passes} passes while nobody listened"
    return ""


def moves(made: Json) -> list[str]:
    """What a correction moved, a line each."""
    lines = []
    for move in made["moved"]:
        what = f"span {move['span']} from {move['from']}" if move["span"] else "records"
        lines.append(f"moved: {what} to {move['zone']} (records {move['first_record']} to {move['last_record']})")
    return lines + ["the client was corrected"] * bool(made["client_ref"])


def pass_counts(zone: Json) -> tuple[str, tuple[str, ...]]:
    """How many passes, and who counted: `("2 to 3", ("pen 2", "marked 3"))`."""
    passes, perhaps = zone["passes"], zone.get("passes_perhaps", 0)
    sources = [] if passes["pen"] is None else [f"pen {passes['pen']}"]
    if perhaps and sources:
        sources[0] += f" to {passes['pen'] + perhaps}"
    if passes["operator"] is not None:
        sources.append(f"marked {passes['operator']}")
    if not sources:
        return "not recorded", ()
    low, high = passes["low"], passes["high"]
    return (str(low) if low == high else f"{low} to {high}"), tuple(sources)


def over_plan(zone: Json) -> str:
    """For how long it was over the zone's limit in the plan."""
    return _over(zone["over_plan"]) if zone["judged"] and zone["plan_max_um"] is not None else "not assessed"


def over_device(zone: Json) -> str:
    """For how long it was over the device's limit."""
    return _over(zone["over_device"]) if zone["judged"] else "not assessed"


def _over(over: Json) -> str:
    return seconds(over["for_us"]) if over["for_us"] else "none"


def what_over_means(session: Json) -> str:
    """What counts as over a limit."""
    tolerance_um = max(zone["tolerance_um"] for zone in session["zones"])
    return f"over: the dial beyond the limit, or measured beyond it by more than the sensor's {mm(tolerance_um)} mm"


def paused(session: Json) -> str:
    """Time on the skin while the session was paused, which is in the figures; empty where there was none."""
    told = [
        f"{zone['zone']} {seconds(zone['paused_contact_us'])}" for zone in session["zones"] if zone["paused_contact_us"]
    ]
    return f"on skin while the session was paused (in the figures above): {', '.join(told)}" if told else ""


def of_result(session: Json, result: str) -> list[str]:
    """What was not checked, and why: the rules that came to this result."""
    rows = [row for row in session["assessments"] if row["result"] == result]
    return [f"{row['rule']}{' in ' + row['zone'] if row['zone'] else ''}: {row['why']}" for row in rows]


def nothing_to_check(session: Json) -> list[str]:
    """The rules that had nothing to look at, a line for each reason."""
    rules: dict[str, list[str]] = {}
    for row in session["assessments"]:
        if row["result"] == "not applicable":
            rules.setdefault(row["why"], []).append(f"{row['rule']}{' in ' + row['zone'] if row['zone'] else ''}")
    return [f"{', '.join(named)}: {why}" for why, named in rules.items()]


def gaps(session: Json) -> list[str]:
    """What was not recorded, a line each; the short ones in one."""
    lines, short = [], session["short_gaps"]
    for gap in session["gaps"]:
        missing = count_words(gap["missing"])
        contact = {"yes": "on the skin", "no": "lifted", "unknown": "contact unknown"}[gap["contact"]]
        at, length = seconds(gap["from_us"]), seconds(gap["for_us"])
        lines.append(f"at {at} for {length} in {gap['zone']}: {missing} samples missing, {contact} ({gap['cause']})")
    if short["n"]:
        missing = count_words(short["missing"])
        lines.append(f"{short['n']} shorter ones: {seconds(short['for_us'])}, {missing} samples missing")
    return lines


def completeness(session: Json) -> tuple[str, list[str]]:
    """Whether the accounts close, and the accounts, a line each."""
    account = session["completeness"]
    read = "unknown (interrupted)" if account["bytes_read"] is None else str(account["bytes_read"])
    closes = "every account closes" if account["closes"] else f"OPEN: {', '.join(account['open_accounts'])}"
    if not session["closed_at"]:
        read, closes = "not counted yet", "as far as it is on disk"
    lines = [
        f"bytes read {read} = kept {account['bytes_kept']} + dropped {account['bytes_dropped']}",
        f"bytes kept {account['bytes_kept']} = framed {account['bytes_framed']} + "
        f"rejected {account['bytes_rejected']} + delimiters {account['bytes_delimiters']}",
    ]
    for boot in account["boots"]:
        if boot["first"] is None:
            if boot["decoded"]:
                lines.append(f"samples decoded {boot['decoded']}; how many are missing nobody knows: none has a number")
            continue
        repeated = f", {boot['repeated']} repeated" if boot["repeated"] else ""
        repeated += f", {boot['late']} of them late" if boot.get("late") else ""
        lines.append(
            f"samples {boot['first']} to {boot['last']} (pen boot {boot['boot']}) = decoded {boot['decoded']} "
            f"+ missing {boot['missing']}{repeated}"
        )
    lines += [f"rejected: {fault['n']} x {fault['kind']}, {fault['bytes']} bytes" for fault in account["faults"]]
    if account["stalls"] or account["overflows"]:
        lines.append(f"disk stalls {account['stalls']}, queue overflows {account['overflows']}")
    return closes, lines
