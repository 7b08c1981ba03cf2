"""Signatures as an inspection tells them: who, as what, and whether each still stands. Pure.

From entries alone: that a signature fits the seal and the derived record that its session had then. Not responsible
for whether what it names is kept: `verify` looks at that.
"""

from collections.abc import Container
from dataclasses import dataclass, field

from devicelog.canonical import Json
from devicelog.clinic.signatures import AMENDED, BEFORE, FAULTY, SIGNED, VALID
from devicelog.ledger.entries import Entry
from devicelog.packages.inspection.streams import Stream, fits
from devicelog.packages.inspection.times import Days, Stamp

CHANGES = ("session.attributed", AMENDED)
_TOLD = ("person", "meaning", "number", "failures")


@dataclass(slots=True)
class Signatures:
    """Told every entry of a ledger in order. `changed`: by session the number of its newest correction or amendment."""

    made: list[Json] = field(default_factory=list)
    changed: dict[str, int] = field(default_factory=dict)

    def feed(self, entry: Entry, stream: Stream | None) -> None:
        """The next entry, and the session that it is about as it was before it; None: none that this log opened."""
        if entry.type in CHANGES:
            self.changed[entry.body["stream"]] = entry.seq
        elif entry.type == SIGNED:
            body, actor = entry.body, entry.values["actor"]
            self.made.append(
                {
                    **Stamp.of(entry).document(),
                    "by": actor["id"],
                    "role": actor["role"],
                    "auth": str(actor.get("auth")),
                    "stream": body["stream"],
                    **{key: body["told"][key] for key in _TOLD},
                    "fits": stream is not None and fits(stream, entry),
                }
            )

    def document(self, days: Days, sessions: Container[str]) -> list[Json]:
        """Those that were made in these days or in one of these sessions, each with its `standing`."""
        return [
            {**{key: value for key, value in row.items() if key != "fits"}, "standing": self._standing(row)}
            for row in self.made
            if row["at"] in days or row["stream"] in sessions
        ]

    def _standing(self, row: Json) -> str:
        if not row["fits"]:
            return FAULTY
        return BEFORE if self.changed.get(row["stream"], -1) > row["seq"] else VALID
