"""Signing beside a recording, through the recorder that runs: it asks nobody for a PIN, and counts wrong ones."""

import os
import signal
from pathlib import Path

import pytest

from devicelog.control import ask
from tests.databases import FIRST
from tests.desk.staff import NAMES, PINS, WRONG, entries
from tests.e2e.running import Ended, PtyPen, Running, assert_whole, recording, samples, shown


def sign(data_dir: Path, pin: str, *more: str) -> Ended:
    read, write = os.pipe()
    os.write(write, f"{pin}\n".encode())
    os.close(write)
    words = ("sessions", "sign", FIRST, "--meaning", "performed", "--pin-stdin", *more)
    with Running(*words, data_dir=data_dir, stdin=read) as command:
        ended = command.end()
    os.close(read)
    return ended


@pytest.mark.requirement("R18")
def test_while_somebody_records_wrong_pins_are_counted_and_the_right_one_signs(clinic: Path, tmp_path: Path) -> None:
    with PtyPen(tmp_path / "pen") as pen, recording(clinic, pen.link) as command:
        pen.introduce(command)
        pen.send(*samples(0, 5))
        sign(clinic, WRONG, "--person", "KM").refused(2, "1 wrong in a row")
        told = ask(
            clinic,
            {
                "command": "act",
                "do": "session.sign",
                "session": FIRST,
                "meaning": "performed",
                "by": "KM",
                "pin": WRONG,
            },
        )
        assert (told["ok"], told["exit_code"]) == (False, 2)
        assert NAMES["KM"] in sign(clinic, PINS["KM"], "--person", "KM").succeeded().stdout
        at_keyboard = {"command": "act", "do": "pin.set", "person": "KM", "by": "KM", "new_pin": "204815"}
        assert not ask(clinic, {**at_keyboard, "at_keyboard": True})["ok"]
        command.send(signal.SIGINT)
        command.end().succeeded()
    assert [entry.body["told"]["failures"] for entry in entries(clinic, "pin.refused")] == [1, 2]
    (made,) = shown(clinic, FIRST)["signatures"]
    assert (made["failures"], made["standing"]) == (2, "valid")
    opened = entries(clinic, "session.opened")[-1]
    assert (opened.values["actor"]["id"], opened.values["actor"]["auth"]) == ("KM", "none")
    assert_whole(clinic)
