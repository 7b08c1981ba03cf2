"""What the edges of wired sensors mean: debounce, quadrature, strokes, contact, the pedal. Pure, from records alone.

In: stretches of watching the pins, as a source kept them. Out: the same readings as a pen that sends. docs/pins.md says
what is made of an edge, and what counting edges cannot promise. Not responsible for the pins themselves (sources/).
"""

from firmware_bridge.edges.decoder import SensorDecoder

__all__ = ["SensorDecoder"]
