"""What a recording tells the person beside it, and when: the live state, each alarm once, what is not being recorded.

Called by the one consumer after every turn in which it took something; never waits for the disk and feeds nothing back.
An alarm is said in the turn that took the read which raised it; the live state has a pace of its own. How it looks is
the console's work.
"""

from collections.abc import Sequence

from devicelog.canonical import Json
from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.live import Console, live_of
from devicelog.recorder.stream import OpenStream
from devicelog.sessions import State
from devicelog.store.writer import Writer

_PERIOD_US = 250_000
_JUDGE_US = 3_000_000  # at the latest, when nothing has stirred: some rules find what lasts


class Display:
    """One per session."""

    def __init__(self, console: Console, clock: RecorderClock, writer: Writer, *, duration_us: int | None) -> None:
        self._console, self._clock, self._writer = console, clock, writer
        self._duration_us = duration_us
        self._began_us = clock.now_us()
        self._next_us = self._judge_us = 0
        self._stirred: tuple[object, ...] = ()
        self._findings: list[Json] = []
        self._told: set[tuple[str, str | None, bool]] = set()
        self._silent = False
        self._failure: str | None = None

    def show(self, session: OpenStream, state: State) -> None:
        """Alarms at once, and the state of now a few times a second."""
        now_us = self._clock.now_us()
        derivation = session.pipeline.derivation
        stirred = derivation.stirred()
        if stirred != self._stirred or now_us >= self._judge_us:
            self._stirred, self._judge_us = stirred, now_us + _JUDGE_US
            self._findings = session.pipeline.alarms()
            self._alarms(self._findings)
        if now_us < self._next_us:
            return
        self._next_us = now_us + _PERIOD_US
        silent_us = derivation.gaps.silent_us(now_us)
        if bool(silent_us) != self._silent:
            self._silent = bool(silent_us)
            self._console.say(
                "ALARM the pen is silent: what it does now is not recorded" if silent_us else "the pen is back"
            )
        self._console.live(
            live_of(
                derivation,
                state=state,
                elapsed_us=now_us - self._began_us,
                duration_us=self._duration_us,
                silent_us=silent_us,
                trouble=self._trouble(),
                alarms=[finding for finding in self._findings if finding["alarm"] != "info"],
            )
        )

    def _alarms(self, findings: Sequence[Json]) -> None:
        """Each once; what was a notice and is none any more is said again."""
        for finding in findings:
            name = (finding["rule"], finding["zone"], finding["alarm"] == "info")
            if name not in self._told:
                self._told.add(name)
                word = "notice" if finding["alarm"] == "info" else "ALARM"
                where = f" in {finding['zone']}" if finding["zone"] else ""
                self._console.say(f"{word} {finding['rule']}{where}: {finding['message']}")

    def _trouble(self) -> str | None:
        stalled_s = self._writer.stalled_s()
        failure = self._writer.failure or ("the disk does not answer" if stalled_s else None)
        if failure != self._failure:
            self._failure = failure
            self._console.say(f"NOT RECORDED NOW: {failure}; kept in memory" if failure else "recording again")
        return f"{failure} for {stalled_s:.0f} s" if failure and stalled_s else failure
