"""Whether entries of the clinic's desk are what they say: sessions, documents, clients, and the list kept of them."""

from collections.abc import Mapping

from sqlalchemy import Connection, select

from devicelog.ledger.desk import TOLD
from devicelog.ledger.entries import Entry
from devicelog.store.projection import about_names
from devicelog.store.report import Report, Stream
from devicelog.store.schema import ABOUT, PIN

_KNOWN_BEFORE = "session.entered"  # the session that such an entry names has no stream: it is the entry


def check_desk(
    connection: Connection,
    entries: list[Entry],
    streams: Mapping[str, Stream],
    documents: Mapping[str, bytes],
    report: Report,
) -> set[str]:
    """Adds what is wrong to the report, and what the entries commit to; returns the documents that they name."""
    named: set[str] = set()
    imported = {entry.body["stream"] for entry in entries if entry.type == "package.imported"}
    entered = {entry.body["told"]["session"] for entry in entries if entry.type == _KNOWN_BEFORE}
    for entry in entries:
        if entry.type not in TOLD:
            continue
        body, where = entry.body, f"ledger entry {entry.seq} ({entry.type})"
        if body["stream"] is not None and body["stream"] not in streams.keys() | imported | entered:
            report.problems.append(f"{where} is of {body['stream']}, which there is not")
        report.notes |= set(body["private"])
        if body["client_ref"] is not None:
            report.clients.add((body["client_ref"], body["client_commitment"]))
        for name, digest in body["documents"].items():
            named.add(digest)
            if digest not in documents:
                report.problems.append(f"the {name} document of {where} is missing: {digest}")
    _check_list(connection, entries, report)
    _check_pins(connection, entries, report)
    return named


def _check_list(connection: Connection, entries: list[Entry], report: Report) -> None:
    wanted = {(name, entry.seq, entry.type) for entry in entries for name in about_names(entry)}
    stored = {(row.name, row.seq, row.type) for row in connection.execute(select(ABOUT))}
    report.problems += [
        f"the list of what entries are about has {name!r} for ledger entry {seq}, which is not about it"
        for name, seq, _ in sorted(stored - wanted, key=str)
    ]
    report.problems += [
        f"the list of what entries are about has not {name} for ledger entry {seq}"
        for name, seq, _ in sorted(wanted - stored)
    ]


def _check_pins(connection: Connection, entries: list[Entry], report: Report) -> None:
    newest = {entry.body["told"]["person"]: entry.seq for entry in entries if entry.type == "pin.set"}
    for row in connection.execute(select(PIN)):
        if newest.get(row.person) != row.seq:
            report.problems.append(f"the PIN of {row.person!r} is not the one that the ledger says was set")
