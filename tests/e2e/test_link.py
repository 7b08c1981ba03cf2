"""The link in a session of the real recorder: another pen comes back, rubbish, a board that resets, a lent port."""

import fcntl
import json
import random
import re
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from bench.measure import cpu_s
from devicelog.records import LINK, SERIAL, item_of
from firmware_bridge import profiles
from firmware_bridge.readings import LinkChange, SerialChunk
from firmware_bridge.sources.ports import ONLY
from firmware_bridge.sources.watch import RUBBISH_BYTES
from tests.e2e.running import (
    IDENTITY,
    Json,
    PtyPen,
    Running,
    bytes_on_disk,
    devicelog,
    entries,
    faults,
    goodbye,
    identity,
    recording,
    records,
    rules_found,
    samples,
    the_session,
)
from tests.pages import DOCS

MB = 1_000_000
RELEASE, RESUME = (
    line.split() for line in re.findall(r"^\$ devicelog (.*)$", (DOCS / "link.md").read_text("utf-8"), re.M)
)


@pytest.fixture
def pen(tmp_path: Path) -> Iterator[PtyPen]:
    with PtyPen(tmp_path / "pen") as pen:
        yield pen


@contextmanager
def session(data_dir: Path, pen: PtyPen, *more: str | Path) -> Iterator[Running]:
    """A session that has begun; it is ended properly afterwards."""
    with recording(data_dir, pen.link, *more) as command:
        pen.introduce(command)
        yield command
        command.send(signal.SIGINT)
        command.end().succeeded()


def kept(command: Running, data_dir: Path, n_bytes: int) -> None:
    """Wait until so many of the pen's bytes are on disk."""
    command.wait_until(lambda: bytes_on_disk(data_dir) == n_bytes, f"{n_bytes} bytes on disk")


def returns(command: Running, pen: PtyPen) -> None:
    """Be plugged in again, and wait until the port is open."""
    pen.plug()
    command.wait_until(pen.asked, "the identity request")


def links(data_dir: Path) -> list[str]:
    """The cause of every link change."""
    changes = [item_of(record) for record in records(data_dir) if record.kind == LINK]
    return [change.cause for change in changes if isinstance(change, LinkChange)]


def updates(data_dir: Path) -> list[Json]:
    return [entry["body"] for entry in entries(data_dir) if entry["type"] == "pen.updated"]


# --- the pen that comes back ------------------------------------------------------------------------------------------


def there_and_back(data_dir: Path, pen: PtyPen, *says: bytes) -> tuple[Json, str]:
    """A session in which the pen is unplugged and says this when it is back; the session, and what was told."""
    with session(data_dir, pen) as command:
        pen.send(*samples(0, 10))
        kept(command, data_dir, before := pen.sent)
        pen.unplug()
        command.wait_for("unplugged")
        returns(command, pen)
        pen.send(*says)
        kept(command, data_dir, before + pen.sent)
        said = command.stderr
    told = the_session(data_dir)
    assert told["completeness"]["closes"]
    assert links(data_dir) == ["opened", "unplugged", "reopened"]
    return told, said


def test_the_same_pen_comes_back(pen: PtyPen, tmp_path: Path) -> None:
    told, _ = there_and_back(tmp_path / "data", pen, IDENTITY, *samples(40, 10), goodbye(60))
    assert "pen.changed" not in rules_found(told)
    assert [(gap["cause"], gap["missing"]) for gap in told["gaps"]] == [("link", 20)]
    assert updates(tmp_path / "data") == []


@pytest.mark.requirement("R10")
def test_a_pen_that_answers_with_another_pens_serial(pen: PtyPen, tmp_path: Path) -> None:
    told, _ = there_and_back(tmp_path / "data", pen, identity(serial="PTY-2"), *samples(40, 10))
    (finding,) = [finding for finding in told["findings"] if finding["rule"] == "pen.changed"]
    assert "PTY-1" in str(finding)
    assert "PTY-2" in str(finding)
    assert updates(tmp_path / "data") == []


@pytest.mark.requirement("R10")
def test_new_firmware_under_the_same_serial_is_an_entry_and_no_other_pen(pen: PtyPen, tmp_path: Path) -> None:
    new = identity(firmware="2")
    told, said = there_and_back(tmp_path / "data", pen, new, *samples(40, 10), new)
    assert "pen.changed" not in rules_found(told)
    assert "pen PTY-1 was updated: firmware 1 -> 2" in said
    (update,) = updates(tmp_path / "data")
    assert (update["stream"], update["was"]["firmware"], update["pen"]["firmware"]) == (told["id"], "1", "2")
    arrived = {record.number: record for record in records(tmp_path / "data") if record.kind == SERIAL}
    chunk = item_of(arrived[update["record"]])
    assert isinstance(chunk, SerialChunk)
    assert new[1:-1] in chunk.data


@pytest.mark.requirement("R10")
def test_new_firmware_between_two_sessions_is_an_entry(pen: PtyPen, tmp_path: Path) -> None:
    for firmware in ("1", "1", "2"):
        with recording(tmp_path / "data", pen.link) as command:
            pen.introduce(command, identity(firmware=firmware))
            command.send(signal.SIGINT)
            command.end().succeeded()
    (update,) = updates(tmp_path / "data")
    assert (update["was"]["firmware"], update["pen"]["firmware"]) == ("1", "2")


# --- what is there and no pen -----------------------------------------------------------------------------------------


class Flood:
    """Rubbish at 1 MB/s, for as long as it is asked for; what finds no room is gone, as on a line."""

    def __init__(self, pen: PtyPen) -> None:
        self.pen = pen
        self._rubbish = random.Random(1).randbytes(4096)
        self._due_s = time.monotonic()

    def goes_on(self) -> None:
        while self._due_s <= time.monotonic():
            self.pen.try_to_send(self._rubbish)
            self._due_s += len(self._rubbish) / MB


def resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.partition("VmRSS:")[2].split()[0])


def test_a_port_that_floods_1_mb_a_second_of_rubbish(pen: PtyPen, tmp_path: Path) -> None:
    data_dir, openings = tmp_path / "data", 3
    with session(data_dir, pen) as command:
        pen.send(*samples(0, 10))
        kept(command, data_dir, pen.sent)
        pid = command.process.pid
        resident_before_kb, cpu_before_s = resident_kb(pid), cpu_s(pid)
        flood = Flood(pen)

        def given_up() -> bool:
            flood.goes_on()
            return command.stderr.count("no frames") == openings

        command.wait_until(given_up, f"the port to be given up {openings} times")
        resident_more_kb, used_s = resident_kb(pid) - resident_before_kb, cpu_s(pid) - cpu_before_s
        pen.unplug()
        returns(command, pen)
        pen.send(IDENTITY, *samples(40, 10))
        command.wait_until(lambda: records(data_dir)[-1].kind == SERIAL, "the pen's frames on disk")
    told = the_session(data_dir)
    account = told["completeness"]
    assert account["closes"]
    assert [(boot["decoded"], boot["missing"]) for boot in account["boots"]] == [(40, 20)]
    assert links(data_dir)[:6] == ["opened", *["no frames", "reopened"] * 2, "no frames"]
    rubbish = sum(n_bytes for _, n_bytes in faults(told).values())
    # each opening may bring half of the one before; what was under way to the consumer comes on top
    assert RUBBISH_BYTES < rubbish < 2 * RUBBISH_BYTES * (1 + 1 / 2 + 1 / 4)
    assert account["bytes_read"] == account["bytes_kept"] + account["bytes_dropped"]
    assert resident_more_kb < 20_000
    assert used_s < 0.5  # a tenth of that on a quiet machine


def test_a_port_with_nothing_but_rubbish_is_no_pen(pen: PtyPen, tmp_path: Path) -> None:
    flood = Flood(pen)
    with recording(tmp_path / "data", pen.link) as command:
        command.wait_until(pen.asked, "the identity request")

        def ended() -> bool:
            flood.goes_on()
            return command.process.poll() is not None

        command.wait_until(ended, "its end")
        command.end().refused(4, "this is not a pen", "What came is kept as u-")


def test_a_board_that_resets_when_the_port_opens(pen: PtyPen, tmp_path: Path) -> None:
    data_dir, profile = tmp_path / "data", tmp_path / "hasty.toml"
    hasty = Path(str(profiles.__file__)).with_name("reference.toml").read_text("utf-8")
    profile.write_text(hasty.replace("silence_limit_us = 2_500_000", "silence_limit_us = 100_000"), "utf-8")

    def boots(command: Running, number: int) -> None:
        command.wait_until(pen.asked, "the port to be opened")
        pen.send(b"\r\nboot loader 8.1\r\n")  # and then nothing for a while
        kept(command, data_dir, pen.sent)
        pen.send(identity(boot=number, t_us=50_000))

    with recording(data_dir, pen.link, "--profile", profile) as command:
        boots(command, 7)
        command.wait_for("recording s-")
        pen.send(*samples(100, 20))
        command.wait_for("silent")  # for 5 s: it is opened anew, and that makes it start anew
        boots(command, 8)
        pen.send(*samples(0, 20, boot=8), identity(boot=8, seq=40, t_us=400_000))
        kept(command, data_dir, pen.sent)
        command.send(signal.SIGINT)
        said = command.end().succeeded().stderr
    assert said.count("the pen started anew when its port was opened") == 2
    told = the_session(data_dir)
    account = told["completeness"]
    assert [(boot["boot"], boot["decoded"]) for boot in account["boots"]] == [(7, 40), (8, 40)]
    assert links(data_dir) == ["opened", "silent", "reopened"]
    assert "pen.restarted" in rules_found(told)
    assert len(told["gaps"]) == 1


# --- another program wants the port -----------------------------------------------------------------------------------


def held(pen: PtyPen) -> bool:
    """Whether somebody else has the port for himself."""
    with Path(pen.port).open("rb", buffering=0) as port:
        try:
            fcntl.flock(port, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_the_port_is_lent_and_taken_back(pen: PtyPen, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with session(data_dir, pen) as command:
        pen.send(*samples(0, 10))
        kept(command, data_dir, before := pen.sent)
        assert held(pen)
        lent = devicelog(*RELEASE, "--json", data_dir=data_dir).succeeded().json()
        assert lent == {"schema": "devicelog.port/1", "ok": True, "port": str(pen.link), "for_us": 600 * MB}
        assert not held(pen)
        assert links(data_dir) == ["opened", "released"]  # confirmed when it was on disk
        pen.send(b"what an updater says")
        back = devicelog(*RESUME, data_dir=data_dir).succeeded()
        assert f"opens {pen.link} again" in back.stdout
        command.wait_until(pen.asked, "the identity request")
        assert held(pen)
        pen.send(
            updated := identity(firmware="2"),
            *(more := [*samples(40, 10), identity(firmware="2", seq=60, t_us=600_000)]),
        )
        kept(command, data_dir, before + len(updated) + sum(map(len, more)))
        again = devicelog("pens", "resume", data_dir=data_dir).succeeded()
        assert "was not released" in again.stdout
    told = the_session(data_dir)
    assert links(data_dir) == ["opened", "released", "reopened"]
    assert [(gap["cause"], gap["missing"]) for gap in told["gaps"]] == [("released", 20)]
    assert [update["pen"]["firmware"] for update in updates(data_dir)] == ["2"]


def test_a_port_that_nobody_takes_back_is_taken_back_in_time(pen: PtyPen, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with session(data_dir, pen) as command:
        told = devicelog("pens", "release", "--for", "0.5", data_dir=data_dir).succeeded()
        assert "is free for 0.5 s" in told.stdout
        command.wait_until(pen.asked, "the identity request")
    assert links(data_dir) == ["opened", "released", "reopened"]


def test_a_port_is_free_when_it_is_said_to_be_while_the_pen_is_looked_for(pen: PtyPen, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with recording(data_dir, Path("auto"), **{ONLY: f"{tmp_path}/p*"}) as command:
        pen.introduce(command)
        pen.unplug()
        command.wait_for("unplugged")
        returns(command, pen)  # and says nothing: it is listened to
        assert held(pen)
        devicelog(*RELEASE, data_dir=data_dir).succeeded()
        assert not held(pen)
        assert links(data_dir) == ["opened", "unplugged"]
        command.send(signal.SIGINT)
        command.end().succeeded()


@pytest.mark.parametrize("word", ["release", "resume"])
def test_a_port_of_a_recorder_that_does_not_run(word: str, tmp_path: Path) -> None:
    devicelog("pens", word, data_dir=tmp_path / "data").refused(6)


# --- a pen that is known by who it says it is -------------------------------------------------------------------------


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[PtyPen, PtyPen]]:
    with ExitStack() as stack:
        yield stack.enter_context(PtyPen(tmp_path / "port1")), stack.enter_context(PtyPen(tmp_path / "port2"))


def both_answer(command: Running, two: tuple[PtyPen, PtyPen], serials: tuple[str, str]) -> None:
    for pen, serial in zip(two, serials, strict=True):
        command.wait_until(pen.asked, "the identity request")
        pen.send(identity(serial=serial))


def test_two_candidates_are_refused_and_listed(two: tuple[PtyPen, PtyPen], tmp_path: Path) -> None:
    with recording(tmp_path / "data", Path("auto"), **{ONLY: f"{tmp_path}/port*"}) as command:
        both_answer(command, two, ("A-1", "A-2"))
        command.end().refused(
            *(4, "2 pens answer", "--pen serial:A-1 for", "--pen serial:A-2 for", str(two[0].link), str(two[1].link))
        )


def test_two_with_the_same_serial_are_told_by_their_ports(two: tuple[PtyPen, PtyPen], tmp_path: Path) -> None:
    with recording(tmp_path / "data", Path("serial:A-1"), **{ONLY: f"{tmp_path}/port*"}) as command:
        both_answer(command, two, ("A-1", "A-1"))
        command.end().refused(4, "2 pens answer", f"--pen {two[0].link} for", f"--pen {two[1].link} for")


def test_the_only_pen_there_is(pen: PtyPen, tmp_path: Path) -> None:
    (tmp_path / "porridge").write_text("no port", "utf-8")
    words = ("pens", "probe", "auto", "--seconds", "0.5", "--json")
    with Running(*words, **{ONLY: f"{tmp_path}/p*"}) as command:
        command.wait_until(pen.asked, "the identity request")
        pen.send(IDENTITY)
        told = command.end().succeeded().json()
    assert (told["url"], told["identity"]["serial"]) == (str(pen.link), "PTY-1")


def test_a_pen_is_followed_to_another_port(two: tuple[PtyPen, PtyPen], tmp_path: Path) -> None:
    other, pen = two
    data_dir = tmp_path / "data"
    with recording(data_dir, Path("serial:A-2"), **{ONLY: f"{tmp_path}/port*"}) as command:
        both_answer(command, two, ("A-1", "A-2"))
        command.wait_for("recording s-")
        pen.send(*samples(0, 10))
        kept(command, data_dir, before := pen.sent)
        pen.unplug()
        command.wait_for("unplugged")
        pen.link = pen.link.with_name("port3")
        pen.plug()
        both_answer(command, two, ("A-1", "A-2"))
        pen.send(*samples(40, 10), identity(serial="A-2", seq=60, t_us=600_000))
        kept(command, data_dir, before + pen.sent)
        command.send(signal.SIGINT)
        command.end().succeeded()
    told = the_session(data_dir)
    assert "pen.changed" not in rules_found(told)
    assert [(gap["cause"], gap["missing"]) for gap in told["gaps"]] == [("link", 20)]
    assert not other.asked()


def test_a_pen_that_is_not_there_and_where_it_was_looked_for(pen: PtyPen, tmp_path: Path) -> None:
    with recording(tmp_path / "data", Path("serial:A-9"), **{ONLY: f"{tmp_path}/p*"}) as command:
        command.wait_until(pen.asked, "the identity request")
        pen.send(IDENTITY)
        command.end().refused(4, "pen A-9 was not found", f"{pen.link}: pen PTY-1")


def test_a_serial_number_that_is_none(tmp_path: Path) -> None:
    recorder = recording(tmp_path / "data", Path("serial:"))
    with recorder as command:
        command.end().refused(4, "names no serial number")


def test_no_port_at_all(tmp_path: Path) -> None:
    told = devicelog("pens", "probe", "auto", "--seconds", "0.5", **{ONLY: f"{tmp_path}/none*"})
    told.refused(4, "there is no serial port")
    assert json.dumps(told.stdout) == '""'
