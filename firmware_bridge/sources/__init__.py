"""Where raw input comes from: the ports, the queue they fill, the causes of a link that changes, and its watch.

Importing this loads no port library; that happens when a port is opened.
"""

from firmware_bridge.sources.inbox import Inbox, PortFree
from firmware_bridge.sources.link import CAUSES
from firmware_bridge.sources.restarts import Restarts
from firmware_bridge.sources.serial_port import SerialSource
from firmware_bridge.sources.watch import Watch

__all__ = ["CAUSES", "Inbox", "PortFree", "Restarts", "SerialSource", "Watch"]
