"""GS1 on a pack: item (GTIN), lot, expiry and serial number. The only importer of `biip`, and late: it is not small.

What biip lets through is refused or doubted here: a wrong check digit of a GTIN, fields that a swallowed group
separator glued together, a day that depends on the clock.
"""

import re
from collections.abc import Mapping

from devicelog.barcodes.days import day
from devicelog.barcodes.scan import GS, TYPE_IT, Scan
from devicelog.errors import UsageProblem

IDENTIFIERS = ("]d2", "]C1", "]Q3")  # Data Matrix, Code 128 and QR code with GS1 in them
_GTIN, _LOT, _EXPIRES, _SERIAL = "01", "10", "17", "21"
_KEPT = (_GTIN, _LOT, _EXPIRES, _SERIAL)
_LONG = 12  # a lot or serial number that is longer may be two fields
_DATE = re.compile(r"(?<=.)17[0-9]{2}(0[1-9]|1[0-2])([0-2][0-9]|3[01])")


def parse_gs1(text: str) -> Scan:
    """What this text, without its symbology identifier, says. Raises UsageProblem."""
    values = _elements(text)
    if _GTIN not in values:
        raise UsageProblem(f"this GS1 code names no item (01): scan the other code of the pack, or {TYPE_IT}")
    expires = values.get(_EXPIRES)
    return Scan(
        kind="gs1",
        item=values[_GTIN],
        lot=values.get(_LOT),
        serial=values.get(_SERIAL),
        expires=expires and day(2000 + int(expires[:2]), int(expires[2:4]), int(expires[4:]), said=expires),
        doubts=() if GS in text.strip(GS) else _doubts(values),
    )


def _elements(text: str) -> dict[str, str]:
    """The fields that are kept, by application identifier."""
    from biip import ParseConfig, ParseError
    from biip.gs1_messages import GS1Message

    config = ParseConfig(gs1_element_strings_verify_date=False)
    try:
        elements = GS1Message.parse(text.strip(GS), config=config).element_strings
    except (ParseError, ValueError, IndexError) as error:
        raise UsageProblem(
            f"this is no GS1 code: {ascii(str(error))[1:-1].rstrip('.')}. Scan again, or {TYPE_IT}"
        ) from error
    found: dict[str, str] = {}
    for element in elements:
        name = element.ai.ai
        if name not in _KEPT:
            continue
        if name == _GTIN and element.gtin is None:
            raise UsageProblem(
                f"the item number {element.value} has a wrong check digit: it was misread or misprinted. Scan again, "
                f"or {TYPE_IT}"
            )
        if found.setdefault(name, element.value) != element.value:
            raise UsageProblem(f"this code says ({name}) twice: {found[name]} and {element.value}")
    return found


def _doubts(values: Mapping[str, str]) -> tuple[str, ...]:
    """What two fields may be in a text without any separator. Only a field of no fixed length can hide another."""
    doubts = []
    for name, other, what, hidden in (
        (_LOT, _SERIAL, "lot", "a serial number (21)"),
        (_SERIAL, _LOT, "serial number", "a lot (10)"),
    ):
        value = values.get(name, "")
        if other not in values and len(value) > _LONG and other in value[1:-1]:
            doubts.append(f"the {what} {value} may hold {hidden}: the scanner sent no group separator")
        elif _EXPIRES not in values and _DATE.search(value):
            doubts.append(f"the {what} {value} may hold an expiry date (17): the scanner sent no group separator")
    return tuple(doubts)
