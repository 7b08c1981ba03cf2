"""GS1 codes: what is read, what is refused, and what a scanner that swallows separators leaves in doubt."""

import re
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicelog.barcodes.reading import parse_scan
from devicelog.barcodes.scan import Scan, settled, typed
from devicelog.errors import UsageProblem
from tests.barcodes.codes import GS, ITEM, gs1, gtin, hibc

VALUES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-/.", min_size=1, max_size=20)
WHOLE = gs1(("01", ITEM), ("17", "270630"), ("10", "A1B2C3"), ("21", "000777"))
GLUED = gs1(("01", ITEM), ("17", "270630"), ("10", "A1B2C3"), ("21", "000777"), separator="")


@pytest.mark.requirement("R26")
def test_item_expiry_lot_and_serial_number_of_a_pack() -> None:
    assert parse_scan(WHOLE) == Scan(
        kind="gs1", item=ITEM, lot="A1B2C3", expires="2027-06-30", serial="000777", raw=WHOLE.encode().hex()
    )
    assert bytes.fromhex(parse_scan(WHOLE).raw).count(b"\x1d") == 1


@pytest.mark.parametrize("identifier", ["]d2", "]C1", "]Q3"])
def test_the_three_symbologies_that_carry_gs1(identifier: str) -> None:
    assert parse_scan(gs1(("01", ITEM), ("10", "L"), identifier=identifier)).lot == "L"
    assert parse_scan(f"{identifier}{GS}01{ITEM}10L{GS}\n").lot == "L"


@pytest.mark.parametrize(
    ("printed", "expires"), [("280200", "2028-02-29"), ("270200", "2027-02-28"), ("991231", "2099-12-31")]
)
def test_the_day_an_expiry_means(printed: str, expires: str) -> None:
    """GS1 General Specifications: day 00 is the last day of the month."""
    assert parse_scan(gs1(("01", ITEM), ("17", printed))).expires == expires


@settings(max_examples=60)
@given(
    item=st.integers(0, 10**13 - 1), lot=VALUES, serial=VALUES, day=st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    order=st.permutations(range(4)),
)  # fmt: skip
def test_what_a_maker_encodes_is_what_is_read(item: int, lot: str, serial: str, day: date, order: list[int]) -> None:
    fields = [("01", gtin(f"{item:013}")), ("17", f"{day:%y%m%d}"), ("10", lot), ("21", serial)]
    scan = parse_scan(gs1(*(fields[place] for place in order)))
    found = (scan.item, scan.lot, scan.serial, scan.expires)
    if not scan.doubts:
        assert found == (fields[0][1], lot, serial, f"{day:%Y-%m-%d}")
    else:  # no separator was needed, so none was there, and one field could have been two
        assert order[-1] in (2, 3)
        assert {order[-1], order[-2]} != {2, 3}


@given(text=st.text(max_size=60) | st.builds("]d2".__add__, st.text("0123456789A\x1d(", max_size=60)))
@settings(max_examples=300)
def test_any_text_is_a_scan_or_refused_in_words(text: str) -> None:
    with suppress(UsageProblem):
        assert parse_scan(text).item is not None


@pytest.mark.parametrize(
    ("code", "words"),
    [
        pytest.param("", "empty", id="nothing"),
        pytest.param(" \r\n", "empty", id="a line end"),
        pytest.param("x" * 401, "401 characters", id="too long"),
        pytest.param("]d2" + "é", "characters that no code has", id="not ascii"),
        pytest.param("\udcff", "characters that no code has", id="bytes that are no text"),
        pytest.param(WHOLE.removeprefix("]d2"), "symbology identifier (AIM ID)", id="no symbology identifier"),
        pytest.param(f"(01){ITEM}(10)L", "symbology identifier (AIM ID)", id="what stands below the code, typed"),
        pytest.param("]E05901234123457", "symbology ]E0", id="the price code of a shop"),
        pytest.param("]Q1https://id.gs1.org/01/1", "web address", id="a web address"),
        pytest.param("lavender", "neither GS1", id="a word"),
        pytest.param("]d2", "names no item", id="an empty code"),
        pytest.param(gs1(("17", "270630"), ("10", "L")), "names no item", id="no item"),
        pytest.param(gs1(("01", ITEM), ("17", "271330")), "no GS1 code", id="month 13"),
        pytest.param(gs1(("01", ITEM), ("17", "270230")), "no day 30", id="30 February"),
        pytest.param(gs1(("01", ITEM), ("17", "270001")), "no month 0", id="month 00"),
        pytest.param(f"]d201{ITEM}17270630{GS}17270631", "no GS1 code|twice|no day", id="two expiries"),
        pytest.param(f"]d201{ITEM}10A{GS}10B", "twice: A and B", id="two lots"),
        pytest.param(f"]d201{ITEM}10", "no GS1 code", id="an empty lot"),
        pytest.param(f"]d201{ITEM[:9]}", "no GS1 code", id="cut off in the item"),
    ],
)
def test_what_is_refused(code: str, words: str) -> None:
    with pytest.raises(UsageProblem, match=words if "|" in words else re.escape(words)):
        parse_scan(code)


@pytest.mark.requirement("R26")
@pytest.mark.parametrize("digit", [digit for digit in "0123456789" if digit != ITEM[-1]])
def test_a_wrong_check_digit_of_the_item_is_refused(digit: str) -> None:
    """The library reads on over it."""
    with pytest.raises(UsageProblem, match="wrong check digit"):
        parse_scan(gs1(("01", ITEM[:-1] + digit), ("10", "L")))


# --- separators that a scanner swallows -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "doubts"),
    [
        pytest.param(GLUED, 1, id="a serial number glued to the lot"),
        pytest.param(gs1(("01", ITEM), ("21", "000777"), ("10", "A1B2C3"), separator=""), 1, id="a lot to the serial"),
        pytest.param(gs1(("01", ITEM), ("10", "A1B2C3"), ("17", "270630"), separator=""), 1, id="an expiry to the lot"),
        pytest.param(gs1(("01", ITEM), ("10", "A1B2C3"), ("21", "7"), separator=""), 0, id="12 characters or fewer"),
        pytest.param(gs1(("01", ITEM), ("10", "21ABCDEFGHIJK")), 0, id="21 at the beginning is a lot's own"),
        pytest.param(gs1(("01", ITEM), ("10", "A" * 20)), 0, id="a long lot without 21"),
        pytest.param(WHOLE, 0, id="the separator came"),
    ],
)
def test_what_may_be_two_fields_is_a_doubt(code: str, doubts: int) -> None:
    assert len(parse_scan(code).doubts) == doubts


def test_a_doubt_is_settled_by_what_makes_up_the_field() -> None:
    scan = parse_scan(GLUED)
    assert scan.lot == "A1B2C321000777"
    assert settled(scan, lot="A1B2C3", serial="000777", expires=None) == Scan(
        kind="gs1", item=ITEM, lot="A1B2C3", serial="000777", expires="2027-06-30", raw=scan.raw
    )
    as_it_stands = settled(scan, lot="A1B2C321000777", serial=None, expires=None)
    assert (as_it_stands.lot, as_it_stands.serial, as_it_stands.doubts) == ("A1B2C321000777", None, ())
    glued = parse_scan(gs1(("01", ITEM), ("10", "A1B2"), ("17", "270630"), ("21", "7"), separator=""))
    whole = settled(glued, lot="A1B2", serial="7", expires="2027-06-30")
    assert (whole.lot, whole.serial, whole.expires) == ("A1B2", "7", "2027-06-30")


@pytest.mark.parametrize(
    ("lot", "serial"),
    [
        pytest.param(None, None, id="nothing typed"),
        pytest.param("A1B2C3", None, id="a serial number would be dropped"),
        pytest.param("A1B2C4", "000777", id="another lot"),
        pytest.param("A1B2C3", "777", id="a part of the serial number"),
        pytest.param(None, "000777", id="no lot"),
    ],
)
def test_what_does_not_make_up_the_field_is_refused(lot: str | None, serial: str | None) -> None:
    with pytest.raises(UsageProblem, match=r"--lot LOT \[--serial SERIAL\]"):
        settled(parse_scan(GLUED), lot=lot, serial=serial, expires=None)


@pytest.mark.parametrize(
    ("lot", "serial", "expires", "words"),
    [
        pytest.param("B", None, None, "lot A1B2C3, and B", id="another lot"),
        pytest.param(None, "7", None, "serial number 000777, and 7", id="another serial number"),
        pytest.param(None, None, "2028-06-30", "2027-06-30, and 2028-06-30", id="another expiry"),
        pytest.param(None, None, "30.6.2027", "no date", id="no date"),
        pytest.param(None, None, "2027-06-00", "no date", id="day 00, typed"),
        pytest.param(" ", None, None, "is none", id="a lot of one space"),
        pytest.param("A\x1dB", None, None, "is none", id="a lot with a separator"),
        pytest.param("L" * 41, None, None, "is none", id="a lot of 41 characters"),
    ],
)
def test_what_is_typed_may_not_differ(lot: str | None, serial: str | None, expires: str | None, words: str) -> None:
    with pytest.raises(UsageProblem, match=re.escape(words)):
        settled(parse_scan(WHOLE), lot=lot, serial=serial, expires=expires)


def test_what_a_code_does_not_say_can_be_typed() -> None:
    scan = settled(parse_scan(hibc("H124PEN361/$$7LOT")), lot=None, serial="S1", expires="2029-06-30")
    assert (scan.lot, scan.serial, scan.expires) == ("LOT", "S1", "2029-06-30")
    by_hand = typed(lot=" L-7 ", expires="2029-06-30", serial=None, maker="Bellus", item=None)
    assert (by_hand.kind, by_hand.lot, by_hand.raw) == ("typed", "L-7", "")
