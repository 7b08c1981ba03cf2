"""How long private texts are kept at least: what the clinic set, and whether it is over for a session.

No number is shipped: which one is right is law of the place. Not responsible for erasing (erasing.py).
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from devicelog.canonical import Json
from devicelog.errors import BadTransition, EvidenceDamaged, UsageProblem
from devicelog.ledger.entries import Entry
from devicelog.recorder.access import Access
from devicelog.recorder.registered import registered
from devicelog.sessions import check_practitioner, check_reason
from devicelog.store.clients import SURE, first_sure
from devicelog.store.evidence import Evidence
from devicelog.store.heads import newest_of
from devicelog.store.reading import StreamRow
from devicelog.store.transaction import NOTE_TAG, Transaction, commitment

MOST_DAYS = 36_525  # a hundred years


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionCommand:
    """For how many days after a session its texts are kept at least, who says so and why."""

    days: int
    practitioner: str
    reason: str


def parse_retention(request: Json) -> RetentionCommand:
    """From `days`, `practitioner` and `reason`. Raises UsageProblem."""
    days, practitioner, reason = (request.get(key) for key in ("days", "practitioner", "reason"))
    if type(days) is not int or not 0 <= days <= MOST_DAYS:
        raise UsageProblem(f"a retention is 0 to {MOST_DAYS} days, not {days!r}")
    if not isinstance(practitioner, str) or not isinstance(reason, str):
        raise UsageProblem("a retention is set by somebody, for a reason: --practitioner ID --reason TEXT")
    return RetentionCommand(days=days, practitioner=check_practitioner(practitioner), reason=check_reason(reason))


def set_retention(access: Access, command: RetentionCommand) -> Json:
    """Enter it. What was set before holds no more, in either direction.

    Raises NotAllowed, StoreUnusable, EvidenceDamaged.
    """
    salt = secrets.token_bytes(32)
    with Evidence(access.path) as evidence:
        actor = registered(evidence, command.practitioner, "retention")

    def enter(transaction: Transaction) -> Entry:
        transaction.note(salt, command.reason)
        body: Json = {"days": command.days, "reason_sha256": commitment(NOTE_TAG, salt, command.reason)}
        return transaction.entry("retention.set", body, actor)

    return {"entry": access.append(enter).seq, "days": command.days}


def in_force(evidence: Evidence) -> Entry | None:
    """The entry that set the retention that holds; None where nobody has set one."""
    return newest_of(evidence, "retention.set")


def check_over(evidence: Evidence, sessions: list[StreamRow], now: Json) -> None:
    """Raises BadTransition, naming the session and the day, unless the retention of all of them is over.

    `now`: `at` and `clock` as an entry has them. A clock that is not sure is never believed: one that is ahead would
    have texts erased too soon, and they do not come back; an erasure can wait. So a session that was closed under such
    a clock counts as closed when the ledger next had a sure one. Where 0 days were set no clock is asked.
    """
    held = in_force(evidence)
    if held is None:
        none = BadTransition(
            "nobody has set how long texts are kept here, and which law applies nobody else can know: nothing is "
            "erased. Find out, and set it (0 is allowed):"
        )
        none.command = ("clients", "retention", "--days", "N", "--practitioner", "ID", "--reason", "TEXT")
        none.command += ("--data-dir", str(evidence.path.parent))
        raise none
    days = held.body["days"]
    if days == 0 or not sessions:
        return
    if now["clock"] not in SURE:
        raise BadTransition(
            f"the clock of this computer is not sure ({now['clock']}): whether the retention of {days} days is over "
            "cannot be told, and nothing is erased. Let it be set by the network, and try again."
        )
    running = sorted(
        (until, str(row["id"]))
        for row in sessions
        if (until := _ended(evidence, row, now) + timedelta(days=days)) > _time(now["at"])
    )
    if running:
        until, stream = running[-1]
        more = f" and for {len(running) - 1} more of this client's sessions not so long" if running[1:] else ""
        raise BadTransition(
            f"the retention of {days} days (ledger entry {held.seq}) runs for {stream} until {until:%Y-%m-%d} (UTC)"
            f"{more}: nothing is erased"
        )


def _ended(evidence: Evidence, row: StreamRow, now: Json) -> datetime:
    """The latest that a session can have ended."""
    sure = first_sure(evidence, row["closed_seq"])
    return _time(now["at"] if sure is None else sure.values["at"])


def _time(at: str) -> datetime:
    try:
        return datetime.strptime(at, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise EvidenceDamaged(f"{at!r} is no time of a ledger entry") from error
