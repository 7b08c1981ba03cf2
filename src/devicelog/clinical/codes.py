"""Codes that name a zone to other programs: SNOMED CT, with its check digit, and the NHS body site class. Pure.

Not responsible for laterality, which is a field of the zone: a code here names the skin of a site, of either side.
"""

import re

from devicelog.clinical.keys import Unexpected

SNOMED_SYSTEM = "http://snomed.info/sct"

_SCTID = re.compile(r"[1-9][0-9]{5,17}\Z")
_NHS = re.compile(r"[0-9A-Z]\Z")

# The dihedral group of ten, as Verhoeff used it (Error detecting decimal codes, 1969).
_PRODUCT = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
_TURN = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def check_digit_holds(code: str) -> bool:
    """Whether the last digit is the one that Verhoeff's scheme asks for. `code`: digits."""
    check = 0
    for place, digit in enumerate(reversed(code)):
        value = int(digit)
        for _ in range(place % 8):
            value = _TURN[value]
        check = _PRODUCT[check][value]
    return check == 0


def snomed(value: object) -> str:
    """A SNOMED CT concept's identifier: 6 to 18 digits, the last of them right, and of a concept's kind."""
    if not isinstance(value, str) or not _SCTID.match(value):
        raise Unexpected("a SNOMED CT code: text of 6 to 18 digits")
    if not check_digit_holds(value):
        raise Unexpected("a SNOMED CT code whose last digit checks: one digit is wrong, or two are swapped")
    if value[-3:-1] not in ("00", "10"):
        raise Unexpected("a SNOMED CT concept: 00 or 10 before the last digit")
    return value


def nhs(value: object) -> str:
    """A class of the NHS dermatologist body site classification: one character."""
    if not isinstance(value, str) or not _NHS.match(value):
        raise Unexpected("one character, 0-9 or A-Z")
    return value
