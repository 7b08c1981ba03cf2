"""Which decoder a kind of pen wants: the one place where a profile is asked how its pen is connected. Pure."""

from typing import Protocol

from firmware_bridge.decode import Decoder
from firmware_bridge.edges import SensorDecoder
from firmware_bridge.lines import LineDecoder
from firmware_bridge.profile import PenProfile
from firmware_bridge.readings import RawInput, Reading


class StreamDecoder(Protocol):
    """Raw input in, readings out; a fresh one for each stream. Any division of the same input gives the same readings.

    `framed_bytes + rejected_bytes + delimiter_bytes + held_bytes` is every serial byte ever fed; none for pins.
    """

    framed_bytes: int
    rejected_bytes: int
    delimiter_bytes: int

    @property
    def held_bytes(self) -> int:
        """Bytes that wait for the rest of what they belong to."""

    def feed(self, raw: RawInput) -> list[Reading]:
        """Take one raw input and return what it completes."""

    def feed_bytes(self, data: bytes, t_us: int = 0) -> list[Reading]:
        """Take the bytes of a SerialChunk stamped `t_us`, for those who have them without one."""

    def finish(self, t_us: int | None = None, /) -> list[Reading]:
        """No more will come, by the host's clock after `t_us` where that is known: what that makes of what is held."""


def decoder_of(profile: PenProfile) -> StreamDecoder:
    """A decoder for a new stream of such a pen."""
    if profile.gpio is not None:
        return SensorDecoder(profile)
    return Decoder() if profile.lines is None else LineDecoder(profile.lines)
