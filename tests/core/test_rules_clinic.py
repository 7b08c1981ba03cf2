"""The rules of what the clinic recorded: just inside, just outside, and without their input, asked for and not."""

import pytest

from devicelog.clinical.data import load_limits
from devicelog.rules.table import RULES
from devicelog.validate import assess, rules_document, verdict_of
from devicelog.words.findings import said
from tests.core.clinic_facts import CARTRIDGE, CHECKS, TOPICAL, assessed, beyond, detail, judged, prepared

NOT_ASKED = ", and the plan does not ask for it"
NO_CLINIC = ("not applicable", None, "nothing of the clinic was named when it was opened")
OF_THE_CLINIC = (
    *(
        "depth.over_authority",
        "interval.short",
        "interval.plan",
        "client.checks",
        "consent.missing",
        "cartridge.missing",
    ),
    *("cartridge.expired", "cartridge.reused", "topical.ascorbic", "topical.no_lot", "label.pigment"),
)


def without(*checks):
    """What the plan asks for but these."""
    return [check for check in CHECKS if check not in checks]


def sentence(rule, facts):
    (finding,) = assessed(rule, facts)[0]
    return said(finding)


@pytest.mark.parametrize("gone", [True, False])
@pytest.mark.parametrize("rule", OF_THE_CLINIC)
def test_a_session_that_named_nothing_of_the_clinic(rule, gone):
    facts = prepared() | {"clinic": None}
    if gone:
        del facts["clinic"]
    assert judged(rule, facts) == [NO_CLINIC]


def test_a_session_in_which_nothing_is_amiss_conforms():
    facts = prepared()
    findings, assessments = assess(facts, rules_document())
    assert [(row["rule"], row["severity"]) for row in findings] == [("label.pigment", "info")]
    assert verdict_of(facts, findings, assessments) == "conforming"


def test_a_session_of_which_nothing_was_recorded_and_all_was_asked_for():
    facts = prepared(client={"result": "not recorded"}, consents=[], cartridges=[], before_unsure=True, topicals=[])
    facts["endpoints"] = []
    findings, assessments = assess(facts, rules_document())
    assert [row["rule"] for row in findings if row["severity"] != "info"] == [
        *("endpoint.missing", "consent.missing", "cartridge.missing")
    ]
    assert [row["rule"] for row in assessments if row["result"] == "not assessable"] == [
        *("interval.short", "client.checks", "cartridge.expired", "cartridge.reused")
    ]
    assert verdict_of(facts, findings, assessments) == "not assessable"


def test_a_session_of_which_nothing_was_recorded_and_nothing_asked_for():
    facts = prepared(
        client={"result": "not recorded"}, consents=[], cartridges=[], before_unsure=True, topicals=[], checks=[]
    )
    facts["endpoints"] = []
    findings, assessments = assess(facts, rules_document())
    assert [row["rule"] for row in findings] == ["label.pigment"]
    assert verdict_of(facts, findings, assessments) == "conforming"
    assert all(row["result"] == "not applicable" for row in assessments if row["rule"] in OF_THE_CLINIC[1:-1])


# --- client.checks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "answer"),
    [
        ("clear", ("passed", None, None)),
        ("word given", ("found", None, "info")),
        ("word missing", ("found", None, "high")),
        ("not recorded", ("not assessable", None, "the client's suitability was not recorded")),
    ],
)
def test_whether_anything_speaks_against_treating_her(result, answer):
    assert judged("client.checks", prepared(client={"result": result})) == [answer]


@pytest.mark.parametrize(
    ("result", "said"), [("word given", "and a reason was given why"), ("word missing", "and nobody said why")]
)
def test_its_words_do_not_deny_the_word_that_was_given(result, said):
    findings, _ = assess(prepared(client={"result": result}), rules_document())
    (message,) = [row["message"] for row in findings if row["rule"] == "client.checks"]
    assert said in message


@pytest.mark.parametrize("asked", ["screening", "clearance"])
def test_suitability_is_asked_for_by_either_of_two_words(asked):
    nothing = {"client": {"result": "not recorded"}}
    assert judged("client.checks", prepared(checks=[asked], **nothing))[0][0] == "not assessable"
    why = "the client's suitability was not recorded" + NOT_ASKED
    checks = without("screening", "clearance")
    assert judged("client.checks", prepared(checks=checks, **nothing)) == [("not applicable", None, why)]


def test_a_yes_without_a_word_is_found_whoever_asked():
    facts = prepared(client={"result": "word missing"}, checks=[])
    assert judged("client.checks", facts) == [("found", None, "high")]
    assert sentence("client.checks", facts) == "no reason was given"


# --- consent.missing --------------------------------------------------------------------------------------------------


def consent(what="treatment", given=True, signed=("client", "practitioner")):
    return {"what": what, "given": given, "signed": [*signed], "at": "", "by": "p-07"}


@pytest.mark.parametrize(
    ("consents", "checks", "answer"),
    [
        ([consent()], CHECKS, ("passed", None, None)),
        ([consent()], [], ("passed", None, None)),
        ([], CHECKS, ("found", None, "medium")),
        ([consent("photo"), consent("aftercare")], CHECKS, ("found", None, "medium")),
        ([], [], ("not applicable", None, "no consent was recorded" + NOT_ASKED)),
        ([consent(given=False)], [], ("found", None, "medium")),
        ([consent(), consent(given=False)], CHECKS, ("found", None, "medium")),  # withdrawn
        ([consent(given=False), consent()], CHECKS, ("passed", None, None)),
        # two signatures, as SI 2024/1244 (Wales), schedule 3, has it
        ([consent(signed=())], CHECKS, ("found", None, "medium")),
        ([consent(signed=("practitioner",))], CHECKS, ("found", None, "medium")),
        ([consent(signed=("client",))], CHECKS, ("found", None, "low")),
        ([consent(signed=())], [], ("not applicable", None, "consent: given, and signed by nobody" + NOT_ASKED)),
        ([consent(signed=("client",))], [], ("passed", None, None)),
        ([consent(), consent(signed=())], CHECKS, ("found", None, "medium")),  # the newest holds
        ([consent(given=False, signed=())], CHECKS, ("found", None, "medium")),
    ],
)
def test_consent(consents, checks, answer):
    assert judged("consent.missing", prepared(consents=consents, checks=checks)) == [answer]


# --- interval.short ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "indication", "answer"),
    [
        (0, "hyperpigmentation", ("found", "medium")),
        (13, "hyperpigmentation", ("found", "medium")),
        (14, "hyperpigmentation", ("passed", None)),
        (27, "hyperpigmentation", ("passed", None)),
        (14, "acne-scars", ("passed", None)),
        (13, "wrinkles", ("found", "medium")),
        (14, "wrinkles", ("found", "info")),
        (27, "wrinkles", ("found", "info")),
        (28, "wrinkles", ("passed", None)),
        (14, None, ("found", "info")),
        (None, "wrinkles", ("passed", None)),  # no earlier treatment of the zone is recorded
    ],
)
def test_the_classes_of_intervals(days, indication, answer):
    """clinical/evidence: under 14 days, 14 to 27 fine for pigment and scar series, 28 to 42 typical. Derived."""
    before = [] if days is None else [{"zone": "forehead", "days": days}]
    result, told = answer
    facts = prepared(before=before, indication=indication)
    assert judged("interval.short", facts) == [(result, "forehead", told)]


def test_every_indication_that_a_rule_names_is_one_of_the_table_of_limits():
    named = {
        word
        for rule in RULES
        for key, words in rule.parameters.items()
        if key in ("series", "indications")
        for word in words
    }
    assert named
    assert named <= set(load_limits().indications)


@pytest.mark.parametrize("days", [None, 14, 28])
def test_an_interval_of_which_a_day_is_not_sure(days):
    before = [] if days is None else [{"zone": "forehead", "days": days}]
    why = "how many days ago she was treated before is not sure"
    facts = prepared(before=before, before_unsure=True)
    assert judged("interval.short", facts) == [("not assessable", "forehead", why)]
    facts["clinic"]["checks"] = without("interval")
    assert judged("interval.short", facts) == [("not applicable", "forehead", why + NOT_ASKED)]


def test_a_short_interval_is_found_though_another_day_is_not_sure():
    facts = prepared(before=[{"zone": "forehead", "days": 13}], before_unsure=True, checks=[])
    assert judged("interval.short", facts) == [("found", "forehead", "medium")]
    assert sentence("interval.short", facts) == "treated here 13 days ago; 14 days are usual at least"


def test_the_interval_is_of_the_same_zone_and_of_one_that_was_needled():
    facts = prepared(before=[{"zone": "chin", "days": 1}])
    assert judged("interval.short", facts) == [("passed", "forehead", None)]
    facts["zones"][0]["judged"] = 0
    assert judged("interval.short", facts) == [("not assessable", None, "no sample could be judged")]


# --- interval.plan ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "least", "longest", "answer"),
    [
        (13, 14, 28, ("found", "low")),
        (14, 14, 28, ("passed", None)),
        (28, 14, 28, ("passed", None)),
        (29, 14, 28, ("found", "info")),
        (13, 14, None, ("found", "low")),
        (999, 14, None, ("passed", None)),
        (0, None, 28, ("passed", None)),
        (29, None, 28, ("found", "info")),
        (None, 14, 28, ("passed", None)),  # no earlier treatment of the zone is recorded
    ],
)
def test_the_interval_that_the_course_or_the_plan_intends(days, least, longest, answer):
    before = [] if days is None else [{"zone": "forehead", "days": days}]
    result, told = answer
    facts = prepared(before=before, interval_min_days=least, interval_max_days=longest)
    assert judged("interval.plan", facts) == [(result, "forehead", told)]


@pytest.mark.parametrize("gone", [True, False])
def test_without_an_intended_interval_there_is_nothing_to_compare(gone):
    facts = prepared(before=[{"zone": "forehead", "days": 0}], interval_min_days=None, interval_max_days=None)
    if gone:  # as documents of before had it
        del facts["clinic"]["interval_min_days"], facts["clinic"]["interval_max_days"]
    why = "neither the course nor the plan intends an interval"
    assert judged("interval.plan", facts) == [("not applicable", None, why)]


@pytest.mark.parametrize("days", [None, 14, 29])
def test_an_intended_interval_of_which_a_day_is_not_sure(days):
    before = [] if days is None else [{"zone": "forehead", "days": days}]
    why = "how many days ago she was treated before is not sure"
    facts = prepared(before=before, before_unsure=True, interval_min_days=14, interval_max_days=28)
    assert judged("interval.plan", facts) == [("not assessable", "forehead", why)]
    facts["clinic"]["checks"] = without("interval")
    assert judged("interval.plan", facts) == [("not applicable", "forehead", why + NOT_ASKED)]


@pytest.mark.parametrize(
    ("least", "longest", "words"),
    [(14, 28, "14 to 28 days are intended"), (14, None, "at least 14 days are intended")],
)
def test_a_shorter_interval_is_found_though_another_day_is_not_sure(least, longest, words):
    facts = prepared(
        before=[{"zone": "forehead", "days": 1}], before_unsure=True, interval_min_days=least, interval_max_days=longest
    )
    assert sentence("interval.plan", facts) == f"treated here 1 day ago; {words}"


# --- what was not named, and what could not be read -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "check"),
    [
        *(("interval.short", "interval"), ("interval.plan", "interval"), ("client.checks", "screening")),
        *(("client.checks", "clearance"), ("consent.missing", "consent"), ("cartridge.missing", "cartridge")),
        *(("cartridge.expired", "cartridge"), ("cartridge.reused", "cartridge")),
    ],
)
def test_a_plan_that_asks_for_what_the_opening_does_not_name(rule, check):
    facts = prepared() | {"clinic": None}
    facts["expected"] = {**facts["expected"], "checks": [check]}
    assert judged(rule, facts) == [("not assessable", None, f"{NO_CLINIC[2]}, and the plan asks for it")]
    facts["expected"]["checks"] = without(check, *(("clearance", "screening") if rule == "client.checks" else ()))
    assert judged(rule, facts) == [NO_CLINIC]


def test_limits_that_were_not_named_though_the_plan_asks_for_checks():
    facts = prepared() | {"limits": None}
    facts["expected"] = {**facts["expected"], "checks": ["consent"]}
    for rule in ("depth.over_recommended", "depth.over_hard_max", "depth.threshold", "zone.forbidden"):
        assert [row[0] for row in judged(rule, facts)] == ["not assessable"]


@pytest.mark.parametrize(
    ("rule", "unread"),
    [
        *(("interval.short", "before"), ("interval.plan", "before"), ("client.checks", "client")),
        *(("consent.missing", "consents"), ("cartridge.missing", "cartridges"), ("cartridge.expired", "cartridges")),
        *(("cartridge.reused", "cartridges"), ("topical.ascorbic", "topicals"), ("topical.no_lot", "topicals")),
        *(("label.pigment", "acknowledged"), ("depth.over_authority", "practitioner"), ("passes.short", "visit_done")),
    ],
)
@pytest.mark.parametrize("asked", [True, False])
def test_what_could_not_be_read_is_never_passed(rule, unread, asked):
    empty = {key: [] for key in ("consents", "cartridges", "topicals", "acknowledged", "before", "visit_done")}
    facts = prepared(**empty, unread=[unread], checks=list(CHECKS) if asked else [])
    assert {row[0] for row in judged(rule, facts)} == {"not assessable"}
    assert "could not be read" in judged(rule, facts)[0][2]


def test_what_was_found_though_something_could_not_be_read_stands():
    facts = prepared(unread=["overrides"])
    facts["zones"][0]["over_hard"] = beyond()
    assert judged("depth.over_hard_max", facts) == [("found", "forehead", "high")]
    assert judged("consent.missing", facts) == [("passed", None, None)]


# --- endpoint.continuous and endpoint.missing -------------------------------------------------------------------------


def noted(*grades, **clinic):
    facts = prepared(**clinic)
    facts["endpoints"] = [
        {"zone": "forehead", "grade": grade, "at_us": at * 1_000_000, "record": at} for at, grade in enumerate(grades)
    ]
    return facts


@pytest.mark.parametrize(
    ("grades", "answer"),
    [
        (("none",), ("passed", "forehead", None)),
        (("red",), ("passed", "forehead", None)),
        (("pinpoint",), ("passed", "forehead", None)),
        (("continuous",), ("found", "forehead", "medium")),
        (("red", "continuous", "pinpoint"), ("found", "forehead", "medium")),
        ((), ("not applicable", None, "no end-point was noted")),
    ],
)
def test_continuous_pinpoint_blood_asks_for_less_depth(grades, answer):
    """DermapenWorld, Hyperpigmentierung: red skin without blood; if pinpoint blood becomes continuous, less depth."""
    assert judged("endpoint.continuous", noted(*grades)) == [answer]


def test_when_the_blood_was_first_noted():
    facts = noted("red", "continuous", "continuous")
    assert detail("endpoint.continuous", facts) == {"n": 2, "at_us": 1_000_000, "first_record": 1}


def test_blood_is_wanted_for_scars():
    facts = noted("continuous", indication="scars")
    why = "this end-point is asked to be avoided for pigment only"
    assert judged("endpoint.continuous", facts) == [("not applicable", None, why)]


def test_for_what_it_is_done_is_told_by_the_limits_where_the_clinic_does_not():
    facts = noted("continuous", indication=None)
    assert judged("endpoint.continuous", facts) == [("found", "forehead", "medium")]
    facts["limits"] = None
    why = "for what it was done is not known"
    assert judged("endpoint.continuous", facts) == [("not assessable", None, why)]
    facts["clinic"] = None
    assert judged("endpoint.continuous", facts) == [("not applicable", None, why + NOT_ASKED)]


def test_an_end_point_of_every_zone():
    assert judged("endpoint.missing", noted("none")) == [("passed", "forehead", None)]
    assert judged("endpoint.missing", noted()) == [("found", "forehead", "low")]
    facts = noted("red")
    facts["endpoints"][0]["zone"] = "chin"
    assert judged("endpoint.missing", facts) == [("found", "forehead", "low")]


def test_end_points_that_nobody_asked_for_or_looked_at():
    why = "the plan does not ask for end-points"
    assert judged("endpoint.missing", noted(checks=without("endpoint"))) == [("not applicable", None, why)]
    facts = prepared()
    del facts["endpoints"]
    assert judged("endpoint.missing", facts) == [("not assessable", None, "end-points were not looked at")]
    facts = noted()
    facts["zones"][0]["judged"] = 0
    assert judged("endpoint.missing", facts) == [("not assessable", None, "no sample could be judged")]


# --- cartridges -------------------------------------------------------------------------------------------------------

CHANGED = [{"cartridge": "x-0000000009", "record": 7, "at_us": 0}]
LOT_ONLY = CARTRIDGE | {"identity": "lot only", "serial": None}


def fitted(*cartridges, **clinic):
    return prepared(cartridges=[dict(row) for row in cartridges], **clinic)


@pytest.mark.parametrize("rule", ["cartridge.expired", "cartridge.reused"])
def test_no_cartridge_was_recorded(rule):
    assert judged(rule, fitted()) == [("not assessable", None, "no cartridge was recorded")]
    why = "no cartridge was recorded" + NOT_ASKED
    assert judged(rule, fitted(checks=without("cartridge"))) == [("not applicable", None, why)]


def test_a_cartridge_that_is_missing():
    assert judged("cartridge.missing", fitted(CARTRIDGE)) == [("passed", None, None)]
    assert judged("cartridge.missing", fitted(LOT_ONLY)) == [("passed", None, None)]
    assert judged("cartridge.missing", fitted()) == [("found", None, "medium")]
    nameless = CARTRIDGE | {"lot": None, "serial": None}
    assert judged("cartridge.missing", fitted(CARTRIDGE, nameless)) == [("found", None, "medium")]
    assert sentence("cartridge.missing", fitted(nameless)) == "neither lot nor serial of x-0000000001"
    why = "no cartridge was recorded" + NOT_ASKED
    assert judged("cartridge.missing", fitted(checks=[])) == [("not applicable", None, why)]


KNOWN = {
    **CHANGED[0],
    "identity": "serial",
    "lot": "L9",
    "expires": "2031-01",
    "serial": True,
    "used_before": 0,
    "overridden": False,
}


@pytest.mark.parametrize("rule", ["cartridge.missing", "cartridge.expired", "cartridge.reused"])
@pytest.mark.parametrize("before", [(), (CARTRIDGE,)], ids=["none before", "one before"])
def test_an_id_that_nobody_fitted_is_no_cartridge(rule, before):
    facts = fitted(*before) | {"cartridge_changes": CHANGED}
    assert judged(rule, facts) == [("not assessable", None, "x-0000000009: it is not known here")]
    facts["cartridge_changes"] = [{**CHANGED[0], "cartridge": "x-0000000001"}]
    if before:
        assert judged(rule, facts) == [("passed", None, None)]


def put_on_while_it_ran(**changes):
    return fitted() | {"cartridge_changes": [{**KNOWN, **changes}]}


def test_a_cartridge_that_was_fitted_while_it_ran_is_judged_by_its_mark():
    for rule in ("cartridge.missing", "cartridge.expired", "cartridge.reused"):
        assert judged(rule, put_on_while_it_ran()) == [("passed", None, None)]
    past = put_on_while_it_ran(expires="2030-02")
    assert judged("cartridge.expired", past) == [("found", None, "high")]
    assert sentence("cartridge.expired", past) == "lot L9, expires 2030-02; it was 2030-03-17"
    again = put_on_while_it_ran(used_before=1)
    assert judged("cartridge.reused", again) == [("found", None, "high")]
    assert sentence("cartridge.reused", again) == "serial x-0000000009, lot L9"
    assert judged("cartridge.reused", put_on_while_it_ran(used_before=1, overridden=True))[0][2] == "info"
    assert judged("cartridge.reused", put_on_while_it_ran(identity="lot only", serial=False, used_before=1))[0][0] == (
        "found"
    )


@pytest.mark.parametrize(("record", "severity"), [(6, "info"), (8, "high")])
def test_an_override_of_a_used_cartridge_is_given_before_it_is_put_on(record, severity):
    override = {"rule": "cartridge.reused", "zone": None, "record": record, "at_us": 0, "actor": "p-07"}
    facts = put_on_while_it_ran(used_before=1) | {"overrides": [override]}
    assert judged("cartridge.reused", facts) == [("found", None, severity)]
    facts = fitted(CARTRIDGE | {"used_before": 1}) | {"overrides": [override]}
    assert judged("cartridge.reused", facts) == [("found", None, "high")]


def test_an_override_of_the_visit_lowers_a_used_cartridge():
    facts = fitted(CARTRIDGE | {"used_before": 1}, overrides=[{"rule": "cartridge.reused", "zone": None}])
    assert judged("cartridge.reused", facts) == [("found", None, "info")]
    facts = fitted(CARTRIDGE | {"used_before": 1}, overrides=[{"rule": "depth.over_hard_max", "zone": None}])
    assert judged("cartridge.reused", facts) == [("found", None, "high")]


@pytest.mark.parametrize(
    ("expires", "answer"),
    [
        ("2030-03-17", ("passed", None, None)),  # the day itself
        ("2030-03-16", ("found", None, "high")),
        ("2030-03", ("passed", None, None)),  # a month: its last day
        ("2030-02", ("found", None, "high")),
        (None, ("not assessable", None, "not of every cartridge a last day was recorded")),
    ],
)
def test_the_last_day_of_a_cartridge(expires, answer):
    assert judged("cartridge.expired", fitted(CARTRIDGE | {"expires": expires})) == [answer]


def test_one_of_two_cartridges_had_expired():
    past, dateless = CARTRIDGE | {"expires": "2029-12-31"}, CARTRIDGE | {"expires": None}
    facts = fitted(dateless, past)
    assert judged("cartridge.expired", facts) == [("found", None, "high")]
    assert sentence("cartridge.expired", facts) == "lot L1, expires 2029-12-31; it was 2030-03-17"


def test_what_day_it_was_is_not_known():
    facts = fitted(CARTRIDGE | {"expires": "2000-01-01"}, day=None)
    assert judged("cartridge.expired", facts) == [("not assessable", None, "what day it was is not known")]


def test_a_cartridge_with_a_serial_that_was_used_before():
    """FDA: never reuse a cartridge, even for the same patient."""
    assert judged("cartridge.reused", fitted(CARTRIDGE)) == [("passed", None, None)]
    again = CARTRIDGE | {"used_before": "s-0000000001"}
    assert judged("cartridge.reused", fitted(again)) == [("found", None, "high")]
    allowed = again | {"overridden": True}
    assert judged("cartridge.reused", fitted(allowed)) == [("found", None, "info")]
    assert judged("cartridge.reused", fitted(allowed, again)) == [("found", None, "high")]
    assert sentence("cartridge.reused", fitted(allowed)) == "serial S1, lot L1; used with a reason"


@pytest.mark.parametrize("used_before", [None, "s-0000000001"])
def test_the_same_lot_again_is_no_error(used_before):
    facts = fitted(LOT_ONLY | {"used_before": used_before})
    assert judged("cartridge.reused", facts) == [("not applicable", None, "identity: lot only")]


# --- topicals ---------------------------------------------------------------------------------------------------------


def put_on(*topicals):
    return prepared(topicals=[TOPICAL | changes for changes in topicals])


@pytest.mark.parametrize(
    "changes",
    [
        {"ingredients": "Aqua, L-Ascorbic Acid"},
        {"ingredients": ["aqua", "sodium ascorbyl phosphate"]},
        {"ingredients": "Wasser, Ascorbinsäure"},
        {"ingredients": None, "product": "Vitamin C serum"},
        {"ingredients": "aqua, 3-o-ethyl ascorbic acid", "when": "after"},
    ],
)
def test_ascorbic_acid_is_told(changes):
    """Friedmann 2024: granulomas after needling with topical vitamin C."""
    assert judged("topical.ascorbic", put_on({}, changes)) == [("found", None, "medium")]


def test_no_ascorbic_acid_or_nobody_knows():
    assert judged("topical.ascorbic", put_on({})) == [("passed", None, None)]
    why = "not of every topical the ingredients were recorded"
    for nothing in (None, "", []):
        assert judged("topical.ascorbic", put_on({}, {"ingredients": nothing})) == [("not applicable", None, why)]
    assert judged("topical.ascorbic", put_on()) == [
        ("not applicable", None, "no topical was recorded before the session opened")
    ]


@pytest.mark.parametrize(
    ("flag", "answer"),
    [
        (True, ("found", None, "medium")),
        (False, ("passed", None, None)),
        (None, ("not applicable", None, "not of every topical the ingredients were recorded")),
    ],
)
def test_the_desk_knows_more_names_of_ascorbic_acid_than_the_rule(flag, answer):
    """E 300 is one: the words of the rule do not have it, nor do they know that a vitamin complex is none."""
    changes = {"ingredients": ["aqua", "E300"] if flag else ["vitamin complex"], "ascorbic": flag}
    assert judged("topical.ascorbic", put_on(changes)) == [answer]


def test_a_topical_without_a_lot():
    assert judged("topical.no_lot", put_on({})) == [("passed", None, None)]
    assert judged("topical.no_lot", put_on({}, {"lot": None})) == [("found", None, "low")]
    assert sentence("topical.no_lot", put_on({"lot": ""})) == "no lot was recorded of Glide gel"
    assert judged("topical.no_lot", put_on()) == [
        ("not applicable", None, "no topical was recorded before the session opened")
    ]


# --- label.pigment ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clinic", "severity", "words"),
    [
        ({}, "info", "; acknowledged in this course"),
        ({"acknowledged": []}, "low", "; not yet acknowledged in this course"),
        ({"acknowledged": [{"notice": "label.pigment", "version": 2}]}, "low", "; not yet acknowledged in this course"),
        ({"acknowledged": [{"notice": "skin", "version": 1}]}, "low", "; not yet acknowledged in this course"),
        ({"acknowledged": [], "course": None}, "info", ""),
    ],
)
def test_pigment_is_off_label_and_acknowledged_once_in_a_course(clinic, severity, words):
    """FDA: no clearance names pigment. Outside a course there is nothing in which to acknowledge it."""
    facts = prepared(**clinic)
    assert judged("label.pigment", facts) == [("found", None, severity)]
    assert sentence("label.pigment", facts) == "done for hyperpigmentation" + words


def test_what_is_not_for_pigment_or_for_nobody_knows_what():
    assert judged("label.pigment", prepared(indication="acne_scars")) == [("passed", None, None)]
    why = "for what it was done is not known" + NOT_ASKED
    assert judged("label.pigment", prepared(indication=None)) == [("not applicable", None, why)]
