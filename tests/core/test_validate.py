"""The table of rules, documents of another day, rules that this engine does not have, verdicts.

What each rule looks at is held in test_rules_depth.py, test_rules_counts.py, test_rules_pen.py, test_rules_data.py.
"""

import re
from copy import deepcopy
from itertools import product

import pytest

from devicelog.canonical import canonical
from devicelog.validate import LIVE, RULES, assess, read_rules, rules_document, verdict_of
from tests.builders import Bench, on, opening_of
from tests.pages import DOCS


def with_gap(lost):
    bench = on("forehead")
    bench.samples("1111")
    bench.samples("1" * lost, lost=True)
    bench.samples("1111")
    return bench


# --- the document -----------------------------------------------------------------------------------------------------


SESSION, BOTH = ["session"], ["session", "span"]
PIGMENT = ["hyperpigmentation", "melasma"]
TABLE = [
    ("depth.over_device", 1, "high", {}, BOTH),
    ("depth.over_plan", 1, "medium", {}, BOTH),
    ("depth.over_recommended", 1, "medium", {}, SESSION),
    ("depth.over_hard_max", 1, "high", {}, SESSION),
    ("depth.threshold", 1, "info", {}, SESSION),
    ("depth.over_authority", 1, "medium", {}, SESSION),
    ("zone.forbidden", 1, "high", {}, SESSION),
    ("depth.under_plan", 1, "low", {"limit_us": 1_000_000}, SESSION),
    ("depth.jump", 1, "medium", {}, SESSION),
    ("depth.disagrees", 1, "medium", {"limit_ppm": 100_000}, SESSION),
    ("sensor.stuck", 1, "medium", {"limit_us": 2_000_000}, SESSION),
    ("dial.unchanged", 1, "medium", {}, SESSION),
    ("passes.short", 2, "low", {}, SESSION),
    ("passes.over", 2, "medium", {}, SESSION),
    ("passes.disagree", 1, "low", {}, SESSION),
    ("passes.odd", 1, "low", {"limit_us": 10_000_000}, SESSION),
    ("signal.missing", 1, "medium", {}, SESSION),
    ("frequency.range", 1, "low", {"limit_us": 500_000}, SESSION),
    ("data.gap", 1, "medium", {"limit_us": 250_000}, BOTH),
    ("data.short_gaps", 1, "medium", {"limit_ppm": 10_000, "each_us": 250_000}, BOTH),
    ("link.bad_frames", 1, "low", {"limit_ppm": 10_000}, BOTH),
    ("link.lost", 1, "low", {}, BOTH),
    ("protocol.newer", 1, "medium", {}, BOTH),
    ("pen.changed", 1, "medium", {}, SESSION),
    ("pen.restarted", 1, "medium", {}, SESSION),
    ("pen.clock", 1, "low", {"limit_ppm": 10_000}, SESSION),
    ("calibration.missing", 1, "low", {}, SESSION),
    ("calibration.expired", 1, "medium", {}, SESSION),
    ("calibration.off", 1, "medium", {}, SESSION),
    ("clock.unsure", 1, "low", {}, SESSION),
    ("counter.jump", 1, "medium", {}, SESSION),
    ("counter.fell", 1, "low", {}, SESSION),
    ("strokes.uncertain", 1, "low", {}, SESSION),
    ("sensors.lost", 1, "medium", {}, SESSION),
    (
        "sensors.disagree",
        1,
        "medium",
        {
            "strokes_ppm": 20_000,
            "strokes_least": 20,
            "contact_ppm": 50_000,
            "contact_least_us": 300_000,
            "depth_um": 150,
        },
        SESSION,
    ),
    ("activity.no_session", 1, "medium", {}, ["span"]),
    ("endpoint.continuous", 1, "medium", {"indications": PIGMENT}, SESSION),
    ("endpoint.missing", 1, "low", {}, SESSION),
    (
        "interval.short",
        1,
        "medium",
        {
            "short_days": 14,
            "typical_days": 28,
            "series": [*PIGMENT, "acne-scars", "scars", "vitiligo", "alopecia"],
        },
        SESSION,
    ),
    ("interval.plan", 1, "low", {}, SESSION),
    ("client.checks", 1, "high", {}, SESSION),
    ("consent.missing", 1, "medium", {}, SESSION),
    ("cartridge.missing", 1, "medium", {}, SESSION),
    ("cartridge.expired", 1, "high", {}, SESSION),
    ("cartridge.reused", 1, "high", {}, SESSION),
    ("topical.ascorbic", 1, "medium", {"words": ["ascorb", "askorb", "vitamin c", "vitamin-c"]}, SESSION),
    ("topical.no_lot", 1, "low", {}, SESSION),
    ("label.pigment", 1, "low", {"notice": "label.pigment", "version": 1, "indications": PIGMENT}, SESSION),
]


@pytest.mark.requirement("R25")
def test_the_table_and_each_rule_names_its_source():
    document = rules_document()
    keys = ("id", "version", "severity", "parameters", "streams")
    assert document["schema"] == "devicelog.rules/1"
    assert [tuple(row[key] for key in keys) for row in document["rules"]] == TABLE
    assert all(row["source"].strip() and row["message"].strip() for row in document["rules"])
    assert canonical(document)  # it can be hashed
    (label,) = [row for row in document["rules"] if row["id"] == "label.pigment"]
    assert label["parameters"]["version"] == label["version"]  # the version of the notice that is acknowledged
    assert len({(rule.id, rule.version) for rule in RULES}) == len(RULES) == 48


def test_a_page_that_a_rule_names_is_there():
    named = {page for rule in RULES for page in re.findall(r"docs/([a-z-]+\.[a-z]+)", rule.source)}
    assert "protocol.md" in named
    assert all((DOCS / page).exists() for page in named)


def test_the_page_says_of_every_rule_when_it_finds_and_how_severely():
    """A rule's own severity stands in its line, beside others that it may be lowered to or that share the line."""
    lines = [line for line in (DOCS / "sessions.md").read_text("utf-8").splitlines() if line.startswith("| `")]
    for rule in RULES:
        (line,) = [line for line in lines if f"`{rule.id}`" in line.split("|")[1]]
        assert rule.severity in line.split("|")[3], rule.id
    assert sum(line.split("|")[1].count("`") // 2 for line in lines) == len(RULES)


@pytest.mark.parametrize("kind", ["session", "span"])
def test_which_rules_a_stream_is_judged_by(kind):
    bench = Bench(opening_of(kind=kind))
    bench.zone("forehead")
    bench.samples("1111")
    derived = bench.end()
    judged = list(dict.fromkeys(row["rule"] for row in derived["assessments"]))
    assert judged == [id_ for id_, *_, streams in TABLE if kind in streams]
    assert derived["kind"] == kind


# what more data may still mend, or what only the end can tell: no word of these while she needles
AT_THE_END = {
    "sensors.disagree",
    "depth.disagrees",
    "passes.short",
    "passes.over",
    "passes.disagree",
    "passes.odd",
    "endpoint.missing",
    "signal.missing",
    "data.short_gaps",
    "pen.clock",
}


def test_which_findings_are_worth_a_word_at_once():
    assert {id_ for id_, *_ in TABLE} - LIVE == AT_THE_END
    bench = on("forehead")
    bench.set_um = 401
    bench.samples("1111", depth=None)
    found = {finding["rule"] for finding in bench.pipeline.judge()[1]}
    assert found == {"depth.over_plan", "signal.missing"}
    assert [finding["rule"] for finding in bench.pipeline.alarms()] == ["depth.over_plan"]


# --- documents of another day -----------------------------------------------------------------------------------------

# as the first version wrote it: four rules, and no word of streams
FIRST = {
    "schema": "devicelog.rules/1",
    "rules": [
        {
            "id": id_,
            "message": f"what {id_} said then",
            "parameters": parameters,
            "severity": severity,
            "source": "of its day",
            "version": 1,
        }
        for id_, severity, parameters in (
            ("depth.over_device", "high", {}),
            ("depth.over_plan", "medium", {}),
            ("data.gap", "medium", {"limit_us": 250_000}),
            ("link.bad_frames", "low", {"limit_ppm": 10_000}),
        )
    ],
}


@pytest.mark.parametrize("kind", ["session", "span"])
def test_a_session_of_the_first_version_is_judged_by_its_four_rules_only(kind):
    bench = Bench(opening_of(rules=FIRST, kind=kind, pen=None), clock=None)
    bench.zone("forehead")
    bench.set_um = 401
    bench.needle(300, depth=200)  # today: a stuck sensor, a dial that disagrees, no clock, no name
    bench.strokes += 9_000
    bench.samples("1")
    derived = bench.end()
    assert [(row["rule"], row["zone"], row["result"]) for row in derived["assessments"]] == [
        ("depth.over_device", "forehead", "passed"),
        ("depth.over_plan", "forehead", "found"),
        ("data.gap", None, "passed"),
        ("link.bad_frames", None, "passed"),
    ]
    (found,) = derived["findings"]
    assert found["message"] == "what depth.over_plan said then"
    assert derived["verdict"] == "conforming with deviations"
    bench = Bench(opening_of(kind=kind, pen=None), clock=None)
    assert len(bench.end()["assessments"]) > 4


@pytest.mark.requirement("R25")
def test_the_limit_is_the_one_in_the_sessions_own_rules():
    bench = with_gap(26)
    facts, _, _ = bench.pipeline.judge()
    rules = deepcopy(FIRST)
    rules["rules"][2]["parameters"] = {"limit_us": 260_000}
    assert not assess(facts, rules)[0]
    rules["rules"][2]["parameters"] = {"limit_us": 259_999}
    rules["rules"][2] |= {"severity": "high", "message": "what the rule said then"}
    (found,) = assess(facts, rules)[0]
    assert (found["severity"], found["detail"]["limit_us"]) == ("high", 259_999)
    assert found["message"] == "what the rule said then"


@pytest.mark.parametrize("document", [rules_document(), FIRST, {"schema": "devicelog.rules/1", "rules": []}])
def test_a_document_is_read_as_it_is(document):
    assert read_rules(document) is document


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": "devicelog.rules/2"}, "not a rules document of schema devicelog.rules/1"),
        ({"schema": None}, "not a rules document"),
        ({"rules": {}}, "not a rules document"),
        ({"rules": None}, "not a rules document"),
        ({"rules": ["depth.over_plan"]}, "a rule that is none: 'depth.over_plan'"),
        *(
            ({"rules": [FIRST["rules"][2] | {key: value}]}, "a rule that is none")
            for key, value in (
                *(("id", 1), ("version", "1"), ("version", True), ("severity", None), ("message", 1)),
                ("parameters", []),
            )
        ),
        ({"rules": [{key: value for key, value in FIRST["rules"][2].items() if key != "message"}]}, "that is none"),
        ({"rules": [FIRST["rules"][2] | {"parameters": {}}]}, r"data.gap: parameters {}"),
        ({"rules": [FIRST["rules"][2] | {"parameters": {"limit_us": "1"}}]}, "data.gap: parameters {'limit_us': '1'}"),
        ({"rules": [FIRST["rules"][2] | {"parameters": {"limit_us": 1, "b": 1}}]}, "data.gap: parameters"),
    ],
)
def test_what_is_no_rules_document(change, said):
    with pytest.raises(ValueError, match=said):
        read_rules(FIRST | change)


def test_the_parameters_of_a_rule_that_is_not_known_are_its_own():
    document = FIRST | {"rules": [FIRST["rules"][2] | {"version": 9, "parameters": {"other": "x"}}]}
    assert read_rules(document) is document


# --- rules this engine does not have ----------------------------------------------------------------------------------


@pytest.mark.parametrize("changed", [{"id": "depth.over_moon"}, {"version": 9}, {"version": 0}])
@pytest.mark.requirement("R25")
def test_a_rule_that_is_not_known_never_passes(changed):
    bench = on("forehead")
    bench.samples("1111")
    facts, findings, _ = bench.pipeline.judge()
    assert not findings
    rules = {"schema": "devicelog.rules/1", "rules": [rules_document()["rules"][1] | changed]}
    findings, assessments = assess(facts, rules)
    row = rules["rules"][0]
    assert findings == []
    assert assessments == [
        {
            "rule": row["id"],
            "version": row["version"],
            "zone": None,
            "result": "not assessable",
            "why": "this engine does not have the rule",
        }
    ]
    bench.end()
    facts = bench.pipeline.judge()[0]
    assert verdict_of(facts, findings, assessments) == "not assessable"


def test_only_the_rules_of_the_document_are_judged_and_in_its_order():
    bench = with_gap(26)
    facts, _, _ = bench.pipeline.judge()
    rows = FIRST["rules"]
    _, assessments = assess(facts, {"rules": [rows[3], rows[2]]})
    assert [row["rule"] for row in assessments] == ["link.bad_frames", "data.gap"]


def test_judging_changes_nothing():
    bench = with_gap(26)
    facts, _, _ = bench.pipeline.judge()
    rules, facts_before = rules_document(), deepcopy(facts)
    first = deepcopy(assess(facts, rules))
    assert assess(facts, rules) == first
    assert facts == facts_before
    assert rules == rules_document()


# --- verdicts ---------------------------------------------------------------------------------------------------------


# the first that applies, in the order of docs/sessions.md
LADDER = ("interrupted", "open", "over device", "unassessed", "deviation")
VERDICTS = ("incomplete", "incomplete", "not conforming", "not assessable", "conforming with deviations", "conforming")


@pytest.mark.parametrize("applies", list(product((False, True), repeat=5)))
def test_the_first_verdict_that_applies(applies):
    is_ = dict(zip(LADDER, applies, strict=True))
    facts = {
        "ended": "interrupted" if is_["interrupted"] else "closed",
        "completeness": {"closes": not is_["open"]},
    }
    findings = [{"rule": "link.bad_frames", "severity": "low"}] * is_["deviation"]
    findings += [{"rule": "depth.over_device", "severity": "high"}] * is_["over device"]
    assessments = [{"result": "passed"}, {"result": "found"}] + [{"result": "not assessable"}] * is_["unassessed"]
    expected = VERDICTS[[*applies, True].index(True)]
    assert verdict_of(facts, findings, assessments) == expected


def test_conforming():
    bench = on("forehead")
    bench.samples("1111")
    assert bench.end()["verdict"] == "conforming"


def test_what_was_not_applicable_does_not_touch_the_verdict():
    bench = on("forehead")
    bench.samples("1111")
    derived = bench.end()
    results = [row["rule"] for row in derived["assessments"] if row["result"] == "not applicable"]
    assert results == [
        *("depth.over_recommended", "depth.over_hard_max", "depth.threshold", "depth.over_authority", "zone.forbidden"),
        "dial.unchanged",
        "passes.short",
        "passes.over",
        "passes.disagree",
        "frequency.range",
        "pen.clock",
        "calibration.expired",
        "calibration.off",
        "counter.jump",
        "strokes.uncertain",
        "sensors.lost",
        "sensors.disagree",
        *(
            "endpoint.continuous",
            "endpoint.missing",
            "interval.short",
            "interval.plan",
            "client.checks",
            "consent.missing",
        ),
        *("cartridge.missing", "cartridge.expired", "cartridge.reused", "topical.ascorbic", "topical.no_lot"),
        "label.pigment",
    ]
    assert derived["verdict"] == "conforming"


def test_conforming_with_deviations():
    bench = on("forehead")
    bench.set_um = 401
    bench.samples("1111", depth=400)
    assert bench.end()["verdict"] == "conforming with deviations"


def test_not_conforming_though_not_all_was_assessable():
    bench = on("chin")
    bench.samples("1111", depth=2_651)
    assert bench.end()["verdict"] == "not conforming"


def test_incomplete_though_too_deep():
    bench = on("forehead")
    bench.samples("1111", depth=2_651)
    assert bench.end(bytes_read=0)["verdict"] == "incomplete"
    bench = on("forehead")
    bench.samples("1111", depth=2_651)
    assert bench.cut()["verdict"] == "incomplete"


def test_a_session_in_which_nothing_came_conforms_to_nothing():
    assert Bench().end()["verdict"] == "not assessable"
