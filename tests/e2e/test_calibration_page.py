"""docs/calibration.md: its commands, typed as it says, say what it shows."""

import os
import re
import shlex
from pathlib import Path

from tests.e2e.running import Running
from tests.pages import DOCS

PAGE = (DOCS / "calibration.md").read_text(encoding="utf-8")
CONSOLE = re.findall(r"^```console\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
SHOWN = "".join(re.findall(r"^```text\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))


def shape(line: str) -> str:
    """A line without what differs from one day, pen and machine to another: numbers, ids, widths."""
    line = re.sub(r"host-\w{12}|u-\w{10}|\d{4}-\d\d-\d\d( \d\d:\d\dZ)?", "ID", line)
    return " ".join(re.sub(r"[+-]?\d+", "N", line).split())


def said(block: str) -> tuple[list[str], list[str]]:
    """The command of a console block, and the shapes of what follows it."""
    command, *lines = block.splitlines()
    words = shlex.split(command.removeprefix("$ "))
    assert words[0] == "devicelog", command
    return words[1:], [shape(line) for line in lines]


def test_the_page_step_by_step(tmp_path: Path) -> None:
    (simulate, _), (calibrate, asked), (listing, table) = map(said, CONSOLE)
    link = str(tmp_path / "pen")
    simulate, calibrate = ([link if word == "/tmp/pen" else word for word in words] for words in (simulate, calibrate))
    blocks, answers, data = os.pipe(), os.pipe(), tmp_path / "data"
    gauges = calibrate[calibrate.index("--points") + 1].split(",")
    with Running(*simulate, stdin=blocks[0]) as bench:
        bench.wait_for("is at")
        with Running(*calibrate, data_dir=data, stdin=answers[0]) as person:
            for um in gauges:
                person.wait_for(f"put the gauge block of {um} µm")
                os.write(blocks[1], f"{um}\n".encode())
                bench.wait_for(f"{um} µm is under the tip")
                os.write(answers[1], b"\n")
            ended = person.end().succeeded()
    for fd in (*blocks, *answers):
        os.close(fd)
    told = [shape(line) for line in (*ended.stderr.splitlines(), *ended.stdout.splitlines())]
    wanted = [*asked, *(shape(line) for line in SHOWN.splitlines())]
    assert [line for line in told if line in wanted] == wanted
    with Running(*listing, data_dir=data) as command:
        assert [shape(line) for line in command.end().succeeded().stdout.splitlines()] == table
