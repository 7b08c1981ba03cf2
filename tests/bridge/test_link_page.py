"""docs/link.md against the code: the causes it tells of, and every time and number in it."""

import re

import pytest

from devicelog.recorder.recording import IDENTITY_TIMEOUT_S
from firmware_bridge.profiles import load_profile
from firmware_bridge.sources import CAUSES, Watch, reopening, seek, serial_port, watch
from tests.pages import DOCS

TEXT = " ".join((DOCS / "link.md").read_text("utf-8").split())


def test_every_cause_is_on_the_page() -> None:
    (table,) = re.findall(r"\| cause \| means \| \|---\|---\| (.*?) ## ", TEXT)
    assert re.findall(r"`([a-z ]+)`", table) == list(CAUSES)


@pytest.mark.parametrize(
    "words",
    [
        f"since the last read, {serial_port.POLL_S * 1000:.0f} ms ago",
        f"after {reopening.REOPEN_FIRST_S:g} s, then after twice as long each time up to every "
        f"{reopening.REOPEN_MOST_S:g} s",
        f"looked at every {serial_port.LOOK_S:g} s",
        f"{watch.SILENCES} times the profile's `silence_limit_us`, {watch.LEAST_US // 10**6} s at least "
        f"(reference: {Watch(load_profile('reference').silence_limit_us).patience_us // 10**6} s)",
        f"brought nothing, {watch.MOST_US // 10**6} s at most",
        f"{watch.RUBBISH_BYTES >> 10} KiB without a frame",
        f"{watch.RUBBISH_LEAST_BYTES >> 10} KiB at least",
        f"up to {seek.LISTEN_S:g} s for a pen that takes no questions",
        f"taken back {seek.ANSWER_S:g} s after it was asked",
        f"listened to for {2 * seek.LISTEN_S:g} s",
        f"another {IDENTITY_TIMEOUT_S:g} s to say who it is",
    ],
)
def test_a_number_of_the_page_is_the_one_in_force(words: str) -> None:
    assert words in TEXT


def test_a_stranger_is_left_alone_for_a_minute() -> None:
    assert seek.STRANGER_S == 60
    assert "left alone for a minute" in TEXT
