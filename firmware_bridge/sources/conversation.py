"""A port to talk with: read with a wait, written to, its lines moved. For testing a pen, not for recording.

Not responsible for how a port is opened and read (port.py), for opening it again when it is gone, nor for what anything
means.
"""

from firmware_bridge.profile import PenProfile
from firmware_bridge.sources.port import LinkLost, Port

__all__ = ["Conversation", "LinkLost"]

_READ_WAIT_S = 0.02
_WRITE_WAIT_S = 1.0


class Conversation:
    """One opening of a port, by the settings of a profile. `close` may be called twice."""

    def __init__(self, url: str, profile: PenProfile) -> None:
        """Open it. Raises PortMissing, PortBusy, PortForbidden or PenError with a message for a person."""
        self._port = Port(url, profile)
        # to where they stand already: whether there are such lines is not to be had otherwise
        self.has_lines = self._port.turn_lines(dtr=profile.dtr, rts=profile.rts)

    def read(self) -> bytes:
        """What has arrived, b"" when nothing came for 20 ms. Raises LinkLost."""
        data = self._port.read_now()
        if not data:
            self._port.wait(_READ_WAIT_S)
            data = self._port.read_now()
        return data

    def write(self, data: bytes) -> None:
        """Send bytes; a pen that takes none holds this up for a second at most. Raises LinkLost."""
        self._port.write(data, within_s=_WRITE_WAIT_S)

    def turn_lines(self, *, dtr: bool, rts: bool) -> bool:
        """Set DTR and RTS; False where this port has no such lines."""
        return self._port.turn_lines(dtr=dtr, rts=rts)

    def close(self) -> None:
        """Release the port."""
        self._port.close()
