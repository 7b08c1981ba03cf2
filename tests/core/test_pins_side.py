"""The pins as a witness of their own: what goes into their derivation, whose the doubt is, and what is compared.

What edges mean is told here by hand, so that every figure can be: the tests say what each batch decodes to. Both
witnesses are samples of 10 ms.
"""

from typing import Any

import pytest

from devicelog.canonical import Json
from devicelog.derive import Derivation
from devicelog.pins_side import Beside, Doubt, Placed, Watched
from devicelog.records import TICK, Body, Mark, Record, record_of
from devicelog.tally import Limits
from firmware_bridge.profile import MEASURES
from firmware_bridge.readings import Fault, Gesture, Identity, LinkChange, Overflow, RawInput, Reading, SensorBatch
from firmware_bridge.sides import of_pins
from tests.builders import HOST_US, Bench

BATCH = SensorBatch(t_us=HOST_US, watched_us=100_000, levels=0)
SHORT = Gesture(kind="short", t_us=HOST_US)
ACCOUNT: Json = {"strokes": {"low": 6, "high": 9}, "edges": 12}


class ByHand:
    """A PinsDecoder whose next readings, and the doubt with which they come, a test lays out."""

    framed_bytes = rejected_bytes = delimiter_bytes = held_bytes = 0

    def __init__(self) -> None:
        self.next: list[Reading] = []
        self.strokes_doubt = self.doubt_then = 0
        self.fed: list[RawInput] = []

    def feed(self, raw: RawInput) -> list[Reading]:
        self.fed.append(raw)
        return self.finish()

    def feed_bytes(self, data: bytes, t_us: int = 0) -> list[Reading]:
        raise AssertionError("pins have no bytes")

    def finish(self, _t_us: int | None = None) -> list[Reading]:
        self.strokes_doubt = self.doubt_then
        self.next, readings = [], self.next
        return readings

    def account(self) -> Json:
        return ACCOUNT


class Pins:
    """Pins beside a pen. A bench lays out what they say; it comes batch by batch."""

    def __init__(self) -> None:
        self.decoder = ByHand()
        derivation = Derivation(
            limits_of=lambda zone: Limits(device_max_um=2_500),
            silence_limit_us=2_500_000,
            pen=None,
            before=None,
            heard=None,
        )
        self.beside = Beside(self.decoder, derivation)
        self.bench = Bench()
        self.number = 0
        self.to_us = HOST_US  # the pins were watched up to then

    def record(self, item: RawInput | Body | None) -> Record:
        self.number += 1
        return record_of(self.number, HOST_US + self.bench.now_us, item)

    def put(self, item: RawInput | Body | None) -> list[Reading]:
        return self.beside.feed(self.record(item), item)

    def samples(self, contact: str | None, *, doubt: int = 0, lost: bool = False, **columns: Any) -> list[Reading]:
        """One batch that is these samples; `doubt` strokes may be missing in it."""
        self.decoder.next.append(self.bench.samples(contact, lost=True, **columns))
        self.decoder.doubt_then += doubt
        if lost:
            self.decoder.next.clear()
            return []
        now_us, from_us = HOST_US + self.bench.now_us, self.to_us
        self.to_us = now_us
        return self.put(SensorBatch(t_us=now_us, watched_us=now_us - from_us, levels=0))

    def missed(self) -> None:
        """Nobody watched up to now."""
        self.to_us = HOST_US + self.bench.now_us

    def zone(self, zone: str) -> None:
        self.put(Mark(kind="zone", actor="p-07", zone=zone))

    def needle(self, zone: str, *, contact: str = "1", strokes: int = 0, passes: int = 0, doubt: int = 0) -> None:
        """Two batches of ten samples in a zone, between which the totals grow."""
        self.zone(zone)
        self.samples(contact * 10)
        if self.bench.strokes is not None:
            self.bench.strokes += strokes
        if self.bench.passes is not None:
            self.bench.passes += passes
        self.samples(contact * 10, doubt=doubt)

    def document(self) -> Json:
        return self.beside.document()


@pytest.fixture
def pins() -> Pins:
    return Pins()


def link(*, up: bool, port: str | None = "pins") -> LinkChange:
    return LinkChange(t_us=HOST_US, up=up, cause="reopened" if up else "unplugged", port=port)


# --- whose a record is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "theirs"),
    [
        (BATCH, True),
        (link(up=True), True),
        (link(up=False), True),
        (link(up=False, port=None), False),
        (link(up=False, port="/dev/ttyACM0"), False),
        (Overflow(t_us=HOST_US, dropped_bytes=1, dropped_chunks=1, since_us=HOST_US), False),
        (Mark(kind="pass", actor="p-07"), False),
        (None, False),
    ],
    ids=["a batch", "pins up", "pins down", "the pen's link", "a named port", "an overflow", "a mark", "a tick"],
)
def test_batches_and_the_link_of_the_pins_are_the_pins_alone(item, theirs):
    assert of_pins(item) is theirs


def test_the_decoder_is_given_what_the_pins_did_and_nothing_else(pins):
    down = link(up=False)
    for item in (BATCH, Mark(kind="pause", actor="p-07"), down, None):
        pins.put(item)
    assert pins.decoder.fed == [BATCH, down]


# --- what they say ----------------------------------------------------------------------------------------------------


def test_what_the_pins_say_is_counted_where_she_is(pins):
    pins.needle("forehead", strokes=6, passes=1)
    pins.needle("cheek.left", contact="0", strokes=2)
    document = pins.document()
    told = [(zone["zone"], zone["strokes"], zone["passes"]["pen"], zone["contact_us"]) for zone in document["zones"]]
    assert told == [("forehead", 6, 1, 200_000), ("cheek.left", 2, 0, 0)]
    assert document["account"] == ACCOUNT
    assert document["pen"] is None
    assert document["closes"]
    assert sorted(document) == [
        *("account", "boots", "closes", "doubt", "gaps", "link_losses", "mode", "pen", "unwatched", "zones"),
    ]
    assert [(boot["decoded"], boot["missing"]) for boot in document["boots"]] == [(40, 0)]


def test_what_a_person_says_counts_for_the_pins_too(pins):
    pins.needle("forehead")
    pins.put(Mark(kind="pass", actor="p-07"))
    (zone,) = pins.document()["zones"]
    assert zone["passes"]["operator"] == 1


def test_the_pedal_speaks_to_whoever_feeds_it(pins):
    double = Gesture(kind="double", t_us=HOST_US)
    pins.decoder.next = [SHORT, pins.bench.samples("1", lost=True), double]
    assert pins.put(BATCH) == [SHORT, double]
    assert pins.put(None) == []
    facts = pins.beside.derivation.facts(framed=0, rejected=0, delimiters=0)
    assert facts["completeness"]["frames_sound"] == 1  # what a foot said is no frame of the pen
    assert pins.document()["boots"][0]["decoded"] == 1


def test_pins_that_were_away_leave_a_gap_in_their_own_account(pins):
    pins.needle("forehead")
    pins.put(link(up=False))
    pins.samples("1" * 30, lost=True)
    pins.put(link(up=True))
    pins.needle("forehead")
    document = pins.document()
    (gap,) = document["gaps"]
    assert (gap["from_us"], gap["missing"], gap["cause"], gap["zone"]) == (200_000, 30, "link", "forehead")
    assert document["closes"]


def test_pins_that_were_away_at_the_end_leave_a_gap_to_it(pins):
    pins.needle("forehead")
    pins.put(link(up=False))
    pins.bench.wait(900_000)
    last = pins.record(None)
    pins.put(None)
    assert pins.document()["gaps"] == []
    pins.beside.finish(last)
    (gap,) = pins.document()["gaps"]
    assert (gap["for_us"], gap["cause"]) == (900_000, "link")


def test_what_the_pins_held_until_the_end_is_counted(pins):
    pins.zone("forehead")
    pins.samples("11")
    pins.decoder.next, pins.decoder.doubt_then = [pins.bench.samples("111", lost=True)], 4
    pins.beside.finish(pins.record(None))
    document = pins.document()
    assert document["zones"][0]["samples"] == document["boots"][0]["decoded"] == 5
    assert document["doubt"] == [{"zone": "forehead", "strokes": 4}]


def test_samples_that_do_not_add_up_are_an_open_account(pins):
    pins.needle("forehead")
    pins.beside.derivation.account.boots[0].missing += 1
    assert pins.document()["closes"] is False


def test_bytes_are_no_account_of_the_pins(pins):
    """They have none; a pen that stops in the middle of a session has its own open account of them."""
    pins.decoder.next = [Fault(kind="crc", offset=0, data=b"\x02")]
    pins.put(BATCH)
    pins.needle("forehead")
    pins.beside.derivation.account.kept_bytes += 1
    assert pins.document()["closes"] is True


# --- whose the doubt is -----------------------------------------------------------------------------------------------


def test_no_doubt_is_no_row(pins):
    pins.needle("forehead", strokes=5)
    assert pins.document()["doubt"] == []


def test_the_doubt_belongs_to_the_zone_in_which_it_arose(pins):
    pins.needle("forehead", doubt=1)
    pins.needle("chin")
    pins.needle("cheek.left", doubt=3)
    pins.needle("forehead", doubt=2)
    pins.needle("chin")
    assert pins.document()["doubt"] == [{"zone": "cheek.left", "strokes": 3}, {"zone": "forehead", "strokes": 3}]


def test_a_doubt_that_shrinks_is_not_taken_back():
    """A count that was an interval once is not exact again because of what came later."""
    decoder = ByHand()
    doubt = Doubt(decoder)
    for known, zone in ((5, "forehead"), (3, "chin"), (6, "chin")):
        decoder.strokes_doubt = known
        doubt.settle(zone)
    assert (doubt.of("forehead"), doubt.of("chin"), doubt.of("cheek.left")) == (5, 1, 0)


# --- beside the pen ---------------------------------------------------------------------------------------------------

ALL = list(MEASURES)
SAME = {
    "zone": "forehead",
    "strokes": {"pen": 6, "low": 6, "high": 6},
    "passes": {"pen": 1, "pins": 1},
    "contact": {"pen_us": 200_000, "pins_us": 200_000},
    "set_depth": {"pen_um": 300, "pins_um": 300},
}


def facts_of_pen(zone: str = "forehead", **other: Any) -> Json:
    """What the pen's side says of a zone, as far as it is compared."""
    return {
        "zone": zone,
        "strokes": 6,
        "passes": {"pen": 1},
        "contact_us": 200_000,
        "at_set_depth": [{"depth_set_um": 300, "for_us": 200_000}],
        **other,
    }


def compare(pins: Pins, *zones: Json, pen: list[str] = ALL, theirs: list[str] = ALL) -> list[Json]:
    return pins.beside.compare(list(zones), (pen, theirs))


def test_what_both_measure_stands_side_by_side(pins):
    pins.needle("forehead", strokes=6, passes=1)
    assert compare(pins, facts_of_pen()) == [SAME]


def test_each_figure_is_of_the_one_who_says_it(pins):
    pins.bench.set_um = 450
    pins.needle("forehead", strokes=9, passes=2, doubt=4)
    pins.needle("forehead", contact="0")
    assert compare(pins, facts_of_pen(contact_us=7)) == [
        {
            "zone": "forehead",
            "strokes": {"pen": 6, "low": 9, "high": 13},
            "passes": {"pen": 1, "pins": 2},
            "contact": {"pen_us": 7, "pins_us": 200_000},
            "set_depth": {"pen_um": 300, "pins_um": 450},
        }
    ]


def test_no_stroke_is_a_count_and_no_doubt_is_none(pins):
    pins.needle("forehead")
    (zone,) = compare(pins, facts_of_pen())
    assert zone["strokes"] == {"pen": 6, "low": 0, "high": 0}


@pytest.mark.parametrize("name", ["strokes", "passes", "contact", "set_depth"])
@pytest.mark.parametrize("who", ["pen", "theirs"])
def test_what_one_of_them_does_not_measure_is_not_compared(pins, who, name):
    pins.needle("forehead", strokes=6, passes=1)
    some = [word for word in ALL if word != name]
    assert compare(pins, facts_of_pen(), **{who: some}) == [{**SAME, name: None}]


@pytest.mark.parametrize(
    ("name", "silent"),
    [("strokes", {"strokes": None}), ("passes", {"passes": {"pen": None}}), ("set_depth", {"at_set_depth": []})],
)
def test_what_the_pen_did_not_tell_here_is_not_compared(pins, name, silent):
    pins.needle("forehead", strokes=6, passes=1)
    assert compare(pins, facts_of_pen(**silent)) == [{**SAME, name: None}]


def test_what_the_pins_did_not_tell_here_is_not_compared(pins):
    pins.bench.strokes = pins.bench.passes = pins.bench.set_um = None
    pins.needle("forehead", doubt=2)
    nothing = {"strokes": None, "passes": None, "set_depth": None}
    assert compare(pins, facts_of_pen()) == [{**SAME, **nothing}]


def test_only_zones_of_both_are_compared_each_with_its_own(pins):
    pins.needle("chin", strokes=8)
    pins.needle("forehead", strokes=6, passes=1)
    pins.needle("cheek.left")
    zones = [facts_of_pen(zone) for zone in ("forehead", "cheek.right", "chin")]
    compared = compare(pins, *zones)
    assert [(zone["zone"], zone["strokes"]["low"]) for zone in compared] == [("forehead", 6), ("chin", 8)]


NOT_COMPARED = {"strokes": None, "passes": None, "contact": None, "set_depth": None}


@pytest.mark.parametrize("how", ["lost and back", "lost for good", "a hole", "silent to the end", "never there"])
def test_a_zone_in_which_nobody_watched_for_a_time_is_not_compared(pins, how):
    if how != "never there":
        pins.needle("chin", strokes=2)
    if how in ("lost and back", "lost for good"):
        pins.put(link(up=False))
    pins.zone("forehead")
    pins.samples("1" * 200, lost=True)
    if how == "lost and back":
        pins.put(link(up=True))
    if how in ("lost and back", "a hole"):
        pins.missed()
        pins.needle("forehead", strokes=6, passes=1)
        pins.needle("cheek.left", strokes=6)
    else:
        pins.put(None)
    named = [zone for zone in pins.document()["unwatched"] if zone != "unassigned"]
    assert named == (["forehead"] if how == "never there" else ["chin", "forehead"])
    rows = compare(pins, facts_of_pen(), facts_of_pen("cheek.left"))
    assert rows[0] == {"zone": "forehead", **NOT_COMPARED}
    if how in ("lost and back", "a hole"):
        assert rows[1]["contact"] == {"pen_us": 200_000, "pins_us": 200_000}


def batch(began_us: int, ended_us: int) -> SensorBatch:
    return SensorBatch(t_us=ended_us, watched_us=ended_us - began_us, levels=0)


@pytest.mark.parametrize(("began_us", "unwatched"), [(0, []), (1, ["chin"])])
def test_a_stream_that_begins_before_its_pins_are_watched(began_us, unwatched):
    watched = Watched()
    for t_us in (0, 60_000):
        watched.at(t_us, "chin")
    watched.batch(batch(began_us, 60_000), "chin")
    assert watched.unwatched() == unwatched


@pytest.mark.parametrize(("silent_us", "unwatched"), [(1_000_000, []), (1_000_001, ["chin"])])
def test_pins_that_say_nothing_for_a_second_are_not_watched(silent_us, unwatched):
    watched = Watched()
    watched.at(0, "chin")
    watched.batch(batch(0, 40_000), "chin")
    watched.at(40_000 + silent_us, "chin")
    assert watched.unwatched() == unwatched


def test_pins_that_are_lost_are_not_watched_from_then_on():
    watched = Watched()
    watched.at(0, "chin")
    watched.batch(batch(0, 40_000), "chin")
    assert watched.unwatched() == []
    watched.lose()
    watched.at(50_000, "nose")
    assert watched.unwatched() == ["chin", "nose"]
    watched.batch(batch(90_000, 130_000), "forehead")
    watched.batch(batch(130_000, 170_000), "cheek.left")
    assert watched.unwatched() == ["chin", "forehead", "nose"]


def test_a_link_that_comes_up_loses_no_pins_and_one_that_goes_down_does(pins):
    pins.needle("forehead")
    pins.put(link(up=True))
    assert pins.document()["unwatched"] == []
    pins.put(link(up=False))
    assert pins.document()["unwatched"] == ["forehead"]
    pins.zone("chin")
    assert pins.document()["unwatched"] == ["chin", "forehead"]


def test_what_the_pen_alone_says_shows_that_the_pins_are_silent(pins):
    pins.needle("forehead")
    pins.beside.arrived(Record(99, pins.to_us + 1_000_001, TICK, b""))
    assert pins.document()["unwatched"] == ["forehead"]


def test_what_a_new_stretch_completes_belongs_to_the_record_before():
    first, tick, second = (Record(number, HOST_US + number, TICK, b"") for number in (1, 2, 3))
    head = {"mode": "demo", "motor_on": False, "boot": 1, "seq": 0, "t_us": 0}
    texts = dict.fromkeys(("model", "serial", "firmware", "calibration_id", "cartridge"), "")
    identity = Identity(**head, protocol_major=0, protocol_minor=0, **texts)
    gesture, fault = SHORT, Fault(kind="crc", offset=0, data=b"")
    placed = Placed()
    assert placed(first, [gesture, identity], watched=True) == [(first, gesture), (first, identity)]
    assert placed(tick, [gesture], watched=False) == [(tick, gesture)]
    assert placed(second, [fault, identity, gesture], watched=True) == [
        *((first, fault), (second, identity), (second, gesture)),
    ]


def test_pins_that_are_watched_without_a_break_leave_no_zone_out(pins):
    pins.needle("forehead")
    pins.needle("chin")
    assert pins.document()["unwatched"] == []


@pytest.mark.parametrize(
    ("settings", "mostly_um"),
    [
        ({300: 20}, 300),
        ({300: 20, 450: 30, 900: 10}, 450),
        ({300: 30, 450: 20}, 300),
        ({300: 20, 450: 20, 150: 20}, 450),  # as long: the deeper one
    ],
)
def test_the_setting_is_the_one_under_which_most_was_needled(pins, settings, mostly_um):
    pins.zone("forehead")
    for pins.bench.set_um, n in settings.items():
        pins.samples("1" * n)
    rows = [{"depth_set_um": um, "for_us": n} for um, n in settings.items()]
    (zone,) = compare(pins, facts_of_pen(at_set_depth=rows))
    assert zone["set_depth"] == {"pen_um": mostly_um, "pins_um": mostly_um}
