"""HIBC codes: the published examples, every form of a date, and what is refused."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicelog.barcodes.hibc import check_character, parse_hibc
from devicelog.barcodes.reading import parse_scan
from devicelog.barcodes.scan import Scan
from devicelog.errors import UsageProblem
from tests.barcodes.codes import ALPHABET, hibc

PUBLISHED = ("+A123BJC5D6E71G", "+A99912345/$$52001510X3/16D20111212/S77DEFG457", "+H1240011420514816")
VALUES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=18)
DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@pytest.mark.requirement("R26")
@pytest.mark.parametrize("code", PUBLISHED)
def test_the_check_character_of_published_examples(code: str) -> None:
    """Examples of the HIBC Supplier Labeling Standard, as software for it repeats them."""
    assert check_character(code[:-1]) == code[-1]
    assert parse_hibc(code).kind == "hibc"


def test_a_published_example_says_what_its_standard_says() -> None:
    """HIBC SLS 2.5: item 1234 of A999, day 015 of 2020, lot 10X3, made 12 December 2011, serial number 77DEFG45."""
    code = PUBLISHED[1]
    wanted = Scan(
        kind="hibc",
        maker="A999",
        item="1234",
        lot="10X3",
        expires="2020-01-15",
        serial="77DEFG45",
        raw=code.encode().hex(),
    )
    assert parse_scan(code) == wanted
    assert parse_scan(f"*{code}*") == parse_scan(f"*{code}*\r\n")
    assert parse_scan(f"]C0{code}").serial == "77DEFG45"


@pytest.mark.parametrize(
    ("secondary", "expires", "lot", "serial"),
    [
        ("", None, None, None),
        ("/20015LOT", "2020-01-15", "LOT", None),
        ("/$LOT", None, "LOT", None),
        ("/$+SER", None, None, "SER"),
        ("/$$0629LOT", "2029-06-30", "LOT", None),
        ("/$$0228LOT", "2028-02-29", "LOT", None),
        ("/$$2063029LOT", "2029-06-30", "LOT", None),
        ("/$$3290630LOT", "2029-06-30", "LOT", None),
        ("/$$429063012LOT", "2029-06-30", "LOT", None),
        ("/$$529181LOT", "2029-06-30", "LOT", None),
        ("/$$62918112LOT", "2029-06-30", "LOT", None),
        ("/$$528366LOT", "2028-12-31", "LOT", None),
        ("/$$7LOT", None, "LOT", None),
        ("/$$8240629LOT", "2029-06-30", "LOT", None),
        ("/$$8243290630LOT", "2029-06-30", "LOT", None),
        ("/$$8247LOT", None, "LOT", None),
        ("/$$824", None, None, None),
        ("/$$900024529181LOT", "2029-06-30", "LOT", None),
        ("/$$+0629SER", "2029-06-30", None, "SER"),
        ("/$$+3290630SER", "2029-06-30", None, "SER"),
        ("/$$+7SER", None, None, "SER"),
        ("/$$7LOT/SSER/14D20290630", "2029-06-30", "LOT", "SER"),
        ("/$LOT/Q24/16D20240101", None, "LOT", None),
        ("/SSER", None, None, "SER"),
    ],
)
def test_every_form_of_the_second_part(
    secondary: str, expires: str | None, lot: str | None, serial: str | None
) -> None:
    scan = parse_scan(hibc(f"H124PEN361{secondary}"))
    assert (scan.maker, scan.item) == ("H124", "PEN36")
    assert (scan.expires, scan.lot, scan.serial) == (expires, lot, serial)
    assert scan.doubts == ()


@given(item=VALUES, lot=VALUES, serial=VALUES, day=DAYS, form=st.sampled_from("234567"))
def test_what_a_maker_encodes_is_what_is_read(item: str, lot: str, serial: str, day: date, form: str) -> None:
    number = (day - date(day.year, 1, 1) + timedelta(1)).days
    written = {
        "2": f"{day:%m%d%y}",
        "3": f"{day:%y%m%d}",
        "4": f"{day:%y%m%d}23",
        "5": f"{day:%y}{number:03}",
        "6": f"{day:%y}{number:03}23",
        "7": "",
    }
    scan = parse_scan(hibc(f"B999{item}0/$${form}{written[form]}{lot}/S{serial}"))
    expires = None if form == "7" else f"{day:%Y-%m-%d}"
    assert (scan.item, scan.lot, scan.serial, scan.expires) == (item, lot, serial, expires)


def test_a_check_character_that_is_a_space_is_not_trimmed_away() -> None:
    code = next(code for letter in ALPHABET[:36] if (code := hibc(f"H124PENZZ{letter}1")).endswith(" "))
    assert parse_scan(f"  {code}\r\n").item == parse_scan(f"{code} ").item == code[5:-2]
    assert parse_scan(f"{PUBLISHED[0]}  \n").item == "BJC5D6E7"


@given(body=st.text(ALPHABET, min_size=2, max_size=30), place=st.integers(0), other=st.sampled_from(ALPHABET))
def test_one_wrong_character_is_always_found(body: str, place: int, other: str) -> None:
    code = hibc(body)
    place = 1 + place % (len(code) - 1)
    if code[place] != other:
        with pytest.raises(UsageProblem, match=r"check character|misread"):
            parse_hibc(code[:place] + other + code[place + 1 :])


@pytest.mark.parametrize(
    ("code", "words"),
    [
        pytest.param(hibc("A999"), "maker, item and unit", id="too short"),
        pytest.param(hibc("$$0629LOTG"), "names no item", id="the second of two codes"),
        pytest.param(hibc("H124PEN361/$$1329LOT"), "no month 13", id="month 13"),
        pytest.param(hibc("H124PEN361/$$3290230LOT"), "no day 30", id="30 February"),
        pytest.param(hibc("H124PEN361/$$529366LOT"), "no day 366", id="day 366 of a short year"),
        pytest.param(hibc("H124PEN361/$$529000LOT"), "no day 0", id="day 0 of a year"),
        pytest.param(hibc("H124PEN361/$$82"), "no quantity", id="half a quantity"),
        pytest.param(hibc("H124PEN361/$$ABC"), "no date", id="no date behind its flag"),
        pytest.param(hibc("H124PEN361/LOT"), "no lot", id="a second part without a flag"),
        pytest.param(hibc("H124PEN361/$$7LOT/S"), "serial number of this HIBC code is empty", id="an empty serial"),
        pytest.param(hibc("H124PEN361/$LOT/14D2029"), "no day", id="an expiry that is cut off"),
        pytest.param(hibc("H124PEN361/$$0629LOT/14D20290601"), "2029-06-30 and 2029-06-01", id="two expiries"),
        pytest.param("+h124pen361/$lotX", "cannot stand", id="small letters: caps lock"),
        pytest.param("+A123BJC5D6E71H", "misread", id="a wrong check character"),
        pytest.param("+", "misread", id="a plus alone"),
    ],
)
def test_what_is_refused(code: str, words: str) -> None:
    with pytest.raises(UsageProblem, match=re.escape(words)):
        parse_scan(code)
