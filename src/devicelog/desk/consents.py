"""Consent, aftercare and anaesthetics at the desk: who signed for what, what was put on and when it came off.

None of it stops a recording: what nobody entered reads `not recorded`.
"""

import re

from devicelog.canonical import Json
from devicelog.desk.about import About, about
from devicelog.desk.asked import text_of
from devicelog.desk.days import holds_on, local_day
from devicelog.desk.entering import done, enter
from devicelog.desk.naming import check_nobody_named
from devicelog.desk.places import own_matters
from devicelog.desk.who import actor_of
from devicelog.errors import UsageProblem
from devicelog.ledger.entries import Actor
from devicelog.recorder.access import Access
from devicelog.recorder.acts import Act
from devicelog.sessions import check_note
from devicelog.store.evidence import Evidence

WHAT = ("treatment", "photo", "aftercare")
SIGNERS = ("client", "practitioner")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z")


def consent(access: Access, request: Json) -> Json:
    """Act: `client`, `what`, `signed` (a list of SIGNERS), `by`, `visit` or `session`; `refused`: it was not given."""
    what, signed = request.get("what"), request.get("signed") or []
    if what not in WHAT:
        raise UsageProblem(f"consent is to one of {', '.join(WHAT)}, not {what!a}")
    if not isinstance(signed, list) or not set(signed) <= set(SIGNERS):
        raise UsageProblem(f"it is signed by {' and '.join(SIGNERS)}, or one of them, not {_said(signed)}")
    told: Json = {
        "what": what,
        "given": not request.get("refused"),
        "signed": [who for who in SIGNERS if who in signed],
    }
    with Evidence(access.path) as evidence:
        actor, to = actor_of(evidence, request, "desk"), _of_a_sitting(evidence, request)
    return _enter(access, "consent.recorded", actor, to, told)


def anaesthetic(access: Access, request: Json) -> Json:
    """Act: `visit` or `session`, `product`, `on_at`, `off_at` (HH:MM or None), `by`. Said again with the same product
    and `on_at` it takes the place of what was said before."""
    product = check_note(text_of(request, "product"), "product")
    told: Json = {"product": product, "on_at": _time(request, "on_at"), "off_at": _time(request, "off_at")}
    if told["on_at"] and told["off_at"] and told["off_at"] <= told["on_at"]:
        raise UsageProblem(f"it came off at {told['off_at']}, which is not after {told['on_at']}, when it was put on")
    with Evidence(access.path) as evidence:
        actor, to = actor_of(evidence, request, "desk"), _of_a_sitting(evidence, request)
        check_nobody_named(evidence, [("product", product)])
    return _enter(access, "anaesthetic.noted", actor, to, told)


def consents_of(evidence: Evidence, name: str, *, day: str | None = None, opened: str | None = None) -> list[Json]:
    """What holds of a visit or a session: the newest of each kind, with `at` and `by`. Raises EvidenceDamaged.

    `day`: only what holds for what is recorded on it, in a visit that was `opened` on that one.
    """
    newest = {
        entry.body["told"]["what"]: {
            **entry.body["told"],
            "at": entry.values["at"],
            "by": entry.values["actor"]["id"],
        }
        for entry in own_matters(evidence, name, "consent.recorded")
        if holds_on(day, local_day(entry.values), opened)
    }
    return [newest[what] for what in WHAT if what in newest]


def anaesthetic_of(evidence: Evidence, name: str) -> list[Json]:
    """What was put on in a visit or a session, in the order in which it was first noted. Raises EvidenceDamaged."""
    noted: dict[tuple[str, str | None], Json] = {}
    for entry in own_matters(evidence, name, "anaesthetic.noted"):
        told = entry.body["told"]
        noted[told["product"], told["on_at"]] = dict(told)
    return list(noted.values())


def _said(signed: object) -> str:
    return ascii(", ".join(map(str, signed)) if isinstance(signed, list) else signed)


def _of_a_sitting(evidence: Evidence, request: Json) -> About:
    if request.get("visit") is None and request.get("session") is None:
        raise UsageProblem("for which visit is not said: --visit V, or --session S of one that was recorded")
    return about(evidence, request)


def _enter(access: Access, type_: str, actor: Actor, to: About, told: Json) -> Json:
    entry = done(
        access,
        lambda transaction: enter(
            transaction,
            type_,
            actor=actor,
            told=told,
            stream=to.stream,
            client_ref=to.client_ref,
            visit=to.visit,
            course=to.course,
        ),
    )
    return {"entry": entry.seq, "client_ref": to.client_ref, "visit": to.visit, "session": to.stream, **told}


def _time(request: Json, key: str) -> str | None:
    value = request.get(key)
    if value is not None and not (isinstance(value, str) and _TIME.match(value)):
        raise UsageProblem(f"{value!a} is not a time of day: HH:MM, from 00:00 to 23:59")
    return value


ACTS: dict[str, Act] = {"consent.record": consent, "anaesthetic.note": anaesthetic}
