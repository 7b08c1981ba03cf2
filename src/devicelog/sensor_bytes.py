"""The body of a sensors record, byte for byte, as docs/record.md describes it: one stretch of watching the pins.

Not responsible for what edges mean. An edge keeps how long before the record's stamp it happened, so that a record
says the same wherever its stream begins.
"""

import struct

from firmware_bridge.readings import MAX_ADC, MAX_EDGES, MAX_US, AdcSample, Edge, SensorBatch

_HEAD = struct.Struct("<IHIHH")  # watched_us, levels, dropped, edges, conversions
_EDGE = struct.Struct("<BI")  # line and level, age_us
_ADC = struct.Struct("<BHI")  # channel, value, age_us

_MAX_PLACE, _MAX_WORD = 2**7 - 1, 2**16 - 1  # of a line; of levels, a channel's count


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


def fitting(batch: SensorBatch) -> SensorBatch:
    """What of a batch a record can hold: the rest is counted as dropped, and no batch is refused.

    A source delivers nothing else; a fault in one must not cost the recording.
    """
    edges = [edge for edge in batch.edges if 0 <= edge.line <= _MAX_PLACE and 0 <= batch.t_us - edge.t_us <= MAX_US]
    adc = [
        sample
        for sample in batch.adc
        if 0 <= sample.channel <= 0xFF and 0 <= sample.value <= _MAX_WORD and 0 <= batch.t_us - sample.t_us <= MAX_US
    ]
    kept = tuple(edges[:MAX_EDGES]), tuple(adc[:MAX_ADC])
    lost = len(batch.edges) + len(batch.adc) - len(kept[0]) - len(kept[1])
    return SensorBatch(
        t_us=batch.t_us,
        watched_us=min(max(0, batch.watched_us), MAX_US),
        levels=batch.levels & _MAX_WORD,
        edges=kept[0],
        adc=kept[1],
        dropped=min(max(0, batch.dropped) + lost, MAX_US),
    )


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
