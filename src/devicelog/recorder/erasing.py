"""Erase a client: the code, the texts of the sessions, the pseudonyms; in the database, then in the files beside it.

Rows and the entry that says so are one transaction. Files are taken away after it, and what was cut off there is taken
up again by whoever opens the ledger next (erased.py). What was recorded stays as it is, and so does every proof.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path

from devicelog.canonical import Json
from devicelog.clinic.courses import courses_of, open_courses
from devicelog.clinic.visits import visits_of
from devicelog.errors import BadTransition, StoreUnusable, UsageProblem
from devicelog.ledger.entries import Actor, Entry
from devicelog.packages.reading import PackageEvidence
from devicelog.packages.sealing import package_path
from devicelog.packages.whole import WholeEvidence
from devicelog.recorder.access import Access
from devicelog.recorder.erased import clear_files
from devicelog.recorder.registered import registered
from devicelog.recorder.retention import check_over
from devicelog.records import MARK, Mark, item_of
from devicelog.sessions import check_practitioner, check_reason, names_code
from devicelog.store.clients import Known, client, entries_naming, readable
from devicelog.store.erasures import empty_log, erase_rows
from devicelog.store.evidence import Evidence
from devicelog.store.matters import matters
from devicelog.store.projection import is_imported
from devicelog.store.reading import StreamRow
from devicelog.store.rebuild import kept_files, leftovers
from devicelog.store.transaction import NOTE_TAG, Transaction, commitment

_PRINTED = ("session.signed", "person.added", "person.changed", "person.retired")  # what names the staff


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseCommand:
    """Whom to erase, who does it and why. `with_kept`: also the old database files that were kept."""

    client_ref: str
    practitioner: str
    reason: str
    with_kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What an erasure of a client takes away.

    `sessions` are the client's as they were last corrected; `streams` are all that ever named the client. `texts` are
    commitments: of every note of those sessions, every reason of a correction of them, every reason of a correction by
    which a session came to this client or went to another, and every private text of the desk that names this client or
    one of those sessions, but for the printed names of the staff.
    """

    known: Known
    sessions: tuple[StreamRow, ...]
    streams: tuple[StreamRow, ...]
    texts: tuple[str, ...]

    def state(self) -> list[tuple[object, ...]]:
        """By what it is seen that somebody changed something meanwhile."""
        return [(row["id"], row["client_ref"], row["derivations"], row["closed_seq"]) for row in self.streams]


def something_held(evidence: Evidence, held: Held) -> bool:
    """Whether there is anything to erase: of who was erased already, a correction may have come with a new reason."""
    return held.known.code is not None or any(evidence.note_kept(name) for name in held.texts)


def parse_erase(request: Json) -> EraseCommand:
    """From `client` (a reference, so that no code is handed on), `practitioner`, `reason`, `with_kept`.

    Raises UsageProblem.
    """
    ref, practitioner, reason = (request.get(key) for key in ("client", "practitioner", "reason"))
    if not (isinstance(ref, str) and isinstance(practitioner, str) and isinstance(reason, str)):
        raise UsageProblem("an erasure has texts: client, practitioner, reason")
    return EraseCommand(
        client_ref=ref,
        practitioner=check_practitioner(practitioner),
        reason=check_reason(reason),
        with_kept=bool(request.get("with_kept")),
    )


def held_on(evidence: Evidence, known: Known) -> Held:
    """All that an erasure of this client takes away. Reads the records of every session. Raises EvidenceDamaged."""
    rows = {row["id"]: row for row in evidence.streams()}
    naming = list(entries_naming(evidence, known.client_ref))
    named = {entry.body["stream"] for entry in naming if entry.body.get("stream") is not None}
    streams = tuple(row for stream, row in rows.items() if stream in named or row["client_ref"] == known.client_ref)
    texts = dict.fromkeys(name for entry in naming for name in entry.body.get("private", ()))
    for row in streams:
        own = row["client_ref"] == known.client_ref
        if own:
            texts |= dict.fromkeys(notes_of(evidence, row))
            texts |= dict.fromkeys(_said_at_the_desk(evidence, row))
        before, corrections = _clients_of(evidence, row)
        for entry in corrections:
            after = entry.body["client_ref"] or before
            if own or (after != before and known.client_ref in (before, after)):
                texts[entry.body["reason_sha256"]] = None
            before = after
    sessions = tuple(row for row in streams if row["client_ref"] == known.client_ref)
    return Held(known=known, sessions=sessions, streams=streams, texts=tuple(texts))


def _clients_of(evidence: Evidence, row: StreamRow) -> tuple[str | None, list[Entry]]:
    """Whose a session was when it opened, and its corrections; of one of another log as its package says."""
    if not is_imported(row):
        return evidence.entry(row["no"]).body.get("client_ref"), evidence.attributions(row)
    with WholeEvidence(evidence.path.parent) as whole, whole.of(row["id"]) as (kept, there):
        return kept.entry(there["no"]).body.get("client_ref"), kept.attributions(there)


def _said_at_the_desk(evidence: Evidence, row: StreamRow) -> list[str]:
    """The commitments to private texts of the desk about a session, whichever client they name, or none: it may have
    been taken for another's when they were entered. A printed name is not the client's."""
    if is_imported(row):
        with WholeEvidence(evidence.path.parent) as whole, whole.of(row["id"]) as (kept, there):
            said = kept.desk_entries(there)
    else:
        said = evidence.desk_entries(row)
    return [name for entry in said if entry.type not in _PRINTED for name in entry.body["private"]]


def notes_of(evidence: Evidence, row: StreamRow) -> list[str]:
    """The commitments to the notes of a session, in order; of one that was released they are in its package."""
    if row["released_seq"] is not None:
        with PackageEvidence(package_path(evidence.path.parent, row["id"]), with_private=False) as package:
            return _noted(package, package.stream(row["id"]))
    return _noted(evidence, row)


def _noted(evidence: Evidence | PackageEvidence, row: StreamRow) -> list[str]:
    marks = (item_of(record) for record in evidence.records(row["no"]) if record.kind == MARK)
    return [mark.note_sha256 for mark in marks if isinstance(mark, Mark) and mark.note_sha256]


def check_may_erase(evidence: Evidence, held: Held, now: Json) -> None:
    """Raises BadTransition where a session is being recorded, a visit or course is not over, or a retention runs."""
    for row in held.streams:
        if row["closed_seq"] is None:
            raise BadTransition(f"{row['id']} of this client is being recorded: end it first. Nothing is erased")
    for visit in visits_of(matters(evidence, held.known.client_ref, "visit.opened", "visit.closed")).values():
        if visit.closed is None:
            raise BadTransition(
                f"{visit.id} of this client is open: say first that it is over, by `devicelog visits close {visit.id} "
                "--by ID`. Nothing is erased"
            )
    courses = courses_of(matters(evidence, held.known.client_ref, "course.opened", "course.closed"))
    for course in open_courses(courses.values(), held.known.client_ref):
        raise BadTransition(
            f"{course.id} of this client is not over: say first that it is, by `devicelog courses close {course.id} "
            "--how stopped --reason TEXT --by ID`. Nothing is erased"
        )
    check_over(evidence, list(held.streams), now)


def erase(access: Access, command: EraseCommand, now: Json) -> Json:
    """Erase; or, of a client who is erased already, what was left of files and kept databases.

    `now`: `at` and `clock` of now. Raises NotFound, BadTransition, UsageProblem, StoreUnusable, EvidenceDamaged.
    """
    with Evidence(access.path) as evidence:
        actor = registered(evidence, command.practitioner, "erase")
        known = client(evidence, command.client_ref)
        held = held_on(evidence, known)
        if known.erased is not None and not something_held(evidence, held):
            seq, n_rows = known.erased.seq, 0
        else:
            check_may_erase(evidence, held, now)
            if known.code is not None and names_code(command.reason, known.code):
                raise UsageProblem("the reason names the client's code, which is to be erased: say why without it")
            readable(evidence)
            done = access.append(lambda transaction: _erase(access, transaction, held, command, actor))
            if done is None:
                raise BadTransition("something of this client was changed just now: look again. Nothing is erased")
            seq, n_rows = done[0].seq, done[1]
    streams = [str(row["id"]) for row in held.streams]
    faults = clear_files(access.path, streams, {known.client_ref, *held.texts})
    emptied = empty_log(access.path)
    removed = _remove_kept(access.path) if command.with_kept else []
    return {
        "entry": seq,
        "client_ref": known.client_ref,
        "sessions": len(streams),
        "rows": n_rows,
        "log_emptied": emptied,
        "kept_removed": [str(path) for path in removed],
        "faults": faults,
    }


def _erase(
    access: Access, transaction: Transaction, held: Held, command: EraseCommand, actor: Actor
) -> tuple[Entry, int] | None:
    """None, and nothing is written, where it is not any more as it was looked at: an action must not fail."""
    evidence, ref = Evidence(access.path, transaction.connection), held.known.client_ref
    streams = {row["id"] for row in held.streams}
    now = [row for row in evidence.streams() if row["id"] in streams or row["client_ref"] == ref]
    if Held(known=held.known, sessions=(), streams=tuple(now), texts=()).state() != held.state():
        return None
    if evidence.client_code(ref) != held.known.code:
        return None
    gone = erase_rows(transaction.connection, {ref, *held.texts})
    salt = secrets.token_bytes(32)
    transaction.note(salt, command.reason)
    body: Json = {
        "client_ref": ref,
        "streams": [str(row["id"]) for row in held.streams],
        "notes": list(held.texts),
        "reason_sha256": commitment(NOTE_TAG, salt, command.reason),
    }
    return transaction.entry("private.erased", body, actor), gone


def kept_with(path: Path) -> list[Path]:
    """The old database files beside this one, and what a rebuild that was cut off left: each may hold any client."""
    return [*kept_files(path), *leftovers(path)]


def _remove_kept(path: Path) -> list[Path]:
    removed = []
    for file in kept_with(path):
        try:
            file.unlink()
        except OSError as error:
            raise StoreUnusable(
                f"{file} cannot be removed: {error.strerror}. The client is erased elsewhere"
            ) from error
        removed.append(file)
    return removed
