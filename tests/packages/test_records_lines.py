"""Records as lines of canonical JSON: each exactly what `canonical` gives, in blocks of bounded size."""

import json
import tracemalloc

import pytest

from devicelog.canonical import canonical, parse_canonical
from devicelog.errors import EvidenceDamaged
from devicelog.packages.records_lines import record_lines
from devicelog.records import SERIAL, TICK, Record, record_of
from tests.make_golden import evidence_of


@pytest.mark.parametrize("scenario", ["noise", "unplug"])
def test_every_record_is_a_canonical_line_and_comes_back(scenario: str) -> None:
    records = evidence_of(scenario, 6, 1)
    lines = b"".join(record_lines(records)).splitlines(keepends=True)
    assert lines == [
        canonical({"number": record.number, "t_us": record.t_us, "kind": record.kind, "body": record.body.hex()})
        + b"\n"
        for record in records
    ]
    read = [parse_canonical(line[:-1]) for line in lines]
    assert [Record(row["number"], row["t_us"], row["kind"], bytes.fromhex(row["body"])) for row in read] == records


def test_a_record_of_a_later_version_and_an_empty_body_are_lines_too() -> None:
    first, second = b"".join(record_lines([Record(0, 5, 250, b"\0\n"), record_of(1, 6, None)])).splitlines()
    assert json.loads(first) == {"body": "000a", "kind": 250, "number": 0, "t_us": 5}
    assert json.loads(second) == {"body": "", "kind": TICK, "number": 1, "t_us": 6}


def test_no_record_is_no_line() -> None:
    assert list(record_lines([])) == []


def test_a_stamp_that_canonical_json_cannot_say_is_damage() -> None:
    assert list(record_lines([Record(0, 2**53 - 1, TICK, b"")]))
    with pytest.raises(EvidenceDamaged, match="record 7"):
        list(record_lines([Record(7, 2**53, TICK, b"")]))


def test_memory_does_not_grow_with_the_records() -> None:
    body = bytes(60_000)
    tracemalloc.start()
    try:
        size = sum(map(len, record_lines(Record(number, number, SERIAL, body) for number in range(500))))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 60_000_000
    assert peak < 2_000_000


def test_many_blocks_are_the_same_bytes_as_one() -> None:
    records = [Record(number, number, SERIAL, bytes(1_000)) for number in range(200)]
    blocks = list(record_lines(records))
    assert len(blocks) > 5
    assert all(1 << 16 <= len(block) < (1 << 16) + 2_100 for block in blocks[:-1])
    assert b"".join(blocks) == b"".join(line for record in records for line in record_lines([record]))
