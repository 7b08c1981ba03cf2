"""What went over a line while a pen was tested, and what was done to it: values, and their file format.

Pure: text in, values out, and back. docs/conformance.md describes the format. Not responsible for what it means
(trace.py), nor for reading or writing files.
"""

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from firmware_bridge.errors import BridgeError

SCHEMA = "devicelog.pen-capture/1"
MAX_BYTES = 4 << 20  # of what the pen says; a line at 921600 baud takes three quarters of a minute for them
MAX_LINES = 4 * MAX_BYTES // 14  # every frame a chunk of its own, and then some
MAX_T_US = 1 << 53

# What was asked of the pen, in the order of a run.
PHASES = {
    "listen": "the host says nothing",
    "ask": "it asks for the identity, several times",
    "xoff": "it sends an XOFF, and an XON at the end",
    "rubbish": "it sends rubbish, damaged frames, frames of unknown kinds and versions; then it asks again",
    "lines": "DTR and RTS change and change back",
    "motor": "the motor runs",
    "off": "the motor is switched off",
    "power": "the pen is switched off and on",
    "watch": "nothing is asked of anybody: what comes, comes",
    "end": "the run is over",
}


class CaptureError(BridgeError, ValueError):
    """A capture that does not parse; the message names the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How the line was set. `asks`: the profile lets the host ask."""

    profile: str
    baud: int
    asks: bool


class Received(NamedTuple):
    """The bytes that one read returned, stamped when it returned. Host's monotonic microseconds, as in all of these."""

    t_us: int
    data: bytes


class Sent(NamedTuple):
    """One thing that the host said."""

    t_us: int
    data: bytes


class Phase(NamedTuple):
    """From here on the run is in this phase, a name of PHASES."""

    t_us: int
    name: str


class Link(NamedTuple):
    """The port came up or went down."""

    t_us: int
    up: bool


class Lines(NamedTuple):
    """DTR and RTS were set to this."""

    t_us: int
    dtr: bool
    rts: bool


class Full(NamedTuple):
    """The port said more than MAX_BYTES: the run was ended here."""

    t_us: int


Event = Received | Sent | Phase | Link | Lines | Full


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One run: how the line was set, and all that happened, in order."""

    setting: Setting
    events: tuple[Event, ...]


def write_capture(capture: Capture) -> str:
    """The text of a capture: a line of JSON for the setting, then one for each event."""
    setting = capture.setting
    head = {
        "schema": SCHEMA,
        "profile": setting.profile,
        "baud": setting.baud,
        "asks": setting.asks,
    }
    return "".join(json.dumps(line) + "\n" for line in (head, *map(_line, capture.events)))


def _line(event: Event) -> dict[str, Any]:
    match event:
        case Received():
            return {"t_us": event.t_us, "rx": event.data.hex()}
        case Sent():
            return {"t_us": event.t_us, "tx": event.data.hex()}
        case Phase():
            return {"t_us": event.t_us, "phase": event.name}
        case Link():
            return {"t_us": event.t_us, "up": event.up}
        case Lines():
            return {"t_us": event.t_us, "dtr": event.dtr, "rts": event.rts}
        case Full():
            return {"t_us": event.t_us, "full": True}


def read_capture(text: str) -> Capture:
    """The capture that this text is. Raises CaptureError, naming the line and what was expected."""
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise CaptureError(f"a capture has at most {MAX_LINES} lines; this one has {len(lines)}")
    setting = _setting(_object(lines[0] if lines else "", 1))
    events: list[Event] = []
    t_us, n_bytes = 0, 0
    for number, line in enumerate(lines[1:], start=2):
        event = _event(_object(line, number), number)
        if event.t_us < t_us:
            raise CaptureError(f"line {number}: t_us {event.t_us} is before that of the line above, {t_us}")
        t_us = event.t_us
        n_bytes += len(event.data) if isinstance(event, Received) else 0
        events.append(event)
    if n_bytes > MAX_BYTES:
        raise CaptureError(f"a capture has at most {MAX_BYTES} bytes of the pen; this one has {n_bytes}")
    return Capture(setting=setting, events=tuple(events))


def _object(line: str, number: int) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise CaptureError(f"line {number}: {line[:60]!r} is not an object in JSON")
    return value


def _setting(head: dict[str, Any]) -> Setting:
    if head.get("schema") != SCHEMA:
        raise CaptureError(f"line 1: schema {head.get('schema')!r}; expected {SCHEMA!r}. Is this a capture?")
    types = {"profile": str, "baud": int, "asks": bool}
    for key, kind in types.items():
        if type(head.get(key)) is not kind:
            raise CaptureError(f"line 1: {key} = {head.get(key)!r}; expected {kind.__name__}")
    if not 1 <= head["baud"] <= 100_000_000:
        raise CaptureError(f"line 1: baud = {head['baud']}; expected 1 to 100000000")
    return Setting(**{key: head[key] for key in types})


def _event(value: dict[str, Any], number: int) -> Event:
    t_us = value.get("t_us")
    if type(t_us) is not int or not 0 <= t_us <= MAX_T_US:
        raise CaptureError(f"line {number}: t_us = {t_us!r}; expected microseconds")
    match {key: item for key, item in value.items() if key != "t_us"}:
        case {"rx": str(text), **rest} if not rest:
            return Received(t_us, _bytes(text, number))
        case {"tx": str(text), **rest} if not rest:
            return Sent(t_us, _bytes(text, number))
        case {"phase": str(name), **rest} if name in PHASES and not rest:
            return Phase(t_us, name)
        case {"up": bool(up), **rest} if not rest:
            return Link(t_us, up)
        case {"dtr": bool(dtr), "rts": bool(rts), **rest} if not rest:
            return Lines(t_us, dtr, rts)
        case {"full": True, **rest} if not rest:
            return Full(t_us)
    raise CaptureError(f"line {number}: none of rx, tx, phase ({', '.join(PHASES)}), up, dtr with rts, full")


def _bytes(text: str, number: int) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise CaptureError(f"line {number}: {text[:30]!r} is not hexadecimal") from None
