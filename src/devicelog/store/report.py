"""What an audit finds, and what it goes by: its report, what the ledger says of a stream, the types of a row."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import LargeBinary, Row, Table

from devicelog.canonical import Json
from devicelog.ledger.entries import Entry
from devicelog.ledger.pin import Pin


@dataclass(slots=True)
class Report:
    """What was checked and what was found wrong."""

    problems: list[str] = field(default_factory=list)
    entries: int = 0
    streams: int = 0
    chunks: int = 0
    records: int = 0
    documents: int = 0
    uncommitted_chunks: int = 0
    erased: int = 0
    notes: set[str] = field(default_factory=set)  # what the records and attributions checked commit to
    head: str = ""  # leaf hash of the newest entry, hex
    signed: int = 0  # the first so many entries are under a checkpoint of this ledger's key that is held here
    witnessed: "list[Witnessed]" = field(default_factory=list)
    pin: Pin | None = None
    last: int | None = None  # the number of the newest entry of the one stream that was checked
    newest: dict[str, int] = field(default_factory=dict)  # the newest entry of each stream that has ended
    packages: int = 0  # read in place of chunks that are not in the database
    copies: int = 0  # packages beside the database that are those the ledger names; their records are here too
    no_copy: list[str] = field(default_factory=list)  # streams whose packages are not there
    unexplained: int = 0  # private texts that are missing, and no entry says that they were erased
    unread: list[str] = field(default_factory=list)  # streams whose packages nobody was asked to read
    clients: set[tuple[str, str]] = field(default_factory=set)  # of imported sessions: reference and commitment
    elsewhere: set[str] = field(default_factory=set)  # references whose codes are with their packages

    def unsigned(self) -> list[str]:
        """The streams that have ended and are not, or not whole, under a checkpoint that was checked."""
        return [stream for stream, seq in self.newest.items() if seq >= self.signed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """Somebody outside held the first `size` entries at `time_s` (since 1970; None: a copy of the checkpoint)."""

    name: str
    size: int
    time_s: int | None

    def document(self) -> Json:
        """As plain values."""
        return {"name": self.name, "size": self.size, "time_s": self.time_s}


@dataclass(slots=True)
class Stream:
    """What the ledger says of a stream."""

    opening: Entry
    commitments: list[Json] = field(default_factory=list)
    closing: Entry | None = None
    attributions: list[Entry] = field(default_factory=list)

    def derivations(self) -> Iterator[Entry]:
        """The entries that name a derived record of it, oldest first."""
        if self.closing is not None:
            yield self.closing
        yield from self.attributions


def check_types(table: Table, row: Row[Any]) -> None:
    """SQLite lets any value into any column. Raises ValueError when one is not of the type that was written."""
    for column in table.columns:
        value = getattr(row, column.name)
        if type(value) is not (bytes if isinstance(column.type, LargeBinary) else int):
            raise ValueError(f"column {column.name} holds a {type(value).__name__}")
