"""Where raw input comes from: the ports, the queue they fill, and the causes of a link that changes.

Importing this loads no port library; that happens when a port is opened.
"""

from firmware_bridge.sources.inbox import Inbox
from firmware_bridge.sources.link import CAUSES
from firmware_bridge.sources.serial_port import SerialSource

__all__ = ["CAUSES", "Inbox", "SerialSource"]
