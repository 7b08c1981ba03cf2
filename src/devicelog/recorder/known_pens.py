"""What earlier streams tell of a pen: the counters with which it was last heard."""

from pathlib import Path
from typing import Any

from devicelog.canonical import parse_canonical
from devicelog.counters import Counters
from devicelog.store.evidence import Evidence


def last_counters(path: Path, serial: str, *, before_stream: int) -> Counters | None:
    """The cumulative counters of this pen when it was last heard in a stream before this one; None if never."""
    if not serial:
        return None
    with Evidence(path) as evidence:
        for row in evidence.last_closed(serial, before_stream):
            counters: dict[str, Any] = parse_canonical(evidence.document(row["derived"]))["facts"]["counters"]
            if counters["passes"] is not None or counters["strokes"] is not None:
                return Counters(serial=serial, **{key: counters[key] for key in ("boot", "passes", "strokes")})
    return None
