"""One scan as a value, however it came: by a code, or typed from the pack.

What a code does not tell for certain is a doubt. It is settled by a person with the pack in the hand, never guessed.
"""

import re
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Literal

from devicelog.barcodes.days import Day, day_of_text
from devicelog.errors import UsageProblem

Kind = Literal["gs1", "hibc", "typed"]
GS = "\x1d"
MOST_CHARACTERS = 400
TYPE_IT = "type what is printed on the pack: --lot LOT --expires YYYY-MM-DD [--serial SERIAL]"

_TYPED = re.compile(r"[!-~](?:[ -~]{0,38}[!-~])?\Z")  # a lot or serial number as packs have them


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a code, or a person, says of one cartridge or box. None: it does not say.

    `maker` is the labeler's code of a HIBC and None of a GS1, whose `item`, a GTIN, names the maker within it.
    `expires` is a day as YYYY-MM-DD, the last on which it may be used. `raw` is what the scanner sent, in hex: a
    control character is no part of the canonical profile. `doubts` say in words what could be read otherwise.
    """

    kind: Kind
    maker: str | None = None
    item: str | None = None
    lot: str | None = None
    expires: Day | None = None
    serial: str | None = None
    raw: str = ""
    doubts: tuple[str, ...] = ()


def typed(*, lot: str | None, expires: str | None, serial: str | None, maker: str | None, item: str | None) -> Scan:
    """What a person typed from the pack, where there is no code or it cannot be read. Raises UsageProblem."""
    return Scan(
        kind="typed",
        maker=_words(maker, "maker"),
        item=_words(item, "item"),
        lot=_words(lot, "lot"),
        expires=None if expires is None else day_of_text(expires),
        serial=_words(serial, "serial number"),
    )


def settled(scan: Scan, *, lot: str | None, serial: str | None, expires: str | None) -> Scan:
    """The scan as a person says it is meant. Raises UsageProblem where doubts stay, or the scan says otherwise."""
    told = typed(lot=lot, expires=expires, serial=serial, maker=None, item=None)
    if scan.doubts:
        _check_meant(scan, told)
        return replace(
            told,
            **{name: getattr(scan, name) for name in ("kind", "maker", "item", "raw")},
            expires=scan.expires or told.expires,
        )
    for what, new, old in (
        ("lot", told.lot, scan.lot),
        ("serial number", told.serial, scan.serial),
        ("expiry", told.expires, scan.expires),
    ):
        if new is not None and old is not None and new != old:
            raise UsageProblem(f"the code says {what} {old}, and {new} was typed. Look at the pack: which one is it?")
    return replace(
        scan,
        lot=scan.lot or told.lot,
        serial=scan.serial or told.serial,
        expires=scan.expires or told.expires,
    )


def _check_meant(scan: Scan, told: Scan) -> None:
    """Raises UsageProblem unless what was typed makes up the field that may be several, to its last character."""
    glued, first, other = (
        (scan.lot, told.lot, ("21", told.serial)) if scan.lot else (scan.serial, told.serial, ("10", told.lot))
    )
    others = [other, ("17", told.expires and told.expires.replace("-", "")[2:])]
    pieces = [f"{name}{value}" for name, value in others if value is not None]
    if first is None or glued not in {first + "".join(order) for order in permutations(pieces)}:
        typed_too = ", and what was typed does not make it up" if told != Scan(kind="typed") else ""
        raise UsageProblem(
            f"{'; '.join(scan.doubts)}{typed_too}. Look at the pack and scan again with what it says: --lot LOT "
            "[--serial SERIAL] [--expires YYYY-MM-DD]"
        )


def _words(text: str | None, what: str) -> str | None:
    if text is None:
        return None
    text = text.strip()
    if not _TYPED.match(text):
        raise UsageProblem(f"{what} {text[:40]!a} is none: 1 to 40 letters, digits and signs as a pack has them")
    return text
