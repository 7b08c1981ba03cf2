"""The one way a text becomes a scan: GS1 or HIBC, as a scanner that acts as a keyboard sends it.

It sends the symbology identifier before the text (`]d2`) where it is set to, and it may swallow the group separator
(GS, 0x1D) that ends a field of GS1.
"""

import re
from dataclasses import replace

from devicelog.barcodes.gs1 import IDENTIFIERS, parse_gs1
from devicelog.barcodes.hibc import parse_hibc
from devicelog.barcodes.scan import MOST_CHARACTERS, TYPE_IT, Scan
from devicelog.errors import UsageProblem

_IDENTIFIER = re.compile(r"\][A-Za-z][0-9A-Za-z]")


def parse_scan(text: str) -> Scan:
    """What this scan says. Raises UsageProblem, in words, for everything else."""
    text = text.strip("\r\n\t").lstrip(" ")  # a space at the end may be the check character of a HIBC
    if not text:
        raise UsageProblem(f"the scan is empty: scan again, or {TYPE_IT}")
    if len(text) > MOST_CHARACTERS:
        raise UsageProblem(f"the scan has {len(text)} characters; a code on a pack has at most {MOST_CHARACTERS}")
    if not text.isascii():
        raise UsageProblem(f"the scan has characters that no code has: set the scanner to this keyboard, or {TYPE_IT}")
    raw = text.encode("ascii").hex()
    identifier = _IDENTIFIER.match(text)
    rest = text[identifier.end() :] if identifier else text
    if identifier and identifier[0] in IDENTIFIERS:
        return replace(parse_gs1(rest), raw=raw)
    if rest.startswith(("+", "*+")):
        return replace(parse_hibc(rest), raw=raw)
    raise UsageProblem(_no_code(identifier and identifier[0], rest))


def _no_code(identifier: str | None, rest: str) -> str:
    if rest.startswith(("http:", "https:", "HTTP:", "HTTPS:")):
        what = "this is a web address, which is not read: scan the other code of the pack"
    elif identifier is not None:
        what = f"a code of symbology {identifier} is neither GS1 (]d2, ]C1, ]Q3) nor HIBC: scan another one of the pack"
    elif re.match(r"\(?01\)?[0-9]{14}", rest):
        what = (
            "this may be GS1, and the scanner does not say so. Set it to send the symbology identifier (AIM ID) and "
            "the group separator, as its manual tells"
        )
    else:
        what = f"{rest[:40]!a} is neither GS1 (from ]d2, ]C1 or ]Q3) nor HIBC (from +): scan again"
    return f"{what}; or {TYPE_IT}"
