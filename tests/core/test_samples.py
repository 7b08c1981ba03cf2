"""Samples as rows: each one once, under the zone of its time, with what the pen said and None for what it did not."""

import pytest

from devicelog.attribution import Correction
from devicelog.samples import COLUMNS, sample_rows
from firmware_bridge.frames import encode
from firmware_bridge.readings import LinkChange, SampleBlock, SensorBatch
from firmware_bridge.simulator import script_for
from firmware_bridge.simulator.pen import Pen
from tests.builders import HOST_US, Bench, opening_of, pen_document


def column(rows, name):
    return [row[name] for row in rows]


def test_every_sample_is_a_row_with_the_columns_in_order():
    bench = Bench()
    bench.zone("forehead")
    block = bench.block("101", depth=(210, 220, 230), frequency=(990, 1_000, 1_010), period_us=2_000)
    bench.wait(6_000)
    record = bench.send(block._replace(seq=41, t_us=2**32 - 3_000, raw_count=(7, 8, 9)))
    rows = list(sample_rows(bench.records))
    assert all(tuple(row) == COLUMNS for row in rows)
    assert [tuple(row.values()) for row in rows] == [
        (record.number, 6_000, "forehead", 7, 41, 2**32 - 3_000, "real", 1, 300, 210, 7, 990, 1, 10, 1_000, "pen"),
        (record.number, 6_000, "forehead", 7, 42, 2**32 - 1_000, "real", 1, 300, 220, 8, 1_000, 0, 10, 1_000, "pen"),
        (record.number, 6_000, "forehead", 7, 43, 1_000, "real", 1, 300, 230, 9, 1_010, 1, 10, 1_000, "pen"),
    ]
    assert record.number == 2


def test_what_the_pen_does_not_have_is_none():
    bench = Bench()
    bench.set_um = bench.passes = bench.strokes = None
    bench.motor_on = False
    bench.samples(None, n=1, depth=None, frequency=None)
    (row,) = sample_rows(bench.records)
    absent = {"depth_set_um", "depth_um", "depth_by", "raw_count", "frequency_dhz", "contact", "passes", "strokes"}
    assert {name for name, value in row.items() if value is None} == absent
    assert row["motor_on"] == 0


def test_a_depth_of_zero_is_not_absent():
    bench = Bench()
    bench.set_um = bench.passes = 0
    bench.samples("00", depth=0, frequency=0)
    for row in sample_rows(bench.records):
        assert [row[name] for name in ("depth_set_um", "depth_um", "frequency_dhz", "contact", "passes")] == [0] * 5


def test_zones_by_mark():
    bench = Bench()
    bench.samples("1")
    bench.zone("forehead")
    bench.samples("11")
    bench.mark("pass")
    bench.samples("1")
    bench.zone("cheek.left")
    bench.samples("1")
    bench.mark("zone", None)
    bench.samples("1")
    zones = column(sample_rows(bench.records), "zone")
    assert zones == ["unassigned", *["forehead"] * 3, "cheek.left", "unassigned"]


def test_a_repeated_frame_stands_once_and_a_lost_one_not_at_all():
    bench = Bench()
    block = bench.samples("11")
    bench.send(block)
    bench.samples("111", lost=True)
    bench.samples("1")
    bench.send(block)
    bench.samples("1")
    assert column(sample_rows(bench.records), "seq") == [0, 1, 5, 6]


def test_a_restarted_pen_begins_anew():
    bench = Bench(seq=500)
    bench.samples("11")
    bench.boot, bench.seq = 8, 0
    bench.samples("11")
    rows = list(sample_rows(bench.records))
    assert list(zip(column(rows, "boot"), column(rows, "seq"), strict=True)) == [(7, 500), (7, 501), (8, 0), (8, 1)]


def test_another_pen_begins_anew():
    bench = Bench(opening_of(pen=pen_document()), seq=500)
    bench.samples("11")
    bench.swap("B0001", boot=9, seq=400, passes=None, strokes=None)
    bench.samples("11")
    rows = list(sample_rows(bench.records))
    assert list(zip(column(rows, "boot"), column(rows, "seq"), strict=True)) == [(7, 500), (7, 501), (9, 400), (9, 401)]
    assert len(rows) == sum(zone["samples"] for zone in bench.end()["facts"]["zones"])


@pytest.mark.parametrize("restarted", [False, True])
def test_another_pen_with_the_same_boot_and_numbers_is_no_repeat(restarted):
    bench = Bench(opening_of(pen=pen_document()), seq=500, pen_us=3_000_000)
    if restarted:
        bench.boot = 6
        bench.samples("11")
        bench.boot, bench.seq, bench.pen_us = 7, 500, 3_000_000
    bench.samples("11")
    bench.swap("B0001", boot=7, seq=500, passes=None, strokes=None)
    bench.samples("11")
    rows = list(sample_rows(bench.records, pen_document()["serial"]))
    assert column(rows, "seq") == [500, 501] * (3 if restarted else 2)


@pytest.mark.parametrize("serial", [None, pen_document()["serial"]])
def test_a_pen_that_says_its_name_again_is_the_same_one(serial):
    bench = Bench()
    block = bench.samples("11")
    bench.identity()
    bench.send(block)
    bench.samples("1")
    assert column(sample_rows(bench.records, serial), "seq") == [0, 1, 2]


def test_what_a_heartbeat_says_of_the_numbers_counts():
    """Five thousand are lost, and then the pen counts anew under the same boot: its first numbers are no repeats."""
    bench = Bench()
    bench.samples("11")
    bench.seq, bench.pen_us = 5_000, 50_000_000
    bench.heartbeat()
    bench.seq = bench.pen_us = 0
    bench.samples("11")
    assert column(sample_rows(bench.records), "seq") == [0, 1, 0, 1]
    assert sum(zone["samples"] for zone in bench.end()["facts"]["zones"]) == 4


def test_a_zone_that_was_corrected_is_that_of_the_correction():
    bench = Bench()
    bench.zone("forehead")
    for _ in range(4):
        bench.samples("1")  # records 2 to 5
    corrections = [Correction(first_record=3, last_record=4, zone="cheek.left")]
    zones = column(sample_rows(bench.records, corrections=corrections), "zone")
    assert zones == ["forehead", "cheek.left", "cheek.left", "forehead"]


def test_sample_numbers_wrap():
    bench = Bench(seq=2**32 - 1)
    bench.samples("11")
    assert column(sample_rows(bench.records), "seq") == [4_294_967_295, 0]


@pytest.mark.parametrize("trouble", ["link", "overflow", "damage"])
def test_half_a_frame_before_trouble_is_no_sample(trouble):
    bench = Bench()
    bench.samples("1")
    half = bytes(bench.records[-1].body[:20])
    bench.raw(half)
    if trouble == "link":
        bench.link(up=False)
        bench.link(up=True)
    elif trouble == "overflow":
        bench.overflow(30)
    else:
        bench.raw(b"\0")
    bench.samples("1")
    assert column(sample_rows(bench.records), "seq") == [0, 1]


@pytest.mark.parametrize("up", [False, True], ids=["lost", "back"])
def test_what_befalls_the_pins_does_not_cut_a_frame_of_the_pen(up):
    bench = Bench()
    for half in (slice(0, 10), slice(10, None)):
        bench.raw(encode(bench.block("11"))[half])
        if half.start == 0:
            bench.put(LinkChange(t_us=HOST_US, up=up, cause="io error", port="pins"))
            bench.put(SensorBatch(t_us=HOST_US, watched_us=0, levels=0))
    assert column(sample_rows(bench.records), "seq") == [0, 1]


@pytest.mark.parametrize("trouble", ["link", "overflow"])
def test_two_halves_with_trouble_between_are_no_frame(trouble):
    bench = Bench()
    data = encode(bench.block("1"))
    bench.raw(data[:20])
    if trouble == "link":
        bench.link(up=False)
    else:
        bench.overflow(30)
    bench.raw(data[20:])
    assert list(sample_rows(bench.records)) == []
    assert bench.end()["facts"]["zones"] == []


def test_what_was_given_up_as_missing_is_a_row_when_it_comes_late():
    """As in the account: a frame behind what a heartbeat told fills the hole, and the second one is a repeat."""
    bench = Bench()
    bench.samples("1")
    late = bench.samples("11", lost=True)
    bench.heartbeat()
    bench.zone("forehead")
    bench.send(late)
    bench.send(late)
    bench.samples("1")
    rows = list(sample_rows(bench.records))
    assert column(rows, "seq") == [0, 1, 2, 3]
    assert column(rows, "zone") == ["unassigned", *["forehead"] * 3]  # where data goes when it comes
    derived = bench.end()
    (boot,) = derived["facts"]["completeness"]["boots"]
    assert (boot["decoded"], boot["missing"], boot["late"], boot["repeated"]) == (4, 0, 2, 2)
    assert [(zone["zone"], zone["samples"]) for zone in derived["facts"]["zones"]] == [
        ("unassigned", 1),
        ("forehead", 3),
    ]


def test_a_pen_that_counts_anew_under_the_same_boot_is_all_there():
    bench = Bench(seq=3_000, pen_us=30_000_000)
    bench.samples("11")
    bench.seq = bench.pen_us = 0
    bench.samples("11")
    assert column(sample_rows(bench.records), "seq") == [3_000, 3_001, 0, 1]


def test_a_frame_that_comes_in_pieces_arrives_with_the_last():
    bench = Bench()
    whole = Bench().samples("11")
    sent = Bench()
    sent.send(whole)
    data = sent.records[-1].body
    bench.raw(data[:10])
    bench.wait(70_000)
    last = bench.raw(data[10:])
    assert {(row["record"], row["arrived_us"]) for row in sample_rows(bench.records)} == {(last.number, 70_000)}


def test_as_many_rows_as_the_account_has_decoded():
    bench = Bench()
    pen = Pen(script_for("noise", 8, 1), 1)
    pen.start()
    for t_us in range(20_000, 8_020_000, 20_000):
        bench.wait(20_000)
        bench.raw(pen.advance_to(t_us))
    rows = list(sample_rows(bench.records))
    (boot,) = bench.end()["facts"]["completeness"]["boots"]
    assert boot["missing"] > 0
    assert len(rows) == boot["decoded"]
    assert boot["decoded"] + boot["missing"] == 800  # 8 s of 100 samples
    assert column(rows, "seq") == sorted(set(column(rows, "seq")))


def test_records_that_say_nothing_of_samples_are_passed_over():
    bench = Bench()
    bench.put(None)
    bench.heartbeat()
    bench.identity()
    bench.event(1, 11)
    assert list(sample_rows(bench.records)) == []
    assert isinstance(bench.samples("1"), SampleBlock)
    assert len(list(sample_rows(bench.records))) == 1
