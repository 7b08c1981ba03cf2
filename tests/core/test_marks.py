"""Marks of what is seen, allowed and changed: their words, when they are possible, and what is derived from them."""

from collections.abc import Callable
from concurrent.futures import Future
from hashlib import sha256
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicelog.attribution import Attribution, Correction
from devicelog.canonical import canonical, parse_canonical
from devicelog.clinic_documents import read_clinic, read_limits
from devicelog.errors import UsageProblem
from devicelog.ledger.entries import Actor
from devicelog.pipeline import Opening, Pipeline, new_documents
from devicelog.recorder.commands import MarkCommand, parse_mark
from devicelog.recorder.marking import Marking, mark_of
from devicelog.records import Chunk, Mark, item_of
from devicelog.rules.table import RULES
from devicelog.sessions import MARKS, State
from tests.builders import PEN, PROFILE, STREAM, Bench, limits_of, on, opening_of, plan_with, planned, zone_in
from tests.core.clinic_facts import CARTRIDGE as CARTRIDGE_ROW
from tests.core.clinic_facts import clinic_document

ZONES = ("forehead", "cheek.left", "chin")
CARTRIDGE = "x-7k3m9q2xwd"
REASON = "0" * 64
LIMITS = limits_of(("forehead", 300, 400, 600), ("cheek.left", None, None, None))
PLAN = plan_with(planned("forehead", 700, passes_min=1, passes_max=3), planned("cheek.left", 700))
FITTED = [{**CARTRIDGE_ROW, "cartridge": "x-0000000009"}, {**CARTRIDGE_ROW, "cartridge": CARTRIDGE}]
CLINIC = clinic_document(cartridges=FITTED)

NOT_LOOKED_AT = {"visit_sessions", "course_done", "course_planned"}

# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "command", "said"),
    [
        ("endpoint red", MarkCommand(kind="endpoint", grade="red"), "endpoint red"),
        (
            "override depth.over_hard_max scar, agreed",
            MarkCommand(kind="override", rule="depth.over_hard_max", text="scar, agreed"),
            "override depth.over_hard_max",
        ),
        (f"cartridge {CARTRIDGE}", MarkCommand(kind="cartridge", cartridge=CARTRIDGE), f"cartridge {CARTRIDGE}"),
        ("operator p-08", MarkCommand(kind="operator", practitioner="p-08"), "operator p-08"),
        (
            "plan forehead 0.30-0.4",
            MarkCommand(kind="plan", zone="forehead", depth_min_um=300, depth_max_um=400),
            "plan forehead 0.3-0.4 mm",
        ),
        (
            "plan forehead 0,30-0,4",  # a comma, as many write it
            MarkCommand(kind="plan", zone="forehead", depth_min_um=300, depth_max_um=400),
            "plan forehead 0.3-0.4 mm",
        ),
        (
            "plan chin 0 - 0.125 passes 2-4",
            MarkCommand(kind="plan", zone="chin", depth_min_um=0, depth_max_um=125, passes_min=2, passes_max=4),
            "plan chin 0-0.125 mm passes 2-4",
        ),
    ],
)
def test_the_words_of_a_mark(words, command, said):
    assert parse_mark(words.split(), ZONES) == command
    assert command.words() == said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("endpoint", "endpoint none|red|pinpoint|continuous"),
        ("endpoint rde", "'rde' is no end-point; there are: none, red, pinpoint, continuous. Did you mean red?"),
        ("endpoint red now", "says what the skin shows"),
        ("override", "names a rule and a reason"),
        ("override depth.over_pan because", "there is no rule 'depth.over_pan'"),
        ("override depth.over_pan because", "Did you mean depth.over_plan?"),
        ("override depth.over_hard_max", "needs a reason: override depth.over_hard_max REASON"),
        ("override depth.over_hard_max ab", "is too short: say in 3 characters at least why"),
        ("override depth.over_hard_max \u3164\u2800\u115f\u1160", "is too short"),
        ("override depth.over_hard_max a\u0301\u0301\u0302\u0302", "is too short"),
        ("override depth.over_hard_max why\u202e", "U+202E"),
        ("cartridge", "names the cartridge"),
        ("cartridge x-123", "is no cartridge"),
        ("cartridge x-7K3M9Q2XWD", "is no cartridge"),
        ("cartridge x-7k3m9q2xwi", "is no cartridge"),
        ("operator", "names who goes on"),
        ("operator Anna Huber", "names who goes on"),
        ("operator recorder", "what the recorder calls itself"),
        ("operator <b>", "is not an id"),
        ("plan", "plan ZONE 0.30-0.40"),
        ("plan forehead", "plan ZONE 0.30-0.40"),
        ("plan forehead 0.3", "plan ZONE 0.30-0.40"),
        ("plan forehead 0.3-0.4mm", "plan ZONE 0.30-0.40"),
        ("plan forehead 0.3.1-0.4", "plan ZONE 0.30-0.40"),
        ("plan forehead 0,3,1-0,4", "plan ZONE 0.30-0.40"),
        ("zone CHIN", "there is no zone 'CHIN'; `devicelog zones list` shows them. Did you mean chin?"),
        ("plan CHIN 0.3-0.4", "Did you mean chin?"),
        ("plan forehead 0.3-0.4 passes", "plan ZONE 0.30-0.40"),
        ("plan forehead 0.3001-0.4", "plan ZONE 0.30-0.40"),
        ("plan forehead ٠.3-0.4", "plan ZONE 0.30-0.40"),
        ("plan forehaed 0.3-0.4", "there is no zone 'forehaed'"),
        ("plan forehead 0.4-0.3", "the smaller depth stands first"),
        ("plan forehead 0.4-10.001", "none is over 10"),
        ("plan forehead 0.3-0.4 passes 3-2", "the smaller number stands first"),
        ("plan forehead 0.3-0.4 passes 3-51", "none is over 50"),
    ],
)
def test_words_that_are_no_mark(words, says):
    with pytest.raises(UsageProblem) as caught:
        parse_mark(words.split(), ZONES)
    assert says in str(caught.value)


def test_a_reason_of_one_space():
    with pytest.raises(UsageProblem, match="the reason is empty"):
        parse_mark(["override", "depth.over_hard_max", " "], ZONES)


@pytest.mark.parametrize("words", ["endpoint red", "override depth.over_hard_max why not"])
def test_what_is_of_a_zone_wants_one(words):
    command = parse_mark(words.split(), ZONES)
    with pytest.raises(UsageProblem, match=r"of which zone\? Mark it first: zone ID"):
        mark_of(command, "p-07", "unassigned", REASON if command.text else None)
    assert mark_of(command, "p-07", "chin", REASON if command.text else None).zone == "chin"


@pytest.mark.parametrize("rule", [rule.id for rule in RULES if not rule.overridable])
def test_what_cannot_be_overridden_is_refused_with_what_can(rule):
    with pytest.raises(UsageProblem) as caught:
        parse_mark(["override", rule, "so", "agreed"], ZONES)
    assert "what can be overridden is depth.over_hard_max, cartridge.reused" in str(caught.value)


def test_an_override_of_what_is_of_no_zone_holds_everywhere():
    command = parse_mark(["override", "cartridge.reused", "sent in tomorrow"], ZONES)
    assert mark_of(command, "p-07", "chin", REASON).zone is None
    assert mark_of(command, "p-07", "unassigned", REASON).zone is None


# --- the state machine ------------------------------------------------------------------------------------------------

WORDS = (
    *("zone forehead", "zone chin", "pass", "pause", "resume", "note seen", "endpoint red", "endpoint continuous"),
    *("override depth.over_hard_max scar tissue", "override cartridge.reused all is well", f"cartridge {CARTRIDGE}"),
    *(
        "cartridge x-0000000009",
        "operator p-08",
        "operator p-09",
        "plan forehead 0.1-0.2",
        "plan chin 0.3-0.9 passes 1-2",
    ),
)


class Recorded:
    """A session whose marks go the way of a recording's: checked, made a record, derived; the disk answers at once."""

    def __init__(self, who: Callable[[str], Actor] | None = None, **documents: Any) -> None:
        self.bench = Bench(opening_of(plan=PLAN, practitioner="p-07", **{"limits": LIMITS, **documents}))
        self.marking = Marking(cast(Any, self), Actor(id="p-07", role="practitioner"), who)
        self.marking.change("open")
        self.id, self.pipeline = STREAM, self.bench.pipeline

    @property
    def last_record(self) -> int:
        return len(self.bench.records) - 1

    def take(self, item: Mark) -> None:
        self.bench.put(item)

    def do(self, _work: Any) -> "Future[None]":
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def say(self, words: str) -> Any:
        """Make a mark; the one reply to it."""
        replies: list[Any] = []
        self.marking.make(cast(Any, self), parse_mark(words.split(), ZONES), replies.append)
        (reply,) = replies
        return reply


@pytest.mark.requirement("R09")
@pytest.mark.parametrize(
    ("said", "id_", "role", "words"),
    [
        ("km", "KM", "practitioner", None),
        ("RV", "RV", "reviewer", None),
        ("AUD", "aud", "auditor", "aud is registered as auditor"),
        ("ghost", "ghost", "unregistered", "nobody who works here is registered as ghost"),
    ],
)
def test_the_pen_is_handed_over_to_whom_the_list_of_people_says_and_to_others_with_a_word(
    said: str, id_: str, role: str, words: str | None
) -> None:
    known = {"km": ("KM", "practitioner"), "rv": ("RV", "reviewer"), "aud": ("aud", "auditor")}

    def who(person: str) -> Actor:
        known_as, known_role = known.get(person.casefold(), (person, "unregistered"))
        return Actor(id=known_as, role=known_role)

    recorded = Recorded(who)
    reply = recorded.say(f"operator {said}")
    assert (reply["ok"], reply["mark"]) == (True, f"operator {id_}")  # nothing stops a recording
    assert (recorded.marking.actor.id, recorded.marking.actor.role) == (id_, role)
    (mark,) = [item for item in map(item_of, recorded.bench.records) if isinstance(item, Mark)]
    assert mark.practitioner == id_
    if words is None:
        assert reply["warnings"] == []
    else:
        assert words in reply["warnings"][0]
    assert recorded.say("note seen")["warnings"] == []


def states_of(marks: list[Mark]) -> list[State]:
    """The state in which each mark was made, told by the marks alone."""
    states: list[State] = ["recording"]
    for mark in marks:
        states.append({"pause": "paused", "resume": "recording"}.get(mark.kind, states[-1]))  # type: ignore[arg-type]
    return states


@given(st.lists(st.sampled_from([*WORDS, "needle"]), max_size=40), st.lists(st.integers(1, 9), min_size=1, max_size=5))
@settings(deadline=None, max_examples=120)
def test_marks_in_any_order_keep_the_states_and_derive_to_the_same_again(said, lengths):
    recorded, made = Recorded(), 0
    for words in said:
        if words == "needle":
            recorded.bench.samples("1111", depth=(310, 320, 305, 330))
            continue
        state, before = recorded.marking.state, recorded.last_record
        zone = recorded.pipeline.derivation.needling.zone
        reply = recorded.say(words)
        kind = parse_mark(words.split(), ZONES).kind
        placed = kind != "endpoint" and "depth." not in words
        assert reply["ok"] == (kind in MARKS[state] and (placed or zone != "unassigned")), reply
        assert recorded.last_record == before + reply["ok"]
        made += reply["ok"]
    marks = [item for item in map(item_of, recorded.bench.records) if isinstance(item, Mark)]
    assert len(marks) == made
    states = states_of(marks)
    assert all(mark.kind in MARKS[state] for mark, state in zip(marks, states, strict=False))
    assert states[-1] == recorded.marking.state
    operators = ["p-07", *(mark.practitioner for mark in marks if mark.kind == "operator")]
    at = 0
    for mark in marks:  # each is of who held the pen before it
        assert mark.actor == operators[at]
        at += mark.kind == "operator"
    derived = recorded.bench.end()
    again, turn, records = Pipeline(recorded.bench.pipeline.opening), 0, recorded.bench.records
    while records:  # in chunks of any length, as they are kept
        length = lengths[turn % len(lengths)]
        for record in Chunk.parse(Chunk.of(STREAM, records[:length]).data).records:
            again.feed(record)
        records, turn = records[length:], turn + 1
    assert again.finish() == canonical(derived)
    assert sum(row["n"] for row in derived["facts"]["marks"]) == made


# --- a plan mark and the limits ---------------------------------------------------------------------------------------

HELD = {**LIMITS, "zones": [*LIMITS["zones"], {**LIMITS["zones"][1], "zone": "chin", "forbidden": True}]}
OVER = "plan forehead 0.1-0.601"
REFUSED = (
    "0.601 mm is above the hard maximum 0.6 mm of forehead [test]; if it is meant, say why first, in that zone: "
    "override depth.over_hard_max REASON"
)


def test_a_plan_mark_over_the_hard_maximum_is_refused_and_changes_nothing():
    recorded = Recorded(limits=HELD)
    before = recorded.last_record
    reply = recorded.say(OVER)
    assert (reply["ok"], reply["error"], reply["exit_code"]) == (False, REFUSED, 2)
    assert recorded.last_record == before
    assert recorded.bench.end()["facts"]["plan_changes"] == []


@pytest.mark.parametrize(
    ("words", "warned"),
    [
        ("plan forehead 0.1-0.4", []),
        ("plan forehead 0.1-0.401", ["0.401 mm is above the recommended 0.4 mm of forehead [test] D"]),
        ("plan forehead 0.1-0.6", ["0.6 mm is above the recommended 0.4 mm of forehead [test] D"]),
        ("plan cheek.left 1-9", []),  # no source has a limit there
    ],
)
def test_a_plan_mark_within_the_hard_maximum_is_taken(words, warned):
    reply = Recorded(limits=HELD).say(words)
    assert (reply["ok"], reply["warnings"]) == (True, warned)


@pytest.mark.parametrize("words", [OVER, "plan chin 0.1-0.2"])
def test_where_there_are_no_limits_any_plan_mark_is_taken(words):
    assert Recorded(limits=None).say(words)["ok"]
    assert Recorded(limits={**LIMITS, "zones": []}).say(words)["ok"]


def test_a_zone_that_is_not_treated_is_not_planned():
    recorded = Recorded(limits=HELD)
    reply = recorded.say("plan chin 0.1-0.2")
    told = "chin is not treated [test], and nothing is planned there: no override is for that"
    assert (reply["ok"], reply["error"]) == (False, told)


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        (["zone forehead", "override depth.over_hard_max a scar, agreed"], True),
        (["zone cheek.left", "override depth.over_hard_max a scar, agreed"], False),
        (["zone forehead", "override cartridge.reused a scar, agreed"], False),
    ],
)
def test_an_override_of_that_zone_lets_it_through(said, taken):
    recorded = Recorded(limits=HELD)
    assert all(recorded.say(words)["ok"] for words in said)
    assert recorded.say(OVER)["ok"] is taken


@pytest.mark.parametrize(("zone", "taken"), [("forehead", True), (None, True), ("chin", False)])
def test_an_override_that_was_given_before_the_session_lets_it_through(zone, taken):
    clinic = clinic_document(overrides=[{"rule": "depth.over_hard_max", "zone": zone}])
    reply = Recorded(limits=HELD, clinic=clinic).say(OVER)
    assert reply["ok"] is taken
    assert not taken or reply["warnings"] == ["0.601 mm is above the recommended 0.4 mm of forehead [test] D"]


# --- the documents ----------------------------------------------------------------------------------------------------


def opened(**documents: Any) -> Opening:
    """An opening as it is read, with these documents."""
    made = new_documents(PROFILE, PLAN, None, **documents)
    digests = {name: sha256(data).hexdigest() for name, data in made.items()}
    body = {"stream": STREAM, "pen": PEN, "practitioner": "p-07", "documents": digests}
    return Opening.read("session.opened", body, {digests[name]: data for name, data in made.items()})


def test_limits_and_clinic_are_read_and_told():
    opening = opened(limits=LIMITS, clinic=CLINIC)
    assert (opening.limits, opening.clinic) == (LIMITS, CLINIC)
    facts = on("forehead", opening).end()["facts"]
    assert facts["clinic"] == CLINIC
    assert facts["limits"] == {
        **{key: LIMITS[key] for key in ("version", "overlay", "indication", "modality", "zones")},
    }
    zone = facts["zones"][0]
    assert [zone[key] for key in ("recommended_min_um", "recommended_max_um", "hard_max_um", "threshold_um")] == [
        *(300, 400, 600, 1_500)
    ]


def test_a_session_of_before_has_neither():
    facts = on("forehead", opened()).end()["facts"]
    assert (facts["clinic"], facts["limits"]) == (None, None)
    zone = facts["zones"][0]
    assert {zone[key] for key in ("recommended_min_um", "recommended_max_um", "hard_max_um", "threshold_um")} == {None}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": "devicelog.limits/2"}, "devicelog.limits/1"),
        ({"zones": {}}, "devicelog.limits/1"),
        ({"threshold": None}, "devicelog.limits/1"),
        ({"threshold": {"depth_um": "1500"}}, "threshold"),
        ({"zones": [[]]}, "no zone"),
        ({"zones": [{"min_um": 3}]}, "no zone"),
        ({"zones": [{"zone": "chin", "max_um": "400"}]}, "chin: max_um"),
        ({"zones": [{"zone": "chin", "hard_max_um": True}]}, "chin: hard_max_um"),
    ],
)
def test_a_document_that_is_no_limits(change, says):
    assert read_limits(LIMITS) == LIMITS
    with pytest.raises(ValueError, match=says):
        read_limits({**LIMITS, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "x"},
        {"cartridges": {}},
        {"overrides": None},
        {"topicals": ["gel"]},
        {"practitioner": {"person": "p-07"}},
        {"practitioner": None},
        {"client": {}},
        {"before_unsure": None},
        {"day": 20_000},
        {"checks": "screening"},
    ],
    ids=str,
)
def test_a_document_that_is_no_clinic(change):
    assert read_clinic(CLINIC) == CLINIC
    with pytest.raises(ValueError, match="clinic document"):
        read_clinic({**CLINIC, **change})


@pytest.mark.parametrize("key", sorted(set(clinic_document()) - {"visit", "course", "device"} - NOT_LOOKED_AT))
def test_a_clinic_document_without_what_the_rules_look_at(key):
    with pytest.raises(ValueError):
        read_clinic({name: value for name, value in CLINIC.items() if name != key})


# --- limits of sites --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("set_um", "depth", "over"),
    [
        (400, 550, (0, 0, 0)),  # at the recommended depth, and within the sensor's tolerance of it
        (401, 300, (10_000, 0, 0)),
        (300, 551, (10_000, 0, 0)),
        (600, 750, (10_000, 0, 0)),
        (601, 300, (10_000, 10_000, 0)),
        (300, 751, (10_000, 10_000, 0)),
        (1_499, 300, (10_000, 10_000, 0)),
        (1_500, 300, (10_000, 10_000, 10_000)),  # inclusive, and of the dial alone
        (1_499, 1_900, (10_000, 10_000, 0)),
        (None, 1_900, (10_000, 10_000, 0)),
    ],
)
def test_what_is_beyond_the_limits_of_a_site(set_um, depth, over):
    bench = on("forehead", opened(limits=LIMITS))
    bench.set_um = set_um
    bench.samples("1", depth=depth)
    bench.samples("0", depth=depth)
    zone = zone_in(bench.end(), "forehead")
    assert tuple(zone[key]["for_us"] for key in ("over_recommended", "over_hard", "at_threshold")) == over
    assert [zone[key]["limit_um"] for key in ("over_recommended", "over_hard", "at_threshold")] == [
        limit if for_us else None for limit, for_us in zip((400, 600, 1_500), over, strict=True)
    ]


def test_where_no_source_has_a_limit_nothing_is_beyond_one():
    bench = on("cheek.left", opened(limits=LIMITS))
    bench.set_um = 2_000
    bench.samples("1")
    zone = zone_in(bench.end(), "cheek.left")
    assert (zone["over_recommended"]["for_us"], zone["over_hard"]["for_us"]) == (0, 0)
    assert zone["at_threshold"]["for_us"] == 10_000


# --- changes ----------------------------------------------------------------------------------------------------------


def test_a_plan_that_is_changed_judges_from_there_on():
    bench = on("forehead", opened())
    bench.set_um = 650
    bench.samples("11", depth=None)
    first = bench.mark("plan", "forehead", depth_min_um=200, depth_max_um=600, passes_max=5)
    bench.samples("111", depth=None)
    bench.mark("plan", "forehead", depth_min_um=200, depth_max_um=900)
    bench.samples("1111", depth=None)
    bench.mark("plan", "chin", depth_min_um=100, depth_max_um=200, passes_min=2)
    derived = bench.end()
    zone = zone_in(derived, "forehead")
    assert (zone["over_plan"]["for_us"], zone["over_plan"]["limit_um"]) == (30_000, 600)
    assert (zone["plan_min_um"], zone["plan_max_um"]) == (200, 900)
    assert (zone["plan_passes_min"], zone["plan_passes_max"]) == (1, 5)
    facts = derived["facts"]
    assert [span["plan_max_um"] for span in facts["spans"]] == [700, 600, 900]
    assert facts["spans"][1]["first_record"] == first.number
    assert facts["plan_changes"][0] == {
        "zone": "forehead",
        "depth_min_um": 200,
        "depth_max_um": 600,
        "passes_min": None,
        "passes_max": 5,
        "record": first.number,
        "at_us": 20_000,
        "actor": "p-07",
    }
    assert facts["expected"]["passes"] == [
        {"zone": "forehead", "min": 1, "max": 5},
        {"zone": "chin", "min": 2, "max": None},
    ]


def test_a_plan_of_another_zone_cuts_nothing_here_and_waits_there():
    bench = on("forehead", opened())
    bench.samples("11")
    bench.mark("plan", "chin", depth_min_um=0, depth_max_um=100)
    bench.samples("11")
    bench.zone("chin")
    bench.samples("11")
    derived = bench.end()
    assert [(span["zone"], span["plan_max_um"]) for span in derived["facts"]["spans"]] == [
        ("forehead", 700),
        ("chin", 100),
    ]
    assert zone_in(derived, "chin")["over_plan"]["for_us"] == 20_000


UNKNOWN = dict.fromkeys(("identity", "lot", "expires", "serial", "used_before", "overridden"))


def test_a_mark_of_a_fitted_cartridge_carries_what_is_known_of_it():
    known = {"identity": "serial", "lot": "L2", "expires": "2029-12", "serial": True, "used_before": 1}
    command = MarkCommand(kind="cartridge", cartridge="x-0000000002", fitted=known)
    assert command.words() == "cartridge x-0000000002"
    mark = mark_of(command, "p-07", "chin", None)
    bench = on("forehead", opened(clinic=CLINIC))
    made = bench.mark("cartridge", **{"cartridge": mark.cartridge, **{key: getattr(mark, key) for key in known}})
    bench.samples("11")
    (row,) = bench.end()["facts"]["cartridge_changes"]
    assert row == {"cartridge": "x-0000000002", **UNKNOWN, **known, "record": made.number, "at_us": row["at_us"]}


def test_a_mark_of_an_id_that_nobody_fitted_is_taken_and_says_so():
    command = MarkCommand(kind="cartridge", cartridge="x-0000000002", fitted={})
    assert command.words() == "cartridge x-0000000002 (not known here: nobody fitted it)"
    assert mark_of(command, "p-07", "chin", None) == Mark(kind="cartridge", actor="p-07", cartridge="x-0000000002")


def test_operator_and_cartridge_begin_a_span():
    bench = on("forehead", opened(clinic=CLINIC))
    bench.samples("11")
    bench.mark("pause")
    operator = bench.mark("operator", practitioner="p-08")
    cartridge = bench.mark("cartridge", cartridge="x-0000000002")
    bench.mark("resume")
    bench.samples("11")
    facts = bench.end()["facts"]
    told = [(span["practitioner"], span["cartridge"], span["first_record"]) for span in facts["spans"]]
    assert told == [("p-07", CARTRIDGE, 1), ("p-08", "x-0000000002", operator.number)]
    assert facts["operators"] == [{"practitioner": "p-08", "record": operator.number, "at_us": 20_000}]
    assert facts["cartridge_changes"] == [
        {"cartridge": "x-0000000002", **UNKNOWN, "record": cartridge.number, "at_us": 20_000},
    ]


def test_a_span_begins_with_the_turn_to_its_zone_though_something_changed_after_it():
    bench = on("forehead", opened())
    bench.samples("11")
    turn = len(bench.records)
    bench.zone("chin")
    bench.mark("pass")
    bench.mark("cartridge", cartridge=CARTRIDGE)
    bench.samples("11")
    spans = bench.end()["facts"]["spans"]
    assert (spans[0]["first_record"], spans[0]["last_record"]) == (1, turn - 1)
    assert spans[1]["first_record"] == turn  # so that the pass moves with it


def test_what_is_seen_and_allowed_is_listed():
    bench = on("forehead", opened())
    seen = bench.mark("endpoint", "forehead", grade="pinpoint")
    allowed = bench.mark("override", rule="clock.unsure", note_sha256=REASON)
    facts = bench.end()["facts"]
    assert facts["endpoints"] == [{"zone": "forehead", "grade": "pinpoint", "record": seen.number, "at_us": 0}]
    assert facts["overrides"] == [
        {"rule": "clock.unsure", "zone": None, "record": allowed.number, "at_us": 0, "actor": "p-07"}
    ]


def test_an_end_point_moves_with_its_span_and_an_override_does_not():
    bench = on("forehead", opened())
    bench.samples("11")
    bench.mark("endpoint", "forehead", grade="red")
    bench.mark("override", "forehead", rule="depth.over_plan", note_sha256=REASON)
    bench.end()
    moved = Attribution(
        number=2,
        corrections=(Correction(first_record=1, last_record=len(bench.records) - 1, zone="chin"),),
        client_ref=None,
    )
    opening = opened()
    pipeline = Pipeline(
        Opening(
            stream=STREAM,
            kind="session",
            profile=opening.profile,
            rules=opening.rules,
            plan=PLAN,
            pen=PEN,
            attribution=moved,
        )
    )
    for record in bench.records:
        pipeline.feed(record)
    facts = parse_canonical(pipeline.finish())["facts"]
    assert [row["zone"] for row in facts["endpoints"]] == ["chin"]
    assert [row["zone"] for row in facts["overrides"]] == ["forehead"]
