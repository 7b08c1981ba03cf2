"""Whether a pen keeps the rules of docs/protocol.md: a recorded run of a pen in, every rule judged, a document out.

Pure, and needs neither a port nor POSIX: a run that was kept can be judged anywhere. Not responsible for running one.
"""

from firmware_bridge.conformance.capture import Capture, CaptureError, read_capture, write_capture
from firmware_bridge.conformance.judge import judge
from firmware_bridge.conformance.table import CHECKS, UNSEEN

__all__ = ["CHECKS", "UNSEEN", "Capture", "CaptureError", "judge", "read_capture", "write_capture"]
