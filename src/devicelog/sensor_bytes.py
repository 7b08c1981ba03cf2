"""The body of a sensors record, byte for byte, as docs/record.md describes it: one stretch of watching the pins.

Not responsible for what edges mean. An edge keeps how long before the record's stamp it happened, so that a record
says the same wherever its stream begins.
"""

import struct

from firmware_bridge.readings import AdcSample, Edge, SensorBatch

_HEAD = struct.Struct("<IHIHH")  # watched_us, levels, dropped, edges, conversions
_EDGE = struct.Struct("<BI")  # line and level, age_us
_ADC = struct.Struct("<BHI")  # channel, value, age_us

# As many as one batch may hold of each: two full ones fit a record's body.
MAX_EDGES = 8_000
MAX_ADC = 3_000


def body_of(batch: SensorBatch) -> bytes:
    """The bytes of a batch. Raises ValueError for what no source delivers: too many, or a stamp after the batch's."""
    if len(batch.edges) > MAX_EDGES or len(batch.adc) > MAX_ADC:
        raise ValueError(f"{len(batch.edges)} edges and {len(batch.adc)} conversions; {MAX_EDGES} and {MAX_ADC} fit")
    try:
        return b"".join(
            (
                _HEAD.pack(batch.watched_us, batch.levels, batch.dropped, len(batch.edges), len(batch.adc)),
                *(_EDGE.pack(edge.line << 1 | edge.level, batch.t_us - edge.t_us) for edge in batch.edges),
                *(_ADC.pack(sample.channel, sample.value, batch.t_us - sample.t_us) for sample in batch.adc),
            )
        )
    except struct.error as error:
        raise ValueError(f"a batch that does not fit a record: {error}") from error


def batch_of(t_us: int, body: bytes) -> SensorBatch:
    """Read a body back, for a record stamped `t_us`. Raises ValueError when these are not exactly the bytes of one."""
    if len(body) < _HEAD.size:
        raise ValueError(f"a sensors body of {len(body)} bytes; its head alone has {_HEAD.size}")
    watched_us, levels, dropped, n_edges, n_adc = _HEAD.unpack_from(body)
    edges_end = _HEAD.size + n_edges * _EDGE.size
    if len(body) != edges_end + n_adc * _ADC.size:
        raise ValueError(f"a sensors body of {len(body)} bytes says {n_edges} edges and {n_adc} conversions")
    return SensorBatch(
        t_us=t_us,
        watched_us=watched_us,
        levels=levels,
        edges=tuple(
            Edge(told >> 1, bool(told & 1), t_us - age_us)
            for told, age_us in _EDGE.iter_unpack(body[_HEAD.size : edges_end])
        ),
        adc=tuple(
            AdcSample(channel, value, t_us - age_us) for channel, value, age_us in _ADC.iter_unpack(body[edges_end:])
        ),
        dropped=dropped,
    )
