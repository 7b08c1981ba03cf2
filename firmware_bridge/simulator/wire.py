"""The cable of the simulated pen: what of its frames arrives, and when the link is down.

Pure: time is given, bytes are returned. Not responsible for what the line does to single frames (faults.py), nor for
ports (run.py).
"""

from firmware_bridge.simulator.faults import cut
from firmware_bridge.simulator.pen import Pen
from firmware_bridge.simulator.script import Script, dice

WIRE_STEP_US = 20_000
OUTAGES = ("unplug", "wrong pen")  # the port vanishes


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
                    steps.append((to_us, self._pen.identity_frame()))  # a pen that is plugged in says who it is
                continue
            outage = self._next_outage(t_us)
            if outage is None:
                steps.append((t_us, self._pen.advance_to(t_us)))
            else:
                steps += self._pull(outage)
        return steps

    def answer(self) -> bytes:
        """What comes back when a host asks now who is there."""
        silent = self._back_us is not None or self._pen.silent
        return b"" if silent or "receiver" in self._pen.script.lacks else self._pen.identity_frame()

    def _next_outage(self, t_us: int) -> tuple[int, int] | None:
        """From and to of the outage that begins after now and up to `t_us`, in pen time."""
        start_us = self._pen.started_us
        if start_us is None:
            return None
        outages = self._pen.script.faults_of(*OUTAGES)
        spans = ((start_us + fault.from_us, start_us + fault.to_us) for fault in outages)
        return next((span for span in spans if self._pen.now_us < span[0] <= t_us), None)

    def _pull(self, outage: tuple[int, int]) -> list[tuple[int, bytes | None]]:
        """Everything up to the outage, the first part of the frame that was on its way, and the end of the link."""
        gone_us, self._back_us = outage
        whole = self._pen.advance_to(gone_us)
        lost = self._pen.frames_to(gone_us + 2 * WIRE_STEP_US)
        part = cut(lost[0][1], self._rng) if lost else b""
        return [(gone_us, whole + part), (gone_us, None)]


def play(script: Script, seed: int) -> list[tuple[int, bytes | None]]:
    """One run of a script as it arrives, in steps of 20 ms of pen time; None where the link goes down.

    The pen starts its script when it is switched on. The last step ends with its motor.
    """
    pen = Pen(script, seed)
    pen.start()
    wire = Wire(pen)
    steps: list[tuple[int, bytes | None]] = []
    for t_us in [*range(WIRE_STEP_US, script.duration_us, WIRE_STEP_US), script.duration_us]:
        steps += wire.advance_to(t_us)
    return steps
