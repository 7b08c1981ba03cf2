"""How large a recorded session is: the database as it stands, and its chunks joined and compressed anew.

`python -m bench.size DATA_DIR`.
"""

import json
import sqlite3
import sys
import zlib
from contextlib import closing
from pathlib import Path

from devicelog.records import Chunk
from devicelog.store.database import FILE_NAME

JOINED_US = 60_000_000


def main(path: Path) -> dict[str, int]:
    """Bytes of the pages in use, and of the chunks' uncompressed bytes, a minute's together, under zlib 9."""
    with closing(sqlite3.connect(path)) as connection:
        pages, free, page_bytes = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        blobs = [row[0] for row in connection.execute("SELECT blob FROM chunk ORDER BY id")]
    recompressed, joined, from_us = 0, b"", None
    for data in map(zlib.decompress, blobs):
        t_us = Chunk.parse(data).records[0].t_us
        if from_us is None or t_us - from_us >= JOINED_US:
            recompressed += len(zlib.compress(joined, 9)) if joined else 0
            joined, from_us = b"", t_us
        joined += data
    return {
        "live": (pages - free) * page_bytes,
        "page_bytes": page_bytes,
        "chunks": len(blobs),
        "blobs": sum(map(len, blobs)),
        "recompressed": recompressed + len(zlib.compress(joined, 9)),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]) / FILE_NAME)))
