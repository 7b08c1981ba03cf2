"""Pens that send lines of text, as whole sessions: what they do not tell is in no statement, and what is lost shows.

The two examples of docs/connect-your-pen.md: `comma` numbers its lines, `words` does not. Two zones needled for five
seconds; every loss is made here.
"""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from devicelog.canonical import Json, parse_canonical
from devicelog.pipeline import Pipeline
from devicelog.records import SERIAL
from devicelog.samples import sample_rows
from firmware_bridge.checksums import xor
from firmware_bridge.profile import PenProfile
from firmware_bridge.transports import decoder_of
from tests.builders import OF_THE_CLINIC, Bench, finding, on, opening_of, plan_with, planned, said, zone_in
from tests.examples import EXAMPLES, profile_of

PLAN = plan_with(
    planned("forehead", 500, least_um=200, passes_min=1, passes_max=3), planned("cheek.left", 1_000, least_um=700)
)
NONE, CANNOT = "not applicable", "not assessable"
READ_US = 40_000  # how often the port is read


def pen_of(profile: PenProfile) -> Json:
    """Who the profile says it is, as an opening entry keeps it."""
    assert profile.lines is not None
    told = {"model": profile.lines.model, "calibration_id": profile.lines.calibration_id, "mode": profile.lines.mode}
    return {"serial": "", "firmware": "", "cartridge": "", "protocol_major": 0, "protocol_minor": 0, **told}


class LinePen(Bench):
    """A bench whose pen is one of the examples."""

    def __init__(self, name: str, *, mode: str = "real") -> None:
        profile = profile_of(name)
        assert profile.lines is not None
        lines = replace(profile.lines, mode=mode, calibration_id="cal-1")
        self.profile = replace(profile, lines=lines)
        super().__init__(opening_of(plan=PLAN, profile=self.profile, pen=pen_of(self.profile)))
        self.name, self.period_us, self.number = name, lines.sample_period_us, 0
        self.passes, self.waiting = 0, b""
        self.raw(b"\r\n" if name == "comma" else b"\n")

    def line(self, *, depth_um: int = 400, contact: bool = True, motor: bool = True) -> bytes:
        """The line that the pen would send now."""
        if self.name == "comma":
            set_mm, rate = f"{(self.set_um or 0) / 1000:.2f}", 6_000 if motor else 0
            text = f"PEND,{self.number},{depth_um},{set_mm},{rate},{int(contact)},{self.passes}".encode()
            return b"$%s*%02X\r\n" % (text, xor(text))
        skin, running = ("no", "yes")[contact], ("off", "on")[motor]
        return (
            f"depth={depth_um / 1000:.2f}mm dial={(self.set_um or 0) / 1000:.2f} skin={skin} motor={running}\n".encode()
        )

    def go(self, for_us: int, *, lost: Iterable[int] = (), damaged: Iterable[int] = (), **columns: bool) -> None:
        """Needle; of these lines some do not come and some come damaged."""
        self.read()
        for i in range(for_us // self.period_us):
            line = self.line(depth_um=(self.set_um or 0) - 5 + i % 3 * 5, **columns)
            self.number = (self.number + 1) % 65_536
            self.wait(self.period_us)
            if i not in lost:
                self.waiting += line.replace(b"0", b"O", 1) if i in damaged else line
            if self.now_us % READ_US < self.period_us:
                self.read()
        self.read()

    def read(self) -> None:
        if self.waiting:
            self.raw(self.waiting)
            self.waiting = b""

    def button(self) -> None:
        """A pass."""
        self.passes = (self.passes or 0) + 1
        if self.name == "words":
            self.raw(b"PASS\n")


def session(name: str) -> LinePen:
    """Two zones; the operator marks each pass, and the pen tells of it."""
    pen = LinePen(name)
    for zone, set_um in (("forehead", 300), ("cheek.left", 800)):
        pen.zone(zone)
        pen.set_um = set_um
        pen.go(5_000_000)
        pen.button()
        pen.go(200_000, contact=False)
        pen.mark("pass")
    return pen


def not_passed(derived: Json) -> dict[str, tuple[str, str | None]]:
    return {
        row["rule"]: (row["result"], row["why"])
        for row in derived["assessments"]
        if row["result"] != "passed" and row["rule"] not in (*_NEVER_HERE, *OF_THE_CLINIC)
    }


_NEVER_HERE = ("strokes.uncertain", "sensors.lost", "sensors.disagree", "calibration.expired", "counter.jump")
_NEVER_HERE += ("calibration.off",)
_NO_NAME = {"pen.changed": (NONE, "this kind of pen does not say who it is")}
_NO_CLOCK = {"pen.clock": (NONE, "this kind of pen has no clock")}
_NO_FREQUENCY = {"frequency.range": (NONE, "the pen profile names no range of frequency")}
_NO_NUMBERS = {
    "data.short_gaps": (NONE, "this kind of pen does not number its samples"),
    "pen.restarted": (NONE, "this kind of pen has neither numbers nor a clock that would show it"),
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("comma", _NO_NAME | _NO_CLOCK | _NO_FREQUENCY),
        ("words", _NO_NAME | _NO_CLOCK | _NO_FREQUENCY | _NO_NUMBERS),
    ],
)
def test_a_sound_session(name: str, expected: Json) -> None:
    pen = session(name)
    derived = pen.end()
    assert not_passed(derived) == expected
    assert derived["verdict"] == "conforming"
    facts = derived["facts"]
    assert facts["gaps"] == []
    assert facts["pen_clock"] == []
    assert facts["identities"] == 0
    assert facts["completeness"]["closes"]
    for zone, least_us in (("forehead", 4_900_000), ("cheek.left", 4_900_000)):
        told = zone_in(derived, zone)
        assert told["contact_us"] >= least_us
        assert (told["passes"]["pen"], told["passes"]["operator"], told["glides"]) == (1, 1, 1)


def test_a_pen_without_numbers_has_none_in_the_account() -> None:
    derived = session("words").end()
    (boot,) = derived["facts"]["completeness"]["boots"]
    assert (boot["decoded"], boot["first"], boot["last"], boot["missing"]) == (104, None, None, None)
    assert boot["closes"]
    assert derived["facts"]["completeness"]["frames_sound"] == 106  # two of them passes


def test_a_pen_with_a_counter_has_its_own_numbers() -> None:
    pen = LinePen("comma")
    pen.number = 65_500
    pen.zone("forehead")
    pen.go(2_000_000, lost=range(10, 13))
    (boot,) = pen.end()["facts"]["completeness"]["boots"]
    assert (boot["first"], boot["last"], boot["decoded"], boot["missing"]) == (65_500, 65_599, 97, 3)


@pytest.mark.parametrize(("name", "lost", "missing"), [("comma", range(50, 100), 50), ("words", range(10, 20), None)])
def test_a_second_that_is_lost_is_a_gap(name: str, lost: range, missing: int | None) -> None:
    pen = LinePen(name)
    pen.zone("forehead")
    pen.go(5_000_000, lost=lost)
    derived = pen.end()
    (gap,) = derived["facts"]["gaps"]
    assert gap["missing"] == missing
    assert abs(gap["for_us"] - 1_000_000) <= READ_US
    assert finding(derived, "data.gap")["detail"]["missing"] == missing
    assert derived["facts"]["short_gaps"]["missing"] == (0 if name == "comma" else None)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_computer_that_was_held_up_makes_no_gap(name: str) -> None:
    pen = LinePen(name)
    pen.zone("forehead")
    pen.go(1_000_000)
    for _ in range(400_000 // pen.period_us):
        pen.waiting += pen.line()
        pen.number += 1
        pen.wait(pen.period_us)
    pen.go(1_000_000)
    facts = pen.end()["facts"]
    assert (facts["gaps"], facts["short_gaps"]["n"]) == ([], 0)


@pytest.mark.parametrize("name", EXAMPLES)
def test_damaged_lines_are_counted_by_their_kind(name: str) -> None:
    pen = LinePen(name)
    pen.zone("forehead")
    pen.go(5_000_000, damaged=range(1, 11))
    derived = pen.end()
    account = derived["facts"]["completeness"]
    kind = {"comma": "checksum", "words": "shape"}[name]
    assert [(fault["kind"], fault["n"]) for fault in account["faults"]] == [(kind, 10)]
    assert account["closes"]
    assert finding(derived, "link.bad_frames")["detail"]["damaged"] == 10


@pytest.mark.parametrize("name", EXAMPLES)
def test_after_a_lost_link_nobody_knows_which_pen_it_is(name: str) -> None:
    pen = LinePen(name)
    pen.zone("forehead")
    pen.go(1_000_000)
    pen.link(up=False)
    pen.wait(1_500_000)
    pen.link(up=True)
    pen.go(1_000_000)
    pen.button()
    pen.go(200_000)
    derived = pen.end()
    assert said(derived, "pen.changed") == (
        CANNOT,
        None,
        "the link was lost, and this kind of pen does not say who came back",
    )
    assert derived["verdict"] in ("not assessable", "conforming with deviations")
    (gap,) = [gap for gap in derived["facts"]["gaps"] if gap["cause"] == "link"]
    assert gap["for_us"] >= 1_500_000 - READ_US
    assert zone_in(derived, "forehead")["passes"]["pen"] == 1  # the figure stands; the doubt stands beside it
    assert not derived["facts"]["counters"]["unplaced"]


def test_a_counter_that_begins_anew_is_a_restart() -> None:
    pen = LinePen("comma")
    pen.zone("forehead")
    pen.go(1_000_000)
    pen.number = 0
    pen.go(1_000_000)
    pen.number = 40_000
    pen.go(1_000_000)
    derived = pen.end()
    assert [(boot["first"], boot["last"]) for boot in derived["facts"]["completeness"]["boots"]] == [
        (0, 49),
        (0, 49),
        (40_000, 40_049),
    ]
    assert finding(derived, "pen.restarted")["detail"]["n"] == 2


@pytest.mark.parametrize("name", EXAMPLES)
def test_any_division_of_the_same_bytes_derives_the_same(name: str) -> None:
    pen = session(name)
    whole = pen.end()
    again = Pipeline(opening_of(plan=PLAN, profile=pen.profile, pen=pen_of(pen.profile)))
    number = 0
    for record in pen.records:
        step = 7 if record.kind == SERIAL else max(1, len(record.body))
        for at in range(0, max(1, len(record.body)), step):
            again.feed(record._replace(number=number, body=record.body[at : at + step]))
            number += 1
    facts = parse_canonical(again.finish())["facts"]
    for key in ("completeness", "gaps", "counters", "duration_us"):
        assert facts[key] == whole["facts"][key]


@pytest.mark.parametrize(
    ("name", "empty"), [("comma", {"pen_t_us"}), ("words", {"seq", "pen_t_us", "boot", "frequency_dhz", "strokes"})]
)
def test_the_readings_have_no_column_that_is_ours(name: str, empty: set[str]) -> None:
    pen = session(name)
    pen.end()
    rows = list(sample_rows(pen.records, "", decoder=decoder_of(pen.profile), untold=pen.profile.untold))
    assert len(rows) == 10_400_000 // pen.period_us
    never = {column for column in rows[0] if all(row[column] is None for row in rows)}
    assert never == empty | {"raw_count", "strokes"}


@pytest.mark.parametrize("mode", ["real", "test", "demo"])
def test_what_the_profile_says_of_the_mode_is_the_mode(mode: str) -> None:
    pen = LinePen("words", mode=mode)
    pen.zone("forehead")
    pen.go(1_000_000)
    assert pen.end()["facts"]["mode"] == mode


def test_other_pens_have_no_word_of_it() -> None:
    bench = on("forehead")
    bench.needle(100)
    assert "untold" not in bench.end()["facts"]["expected"]


def test_a_press_before_the_first_sample_is_accounted_for() -> None:
    pen = LinePen("words")
    pen.zone("forehead")
    pen.button()
    pen.go(500_000)
    pen.button()
    pen.go(500_000)
    assert zone_in(pen.end(), "forehead")["passes"]["pen"] == 2
