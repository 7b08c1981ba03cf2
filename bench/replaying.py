"""`replay` of a recorded session, all in: read, inflate, decode, derive, validate; CPU per sample.

`python -m bench.replaying DATA_DIR ROUNDS`.
"""

import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from devicelog.canonical import parse_canonical
from devicelog.recorder.replay import replay
from devicelog.store.database import FILE_NAME
from devicelog.store.evidence import Evidence


def main(data_dir: Path, rounds: int) -> dict[str, Any]:
    """Microseconds of CPU per sample of the longest session."""
    with Evidence(data_dir / FILE_NAME) as evidence:
        row = next(row for row in evidence.streams() if row["kind"] == "session")
        facts = parse_canonical(evidence.document(row["derived"]))["facts"]
        samples = sum(boot["decoded"] for boot in facts["completeness"]["boots"])
        taken = []
        for _ in range(rounds):
            began_ns = time.process_time_ns()
            (replayed,) = replay(evidence, row)
            taken.append((time.process_time_ns() - began_ns) / 1000 / samples)
            assert replayed.identical, replayed.difference
    return {"samples": samples, "us": median(taken)}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
