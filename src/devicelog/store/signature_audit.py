"""The part of the audit that is about people's signatures: each fits the session it stands in, and who made it.

What shows that it does not is said by clinic/signatures.py.
"""

from collections.abc import Sequence

from devicelog.clinic.people import ENTRIES, People
from devicelog.clinic.signatures import SIGNED, signature_faults
from devicelog.ledger.entries import Entry
from devicelog.store.report import Report


def check_signatures(entries: Sequence[Entry], report: Report) -> None:
    """Every `session.signed` against the seal and the derived records of its session, and the list of people then."""
    seals: dict[str, Entry] = {}
    derivations: dict[str, list[Entry]] = {}
    about: list[Entry] = []
    people = People.of(())
    for entry in entries:
        if entry.type in ENTRIES:
            about.append(entry)
            people = People.of(about)
        elif entry.type == "stream.sealed":
            seals.setdefault(entry.body["stream"], entry)
        elif entry.type in ("session.closed", "session.attributed"):
            derivations.setdefault(entry.body["stream"], []).append(entry)
        elif entry.type == SIGNED:
            stream, actor = str(entry.body["stream"]), entry.values["actor"]
            faults = signature_faults(entry, seals.get(stream), derivations.get(stream, []))
            if people.role_of(actor["id"]) != actor["role"]:
                faults.append(f"{actor['id']} was not registered as {actor['role']} then")
            report.problems += [f"ledger entry {entry.seq} ({SIGNED}): {fault}" for fault in faults]
