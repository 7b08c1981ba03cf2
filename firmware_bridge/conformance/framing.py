"""The rules of the line, the frame, the head and the version: P-01 to P-09, P-21, P-22, P-31.

Pure functions of a trace. Not responsible for numbers (numbers.py), messages in time (talking.py, timing.py).
"""

from collections import Counter

from firmware_bridge.conformance.rule import Judged, absent, at, failed, passed, unchecked
from firmware_bridge.conformance.trace import Frame, Stranger, Told, Trace
from firmware_bridge.frames import EVENTS, MODES, PROTOCOL_MAJOR, PROTOCOL_MINOR, SAMPLES
from firmware_bridge.readings import Heartbeat, PenEvent, SampleBlock

_GOES_ON_US = 300_000  # what comes this soon after the host did something may have been on its way
_BOOTS_US = 3_000_000  # a board that resets may need this long
_FILLED_SAMPLES = 100  # so many samples with the motor on show whether a column is ever anything but zero
_FLAGS_AT, _MODE_BITS, _COLUMN_BITS, _KEPT_BITS, _RESERVED_BITS = 2, 0x0003, 0x0078, 0x03F8, 0xFC00
_SLOW = (("depth_set_um", 7, 14, 16), ("passes", 8, 16, 20), ("strokes", 9, 20, 24))  # flag, from, to in the payload


def flags_of(frame: Frame) -> int:
    """The flags as they were sent."""
    return int.from_bytes(frame.payload[_FLAGS_AT : _FLAGS_AT + 2], "little")


# --- the line ---------------------------------------------------------------------------------------------------------


def flow_control(trace: Trace) -> Judged:
    """P-01: after an XOFF the pen goes on."""
    phase = trace.phase("xoff")
    if phase is None:
        return unchecked("no XOFF was sent to the pen")
    if any(True for _ in trace.within(phase[0] + _GOES_ON_US, phase[1])):
        return passed("it went on after an XOFF (0x13)")
    return failed(f"it said nothing for {(phase[1] - phase[0]) / 1e6:.1f} s after an XOFF (0x13) {at(trace, phase[0])}")


def same_behaviour(trace: Trace) -> Judged:
    """P-02: whatever DTR and RTS do, the pen goes on."""
    phase = trace.phase("lines")
    if phase is None or not trace.lines_us:
        return unchecked("this port has no DTR and RTS; where the pen has a USB or RS-232 port, run it there")
    after = list(trace.within(trace.lines_us[-1] + _GOES_ON_US, phase[1]))
    if after:
        return passed(f"it went on while DTR and RTS changed {len(trace.lines_us)} times")
    return failed(f"it said nothing more after DTR and RTS changed {at(trace, trace.lines_us[0])}")


def no_reset(trace: Trace) -> Judged:
    """P-02: DTR and RTS do not reset the pen."""
    phase = trace.phase("lines")
    if phase is None or not trace.lines_us:
        return unchecked("this port has no DTR and RTS")
    before = [frame.life for frame in trace.within(0, trace.lines_us[0])]
    after = [frame.life for frame in trace.within(trace.lines_us[0], phase[1] + _BOOTS_US)]
    if not before or not after:
        return unchecked("the pen was not heard both before and after DTR and RTS changed")
    if after[-1] == before[-1]:
        return passed("it was not reset")
    begun = next(frame for frame in trace.within(trace.lines_us[0], phase[1] + _BOOTS_US) if frame.life != before[-1])
    words = f"it started anew {at(trace, begun)}, after DTR or RTS changed {at(trace, trace.lines_us[0])}"
    return failed(f"{words}; the profile can hold them still", begun)


def nothing_else(trace: Trace) -> Judged:
    """P-03: nothing on the line but frames."""
    text = trace.damage.get("text")
    if text is None:
        return passed("no text between the frames")
    said = text.example[:40].decode("ascii", "replace").strip()
    return failed(f"{text.n} times text between the frames, first {at(trace, text)}: {said!r}", text)


# --- the frame --------------------------------------------------------------------------------------------------------


def both_delimiters(trace: Trace) -> Judged:
    """P-04: each frame has its own delimiter before it and after it."""
    if len(trace.frames) < 2:
        return unchecked("fewer than two frames came")
    shared = [frame for frame in trace.frames if frame.shared]
    if not shared:
        return passed(f"two delimiters or more between all of {len(trace.frames)} frames")
    return failed(
        f"{len(shared)} of {len(trace.frames)} frames have only one delimiter between them and the frame before, first "
        f"{at(trace, shared[0])}; each frame brings its own before it and its own after it",
        shared[0],
    )


def stuffing(trace: Trace) -> Judged:
    """P-05: every segment is COBS, and none is longer than the longest."""
    kinds = [trace.damage[kind] for kind in ("cobs", "oversize") if kind in trace.damage]
    if not kinds:
        return passed("every segment is COBS") if trace.frames or trace.n_damaged else unchecked("no segment came")
    first = min(kinds, key=lambda damage: damage.host_us)
    return failed(
        f"{sum(damage.n for damage in kinds)} segments are no COBS, or longer than 254 bytes, first "
        f"{at(trace, first)}. A bad cable looks the same: try another",
        first,
    )


def checksum(trace: Trace) -> Judged:
    """P-06: the CRC of every frame."""
    wrong = trace.damage.get("crc")
    if wrong is None:
        n = len(trace.frames) + len(trace.unknown)
        return passed(f"the CRC of all {n} frames is right") if n else unchecked("no frame came")
    return failed(
        f"the CRC of {wrong.n} frames is wrong, or they are too short, first {at(trace, wrong)}. Polynomial, bit order "
        "and byte order are in P-06; a bad cable looks the same",
        wrong,
    )


def layout(trace: Trace) -> Judged:
    """P-31: messages are laid out as their tables say, and events carry the value that belongs to them."""
    malformed = trace.damage.get("malformed")
    if malformed is not None:
        return failed(
            f"{malformed.n} frames with a right CRC cannot be meant (too short for their fields, n or period_us 0, a "
            f"text too long or not printable), first {at(trace, malformed)}",
            malformed,
        )
    if not trace.frames:
        return unchecked("no frame came that could be read")
    told = {(frame.told.code, frame.told.value) for frame in trace.frames if isinstance(frame.told, PenEvent)}
    wrong: tuple[Frame, str] | None = None
    later: Frame | None = None  # the next frame of the same start that shows the totals and the dial
    for frame in reversed(trace.frames):
        if isinstance(frame.told, SampleBlock | Heartbeat):
            later = frame
        elif isinstance(frame.told, PenEvent):
            words = _wrong_value(frame.told, later.told if later and later.life == frame.life else None, told)
            wrong = (frame, words) if words else wrong
    if wrong is not None:
        return failed(f"the event {at(trace, wrong[0])} {wrong[1]}", wrong[0])
    return passed("every message is as its table says")


def _wrong_value(event: PenEvent, later: Told | None, told: set[tuple[int, int]]) -> str:
    if event.code in (3, 4):
        return f"({EVENTS[event.code]}) has value {event.value}; expected 0" if event.value else ""
    name = {1: "passes", 2: "depth_set_um"}.get(event.code)
    shown = None if name is None else getattr(later, name, None)
    # more may have happened before the next frame that shows it: then there is an event of its own for it
    if shown is None or (event.code, shown) in told:
        return ""
    return f"({EVENTS[event.code]}) has value {event.value}; the next frame says {name} {shown}"


# --- the head ---------------------------------------------------------------------------------------------------------


def mode(trace: Trace) -> Judged:
    """P-07: one of the three modes, the same in every frame."""
    reserved = next((frame for frame in trace.frames if flags_of(frame) & _MODE_BITS == 3), None)
    if reserved is not None:
        return failed(f"mode 3, which is reserved, {at(trace, reserved)}", reserved)
    modes = Counter(frame.told.mode for frame in trace.frames)
    if len(modes) == 1:
        return passed(f"every frame says {next(iter(modes))}")
    told = ", ".join(f"{n} say {name}" for name, n in sorted(modes.items(), key=lambda item: MODES.index(item[0])))
    other = next(frame for frame in trace.frames if frame.told.mode != trace.frames[0].told.mode)
    return failed(f"not every frame says the same mode: {told}; first another {at(trace, other)}", other)


def left_out(trace: Trace) -> Judged:
    """P-08: what the pen does not have is not there: a cleared flag goes with 0, and no column is filled with zeros."""
    for frame in trace.frames:
        if isinstance(frame.told, SampleBlock | Heartbeat):
            for name, flag, start, end in _SLOW:
                if not flags_of(frame) >> flag & 1 and any(frame.payload[start:end]):
                    return failed(f"flag {flag} is clear {at(trace, frame)} and {name} is not 0", frame)
    blocks = [frame.told for frame in trace.frames if isinstance(frame.told, SampleBlock) and frame.told.motor_on]
    n = sum(block.n for block in blocks)
    if n < _FILLED_SAMPLES:
        return unchecked(f"only {n} samples with the motor on: switch the motor on when you are told to")
    for name in ("depth_um", "raw_count", "frequency_dhz"):
        columns = [column for block in blocks if (column := getattr(block, name)) is not None]
        if columns and not any(any(column) for column in columns) and not _dial_at_rest(name, blocks):
            first = next(frame for frame in trace.frames if getattr(frame.told, name, None) is not None)
            words = f"{name} is 0 in all of {n} samples with the motor on, from the first {at(trace, first)}"
            return failed(f"{words}: a column that is not measured is left out", first)
    return passed(f"cleared flags go with 0, and no column of {n} samples is filled with zeros")


def _dial_at_rest(name: str, blocks: list[SampleBlock]) -> bool:
    return name == "depth_um" and any(block.depth_set_um == 0 for block in blocks)


def same_flags(trace: Trace) -> Judged:
    """P-09: what a pen reports, it reports from start to power-off."""
    seen: dict[tuple[int, str], int] = {}
    for frame in trace.frames:
        kinds = {SampleBlock: ("columns", "slow"), Heartbeat: ("slow",)}.get(type(frame.told), ())
        for kind in kinds:
            bits = flags_of(frame) & (_COLUMN_BITS if kind == "columns" else _KEPT_BITS & ~_COLUMN_BITS)
            if seen.setdefault((frame.life, kind), bits) != bits:
                was = seen[frame.life, kind]
                return failed(f"flags 3 to 9 were 0x{was:04X} and are 0x{bits:04X} {at(trace, frame)}", frame)
    return passed("flags 3 to 9 stay the same") if seen else unchecked("no heartbeat and no samples came")


def version(trace: Trace) -> Judged:
    """P-21: one version, in every frame."""
    versions = Counter(frame.payload[0] for frame in trace.frames)
    foreign = [stranger for stranger in trace.unknown if stranger.payload[0] >> 4 != PROTOCOL_MAJOR]
    told = sorted(f"{version >> 4}.{version & 15}" for version in {*versions, *(odd.payload[0] for odd in foreign)})
    if len(told) == 1:
        return passed(f"every frame says {told[0]}")
    usual = versions.most_common(1)[0][0]
    heard: list[Frame | Stranger] = sorted([*trace.frames, *foreign], key=lambda frame: frame.number)
    other = next(frame for frame in heard if frame.payload[0] != usual)
    return failed(f"its frames say different versions, {', '.join(told)}: first another {at(trace, other)}", other)


def nothing_newer(trace: Trace) -> Judged:
    """P-22: no kind, code, flag or field that its version does not have."""
    if any(frame.payload[0] & 15 > PROTOCOL_MINOR for frame in trace.frames):
        return absent("it speaks a later minor version, which may have more than this one knows")
    odd = [stranger for stranger in trace.unknown if stranger.payload[0] >> 4 == PROTOCOL_MAJOR]
    if odd:
        words = (
            f"{len(odd)} messages of kinds that 1.0 does not have, first kind {odd[0].payload[1]} {at(trace, odd[0])}"
        )
        return failed(words, odd[0])
    if trace.echoes:
        words = f"{len(trace.echoes)} identity requests came from the pen, first {at(trace, trace.echoes[0])}"
        return failed(f"{words}: they go from the host to the pen only", trace.echoes[0])
    for frame in trace.frames:
        told, flags = frame.told, flags_of(frame)
        if told.trailing_bytes:
            return failed(f"{told.trailing_bytes} bytes after the last field {at(trace, frame)}", frame)
        if flags & _RESERVED_BITS:
            return failed(f"reserved flags are set {at(trace, frame)}: 0x{flags:04X}", frame)
        if isinstance(told, PenEvent) and told.code not in EVENTS:
            return failed(f"an event with the reserved code {told.code} {at(trace, frame)}", frame)
    return passed("nothing but what 1.0 has")


def flags_in_their_place(trace: Trace) -> Judged:
    """P-22: a flag that says nothing in a message is 0 there."""
    for frame in trace.frames:
        kind, flags = frame.payload[1], flags_of(frame)
        foreign = 0 if kind == SAMPLES else _COLUMN_BITS if isinstance(frame.told, Heartbeat) else _KEPT_BITS
        if flags & foreign:
            return failed(f"a message of kind {kind} has flags 0x{flags:04X} {at(trace, frame)}", frame)
    return passed("flags stand only where they mean something")
