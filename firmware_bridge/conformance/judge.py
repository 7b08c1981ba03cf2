"""The judge: a recorded run in, a document out, the same for a run that has just ended and for one that was kept.

Pure. Goes through the table (table.py) and says what it comes to. Not responsible for words to a terminal.
"""

from collections import Counter
from dataclasses import asdict
from typing import Any

from firmware_bridge.conformance.capture import Capture
from firmware_bridge.conformance.numbers import POWER
from firmware_bridge.conformance.rule import Check, Judged, Place, at, hex_of
from firmware_bridge.conformance.table import CHECKS, UNSEEN
from firmware_bridge.conformance.trace import Damage, Trace, trace_of
from firmware_bridge.frames import PROTOCOL_MAJOR
from firmware_bridge.readings import Identity

_REOPENED_US = 6_000_000  # the longest time between two things that a pen has to say
SCHEMA = "devicelog.pen-conformance/1"


def judge(capture: Capture) -> dict[str, Any]:
    """Go through the table. A document of plain values: verdict, why, who the pen is, and every check.

    `verdict`: `fails` (a MUST is not kept), `undecided` (nothing failed, and something needed was not shown),
    `conforms`, or `no pen` (nothing there that could be judged; `why` says what was there).
    """
    trace = trace_of(capture)
    rows = [_row(trace, check, check.of(trace)) for check in CHECKS]
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


def _row(trace: Trace, check: Check, judged: Judged) -> dict[str, Any]:
    return {
        "id": check.id,
        "level": check.level,
        "what": check.what,
        "expected": check.expected,
        "needed": check.counts,
        "result": judged.result,
        "why": judged.why + _reopened(trace, judged),
        "seen": None if judged.place is None else _seen(trace, judged.place),
    }


def _reopened(trace: Trace, judged: Judged) -> str:
    """Where the port came up again not long before what is wrong: it may have to do with it."""
    if judged.place is None or judged.result not in ("failed", "advice"):
        return ""
    opened_us = trace.reopened(judged.place.host_us - _REOPENED_US, judged.place.host_us)
    return "" if opened_us is None else f". The port came up again {at(trace, opened_us)}"


def _seen(trace: Trace, place: Place) -> dict[str, Any]:
    """The frame, counted from 1, its time since the run began and its payload; for damage the bytes of the run."""
    at_us = place.host_us - trace.began_us
    if isinstance(place, Damage):
        return {"after_frame": place.after, "at_us": at_us, "bytes": hex_of(place.example)}
    return {"frame": place.number, "at_us": at_us, "payload": hex_of(place.payload)}


def _verdict(trace: Trace, rows: list[dict[str, Any]]) -> tuple[str, str]:
    nobody = _nobody(trace)
    if nobody:
        return "no pen", nobody
    wrong = [row["id"] for row in rows if row["result"] == "failed"]
    left = [row["id"] for row in rows if row["result"] == "not shown" and row["needed"]]
    if wrong:
        return "fails", f"the pen does not keep {', '.join(wrong)}"
    if left:
        return "undecided", f"nothing failed, and {', '.join(left)} {_were(left)} not shown{_power(trace, rows)}"
    rest = [row["id"] for row in rows if row["result"] == "not shown" and row["level"] == "MUST"]
    words = f"; only {', '.join(rest)} {_were(rest)} not, as is permitted where a port has no DTR" if rest else ""
    return "conforms", f"the pen keeps every rule that was shown{words}"


def _were(names: list[str]) -> str:
    return "was" if len(names) == 1 else "were"


def _power(trace: Trace, rows: list[dict[str, Any]]) -> str:
    """What to do where nobody switched the pen off and on."""
    if not any(row["why"] == POWER for row in rows):
        return ""
    tried = trace.phase("power") is not None
    return ": switch the pen off and on when its time has come" if tried else ": add --power-cycle"


def _nobody(trace: Trace) -> str:
    """Why there is nothing to judge; empty when there is."""
    majors = {odd.payload[0] >> 4 for odd in trace.unknown} - {PROTOCOL_MAJOR}
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
