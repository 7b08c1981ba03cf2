"""What a foot says with the pedal, as marks of who treats: on disk before the tone that confirms them.

Called by the one consumer. What the edges of the pedal mean is decided before (firmware_bridge.edges).
"""

from collections.abc import Callable, Sequence

from devicelog.canonical import Json
from devicelog.recorder.commands import MarkCommand, Reply
from devicelog.recorder.live import Console
from devicelog.recorder.marking import Marking
from devicelog.recorder.stream import OpenStream
from firmware_bridge.readings import Gesture
from firmware_bridge.sources.tones import Tone

Sound = Callable[[Tone], None]


class Pedalling:
    """One per recording. `zones` are the plan's, in its order."""

    def __init__(self, marking: Marking, zones: Sequence[str], console: Console, sound: Sound) -> None:
        self._marking, self._zones = marking, zones
        self._console, self._sound = console, sound

    def pressed(self, stream: OpenStream, gesture: Gesture) -> None:
        """Make the mark that a gesture means. A pedal that is stuck means none: it is said, and kept as edges."""
        if gesture.kind == "stuck":
            self._console.say("the pedal is held down, or its wire is broken: no mark. Check that nothing stands on it")
            self._sound("refused")
            return
        command = self._command(stream, gesture)
        self._marking.make(stream, command, self._told(command))

    def _command(self, stream: OpenStream, gesture: Gesture) -> MarkCommand:
        match gesture.kind:
            case "short":
                return MarkCommand(kind="pass")
            case "double":
                return MarkCommand(kind="zone", zone=self._next_zone(stream.pipeline.derivation.needling.zone))
            case _:
                return MarkCommand(kind="resume" if self._marking.state == "paused" else "pause")

    def _next_zone(self, zone: str) -> str:
        """The zone of the plan after this one; the first after the last, and where this one is not of the plan."""
        at = self._zones.index(zone) + 1 if zone in self._zones else 0
        return self._zones[at % len(self._zones)]

    def _told(self, command: MarkCommand) -> Reply:
        tones: dict[str, Tone] = {"pass": "pass", "zone": "zone", "pause": "pause", "resume": "resume"}

        def reply(answer: Json) -> None:
            words = command.words()
            if answer["ok"]:
                self._sound(tones[command.kind])
                self._console.say(f"pedal: {words}: recorded")
            else:
                self._sound("refused")
                self._console.say(f"pedal: {words}: NOT RECORDED: {answer['error']}")

        return reply
