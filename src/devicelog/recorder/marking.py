"""Making a mark: is it possible now, what record does it make, what goes with it to disk. Also the session's state.

Called by the one consumer. A reply is given when the mark is on disk, by the writer's thread, or at once with why not.
"""

import secrets
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

from devicelog.canonical import Json
from devicelog.clinic.roles import UNREGISTERED, may
from devicelog.clinical.planned import refuse, remarks_on_mark
from devicelog.errors import DevicelogError, NotFound, StoreUnusable, UsageProblem
from devicelog.ledger.entries import Actor
from devicelog.pipeline import Pipeline
from devicelog.recorder.commands import MarkCommand, Reply
from devicelog.recorder.stream import OpenStream
from devicelog.records import Mark
from devicelog.sessions import UNASSIGNED, Event, State, check_mark, next_state
from devicelog.store.transaction import NOTE_TAG, Transaction, commitment
from devicelog.store.writer import Writer

_STATE_EVENTS: dict[str, Event] = {"pause": "pause", "resume": "resume"}
_OF_ZONES = ("depth.", "dial.", "endpoint.", "interval.", "passes.", "zone.")  # rules that speak of one zone


class Marking:
    """The state of the session, and the marks made in it."""

    def __init__(self, writer: Writer, actor: Actor, who: Callable[[str], Actor] | None = None) -> None:
        """`actor`: who treats; `who`: somebody by the list of people, asked when the pen is handed over."""
        self.state: State = "planned"
        self.actor = actor
        self.paused_by: Actor | None = None  # who made the newest pause
        self._writer = writer
        self._who = who or _as_named

    def change(self, event: Event) -> None:
        """The session opens or closes. Raises BadTransition."""
        self.state = next_state(self.state, event)

    def make(self, stream: OpenStream, command: MarkCommand, reply: Reply, actor: Actor | None = None) -> None:
        """Make a mark a record of the open stream; tell about it when it is on disk. `actor`: not who treats."""
        actor, zone = actor or self.actor, stream.pipeline.derivation.needling.zone
        next_, said = None, list[str]()
        if command.practitioner is not None:
            next_ = self._who(command.practitioner)
            command, said = replace(command, practitioner=next_.id), _said_of(next_)
        if self.state == "planned":
            reply(refusal("no session is recording yet: waiting for the pen", NotFound.exit_code))
            return
        salt = secrets.token_bytes(32)
        note_sha256 = commitment(NOTE_TAG, salt, command.text) if command.text is not None else None
        try:
            check_mark(self.state, command.kind)
            mark = mark_of(command, actor.id, zone, note_sha256)
            warned = _held_to_limits(stream.pipeline, mark)
        except DevicelogError as error:
            reply(refusal(str(error), error.exit_code))
            return
        stream.take(mark)
        number, event, before = stream.last_record, _STATE_EVENTS.get(command.kind), self.state
        if event is not None:
            self.change(event)
        if event == "pause":
            self.paused_by = actor
        if next_ is not None:  # the marks from here on are hers
            self.actor = next_
        after = self.state

        def keep(transaction: Transaction) -> None:
            if command.text is not None:
                transaction.note(salt, command.text)
            transaction.commit_chunks()
            if event is not None:
                body: Json = {"stream": stream.id, "event": event, "from": before, "to": after, "record": number}
                transaction.entry("state.changed", body, actor)

        def kept(future: "Future[None]") -> None:
            error = future.exception()
            if error is not None:
                reply(refusal(f"the mark could not be written: {error}", StoreUnusable.exit_code))
            else:
                made = {"ok": True, "session": stream.id, "record": number, "mark": command.words(), "state": after}
                reply({**made, "warnings": [*warned, *said]})

        self._writer.do(keep).add_done_callback(kept)


def _as_named(person: str) -> Actor:
    return Actor(id=person, role="practitioner")


def _said_of(actor: Actor) -> list[str]:
    """What is to be said of to whom the pen is handed over. It is recorded all the same: nothing stops a recording."""
    if actor.role == UNREGISTERED:
        return [f"nobody who works here is registered as {actor.id}: recorded all the same, as {UNREGISTERED}"]
    if not may(actor.role, "sign.performed"):
        return [f"{actor.id} is registered as {actor.role}, not as a practitioner or a reviewer: recorded all the same"]
    return []


def mark_of(command: MarkCommand, actor: str, zone: str, note_sha256: str | None) -> Mark:
    """The mark that this command makes now, in this zone. Raises UsageProblem where it needs one and none is marked."""
    about = command.zone
    if command.kind == "endpoint" or (command.rule is not None and command.rule.startswith(_OF_ZONES)):
        if zone == UNASSIGNED:
            raise UsageProblem(f"{command.words()}: of which zone? Mark it first: zone ID")
        about = zone
    return Mark(
        kind=command.kind,
        actor=actor,
        zone=about,
        note_sha256=note_sha256,
        grade=command.grade,
        rule=command.rule,
        cartridge=command.cartridge,
        **(command.fitted or {}),
        practitioner=command.practitioner,
        depth_min_um=command.depth_min_um,
        depth_max_um=command.depth_max_um,
        passes_min=command.passes_min,
        passes_max=command.passes_max,
    )


def _held_to_limits(pipeline: Pipeline, mark: Mark) -> tuple[str, ...]:
    """What a depth that is planned anew is worth a word for. Raises UsageProblem where the limits refuse it."""
    if mark.kind != "plan" or mark.zone is None or mark.depth_max_um is None:
        return ()
    opening = pipeline.opening
    given = [*((opening.clinic or {}).get("overrides") or ()), *pipeline.derivation.told.overrides]
    allowed = {row["rule"] for row in given if row["zone"] in (None, mark.zone)}
    remarks = remarks_on_mark(mark.zone, mark.depth_max_um, pipeline.site_limits(mark.zone), allowed)
    refuse(remarks)
    return remarks.warned


def refusal(error: str, exit_code: int) -> Json:
    """The reply to a mark that was not made."""
    return {"ok": False, "error": error, "exit_code": exit_code}
