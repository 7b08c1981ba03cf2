"""What a seal and a later statement say of a stream: how many entries it has, and the root of the tree over them. Pure.

A seal is said once, when the stream's package is about to be written; a statement counts the entries since, so that
whoever is given them can tell that none was held back. Not responsible for when either is written.
"""

from collections.abc import Iterable, Sequence

from devicelog.canonical import Json
from devicelog.ledger.entries import ABOUT_PACKAGES, Entry
from devicelog.ledger.tree import Tree


def of_stream(entries: Iterable[Entry], stream: str) -> tuple[list[Entry], Entry | None, list[Entry]]:
    """A stream's entries up to its seal, its seal (None: not sealed), and its entries since. `entries` in order.

    A type of a later version counts when its body names the stream.
    """
    before: list[Entry] = []
    later: list[Entry] = []
    seal: Entry | None = None
    for entry in entries:
        if entry.body.get("stream") != stream:
            continue
        if entry.type == "stream.sealed":
            seal = seal or entry
        elif entry.type not in ABOUT_PACKAGES:
            (before if seal is None else later).append(entry)
    return before, seal, later


def seal_body(stream: str, entries: Sequence[Entry]) -> Json:
    """The body of `stream.sealed` over these entries."""
    return {"stream": stream, "entries": len(entries), "root": _root(entries)}


def statement(stream: str, later: Sequence[Entry]) -> Json:
    """What `stream.extended`, or an export of it, says of a stream's entries since its seal."""
    return {"stream": stream, "later": len(later), "later_root": _root(later)}


def _root(entries: Iterable[Entry]) -> str:
    return Tree(entry.leaf for entry in entries).root().hex()
