"""Enter an export before it is written: its sessions are sealed, what each has since is counted, the head is signed.

Not responsible for the files that are handed out (packages, cli/export.py).
"""

import re
import secrets
from dataclasses import dataclass
from datetime import date

from devicelog.canonical import Json
from devicelog.errors import BadTransition, UsageProblem
from devicelog.ledger.entries import RECORDER, Actor, Entry
from devicelog.packages.sealing import package_path
from devicelog.recorder.access import Access
from devicelog.recorder.checkpointing import checkpoint, commission
from devicelog.recorder.sealing import Read, read_streams, said_now, seal, take_up
from devicelog.sessions import check_practitioner
from devicelog.store.evidence import Evidence
from devicelog.store.projection import is_imported
from devicelog.store.transaction import Transaction

MOST_SESSIONS = 500  # each is named in the entry, which is beside each of them in a bag
FORMATS = ("bag", "csv", "jsonl", "fhir", "html", "pdf")
_RECIPIENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportCommand:
    """What is to be handed out. `inspection`: all entries and a page about these days, both included."""

    sessions: tuple[str, ...]
    formats: tuple[str, ...]
    redacted: bool = False
    recipient: str | None = None
    inspection: tuple[str, str] | None = None
    by: str | None = None

    def document(self) -> Json:
        """As a request has it."""
        return {
            "sessions": list(self.sessions),
            "formats": list(self.formats),
            "redacted": self.redacted,
            "recipient": self.recipient,
            "inspection": None if self.inspection is None else list(self.inspection),
            "by": self.by,
        }


def parse_export(request: Json) -> ExportCommand:
    """A request as `document` gives it. Raises UsageProblem."""
    formats, sessions = _words(request.get("formats"), "formats"), _words(request.get("sessions"), "sessions")
    if not formats:
        raise UsageProblem(f"no format was named; there are: {', '.join(FORMATS)}")
    if unknown := [name for name in formats if name not in FORMATS]:
        raise UsageProblem(f"there is no format {unknown[0]!r}; there are: {', '.join(FORMATS)}")
    recipient, by, inspection = request.get("recipient"), request.get("by"), request.get("inspection")
    if recipient is not None and not (isinstance(recipient, str) and _RECIPIENT.match(recipient)):
        raise UsageProblem(
            f"recipient {recipient!r} is not an id: 1 to 64 letters, digits, dots, hyphens, underscores; not a name"
        )
    if len(sessions) > MOST_SESSIONS:
        raise UsageProblem(f"{len(sessions)} sessions; at most {MOST_SESSIONS} in one export. Hand out several")
    if inspection is None and not sessions:
        raise UsageProblem("name the sessions to export, or --inspection")
    return ExportCommand(
        sessions=sessions,
        formats=formats,
        redacted=bool(request.get("redacted")),
        recipient=recipient,
        inspection=None if inspection is None else _days(inspection),
        by=None if by is None else check_practitioner(str(by)),
    )


def _words(value: object, what: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise UsageProblem(f"{what} are a list of words")
    return tuple(dict.fromkeys(value))


def _days(value: object) -> tuple[str, str]:
    try:
        first, last = (date.fromisoformat(str(day)).isoformat() for day in value)  # type: ignore[attr-defined]
    except (ValueError, TypeError):
        raise UsageProblem(f"{value!r} are not two days, as 2031-01-01") from None
    if last < first:
        raise UsageProblem(f"an inspection from {first} to {last}: the last day is before the first")
    return first, last


def enter_export(access: Access, command: ExportCommand) -> Json:
    """Seal, enter the export, sign; returns the entry's number and the size of the signed head.

    Raises BadTransition for a session that is open, StoreUnusable, SignatureRefused, EvidenceDamaged.
    """
    for stream in command.sessions:
        with Evidence(access.path) as evidence:
            row = evidence.stream(stream)
            if row["closed_seq"] is None:
                raise BadTransition(f"{stream} is still being recorded: it is exported when it has ended")
            if is_imported(row) and "bag" in command.formats:
                raise BadTransition(
                    f"{stream} is of another log, and a bag is of one: hand out its package, which is checked with the "
                    f"pin of that log: {package_path(access.data_dir, stream)} and what lies beside it. Readable "
                    "shapes: --format csv,jsonl,fhir,html,pdf"
                )
        seal(access, stream)
        take_up(access, stream)
    commission(access)  # the keys stand before the export: the checkpoint is over it and nothing after
    actor = RECORDER if command.by is None else Actor(id=command.by, role="person")

    read = read_streams(access, command.sessions)

    def enter(transaction: Transaction) -> Entry:
        if command.recipient is not None:
            for stream in command.sessions:
                ref = Evidence(access.path, transaction.connection).stream(stream)["client_ref"]
                transaction.pseudonym(command.recipient, ref, _new_pseudonym())
        return transaction.entry("export.made", _body(transaction, read, command), actor)

    entry = access.append(enter)
    head = checkpoint(access)
    return {"entry": entry.seq, "size": head.size, "sessions": list(command.sessions)}


def _body(transaction: Transaction, read: Read, command: ExportCommand) -> Json:
    days = command.inspection
    return {
        "streams": [said_now(transaction, read, stream) for stream in command.sessions],
        "formats": list(command.formats),
        "redacted": command.redacted,
        "recipient": command.recipient,
        "inspection": None if days is None else {"from": days[0], "to": days[1]},
    }


def _new_pseudonym() -> str:
    return f"x-{secrets.token_hex(6)}"
