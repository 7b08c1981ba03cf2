"""Every record as a line of canonical JSON: what arrived, for whoever would rather read lines than chunks. Pure.

docs/package.md, `data/records/<id>.jsonl`; docs/record.md says what the kinds and bodies mean.
"""

from collections.abc import Iterable, Iterator

from devicelog.errors import EvidenceDamaged
from devicelog.records import Record

_BLOCK_BYTES = 1 << 16
_MAX_INTEGER = 2**53 - 1


def record_lines(records: Iterable[Record]) -> Iterator[bytes]:
    """Blocks of lines, `body` (hex), `kind`, `number` and `t_us`, in the order of the records.

    Raises EvidenceDamaged for a stamp that canonical JSON cannot say: no clock has run for so long.
    """
    lines: list[str] = []
    size = 0
    for number, t_us, kind, body in records:
        if t_us > _MAX_INTEGER:
            raise EvidenceDamaged(f"record {number}: a stamp of {t_us} µs")
        line = f'{{"body":"{body.hex()}","kind":{kind},"number":{number},"t_us":{t_us}}}\n'
        lines.append(line)
        size += len(line)
        if size >= _BLOCK_BYTES:
            yield "".join(lines).encode("ascii")
            lines, size = [], 0
    if lines:
        yield "".join(lines).encode("ascii")
