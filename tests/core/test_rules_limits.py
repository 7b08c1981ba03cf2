"""The rules of sourced limits: just inside, just outside, overridden in time and too late, and without their input."""

import pytest

from devicelog.validate import assess, rules_document, verdict_of
from devicelog.words.findings import said
from tests.core.clinic_facts import assessed, beyond, detail, judged, prepared

NO_LIMITS = ("not applicable", None, "no limits of sites were named when it was opened")
UNCOUNTED = ("not assessable", "forehead", "how long it was beyond this limit was not counted")
UNSEEN = ("not assessable", "forehead", "the pen gave neither set nor measured depth for part of it")
IN_NO_ZONE = ("not assessable", "unassigned", "needling in no zone")
LIMITED = ("depth.over_recommended", "depth.over_hard_max", "depth.threshold", "zone.forbidden")
OF_THE_ZONE = {"max_um": "recommended_max_um", "hard_max_um": "hard_max_um"}

each_limit = pytest.mark.parametrize(
    ("rule", "key", "limit", "severity"),
    [
        ("depth.over_recommended", "over_recommended", "max_um", "medium"),
        ("depth.over_hard_max", "over_hard", "hard_max_um", "high"),
    ],
)


def over(key, beyond_, **clinic):
    facts = prepared(**clinic)
    facts["zones"][0][key] = beyond_
    return facts


# --- depth.over_recommended and depth.over_hard_max -------------------------------------------------------------------


@each_limit
def test_within_a_sourced_limit(rule, key, limit, severity):
    assert judged(rule, prepared()) == [("passed", "forehead", None)]


@each_limit
@pytest.mark.parametrize("set_um", [1_501, None])
def test_beyond_a_sourced_limit_for_one_sample(rule, key, limit, severity, set_um):
    facts = over(key, beyond(10_000, set_um=set_um))
    assert judged(rule, facts) == [("found", "forehead", severity)]
    assert detail(rule, facts)["limit_um"] == facts["limits"]["zones"][0][limit]


@each_limit
def test_a_site_for_which_no_source_has_a_limit(rule, key, limit, severity):
    facts = over(key, beyond())
    facts["limits"]["zones"][0][limit] = facts["zones"][0][OF_THE_ZONE[limit]] = None
    ((result, zone, why),) = judged(rule, facts)
    assert (result, zone) == ("not applicable", "forehead")
    assert why.startswith("no source ")


@each_limit
def test_depth_that_nobody_saw_or_counted(rule, key, limit, severity):
    facts = prepared()
    facts["zones"][0]["judged_unseen"] = 1
    assert judged(rule, facts) == [UNSEEN]
    facts = over(key, beyond())
    facts["zones"][0]["judged_unseen"] = 1
    assert judged(rule, facts) == [("found", "forehead", severity)]
    del facts["zones"][0][key]
    assert judged(rule, facts) == [UNCOUNTED]


@pytest.mark.parametrize("rule", LIMITED)
@pytest.mark.parametrize("gone", [True, False])
def test_a_session_that_named_no_limits(rule, gone):
    facts = prepared() | {"limits": None}
    if gone:
        del facts["limits"]
    assert judged(rule, facts) == [NO_LIMITS]


@pytest.mark.parametrize("rule", LIMITED)
def test_a_session_in_which_nothing_was_needled(rule):
    facts = prepared()
    facts["zones"][0]["judged"] = 0
    assert judged(rule, facts) == [("not assessable", None, "no sample could be judged")]


@pytest.mark.parametrize("rule", ["depth.over_recommended", "depth.over_hard_max", "zone.forbidden"])
def test_needling_in_no_zone_and_in_one_that_the_limits_do_not_name(rule):
    facts = prepared()
    facts["zones"][0] |= {"zone": "unassigned", "recommended_max_um": None, "hard_max_um": None}
    assert judged(rule, facts) == [IN_NO_ZONE]
    facts["zones"][0]["zone"] = "elbow.left"
    assert judged(rule, facts) == [("not assessable", "elbow.left", "the limits do not name this zone")]


def test_what_a_finding_says_of_its_source():
    facts = over("over_recommended", beyond(set_um=401))
    facts["limits"]["zones"][0] |= {"fallback": "body", "evidence": "X"}
    (finding,) = assessed("depth.over_recommended", facts)[0]
    assert said(finding) == (
        "set 0.401 mm for 0.5 s; limit 0.40 mm (measured: +0.15 mm tolerance); source dpw_hp, evidence X, "
        "borrowed from body"
    )


# --- an override ------------------------------------------------------------------------------------------------------

HARD = "depth.over_hard_max"


@pytest.mark.parametrize("zone", ["forehead", None])
def test_an_override_before_the_session_makes_it_a_notice(zone):
    facts = over("over_hard", beyond(), overrides=[{"rule": HARD, "zone": zone}])
    assert judged(HARD, facts) == [("found", "forehead", "info")]
    assert detail(HARD, facts)["override"] == "before the session"


@pytest.mark.parametrize("zone", ["forehead", None])
@pytest.mark.parametrize(("record", "severity", "told"), [(9, "info", "in time"), (10, "high", "too late")])
def test_an_override_in_mid_session_holds_from_its_record_on(zone, record, severity, told):
    """The zone was first too deep in record 9: what was done before nobody had allowed."""
    facts = over("over_hard", beyond(first_record=9))
    facts["overrides"] = [{"rule": HARD, "zone": zone, "record": record, "at_us": 0, "actor": "p-07"}]
    assert judged(HARD, facts) == [("found", "forehead", severity)]
    found = detail(HARD, facts)
    assert (found["override"], found["override_record"], found["first_record"]) == (told, record, 9)


@pytest.mark.parametrize("other", [{"rule": HARD, "zone": "chin"}, {"rule": "depth.over_plan", "zone": "forehead"}])
def test_an_override_for_another_zone_or_rule_allows_nothing(other):
    facts = over("over_hard", beyond(), overrides=[other])
    facts["overrides"] = [{**other, "record": 1, "at_us": 0, "actor": "p-07"}]
    assert judged(HARD, facts) == [("found", "forehead", "high")]
    assert "override" not in detail(HARD, facts)


def test_the_first_of_several_overrides_counts():
    facts = over("over_hard", beyond(first_record=9))
    row = {"rule": HARD, "zone": None, "at_us": 0, "actor": "p-07"}
    facts["overrides"] = [row | {"record": 12}, row | {"record": 4}]
    assert judged(HARD, facts) == [("found", "forehead", "info")]


def test_an_override_of_what_did_not_happen_is_no_finding():
    assert judged(HARD, prepared(overrides=[{"rule": HARD, "zone": None}])) == [("passed", "forehead", None)]


@pytest.mark.parametrize(
    ("record", "verdict"), [(None, "not conforming"), (10, "not conforming"), (9, "conforming"), (0, "conforming")]
)
def test_over_the_hard_maximum_nothing_conforms_but_what_was_allowed_in_time(record, verdict):
    facts = over("over_hard", beyond(first_record=9))
    if record is not None:
        facts["overrides"] = [{"rule": HARD, "zone": "forehead", "record": record, "at_us": 0, "actor": "p-07"}]
    assert verdict_of(facts, *assess(facts, rules_document())) == verdict


# --- depth.threshold --------------------------------------------------------------------------------------------------


def test_the_threshold_is_a_notice_that_names_the_law():
    """asp 2026/13, schedule 1: to a depth of 1.5 mm or more. Inclusive; derive compares the dial, with no tolerance."""
    assert judged("depth.threshold", prepared()) == [("passed", "forehead", None)]
    facts = over("at_threshold", beyond(10_000, set_um=1_500))
    assert judged("depth.threshold", facts) == [("found", "forehead", "info")]
    assert detail("depth.threshold", facts) == {
        "set_um": 1_500,
        "set_for_us": 10_000,
        "first_record": 9,
        "limit_um": 1_500,
    }
    (finding,) = assessed("depth.threshold", facts)[0]
    assert "Scotland" in said(finding)
    assert verdict_of(facts, *assess(facts, rules_document())) == "conforming"


def test_the_threshold_is_of_the_dial_alone():
    assert judged("depth.threshold", over("at_threshold", beyond(set_um=None))) == [("passed", "forehead", None)]


def test_the_threshold_without_its_input():
    facts = prepared()
    facts["zones"][0]["at_set_depth"][0]["for_us"] -= 10_000
    why = "the pen gave no dial setting for a part of it or all of it"
    assert judged("depth.threshold", facts) == [("not assessable", "forehead", why)]
    facts["expected"]["measures"] = [name for name in facts["expected"]["measures"] if name != "set_depth"]
    assert judged("depth.threshold", facts) == [("not applicable", "forehead", "this kind of pen has no dial setting")]
    del facts["zones"][0]["at_threshold"]
    assert judged("depth.threshold", facts) == [UNCOUNTED]
    facts["zones"][0]["threshold_um"] = None
    assert judged("depth.threshold", facts) == [("not applicable", "forehead", "no threshold is named for this zone")]


# --- depth.over_authority ---------------------------------------------------------------------------------------------

AUTHORITY = "depth.over_authority"


def may(limit_um, **clinic):
    return prepared(practitioner={"person": "p-07", "known": True, "authority_um": limit_um}, **clinic)


@pytest.mark.parametrize(("limit_um", "said_"), [(300, ("passed", None, None)), (299, ("found", None, "medium"))])
def test_as_deep_as_she_may_and_deeper(limit_um, said_):
    assert judged(AUTHORITY, may(limit_um)) == [said_]


def test_who_went_how_deep_where():
    assert detail(AUTHORITY, may(299)) == {
        "person": "p-07",
        "set_um": 300,
        "limit_um": 299,
        "zones": ["forehead"],
        "first_record": prepared()["spans"][0]["first_record"],
    }


def test_nobody_has_said_how_deep_she_may():
    assert judged(AUTHORITY, prepared()) == [("not applicable", None, "nobody has said how deep this person may")]
    facts = prepared() | {"clinic": None}
    assert judged(AUTHORITY, facts)[0][0] == "not applicable"


def test_authority_without_a_dial_or_a_sample():
    facts = may(300)
    facts["spans"][0]["depth_set_um"] = None
    assert judged(AUTHORITY, facts)[0][0] == "not assessable"
    facts["zones"][0]["judged"] = 0
    assert judged(AUTHORITY, facts) == [("not assessable", None, "no sample could be judged")]


def test_each_span_is_judged_by_who_needled_in_it():
    facts = may(300)
    facts["spans"].append({**facts["spans"][0], "practitioner": "p-08", "depth_set_um": 500})
    assert judged(AUTHORITY, facts) == [
        ("passed", None, None),
        ("not assessable", None, "how deep p-08 may was not recorded when it was opened"),
    ]
    facts["clinic"]["others"] = [{"person": "p-08", "authority_um": 499}]
    assert judged(AUTHORITY, facts) == [("passed", None, None), ("found", None, "medium")]
    facts["clinic"]["others"] = [{"person": "p-08", "authority_um": 500}]
    assert judged(AUTHORITY, facts) == [("passed", None, None), ("passed", None, None)]


def test_an_authority_is_of_an_id_in_capitals_or_not():
    facts = may(300)
    facts["spans"] = [{**facts["spans"][0], "practitioner": person, "depth_set_um": 300} for person in ("p-07", "P-07")]
    assert judged(AUTHORITY, facts) == [("passed", None, None)]  # one person, not two
    facts["spans"][1]["depth_set_um"] = 301
    assert detail(AUTHORITY, facts)["person"] == "p-07"
    facts["clinic"]["others"] = [{"person": "aud", "authority_um": 299}]
    facts["spans"][1]["practitioner"] = "AUD"
    assert judged(AUTHORITY, facts) == [("passed", None, None), ("found", None, "medium")]


# --- zone.forbidden ---------------------------------------------------------------------------------------------------


def test_where_nobody_may_needle():
    """Bellus Medical: do not treat inside the orbital rim."""
    facts = prepared()
    assert judged("zone.forbidden", facts) == [("passed", "forehead", None)]
    facts["limits"]["zones"][0] |= {"forbidden": True, "source": "bellus_protocol"}
    assert judged("zone.forbidden", facts) == [("found", "forehead", "high")]
    assert detail("zone.forbidden", facts)["source"] == "bellus_protocol"
    assert verdict_of(facts, *assess(facts, rules_document())) == "not conforming"
