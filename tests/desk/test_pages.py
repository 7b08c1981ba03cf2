"""docs/people.md and docs/signing.md: their commands, typed as they say, say what they show."""

import os
import re
import shlex
from pathlib import Path

from tests.databases import make_database
from tests.desk.staff import FIRST_PIN, PINS
from tests.e2e.running import Running
from tests.pages import DOCS

PIN_LINES = {
    "practitioners pin AD": [PINS["AD"]],
    "practitioners add KM": [PINS["AD"]],
    "practitioners pin KM --by AD": [PINS["AD"], FIRST_PIN],
    "practitioners pin KM": [FIRST_PIN, PINS["KM"]],
    "sessions sign s-": [PINS["KM"]],
}
FENCED = re.compile(r"^```(console|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def shape(line: str) -> str:
    """A line without ids, times, numbers, places and widths."""
    line = re.sub(r"s-[0-9a-z]{10}", "ID", line)
    line = re.sub(r"\S*devicelog(?= )|\S+ -m devicelog", "devicelog", line)
    line = re.sub(r" --data-dir \S+", "", line)
    line = re.sub(r"\d{4}-\d\d-\d\d(T[\d:.]+Z)?", "WHEN", line)
    return " ".join(re.sub(r"\d+", "N", line).split())


def ran(command: str, data_dir: Path) -> list[str]:
    """What a command of a page says; its PINs come by stdin."""
    words = shlex.split(command.removeprefix("$ "))[1:]
    asked = next((pins for start, pins in PIN_LINES.items() if " ".join(words).startswith(start)), None)
    words = ["s-0000000002" if word == "s-" else word for word in words]
    read, write = os.pipe()
    os.write(write, "".join(f"{pin}\n" for pin in asked or ()).encode())
    os.close(write)
    with Running(*words, *(["--pin-stdin"] if asked else []), data_dir=data_dir, stdin=read) as running:
        said = running.end().succeeded().stdout
    os.close(read)
    return [shape(line) for line in said.splitlines()]


def test_the_pages_step_by_step(tmp_path: Path) -> None:
    make_database(tmp_path / "data")
    said: list[str] = []
    blocks = [
        found for page in ("people.md", "signing.md") for found in FENCED.findall((DOCS / page).read_text("utf-8"))
    ]
    assert [kind for kind, _ in blocks] == ["console", "text"] * 4
    for kind, text in blocks:
        if kind == "console":
            said = [line for command in text.splitlines() for line in ran(command, tmp_path / "data")]
        else:
            wanted = [shape(line) for line in text.splitlines()]
            assert said[-len(wanted) :] == wanted
