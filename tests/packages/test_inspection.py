"""What an inspection counts: figures add up whatever happened, and each thing that an inspector asks for is found."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicelog.canonical import Json, canonical, parse_canonical
from devicelog.ledger.entries import Actor
from devicelog.packages.inspection.findings import read_derived
from devicelog.packages.inspection.times import Days, when_us
from tests.packages.ledgers import HASH, LOG, PEN, PRACTITIONER, Ledger, derived_of, inspected

DAY_S = 86_400
JUMP = {
    "rule": "counter.jump",
    "severity": "medium",
    "zone": None,
    "detail": {"before": {"strokes": 900, "passes": 2}, "inside": {"strokes": 0, "passes": 0}},
}
UNSURE = {"rule": "clock.unsure", "severity": "low", "zone": None, "detail": {"confidence": "unknown"}}
OVER = {"rule": "depth.over_plan", "severity": "medium", "zone": "forehead", "detail": {}}


def counts(rows: list[Json]) -> dict[str, int]:
    return {row["what"]: row["n"] for row in rows}


def of_mode(rows: list[Json], what: str) -> dict[str, int]:
    [row] = [row for row in rows if row["what"] == what]
    return {each["mode"]: each["n"] for each in row["modes"]}


@pytest.fixture
def ledger() -> Ledger:
    made = Ledger()
    made.start()
    return made


# --- days -------------------------------------------------------------------------------------------------------------


def test_both_days_are_of_the_time_and_the_days_beside_them_are_not(ledger):
    for day in range(4):
        ledger.second = day * DAY_S
        ledger.open(f"s-000000000{day}")
        ledger.second = (day + 1) * DAY_S - 1
        ledger.close(f"s-000000000{day}")
    told = inspected(ledger.entries, first="2031-01-02", last="2031-01-03")
    assert [row["id"] for row in told["sessions"]["list"]] == ["s-0000000001", "s-0000000002"]
    assert told["period"]["entries"] == 4
    assert (told["period"]["oldest"]["seq"], told["period"]["newest"]["seq"]) == (4, 7)
    assert told["log"]["entries"] == len(ledger.entries)


def test_a_session_over_midnight_counts_where_it_was_opened_and_is_named_where_it_ended(ledger):
    ledger.second = DAY_S - 60
    ledger.open("s-0000000001")
    ledger.second = DAY_S + 60
    ledger.close("s-0000000001")
    before, after = (inspected(ledger.entries, first=day, last=day) for day in ("2031-01-01", "2031-01-02"))
    assert (before["sessions"]["total"], before["sessions"]["ended_here"]) == (1, [])
    assert (after["sessions"]["total"], after["sessions"]["ended_here"]) == (0, ["s-0000000001"])


def test_days_without_an_entry(ledger):
    told = inspected(ledger.entries, first="2040-01-01", last="2040-12-31")
    assert told["period"]["entries"] == told["sessions"]["total"] == 0
    assert told["period"]["oldest"] is None
    assert told["log"]["entries"] == 2
    assert told["log"]["id"] == LOG


def test_a_log_that_nobody_signed(ledger):
    told = inspected(ledger.entries, signed=None)
    assert told["log"]["signed"] is None
    assert told["log"]["keys"] is None


@pytest.mark.parametrize(
    "at",
    [
        *("", "2031-02-29T00:00:00Z", "2031-13-01T00:00:00Z", "0000-01-01T00:00:00Z", "2031-01-01T24:00:00Z"),
        *("2031-01-01T00:60:00Z", "2031-01-01T00:00:60Z", "2031-01-01T00:00:00", "2031-01-01T00:00:00Z\n", "1. May"),
    ],
)
def test_what_is_no_moment(at):
    assert when_us(at) is None
    assert Days(first="2031-01-01", last="2031-01-01").overlap_us("2031-01-01T00:00:00Z", at) is None


@given(st.datetimes(allow_imaginary=False))
def test_moments_are_those_of_the_standard_library(moment):
    from datetime import UTC, datetime, timedelta

    at = moment.isoformat(timespec="milliseconds") + "Z"
    since = datetime.fromisoformat(at) - datetime(1970, 1, 1, tzinfo=UTC)
    assert when_us(at) == since // timedelta(microseconds=1)


# --- sessions ---------------------------------------------------------------------------------------------------------


def test_sessions_by_status_and_mode(ledger):
    for number, (ended, mode) in enumerate(
        [("closed", "real"), ("closed", "demo"), ("closed", "real"), ("interrupted", "real"), ("closed", "test")]
    ):
        ledger.open(f"s-{number:010}", mode)
        ledger.wait(60)
        ledger.close(f"s-{number:010}", ended=ended, mode=mode)
    ledger.open("s-9999999999")
    sessions = inspected(ledger.entries)["sessions"]
    assert counts(sessions["statuses"]) == {"completed": 4, "interrupted": 1, "being recorded": 1}
    assert of_mode(sessions["statuses"], "completed") == {"real": 2, "demo": 1, "test": 1}
    assert counts(sessions["verdicts"]) == {"conforming": 5, "none yet": 1}
    assert sessions["unsigned"] == sessions["total"] == sessions["unsealed"] == 6


def test_a_session_whose_pen_said_demo_only_at_its_end_is_counted_as_demo(ledger):
    ledger.open("s-0000000001", "real")
    ledger.close("s-0000000001", mode="demo")
    assert of_mode(inspected(ledger.entries)["sessions"]["statuses"], "completed") == {"demo": 1}


def test_a_correction_is_late_and_its_verdict_counts(ledger):
    ledger.open("s-0000000001")
    ledger.close("s-0000000001", verdict="not conforming")
    ledger.add("stream.sealed", stream="s-0000000001", entries=2, root=HASH)
    ledger.wait(7200)
    ledger.attribute("s-0000000001")
    told = inspected(ledger.entries)
    [late] = told["late"]
    assert (late["type"], late["by"], late["auth"]) == ("session.attributed", "p-07", "none")
    assert late["after_us"] == 7_200_000_000
    [line] = told["sessions"]["list"]
    assert (line["verdict"], line["late"], line["sealed"]) == ("conforming", 1, True)
    assert told["sessions"]["with_late_entries"] == 1


def test_a_correction_made_in_these_days_to_an_older_session(ledger):
    ledger.open("s-0000000001")
    ledger.close("s-0000000001")
    ledger.reboot()
    ledger.wait(3 * DAY_S)
    ledger.attribute("s-0000000001")
    told = inspected(ledger.entries, first="2031-01-04", last="2031-01-05")
    assert told["sessions"]["total"] == 0
    assert [(late["stream"], late["after_us"]) for late in told["late"]] == [("s-0000000001", 3 * DAY_S * 1_000_000)]


def test_how_long_after_the_end_is_unknown_where_the_clock_went_back_over_a_restart(ledger):
    ledger.open("s-0000000001")
    ledger.close("s-0000000001")
    ledger.reboot()
    ledger.second -= 3600
    ledger.attribute("s-0000000001")
    told = inspected(ledger.entries)
    assert told["late"][0]["after_us"] is None
    assert [step["by_us"] for step in told["clock"]["steps"]] == [-3_600_000_000]


@pytest.mark.parametrize(("by_s", "told_us"), [(3, 3_000_000), (-3, -3_000_000), (2, None), (-2, None)])
def test_a_clock_that_was_set_shows_beside_the_monotonic_one(by_s, told_us, ledger):
    ledger.wait(60)
    ledger.second += by_s
    ledger.stop()
    steps = inspected(ledger.entries)["clock"]["steps"]
    assert [(step["seq"], step["by_us"]) for step in steps] == ([] if told_us is None else [(2, told_us)])


def test_what_is_said_of_packages_is_not_late(ledger):
    ledger.open("s-0000000001")
    ledger.close("s-0000000001")
    ledger.add("stream.sealed", stream="s-0000000001", entries=2, root=HASH)
    ledger.add("package.written", stream="s-0000000001", sha256=HASH, bytes=9)
    ledger.add("package.released", stream="s-0000000001", sha256=HASH, chunks=1)
    told = inspected(ledger.entries)
    assert told["late"] == []
    assert (told["sessions"]["released"], told["sessions"]["unsealed"]) == (1, 0)


def test_a_correction_of_a_session_that_another_log_opened(ledger):
    row = {"opened_at": "2030-12-01T09:00:00.000Z", "status": "closed", "verdict": "conforming", "mode": "real"}
    row |= {"client_ref": "c-0123456789abcdef"}
    ledger.add("package.imported", stream="s-00000000zz", sha256=HASH, bytes=9, log="devicelog/" + "f" * 32, row=row)
    ledger.attribute("s-00000000zz")
    told = inspected(ledger.entries)
    assert (told["imported"]["total"], told["imported"]["list"]) == (1, [])
    assert [(late["stream"], late["opened_at"], late["after_us"]) for late in told["late"]] == [
        ("s-00000000zz", None, None)
    ]
    of_then = inspected(ledger.entries, first="2030-12-01", last="2030-12-01")["imported"]["list"]
    assert [(row["id"], row["status"]) for row in of_then] == [("s-00000000zz", "closed")]
    assert "c-0123456789abcdef" not in canonical(of_then[0]).decode()


# --- findings ---------------------------------------------------------------------------------------------------------


def test_findings_are_counted_by_rule_and_shown_in_the_line(ledger):
    for name in ("s-0000000001", "s-0000000002", "u-0000000003"):
        ledger.open(name)
        ledger.close(name)
    derived = {
        "s-0000000001": derived_of(OVER, OVER, JUMP, not_assessable=2),
        "s-0000000002": derived_of(OVER, UNSURE, clocks=3),
        "u-0000000003": derived_of(JUMP),
    }
    told = inspected(ledger.entries, derived)
    by_rule = {row["rule"]: (row["n"], row["sessions"], row["spans"]) for row in told["findings"]}
    assert by_rule == {"depth.over_plan": (3, 2, 0), "counter.jump": (2, 1, 1), "clock.unsure": (1, 1, 0)}
    first, second = told["sessions"]["list"]
    assert (first["findings"], first["not_assessable"]) == ({"medium": 3}, 2)
    assert second["findings"] == {"medium": 1, "low": 1}
    assert [(row["stream"], row["says"]) for row in told["use"]] == [
        ("s-0000000001", "900 strokes and 2 passes while nobody listened"),
        ("u-0000000003", "900 strokes and 2 passes while nobody listened"),
    ]
    assert told["clock"]["unsure_streams"] == ["s-0000000002"]
    assert told["clock"]["steps_in_streams"] == [{"stream": "s-0000000002", "n": 2}]


def test_a_derived_record_that_cannot_be_read_is_not_a_session_without_findings(ledger):
    ledger.open("s-0000000001")
    ledger.close("s-0000000001")
    told = inspected(ledger.entries, {"s-0000000001": None})
    assert told["sessions"]["underivable"] == ["s-0000000001"]
    assert told["sessions"]["list"][0]["findings"] is None


@pytest.mark.parametrize(
    "derived",
    [
        {},
        {"facts": {}, "findings": [], "assessments": []},
        {"facts": {"zones": [{}]}, "findings": [], "assessments": []},
        {"facts": {"zones": []}, "findings": [{"rule": "x"}], "assessments": []},
        {"facts": {"zones": []}, "findings": [], "assessments": [1]},
    ],
)
def test_what_is_no_derived_record(derived):
    with pytest.raises(ValueError, match="not a derived record"):
        read_derived(derived)


# --- what else an inspector asks for ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contact_us", "unknown_us", "listed"), [(0, 0, 0), (10_000, 0, 1), (0, 10_000, 1)], ids=["air", "skin", "unknown"]
)
def test_a_span_with_needling_is_listed(contact_us, unknown_us, listed, ledger):
    ledger.open("u-0000000001")
    ledger.close("u-0000000001")
    derived = {"u-0000000001": derived_of(contact_us=contact_us, unknown_us=unknown_us)}
    told = inspected(ledger.entries, derived)["unattributed"]
    assert (told["total"], len(told["needled"])) == (1, listed)


def test_a_predecessor_and_the_gap_to_it(ledger):
    body = {"predecessor": "devicelog/" + "f" * 32, "size": 412, "root": HASH, "vkey": None}
    witness = {"name": "clinic-laptop", "at": "2030-12-31T09:00:00Z"}
    ledger.add("log.continued", **body, witness=witness, last_at="2031-01-01T11:00:00.000Z")
    before = inspected(ledger.entries)["log"]["predecessor"]
    assert (before["size"], before["gap_s"], before["witness"]["name"]) == (412, 3600, "clinic-laptop")


def test_pens_erasures_retention_exports_and_rebuilds(ledger):
    pen = {**PEN, "firmware": "1.1"}
    auditor = Actor(id="a-1", role="auditor")
    common = {"span": "u-0000000001", "pen": PEN, "documents": {}, "gauge_set": None, "tolerance_um": 150}
    ledger.add("pen.checked", **common, as_found_um=210, last_good=None, sessions=["s-0000000001"], actor=PRACTITIONER)
    ledger.add("pen.updated", stream="u-0000000001", record=3, pen=pen, was=PEN)
    ledger.add(
        "private.erased", client_ref="c-0123456789abcdef", streams=["s-0000000001"], notes=[HASH], reason_sha256=HASH
    )
    ledger.add("retention.set", days=3650, reason_sha256=HASH)
    ledger.add(
        "export.made", streams=[], formats=["bag"], redacted=True, recipient="i-1", inspection=None, actor=auditor
    )
    ledger.add("database.rebuilt", from_schema=2, to_schema=3, entries=7, root=HASH, guards=["chunk_no_delete"])
    told = inspected(ledger.entries)
    [measured] = told["pens"]["measured"]
    assert (measured["out_of_tolerance"], measured["sessions_affected"], measured["by"]) == (True, 1, "p-07")
    [updated] = told["pens"]["updated"]
    assert updated["changed"] == [{"what": "firmware", "from": "1.0", "to": "1.1"}]
    [erased] = told["erased"]
    assert (erased["sessions"], erased["notes"]) == (1, 1)
    assert [row["days"] for row in told["retention"]] == [3650]
    assert [(row["by"], row["recipient"], row["redacted"]) for row in told["exports"]] == [("a-1", "i-1", True)]
    assert [row["guards"] for row in told["rebuilt"]] == [["chunk_no_delete"]]
    assert "c-0123456789abcdef" not in canonical(told).decode()


def test_an_entry_of_a_later_version_is_counted_and_named_as_that(ledger):
    from devicelog.ledger.entries import read_entry

    values = {**ledger.entries[-1].values, "type": "session.voided", "seq": 2, "body": {"stream": "s-0000000001"}}
    told = inspected([*ledger.entries, read_entry(canonical(values))])
    assert {row["type"]: row["known"] for row in told["period"]["types"]}["session.voided"] is False


def test_entries_of_other_days_whose_clock_was_not_sure_may_be_of_these(ledger):
    ledger.clock, ledger.second = "restored", 0
    ledger.open("s-0000000001")
    ledger.clock, ledger.second = "synced", 5 * DAY_S
    ledger.close("s-0000000001")
    told = inspected(ledger.entries, first="2031-01-06", last="2031-01-06")
    assert told["period"]["unsure_elsewhere"] == 1
    assert told["clock"]["sessions_elsewhere"] == ["s-0000000001"]


# --- when nobody listened ---------------------------------------------------------------------------------------------


def test_a_stop_and_a_start_are_a_silence(ledger):
    ledger.stop()
    ledger.wait(3600)
    ledger.start()
    told = inspected(ledger.entries)["listening"]
    assert (told["starts"], told["silences"], told["in_these_days_us"]) == (2, 1, 3_600_000_000)
    assert (told["died"], told["goes_on"], told["computer_restarted"]) == ([], False, 0)


def test_a_start_without_a_stop_before_it_is_a_death_since_its_newest_entry(ledger):
    ledger.open("s-0000000001")
    newest = ledger.entries[-1]
    ledger.reboot()
    ledger.wait(600)
    ledger.close("s-0000000001", ended="interrupted")
    ledger.wait(60)
    ledger.start()
    told = inspected(ledger.entries)["listening"]
    [died] = told["died"]
    assert (died["since"]["seq"], died["until"]["seq"]) == (newest.seq, len(ledger.entries) - 1)
    assert (died["for_us"], died["restarted"], died["ends"]) == (660_000_000, True, True)


def test_a_recorder_that_was_killed_is_gone_since_its_own_newest_entry_not_since_what_closed_its_session(ledger):
    ledger.open("s-0000000001")
    newest = ledger.entries[-1]
    ledger.wait(600)
    ledger.close("s-0000000001", ended="interrupted")
    [died] = inspected(ledger.entries)["listening"]["died"]
    assert (died["since"]["seq"], died["restarted"], died["ends"]) == (newest.seq, False, False)


def test_a_death_that_lasted_no_time_is_one(ledger):
    ledger.reboot()
    ledger.start()
    told = inspected(ledger.entries)["listening"]
    assert (len(told["died"]), told["silences"], told["in_these_days_us"]) == (1, 1, 0)


def test_what_a_command_enters_after_a_restart_is_not_the_recorders(ledger):
    newest = ledger.entries[-1]
    ledger.reboot()
    ledger.wait(600)
    ledger.add("retention.set", days=3650, reason_sha256=HASH)
    told = inspected(ledger.entries)["listening"]
    [died] = told["died"]
    assert (died["since"]["seq"], died["ends"], told["goes_on"]) == (newest.seq, False, True)


def test_of_a_silence_only_the_part_in_these_days_counts(ledger):
    ledger.stop()
    ledger.second, ledger.mono_us = 3 * DAY_S + 60, ledger.mono_us + 10**12
    ledger.start()
    told = inspected(ledger.entries, first="2031-01-02", last="2031-01-02")["listening"]
    assert (told["silences"], told["starts"]) == (1, 0)
    assert told["in_these_days_us"] == DAY_S * 1_000_000 - 1


def test_a_silence_over_which_the_clock_went_back_is_said_to_be_of_unknown_length(ledger):
    ledger.wait(3600)
    ledger.stop()
    ledger.reboot()
    ledger.second -= 1800
    ledger.start()
    told = inspected(ledger.entries)["listening"]
    assert (told["silences"], told["untold"], told["in_these_days_us"]) == (1, 1, 0)


# --- whatever happened, it adds up ------------------------------------------------------------------------------------

ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "session",
                "span",
                "close",
                "attribute",
                "seal",
                "stop",
                "die",
                "start",
                "reboot",
                "unsure",
                "sure",
                "note",
            ]
        ),
        st.integers(0, 2 * DAY_S),
        st.sampled_from(["real", "demo", "test", "unknown"]),
    ),
    max_size=60,
)


class Clinic:
    """Does what can be done next, and counts on its own."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.open: str | None = None
        self.running = False
        self.deaths = 0
        self.ended: list[str] = []
        self.statuses: Counter[str] = Counter()

    def do(self, what: str, wait_s: int, mode: str) -> None:
        self.ledger.wait(wait_s)
        getattr(self, f"do_{what}")(mode)

    def do_session(self, mode: str, prefix: str = "s") -> None:
        if self.running and self.open is None:
            self.open = f"{prefix}-{len(self.ledger.entries):010}"
            self.ledger.open(self.open, mode)

    def do_span(self, mode: str) -> None:
        self.do_session(mode, "u")

    def do_close(self, mode: str, ended: str = "closed") -> None:
        if self.open is not None and (self.running or ended == "interrupted"):
            self.ledger.close(self.open, ended=ended, mode=mode)
            self.ended += [self.open] if self.open.startswith("s-") else []
            self.statuses["completed" if ended == "closed" else ended] += self.open.startswith("s-")
            self.open = None

    def do_attribute(self, _: str) -> None:
        if self.ended:
            self.ledger.attribute(self.ended[0], verdict="conforming with deviations")

    def do_seal(self, _: str) -> None:
        if self.ended:
            self.ledger.add("stream.sealed", stream=self.ended[-1], entries=2, root=HASH)

    def do_stop(self, mode: str) -> None:
        if self.running:
            self.do_close(mode)
            self.ledger.stop()
            self.running = False

    def do_die(self, mode: str) -> None:
        if self.running:
            self.running = False
            self.deaths += 1
            self.ledger.reboot()
            self.do_close(mode, "interrupted")
            self.do_start(mode)

    def do_start(self, _: str) -> None:
        if not self.running:
            self.ledger.start()
            self.running = True

    def do_reboot(self, _: str) -> None:
        if not self.running:
            self.ledger.reboot()

    def do_unsure(self, _: str) -> None:
        self.ledger.clock = "restored"

    def do_sure(self, _: str) -> None:
        self.ledger.clock = "synced"

    def do_note(self, _: str) -> None:
        self.ledger.add("retention.set", days=1, reason_sha256=HASH)


def month(at: str) -> str:
    return at[:7]


@settings(max_examples=60, deadline=None)
@given(ACTIONS)
def test_figures_add_up_whatever_happened(actions):
    clinic = Clinic()
    clinic.do("start", 0, "real")
    for action in actions:
        clinic.do(*action)
    entries = clinic.ledger.entries
    told = inspected(entries)
    assert counts(told["sessions"]["statuses"]) == +(
        clinic.statuses + Counter({"being recorded": int(clinic.open is not None and clinic.open.startswith("s-"))})
    )
    assert len(told["listening"]["died"]) == clinic.deaths
    assert parse_canonical(canonical(told)) == told
    for first, last in (("2031-01-01", "2031-12-31"), ("2031-01-03", "2031-01-05"), ("2031-02-01", "2031-02-28")):
        check_sums(entries, inspected(entries, first=first, last=last), first, last)


def check_sums(entries: list[Any], told: Json, first: str, last: str) -> None:
    here = [entry for entry in entries if first <= entry.values["at"][:10] <= last]
    sessions = told["sessions"]
    assert sessions["total"] == len(sessions["list"]) == sum(entry.type == "session.opened" for entry in here)
    for table in ("statuses", "verdicts", "practitioners", "endings"):
        assert sum(row["n"] for row in sessions[table]) == sessions["total"]
        assert all(sum(each["n"] for each in row["modes"]) == row["n"] for row in sessions[table])
    assert told["unattributed"]["total"] == sum(entry.type == "span.opened" for entry in here)
    assert sum(row["n"] for row in told["period"]["types"]) == told["period"]["entries"] == len(here)
    assert sum(row["n"] for row in told["period"]["clocks"]) == len(here)
    unsure = sum(entry.values["clock"] == "restored" for entry in entries)
    assert told["clock"]["unsure_entries"] + told["period"]["unsure_elsewhere"] == unsure
    of = told["overrides"]["sessions"]
    known = of["told"] + of["before_engine_4"] + of["being_recorded"] + len(of["not_readable"])
    assert known == sessions["total"]
    days = (when_us(f"{last}T00:00:00Z") or 0) - (when_us(f"{first}T00:00:00Z") or 0) + DAY_S * 1_000_000
    assert 0 <= told["listening"]["in_these_days_us"] <= days
    assert sum(row["late"] for row in sessions["list"]) <= len(told["late"])
