"""One pipeline, live and in replay: what its result depends on, and what it must not depend on.

The golden records are derived from kept evidence (tests/make_golden.py). They change when the engine does, and then its
number must.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicelog.canonical import canonical, parse_canonical
from devicelog.counters import Counters
from devicelog.errors import UsageProblem
from devicelog.pipeline import ENGINE, Opening, Pipeline, new_documents
from devicelog.records import SERIAL, Record
from devicelog.validate import RULES, rules_document
from firmware_bridge.frames import MAX_SEGMENT
from firmware_bridge.profile import Calibration
from firmware_bridge.profiles import load_profile
from firmware_bridge.readings import Fault, Heartbeat, SampleBlock
from firmware_bridge.simulator import script_for
from tests import make_golden
from tests.builders import (
    OF_THE_CLINIC,
    PLAN,
    PROFILE,
    STREAM,
    Bench,
    on,
    opening_of,
    pen_document,
    plan_with,
    planned,
    zone_in,
)
from tests.make_golden import CORRECTED, FIRST, RECORDS, SCENARIOS, evidence_of

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 6
T_US = 90_000_000
NUMBERED = ("first_record", "last_record")  # records are numbered otherwise

each_scenario = pytest.mark.parametrize("scenario", SCENARIOS)
each_first = pytest.mark.parametrize("scenario", FIRST)
each_record = pytest.mark.parametrize("record", RECORDS)


def derived_of(records: list[Record]) -> dict[str, Any]:
    pipeline = Pipeline(opening_of())
    for record in records:
        pipeline.feed(record)
    return parse_canonical(pipeline.finish())


def without(value: Any, *keys: str) -> Any:
    """The same without these keys, wherever they stand."""
    if isinstance(value, dict):
        return {key: without(item, *keys) for key, item in value.items() if key not in keys}
    return [without(item, *keys) for item in value] if isinstance(value, list) else value


# --- any chunking -----------------------------------------------------------------------------------------------------


def stretches(scenario: str) -> list[Record | bytes]:
    """The records of a scenario, and between them, in one piece, the bytes that arrived."""
    found: list[Record | bytes] = []
    for record in evidence_of(scenario, SECONDS):
        if record.kind != SERIAL:
            found.append(record)
        elif found and isinstance(found[-1], bytes):
            found[-1] += record.body
        else:
            found.append(record.body)
    return found


def chunked(items: list[Record | bytes], lengths: list[int]) -> list[Record]:
    """The same bytes in serial records of these lengths, over and over, all with one stamp; numbered anew."""
    records: list[Record] = []
    turn = 0
    for item in items:
        if isinstance(item, Record):
            records.append(item._replace(number=len(records), t_us=T_US))
            continue
        while item:
            length = lengths[turn % len(lengths)]
            records.append(Record(len(records), T_US, SERIAL, item[:length]))
            item, turn = item[length:], turn + 1
    return records


STRETCHES = {scenario: stretches(scenario) for scenario in SCENARIOS}
WHOLE = {scenario: derived_of(chunked(items, [60_000])) for scenario, items in STRETCHES.items()}


@each_scenario
@given(lengths=st.lists(st.integers(1, 400), min_size=1, max_size=12))
@settings(deadline=None, max_examples=12)
def test_any_chunking_of_the_bytes_gives_the_same(scenario, lengths):
    derived = derived_of(chunked(STRETCHES[scenario], lengths))
    # The numbers of records are all that may differ.
    assert without(derived, *NUMBERED) == without(WHOLE[scenario], *NUMBERED)


@each_scenario
def test_byte_by_byte_gives_the_same(scenario):
    derived = derived_of(chunked(STRETCHES[scenario], [1]))
    assert without(derived, *NUMBERED) == without(WHOLE[scenario], *NUMBERED)


BY_THE_HOST = ("reboot", "wrongpen", "newer")  # how long their gap was only the host's clock can tell


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name not in BY_THE_HOST])
@pytest.mark.parametrize("together", [2, 5])
def test_what_depends_on_the_stamps(scenario, together):
    """Reads that come together arrive at one time: when it was is a fact, and what was measured is not touched."""
    records = evidence_of(scenario, SECONDS)
    joined: list[Record] = []
    for record in records:
        last = joined[-1] if joined else None
        if last and last.kind == record.kind == SERIAL and (record.number % together):
            joined[-1] = last._replace(body=last.body + record.body, t_us=record.t_us)
        else:
            joined.append(record)
    joined = [record._replace(number=number) for number, record in enumerate(joined)]
    assert len(joined) < len(records) * 3 // 4
    apart, derived = derived_of(records), derived_of(joined)
    stamped = (*NUMBERED, "from_us", "to_us", "pen_clock")  # those of spans and gaps
    assert without(derived, *stamped) == without(apart, *stamped)
    assert derived["facts"]["spans"] != apart["facts"]["spans"]


def test_the_scenarios_have_what_chunking_could_spoil():
    kinds = {fault["kind"] for fault in WHOLE["noise"]["facts"]["completeness"]["faults"]}
    assert {"crc", "cobs"} <= kinds
    assert [fault["kind"] for fault in WHOLE["unplug"]["facts"]["completeness"]["faults"]] == ["tail"]
    (gap,) = WHOLE["unplug"]["facts"]["gaps"]
    assert (gap["cause"], gap["contact"]) == ("link", "yes")
    assert len(WHOLE["clean"]["facts"]["zones"]) == 3
    assert WHOLE["overdepth"]["verdict"] == "not conforming"


# --- the opening ------------------------------------------------------------------------------------------------------

BEFORE = Counters(serial="A0042", boot=6, passes=8, strokes=None)
HEARD = Counters(serial="A0042", boot=7, passes=None, strokes=931)
PEN = pen_document()


def entry(**extra: Any) -> tuple[dict[str, Any], dict[str, bytes]]:
    """An opening entry's body as it is read from the ledger, and the documents it names."""
    documents = new_documents(PROFILE, PLAN, {"schema": "devicelog.zones/1", "map_version": 1, "zones": []})
    digests = {name: sha256(data).hexdigest() for name, data in documents.items()}
    body = {"stream": STREAM, "pen": PEN, "mode": "real", "practitioner": "p-07", "documents": digests, **extra}
    stored = {digests[name]: data for name, data in documents.items()}
    return parse_canonical(canonical(body)), stored


def test_an_opening_that_was_read_is_the_one_that_was_meant():
    body, documents = entry(pen_before=BEFORE.document(), pen_heard=HEARD.document())
    read = Opening.read("session.opened", body, documents)
    assert read == opening_of(pen=PEN, before=BEFORE, heard=HEARD, practitioner="p-07")
    assert read.plan == PLAN
    assert read.profile == PROFILE
    assert read.rules == rules_document()


def test_the_documents_of_a_stream_that_opens():
    plan = opening_of().plan
    assert new_documents(PROFILE, None, None) == {
        "profile": canonical(PROFILE.document()),
        "rules": canonical(rules_document()),
    }
    assert new_documents(PROFILE, plan, {"zones": 1}) == {
        **new_documents(PROFILE, None, None),
        "plan": canonical(plan.document()),
        "zones": b'{"zones":1}',
    }


def test_pins_beside_the_pen_are_named_by_the_opening():
    sensors = load_profile("gpio-reference")
    documents = new_documents(PROFILE, None, None, sensors)
    body = {"stream": STREAM, "pen": PEN, "documents": {name: name for name in documents}}
    read = Opening.read("session.opened", body, documents)
    assert (read.sensors, read.profile) == (sensors, PROFILE)


def test_a_pipeline_of_an_opening_that_was_read_gives_the_same_bytes():
    body, documents = entry(pen_before=BEFORE.document(), pen_heard=None)
    again = Pipeline(Opening.read("session.opened", body, documents))
    bench = Bench(opening_of(pen=PEN, before=BEFORE, practitioner="p-07"))
    bench.zone("forehead")
    bench.samples("0110", depth=560)
    derived = bench.end()
    for record in bench.records:
        again.feed(record)
    assert again.finish() == canonical(derived)
    assert derived["facts"]["unattended"] == {"passes": 2, "strokes": None, "counters_fell": False}
    # 0.56 mm: 0.4 and 0.15 are allowed, and the dial says 0.3; two passes while nobody listened
    assert [finding["rule"] for finding in derived["findings"]] == [
        "depth.over_plan",
        "depth.disagrees",
        "counter.jump",
    ]


def test_a_span_has_no_plan_and_no_known_pen():
    documents = new_documents(PROFILE, None, None)
    assert set(documents) == {"profile", "rules"}
    digests = {name: sha256(data).hexdigest() for name, data in documents.items()}
    body = {"stream": "u-0000000001", "mode": "unknown", "documents": digests}
    read = Opening.read("span.opened", body, {digests[name]: data for name, data in documents.items()})
    assert (read.kind, read.plan, read.pen, read.before, read.heard) == ("span", None, None, None, None)
    bench = Bench(read)
    bench.zone("forehead")
    bench.samples("1111")
    derived = bench.end()
    assert (derived["kind"], derived["stream"]) == ("span", "u-0000000001")
    assert zone_in(derived, "forehead")["plan_max_um"] is None


@pytest.mark.parametrize("name", ["profile", "plan", "rules"])
def test_a_document_that_is_missing_or_spoiled(name):
    body, documents = entry()
    digest = body["documents"][name]
    with pytest.raises(KeyError):
        Opening.read("session.opened", body, {key: data for key, data in documents.items() if key != digest})
    for spoiled in (documents[digest] + b" ", documents[digest][:-1], b"", b"[]", b"null"):
        with pytest.raises(ValueError):
            Opening.read("session.opened", body, documents | {digest: spoiled})


def test_a_plan_of_another_schema_is_refused():
    body, documents = entry()
    digest = body["documents"]["plan"]
    document = parse_canonical(documents[digest]) | {"schema": "devicelog.plan/2"}
    with pytest.raises(UsageProblem, match=r"devicelog\.plan/2"):
        Opening.read("session.opened", body, documents | {digest: canonical(document)})


# --- what profile and plan let expect ---------------------------------------------------------------------------------

KNOWN = replace(
    PROFILE,
    measures=("depth", "contact"),
    frequency_min_dhz=900,
    frequency_max_dhz=1_500,
    frequency_source="test",
    calibrations=(Calibration(id="cal-2", expires="2031-01-01"), Calibration(id="cal-1", expires="2030-12-31")),
)


def test_what_is_expected():
    plan = plan_with(
        planned("nose", 400),
        planned("forehead", 500, least_um=200, passes_min=0),
        planned("chin", 300, passes_max=0),
        planned("neck", 300, passes_min=2, passes_max=4),
    )
    bench = Bench(opening_of(plan=plan, profile=KNOWN))
    for zone in ("forehead", "nose", "lip"):
        bench.zone(zone)
    derived = bench.end()
    assert derived["facts"]["expected"] == {
        "measures": ["depth", "contact"],
        "frequency_min_dhz": 900,
        "frequency_max_dhz": 1_500,
        "calibrations": [{"id": "cal-1", "expires": "2030-12-31"}],
        "passes": [
            {"zone": "forehead", "min": 0, "max": None},
            {"zone": "chin", "min": None, "max": 0},
            {"zone": "neck", "min": 2, "max": 4},
        ],
    }
    limits = ("plan_min_um", "plan_max_um", "plan_passes_min", "plan_passes_max", "device_max_um", "tolerance_um")
    assert {row["zone"]: tuple(row[key] for key in limits) for row in derived["facts"]["zones"]} == {
        "forehead": (200, 500, 0, None, 2_500, 150),
        "nose": (0, 400, None, None, 2_500, 150),
        "lip": (None, None, None, None, 2_500, 150),
    }


def test_nothing_is_expected_without_a_plan_or_a_pen():
    facts = Bench(opening_of(plan=None, pen=None)).end()["facts"]
    assert facts["expected"] == {
        "measures": list(PROFILE.measures),
        "frequency_min_dhz": None,
        "frequency_max_dhz": None,
        "calibrations": [],
        "passes": [],
    }


def test_the_calibration_of_every_pen_is_expected_once():
    bench = Bench(opening_of(profile=KNOWN))
    bench.identity(calibration_id="cal-2")
    both = [{"id": "cal-1", "expires": "2030-12-31"}, {"id": "cal-2", "expires": "2031-01-01"}]
    assert bench.pipeline.judge()[0]["expected"]["calibrations"] == both
    bench.identity(calibration_id="cal-3")  # nobody has said until when
    bench.identity("B0001", calibration_id="cal-1")
    assert bench.end()["facts"]["expected"]["calibrations"] == both


# --- live -------------------------------------------------------------------------------------------------------------


def test_a_record_gives_the_readings_it_completes():
    bench = Bench()
    block = bench.block("11")
    data = bench.send(block).body
    pipeline = Pipeline(opening_of())
    assert pipeline.feed(Record(0, T_US, SERIAL, data[:9])) == []
    assert pipeline.feed(Record(1, T_US, SERIAL, data[9:] + b"\x02\x02\0")) == [
        block,
        Fault(kind="crc", offset=len(data), data=b"\x02\x02"),
    ]


@pytest.mark.parametrize(("loses", "n"), [(False, 1), (True, 2)], ids=["a tick", "an overflow"])
def test_an_oversize_burst_goes_on_over_a_tick_and_not_over_a_loss(loses, n):
    bench = on("forehead")
    bench.samples("1")
    bench.raw(b"\x01" * (MAX_SEGMENT + 1))
    if loses:
        bench.overflow(40)
    else:
        bench.put(None)
    bench.raw(b"\x01" * (MAX_SEGMENT + 1) + b"\0")
    bench.samples("1")
    (fault,) = bench.end()["facts"]["completeness"]["faults"]
    assert (fault["kind"], fault["n"], fault["bytes"]) == ("oversize", n, 2 * MAX_SEGMENT + 2)


def test_looking_at_it_live_changes_nothing():
    records = evidence_of("unplug", SECONDS)
    looked, alone = Pipeline(opening_of()), Pipeline(opening_of())
    for record in records:
        assert looked.feed(record) == alone.feed(record)
        looked.judge()
    assert looked.finish() == alone.finish()


def test_only_what_is_worth_a_word_at_once_is_an_alarm():
    bench = Bench(opening_of(plan=plan_with(planned("forehead", 400, passes_min=3))))
    bench.zone("forehead")
    bench.samples("111", depth=600)
    found = [(finding["rule"], finding["zone"]) for finding in bench.pipeline.judge()[1]]
    assert ("passes.short", "forehead") in found  # there is time for passes yet
    alarms = [(finding["rule"], finding["zone"]) for finding in bench.pipeline.alarms()]
    assert alarms == [each for each in found if each[0] in {rule.id for rule in RULES if rule.live}]
    assert ("depth.over_plan", "forehead") in alarms
    assert ("passes.short", "forehead") not in alarms


def test_what_it_says_live_is_what_it_says_in_the_end():
    bench = Bench()
    bench.zone("forehead")
    bench.set_um = 500
    bench.samples("1111", depth=600)
    _, findings, assessments = bench.pipeline.judge()
    derived = bench.end()
    assert findings == derived["findings"]
    assert [finding["rule"] for finding in findings] == ["depth.over_plan"]
    assert assessments == derived["assessments"]


def test_a_swapped_pen_is_the_same_live_and_in_replay():
    body, documents = entry(pen_before=BEFORE.document(), pen_heard=None)
    again = Pipeline(Opening.read("session.opened", body, documents))
    bench = Bench(opening_of(pen=PEN, before=BEFORE, practitioner="p-07"))
    bench.zone("forehead")
    bench.identity()
    bench.mode = "demo"
    bench.swap("B0001", boot=7, seq=0, passes=0, strokes=5)
    bench.samples("11")
    derived = bench.end()
    for record in bench.records:
        again.feed(record)
        again.judge()
    assert again.finish() == canonical(derived)
    facts = derived["facts"]
    assert facts["pens"] == [PEN, pen_document("B0001", "demo")]
    assert (facts["mode"], facts["modes"], facts["unattended"]) == ("demo", ["demo", "real"], None)


def test_a_kind_of_a_later_version_is_passed_over():
    bench = Bench()
    bench.zone("forehead")
    bench.samples("11")
    record = Record(len(bench.records), bench.records[-1].t_us + 5, 200, b"whatever")
    bench.records.append(record)
    assert bench.pipeline.feed(record) == []
    bench.samples("11")
    derived = bench.end()
    assert (zone_in(derived, "forehead")["glides"], derived["verdict"]) == (1, "conforming")


# --- bytes ------------------------------------------------------------------------------------------------------------


def kinds_in(value: Any) -> set[type]:
    if isinstance(value, dict):
        return {str}.union(*(kinds_in(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(kinds_in(item) for item in value))
    return {type(value)}


@each_record
def test_derived_bytes_are_canonical_and_without_floats(record):
    data = make_golden.derive(record)
    assert canonical(json.loads(data)) == data
    assert kinds_in(json.loads(data)) <= {int, str, bool, type(None)}
    derived = json.loads(data)
    assert derived.pop("verdict")
    assert {key: value for key, value in derived.items() if not isinstance(value, dict | list) and value} == {
        "schema": "devicelog.derived/1",
        "engine": ENGINE,
        "stream": STREAM,
        "kind": "session",
    }
    corrected = make_golden.ATTRIBUTION.document() if record == CORRECTED else None
    assert derived["attribution"] == corrected


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "Asia/Kathmandu"},
        {"PYTHONHASHSEED": "4242", "LC_ALL": "C.UTF-8", "TZ": "America/St_Johns", "PYTHONOPTIMIZE": "1"},
    ],
    ids=["kathmandu", "st-johns"],
)
def test_derived_bytes_do_not_depend_on_the_environment(environment):
    program = "import json; from tests.make_golden import digests; print(json.dumps(digests()))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        env={name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert json.loads(done.stdout) == make_golden.digests()


# --- golden records ---------------------------------------------------------------------------------------------------


@each_record
def test_golden(record):
    kept = make_golden.read_engine()
    if kept["engine"] != ENGINE:
        pytest.fail(make_golden.RAISED)
    derived = make_golden.derive(record)
    if sha256(derived).hexdigest() != kept["derived"][record]:
        # shown by pytest as a difference of two values
        assert json.loads(derived) == json.loads(make_golden.read_derived(record)), make_golden.CHANGED
        pytest.fail(make_golden.CHANGED)
    assert make_golden.read_derived(record) == derived


SINCE_0_5 = OF_THE_CLINIC | {"passes.odd"}


def test_the_rules_of_each_day_stand_in_a_golden_record_and_the_first_ones_are_judged_as_before():
    judged = {
        name: [row["rule"] for row in json.loads(make_golden.read_derived(name))["assessments"]] for name in RECORDS
    }
    first = ["depth.over_device", "depth.over_plan", "data.gap", "link.bad_frames"]
    today = [rule.id for rule in RULES if "session" in rule.streams]
    later = ("calibration.off", "strokes.uncertain", "sensors.lost", "sensors.disagree")
    third = [rule for rule in today if rule not in SINCE_0_5]
    second = [rule for rule in third if rule not in later]
    assert len(judged) == len(FIRST) + len(SCENARIOS) + 4
    for name, rules in judged.items():
        of_its_day = (
            first if name in FIRST else second if "-rules-2" in name else third if "-rules-3" in name else today
        )
        assert list(dict.fromkeys(rules)) == of_its_day
    assert set(today) == {rule.id for rule in RULES} - {"activity.no_session"}  # of spans alone


@each_first
def test_the_rules_do_not_touch_the_facts(scenario):
    """Under both openings the same facts, but for what the plan and the profile say."""
    intended = ("expected", "plan_min_um", "plan_passes_min", "plan_passes_max", "under_plan", "frequency_beyond_us")
    first, second = (json.loads(make_golden.read_derived(scenario + rules)) for rules in ("", "-rules-2"))
    assert without(first["facts"], *intended) == without(second["facts"], *intended)


@each_first
def test_golden_records_say_what_the_script_did(scenario):
    """From the script and not from the engine: passes, contact to within a sample at each edge, what went wrong."""
    script = script_for(scenario, make_golden.SECONDS, make_golden.SEED)
    derived = json.loads(make_golden.read_derived(scenario))
    for zone in ("forehead", "cheek.left", "cheek.right"):
        glides = [glide for glide in script.glides if glide.zone == zone]
        passes = sum(glide.ends_pass for glide in glides)
        facts = zone_in(derived, zone)
        assert facts["passes"] == {"pen": passes, "operator": passes, "low": passes, "high": passes}
        contact_us = sum(glide.to_us - glide.from_us for glide in glides)
        lost_us = 10_000 * sum(boot["missing"] for boot in derived["facts"]["completeness"]["boots"])
        assert contact_us - lost_us - 20_000 * len(glides) <= facts["contact_us"] <= contact_us + 20_000 * len(glides)
    assert [(row["rule"], row["zone"]) for row in derived["findings"]] == {
        "clean": [],
        "overdepth": [
            ("depth.over_device", "forehead"),
            ("depth.over_plan", "forehead"),
            ("depth.over_plan", "cheek.left"),
        ],
        "unplug": [("data.gap", "cheek.left")],
        "noise": [("link.bad_frames", None)],
    }[scenario]
    assert derived["facts"]["completeness"]["closes"]


OF_THE_OPENING = [("calibration.expired", None), ("counter.jump", None)]  # it held until 2029; strokes unattended
TOO_FEW = ("passes.short", "cheek.left")  # the plan wants four, and the script makes one


GAP = ("data.gap", "cheek.left")
UNTOLD = {("passes.over", "forehead"), ("passes.short", "cheek.left")}  # who counted while the pens were changed?
TOO_SHORT = {("pen.clock", None)}  # of one beginning of the pen, for its clock


@pytest.mark.parametrize(
    ("record", "findings", "not_judged"),
    [
        ("clean", [TOO_FEW, *OF_THE_OPENING], set()),
        (
            "overdepth",
            [
                ("depth.over_device", "forehead"),
                ("depth.over_plan", "forehead"),
                ("depth.over_plan", "cheek.left"),
                ("depth.jump", "forehead"),
                ("depth.disagrees", "forehead"),
                TOO_FEW,
                *OF_THE_OPENING,
            ],
            set(),
        ),
        ("unplug", [TOO_FEW, GAP, ("link.lost", None), *OF_THE_OPENING], set()),
        ("noise", [TOO_FEW, ("data.short_gaps", None), ("link.bad_frames", None), *OF_THE_OPENING], set()),
        ("reboot", [TOO_FEW, GAP, ("pen.restarted", None), *OF_THE_OPENING], TOO_SHORT),
        ("stall", [TOO_FEW, GAP, *OF_THE_OPENING], set()),
        ("wrongpen", [GAP, ("link.lost", None), ("pen.changed", None), *OF_THE_OPENING], UNTOLD | TOO_SHORT),
        (
            "newer",
            [TOO_FEW, ("passes.disagree", "cheek.left"), GAP, ("protocol.newer", None), *OF_THE_OPENING],
            TOO_SHORT,
        ),
        ("reorder", [TOO_FEW, *OF_THE_OPENING], set()),
        (
            CORRECTED,
            [("depth.over_plan", "forehead"), ("dial.unchanged", "cheek.right"), TOO_FEW, *OF_THE_OPENING],
            set(),
        ),
    ],
)
def test_what_the_rules_of_today_find_in_the_golden_evidence(record, findings, not_judged):
    derived = json.loads(make_golden.read_derived(record if record == CORRECTED else f"{record}-rules-2"))
    assert [(row["rule"], row["zone"]) for row in derived["findings"]] == findings
    told = {(row["rule"], row["zone"]) for row in derived["assessments"] if row["result"].startswith("not ")}
    assert told == not_judged


def test_what_is_more_in_the_golden_records_of_today():
    """What only one of them holds: a restart, another pen, late frames, frames unread, records that moved."""
    facts = {name: json.loads(make_golden.read_derived(name))["facts"] for name in RECORDS}
    boots = {name: facts[f"{name}-rules-2"]["completeness"]["boots"] for name in SCENARIOS}
    assert [boot["begun"] for boot in boots["reboot"]] == ["first", "restart"]
    assert [boot["begun"] for boot in boots["wrongpen"]] == ["first", "another pen"]
    assert [(boot["missing"], boot["late"], boot["repeated"]) for boot in boots["reorder"]] == [(0, 6, 0)]
    unplaced = {name for name in SCENARIOS if facts[f"{name}-rules-2"]["counters"]["unplaced"]}
    assert unplaced == set()
    causes = {name: [gap["cause"] for gap in facts[f"{name}-rules-2"]["gaps"]] for name in SCENARIOS}
    assert {name: told for name, told in causes.items() if told} == {
        "unplug": ["link"],
        "reboot": ["restart"],
        "stall": ["silence"],
        "wrongpen": ["link"],
        "newer": ["silence"],
    }
    assert facts["newer-rules-2"]["completeness"]["frames_newer"][0]["major"] == 2
    before, after = (
        {zone["zone"]: zone["contact_us"] for zone in facts[name]["zones"]} for name in ("clean-rules-2", CORRECTED)
    )
    moved_us = before.pop("cheek.left")
    assert after == before | {"forehead": before["forehead"] + moved_us}


@pytest.mark.requirement("R30")
def test_a_changed_engine_is_noticed(monkeypatch, tmp_path, capsys):
    for file in make_golden.HERE.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(make_golden, "HERE", tmp_path)
    assert make_golden.check() is None
    monkeypatch.setattr("devicelog.gaps.GAP_LISTED_US", 10_000)
    assert make_golden.check() == "a golden derived record changed: raise ENGINE"
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    for arguments in ([], ["--evidence"], ["--opening"]):
        assert make_golden.main(arguments) == 1
        assert capsys.readouterr().err == "a golden derived record changed: raise ENGINE\n"
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before

    monkeypatch.setattr(make_golden, "ENGINE", ENGINE + 1)
    monkeypatch.setattr("devicelog.pipeline.ENGINE", ENGINE + 1)
    assert make_golden.check() == "ENGINE was raised: run `python -m tests.make_golden`"
    assert make_golden.main([]) == 0
    assert make_golden.check() is None
    changed = {file.name for file in tmp_path.iterdir() if file.read_bytes() != before[file.name]}
    assert changed == {"engine.json", *(f"{record}.json" for record in RECORDS)}


def test_the_golden_evidence_is_kept_and_not_made():
    """A simulator that changes changes no golden record; what is kept is read, to the last byte."""
    for scenario in SCENARIOS:
        records = make_golden.read_records(scenario)
        assert [record.number for record in records] == list(range(len(records)))
        derived = json.loads(make_golden.read_derived(f"{scenario}-rules-2"))
        n_bytes = sum(len(record.body) for record in records if record.kind == SERIAL)
        assert n_bytes == derived["facts"]["completeness"]["bytes_read"]


def test_readings_of_the_golden_evidence():
    pipeline = Pipeline(make_golden.read_opening())
    readings = [reading for record in make_golden.read_records("clean") for reading in pipeline.feed(record)]
    assert sum(reading.n for reading in readings if isinstance(reading, SampleBlock)) == 800  # 8 s of 100 a second
    assert not [reading for reading in readings if isinstance(reading, Fault | Heartbeat)]
