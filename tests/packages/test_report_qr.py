"""The checkpoint as a QR code: on a terminal the same as on paper, and never one that no telephone reads."""

import pytest

from devicelog.packages.report.qr import MOST_BYTES, beside, drawn, in_letters
from tests.packages.reports import CHECKPOINT

_LIGHT = {"█": (255, 255), "▀": (255, 0), "▄": (0, 255), " ": (0, 0)}


def read(picture: list[list[int]]) -> list[bytes]:
    """What a reader sees in rows of grey values, each of them drawn four pixels wide."""
    import zxingcpp

    pixels = [bytes(value for value in row for _ in range(4)) for row in picture for _ in range(4)]
    image = memoryview(b"".join(pixels)).cast("B", (len(pixels), len(pixels[0])))
    return [code.bytes for code in zxingcpp.read_barcodes(image)]


@pytest.mark.parametrize("text", [CHECKPOINT, "x", CHECKPOINT * 4], ids=["checkpoint", "one letter", "witnesses"])
def test_what_stands_on_a_terminal_is_read(text):
    lines = in_letters(text).splitlines()
    picture = [[_LIGHT[letter][half] for letter in line] for line in lines for half in (0, 1)]
    assert read(picture) == [text.encode()]


def test_a_text_too_long_for_paper_is_no_code():
    assert drawn("x" * MOST_BYTES, "") is not None
    assert drawn("x" * (MOST_BYTES + 1), "") is None
    assert "too long" in beside(None)
    assert "the same as" in beside("<svg/>")


def test_bytes_are_counted_and_not_letters():
    assert drawn("—" * (MOST_BYTES // 3 + 1), "") is None
