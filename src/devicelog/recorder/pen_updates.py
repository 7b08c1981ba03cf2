"""A pen that says something else of itself than before: new firmware, another calibration. An entry, and no other pen.

Not responsible for another serial number or model: that is a finding (rules/pen.py).
"""

from collections.abc import Sequence
from pathlib import Path

from devicelog.canonical import Json
from devicelog.recorder.history import History
from devicelog.recorder.known_pens import last_identity
from devicelog.recorder.live import Console
from devicelog.recorder.stream import OpenStream
from devicelog.store.transaction import Transaction
from devicelog.store.writer import Writer
from devicelog.who import identity_document
from firmware_bridge.readings import Identity, Reading

# What makes it an update. The cartridge is changed in every session, and the mode is in every frame.
_WORDS = {
    "firmware": "firmware",
    "calibration_id": "calibration",
    "protocol_major": "protocol",
    "protocol_minor": "minor version of the protocol",
}


class PenUpdates:
    """One per recording. Called by the one consumer."""

    def __init__(self, path: Path, writer: Writer, console: Console, history: History) -> None:
        self._path, self._writer, self._console, self._history = path, writer, console, history
        self._known: dict[tuple[str, str], Json | None] = {}  # by model and serial number

    def take(self, stream: OpenStream, readings: Sequence[Reading]) -> None:
        """What the newest record of the stream completed."""
        for reading in readings:
            if isinstance(reading, Identity) and reading.serial:
                self._heard(stream, identity_document(reading))

    def _heard(self, stream: OpenStream, pen: Json) -> None:
        name = (pen["model"], pen["serial"])
        if name not in self._known:
            self._known[name] = self._history.read(
                lambda: self._before(pen), or_else="Whether this pen was updated since is not known"
            )
        was, self._known[name] = self._known[name], pen
        changed = [key for key in _WORDS if was is not None and was[key] != pen[key]]
        if was is None or not changed:
            return
        body: Json = {"stream": stream.id, "record": stream.last_record, "pen": pen, "was": was}

        def keep(transaction: Transaction) -> None:
            transaction.commit_chunks()
            transaction.entry("pen.updated", body)

        self._writer.do(keep)
        words = ", ".join(f"{_WORDS[key]} {was[key] or 'none'} -> {pen[key] or 'none'}" for key in changed)
        self._console.say(f"pen {pen['serial']} was updated: {words}")

    def _before(self, pen: Json) -> Json | None:
        """What a pen with this model and serial number said in the newest session that heard it."""
        before = last_identity(self._path, pen["serial"])
        if before is None or before["model"] != pen["model"]:
            return None
        return {**before, **{key: before[key] for key in _WORDS}}  # raises where it says less than it must
