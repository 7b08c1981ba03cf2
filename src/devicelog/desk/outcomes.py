"""What became of it: scores of the result, and adverse events with what followed.

Values and words are private texts; an entry says which score it was, or which event.
"""

from devicelog.canonical import Json
from devicelog.clinical.adverse import check_event
from devicelog.clinical.days import check_day
from devicelog.clinical.scores import score_document
from devicelog.desk.about import about
from devicelog.desk.asked import text_of
from devicelog.desk.clients import private_of, private_text, today
from devicelog.desk.entering import done, enter, erased_words, new_id
from devicelog.desk.places import own_matters
from devicelog.desk.visits import course_named
from devicelog.desk.who import actor_of
from devicelog.errors import BadTransition, NotFound, UsageProblem
from devicelog.ledger.entries import Entry
from devicelog.recorder.access import Access
from devicelog.recorder.acts import Act
from devicelog.recorder.clock import RecorderClock
from devicelog.sessions import check_note
from devicelog.store.evidence import Evidence
from devicelog.store.matters import matters, of_type

SCORE_SCHEMA = "devicelog.score/1"
EVENT_SCHEMA = "devicelog.event/1"
_EVENT_KEYS = ("type", "severity", "onset", "outcome", "reported", "seen", "words")


def score(access: Access, request: Json) -> Json:
    """Act: `client`, `score`, `parts` or `value` (tenths or points, as the score has it), `by`; `course`, `day`, `zone`
    may be left out."""
    with Evidence(access.path) as evidence:
        actor, to = actor_of(evidence, request, "desk"), about(evidence, request)
        now = today(evidence, RecorderClock().stamp())
        course = to.course
        if request.get("course") is not None:
            named = course_named(evidence, text_of(request, "course"))
            if named.client_ref != to.client_ref:
                raise UsageProblem(f"{named.id} is a course of another client: nothing was entered")
            course = named.id
    day = check_day(text_of(request, "day")) if request.get("day") is not None else now
    if day > now:
        raise UsageProblem(f"the day {day} is in the future: today is {now}")
    zone = check_note(text_of(request, "zone"), "zone") if request.get("zone") is not None else None
    name = text_of(request, "score")
    document = score_document(name, parts=request.get("parts"), value=request.get("value"), day=day)
    private = private_text(SCORE_SCHEMA, {**document, "zone": zone})
    entry = done(
        access,
        lambda transaction: enter(
            transaction,
            "score.recorded",
            actor=actor,
            told={"score": name},
            stream=to.stream,
            client_ref=to.client_ref,
            visit=to.visit,
            course=course,
            private=(private,),
        ),
    )
    return {"entry": entry.seq, "client_ref": to.client_ref, "course": course, **document}


def scores_of(evidence: Evidence, client_ref: str) -> list[Json]:
    """Every score of this client, oldest day first; of one that was erased only `score`, `course` and the entry."""
    found = []
    for entry in matters(evidence, client_ref, "score.recorded"):
        held = private_of(evidence, entry)
        named = {"score": entry.body["told"]["score"], "course": entry.body["course"], "entry": entry.seq}
        nothing = {"value": None, "tenths": None, "parts": None, "day": None, "zone": None}
        found.append({**nothing, **named, "at": entry.values["at"], "by": entry.values["actor"]["id"], **(held or {})})
    return sorted(found, key=lambda each: (each["day"] or "", each["entry"]))


def event(access: Access, request: Json) -> Json:
    """Act: `client`, `session` (or `visit`), the words of `check_event`, `by`."""
    if request.get("session") is None and request.get("visit") is None:
        raise UsageProblem("of which session is not said: --session S, or --visit V where it was not recorded")
    with Evidence(access.path) as evidence:
        actor, to = actor_of(evidence, request, "desk"), about(evidence, request)
        told = _event(evidence, request)
    id_ = new_id("e")
    entry = done(
        access,
        lambda transaction: enter(
            transaction,
            "event.recorded",
            actor=actor,
            told={"event": id_},
            stream=to.stream,
            client_ref=to.client_ref,
            visit=to.visit,
            course=to.course,
            private=(private_text(EVENT_SCHEMA, told),),
        ),
    )
    return {"entry": entry.seq, "event": id_, "client_ref": to.client_ref, "visit": to.visit, "session": to.stream}


def follow(access: Access, request: Json) -> Json:
    """Act: what became of an event. `event`, `by`, and those of its words that are others now."""
    with Evidence(access.path) as evidence:
        actor = actor_of(evidence, request, "desk")
        first, now = _found(evidence, text_of(request, "event"))
        if evidence.client_kept(first.body["client_ref"]) is None:
            raise BadTransition(erased_words(first.body["told"]["event"]))
        said = {key: request[key] for key in _EVENT_KEYS if request.get(key) not in (None, False)}
        if not said:
            raise UsageProblem("nothing is said of the event: give --outcome, --severity or another")
        told = _event(evidence, {key: now[key] for key in _EVENT_KEYS} | said)
        body = first.body
        stream = body["stream"]
        if stream is not None and evidence.stream(stream)["client_ref"] != body["client_ref"]:
            stream = None  # it was corrected to another client, and the event goes on without it
    entry = done(
        access,
        lambda transaction: enter(
            transaction,
            "event.followed",
            actor=actor,
            told=dict(body["told"]),
            stream=stream,
            client_ref=body["client_ref"],
            visit=body["visit"],
            course=body["course"],
            private=(private_text(EVENT_SCHEMA, told),),
        ),
    )
    return {
        "entry": entry.seq,
        **body["told"],
        **{key: body[key] for key in ("client_ref", "visit")},
        "session": stream,
    }


def events_of(evidence: Evidence, name: str | None = None) -> list[Json]:
    """Every event of a client, a session or a visit, or of all; each as last followed, with its `history`."""
    types = ("event.recorded", "event.followed")
    if name is None:
        entries = of_type(evidence, *types)
    else:
        entries = (own_matters if name.startswith(("s-", "v-")) else matters)(evidence, name, *types)
    found: dict[str, Json] = {}
    for entry in entries:
        id_ = entry.body["told"]["event"]
        if entry.type == "event.recorded":
            found[id_] = {
                "event": id_,
                "client_ref": entry.body["client_ref"],
                "session": entry.body["stream"],
                "visit": entry.body["visit"],
                **dict.fromkeys(_EVENT_KEYS),
                "history": [],
            }
        if (event_ := found.get(id_)) is not None:
            held = private_of(evidence, entry)
            event_["history"].append(
                held or {"entry": entry.seq, "at": entry.values["at"], "by": entry.values["actor"]["id"]}
            )
            event_ |= {key: held[key] if held else None for key in _EVENT_KEYS}
    return list(found.values())


def _event(evidence: Evidence, values: Json) -> Json:
    words = values.get("words")
    told = {**values, "words": check_note(text_of(values, "words"), "words") if words is not None else None}
    return check_event(told, today=today(evidence, RecorderClock().stamp()))


def _found(evidence: Evidence, prefix: str) -> tuple[Entry, Json]:
    """The entry that recorded it, and the event as it is now. Raises NotFound."""
    named = {
        entry.body["told"]["event"]: entry
        for entry in of_type(evidence, "event.recorded")
        if entry.body["told"]["event"].startswith((prefix, f"e-{prefix}"))
    }
    if len(named) != 1:
        how = f"{len(named)} begin so, give more of it" if named else "`devicelog events list` shows those there are"
        raise NotFound(f"no event {prefix!a}: {how}")
    ((id_, entry),) = named.items()
    (now,) = events_of(evidence, id_)
    if now["type"] is None:
        raise NotFound(f"what {id_} was is not held any more")
    return entry, now


ACTS: dict[str, Act] = {"score.record": score, "event.record": event, "event.follow": follow}
