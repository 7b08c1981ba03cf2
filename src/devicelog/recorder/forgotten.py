"""A session that nobody ends: prompt, pause, lift that pause when the pen needles again, close. Each is told.

What the recorder does by itself is an input like any other: a pause and its end are marks by actor `recorder`, and a
close is the cause of the end record. A prompt is an output, like an alarm. When each is due is told by idle.py.
"""

from devicelog.canonical import Json
from devicelog.ledger.entries import RECORDER
from devicelog.recorder.commands import MarkCommand, Reply
from devicelog.recorder.idle import Act, IdleLimits, Idleness, Seen, Standing, spelled
from devicelog.recorder.live import Console
from devicelog.recorder.marking import Marking
from devicelog.recorder.stream import OpenStream


class Forgotten:
    """One per session. Called by the one consumer after every item."""

    def __init__(self, limits: IdleLimits, session: OpenStream, marking: Marking, console: Console) -> None:
        self._session, self._marking, self._console = session, marking, console
        self._idle = Idleness(limits, session.heard_us)
        idle = {act: f"no needling for {spelled(after_us)}" for act, after_us in limits.named()}
        later = [
            f"it {act}s after {spelled(after_us)}" for act, after_us in limits.named() if act != "prompt" and after_us
        ]
        without = f" Without needling {' and '.join(later)}." if later else ""
        self._words: dict[Act, str] = {
            "prompt": f"{idle['prompt']}. Is the session over? Ctrl-C ends it.{without}",
            "pause": f"{idle['pause']}: the recorder has paused the session. It goes on when the pen needles again.",
            "resume": "the pen needles again: the recorder has lifted its pause",
            "close": f"{idle['close']}: the recorder closes the session",
        }
        self._cause = f"time-out: {idle['close']}"

    def watch(self, seen: Seen) -> str | None:
        """Do what is due, by what has been heard up to now. Returns why the session ends, when it does."""
        for act in self._idle.step(self._session.heard_us, seen, self._standing()):
            match act:
                case "pause" | "resume":
                    self._marking.make(self._session, MarkCommand(kind=act), self._told(act), RECORDER)
                case "prompt" | "close":
                    self._console.say(self._words[act])
            if act == "close":
                return self._cause
        return None

    def _standing(self) -> Standing:
        if self._marking.state != "paused":
            return "recording"
        return "paused by the recorder" if self._marking.paused_by == RECORDER else "paused"

    def _told(self, act: Act) -> Reply:
        def reply(answer: Json) -> None:
            self._console.say(self._words[act] if answer["ok"] else f"{act}: NOT RECORDED: {answer['error']}")

        return reply
