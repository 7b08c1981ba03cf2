"""Every rule of docs/protocol.md that a pen has to keep, as a table of checks. The page has the same table.

Pure. Not responsible for going through it (judge.py), nor for judging (framing.py, numbers.py, talking.py, timing.py).
"""

from firmware_bridge.conformance import framing, numbers, talking, timing
from firmware_bridge.conformance.rule import Check

# fmt: off
CHECKS = (
    Check(
        id="P-01", level="MUST", what="no software flow control", judge=framing.flow_control,
        expected="after a byte 0x13 (XOFF) from the host, frames go on coming as before",
    ),
    Check(
        id="P-02", level="MUST", what="DTR and RTS change nothing", judge=framing.same_behaviour, needed=False,
        expected="after DTR and RTS have changed, frames go on coming",
    ),
    Check(
        id="P-02.reset", level="SHOULD", what="DTR and RTS do not reset the pen", judge=framing.no_reset,
        expected="boot and t_us go on as if nothing had happened",
    ),
    Check(
        id="P-03", level="SHOULD", what="nothing but frames on the line", judge=framing.nothing_else, unread=True,
        expected="no text between frames",
    ),
    Check(
        id="P-04", level="MUST", what="a delimiter before and after each frame", judge=framing.both_delimiters,
        expected="at least two bytes 0x00 between one segment and the next",
    ),
    Check(
        id="P-05", level="MUST", what="segments are COBS", judge=framing.stuffing, unread=True,
        expected="segments that are COBS, at most 254 bytes each",
    ),
    Check(
        id="P-06", level="MUST", what="the CRC", judge=framing.checksum, unread=True,
        expected="CRC-32/ISO-HDLC over the payload, least significant byte first",
    ),
    Check(
        id="P-07", level="MUST", what="the mode, in every frame", judge=framing.mode,
        expected="flags 0 and 1 say 0, 1 or 2, the same in every frame",
    ),
    Check(
        id="P-08", level="MUST", what="what the pen does not have is left out", judge=framing.left_out,
        expected="0 in a fixed field whose flag is clear; no column but contact that is 0 throughout",
    ),
    Check(
        id="P-09", level="SHOULD", what="the same flags from start to power-off", judge=framing.same_flags,
        expected="flags 3 to 9 the same in all samples, 7 to 9 in all heartbeats too",
    ),
    Check(
        id="P-10", level="MUST", what="samples without a break while the motor is on", judge=numbers.unbroken,
        expected="no 250 ms without samples, and at most 1 % left out",
    ),
    Check(
        id="P-10.off", level="MAY", what="samples while the motor is off", judge=numbers.rests_silent,
        expected="a pen may do so or not",
    ),
    Check(
        id="P-11", level="SHOULD", what="10 to 20 ms of samples in a frame", judge=numbers.frame_length,
        expected="n × period_us of 10 to 20 ms, or n of 1 where the period is longer",
    ),
    Check(
        id="P-12", level="MUST", what="seq numbers samples, and tells the next", judge=numbers.numbering,
        expected="seq grows by n from one samples frame to the next; other messages say the next number",
    ),
    Check(
        id="P-12.start", level="MUST", what="seq begins at 0", judge=numbers.numbers_begin,
        expected="seq is 0 in the first frame after power-on",
    ),
    Check(
        id="P-13", level="MUST", what="what is not sent is numbered, nothing is repeated", judge=numbers.not_invented,
        expected="seq grows by one for each period of t_us that passes, and no frame comes twice",
    ),
    Check(
        id="P-14", level="MUST", what="another boot counter at every start", judge=numbers.boot_changes,
        expected="boot after power-on is not what it was before",
    ),
    Check(
        id="P-15", level="MUST", what="passes and strokes are totals", judge=numbers.totals,
        expected="totals that never fall; strokes grows while the motor runs",
    ),
    Check(
        id="P-15.life", level="SHOULD", what="totals of the pen's life", judge=numbers.totals_for_life,
        expected="totals that do not fall over power-off",
    ),
    Check(
        id="P-16", level="MUST", what="the clock runs freely", judge=numbers.free_running,
        expected="t_us keeps within 0.2 s of true time from one frame to the next",
    ),
    Check(
        id="P-17", level="MUST", what="a heartbeat every second, motor off", judge=talking.heartbeats,
        expected="0.8 to 1.2 s from one heartbeat to the next",
    ),
    Check(
        id="P-18", level="SHOULD", what="an event when something happens", judge=talking.events,
        expected="an event within 1 s of the first frame with the new value, or since the last with the old one",
    ),
    Check(
        id="P-19.off", level="MUST", what="identity unasked, motor off", judge=talking.unasked,
        expected="4 to 6 s from one identity to the next",
    ),
    Check(
        id="P-19.on", level="MUST", what="identity unasked, motor on", judge=talking.unasked_running,
        expected="4 to 6 s from one identity to the next",
    ),
    Check(
        id="P-19.asked", level="MUST", what="identity when asked", judge=talking.answered,
        expected="an identity at most 0.5 s after each request; or to none, from a pen without a receiver",
    ),
    Check(
        id="P-19.start", level="MUST", what="identity after power-on", judge=talking.after_power,
        expected="an identity at most 1 s after the first frame of a start",
    ),
    Check(
        id="P-19.same", level="MUST", what="it stays the same pen", judge=talking.same_pen,
        expected="the same model and serial in every identity; firmware and calibration_id to power-off",
    ),
    Check(
        id="P-20", level="MUST", what="what it does not understand changes nothing", judge=talking.ignores,
        expected="frames go on, no identity for what was no sound request, and one for the next that is",
    ),
    Check(
        id="P-20.wait", level="MUST", what="it does not wait for the host", judge=talking.never_waits,
        expected="frames before the host has said anything",
    ),
    Check(
        id="P-21", level="MUST", what="the version, in every frame", judge=framing.version,
        expected="the same byte 0 in every payload, with the major version 1",
    ),
    Check(
        id="P-22", level="MUST", what="nothing that its version does not have", judge=framing.nothing_newer,
        expected="known kinds and event codes, reserved flags 0, no bytes after the last field",
    ),
    Check(
        id="P-22.flags", level="SHOULD", what="flags only where they belong", judge=framing.flags_in_their_place,
        expected="flags 3 to 6 in samples only, 7 to 9 in samples and heartbeats only",
    ),
    Check(
        id="P-31", level="MUST", what="messages as their tables say", judge=framing.layout, unread=True,
        expected="payloads as long as their fields, n and period_us not 0, printable texts; an event's value as told",
    ),
    Check(
        id="P-32.period", level="MUST", what="period_us", judge=timing.period,
        expected="over 1 s, t_us grows by period_us for each number, within 1 %",
    ),
    Check(
        id="P-32.latency", level="MUST", what="samples are sent at once", judge=timing.latency,
        expected="the end of a frame at most 50 ms after its last sample",
    ),
    Check(
        id="P-32.clock", level="MUST", what="t_us against true time", judge=timing.clock,
        expected="within 1 %",
    ),
    Check(
        id="P-32.fine", level="SHOULD", what="t_us against true time, better", judge=timing.clock_fine,
        expected="within 0.1 %",
    ),
    Check(
        id="P-32.load", level="SHOULD", what="load of the line", judge=timing.load, unread=True,
        expected="under 70 % of the baud rate in every second",
    ),
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
