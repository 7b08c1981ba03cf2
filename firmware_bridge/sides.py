"""Whose an input is: of the pen's own line, or of the pins of this computer. The one place that decides it. Pure.

Both may be in one stream, where pins watch beside a pen that sends. What is of one side changes nothing on the other.
"""

from firmware_bridge.readings import LinkChange, SensorBatch

PINS = "pins"  # what a LinkChange of the pins names as its port


def of_pins(item: object) -> bool:
    """Whether this is of the pins alone: what they did, or that nobody watches them any more, or again."""
    return isinstance(item, SensorBatch) or (isinstance(item, LinkChange) and item.port == PINS)
