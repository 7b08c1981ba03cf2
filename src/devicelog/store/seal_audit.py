"""The part of the audit that is about seals: the tree that is kept, and what seals and statements count.

Which entries there are is the audit's (audit.py); whether a package file is what its entry names is said by
`verify` of the file.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from devicelog.errors import EvidenceDamaged
from devicelog.ledger.entries import Entry
from devicelog.ledger.seals import of_stream, seal_body, statement
from devicelog.ledger.tree import Tree
from devicelog.store.database import read_frontier
from devicelog.store.report import Report, Stream


def check_frontier(connection: Connection, entries: Sequence[Entry], report: Report) -> None:
    """What is kept of the tree over the ledger, against the tree. Only where every entry could be read."""
    if len(entries) != report.entries:
        return
    try:
        kept = read_frontier(connection, len(entries))
    except EvidenceDamaged as error:
        report.problems.append(str(error))
        return
    if kept.subtrees != Tree(entry.leaf for entry in entries).subtrees:
        report.problems.append("what is kept of the tree over the ledger is of other entries. `devicelog db rebuild`")


def check_seals(entries: Sequence[Entry], streams: dict[str, Stream], report: Report) -> None:
    """Every seal and statement says what the entries before it are; each is of a stream that had ended."""
    by_stream: dict[str, list[Entry]] = {}
    imported = {entry.body["stream"] for entry in entries if entry.type == "package.imported"}
    for entry in entries:
        said = [entry.body] if entry.type in ("stream.sealed", "stream.extended") else []
        for each in entry.body["streams"] if entry.type == "export.made" else said:
            name = each["stream"]
            before, seal, later = of_stream(by_stream.get(name, ()), name)
            sealing = entry.type == "stream.sealed"
            wanted = seal_body(name, before) if sealing else statement(name, later)
            fault = None
            if name not in streams:
                fault = "which no ledger entry opened" if name not in imported else None
            elif (seal is None) != sealing:
                fault = "which was sealed before" if sealing else "which was not sealed"
            elif each != wanted:
                fault = f"and its entries are others: {wanted} is said by them"
            if fault:
                report.problems.append(f"ledger entry {entry.seq} ({entry.type}) is of {name}, {fault}")
        if (stream := entry.body.get("stream")) is not None:
            by_stream.setdefault(stream, []).append(entry)
