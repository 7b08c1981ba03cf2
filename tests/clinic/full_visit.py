"""A session in which all was recorded that can be, with a word in every private text that stands nowhere else."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from devicelog.canonical import Json, canonical
from devicelog.clinic.signatures import AMENDABLE
from devicelog.clinical.data import load_limits, load_zones
from devicelog.clinical.limits import resolve
from devicelog.desk.entering import client_named, enter
from devicelog.ledger.entries import Actor
from devicelog.pipeline import new_documents
from devicelog.recorder.access import alone
from devicelog.records import Mark
from devicelog.store.evidence import Evidence
from devicelog.store.transaction import NOTE_TAG, commitment
from tests import databases
from tests.databases import CLIENT, FIRST
from tests.packaging import extend, package, seal

KM = Actor(id="km", role="practitioner", auth="pin")
VISIT, COURSE, EVENT = "v-0000000001", "k-0000000001", "e-0000000001"
# Each stands in one private text, and in nothing else.
SECRETS = {
    "name": "zyxname",
    "contact": "zyxcontact",
    "born": "1961-07-19",
    "phototype": "zyxphototype",
    "detail": "zyxdetail",
    "word": "zyxword",
    "override before": "zyxbefore",
    "override during": "zyxduring",
    "answers": "zyxanswer",
    "screening override": "zyxscreening",
    "event": "zyxevent",
    "event followed": "zyxfollowed",
    "score": "zyxscore",
    "explained": "zyxexplained",
    "fitted": "zyxfitted",
    "amended": "zyxamended",
    "amended why": "zyxwhy",
    "printed name": "zyxprinted",
}
Act = tuple[Any, ...]  # type, told, private texts
SIGNERS_OWN = {"printed name"}  # of who signed: not the client's, and no erasure of a client takes it
NO_FIELD = {"score", "screening override"}  # of the client and the course: a treatment record has no field for it
FITTED: Json = {
    "cartridge": "x-0000000001",
    "identity": "lot only",
    "scan": None,
    "maker": "Acme",
    "item": "01234567890128",
    "lot": "L-77",
    "expires": "2033-01-31",
    "serial": None,
    "needles": 12,
    "length_um": 1500,
    "box": None,
    "attested": True,
    "used_before": None,
}
TOPICAL: Json = {
    "stock": "t-0000000001",
    "product": "Serum C",
    "lot": "S-9",
    "expires": "2032-12-31",
    "ingredients": ["aqua", "ascorbic acid"],
    "when": "during",
    "patch_test": True,
}
CLINIC: Json = {
    "schema": "devicelog.clinic/1",
    "visit": VISIT,
    "course": COURSE,
    "indication": "hyperpigmentation",
    "day": "2031-01-01",
    "practitioner": {"person": "p-07", "known": True, "authority_um": 2_000},
    "device": {"id": "exceed", "maker": "Amiea Med", "model": "Exceed", "clearance": "K180778", "ifu": "rev 4"},
    "checks": ["consent"],
    "client": {"result": "word given", "screened_at": "2031-01-01T09:00:00.000Z"},
    "consents": [
        {
            "what": what,
            "given": True,
            "signed": ["client", "practitioner"],
            "at": "2031-01-01T09:05:00.000Z",
            "by": "km",
        }
        for what in ("treatment", "photo")
    ],
    "anaesthetic": [{"product": "lidocaine 4 %", "on_at": "09:10", "off_at": "09:50"}],
    "topicals": [TOPICAL],
    "cartridges": [
        {key: value for key, value in FITTED.items() if key != "scan"}
        | {"overridden": False, "at": "2031-01-01T09:55:00.000Z"}
    ],
    "overrides": [{"rule": "depth.over_hard_max", "zone": "forehead"}],
    "acknowledged": [{"notice": "label.pigment", "version": 1}],
    "before": [{"zone": "forehead", "days": 30}],
    "before_unsure": False,
    "interval_min_days": None,
    "interval_max_days": None,
    "visit_sessions": 1,
    "visit_done": [{"zone": "forehead", "passes_low": 1, "passes_high": 2}],
    "course_done": 2,
    "course_planned": 6,
}
KNOWN: Json = {
    "schema": "devicelog.suitability/1",
    "client": {
        "born": SECRETS["born"],
        "age_verified": True,
        "phototype": SECRETS["phototype"],
        "name": SECRETS["name"],
        "contact": SECRETS["contact"],
    },
    "rows": [
        {
            "rule": "screening.yes",
            "version": 1,
            "severity": "high",
            "result": "found",
            "detail": f"yes: {SECRETS['detail']}",
            "source": "fda_page (A)",
            "question": "herpes",
        }
    ],
    "words": [
        {
            "questions": ["herpes"],
            "found": [],
            "reason": SECRETS["word"],
            "at": "2031-01-01T09:01:00.000Z",
            "by": "km",
            "entry": 3,
        }
    ],
    "notices": [{"notice": "skin_type.darker", "version": 1, "acknowledged": True}],
    "screening": 3,
    "overrides": [{"rule": "depth.over_hard_max", "zone": "forehead", "reason": SECRETS["override before"]}],
}
HAPPENED: Json = {
    "schema": "devicelog.event/1",
    "type": "bruising",
    "severity": "mild",
    "onset": "same_day",
    "outcome": "open",
    "reported": False,
    "seen": None,
    "words": SECRETS["event"],
}


def make(data_dir: Path, *, clinic: Mapping[str, Any] = CLINIC) -> Path:
    """The database of tests/databases.py, whose sessions know the clinic, with the acts about the first one.

    The seal, and what came after it: `finish`.
    """
    with _known(dict(clinic)):
        path = databases.make_database(data_dir)
    with alone(data_dir) as access:
        told: Json = {"person": KM.id, "role": KM.role, "authority_um": None}
        access.append(lambda to: enter(to, "person.added", actor=KM, told=told, private=("Karin Muster",)))
    balm = {**TOPICAL, "product": "Balm", "ingredients": ["aqua"], "when": "after"}
    acts(path, ("visit.joined", {}, canonical(KNOWN).decode()), ("topical.noted", balm))
    return path


def finish(path: Path) -> Path:
    """Seal it, write its package, and enter what comes after a seal; with the later package."""
    sealed = seal(path)
    package(path, sealed)
    with Evidence(path) as evidence:
        [closing] = evidence.derivations(evidence.stream(FIRST))
    followed = {**HAPPENED, "outcome": "resolved", "words": SECRETS["event followed"]}
    answers = {"answers": {"herpes": True, SECRETS["answers"]: False}}
    consent = {"what": "aftercare", "given": True, "signed": ["client", "practitioner"]}
    bound = {"sealed": sealed.leaf.hex(), "derived": closing.body["derived"], "number": 1, "failures": 0}
    acts(
        path,
        ("consent.recorded", consent),
        ("event.recorded", {"event": EVENT}, canonical(HAPPENED).decode()),
        ("event.followed", {"event": EVENT}, canonical(followed).decode()),
        ("score.recorded", {"score": "gais"}, canonical({"words": SECRETS["score"]}).decode()),
        ("finding.explained", {"rule": "depth.over_plan", "zone": "forehead"}, SECRETS["explained"]),
        ("cartridge.fitted", {**FITTED, "cartridge": "x-0000000002"}, SECRETS["fitted"]),
        (
            "screening.answered",
            {"questionnaire": "fda/1", "result": "yes", "same_as": None},
            canonical(answers).decode(),
        ),
        ("screening.overridden", {"screening": 1}, SECRETS["screening override"]),
        *(amended(number, field, f"{field} {SECRETS['amended']}") for number, field in enumerate(AMENDABLE, 1)),
        ("session.signed", {"person": KM.id, "meaning": "performed", **bound}, SECRETS["printed name"]),
    )
    extend(path, sealed)
    return path


def amended(number: int, field: str, new: str) -> Act:
    """One amendment."""
    said = {"field": field, "old": None, "new": new, "reason": SECRETS["amended why"]}
    return ("session.amended", {"number": number, "field": field}, canonical(said).decode())


def acts(path: Path, *entries: Act) -> None:
    """Enter these, about the first session and its client; a signature is about no client."""
    with Evidence(path) as evidence:
        ref = client_named(evidence, CLIENT)
    with alone(path.parent) as access:
        for type_, told, *private in entries:
            enter_it = partial(
                enter,
                type_=type_,
                actor=KM,
                told=told,
                stream=FIRST,
                visit=VISIT,
                course=COURSE,
                client_ref=None if type_ == "session.signed" else ref,
                private=private,
            )
            access.append(enter_it)


@contextmanager
def _known(clinic: Json) -> Iterator[None]:
    """Sessions open with the documents of the clinic, and are marked with an end-point and an override."""
    limits = resolve(
        load_limits(),
        load_zones(),
        indication="hyperpigmentation",
        modality="mechanical",
        device=None,
        overlay=None,
    )
    note = databases._note

    def documents(profile: Any, plan: Any, zones: Any, *more: Any) -> dict[str, bytes]:
        if plan is None:
            return new_documents(profile, plan, zones, *more)
        return new_documents(profile, plan, zones, *more, limits=limits, clinic=clinic)

    def marked(writer: Any, stream: Any) -> None:
        note(writer, stream)
        salt, reason = stream.id.encode().ljust(32, b"\1"), SECRETS["override during"]
        writer.do(lambda transaction: transaction.note(salt, reason)).result(10)
        for mark in (
            Mark(kind="endpoint", actor="p-07", zone="forehead", grade="pinpoint"),
            Mark(
                kind="override",
                actor="p-07",
                rule="depth.over_plan",
                zone="forehead",
                note_sha256=commitment(NOTE_TAG, salt, reason),
            ),
            Mark(kind="operator", actor="p-07", practitioner="p-09"),
        ):
            databases._mark(writer, stream, mark)

    with mock.patch.object(databases, "new_documents", documents), mock.patch.object(databases, "_note", marked):
        yield
