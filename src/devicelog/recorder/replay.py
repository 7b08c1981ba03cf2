"""replay(): the same pipeline over the kept records, and a comparison with the derived record that was kept."""

import difflib
import json
from dataclasses import dataclass
from hashlib import sha256

from devicelog.canonical import Json, parse_canonical
from devicelog.errors import EvidenceDamaged, NotFound
from devicelog.pipeline import ENGINE, Opening, Pipeline
from devicelog.store.evidence import Evidence, StreamRow

_MAX_DIFFERENCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What deriving again gave. `kept` and `now` are SHA-256 of the two derived records, hex."""

    stream: str
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

    def document(self) -> Json:
        """As plain values."""
        return {
            "stream": self.stream,
            "identical": self.identical,
            "records": self.records,
            "kept": self.kept,
            "now": self.now,
            "engine_then": self.engine_then,
            "engine_now": self.engine_now,
            "difference": list(self.difference),
        }


def replay(evidence: Evidence, row: StreamRow) -> Replayed:
    """Derive a closed stream again. Raises EvidenceDamaged when its evidence cannot be read."""
    opening, closing = evidence.entry(row["no"]), evidence.closing(row)
    if closing is None:
        raise NotFound(f"{row['id']} is still being recorded: there is no record to compare with yet")
    kept = evidence.document(closing.body["derived"])
    try:
        pipeline, n = Pipeline(Opening.read(opening.type, opening.body, evidence.documents(opening))), 0
        for record in evidence.records(row["no"]):
            pipeline.feed(record)
            n += 1
        now = pipeline.finish()
        then = parse_canonical(kept)
    except (ValueError, KeyError) as error:
        raise EvidenceDamaged(f"{row['id']} cannot be derived: {error}") from error
    return Replayed(
        stream=row["id"],
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
