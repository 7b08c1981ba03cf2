"""A simulated pen on a bench: a gauge block under its tip, and a sensor that reads raw counts. No session, no skin.

Pure: time is given, frames are returned. It sends no depth of its own unless told so; its sensor is a little bent, so
that a straight line through two points is not enough. Not responsible for ports and real time (bench.py).
"""

from typing import Any

from firmware_bridge.frames import PROTOCOL_MAJOR, PROTOCOL_MINOR, encode
from firmware_bridge.readings import Identity, SampleBlock
from firmware_bridge.simulator.script import dice

PERIOD_US = 10_000
SAMPLES_A_FRAME = 2
IDENTITY_EVERY_US = 5_000_000
NOISE_COUNTS = 3
_RAW_ZERO = 180
_U32 = 2**32 - 1


class GaugePen:
    """One pen, its motor off, sending samples all the time. `gauge_um`: what is under its tip."""

    def __init__(self, seed: int, *, serial: str, off_um: int = 0, own_depth: bool = False) -> None:
        """`off_um`: by how much its sensor reads too much; `own_depth`: it makes a depth of the counts itself."""
        self.gauge_um = 0
        self.serial = serial
        self._off_um, self._own_depth = off_um, own_depth
        self._rng = dice(seed, "gauges")
        self._boot = self._rng.randint(0, 65_535)
        self._seq = 0
        self._sample_us = self._identity_us = 0

    def advance_to(self, t_us: int) -> bytes:
        """The frames of the time up to this, µs since it was switched on."""
        frames = []
        frame_us = SAMPLES_A_FRAME * PERIOD_US
        while min(self._identity_us, self._sample_us + frame_us) <= t_us:
            if self._identity_us <= self._sample_us + frame_us:
                frames.append(self.identity_frame())
                self._identity_us += IDENTITY_EVERY_US
            else:
                frames.append(self._samples())
        return b"".join(frames)

    def identity_frame(self) -> bytes:
        """Who the pen is: the answer to a request."""
        return encode(
            Identity(
                **self._head(),
                protocol_major=PROTOCOL_MAJOR,
                protocol_minor=PROTOCOL_MINOR,
                model="Reference pen",
                serial=self.serial,
                firmware="sim-1.0",
                calibration_id="SIM-CAL-1" if self._own_depth else "",
                cartridge="",
            )
        )

    def _samples(self) -> bytes:
        um = self.gauge_um + self._off_um
        exact = _RAW_ZERO + um * 5 // 4 + um * um // 250_000  # 5 counts for 4 µm, and 25 counts too many at 2.5 mm
        counts = [max(0, exact + self._rng.randint(-NOISE_COUNTS, NOISE_COUNTS)) for _ in range(SAMPLES_A_FRAME)]
        block = SampleBlock(
            **self._head(),
            depth_set_um=None,
            passes=None,
            strokes=None,
            period_us=PERIOD_US,
            n=len(counts),
            depth_um=tuple((count - _RAW_ZERO) * 4 // 5 for count in counts) if self._own_depth else None,
            raw_count=tuple(counts),
            frequency_dhz=None,
            contact_bits=None,
        )
        self._seq = (self._seq + len(counts)) & _U32
        self._sample_us += len(counts) * PERIOD_US
        return encode(block)

    def _head(self) -> dict[str, Any]:
        t_us = self._sample_us & _U32
        return {"mode": "demo", "motor_on": False, "boot": self._boot, "seq": self._seq, "t_us": t_us}
