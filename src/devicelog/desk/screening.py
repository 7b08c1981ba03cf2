"""Screening at the desk: answers, the same ones once more, a word for a yes; and what holds of a client for a visit.

Answers and reasons are private texts; an entry says only which questions were asked, and `clear` or `yes`
(docs/adr/0017).
"""

from collections.abc import Collection
from dataclasses import dataclass

from devicelog.canonical import Json, canonical, parse_canonical
from devicelog.clinical.data import load_zones
from devicelog.clinical.plan import sites_of
from devicelog.clinical.screening import ANSWERS_SCHEMA, Answers, Questionnaire, result_of
from devicelog.clinical.shipped import load_devices, load_questionnaire
from devicelog.clinical.suitability import (
    CHECKS,
    CLEARANCE_RULES,
    NOTICE,
    Client,
    Word,
    suitability,
    suitability_document,
    word_of,
)
from devicelog.desk.about import About, about, open_visit_of
from devicelog.desk.asked import text_of
from devicelog.desk.clients import NOTHING, client_now, private_of, private_text, today
from devicelog.desk.days import holds_on, local_day
from devicelog.desk.entering import done, enter
from devicelog.desk.visits import plan_of, visit_named
from devicelog.desk.who import actor_of
from devicelog.errors import BadTransition, NotFound, UsageProblem
from devicelog.ledger.entries import Actor, Entry
from devicelog.recorder.access import Access
from devicelog.recorder.acts import Act
from devicelog.recorder.clock import RecorderClock
from devicelog.sessions import check_reason
from devicelog.store.evidence import Evidence
from devicelog.store.matters import matters

OVERRIDE_SCHEMA = "devicelog.screening-override/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """One time that a client was asked. `answers` is None where they were erased. `words`: each `questions`, `found`,
    `reason`, `at`, `by` and `entry`, of somebody who goes on all the same."""

    seq: int
    at: str
    clock: str
    by: str
    visit: str | None
    questionnaire: Questionnaire
    result: str
    same_as: int | None
    answers: Answers | None
    words: tuple[Json, ...]

    @property
    def given(self) -> set[str]:
        """What there is a word for: questions, and what was found outside a clearance when the word was given."""
        return {name for word in self.words for name in (*word["questions"], *word.get("found", ()))}

    def is_of(self, visit: str | None, day: str | None, opened: str | None = None) -> bool:
        """Whether it was asked on this day, and for this visit where both are of one. On the day on which the visit was
        `opened` all holds that was asked for it, and where `day` is not known."""
        asked = local_day({"at": self.at, "clock": self.clock})
        if visit is not None and self.visit is not None:
            return visit == self.visit and holds_on(day, asked, opened)
        return day is not None and asked == day


def answer(access: Access, request: Json) -> Json:
    """Act: `client`, `answers` (by question; true is yes), `by`, and `visit` where it is not the one that is open."""
    questionnaire, answers = load_questionnaire(), request.get("answers")
    if not isinstance(answers, dict):
        raise UsageProblem("answers are told by question")
    checked = questionnaire.check(answers)
    with Evidence(access.path) as evidence:
        actor, to = actor_of(evidence, request, "desk"), _visited(evidence, about(evidence, request))
    return _enter(access, actor, to, questionnaire, checked, None)


def same(access: Access, request: Json) -> Json:
    """Act: nothing has changed since the client was last asked. `client`, `by`, `visit` as for `answer`."""
    questionnaire = load_questionnaire()
    with Evidence(access.path) as evidence:
        actor, to = actor_of(evidence, request, "desk"), _visited(evidence, about(evidence, request))
        last = _last(evidence, to.client_ref)
    if last.questionnaire.name != questionnaire.name:
        raise BadTransition(
            f"the client was asked {last.questionnaire.name}, and now {questionnaire.name} is asked: "
            "`devicelog screening answer`"
        )
    if last.answers is None:
        raise BadTransition("the last answers are not held any more: `devicelog screening answer`")
    return _enter(access, actor, to, questionnaire, last.answers, last.seq)


def override(access: Access, request: Json) -> Json:
    """Act: a word for every yes of the last time. `client`, `reason`, `by`; `clearance`: for age and skin type, too.

    It is bound to what is found now, which is in its private text: what is found anew later has no word.
    """
    reason = check_reason(text_of(request, "reason"))
    with Evidence(access.path) as evidence:
        actor, to = actor_of(evidence, request, "override"), about(evidence, request)
        last = _last(evidence, to.client_ref)
        clearance = bool(request.get("clearance"))
        found = _outside(evidence, to.client_ref, to.visit or last.visit) if clearance else []
    names = [question.id for question in last.questionnaire.yes(last.answers)] if last.answers else []
    if not names and not found:
        raise BadTransition(
            "no question was answered with yes, and neither age nor skin type is outside the clearance of a pen "
            "that is known here: there is nothing to give a word for"
            if clearance
            else "no question was answered with yes: there is nothing to give a word for. For an age or a skin type "
            "outside the clearance: --clearance"
        )
    private = private_text(OVERRIDE_SCHEMA, {"questions": names, "found": found, "reason": reason})
    entry = done(
        access,
        lambda transaction: enter(
            transaction,
            "screening.overridden",
            actor=actor,
            told={"screening": last.seq},
            stream=to.stream,
            client_ref=to.client_ref,
            visit=to.visit or last.visit,
            course=to.course,
            private=(private,),
        ),
    )
    return {
        "entry": entry.seq,
        "client_ref": to.client_ref,
        "screening": last.seq,
        "words_for": len(names) + len(found),
    }


def screenings_of(evidence: Evidence, client_ref: str) -> list[Screening]:
    """Every time this client was asked, oldest first. Raises EvidenceDamaged."""
    words: dict[int, list[Json]] = {}
    for entry in matters(evidence, client_ref, "screening.overridden"):
        if (word := private_of(evidence, entry)) is not None:
            words.setdefault(entry.body["told"]["screening"], []).append(word)
    answered = matters(evidence, client_ref, "screening.answered")
    return [_screening(evidence, entry, tuple(words.get(entry.seq, ()))) for entry in answered]


def screening_now(
    evidence: Evidence,
    client_ref: str,
    *,
    visit: str | None = None,
    day: str | None = None,
    opened: str | None = None,
) -> Screening | None:
    """The newest time; where `visit` or `day` is given, the newest of that visit and day (`opened`: as `is_of`)."""
    found = screenings_of(evidence, client_ref)
    if visit is not None or day is not None:
        found = [each for each in found if each.is_of(visit, day, opened)]
    return found[-1] if found else None


def suitability_now(
    evidence: Evidence,
    client_ref: str,
    *,
    visit: str | None,
    device: str | None,
    indication: str | None,
    sites: Collection[str],
    day: str | None,
    opened: str | None = None,
    checks: Collection[str] = CHECKS,
    acknowledged: bool = False,
) -> tuple[Word, str, str | None]:
    """For a session that begins: the one word, the private text of what it was made of, and when the client was asked.

    `checks`: what the plan asks for; of these CHECKS are looked at. Answers of another visit or day do not count: they
    are taken over by `same`, in one act. `opened`: the day on which the visit was. `indication` and `sites` are the
    plan's. `acknowledged`: the standing notice of the skin type was read in this course; it lowers nothing that needs a
    word. Raises EvidenceDamaged.
    """
    details = client_now(evidence, client_ref) or {"born": None, "phototype": None}
    asked = screening_now(evidence, client_ref, visit=visit, day=day, opened=opened) if visit or day else None
    rows = suitability(
        Client(answers=asked.answers if asked else None, born=details["born"], phototype=details["phototype"]),
        questionnaire=asked.questionnaire if asked else load_questionnaire(),
        devices=load_devices(),
        device=device,
        indication=indication,
        sites=sites,
        day=day,
    )
    words = list(asked.words) if asked else []
    made_of = {
        **suitability_document(rows),
        "client": {key: details.get(key) for key in NOTHING},  # as the treatment record of this session has it
        "words": words,
        "notices": [
            {"notice": row.rule, "version": row.version, "acknowledged": acknowledged}
            for row in rows
            if row.rule == NOTICE and row.result == "found"
        ],
        "screening": asked.seq if asked else None,
    }
    word = word_of(rows, words_given=asked.given if asked else (), checks=checks)
    return word, canonical(made_of).decode(), asked.at if asked else None


def _enter(
    access: Access,
    actor: Actor,
    to: About,
    questionnaire: Questionnaire,
    answers: Answers,
    same_as: int | None,
) -> Json:
    told: Json = {"questionnaire": questionnaire.name, "result": result_of(answers), "same_as": same_as}
    private = private_text(ANSWERS_SCHEMA, {"questionnaire": questionnaire.name, "answers": answers})
    entry = done(
        access,
        lambda transaction: enter(
            transaction,
            "screening.answered",
            actor=actor,
            told=told,
            stream=to.stream,
            client_ref=to.client_ref,
            visit=to.visit,
            course=to.course,
            private=(private,),
            documents={"questionnaire": canonical(questionnaire.document())},
        ),
    )
    return {"entry": entry.seq, "client_ref": to.client_ref, "visit": to.visit, **told}


def _outside(evidence: Evidence, client_ref: str, visit: str | None) -> list[str]:
    """What of age and skin type is outside a clearance for what is planned, with each pen that is known here: which one
    will be taken shows when it is recorded with."""
    if visit is None:
        raise BadTransition(
            "a word about the clearance is of one treatment, and the client was asked for no visit: `devicelog visits "
            "open`, then `devicelog screening same`"
        )
    plan, devices = plan_of(evidence, visit_named(evidence, visit)), load_devices()
    details = client_now(evidence, client_ref) or NOTHING
    rows = [
        row
        for device in devices.devices
        for row in suitability(
            Client(answers=None, born=details["born"], phototype=details["phototype"]),
            questionnaire=load_questionnaire(),
            devices=devices,
            device=device,
            indication=plan.indication,
            sites=sites_of(plan, load_zones()),
            day=today(evidence, RecorderClock().stamp()),
        )
    ]
    return list(dict.fromkeys(row.name for row in rows if row.rule in CLEARANCE_RULES and row.result == "found"))


def _visited(evidence: Evidence, to: About) -> About:
    """With the one visit that is open where none was named: whoever is asked today is asked for it."""
    visit = open_visit_of(evidence, to.client_ref) if to.visit is None else None
    return to if visit is None else about(evidence, {"client": to.client_ref, "visit": visit.id})


def _last(evidence: Evidence, client_ref: str) -> Screening:
    last = screening_now(evidence, client_ref)
    if last is None:
        raise NotFound("this client was never asked here: `devicelog screening answer`")
    return last


def _screening(evidence: Evidence, entry: Entry, words: tuple[Json, ...]) -> Screening:
    told, values = entry.body["told"], private_of(evidence, entry)
    document = parse_canonical(evidence.document(entry.body["documents"]["questionnaire"]))
    return Screening(
        seq=entry.seq,
        at=entry.values["at"],
        clock=entry.values["clock"],
        by=entry.values["actor"]["id"],
        visit=entry.body["visit"],
        questionnaire=Questionnaire.from_document(document),
        result=told["result"],
        same_as=told["same_as"],
        answers=None if values is None else values["answers"],
        words=words,
    )


ACTS: dict[str, Act] = {"screening.answer": answer, "screening.same": same, "screening.override": override}
