"""Signing a session: by whom, as what, over which derived record, bound to the seal. Seals it where nobody has.

Not responsible for what a signature proves (clinic/signatures.py) nor for PINs (who.py).
"""

from devicelog.canonical import Json
from devicelog.clinic.people import SITTING_US, same_sitting
from devicelog.clinic.roles import SIGNING
from devicelog.clinic.signatures import SIGNED, VALID, Signable, same_id, signatures
from devicelog.clinical.keys import suggest
from devicelog.desk.entering import enter
from devicelog.desk.people import person_named
from devicelog.desk.who import Now, WrongPin, actor_of, failures_of, wrong_in_a_row
from devicelog.errors import BadTransition, NotAllowed, UsageProblem
from devicelog.ledger.entries import Entry
from devicelog.recorder.access import Access
from devicelog.recorder.acts import Act
from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.sealing import extend, seal
from devicelog.store.evidence import Evidence
from devicelog.store.heads import newest_of
from devicelog.store.projection import is_imported
from devicelog.store.reading import StreamRow
from devicelog.store.transaction import Transaction


def sign(access: Access, request: Json) -> Json:
    """From `session`, `meaning`, `pin` and `by`, which may be left out within a sitting.

    Raises NotFound, BadTransition, UsageProblem, NotAllowed, and what a seal raises.
    """
    meaning = str(request.get("meaning"))
    if meaning not in SIGNING:
        raise UsageProblem(f"{meaning!r} is no meaning; there are: {', '.join(SIGNING)}.{suggest(meaning, SIGNING)}")
    with Evidence(access.path) as evidence:
        row = ended_session(evidence, request.get("session"), "signed")
        named = request.get("by")
        request = {**request, "by": named or _of_this_sitting(evidence, RecorderClock())}
        try:
            actor = actor_of(evidence, request, SIGNING[meaning])
        except WrongPin as wrong:
            if not named:
                wrong.args = (f"{wrong} If you are not {wrong.person}: --person ID",)
            raise
        person = person_named(evidence, actor.id)
        failures = failures_of(wrong_in_a_row(evidence, person))  # since the last that fitted: this one is no entry yet
        name = evidence.note_text(person.name)
    if name is None:
        raise NotAllowed(
            f"the printed name of {person.id} is not held here, and nothing is signed without one: "
            f"`practitioners change {person.id} --name TEXT`"
        )
    stream = str(row["id"])
    seal(access, stream)
    with Evidence(access.path) as evidence:
        entries = entries_of_session(evidence, stream)
        signable = Signable.of(entries)
        made = signatures(entries, evidence.note_text)
    if signable is None:
        raise BadTransition(f"{stream} is not sealed, and nothing can be signed in it: `sessions seal {stream}`")
    if any((each["person"], each["meaning"], each["standing"]) == (person.id, meaning, VALID) for each in made):
        raise UsageProblem(f"nothing to sign: {person.id} has signed {stream} as {meaning} already, and it stands")
    told = signable.told(person=person.id, meaning=meaning, failures=failures)
    printed, number = name, len(signable.derivations)

    def enter_it(transaction: Transaction) -> Entry | None:
        if transaction.derivations(stream) != number:
            return None
        return enter(transaction, SIGNED, actor=actor, told=told, stream=stream, private=(printed,))

    entry = access.append(enter_it)
    if entry is None:
        raise BadTransition(f"{stream} was just corrected by somebody else: look at it again. Nothing is signed")
    extend(access, stream)
    another = meaning == "performed" and not same_id(row["practitioner"], person.id)
    return {
        "session": stream,
        "entry": entry.seq,
        "at": entry.values["at"],
        "person": person.id,
        "name": name,
        "meaning": meaning,
        "derivation": number,
        "failures": told["failures"],
        "practitioner": row["practitioner"],
        "recorded_under": row["practitioner"] if another else None,
    }


def ended_session(evidence: Evidence, name: object, what: str) -> StreamRow:
    """The session of this ledger that is to be `what`. Raises NotFound, BadTransition."""
    row = evidence.stream(str(name))
    stream = row["id"]
    if is_imported(row):
        raise BadTransition(
            f"{stream} was recorded by another device or database and is read from its package here: it cannot be "
            f"{what} in this ledger, but where it was recorded"
        )
    if row["kind"] != "session":
        raise BadTransition(f"{stream} is a time outside a session, and is not {what}")
    if row["closed_seq"] is None:
        raise BadTransition(f"{stream} is still being recorded: it is {what} when it has ended")
    return row


def entries_of_session(evidence: Evidence, stream: str) -> list[Entry]:
    """Every entry whose body has this session, its seal and what came later included."""
    row = evidence.stream(stream)
    return list(evidence.entries_of(row["id"], row["no"]))


def _of_this_sitting(evidence: Evidence, clock: Now) -> str:
    """Who signed last, where that was just now. Raises UsageProblem: then both are wanted, id and PIN."""
    newest = newest_of(evidence, SIGNED)
    if newest is None or not same_sitting(newest, boot=clock.boot, now_us=clock.now_us()):
        minutes = SITTING_US // 60_000_000
        raise UsageProblem(
            f"nobody has signed here within the last {minutes} minutes: the first signature of a sitting wants both, "
            "who you are and your PIN (--person ID)"
        )
    return str(newest.body["told"]["person"])


ACTS: dict[str, Act] = {"session.sign": sign}
