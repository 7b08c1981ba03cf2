"""HIBC (ANSI/HIBC 2): `+`, maker, item, unit, then lot, expiry and serial number behind a `/`, and a check character.

The check character is the sum of all others modulo 43 and covers them all: a code that is misread is refused. Only a
primary or concatenated structure is read; a secondary one alone names no item.
"""

import re
from collections.abc import Callable
from dataclasses import replace

from devicelog.barcodes.days import Day, day, day_of_year
from devicelog.barcodes.scan import TYPE_IT, Scan
from devicelog.errors import UsageProblem

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"
_PRIMARY = re.compile(r"(?P<maker>[A-Z][A-Z0-9]{3})(?P<item>[A-Z0-9]{1,18})(?P<unit>[0-9])\Z")
_QUANTITY = re.compile(r"8[0-9]{2}|9[0-9]{5}|[89]")
_MONTH = re.compile(r"([01][0-9])([0-9]{2})")
_YEAR_DAY = re.compile(r"([0-9]{2})([0-9]{3})")
_SUPPLEMENT = re.compile(r"S|Q|14D|16D")
_FULL = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})\Z")

Read = Callable[[re.Match[str]], Day]


def _numbers(found: re.Match[str], *order: int) -> tuple[int, int, int]:
    year, month, day_of_month = (int(found[place]) for place in order)
    return 2000 + year, month, day_of_month


# By the flag behind `$$`: how the expiry is written. Without a flag it is month and year; an hour is left aside.
_EXPIRIES: dict[str, tuple[re.Pattern[str], Read]] = {
    "2": (re.compile(r"2(\d\d)(\d\d)(\d\d)", re.ASCII), lambda m: day(*_numbers(m, 3, 1, 2), said=m[0][1:])),
    "3": (re.compile(r"3(\d\d)(\d\d)(\d\d)", re.ASCII), lambda m: day(*_numbers(m, 1, 2, 3), said=m[0][1:])),
    "4": (re.compile(r"4(\d\d)(\d\d)(\d\d)\d\d", re.ASCII), lambda m: day(*_numbers(m, 1, 2, 3), said=m[0][1:])),
    "5": (re.compile(r"5(\d\d)(\d{3})", re.ASCII), lambda m: day_of_year(2000 + int(m[1]), int(m[2]), said=m[0][1:])),
    "6": (
        re.compile(r"6(\d\d)(\d{3})\d\d", re.ASCII),
        lambda m: day_of_year(2000 + int(m[1]), int(m[2]), said=m[0][1:]),
    ),
}


def check_character(text: str) -> str:
    """The character that ends a code which begins so. Raises UsageProblem outside the alphabet."""
    strange = sorted({character for character in text if character not in ALPHABET})
    if strange:
        raise UsageProblem(f"{strange[0]!a} cannot stand in a HIBC code: scan again, or {TYPE_IT}")
    return ALPHABET[sum(map(ALPHABET.index, text)) % len(ALPHABET)]


def parse_hibc(text: str) -> Scan:
    """What this text says; stars around it, as they are printed, are left aside. Raises UsageProblem."""
    text = _bare(text)
    if check_character(text[:-1]) != text[-1:]:
        raise UsageProblem(f"the check character of this HIBC code is wrong: it was misread. Scan again, or {TYPE_IT}")
    primary, *others = text[1:-1].split("/")
    if not primary[:1].isalpha():
        raise UsageProblem(
            f"this is the second of two HIBC codes and names no item: scan one that has both, or {TYPE_IT}"
        )
    found = _PRIMARY.match(primary)
    if not found:
        raise UsageProblem(f"{primary!r} is no maker, item and unit of a HIBC code: scan again, or {TYPE_IT}")
    scan = Scan(kind="hibc", maker=found["maker"], item=found["item"])
    for field in others:
        scan = _supplement(scan, field) if _SUPPLEMENT.match(field) else _secondary(scan, field)
    return scan


def _bare(text: str) -> str:
    """Without stars, and without spaces that some program put behind it: one can also be the check character."""
    while text.endswith(" ") and check_character(text.removeprefix("*")[:-1]) != " ":
        text = text[:-1]
    return text.removeprefix("*").removesuffix("*")


def _supplement(scan: Scan, field: str) -> Scan:
    """Serial number or day of expiry; a quantity and the day of making are not kept apart from the raw text."""
    if field.startswith("S"):
        return replace(scan, serial=_once(scan.serial, field[1:], "serial number"))
    if field.startswith("14D"):
        return replace(scan, expires=_once(scan.expires, _full(field), "expiry"))
    if field.startswith("16D"):
        _full(field)
    return scan


def _secondary(scan: Scan, field: str) -> Scan:
    """Lot or serial number, perhaps behind a quantity and an expiry."""
    if field.startswith("$$+"):
        expires, rest = _expiry(field[3:])
        return replace(scan, expires=expires, serial=rest or None)
    if field.startswith("$$"):
        quantity = _QUANTITY.match(field[2:])
        if quantity and len(quantity[0]) == 1:
            raise UsageProblem(f"{field!r} has no quantity where it should: scan again, or {TYPE_IT}")
        expires, rest = _expiry(field[2 + (quantity.end() if quantity else 0) :], optional=quantity is not None)
        return replace(scan, expires=expires, lot=rest or None)
    if field.startswith("$+"):
        return replace(scan, serial=field[2:] or None)
    if field.startswith("$"):
        return replace(scan, lot=field[1:] or None)
    found = _YEAR_DAY.match(field)
    if not found:
        raise UsageProblem(f"{field!r} is no lot, serial number or expiry of a HIBC code: scan again, or {TYPE_IT}")
    expires = day_of_year(2000 + int(found[1]), int(found[2]), said=found[0])
    return replace(scan, expires=expires, lot=field[found.end() :] or None)


def _expiry(text: str, *, optional: bool = False) -> tuple[Day | None, str]:
    """The day at the beginning of a text and what follows. A month is good up to its last day."""
    if text.startswith("7") or (optional and not text):
        return None, text[1:]
    form, read = _EXPIRIES.get(text[:1], (_MONTH, lambda m: day(2000 + int(m[2]), int(m[1]), 0, said=m[0])))
    found = form.match(text)
    if not found:
        raise UsageProblem(f"{text!r} begins with no date of a HIBC code: scan again, or {TYPE_IT}")
    return read(found), text[found.end() :]


def _full(field: str) -> Day:
    found = _FULL.match(field[3:])
    if not found:
        raise UsageProblem(f"{field!r} is no day: scan again, or {TYPE_IT}")
    return day(int(found[1]), int(found[2]), int(found[3]), said=field[3:])


def _once(old: str | None, new: str, what: str) -> str:
    if not new:
        raise UsageProblem(f"the {what} of this HIBC code is empty: scan again, or {TYPE_IT}")
    if old is not None and old != new:
        raise UsageProblem(f"this HIBC code says {what} {old} and {new}: {TYPE_IT}")
    return new
