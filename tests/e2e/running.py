"""The real command line, run as a person runs it: start it, wait for what it says, send it signals, see what it left.

No test sleeps: it waits for a condition, until a deadline that is far away, and fails with all the output.
"""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import termios
import time
import tty
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import pytest

from devicelog.records import Chunk, Record
from devicelog.validate import verdict_of
from firmware_bridge.decode import Decoder
from firmware_bridge.frames import encode
from firmware_bridge.readings import Identity, IdentityRequest, SampleBlock, SerialChunk
from tests.environment import environment as own_environment

DEADLINE_S = 60.0
ROOT = Path(__file__).parents[2]

Json = dict[str, Any]


def wait_until(condition: Callable[[], Any], what: str, context: Callable[[], str] = str) -> None:
    """Return when the condition holds. Fails after DEADLINE_S, with the context."""
    give_up_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < give_up_s, f"waited {DEADLINE_S:.0f} s for {what}\n{context()}"
        select.select([], [], [], 0.01)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str

    def json(self) -> Json:
        """What it printed with --json."""
        value: Json = json.loads(self.stdout)
        return value

    def succeeded(self) -> Self:
        """The same, when it ended with 0."""
        assert self.code == 0, self
        return self

    def refused(self, code: int, *words: str) -> Self:
        """The same, when it ended with this code and one clear line that has these words."""
        assert self.code == code, self
        lines = self.stderr.splitlines()
        told = [line for line in lines if re.match("error: ", line, re.IGNORECASE)]
        assert len(told) == 1, self
        assert told[0] == lines[-1], self
        for word in words:
            assert word in told[0], self
        assert "Traceback" not in self.stdout + self.stderr, self
        return self


class Running:
    """A command that was started: `python -m devicelog` and these words. A context manager; the end of it kills."""

    def __init__(
        self,
        *words: str | Path,
        data_dir: Path | None = None,
        prefix: Sequence[str] = (),
        stdin: int = subprocess.DEVNULL,
        stdout: int | None = None,
        stderr: int | None = None,
        **environment: str,
    ) -> None:
        """`stdout` and `stderr` are descriptors to write to in place of being kept for `output`."""
        where = () if data_dir is None else ("--data-dir", str(data_dir))
        self._out, self._err = (os.memfd_create(name) for name in ("stdout", "stderr"))
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "devicelog", *map(str, words), *where],
            stdin=stdin,
            stdout=self._out if stdout is None else stdout,
            stderr=self._err if stderr is None else stderr,
            env=own_environment(**environment),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._out)
        os.close(self._err)

    @property
    def stdout(self) -> str:
        """What it has printed so far."""
        return _content(self._out)

    @property
    def stderr(self) -> str:
        """What it has said so far."""
        return _content(self._err)

    def wait_for(self, text: str) -> None:
        """Return when it has said this on stderr. Fails when it ends without."""
        self.wait_until(lambda: text in self.stderr, repr(text))

    def wait_until(self, condition: Callable[[], Any], what: str) -> None:
        """Return when the condition holds. Fails when the command ends before."""

        def holds() -> bool:
            ended = self.process.poll() is not None
            if condition():
                return True
            assert not ended, f"ended with {self.process.returncode} before {what}\n{self._output()}"
            return False

        wait_until(holds, what, self._output)

    def send(self, number: int) -> None:
        """Send a signal, if it is still there."""
        self.process.send_signal(number)

    def wait_for_its_first_line(self) -> None:
        """Return when it has set handlers for signals, which is the first thing it does, or has ended already."""

        def done() -> bool:
            status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
            caught = re.search(r"^SigCgt:\s*(\w+)", status, re.MULTILINE)
            own = caught is not None and bool(int(caught[1], 16) >> signal.SIGTERM - 1 & 1)
            return own or self.process.poll() is not None

        wait_until(done, "its first line", self._output)

    def end(self) -> Ended:
        """Wait for its end."""
        wait_until(lambda: self.process.poll() is not None, "its end", self._output)
        return Ended(code=self.process.returncode, stdout=self.stdout, stderr=self.stderr)

    def _output(self) -> str:
        return f"--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


def _content(fd: int) -> str:
    return os.pread(fd, os.fstat(fd).st_size, 0).decode("utf-8", "backslashreplace")


def devicelog(*words: str | Path, data_dir: Path | None = None, **environment: str) -> Ended:
    """Run a command to its end."""
    with Running(*words, data_dir=data_dir, **environment) as command:
        return command.end()


def recording(data_dir: Path, pen: Path, *more: str | Path, **options: Any) -> Running:
    """`devicelog record` as the pages show it, started."""
    who = ("--client", "P-117", "--practitioner", "KM", "--plan", "full-face")
    return Running("record", "--pen", pen, *who, *more, data_dir=data_dir, **options)


def simulated_pen(link: Path, *more: str) -> Running:
    """`devicelog pens simulate`, ready to be recorded."""
    pen = Running("pens", "simulate", "--link", link, *more)
    pen.wait_for("Record it with")
    return pen


# --- a pen that does as the test says ---------------------------------------------------------------------------------


class PtyPen:
    """The other end of a pty behind a link, which says what it is told to. A context manager."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.sent = 0  # bytes since it was last plugged in
        self._master = self._slave = -1
        self._decoder = Decoder()
        self.plug()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()

    def plug(self) -> None:
        """Be there, as a new device at the old path."""
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.port = os.ttyname(self._slave)
        self.link.symlink_to(self.port)
        self.sent = 0

    def unplug(self) -> None:
        """Be gone. Whoever reads has had everything that was sent, if the test has waited for that."""
        if self._master >= 0:
            self.link.unlink()
            os.close(self._slave)
            os.close(self._master)
            self._master = self._slave = -1

    def asked(self) -> bool:
        """Whether somebody has asked who this is since the last call: the port was opened, and is flushed by now."""
        try:
            data = os.read(self._master, 4096)
        except BlockingIOError:
            return False
        return any(isinstance(item, IdentityRequest) for item in self._decoder.feed(SerialChunk(t_us=0, data=data)))

    def was_told(self) -> bytes:
        """What the host has sent and nobody has looked at; a pen that only sends is told nothing."""
        try:
            return os.read(self._master, 4096)
        except BlockingIOError:
            return b""

    def send(self, *frames: bytes) -> None:
        """Send these bytes; waits where the kernel has no room."""
        data = b"".join(frames)
        self.sent += len(data)

        def written() -> bool:
            nonlocal data
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:
                return False
            return not data

        wait_until(written, "room in the pty")

    def try_to_send(self, data: bytes) -> int:
        """Send what the kernel has room for now, and say how much that was."""
        try:
            n_bytes = os.write(self._master, data)
        except BlockingIOError:
            return 0
        self.sent += n_bytes
        return n_bytes

    def unread(self) -> int:
        """How many bytes wait in the kernel for whoever reads; a hang-up throws them away."""
        return int.from_bytes(fcntl.ioctl(self._slave, termios.FIONREAD, bytes(4)), sys.byteorder)

    def introduce(self, command: Running, frame: bytes | None = None) -> None:
        """Wait to be asked, say who this is, and wait until the session has begun."""
        command.wait_until(self.asked, "the identity request")
        self.send(IDENTITY if frame is None else frame)
        command.wait_for("recording s-")


_IDENTITY = Identity(
    mode="test",
    motor_on=False,
    boot=7,
    seq=0,
    t_us=0,
    protocol_major=1,
    protocol_minor=0,
    model="Scripted pen",
    serial="PTY-1",
    firmware="1",
    calibration_id="C",
    cartridge="",
)
IDENTITY = encode(_IDENTITY)


def identity(**changes: Any) -> bytes:
    """The pen says who it is, which is something else now."""
    return encode(replace(_IDENTITY, **changes))


_BLOCK = SampleBlock("test", True, 7, 0, 0, 400, 10, 5000, 10_000, 2, (390, 391), None, (1200, 1200), 0b11)


def samples(first: int, n_frames: int = 1, *, contact: bool = True, boot: int = 7) -> list[bytes]:
    """Frames of two samples each, numbered from `first`, one every 20 ms."""
    return [
        encode(
            _BLOCK._replace(
                boot=boot,
                seq=first + 2 * i,
                t_us=(first + 2 * i) * _BLOCK.period_us,
                contact_bits=0b11 if contact else 0,
            )
        )
        for i in range(n_frames)
    ]


def goodbye(seq: int) -> bytes:
    """The pen says who it is once more, with its motor off: what follows is silence and no gap."""
    return encode(replace(_IDENTITY, seq=seq, t_us=seq * _BLOCK.period_us))


# --- what a command left behind ---------------------------------------------------------------------------------------


def database(data_dir: Path) -> "closing[sqlite3.Connection]":
    """The database file, to look into."""
    return closing(sqlite3.connect(f"file:{data_dir / 'devicelog.db'}?mode=ro", uri=True))


def entries(data_dir: Path) -> list[Json]:
    """Every ledger entry, in order."""
    with database(data_dir) as connection:
        return [json.loads(row[0]) for row in connection.execute("SELECT bytes FROM ledger_entry ORDER BY seq")]


def records(data_dir: Path) -> list[Record]:
    """Every record of every stream, in order."""
    with database(data_dir) as connection:
        chunks = [
            Chunk.parse(zlib.decompress(row[0])) for row in connection.execute("SELECT blob FROM chunk ORDER BY id")
        ]
    return [record for chunk in chunks for record in chunk.records]


def bytes_on_disk(data_dir: Path) -> int:
    """How many of the pen's bytes are in the database."""
    with database(data_dir) as connection:
        return int(connection.execute("SELECT coalesce(sum(serial_bytes), 0) FROM chunk").fetchone()[0])


def streams(data_dir: Path, kind: str) -> list[str]:
    """The ids of every `session` or `span`, in order."""
    return [entry["body"]["stream"] for entry in entries(data_dir) if entry["type"] == f"{kind}.opened"]


def listed(data_dir: Path) -> tuple[list[Json], list[Json]]:
    """The sessions and the spans that `sessions list` tells of."""
    told = devicelog("sessions", "list", "--json", data_dir=data_dir).succeeded().json()
    return told["sessions"], told["spans"]


def shown(data_dir: Path, stream: str) -> Json:
    """One session or span as `sessions show` tells it."""
    return devicelog("sessions", "show", stream, "--json", data_dir=data_dir).succeeded().json()


def assert_whole(data_dir: Path) -> None:
    """Every account closes, nothing is open, and the database agrees with itself."""
    told = devicelog("verify", "--all", "--json", data_dir=data_dir).succeeded().json()
    assert told["ok"], told
    assert told["coverage"]["chunks_not_yet_in_the_ledger"] == 0


def the_session(data_dir: Path) -> Json:
    """The only session, of a database that is whole."""
    (session,) = streams(data_dir, "session")
    assert_whole(data_dir)
    return shown(data_dir, session)


def scripted(data_dir: Path, pen: PtyPen, *frames: bytes) -> Json:
    """A session in which a pen says all this, in one zone; every byte of it is in the session."""
    marks = pen.link.with_name("marks")
    marks.write_text("0 zone forehead\n", encoding="utf-8")
    with recording(data_dir, pen.link, "--marks", marks) as command:
        pen.introduce(command)
        pen.send(*frames)
        command.wait_until(lambda: bytes_on_disk(data_dir) == pen.sent, "all bytes on disk")
        command.send(signal.SIGINT)
        command.end().succeeded()
    told = the_session(data_dir)
    account = told["completeness"]
    assert account["bytes_read"] == account["bytes_kept"] == pen.sent - len(IDENTITY)
    assert account["closes"]
    assert devicelog("replay", told["id"], "--json", data_dir=data_dir).succeeded().json()["identical"]
    return told


def faults(session: Json) -> dict[str, tuple[int, int]]:
    """How many runs of bytes were no frame, and how many bytes, by kind."""
    return {fault["kind"]: (fault["n"], fault["bytes"]) for fault in session["completeness"]["faults"]}


# --- recordings that several tests look at ----------------------------------------------------------------------------


def shared(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A directory that `make` fills once for all tests of a run, whichever process they run in. Only to be copied."""
    base = factory.getbasetemp()
    base = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    base.mkdir(exist_ok=True)
    directory, done = base / name, base / f"{name}.done"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
            make(directory)
            done.touch()
    return directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """A scenario, how long, how fast, and which of its variations."""

    scenario: str
    seconds: int = 8
    seed: int = 1
    speed: int = 4  # not more: on a busy machine a mark must still land in its lift

    def record(self, directory: Path) -> None:
        """Record it into `data` of a directory, with the session as it was printed beside it.

        Zones are marked in lifts of 0.8 s of the pen's time. Where the machine was too busy for that, once more.
        """
        for attempt in range(4):
            shutil.rmtree(directory / "data", ignore_errors=True)
            told = self._record_once(directory)
            if self._marked_in_lifts(directory / "data", told["id"]) or attempt == 3:
                return

    def _record_once(self, directory: Path) -> Json:
        words = ("--scenario", self.scenario, "--seconds", self.seconds, "--seed", self.seed, "--speed", self.speed)
        told = devicelog("demo", *map(str, words), "--json", data_dir=directory / "data").succeeded()
        (directory / "shown.json").write_text(told.stdout, encoding="utf-8")
        return told.json()

    @staticmethod
    def _marked_in_lifts(data_dir: Path, session: str) -> bool:
        told = devicelog("sessions", "readings", session, "--format", "jsonl", data_dir=data_dir).succeeded().stdout
        rows = [json.loads(line) for line in told.splitlines()]
        after_gap = 0  # the marks that were due while the port was away are made in a glide
        for before, row in pairwise(rows):
            after_gap = 300 if row["seq"] != before["seq"] + 1 else after_gap - 1
            late = before["zone"] != row["zone"] and (before["contact"] or row["contact"])
            if late and after_gap <= 0:
                return False
        return not rows[0]["contact"]

    def __str__(self) -> str:
        return f"{self.scenario}-{self.seconds}s-{self.seed}"


def demo_recording(factory: pytest.TempPathFactory, demo: Demo, tmp_path: Path) -> tuple[Path, Json]:
    """A copy of the data directory of a demo that is recorded once a run, and the session as it was printed."""
    kept = shared(factory, str(demo), demo.record)
    shutil.copytree(kept / "data", tmp_path / "data")
    return tmp_path / "data", json.loads((kept / "shown.json").read_text(encoding="utf-8"))


def rules_found(told: Json) -> list[str]:
    """The rules of a session's deviations, notices apart, without what this computer's clock is to blame for."""
    deviations = (finding["rule"] for finding in told["findings"] if finding["severity"] != "info")
    return [rule for rule in deviations if rule != "clock.unsure"]


def verdict_in(told: Json) -> str:
    """A session's verdict, were this computer's clock sure: many that run tests have none that is."""
    findings = [finding for finding in told["findings"] if finding["rule"] != "clock.unsure"]
    return verdict_of(told, findings, told["assessments"])
