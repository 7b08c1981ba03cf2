"""The protocol of the simulated pen: which frames it sends when, its counters and its clock, and the cable it hangs on.

Pure: time is given, frames are returned. Not responsible for what the sensors read (physics.py), for real time, or
for ports (run.py). Times are microseconds of pen time since the pen was switched on.
"""

from collections import deque
from collections.abc import Callable

from firmware_bridge.frames import PROTOCOL_MAJOR, PROTOCOL_MINOR, encode
from firmware_bridge.readings import Heartbeat, Identity, Mode, PenEvent, SampleBlock
from firmware_bridge.simulator.faults import NoisyLine, cut
from firmware_bridge.simulator.physics import Body, Sample
from firmware_bridge.simulator.script import Script, dice, script_for

IDENTITY_EVERY_US = 5_000_000
HEARTBEAT_EVERY_US = 1_000_000
WIRE_STEP_US = 20_000

PASS_BUTTON, DIAL_TURNED, MOTOR_ON, MOTOR_OFF = 1, 2, 3, 4  # frames.EVENTS

_U32 = 0xFFFF_FFFF
_NEVER = 1 << 62


class Pen:
    """One pen from switching on. It idles until `start`, plays the script with the motor on, and idles again.

    Counters, sequence and boot go on from script to script. The pass and stroke counters are those of a pen's life
    and begin where its seed says; its clock too, and it wraps at 2**32.
    """

    def __init__(
        self,
        script: Script,
        seed: int,
        *,
        serial: str = "",
        sample_hz: int = 100,
        samples_per_frame: int = 2,
        mode: Mode = "demo",
        clock_start_us: int | None = None,
    ) -> None:
        """`serial` and `clock_start_us` come from the seed unless given."""
        rng = dice(seed, "pen")
        self.serial = serial or f"SIM-{rng.randrange(1_000_000):06d}"
        clock_us = rng.randrange(1 << 32)
        self._clock_start_us = clock_us if clock_start_us is None else clock_start_us
        self._boot = rng.randint(1, 400)
        self._passes = rng.randint(200, 4_000)
        self._strokes = rng.randint(1_000_000, 40_000_000)
        self._mode = mode
        self._period_us = 1_000_000 // sample_hz
        self._samples_per_frame = samples_per_frame
        self._body = Body(seed, self._period_us)

        self.script = script
        self.started_us: int | None = None
        self.motor_on = False
        self._line = NoisyLine(script)
        self._set_um = script.segments[0].depth_set_um
        self._now_us = 0
        self._seq = 0  # of the next sample to be taken
        self._taken: list[Sample] = []  # not yet sent
        self._taken_us = 0  # when the first of them was taken
        self._moments: deque[tuple[int, Callable[[int], list[bytes]]]] = deque()
        self._identity_us, self._heartbeat_us, self._sample_us = 0, HEARTBEAT_EVERY_US, _NEVER

    @property
    def now_us(self) -> int:
        """The pen time up to which everything has been sent."""
        return self._now_us

    @property
    def ended_us(self) -> int | None:
        """When the script that was started ends or ended; None before the first start."""
        return None if self.started_us is None else self.started_us + self.script.duration_us

    def start(self, script: Script | None = None) -> None:
        """Begin a script now: the one the pen was made with, or another. ValueError while one is being played."""
        if self.motor_on or self._moments:
            raise ValueError("the pen is still playing a script")
        self.script = script or self.script
        self.started_us = start_us = self._now_us
        self._line = NoisyLine(self.script)
        self._moments.extend(self._agenda(self.script, start_us))

    def advance_to(self, t_us: int) -> bytes:
        """The bytes that arrive from the pen up to this pen time, the noise of the script included."""
        start_us = _NEVER if self.started_us is None else self.started_us
        return b"".join(self._line.carry(at_us - start_us, frame) for at_us, frame in self.frames_to(t_us))

    def frames_to(self, t_us: int) -> list[tuple[int, bytes]]:
        """The frames that the pen sends up to this pen time, each with the time, before any noise."""
        frames: list[tuple[int, bytes]] = []
        while True:
            moment_us = self._moments[0][0] if self._moments else _NEVER
            due_us = min(self._identity_us, moment_us, self._sample_us, self._heartbeat_us)
            if due_us > t_us:
                break
            # at the same time: who it is, then what happened, then the sample that shows it
            if due_us == self._identity_us:
                self._now_us, self._identity_us = due_us, due_us + IDENTITY_EVERY_US
                sent = [self.identity_frame()]
            elif due_us == moment_us:
                sent = self._moments.popleft()[1](due_us)
            elif due_us == self._sample_us:
                sent = self._take_sample(due_us)
            else:
                self._heartbeat_us = due_us + HEARTBEAT_EVERY_US
                sent = [self._heartbeat(due_us)]
            frames += ((due_us, frame) for frame in sent)
        self._now_us = max(self._now_us, t_us)
        return frames

    def identity_frame(self) -> bytes:
        """Who the pen is, as of now: the answer to a request, and the first thing it says."""
        return encode(
            Identity(
                mode=self._mode,
                motor_on=self.motor_on,
                boot=self._boot,
                seq=self._unsent_seq(),
                t_us=self._clock(self._now_us),
                protocol_major=PROTOCOL_MAJOR,
                protocol_minor=PROTOCOL_MINOR,
                model="Reference pen",
                serial=self.serial,
                firmware="sim-1.0",
                calibration_id="SIM-CAL-1",
                cartridge="SIM-14N-0001",  # 14 needles [pinova_cart] C
            )
        )

    # --- what happens in a script -------------------------------------------------------------------------------------

    def _agenda(self, script: Script, start_us: int) -> list[tuple[int, Callable[[int], list[bytes]]]]:
        """Everything that happens once, in order of time; at the same time the dial comes before the motor."""
        turned = [(start_us + segment.from_us, self._turn_to(segment.depth_set_um)) for segment in script.segments]
        passed = [(start_us + pass_us, self._press_button) for pass_us in script.pass_us]
        end_us = start_us + script.duration_us
        moments = [*turned, (start_us, self._motor_starts), *passed, (end_us, self._motor_stops)]
        return sorted(moments, key=lambda moment: moment[0])

    def _turn_to(self, depth_set_um: int) -> Callable[[int], list[bytes]]:
        def turn(t_us: int) -> list[bytes]:
            if depth_set_um == self._set_um:
                return []
            frames = self._flush()  # the samples before the turn were taken under the old setting
            self._set_um = depth_set_um
            return [*frames, self._event(t_us, DIAL_TURNED, depth_set_um)]

        return turn

    def _press_button(self, t_us: int) -> list[bytes]:
        frames = self._flush()
        self._passes = (self._passes + 1) & _U32
        return [*frames, self._event(t_us, PASS_BUTTON, self._passes)]

    def _motor_starts(self, t_us: int) -> list[bytes]:
        self.motor_on, self._sample_us, self._heartbeat_us = True, t_us, _NEVER
        return [self._event(t_us, MOTOR_ON, 0)]

    def _motor_stops(self, t_us: int) -> list[bytes]:
        frames = self._flush()
        self.motor_on, self._sample_us, self._heartbeat_us = False, _NEVER, t_us + HEARTBEAT_EVERY_US
        return [*frames, self._event(t_us, MOTOR_OFF, 0)]

    # --- frames -------------------------------------------------------------------------------------------------------

    def _take_sample(self, t_us: int) -> list[bytes]:
        if not self._taken:
            self._taken_us = t_us
        sample = self._body.sample(self.script, t_us - (self.started_us or 0))
        self._taken.append(sample)
        self._strokes = (self._strokes + sample.new_strokes) & _U32
        self._seq = (self._seq + 1) & _U32
        self._sample_us = t_us + self._period_us
        return self._flush() if len(self._taken) == self._samples_per_frame else []

    def _flush(self) -> list[bytes]:
        """The samples not yet sent as a frame, if there are any."""
        taken = self._taken
        if not taken:
            return []
        block = SampleBlock(
            mode=self._mode,
            motor_on=self.motor_on,
            boot=self._boot,
            seq=self._unsent_seq(),
            t_us=self._clock(self._taken_us),
            depth_set_um=self._set_um,
            passes=self._passes,
            strokes=self._strokes,
            period_us=self._period_us,
            n=len(taken),
            depth_um=tuple(sample.depth_um for sample in taken),
            raw_count=tuple(sample.raw_count for sample in taken),
            frequency_dhz=tuple(sample.frequency_dhz for sample in taken),
            contact_bits=sum(sample.contact << bit for bit, sample in enumerate(taken)),
        )
        self._taken = []
        return [encode(block)]

    def _heartbeat(self, t_us: int) -> bytes:
        return encode(
            Heartbeat(
                mode=self._mode,
                motor_on=self.motor_on,
                boot=self._boot,
                seq=self._unsent_seq(),
                t_us=self._clock(t_us),
                depth_set_um=self._set_um,
                passes=self._passes,
                strokes=self._strokes,
            )
        )

    def _event(self, t_us: int, code: int, value: int) -> bytes:
        return encode(
            PenEvent(
                mode=self._mode,
                motor_on=self.motor_on,
                boot=self._boot,
                seq=self._unsent_seq(),
                t_us=self._clock(t_us),
                code=code,
                value=value,
            )
        )

    def _unsent_seq(self) -> int:
        """The number of the next sample that the host will see: nothing on the wire may run ahead of it."""
        return (self._seq - len(self._taken)) & _U32

    def _clock(self, t_us: int) -> int:
        return (self._clock_start_us + t_us) & _U32


class Wire:
    """The cable of a pen: everything arrives, noise and all, except while the script has pulled the plug."""

    def __init__(self, pen: Pen) -> None:
        self._pen = pen
        self._rng = dice(pen.script.seed, "plug")
        self._back_us: int | None = None  # when the plug is in again; None while it is in

    def advance_to(self, t_us: int) -> list[tuple[int, bytes | None]]:
        """What arrives up to this pen time: bytes, or None where the link goes down; the next bytes are its return."""
        steps: list[tuple[int, bytes | None]] = []
        while self._pen.now_us < t_us:
            if self._back_us is not None:
                to_us = min(t_us, self._back_us)
                self._pen.advance_to(to_us)  # sent into nothing; the pen does not know
                if to_us == self._back_us:
                    self._back_us = None
                    steps.append((to_us, self._pen.identity_frame()))  # a pen that is connected says who it is
                continue
            outage = self._next_outage(t_us)
            if outage is None:
                steps.append((t_us, self._pen.advance_to(t_us)))
            else:
                steps += self._pull(outage)
        return steps

    def _next_outage(self, t_us: int) -> tuple[int, int] | None:
        """From and to of the outage that begins after now and up to `t_us`, in pen time."""
        start_us = self._pen.started_us
        if start_us is None:
            return None
        outages = [fault for fault in self._pen.script.faults if fault.kind == "outage"]
        spans = ((start_us + fault.from_us, start_us + fault.to_us) for fault in outages)
        return next((span for span in spans if self._pen.now_us < span[0] <= t_us), None)

    def _pull(self, outage: tuple[int, int]) -> list[tuple[int, bytes | None]]:
        """Everything up to the outage, the first part of the frame that was on its way, and the end of the link."""
        gone_us, self._back_us = outage
        whole = self._pen.advance_to(gone_us)
        lost = self._pen.frames_to(gone_us + 2 * WIRE_STEP_US)
        part = cut(lost[0][1], self._rng) if lost else b""
        return [(gone_us, whole + part), (gone_us, None)]


def wire_of(scenario: str, seconds: float, seed: int) -> list[tuple[int, bytes | None]]:
    """One run of a script as it arrives, in steps of 20 ms of pen time; None where the link goes down.

    The pen starts its script when it is switched on. The last step ends with its motor.
    """
    script = script_for(scenario, seconds, seed)
    pen = Pen(script, seed)
    pen.start()
    wire = Wire(pen)
    steps: list[tuple[int, bytes | None]] = []
    for t_us in [*range(WIRE_STEP_US, script.duration_us, WIRE_STEP_US), script.duration_us]:
        steps += wire.advance_to(t_us)
    return steps


def bytes_of(scenario: str, seconds: float, seed: int) -> bytes:
    """All the bytes of one run of a script that arrive, noise included; those of an outage are missing."""
    return b"".join(data for _, data in wire_of(scenario, seconds, seed) if data is not None)
