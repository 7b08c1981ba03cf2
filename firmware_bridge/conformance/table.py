"""Every rule of docs/protocol.md that a pen has to keep, as a table of checks; and the judge that goes through it.

Pure: a recorded run in, a document out, the same for a run that has just ended and for one that was kept.
"""

from collections import Counter
from dataclasses import asdict
from typing import Any

from firmware_bridge.conformance import framing, numbers, talking, timing
from firmware_bridge.conformance.capture import Capture
from firmware_bridge.conformance.rule import Check, Judged, absent, passed, unchecked
from firmware_bridge.conformance.trace import Trace, trace_of
from firmware_bridge.frames import PROTOCOL_MAJOR
from firmware_bridge.readings import Identity, SampleBlock

SCHEMA = "devicelog.pen-conformance/1"


def _rests_silent(trace: Trace) -> Judged:
    """P-10: a pen may send samples while the motor is off."""
    idle = [frame for frame in trace.frames if not frame.told.motor_on]
    if not idle:
        return unchecked("the motor was never off")
    sends = any(isinstance(frame.told, SampleBlock) for frame in idle)
    return passed("it sends samples while the motor is off") if sends else absent("it sends none while the motor is off")


# fmt: off
CHECKS = (
    Check(id="P-01", level="MUST", what="no software flow control", judge=framing.flow_control),
    Check(id="P-02", level="MUST", what="DTR and RTS change nothing", judge=framing.same_behaviour, needed=False),
    Check(id="P-02.reset", level="SHOULD", what="DTR and RTS do not reset the pen", judge=framing.no_reset),
    Check(id="P-03", level="SHOULD", what="nothing but frames on the line", judge=framing.nothing_else, unread=True),
    Check(id="P-04", level="MUST", what="a delimiter before and after each frame", judge=framing.both_delimiters),
    Check(id="P-05", level="MUST", what="segments are COBS, at most 254 bytes", judge=framing.stuffing, unread=True),
    Check(id="P-06", level="MUST", what="the CRC", judge=framing.checksum, unread=True),
    Check(id="P-07", level="MUST", what="the mode, in every frame", judge=framing.mode),
    Check(id="P-08", level="MUST", what="what the pen does not have is left out", judge=framing.left_out),
    Check(id="P-09", level="SHOULD", what="the same flags from start to power-off", judge=framing.same_flags),
    Check(id="P-10", level="MUST", what="samples without a break while the motor is on", judge=numbers.unbroken),
    Check(id="P-10.off", level="MAY", what="samples while the motor is off", judge=_rests_silent),
    Check(id="P-11", level="SHOULD", what="10 to 20 ms of samples in a frame", judge=numbers.frame_length),
    Check(id="P-12", level="MUST", what="seq numbers samples, and tells the next", judge=numbers.numbering),
    Check(id="P-12.start", level="MUST", what="seq begins at 0", judge=numbers.numbers_begin, needed="power"),
    Check(id="P-13", level="MUST", what="what is not sent is numbered, nothing is repeated", judge=numbers.not_invented),
    Check(id="P-14", level="MUST", what="another boot counter at every start", judge=numbers.boot_changes, needed="power"),
    Check(id="P-15", level="MUST", what="passes and strokes are totals", judge=numbers.totals),
    Check(id="P-15.life", level="SHOULD", what="totals of the pen's life", judge=numbers.totals_for_life),
    Check(id="P-16", level="MUST", what="the clock runs freely", judge=numbers.free_running),
    Check(id="P-17", level="MUST", what="a heartbeat every second, motor off", judge=talking.heartbeats),
    Check(id="P-18", level="SHOULD", what="an event when something happens", judge=talking.events),
    Check(id="P-19.off", level="MUST", what="identity every 5 s, motor off", judge=talking.unasked),
    Check(id="P-19.on", level="MUST", what="identity every 5 s, motor on", judge=talking.unasked_running),
    Check(id="P-19.asked", level="MUST", what="identity within 0.5 s of a request", judge=talking.answered),
    Check(id="P-19.start", level="MUST", what="identity after power-on", judge=talking.after_power, needed="power"),
    Check(id="P-19.same", level="MUST", what="it stays the same pen", judge=talking.same_pen),
    Check(id="P-20", level="MUST", what="what it does not understand changes nothing", judge=talking.ignores),
    Check(id="P-20.wait", level="MUST", what="it does not wait for the host", judge=talking.never_waits),
    Check(id="P-21", level="MUST", what="the version, in every frame", judge=framing.version),
    Check(id="P-22", level="MUST", what="nothing that its version does not have", judge=framing.nothing_newer),
    Check(id="P-22.flags", level="SHOULD", what="flags only where they mean something", judge=framing.flags_in_their_place),
    Check(id="P-31", level="MUST", what="messages as their tables say", judge=framing.layout, unread=True),
    Check(id="P-32.period", level="MUST", what="period_us, over 1 s: 1 %", judge=timing.period),
    Check(id="P-32.latency", level="MUST", what="a frame ends 50 ms after its last sample", judge=timing.latency),
    Check(id="P-32.clock", level="MUST", what="t_us against true time: 1 %", judge=timing.clock),
    Check(id="P-32.fine", level="SHOULD", what="t_us against true time: 0.1 %", judge=timing.clock_fine),
    Check(id="P-32.load", level="SHOULD", what="under 70 % of the line", judge=timing.load, unread=True),
)
# fmt: on

# What no host can see from outside, and a maker has to look at in the pen.
UNSEEN = {
    "P-07": "whether a pen that says `real` may be on skin, and one that says `test` may not",
    "P-08": "whether a value that is not 0 is measured or guessed",
    "P-16": "the wrap of t_us, unless it falls into the run: it comes every 71.6 minutes",
    "P-18": "a pen fault (event 5)",
    "P-32": "each sample against its place in the frame (a quarter of the period)",
}


def judge(capture: Capture) -> dict[str, Any]:
    """Go through the table. A document of plain values: verdict, why, who the pen is, and every check.

    `verdict`: `fails` (a MUST is not kept), `undecided` (nothing failed, and something needed could not be checked),
    `conforms`, or `no pen` (nothing there that could be judged; `why` says what was there).
    """
    trace = trace_of(capture)
    rows = []
    for check in CHECKS:
        judged = check.of(trace)
        needed = check.is_needed(trace)
        rows.append(
            {"id": check.id, "level": check.level, "what": check.what, "needed": needed}
            | {"result": judged.result, "why": judged.why}
        )
    verdict, why = _verdict(trace, rows)
    return {
        "schema": SCHEMA,
        "verdict": verdict,
        "why": why,
        "setting": asdict(trace.setting),
        "pen": _pen(trace),
        "heard": {
            "ran_us": trace.ended_us - trace.began_us,
            "bytes": trace.n_bytes,
            "frames": len(trace.frames),
            "unknown": len(trace.unknown),
            "damaged": {kind: damage.n for kind, damage in sorted(trace.damage.items())},
            "starts": len(trace.lives),
            "links_lost": trace.links_lost,
            "full": trace.full,
        },
        "checks": rows,
        "counts": dict(sorted(Counter(row["result"] for row in rows).items())),
        "cannot_be_seen": UNSEEN,
    }


def _verdict(trace: Trace, rows: list[dict[str, Any]]) -> tuple[str, str]:
    nobody = _nobody(trace)
    if nobody:
        return "no pen", nobody
    wrong = [row["id"] for row in rows if row["result"] == "fail"]
    left = [row["id"] for row in rows if row["result"] == "not checked" and row["needed"]]
    if wrong:
        return "fails", f"the pen does not keep {', '.join(wrong)}"
    if left:
        return "undecided", f"nothing failed, and {', '.join(left)} could not be checked"
    return "conforms", "the pen keeps every rule that was checked"


def _nobody(trace: Trace) -> str:
    """Why there is nothing to judge; empty when there is."""
    majors = {told.major for _, told in trace.unknown} - {PROTOCOL_MAJOR}
    ran_s = (trace.ended_us - trace.began_us) / 1e6
    if trace.frames:
        return ""
    if majors:
        return f"the pen speaks protocol {', '.join(map(str, sorted(majors)))}; these are the rules of {PROTOCOL_MAJOR}"
    if not trace.n_bytes:
        return f"nothing came from the port for {ran_s:.0f} s. Is the pen switched on?"
    if trace.echoes:
        return "only our own question came back. Is the line looped, or set to echo?"
    like_frames = sum(damage.n for kind, damage in trace.damage.items() if kind in ("crc", "malformed"))
    if like_frames >= 3 and 2 * like_frames >= trace.n_damaged:
        return ""
    stopped = " The port was flooded: the run was ended early." if trace.full else ""
    return f"this is not a pen: {trace.n_bytes} bytes came and not one frame. Is the baud rate right?{stopped}"


def _pen(trace: Trace) -> dict[str, Any] | None:
    """Who the pen said it was, first."""
    first = next((frame.told for frame in trace.identities() if isinstance(frame.told, Identity)), None)
    if first is None:
        return None
    names = ("model", "serial", "firmware", "calibration_id", "cartridge", "mode", "protocol_major", "protocol_minor")
    return {name: getattr(first, name) for name in names}
