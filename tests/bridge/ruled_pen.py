"""A pen that keeps every rule of docs/protocol.md, in time that is counted and not waited for; and a run with it.

Each hook is there for a mutant to break one rule with (test_conformance.py). Nothing here uses the simulator, whose
own pen is tested over a real port.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from firmware_bridge.conformance.capture import Capture, Event, Lines, Link, Phase, Received, Sent, Setting
from firmware_bridge.conformance.plan import Step, Turn, steps
from firmware_bridge.decode import Decoder
from firmware_bridge.frames import encode, frame
from firmware_bridge.readings import Heartbeat, Identity, IdentityRequest, PenEvent, SampleBlock, SerialChunk

TICK_US = 5_000
BEFORE_US = 3_000_000  # it was on before anybody listened
PERSON_US = 400_000  # how long a person takes to do what a step asks for
DARK_US = (500_000, 3_000_000)  # of the step in which the pen is switched off and on
PASS, DIAL, MOTOR_ON, MOTOR_OFF = 1, 2, 3, 4
U32 = 1 << 32


class RuledPen:
    """`tick` is called every 5 ms and gives the bytes that arrive; `hear` is what the host says."""

    period_us = 10_000
    told_period_us = 10_000
    n = 2
    baud = 115_200
    first_seq = 0
    heartbeat_us = 1_000_000
    clock_ppm = 0
    receiver = True
    events = True
    boots = 1  # how far the boot counter goes on at a start
    lacks: tuple[str, ...] = ()
    opened_us: int | None = None  # a port that vanishes with the power is opened so long after it came; None: it stays
    keeps = False  # what it says while no host has the port open, for the host that opens it

    def __init__(self) -> None:
        self.boot, self.passes, self.strokes, self.dial_um = 7, 12, 34_567, 1500
        self.start(-BEFORE_US)
        self.seq = 500

    def start(self, t_us: int) -> None:
        """Power on: who it is, at once."""
        self.on, self.motor, self.started_us, self.now_us = True, False, t_us, t_us
        self.seq = self.first_seq
        self.taken: list[int] = []
        self.queue: list[bytes] = []
        self.identity_due_us, self.heartbeat_due_us = t_us, t_us + self.heartbeat_us
        self.sample_due_us = 0
        self.decoder = Decoder()
        self.kept = b""

    # --- what happens to it ------------------------------------------------------------------------------------------

    def power(self, *, on: bool) -> None:
        """Switched off, or on."""
        if on:
            self.boot += self.boots
            self.start(self.now_us)
        else:
            self.on = False

    def hear(self, data: bytes) -> None:
        """The host says something."""
        if self.on and self.receiver:
            for reading in self.decoder.feed(SerialChunk(t_us=0, data=data)):
                if isinstance(reading, IdentityRequest):
                    self.answer()

    def answer(self) -> None:
        """The answer to a request."""
        self.say(self.identity())

    def turned_lines(self) -> None:
        """DTR or RTS has changed: nothing to this pen."""

    def switch_motor(self, *, on: bool) -> None:
        """Motor on or off, with its event."""
        self.flush()
        self.motor = on
        self.sample_due_us, self.heartbeat_due_us = self.now_us + TICK_US, self.now_us + self.heartbeat_us
        self.event(MOTOR_ON if on else MOTOR_OFF, 0)

    def turn_dial(self) -> None:
        """The dial is turned."""
        self.flush()
        self.dial_um = 1000
        if "dial" not in self.lacks:
            self.event(DIAL, self.dial_um)

    def press_button(self) -> None:
        """A pass."""
        self.flush()
        self.passes += 1
        if "counters" not in self.lacks:
            self.event(PASS, self.passes)

    # --- what it says ------------------------------------------------------------------------------------------------

    def tick(self, t_us: int) -> bytes:
        """Everything it sends up to this time."""
        self.now_us = t_us
        if not self.on:
            return b""
        if t_us >= self.identity_due_us:
            self.identity_due_us += 5_000_000
            if self.names_itself():
                self.say(self.identity())
        if self.motor and t_us >= self.sample_due_us:
            self.sample_due_us += self.period_us
            self.sample()
        if not self.motor and t_us >= self.heartbeat_due_us:
            self.heartbeat_due_us += self.heartbeat_us
            self.say(Heartbeat(**self.head(), **self.slow()))
        sent, self.queue = self.queue, []
        return self.line(b"".join(sent))

    def names_itself(self) -> bool:
        """Whether it says who it is, unasked, when that is due."""
        return True

    def sample(self) -> None:
        """Take one; send the frame when it is full."""
        self.taken.append(self.clock())
        self.strokes += self.count()
        self.seq = (self.seq + 1) % U32
        if len(self.taken) == self.n:
            self.flush()

    def count(self) -> int:
        """Strokes since the sample before."""
        return 1

    def flush(self) -> None:
        """Send the samples that were taken."""
        n, taken = len(self.taken), self.taken
        if not n:
            return
        self.taken = []
        head = {**self.head(), "seq": (self.seq - n) % U32, "t_us": taken[0]}
        block = SampleBlock(**head, **self.slow(), period_us=self.told_period_us, n=n, **self.columns(n))
        self.block(block)

    def columns(self, n: int) -> dict[str, Any]:
        """The columns of a frame of samples."""
        all_of = {
            "depth_um": tuple(900 + i for i in range(n)),
            "raw_count": None,
            "frequency_dhz": (1000,) * n,
            "contact_bits": 1,
        }
        return {name: None if name in self.lacks else column for name, column in all_of.items()}

    def block(self, block: SampleBlock) -> None:
        """Send one frame of samples."""
        self.say(block)

    def event(self, code: int, value: int) -> None:
        """Send an event."""
        if self.events:
            self.say(PenEvent(**self.head(), code=code, value=value))

    def identity(self) -> Identity:
        """Who it is."""
        names = {"model": "Ruled", "serial": "R-1", "firmware": "1.0", "calibration_id": "C-1", "cartridge": ""}
        return Identity(**self.head(), protocol_major=1, protocol_minor=0, **names)

    def head(self) -> dict[str, Any]:
        """The fields of every message."""
        seq = (self.seq - len(self.taken)) % U32
        return {"mode": "test", "motor_on": self.motor, "boot": self.boot, "seq": seq, "t_us": self.clock()}

    def clock(self) -> int:
        """Its own microseconds, since it was switched on; they wrap in the middle of the first run."""
        since_us = self.now_us - self.started_us
        begins_us = U32 - 20_000_000 if self.started_us < 0 else 0
        return (begins_us + since_us + since_us * self.clock_ppm // 1_000_000) % U32

    def slow(self) -> dict[str, Any]:
        """Dial and counters."""
        counts = "counters" not in self.lacks
        return {
            "depth_set_um": None if "dial" in self.lacks else self.dial_um,
            "passes": self.passes if counts else None,
            "strokes": self.strokes if counts else None,
        }

    def say(self, message: SampleBlock | Heartbeat | PenEvent | Identity) -> None:
        """Put a message on its way."""
        whole = encode(message)
        payload = bytearray(payload_of(whole))
        self.spoil(payload)
        self.queue.append(self.framed(bytes(payload)))

    def spoil(self, payload: bytearray) -> None:
        """Change the payload of a message before it is framed."""

    def framed(self, payload: bytes) -> bytes:
        """The frame of a payload."""
        return frame(payload)

    def line(self, data: bytes) -> bytes:
        """What arrives of what it sends in a tick."""
        return data

    @property
    def port_is_open(self) -> bool:
        """Whether a host has the port open; nobody has it before the run."""
        if self.opened_us is None or self.now_us < 0:
            return self.now_us >= 0
        return self.on and self.now_us - self.started_us >= self.opened_us

    def arrives(self, data: bytes) -> bytes:
        """What the host has of it: nothing, while it has no port."""
        data = self.kept + data
        self.kept = data if self.keeps and not self.port_is_open else b""
        return data if self.port_is_open else b""


def payload_of(whole: bytes) -> bytes:
    """COBS and CRC taken off a frame that is sound; written apart from the code that is tested."""
    segment, payload, at = whole[1:-1], bytearray(), 0
    while at < len(segment):
        code = segment[at]
        payload += segment[at + 1 : at + code] + b"\0"
        at += code
    return bytes(payload[:-1][:-4])


def run_with(
    pen: RuledPen, late_us: Callable[[int], int] = lambda _: 0, plan: tuple[Step, ...] | None = None
) -> Capture:
    """The run of `pens conform --power-cycle` with a person at the pen. `late_us`: how late a read is stamped."""
    events: list[Event] = [Link(0, up=True)]
    for t_us in range(-BEFORE_US, 0, TICK_US):
        pen.arrives(pen.tick(t_us))
    t_us, is_open = 0, True
    for step in plan or steps(watch_s=None, power_cycle=True):
        events.append(Phase(t_us, step.phase))
        from_us, acts = t_us, list(step.acts)
        hands = _hands(pen, step.phase)
        while t_us < from_us + step.lasts_us:
            while acts and t_us >= from_us + acts[0].after_us:
                act = acts.pop(0)
                if isinstance(act, Turn):
                    events.append(Lines(t_us, act.other, act.other))
                    pen.turned_lines()
                else:
                    events.append(Sent(t_us, act.data))
                    pen.hear(act.data)
            while hands and t_us >= from_us + hands[0][0]:
                hands.pop(0)[1]()
            data = pen.arrives(pen.tick(t_us))
            if pen.port_is_open != is_open:
                is_open = not is_open
                events.append(Link(t_us, up=is_open))
            if data:
                events.append(Received(t_us + late_us(t_us), data))
            t_us += TICK_US
    events.append(Phase(t_us, "end"))
    last_us = 0
    for place, event in enumerate(events):  # a late read is followed by what happened meanwhile
        last_us = max(last_us, event.t_us)
        events[place] = event._replace(t_us=last_us)
    return Capture(setting=Setting(profile="reference", baud=pen.baud, asks=True), events=tuple(events))


def _hands(pen: RuledPen, phase: str) -> list[tuple[int, Callable[[], None]]]:
    """What the person does in a phase, and when."""
    if phase == "motor":
        return [
            (PERSON_US, lambda: pen.switch_motor(on=True)),
            (2_500_000, pen.turn_dial),
            (4_000_000, pen.press_button),
        ]
    if phase == "off":
        return [(PERSON_US, lambda: pen.switch_motor(on=False))]
    if phase == "power":
        off_us, on_us = DARK_US
        return [(off_us, lambda: pen.power(on=False)), (on_us, lambda: pen.power(on=True))]
    return []


def with_bytes(capture: Capture, sizes: int) -> Capture:
    """The same bytes in reads of this size, each stamped as the read that brought it."""
    events: list[Event] = []
    for event in capture.events:
        if isinstance(event, Received):
            data = event.data
            events += [Received(event.t_us, data[at : at + sizes]) for at in range(0, len(data), sizes)]
        else:
            events.append(event)
    return replace(capture, events=tuple(events))
