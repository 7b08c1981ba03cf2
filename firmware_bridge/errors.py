"""The errors of firmware_bridge: one root, and a leaf that is also a builtin for each way a pen can be out of reach.

Bytes that do not make sense are never an error: they are a `Fault`, a value that is counted and shown.
"""


class BridgeError(Exception):
    """Root of every error this package raises on purpose."""


class PenError(BridgeError, OSError):
    """A port that cannot be used. The message names the port, what was found and what to do."""


class PortMissing(PenError, FileNotFoundError):
    """There is nothing at this address."""


class PortBusy(PenError):
    """Another program holds the port."""


class PortForbidden(PenError, PermissionError):
    """This user may not open the port."""


class ProfileError(BridgeError, ValueError):
    """A pen profile that does not parse; the message names the key."""


class CalibrationError(BridgeError, ValueError):
    """Points that make no curve, or a calibration that cannot be read; the message says why."""
