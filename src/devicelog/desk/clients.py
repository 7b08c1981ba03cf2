"""What is known of a treated person besides the code: birth date, skin type, name, how to reach them.

All of it is one private text; the entry holds a commitment to it (docs/adr/0017). The newest description holds, and it
is whole: what is not said anew is taken over from the one before.
"""

import re
from typing import Any

from devicelog.canonical import Json, canonical, parse_canonical
from devicelog.clinical.days import check_born
from devicelog.clinical.devices import check_phototype
from devicelog.desk.asked import text_of
from devicelog.desk.days import day_of, local_day
from devicelog.desk.entering import enter
from devicelog.desk.who import actor_of
from devicelog.errors import NotFound, UsageProblem
from devicelog.ledger.entries import Entry
from devicelog.recorder.access import Access
from devicelog.recorder.acts import Act
from devicelog.recorder.clock import RecorderClock
from devicelog.sessions import check_client_code, check_note
from devicelog.store.evidence import Evidence
from devicelog.store.heads import size_of
from devicelog.store.matters import matters
from devicelog.store.transaction import Transaction

DETAILS_SCHEMA = "devicelog.client-details/1"
NOTHING: Json = {"born": None, "age_verified": False, "phototype": None, "name": None, "contact": None}
_REFERENCE = re.compile(r"c-[0-9a-f]{16}\Z")


def describe(access: Access, request: Json) -> Json:
    """Act: `client` (a code; a new one is taken), `by`, and what is said of born, age_verified, phototype, name,
    contact; `forget`: those that are to be no more."""
    code = check_client_code(text_of(request, "client"))
    with Evidence(access.path) as evidence:
        actor = actor_of(evidence, request, "desk")
        ref = _reference(evidence, code)
        before = (client_now(evidence, ref) if ref else None) or NOTHING
        details = _details(request, before, today(evidence, RecorderClock().stamp()))
        kept = evidence.client_code(ref) if ref else None

    def enter_(transaction: Transaction) -> Entry:
        client_ref, _ = transaction.client(kept or code, ref)
        text = private_text(DETAILS_SCHEMA, details)
        return enter(transaction, "client.described", actor=actor, told={}, client_ref=client_ref, private=(text,))

    entry = access.append(enter_)
    return {"client_ref": entry.body["client_ref"], "entry": entry.seq, "new": ref is None}


def client_now(evidence: Evidence, client_ref: str) -> Json | None:
    """What is known of this client, with `at` and `by`; None where nothing was described, or it was erased."""
    described = matters(evidence, client_ref, "client.described")
    if not described:
        return None
    details = private_of(evidence, described[-1])
    return None if details is None else {**NOTHING, **details}


def private_text(schema: str, values: Json) -> str:
    """Values as the text that is kept of them."""
    return canonical({"schema": schema, **values}).decode()


def private_of(evidence: Evidence, entry: Entry) -> Json | None:
    """The values of an entry's private text, without its schema, with `entry`, `at` and `by`; None: it was erased."""
    text = evidence.note_text(entry.body["private"][0])
    if text is None:
        return None
    values: dict[str, Any] = parse_canonical(text.encode())
    del values["schema"]
    return {**values, "entry": entry.seq, "at": entry.values["at"], "by": entry.values["actor"]["id"]}


def today(evidence: Evidence, stamp: Json) -> str:
    """The local day; where the clock is not sure, not before the day of the newest entry.

    A clock that fell back to 1970 must not make every birth date one that is to come.
    """
    day, size = day_of(stamp["at"]), size_of(evidence)
    if local_day(stamp) is not None or size == 0:
        return day
    return max(day, day_of(evidence.entry(size - 1).values["at"]))


def _reference(evidence: Evidence, code: str) -> str | None:
    ref = evidence.client_ref(code)
    if ref is None and _REFERENCE.match(code):
        if evidence.client_kept(code) is None:
            raise NotFound("there is no client with this reference. `devicelog clients list` shows those there are")
        return code
    return ref


def _details(request: Json, before: Json, today_: str) -> Json:
    said = {key: request[key] for key in NOTHING if request.get(key) not in (None, False)}
    forget = request.get("forget") or []
    if not isinstance(forget, list) or not set(forget) <= NOTHING.keys():
        raise UsageProblem(f"what can be forgotten is one of {', '.join(NOTHING)}")
    if not said and not forget:
        raise UsageProblem("nothing is said of the client: give --born, --phototype, --name or another")
    if "born" in said:
        check_born(text_of(said, "born"), today_)
    if "phototype" in said:
        check_phototype(text_of(said, "phototype"))
    said |= {key: check_note(text_of(said, key), key) for key in ("name", "contact") if key in said}
    details = {key: before[key] for key in NOTHING} | {key: NOTHING[key] for key in forget} | said
    if "born" in said and said["born"] != before["born"] and "age_verified" not in said:
        details["age_verified"] = False  # it was another date that somebody saw a paper of
    if details["age_verified"] and details["born"] is None:
        raise UsageProblem("an age is verified of a birth date: give --born as well")
    return details


ACTS: dict[str, Act] = {"client.describe": describe}
