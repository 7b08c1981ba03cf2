"""What is read of a stream, wherever it is kept: in the database (evidence.py) or in a package. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from devicelog.errors import NotFound
from devicelog.ledger.entries import Entry
from devicelog.records import Chunk, Record

StreamRow = Mapping[str, Any]  # by the columns of the projection `stream`


class Kept(Protocol):
    """The kept evidence of streams. All of it raises EvidenceDamaged, naming the place that is not what was written."""

    def streams(self) -> list[StreamRow]:
        """Every session and span that is kept here, oldest first."""

    def stream(self, prefix: str) -> StreamRow:
        """The one stream whose id begins so. Raises NotFound when there is none or more than one."""

    def entry(self, seq: int) -> Entry:
        """One ledger entry. Raises NotFound."""

    def closing(self, row: StreamRow) -> Entry | None:
        """The closing entry of a stream; None while it is open."""

    def derivations(self, row: StreamRow) -> list[Entry]:
        """The entries that name a derived record of a stream, oldest first: its closing one, then its attributions."""

    def attributions(self, row: StreamRow) -> list[Entry]:
        """The corrections of a session, oldest first."""

    def desk_entries(self, row: StreamRow) -> list[Entry]:
        """The entries of the clinic's desk about a stream, before and after its seal, oldest first."""

    def document(self, digest: str) -> bytes:
        """A document by its SHA-256 in hex."""

    def documents(self, opening: Entry) -> dict[str, bytes]:
        """The documents that an opening entry names, by SHA-256 in hex."""

    def chunks(self, stream_no: int) -> Iterator[Chunk]:
        """The chunks of a stream in order."""

    def records(self, stream_no: int) -> Iterator[Record]:
        """The records of a stream in order."""

    def client_code(self, client_ref: str | None) -> str | None:
        """The code behind a reference; None when it was erased or is not kept here."""

    def note_text(self, commitment: str) -> str | None:
        """The text behind a note's commitment; None when it was erased or is not kept here."""


def find_stream(rows: Sequence[StreamRow], prefix: str) -> StreamRow:
    """The one row whose id begins so, with or without its `s-`. Raises NotFound when there is none or more than one."""
    wanted = prefix.lower()
    found = [row for row in rows if str(row["id"]).startswith((wanted, f"s-{wanted}"))]
    exact = [row for row in found if row["id"] == wanted]
    if len(exact or found) != 1:
        why = (
            f"{len(found)} begin so ({', '.join(row['id'] for row in found[-3:])}, ...); give more of it"
            if found
            else "`devicelog sessions list` shows those there are"
        )
        raise NotFound(f"no session {prefix!r}: {why}")
    return (exact or found)[0]
