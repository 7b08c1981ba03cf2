"""The protocol of the simulated pen: which frames it sends when, what happens in it, and what it leaves out.

Pure: time is given, frames are returned. Not responsible for what the sensors read (physics.py), for the cable
(wire.py), for real time, or for ports (run.py). Times are microseconds of pen time since the pen was switched on.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from firmware_bridge.frames import PROTOCOL_MAJOR, PROTOCOL_MINOR, encode
from firmware_bridge.readings import Heartbeat, Identity, Mode, PenEvent, SampleBlock
from firmware_bridge.simulator.faults import Line, newer
from firmware_bridge.simulator.memory import U32, Memory
from firmware_bridge.simulator.physics import Body, Sample
from firmware_bridge.simulator.script import Script, ScriptFault, dice

IDENTITY_EVERY_US = 5_000_000
HEARTBEAT_EVERY_US = 1_000_000

PASS_BUTTON, DIAL_TURNED, MOTOR_ON, MOTOR_OFF = 1, 2, 3, 4  # frames.EVENTS

_NEVER = 1 << 62

Moment = tuple[int, Callable[[int], list[bytes]]]


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
        self._seed = seed
        self._memory = Memory(dice(seed, "pen"), serial=serial, clock_start_us=clock_start_us)
        self._mode = mode
        self._period_us = 1_000_000 // sample_hz
        self._samples_per_frame = samples_per_frame
        self._body = Body(seed, self._period_us)

        self.script = script
        self.started_us: int | None = None
        self.named_us = 0  # when it last said unasked who it is
        self.motor_on = False
        self._motor_wanted = False
        self._dark = False
        self._newer = False
        self._line = Line(script)
        self._set_um = script.segments[0].depth_set_um
        self._now_us = 0
        self._taken: list[Sample] = []  # not yet sent
        self._taken_us = 0  # when the first of them was taken
        self._moments: deque[Moment] = deque()
        self._identity_us, self._heartbeat_us, self._sample_us = 0, HEARTBEAT_EVERY_US, _NEVER

    @property
    def serial(self) -> str:
        """The serial number of the pen that is there now."""
        return self._memory.serial

    @property
    def now_us(self) -> int:
        """The pen time up to which everything has been sent."""
        return self._now_us

    @property
    def ended_us(self) -> int | None:
        """When the script that was started ends or ended; None before the first start."""
        return None if self.started_us is None else self.started_us + self.script.duration_us

    @property
    def silent(self) -> bool:
        """Whether nothing at all comes from the pen now: it is dark, or stalls."""
        stalls = self.started_us is not None and self.script.fault_at("stall", self._now_us - self.started_us)
        return self._dark or bool(stalls)

    def start(self, script: Script | None = None) -> None:
        """Begin a script now: the one the pen was made with, or another. ValueError while one is being played."""
        if self.motor_on or self._moments:
            raise ValueError("the pen is still playing a script")
        self.script = script or self.script
        self.started_us = start_us = self._now_us
        self._line = Line(self.script)
        self._moments.extend(self._agenda(self.script, start_us))

    def advance_to(self, t_us: int) -> bytes:
        """The bytes that arrive from the pen up to this pen time, with what the script does to them on the line."""
        start_us = _NEVER if self.started_us is None else self.started_us
        return b"".join(self._line.carry(at_us - start_us, frame) for at_us, frame in self.frames_to(t_us))

    def frames_to(self, t_us: int) -> list[tuple[int, bytes]]:
        """The frames that the pen sends up to this pen time, each with the time, before anything happens to them."""
        frames: list[tuple[int, bytes]] = []
        while True:
            moment_us = self._moments[0][0] if self._moments else _NEVER
            due_us = min(self._identity_us, moment_us, self._sample_us, self._heartbeat_us)
            if due_us > t_us:
                break
            self._now_us = due_us
            # at the same time: who it is, then what happened, then the sample that shows it
            if due_us == self._identity_us:
                self.named_us, self._identity_us = due_us, due_us + IDENTITY_EVERY_US
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
        return self._encoded(
            Identity(
                **self._head(self._now_us),
                protocol_major=PROTOCOL_MAJOR,
                protocol_minor=PROTOCOL_MINOR,
                model="Reference pen",
                serial=self.serial,
                firmware="sim-1.0",
                calibration_id="" if "calibration" in self.script.lacks else "SIM-CAL-1",
                cartridge="SIM-14N-0001",  # 14 needles [pinova_cart] C
            )
        )

    # --- what happens in a script -------------------------------------------------------------------------------------

    def _agenda(self, script: Script, start_us: int) -> list[Moment]:
        """Everything that happens once, in order of time; at the same time the dial comes before the motor."""
        turned = [(segment.from_us, self._turn_to(segment.depth_set_um)) for segment in script.segments]
        passed = [(pass_us, self._press_button) for pass_us in script.pass_us]
        motor = [moment for on, off in script.motor for moment in ((on, self._motor_starts), (off, self._motor_stops))]
        failed = [moment for fault in script.faults for moment in self._failing(fault)]
        moments = [*turned, motor[0], *passed, *motor[1:], *failed]
        return sorted(((start_us + at_us, act) for at_us, act in moments), key=lambda moment: moment[0])

    def _failing(self, fault: ScriptFault) -> list[Moment]:
        """What a fault does to the pen itself, and when."""
        match fault.kind:
            case "reboot" | "brownout":
                back = self._comes_back if fault.kind == "reboot" else self._comes_back_without_memory
                return [(fault.from_us, self._goes_dark), (fault.to_us, back)]
            case "wrong pen":
                return [(fault.to_us, self._is_another)]
            case "newer protocol":
                return [(fault.from_us, self._speaks_newer)]
            case "clock drift":
                return [(fault.from_us, self._quietly(lambda t_us: self._memory.run_fast(t_us, fault.value)))]
            case "counter reset":
                return [(fault.from_us, self._quietly(lambda _: self._memory.reset_counters()))]
            case "counter jump":
                return [(fault.from_us, self._quietly(lambda _: self._memory.count(strokes=fault.value)))]
            case _:  # it happens to the samples (physics.py), to the line (faults.py) or to the cable (wire.py)
                return []

    def _turn_to(self, depth_set_um: int) -> Callable[[int], list[bytes]]:
        def turn(t_us: int) -> list[bytes]:
            if depth_set_um == self._set_um:
                return []
            frames = self._flush()  # the samples before the turn were taken under the old setting
            self._set_um = depth_set_um
            silent = self._dark or "dial" in self.script.lacks
            return frames if silent else [*frames, self._event(t_us, DIAL_TURNED, depth_set_um)]

        return turn

    def _press_button(self, t_us: int) -> list[bytes]:
        if "counters" in self.script.lacks:
            return []
        frames = self._flush()
        self._memory.count(passes=1)
        return [*frames, self._event(t_us, PASS_BUTTON, self._memory.passes)]

    def _motor_starts(self, t_us: int) -> list[bytes]:
        self._motor_wanted = True
        if self._dark:
            return []
        self.motor_on, self._sample_us, self._heartbeat_us = True, t_us, _NEVER
        return [self._event(t_us, MOTOR_ON, 0)]

    def _motor_stops(self, t_us: int) -> list[bytes]:
        self._motor_wanted = False
        if self._dark:
            return []
        frames = self._flush()
        self.motor_on, self._sample_us, self._heartbeat_us = False, _NEVER, t_us + HEARTBEAT_EVERY_US
        return [*frames, self._event(t_us, MOTOR_OFF, 0)]

    def _goes_dark(self, _t_us: int) -> list[bytes]:
        """No power: what was not sent is lost, and nobody counts."""
        self._dark, self.motor_on, self._taken = True, False, []
        self._identity_us = self._heartbeat_us = self._sample_us = _NEVER
        return []

    def _comes_back(self, t_us: int) -> list[bytes]:
        """Power again: who it is, and, where the operator left the motor on, samples from number 0."""
        self._memory.restart(t_us)
        self._dark = False
        self.named_us, self._identity_us = t_us, t_us + IDENTITY_EVERY_US
        self._heartbeat_us = t_us + HEARTBEAT_EVERY_US
        return [self.identity_frame(), *(self._motor_starts(t_us) if self._motor_wanted else [])]

    def _comes_back_without_memory(self, t_us: int) -> list[bytes]:
        self._memory.forget(dice(self.script.seed, "brownout"))
        return self._comes_back(t_us)

    def _is_another(self, _t_us: int) -> list[bytes]:
        """Another pen is at the end of the cable. It has been running; who it is, it says when it is plugged in."""
        self._memory = Memory(dice(self._seed, "another pen"))
        self._body = Body(self._seed + 1, self._period_us)
        self._taken = []
        return []

    def _speaks_newer(self, _t_us: int) -> list[bytes]:
        frames = self._flush()
        self._newer = True
        return frames

    def _quietly(self, act: Callable[[int], None]) -> Callable[[int], list[bytes]]:
        """Something that happens in the pen and that it does not tell; the samples before it are sent as they were."""

        def happens(t_us: int) -> list[bytes]:
            frames = self._flush()
            act(t_us)
            return frames

        return happens

    # --- frames -------------------------------------------------------------------------------------------------------

    def _take_sample(self, t_us: int) -> list[bytes]:
        if not self._taken:
            self._taken_us = t_us
        sample = self._body.sample(self.script, t_us - (self.started_us or 0))
        self._taken.append(sample)
        self._memory.count(strokes=sample.new_strokes)
        self._memory.seq = (self._memory.seq + 1) & U32
        self._sample_us = t_us + self._period_us
        return self._flush() if len(self._taken) == self._samples_per_frame else []

    def _flush(self) -> list[bytes]:
        """The samples not yet sent as a frame, if there are any."""
        taken, lacks = self._taken, self.script.lacks
        if not taken:
            return []
        block = SampleBlock(
            **self._head(self._taken_us),
            **self._slow(),
            period_us=self._period_us,
            n=len(taken),
            depth_um=None if "depth" in lacks else tuple(sample.depth_um for sample in taken),
            raw_count=None if "sensor" in lacks else tuple(sample.raw_count for sample in taken),
            frequency_dhz=None if "frequency" in lacks else tuple(sample.frequency_dhz for sample in taken),
            contact_bits=None if "contact" in lacks else sum(sample.contact << bit for bit, sample in enumerate(taken)),
        )
        self._taken = []
        return [self._encoded(block)]

    def _heartbeat(self, t_us: int) -> bytes:
        return self._encoded(Heartbeat(**self._head(t_us), **self._slow()))

    def _event(self, t_us: int, code: int, value: int) -> bytes:
        return self._encoded(PenEvent(**self._head(t_us), code=code, value=value))

    def _head(self, t_us: int) -> dict[str, Any]:
        """The fields of every message. Nothing on the wire may run ahead of the next sample the host will see."""
        memory = self._memory
        seq, clock_us = (memory.seq - len(self._taken)) & U32, memory.clock(t_us)
        return {"mode": self._mode, "motor_on": self.motor_on, "boot": memory.boot, "seq": seq, "t_us": clock_us}

    def _slow(self) -> dict[str, Any]:
        """Dial and counters, as far as the pen has them."""
        lacks, memory = self.script.lacks, self._memory
        counts = "counters" not in lacks
        return {
            "depth_set_um": None if "dial" in lacks else self._set_um,
            "passes": memory.passes if counts else None,
            "strokes": memory.strokes if counts else None,
        }

    def _encoded(self, message: Identity | Heartbeat | PenEvent | SampleBlock) -> bytes:
        frame = encode(message)
        return newer(frame) if self._newer else frame
