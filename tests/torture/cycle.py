"""One cycle: processes are started in one data directory, spoken to and killed as planned; then it is looked into."""

import json
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from devicelog.control import ask
from devicelog.errors import DevicelogError
from devicelog.store.database import FILE_NAME
from devicelog.store.evidence import Evidence
from tests.environment import environment as own_environment
from tests.torture.checks import PRACTITIONER, Ack, Book, check_database, newest_on_disk
from tests.torture.figures import BOUND_US, LOSS_US, Loss, Tally
from tests.torture.plan import Command, Cycle, Round, Stage
from tests.torture.processes import DEADLINE_S, Lag, Pen, Program, now_us

DEVICELOG = (sys.executable, "-m", "devicelog")

_TOLD = re.compile(r"\b([su]-[0-9a-z]{10}) was found open and is closed now as interrupted")
_RECORDING = re.compile(r"recording (s-[0-9a-z]{10})$")
_KILLED = -signal.SIGKILL


@dataclass(frozen=True, slots=True, kw_only=True)
class _Killed:
    """A recorder that was killed. `recording_us`: when it was heard saying that it records."""

    stage: Stage
    spawned_us: int
    recording_us: int | None
    kill_us: int


class Runner:
    """Plays one cycle. `record` is the command line that records; the others are always the real one."""

    def __init__(
        self,
        cycle: Cycle,
        base: Path,
        pen: Pen,
        lag: Lag,
        record: Sequence[str] = DEVICELOG,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.book, self.tally = Book(), Tally()
        self.data_dir = base / ("d" * 100 if cycle.long_path else "data")
        self._cycle, self._pen, self._lag, self._record = cycle, pen, lag, record
        self._path = self.data_dir / FILE_NAME
        self._not_measured: list[_Killed] = []
        self._replayed: set[str] = set()
        self._speaker: threading.Thread | None = None
        (base / "tmp").mkdir(parents=True)
        self._environment = own_environment(**environment, TMPDIR=str(base / "tmp"))
        self._log = (base / "outside.jsonl").open("a", encoding="utf-8")

    def run(self) -> Tally:
        """All rounds, until one fails."""
        tally, book = self.tally, self.book
        with self._log:
            for number, round_ in enumerate(self._cycle.rounds):
                faults = self._round(round_)
                self._note("round", number=number, stage=round_.stage, faults=faults)
                if faults:
                    tally.faults += [f"round {number} ({round_.stage}): {fault}" for fault in faults]
                    break
        tally.acked, tally.unanswered = len(book.acks), len(book.unanswered)
        tally.found = tally.acked - sum("is not in the evidence" in fault for fault in tally.faults)
        return tally

    def _round(self, round_: Round) -> list[str]:
        try:
            faults = self._end_recovery(round_) if round_.stage == "recovery" else self._end_record(round_)
            if round_.checked and not faults:
                faults = self._check(round_.command)
        except (DevicelogError, RuntimeError, sqlite3.Error, OSError, subprocess.TimeoutExpired) as error:
            faults = [f"{type(error).__name__}: {error}"]
        return faults

    # --- starting, speaking, killing ----------------------------------------------------------------------------------

    def _end_recovery(self, round_: Round) -> list[str]:
        program = self._start([*DEVICELOG, *self._words(round_.command)])
        if round_.since == "spawn" or program.wait_for_lock(self.data_dir):
            time.sleep(round_.after_s)
        code = self._kill(round_.stage, program)
        if code == _KILLED:
            self.book.silent_deaths += 1
            return []
        return [] if code == (0 if self._there() else 6) else [f"exit {code}: {program.lines[-3:]}"]

    def _end_record(self, round_: Round) -> list[str]:
        program = self._start(
            [
                *(*self._record, "record", "--pen", str(self._pen.link), "--client", "C-7"),
                *("--practitioner", PRACTITIONER, "--plan", "full-face"),
            ]
        )
        session: str | None = None
        recording_us: int | None = None
        if round_.stage == "startup":
            self.book.silent_deaths += 1
            if round_.since == "spawn" or program.wait_for_lock(self.data_dir):
                time.sleep(round_.after_s)
        else:
            found = program.wait_for(_RECORDING)
            if found is None:
                return [f"never recorded, exit {self._kill(round_.stage, program)}: {program.lines[-3:]}"]
            session, recording_us = found[1], now_us()
            self._speak(round_, program, session)
        kill_us = now_us()
        code = self._kill(round_.stage, program)
        if session is not None:
            may_close = {_KILLED: {"interrupted", "closed"}, 0: {"closed"}}.get(code, {"interrupted"})
            self.book.must[session] = {"interrupted"} if round_.ending is None else may_close
        if code == _KILLED:
            self._not_measured.append(
                _Killed(stage=round_.stage, spawned_us=program.spawned_us, recording_us=recording_us, kill_us=kill_us)
            )
        elif code or round_.ending is None:
            return [f"ended by itself, exit {code}: {program.lines[-3:]}"]
        return []

    def _speak(self, round_: Round, program: Program, session: str) -> None:
        """Say what is to be said, in a thread of its own, and return at the planned moment whatever is going on."""
        began_s = time.monotonic()
        asked, answered = threading.Event(), threading.Event()

        def wait_until(at_s: float) -> None:
            time.sleep(max(0.0, began_s + at_s - time.monotonic()))

        def say() -> None:
            for action in round_.actions:
                if program.over.wait(max(0.0, began_s + action.at_s - time.monotonic())):
                    return
                last = action is round_.actions[-1]
                if last:
                    asked.set()
                self._ask(session, action.words)
                if last:
                    answered.set()

        self._speaker = threading.Thread(target=say, daemon=True)
        self._speaker.start()
        match round_.since:
            case "recording":
                wait_until(round_.after_s)
                return
            case "asked":
                asked.wait(DEADLINE_S)
            case "answered":
                answered.wait(DEADLINE_S)
            case "signal" if round_.ending is not None:
                at_s, number = round_.ending
                wait_until(at_s)
                program.signal(number)
        if round_.after_s:
            time.sleep(round_.after_s)

    def _ask(self, session: str, words: tuple[str, ...]) -> None:
        asked_us = now_us()
        try:
            reply = ask(self.data_dir, {"command": "mark", "words": list(words)})
        except (DevicelogError, ValueError) as error:
            self.book.unanswered.append((session, words))
            self._note("unanswered", words=words, asked_us=asked_us, error=str(error))
            return
        acked_us = now_us()
        self._note("answer", words=words, asked_us=asked_us, acked_us=acked_us, reply=reply)
        if reply["ok"]:
            self.book.acks.append(
                Ack(session=reply["session"], record=reply["record"], words=words, asked_us=asked_us, acked_us=acked_us)
            )

    def _start(self, argv: Sequence[str]) -> Program:
        self._speaker = None
        self._note("start", argv=argv)
        return Program([*argv, "--data-dir", str(self.data_dir)], self._environment)

    def _kill(self, stage: Stage, program: Program) -> int:
        code = program.kill()
        if self._speaker is not None:
            self._speaker.join(DEADLINE_S)  # an answer that was on its way is an acknowledgement
        (self.tally.kills if code == _KILLED else self.tally.ended)[stage] += 1
        self._hear(program.lines)
        self._note("end", code=code, said=program.lines[-30:])
        return code

    # --- looking afterwards -------------------------------------------------------------------------------------------

    def _check(self, first: Command) -> list[str]:
        """The command line's own word, then the database's; then how much the dead had not brought to disk."""
        code, _, said = self._look(self._words(first))
        if not self._there():
            wrong = code != 6 or self.book.must
            return [f"{first} where nothing was recorded: exit {code}: {said}"] if wrong else []
        faults = [f"{first} as the first command: exit {code}: {said}"] if code else []
        faults += self._check_commands()
        faults += check_database(self._path, self.book)
        while self._not_measured:
            faults += self._measure(self._not_measured.pop(0))
        with Evidence(self._path) as evidence:
            self.tally.count_streams(evidence.streams(), self.book.told)
        return faults

    def _check_commands(self) -> list[str]:
        code, listed, said = self._look(self._words("list"))
        if code or listed is None:
            return [f"sessions list: exit {code}: {said}"]
        faults = []
        for session in listed["sessions"]:
            if session["status"] not in ("closed", "interrupted"):
                faults.append(f"sessions list says {session['id']} is {session['status']}")
            if session["status"] == "interrupted" and session["verdict"] != "incomplete":
                faults.append(f"sessions list says the verdict of {session['id']} is {session['verdict']}")
        code, report, said = self._look(self._words("verify"))
        if code or report is None or report["problems"]:
            faults.append(f"verify --all: exit {code}: {said} {report}")
        for session in {row["id"] for row in listed["sessions"]} - self._replayed:
            self._replayed.add(session)
            code, replayed, said = self._look(("replay", session, "--json"))
            if code or replayed is None or replayed["identical"] is not True:
                faults.append(f"replay {session}: exit {code}: {said} {replayed}")
        return faults

    def _measure(self, killed: _Killed) -> list[str]:
        stamp_us, taken_us = newest_on_disk(self._path, killed.spawned_us, killed.kill_us, self._pen.offset_us)
        if killed.recording_us is None and None in (stamp_us, taken_us):
            return []  # it may not have begun to read
        # where nothing is on disk, the loss is at least what it has recorded since it said so
        at_least_us = killed.recording_us or killed.kill_us
        by_stamp_us = killed.kill_us - (at_least_us if stamp_us is None else stamp_us)
        by_pen_us = killed.kill_us - (at_least_us if taken_us is None else taken_us)
        from_us = killed.kill_us - max(by_stamp_us, by_pen_us) - LOSS_US
        loss = Loss(
            stage=killed.stage,
            by_stamp_us=by_stamp_us,
            by_pen_us=by_pen_us,
            lag_us=self._lag.worst_us(from_us, killed.kill_us),
        )
        self.tally.losses.append(loss)
        self._note("loss", kill_us=killed.kill_us, loss=str(loss))
        if loss.verdict != "lost":
            return []
        return [f"the newest sample on disk was too old at the kill: {loss}; at most {BOUND_US} us"]

    def _look(self, words: Sequence[str]) -> tuple[int, Any, str]:
        """Run a command to its end; its exit code, its JSON, and what it said."""
        done = subprocess.run(
            [*DEVICELOG, *words, "--data-dir", str(self.data_dir)],
            capture_output=True,
            text=True,
            env=self._environment,
            timeout=DEADLINE_S,
            check=False,
        )
        self._hear(done.stderr.splitlines())
        self._note("look", words=words, code=done.returncode, said=done.stderr)
        return done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else None, done.stderr.strip()

    def _words(self, command: Command) -> tuple[str, ...]:
        if command == "replay" and self.book.must:
            return ("replay", list(self.book.must)[-1], "--json")
        return ("sessions", "list", "--json") if command == "list" else ("verify", "--all", "--json")

    def _there(self) -> bool:
        """Whether there is a database: a file alone, without its first transaction, is none."""
        if not self._path.exists():
            return False
        # A kill at the very beginning leaves a journal to roll back, which a reader may not do: asked of a copy.
        with tempfile.TemporaryDirectory() as directory:
            for file in self._path.parent.glob(f"{self._path.name}*"):
                shutil.copy(file, directory)
            with closing(sqlite3.connect(Path(directory) / self._path.name)) as connection:
                return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])

    def _hear(self, lines: Sequence[str]) -> None:
        self.book.told += [match[1] for line in lines if (match := _TOLD.search(line))]

    def _note(self, what: str, **values: Any) -> None:
        self._log.write(json.dumps({"us": now_us(), "what": what, **values}, ensure_ascii=False) + "\n")
        self._log.flush()
