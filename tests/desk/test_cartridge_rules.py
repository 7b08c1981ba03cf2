"""What entries say of cartridges, folded without a database."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicelog.canonical import Json
from devicelog.clinic.cartridges import TWICE_US, Cartridges, Place, lots_named, same_cartridge, same_text
from devicelog.clinical.ascorbic import ascorbic
from tests.desk.made import Ledger

NONE: Json = dict.fromkeys(("scan", "maker", "item", "lot", "expires", "serial", "needles", "length_um", "box"))
HERE = Place(visit="v-1")


def told(**values: Any) -> Json:
    serial = values.get("serial")
    identity = {"cartridge": "x-1", "identity": "serial" if serial else "lot only"}
    return {**NONE, **identity, "attested": None, "used_before": None, **values}


def fit(ledger: Ledger, *, visit: str | None = "v-1", stream: str | None = None, **values: Any) -> None:
    ledger.desk("cartridge.fitted", told(**values), visit=visit, stream=stream)


def opened(ledger: Ledger, visit: str) -> None:
    ledger.desk("visit.opened", {"practitioner": "KM", "indication": "pigment"}, visit=visit)


def joined(ledger: Ledger, visit: str, stream: str) -> None:
    ledger.desk("visit.joined", {}, visit=visit, stream=stream)


@pytest.mark.parametrize(
    ("after_us", "boot", "visit", "scan", "repeated"),
    [
        pytest.param(0, "boot-1", "v-1", "5d", True, id="at once"),
        pytest.param(TWICE_US - 1, "boot-1", "v-1", "5d", True, id="just inside ten seconds"),
        pytest.param(TWICE_US, "boot-1", "v-1", "5d", False, id="just outside"),
        pytest.param(-1, "boot-1", "v-1", "5d", False, id="a clock that ran back"),
        pytest.param(1, "boot-2", "v-1", "5d", False, id="after a restart"),
        pytest.param(1, "boot-1", "v-2", "5d", False, id="in another visit"),
        pytest.param(1, "boot-1", "v-1", "5e", False, id="another code"),
    ],
)
def test_what_is_one_trigger_pulled_twice(after_us: int, boot: str, visit: str, scan: str, *, repeated: bool) -> None:
    ledger = Ledger()
    fit(ledger, scan="5d", lot="L")
    known = Cartridges.of(ledger.entries)
    stamp = {"boot": boot, "mono_us": ledger.mono_us + after_us}
    assert (known.again(told(scan=scan, lot="L"), Place(visit=visit), stamp) is not None) == repeated


def test_another_one_between_makes_it_no_second_trigger() -> None:
    ledger = Ledger()
    fit(ledger, scan="5d", serial="S")
    fit(ledger, scan="5e", serial="T")
    stamp = {"boot": ledger.boot, "mono_us": ledger.mono_us}
    assert Cartridges.of(ledger.entries).again(told(scan="5d", serial="S"), HERE, stamp) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param({"item": "1", "serial": "S"}, {"item": "1", "serial": "S"}, True, id="item and serial"),
        pytest.param({"item": "1", "serial": "S-a 1"}, {"item": "1", "serial": "s-A1"}, True, id="in other capitals"),
        pytest.param({"serial": "S", "lot": "A1"}, {"serial": "S", "lot": "a 1"}, True, id="lot in other capitals"),
        pytest.param({"item": "1", "serial": "S"}, {"item": "2", "serial": "S"}, False, id="another item"),
        pytest.param({"item": "1", "serial": "S"}, {"item": "1", "serial": "T"}, False, id="another serial"),
        pytest.param({"item": "1", "lot": "L"}, {"item": "1", "lot": "L"}, False, id="a lot alone"),
        pytest.param({"item": "1", "serial": "S", "lot": "L"}, {"serial": "S", "lot": "L"}, True, id="typed, same lot"),
        pytest.param({"item": "1", "serial": "S", "lot": "L"}, {"serial": "S", "lot": "M"}, False, id="another lot"),
        pytest.param(
            {"item": "1", "serial": "S", "maker": "A999"}, {"item": "1", "serial": "S", "maker": "B999"}, False,
            id="another maker",
        ),
    ],
)  # fmt: skip
def test_which_codes_name_one_cartridge(one: Json, other: Json, *, same: bool) -> None:
    assert same_cartridge(told(**one), told(**other)) == same
    assert same_cartridge(told(**other), told(**one)) == same


def test_uses_elsewhere_are_counted_by_visits_and_not_by_scans() -> None:
    ledger = Ledger()
    joined(ledger, "v-1", "s-1")
    joined(ledger, "v-1", "s-2")
    for stream in ("s-1", "s-2", "s-3", "s-3"):
        fit(ledger, visit="v-1" if stream != "s-3" else None, stream=stream, serial="S", item="1")
    known, this = Cartridges.of(ledger.entries), told(serial="S", item="1")
    assert len(known.elsewhere(this, Place(visit="v-2"))) == 2
    assert len(known.elsewhere(this, HERE)) == 1
    assert len(known.elsewhere(this, Place(stream="s-2"))) == 1, "s-2 is a part of v-1"
    assert len(known.elsewhere(this, Place(stream="s-3"))) == 1
    assert known.elsewhere(told(serial="T", item="1"), HERE) == []


def test_the_sessions_of_a_cartridge_that_was_changed_in_mid_visit() -> None:
    ledger = Ledger()
    opened(ledger, "v-1")
    fit(ledger, lot="A")
    joined(ledger, "v-1", "s-1")
    fit(ledger, stream="s-1", lot="B")
    joined(ledger, "v-1", "s-2")
    known = Cartridges.of(ledger.entries)
    first, second = known.fits
    assert known.sessions_of(first) == [("s-1", "fitted"), ("s-2", "same visit")]
    assert known.sessions_of(second) == [("s-1", "fitted"), ("s-2", "fitted")]


def test_a_cartridge_that_was_entered_after_the_session_is_of_it() -> None:
    ledger = Ledger()
    joined(ledger, "v-1", "s-1")
    fit(ledger, lot="A")
    known = Cartridges.of(ledger.entries)
    assert known.sessions_of(known.fits[0]) == [("s-1", "entered later")]


def test_a_box_is_used_before_the_next_of_its_lot() -> None:
    ledger = Ledger()
    for box in ("b-1", "b-2"):
        values = {key: None for key in NONE if key not in ("serial", "box")}
        ledger.desk("box.opened", {**values, "box": box, "lot": "L", "count": 1})
    taken = []
    for _ in range(3):
        box = Cartridges.of(ledger.entries).box_of(told(lot="L"))
        assert box is not None
        taken.append(box.told["box"])
        fit(ledger, lot="L", box=box.told["box"])
    assert taken == ["b-1", "b-2", "b-2"], "the last one is counted beyond what it held"
    known = Cartridges.of(ledger.entries)
    assert [(box.used, box.left) for box in known.boxes] == [(1, 0), (2, 0)]
    assert known.box_of(told(lot="M")) is None
    assert known.box_of(told()) is None


STEPS = st.lists(
    st.tuples(st.sampled_from(("fit", "open", "close", "join")), st.integers(1, 3), st.integers(1, 3)), max_size=12
)


@given(steps=STEPS)
def test_whatever_happens_a_serial_is_new_in_one_place_at_most(steps: list[tuple[str, int, int]]) -> None:
    """Every fit but the first of its serial is in the place of an earlier one, or it counts one elsewhere."""
    ledger, places = Ledger(), dict[str, set[str | None]]()
    for what, visit, serial in steps:
        name = f"v-{visit}"
        if what == "open":
            opened(ledger, name)
        elif what == "close":
            ledger.desk("visit.closed", {"how": "ended"}, visit=name)
        elif what == "join":
            joined(ledger, name, f"s-{visit}{serial}")
        else:
            known = Cartridges.of(ledger.entries)
            this = told(serial=f"S{serial}", item="1")
            seen = places.setdefault(this["serial"], set())
            assert len(known.elsewhere(this, Place(visit=name))) == len(seen - {name})
            fit(ledger, visit=name, serial=this["serial"], item="1")
            seen.add(name)


def test_lots_in_a_document_of_any_shape() -> None:
    document = {
        "cartridges": [{"lot": "A", "of": {"lot": "B"}}, 7, None],
        "lot": 3,
        "plot": "C",
        "topicals": [{"lot": "D"}],
    }
    assert lots_named(document) == {"A", "B"}
    assert same_text("24 b119", "24B119 ")
    assert not same_text(None, "24B119")


@pytest.mark.parametrize(
    "text",
    [
        *("Ascorbic Acid", "L-ascorbic acid 15 %", "sodium ascorbyl phosphate", "Magnesium Ascorbyl Phosphate"),
        *("ascorbyl glucoside", "Tetrahexyldecyl Ascorbate", "3-o-ethyl ascorbic acid", "Vita C: VITAMIN  C serum"),
        *("Ascorbinsäure", "ácido ascórbico", "E300", "vitamine C", "Vit C", "vitamin-c"),
    ],
)
def test_ascorbic_acid_by_its_usual_names(text: str) -> None:
    assert ascorbic(["water", text]) == [text]


@pytest.mark.parametrize("text", ["vitamin complex", "vitamin B5", "hyaluronic acid", "E3000", "vit cream", ""])
def test_what_is_no_ascorbic_acid(text: str) -> None:
    assert ascorbic([text]) == []
