"""Spans: stretches under one zone and one dial setting in which the pen needled or may have. Pure.

Each names the records that belong to it, from the mark or the frame that began it up to the next span, so that it can
be attributed anew as a whole: passes and lifts after it go with it.
"""

from dataclasses import dataclass
from itertools import pairwise

from devicelog.canonical import Json
from devicelog.runs import Run


@dataclass(slots=True)
class _Span:
    zone: str
    depth_set_um: int | None
    first_record: int
    newest_record: int  # with needling in it
    from_us: int
    to_us: int
    contact_us: int = 0
    samples: int = 0


class Spans:
    """The spans of one stream."""

    def __init__(self) -> None:
        self._spans: list[_Span] = []
        self._zone_record = 0  # of the newest turn to a zone

    def turn(self, record: int) -> None:
        """The operator turned to a zone."""
        self._zone_record = record

    def take(self, run: Run, zone: str, *, from_us: int, to_us: int) -> None:
        """A run in which the pen was on the skin, or may have been; its times since the stream's first record."""
        span = self._spans[-1] if self._spans else None
        if span is None or span.zone != zone or span.depth_set_um != run.set_um:
            turned = span is None or self._zone_record > span.newest_record
            first_record = self._zone_record if turned else run.first_record
            span = _Span(zone, run.set_um, first_record, run.last_record, from_us, to_us)
            self._spans.append(span)
        span.newest_record = run.last_record
        span.to_us = to_us
        span.samples += run.samples
        if run.contact:
            span.contact_us += run.samples * run.period_us

    def documents(self, last_record: int) -> list[Json]:
        """The spans in order; the last one reaches to `last_record`. A record with frames of two of them is in both."""
        ends = [max(a.newest_record, b.first_record - 1) for a, b in pairwise(self._spans)] + [last_record]
        return [
            {
                "zone": span.zone,
                "depth_set_um": span.depth_set_um,
                "first_record": span.first_record,
                "last_record": end,
                "from_us": span.from_us,
                "to_us": span.to_us,
                "contact_us": span.contact_us,
                "samples": span.samples,
            }
            for span, end in zip(self._spans, ends, strict=False)
        ]
