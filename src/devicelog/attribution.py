"""Corrections of where data belongs: record numbers and the zone they are moved to. Pure.

A correction never changes a record: it is an entry that came later, and gives the stream another derivation beside the
first. Not responsible for who may correct what, or for keeping it (recorder/attributing.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from devicelog.canonical import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """These records, both included, belong to `zone`, whatever the marks say."""

    first_record: int
    last_record: int
    zone: str

    def document(self) -> Json:
        """As plain values."""
        return asdict(self)


def turns(corrections: Sequence[Correction]) -> dict[int, str | None]:
    """Where the zone turns: by record number the zone from there on, None for what the marks say.

    Where corrections overlap, the later one of the sequence stands.
    """
    edges = sorted({edge for each in corrections for edge in (each.first_record, each.last_record + 1)})
    found: dict[int, str | None] = {}
    newest: str | None = None
    for edge in edges:
        inside = [each.zone for each in corrections if each.first_record <= edge <= each.last_record]
        zone = inside[-1] if inside else None
        if zone != newest:
            found[edge] = newest = zone
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """All corrections of a session up to one of its entries `session.attributed`, oldest first.

    `number` is that of the derivation it gives: the first correction gives the second. `client_ref` is the newest that
    a correction named, None where none did.
    """

    number: int
    corrections: tuple[Correction, ...]
    client_ref: str | None

    @classmethod
    def of(cls, bodies: Sequence[Mapping[str, Any]]) -> Self | None:
        """From the bodies of a session's `session.attributed` entries in order; None where there is none.

        Raises ValueError when one of them cannot be what was written.
        """
        if not bodies:
            return None
        zones = [zone for body in bodies for zone in body["zones"]]
        try:
            corrections = tuple(Correction(**zone) for zone in zones)
        except TypeError as error:
            raise ValueError(f"a correction that is none: {error}") from error
        refs = [body["client_ref"] for body in bodies if body["client_ref"] is not None]
        return cls(number=bodies[-1]["number"], corrections=corrections, client_ref=refs[-1] if refs else None)

    def document(self) -> Json:
        """As plain values."""
        return {
            "number": self.number,
            "zones": [each.document() for each in self.corrections],
            "client_ref": self.client_ref,
        }
