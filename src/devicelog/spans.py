"""Spans: stretches of needling under one zone, dial setting, operator, cartridge and plan. Pure.

Each names the records that belong to it, from the mark or the frame that began it up to the next span, so that it can
be attributed anew as a whole: passes and lifts after it go with it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from devicelog.canonical import Json
from devicelog.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Under:
    """Under what a span was needled besides zone and dial; each None where it is not known or there is none."""

    practitioner: str | None = None
    cartridge: str | None = None
    plan_max_um: int | None = None
    hard_max_um: int | None = None


@dataclass(slots=True)
class _Span:
    zone: str
    depth_set_um: int | None
    under: Under
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
        self._from_record = 0  # of the newest turn to a zone, or of the first cut after needling
        self._cut = False

    def __len__(self) -> int:
        return len(self._spans)

    def begins(self, run: Run, zone: str) -> bool:
        """Whether needling in this run is another span than the newest."""
        span = self._spans[-1] if self._spans else None
        return span is None or self._cut or span.zone != zone or span.depth_set_um != run.set_um

    def turn(self, record: int) -> None:
        """The operator turned to a zone."""
        self._from_record = record

    def cut(self, record: int) -> None:
        """Something else than the zone changed: what is needled from here on is another span.

        Where she turned to the zone and has not needled since, the span begins with that turn.
        """
        if self._spans and self._from_record <= self._spans[-1].newest_record:
            self._from_record = record
        self._cut = True

    def take(self, run: Run, zone: str, under: Callable[[], Under], *, from_us: int, to_us: int) -> None:
        """A run in which the pen was on the skin, or may have been; its times since the stream's first record.

        `under` is asked when a span begins.
        """
        span = self._spans[-1] if self._spans else None
        if span is None or self.begins(run, zone):
            turned = span is None or self._from_record > span.newest_record
            first_record = self._from_record if turned else run.first_record
            span = _Span(zone, run.set_um, under(), first_record, run.last_record, from_us, to_us)
            self._spans.append(span)
            self._cut = False
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
                "practitioner": span.under.practitioner,
                "cartridge": span.under.cartridge,
                "plan_max_um": span.under.plan_max_um,
                "hard_max_um": span.under.hard_max_um,
            }
            for span, end in zip(self._spans, ends, strict=False)
        ]
