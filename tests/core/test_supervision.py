"""Which sources have a line that can be lent, and what is said to whoever asks for the port of one that has none."""

from pathlib import Path
from typing import Any

import pytest

from devicelog.errors import PenUnusable
from devicelog.recorder.commands import PortCommand
from devicelog.recorder.job import Line
from devicelog.recorder.supervision import Supervision
from firmware_bridge.profiles import load_profile
from firmware_bridge.readings import LinkChange
from firmware_bridge.sources import Inbox, SerialSource, Watch
from firmware_bridge.sources.both import Both
from firmware_bridge.sources.gpio import GpioSource


class Said(list[str]):
    """A console that keeps what it is told."""

    def say(self, text: str) -> None:
        self.append(text)


def wired() -> GpioSource:
    wiring = load_profile("gpio-reference").gpio
    assert wiring is not None
    return GpioSource(wiring, Inbox(), lambda: 0)


@pytest.mark.parametrize("for_us", [1_000_000, None], ids=["release", "resume"])
def test_a_pen_on_pins_has_no_port_to_lend(for_us: int | None) -> None:
    assert not isinstance(wired(), Line)
    said, replies = Said(), []
    nothing: Any = None
    supervision = Supervision(None, Watch(1_000_000), writer=nothing, clock=nothing, console=said)  # type: ignore[arg-type]
    supervision.make(PortCommand(for_us=for_us), replies.append)
    (told,) = replies
    assert (told["ok"], told["exit_code"]) == (False, PenUnusable.exit_code)
    assert "wired to pins" in told["error"]
    supervision.take(LinkChange(t_us=0, up=True, cause="opened", port="pins"), [])
    supervision.look()
    assert said == ["the pins are open (opened)"]


def test_a_pen_with_pins_beside_it_has_that_of_its_line(tmp_path: Path) -> None:
    line = SerialSource(str(tmp_path / "pen"), load_profile("reference"), Inbox(), lambda: 0)
    both = Both(line, wired())
    assert isinstance(line, Line)
    assert isinstance(both, Line)
    assert (both.url, both.trouble) == (str(tmp_path / "pen"), None)
    assert not both.resume()
    both.release(1)
    assert both.resume()
    both.distrust(1, "silent")
    both.close()
