"""Which characters the PDF can show; the others are replaced where they stand, and it is said which. Pure.

A PDF/A may have no character without a glyph: typst would refuse a whole report because of one note. The table is of
whole alphabets that the fonts in typst's own wheel have; a test sets every character of it. What turns the direction of
writing by itself is not among them.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any

BOX = "\ufffd"
_RANGES = (
    *((0x20, 0x7E), (0xA0, 0xAC), (0xAE, 0x2FF)),  # Latin
    *((0x370, 0x377), (0x37A, 0x37F), (0x384, 0x38A), (0x38C, 0x38C), (0x38E, 0x3A1), (0x3A3, 0x3FF)),  # Greek
    *((0x400, 0x482), (0x48A, 0x4FF)),  # Cyrillic
    *((0x531, 0x556), (0x559, 0x58A)),  # Armenian
    *((0x5D0, 0x5EA), (0x5F0, 0x5F4)),  # Hebrew
    *((0x60C, 0x60C), (0x61B, 0x61B), (0x61F, 0x61F), (0x621, 0x63A), (0x640, 0x64A), (0x660, 0x66A)),  # Arabic
    *((0x10D0, 0x10FF),),  # Georgian
    *((0x1E00, 0x1EFF),),  # Latin of Vietnam and others
    *((0x2010, 0x2027), (0x202F, 0x2040), (0x2070, 0x2071), (0x2074, 0x208E), (0x20A0, 0x20C0), (0x2100, 0x211E)),
    *((0x2122, 0x2122), (0x2190, 0x21FF), (0x2200, 0x22FF), (0x2713, 0x2714), (0x2717, 0x2718), (0xFFFC, 0xFFFD)),
)
LETTERS = frozenset(chr(code) for first, last in _RANGES for code in range(first, last + 1))


def shown(value: Any) -> tuple[Any, list[str]]:
    """Plain values with every character that cannot be shown as BOX, and which they were: `U+1F600 GRINNING FACE`.

    Texts are put in NFC first, so that a letter and its accent are one character.
    """
    lacking: set[str] = set()
    result = _shown(value, lacking)
    return result, [f"U+{ord(char):04X} {unicodedata.name(char, '')}".strip() for char in sorted(lacking)]


def _shown(value: Any, lacking: set[str]) -> Any:
    if isinstance(value, str):
        text = unicodedata.normalize("NFC", value)
        missing = set(text) - LETTERS - {"\n"}
        lacking |= missing
        return text.translate({ord(char): BOX for char in missing})
    if isinstance(value, Mapping):
        return {key: _shown(item, lacking) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(item, lacking) for item in value]
    return value
