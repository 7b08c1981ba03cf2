"""The part of the audit that is about erasures: what was erased is listed, is gone, and stays so.

That a commitment has no text is no fault by itself; how many have none is the audit's to say (audit.py).
"""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, select

from devicelog.ledger.entries import Entry
from devicelog.store.erasures import files_again, there_again
from devicelog.store.projection import erased_names
from devicelog.store.report import Report
from devicelog.store.schema import ERASED

_WITH_A_REASON = ("private.erased", "retention.set")


def check_erasures(connection: Connection, entries: Sequence[Entry], path: Path, report: Report) -> None:
    """The list of what was erased against the entries, and every text that came back."""
    report.notes |= {entry.body["reason_sha256"] for entry in entries if entry.type in _WITH_A_REASON}
    wanted = {(name, entry.seq) for entry in entries for name in erased_names(entry)}
    stored = {(row.name, row.seq) for row in connection.execute(select(ERASED))}
    report.problems += [
        f"the list of what was erased has {name!r} of ledger entry {seq}, which does not say so"
        for name, seq in sorted(stored - wanted, key=str)
    ]
    report.problems += [
        f"the list of what was erased has not {name}, which ledger entry {seq} names"
        for name, seq in sorted(wanted - stored)
    ]
    report.problems += [str(each) for each in there_again(connection)]
    report.problems += [
        f"{file} holds again what was erased, or cannot be read" for file in files_again(connection, path.parent)
    ]
