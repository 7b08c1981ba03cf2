"""replay(): the same pipeline over the kept records, and a comparison with each derived record that was kept."""

import difflib
import json
from dataclasses import dataclass
from hashlib import sha256

from devicelog.attribution import Attribution
from devicelog.canonical import Json, parse_canonical
from devicelog.errors import EvidenceDamaged, NotFound
from devicelog.ledger.entries import Entry
from devicelog.pipeline import ENGINE, Opening, Pipeline
from devicelog.store.reading import Kept, StreamRow

_MAX_DIFFERENCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What deriving again gave. `kept` and `now` are SHA-256 of the two derived records, hex."""

    stream: str
    derivation: int  # which of the stream's, from 1
    records: int
    kept: str
    now: str
    engine_then: int
    engine_now: int
    difference: tuple[str, ...]

    @property
    def identical(self) -> bool:
        """Whether every byte is the same."""
        return self.kept == self.now

    @property
    def holds(self) -> bool:
        """Whether the kept record stands: identical, or made by another engine."""
        return self.identical or self.engine_then != self.engine_now

    def document(self) -> Json:
        """As plain values."""
        return {
            "stream": self.stream,
            "derivation": self.derivation,
            "identical": self.identical,
            "records": self.records,
            "kept": self.kept,
            "now": self.now,
            "engine_then": self.engine_then,
            "engine_now": self.engine_now,
            "difference": list(self.difference),
        }


def derived_again(evidence: Kept, opening: Entry, attribution: Attribution | None) -> tuple[bytes, int]:
    """The derived record of a stream as it follows from its records now, and how many they are.

    Raises EvidenceDamaged when its evidence cannot be read.
    """
    try:
        documents, n = evidence.documents(opening), 0
        pipeline = Pipeline(Opening.read(opening.type, opening.body, documents, attribution))
        for record in evidence.records(opening.seq):
            pipeline.feed(record)
            n += 1
        return pipeline.finish(), n
    except (ValueError, KeyError) as error:
        raise EvidenceDamaged(f"{opening.body['stream']} cannot be derived: {error}") from error


def replay(evidence: Kept, row: StreamRow) -> tuple[Replayed, ...]:
    """Derive a closed stream again, each of its derivations, oldest first. Raises EvidenceDamaged, NotFound."""
    opening, named = evidence.entry(row["no"]), evidence.derivations(row)
    if not named:
        raise NotFound(f"{row['id']} is still being recorded: there is no record to compare with yet")
    bodies = [entry.body for entry in named]
    return tuple(_compared(evidence, opening, bodies[:number]) for number in range(1, len(bodies) + 1))


def _compared(evidence: Kept, opening: Entry, bodies: list[Json]) -> Replayed:
    """Of the closing entry's body and those of the attributions up to the derivation in question."""
    stream, kept = opening.body["stream"], evidence.document(bodies[-1]["derived"])
    try:
        then, attribution = parse_canonical(kept), Attribution.of(bodies[1:])
    except ValueError as error:
        raise EvidenceDamaged(f"derivation {len(bodies)} of {stream}: {error}") from error
    now, n = derived_again(evidence, opening, attribution)
    return Replayed(
        stream=stream,
        derivation=len(bodies),
        records=n,
        kept=sha256(kept).hexdigest(),
        now=sha256(now).hexdigest(),
        engine_then=then["engine"],
        engine_now=ENGINE,
        difference=() if now == kept else _difference(then, parse_canonical(now)),
    )


def _difference(then: Json, now: Json) -> tuple[str, ...]:
    kept, derived = (json.dumps(value, indent=1, sort_keys=True).splitlines() for value in (then, now))
    changed = difflib.unified_diff(kept, derived, "kept", "derived now", lineterm="", n=1)
    return tuple(changed)[:_MAX_DIFFERENCE]
