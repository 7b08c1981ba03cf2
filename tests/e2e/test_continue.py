"""After a power cut: what was handed over and planned anew does not go on by itself, and is said with what to type."""

import signal
from pathlib import Path

from tests.e2e.running import PtyPen, Running, bytes_on_disk, devicelog, samples

BEGUN = ("--client", "P-117", "--practitioner", "KM", "--plan", "face-pigment")


def cut_off(directory: Path, *marks: tuple[str, ...]) -> Path:
    """A session with these marks whose recorder was killed; its data directory."""
    data_dir = directory / "data"
    with (
        PtyPen(directory / "pen") as pen,
        Running("record", "--pen", pen.link, *BEGUN, data_dir=data_dir) as command,
    ):
        pen.introduce(command)
        for words in marks:
            devicelog("mark", *words, data_dir=data_dir).succeeded()
        pen.send(*samples(0, 20))
        command.wait_until(lambda: bytes_on_disk(data_dir) == pen.sent, "all bytes on disk")
        command.send(signal.SIGKILL)
        command.end()
    return data_dir


def gone_on(directory: Path, data_dir: Path, *more: str) -> str:
    """What `record --continue` says on stderr."""
    with (
        PtyPen(directory / "pen") as pen,
        Running("record", "--pen", pen.link, "--continue", *more, "--duration", "0.5", data_dir=data_dir) as command,
    ):
        pen.introduce(command)
        pen.send(*samples(200, 40))
        return command.end().succeeded().stderr


def test_who_held_the_pen_and_what_was_planned_anew_is_said_with_what_to_type(tmp_path: Path) -> None:
    marks = (("zone", "nose"), ("plan", "nose", "0,1-0,25", "passes", "1-2"), ("operator", "RV"))
    data_dir = cut_off(tmp_path, *marks)
    said = " ".join(gone_on(tmp_path, data_dir).split())
    assert "RV held the pen at the end of s-" in said
    assert "this one begins with KM. Where RV goes on: `--continue --practitioner RV`" in said
    assert "`devicelog mark plan nose 0.10-0.25 passes 1-2`" in said
    assert "`devicelog visits plan v-" in said
    assert "practitioner KM" in said


def test_where_she_goes_on_to_whom_it_was_handed_nothing_is_said(tmp_path: Path) -> None:
    data_dir = cut_off(tmp_path, ("operator", "RV"))
    said = gone_on(tmp_path, data_dir, "--practitioner", "RV")
    assert "practitioner RV" in said
    assert "held the pen" not in said
    assert "planned anew" not in said
