"""Correcting a session afterwards: spans to another zone, the session to another client. A second derivation results.

What was recorded, and every derivation before, stays as it is. Deriving is done by whoever asks; only the keeping is
the writer's. Not responsible for where the command comes from (answering.py, the command line).
"""

import re
import secrets
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from devicelog.attribution import Attribution
from devicelog.canonical import Json, parse_canonical
from devicelog.clinic.visits import Visit, parts_of, visits_of
from devicelog.clinical.keys import suggest
from devicelog.errors import BadTransition, EvidenceDamaged, StoreUnusable, UsageProblem
from devicelog.ledger.entries import Actor
from devicelog.packages.whole import WholeEvidence
from devicelog.pipeline import ENGINE
from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.commands import Reply
from devicelog.recorder.marking import refusal
from devicelog.recorder.recovery import software
from devicelog.recorder.registered import registered
from devicelog.recorder.replay import derived_again
from devicelog.sessions import check_client_code, check_practitioner, check_reason
from devicelog.store.database import FILE_NAME, open_for_writing
from devicelog.store.engine import in_our_words
from devicelog.store.evidence import Evidence
from devicelog.store.lock import WriterLock
from devicelog.store.matters import matters
from devicelog.store.projection import is_imported
from devicelog.store.transaction import CLIENT_TAG, NOTE_TAG, Transaction, commitment, new_client_ref
from devicelog.store.writer import Writer

_NUMBER = re.compile(r"[0-9]{1,6}")
_CORRECTION = ("first_record", "last_record", "zone")


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeCommand:
    """What somebody wants to correct. A move is a span's number or a zone, and the zone it belongs to."""

    session: str
    practitioner: str
    reason: str
    moves: tuple[tuple[str, str], ...]
    client_code: str | None


def parse_attribution(request: Json, zones: Collection[str]) -> AttributeCommand:
    """From `session`, `practitioner`, `reason`, `moves` (each `SPAN=ZONE` or `ZONE=ZONE`) and `client` (or null).

    Raises UsageProblem, with a suggestion.
    """
    words = {key: request.get(key) for key in ("session", "practitioner", "reason")}
    moves, client = request.get("moves"), request.get("client")
    texts = [*words.values(), *(moves if isinstance(moves, list) else [None])] + [client] * (client is not None)
    if not all(isinstance(text, str) for text in texts):
        raise UsageProblem("a correction has texts: session, practitioner, reason, a list of moves, perhaps a client")
    if not moves and client is None:
        raise UsageProblem("nothing to correct: name a span and its zone (--move 2=cheek.left), or a client (--client)")
    return AttributeCommand(
        session=str(words["session"]),
        practitioner=check_practitioner(str(words["practitioner"])),
        reason=check_reason(str(words["reason"])),
        moves=tuple(_move(move, zones) for move in moves or ()),
        client_code=None if client is None else check_client_code(client),
    )


def _move(text: str, zones: Collection[str]) -> tuple[str, str]:
    what, equals, zone = (part.strip() for part in text.partition("="))
    if not (what and equals and zone):
        raise UsageProblem(f"{text!r} moves nothing: SPAN=ZONE, as in 2=cheek.left, or ZONE=ZONE for all its spans")
    if zone not in zones:
        raise UsageProblem(f"there is no zone {zone!r}; `devicelog zones list` shows them.{suggest(zone, zones)}")
    return what, zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A correction that is derived and not yet written."""

    command: AttributeCommand
    actor: Actor
    stream: str
    number: int
    client_ref: str | None
    moved: tuple[Json, ...]  # span, from, zone, first_record, last_record
    derived: bytes
    verdict: str
    verdict_before: str

    def keep(self, transaction: Transaction) -> Json:
        """Append the entry and all that goes with it; returns the reply. Writes nothing when the session was corrected
        by somebody else meanwhile: an action must not fail, or it is tried for ever."""
        late = refusal(f"{self.stream} was just corrected by somebody else: look at it again", BadTransition.exit_code)
        if transaction.derivations(self.stream) != self.number - 1:
            return late
        ref = client_commitment = None
        if self.command.client_code is not None:
            ref, client_commitment = transaction.client(self.command.client_code, self.client_ref)
            if ref != self.client_ref:
                return late
        salt = secrets.token_bytes(32)
        transaction.note(salt, self.command.reason)
        body: Json = {
            "stream": self.stream,
            "number": self.number,
            "zones": [{key: each[key] for key in _CORRECTION} for each in self.moved],
            "client_ref": ref,
            "client_commitment": client_commitment,
            "reason_sha256": commitment(NOTE_TAG, salt, self.command.reason),
            "derived": transaction.document(self.derived),
            "engine": ENGINE,
            "verdict": self.verdict,
        }
        entry = transaction.entry("session.attributed", body, self.actor)
        if ref is not None and (visit := visit_left(Evidence(Path(), transaction.connection), self.stream, ref)):
            self._leave(transaction, visit)
        return {
            "ok": True,
            "session": self.stream,
            "derivation": self.number,
            "entry": entry.seq,
            "moved": list(self.moved),
            "client_ref": ref,
            "derived": body["derived"],
            "verdict": self.verdict,
            "verdict_before": self.verdict_before,
        }

    def _leave(self, transaction: Transaction, visit: Visit) -> None:
        kept = transaction.client_kept(visit.client_ref)  # None: that client was erased
        body: Json = {
            "stream": self.stream,
            "client_ref": visit.client_ref if kept else None,
            "client_commitment": commitment(CLIENT_TAG, *kept) if kept else None,
            "visit": visit.id,
            "course": visit.course,
            "told": {},
            "private": [],
            "documents": {},
        }
        transaction.entry("visit.left", body, self.actor)


def visit_left(evidence: Evidence, stream: str, client_ref: str) -> Visit | None:
    """The visit that a session is a part of, where that is one of another client. Raises EvidenceDamaged."""
    name = parts_of(matters(evidence, stream, "visit.joined", "visit.left")).get(stream)
    visit = None if name is None else visits_of(matters(evidence, name, "visit.opened")).get(name)
    return visit if visit is not None and visit.client_ref != client_ref else None


def prepare(evidence: Evidence, command: AttributeCommand) -> Prepared:
    """Derive the session as corrected. Raises NotFound, BadTransition, UsageProblem, EvidenceDamaged."""
    row = evidence.stream(command.session)
    stream = row["id"]
    if is_imported(row):
        raise BadTransition(
            f"{stream} was recorded by another device or database and is read from its package here: it cannot be "
            "corrected in this ledger. Correct it where it was recorded, or keep the correction beside its package."
        )
    actor, named = registered(evidence, command.practitioner, "attribute"), evidence.derivations(row)
    if row["kind"] != "session":
        raise BadTransition(f"{stream} is a time outside a session; claiming one for a session is not built yet")
    if not named:
        raise BadTransition(f"{stream} is still being recorded: a session is corrected when it has ended")
    opening, bodies = evidence.entry(row["no"]), [entry.body for entry in named]
    try:
        earlier, kept = Attribution.of(bodies[1:]), parse_canonical(evidence.document(bodies[-1]["derived"]))
    except ValueError as error:
        raise EvidenceDamaged(f"{stream} cannot be read as it was corrected before: {error}") from error
    client_ref = None
    if command.client_code is not None:
        client_ref = evidence.client_ref(command.client_code) or new_client_ref()
        visit_left(evidence, stream, client_ref)  # raises here what it would raise when it is kept
        if client_ref == ((earlier and earlier.client_ref) or opening.body["client_ref"]):
            raise UsageProblem(f"nothing to change: {stream} is of that client already")
    spans, numbered = kept["facts"]["spans"], True
    if any("first_record" not in span for span in spans):  # an earlier engine did not say which records a span has
        now, numbered = parse_canonical(derived_again(evidence, opening, earlier)[0]), False
        spans = now["facts"]["spans"]
    moved = _moved(command.moves, spans, stream, numbered=numbered)
    zones = [{key: each[key] for key in _CORRECTION} for each in moved]
    body: Json = {"number": len(named) + 1, "zones": zones, "client_ref": client_ref}
    attribution = Attribution.of([*bodies[1:], body])
    derived, _ = derived_again(evidence, opening, attribution)
    now = parse_canonical(derived)
    if client_ref is None and kept["engine"] == ENGINE and now["facts"] == kept["facts"]:
        raise UsageProblem(f"nothing to change: {stream} has nothing in these spans that another zone would count")
    return Prepared(
        command=command,
        actor=actor,
        stream=stream,
        number=len(named) + 1,
        client_ref=client_ref,
        moved=moved,
        derived=derived,
        verdict=now["verdict"],
        verdict_before=kept["verdict"],
    )


def _moved(moves: Sequence[tuple[str, str]], spans: Sequence[Json], stream: str, *, numbered: bool) -> tuple[Json, ...]:
    """What each move says of which span, in the order of the spans. All are of the derivation that is corrected."""
    found: dict[int, Json] = {}
    for what, zone in moves:
        for number in _meant(what, spans, stream, numbered=numbered):
            span = spans[number - 1]
            if number in found:
                raise UsageProblem(f"span {number} is moved twice: to {found[number]['zone']} and to {zone}")
            if span["zone"] == zone:
                raise UsageProblem(f"nothing to change: span {number} of {stream} is {zone} already")
            records = {key: span[key] for key in ("first_record", "last_record")}
            found[number] = {"span": number, "from": span["zone"], "zone": zone, **records}
    return tuple(found[number] for number in sorted(found))


def _meant(what: str, spans: Sequence[Json], stream: str, *, numbered: bool) -> list[int]:
    """The numbers of the spans that `what` names, from 1."""
    if not spans:
        raise UsageProblem(f"{stream} has no span: the pen was never on the skin")
    if _NUMBER.fullmatch(what):
        if not numbered:
            raise UsageProblem(
                f"the record of {stream} is of an earlier engine, which did not number its spans: name a zone"
            )
        if not 1 <= int(what) <= len(spans):
            raise UsageProblem(f"{stream} has no span {what}; it has 1 to {len(spans)}, as `sessions show` lists them")
        return [int(what)]
    zones = sorted({span["zone"] for span in spans})
    if what not in zones:
        raise UsageProblem(f"{stream} has no span in {what!r}; there are some in: {', '.join(zones)}")
    return [number for number, span in enumerate(spans, 1) if span["zone"] == what]


# --- who writes -------------------------------------------------------------------------------------------------------


def attribute_through(writer: Writer, path: Path) -> Callable[[AttributeCommand, Reply], None]:
    """For a recorder that runs: derive in the caller's thread, keep by its writer. The reply comes from disk."""

    def attribute(command: AttributeCommand, reply: Reply) -> None:
        with WholeEvidence(path.parent) as evidence:
            prepared = prepare(evidence, command)

        def kept(future: "Future[Json]") -> None:
            error = future.exception()
            why = f"the correction could not be written: {error}"
            reply(refusal(why, StoreUnusable.exit_code) if error else future.result())

        writer.do(prepared.keep).add_done_callback(kept)

    return attribute


def attribute_here(data_dir: Path, command: AttributeCommand) -> Json:
    """Where nobody records: take the lock and do it. Raises what `prepare` raises, StoreUnusable, EvidenceDamaged."""
    path, clock = data_dir / FILE_NAME, RecorderClock()
    with WriterLock(data_dir) as lock:
        lock.take()
        engine, head = open_for_writing(data_dir, stamps=clock, sw=software())
        with WholeEvidence(path.parent) as evidence:
            prepared = prepare(evidence, command)
        with in_our_words(path), engine.connect() as connection, connection.begin():
            return prepared.keep(Transaction(connection, head, stamps=clock, sw=software()))
