"""What the recorder does about a session that nobody ends: each act at its time, once, and never against a person."""

from typing import NamedTuple, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicelog.errors import UsageProblem
from devicelog.recorder.idle import POSSIBLE, Act, IdleLimits, Idleness, Seen, Standing, seen_in, spelled
from firmware_bridge.readings import Heartbeat, LinkChange, Overflow, SampleBlock, SerialChunk

S = 1_000_000
LIMITS = IdleLimits(prompt_us=3 * S, pause_us=10 * S, close_us=30 * S)


class Session:
    """A session as the recorder keeps it, with everything that was done about it and when."""

    def __init__(self, limits: IdleLimits) -> None:
        self.idle = Idleness(limits, 0)
        self.standing: Standing = "recording"
        self.now_us = 0
        self.done: list[tuple[int, Act]] = []

    def at(self, t_us: int, seen: Seen = "nothing") -> list[Act]:
        self.now_us = t_us
        acts = self.idle.step(t_us, seen, self.standing)
        for act in acts:
            assert act in POSSIBLE[self.standing]
            self.standing = {"pause": "paused by the recorder", "resume": "recording"}.get(act, self.standing)
            self.done.append((t_us, act))
        return acts

    def every_second(self, seconds: int) -> None:
        for _ in range(seconds):
            self.at(self.now_us + S)


def test_prompt_then_pause_then_close():
    session = Session(LIMITS)
    session.every_second(60)
    assert session.done == [(3 * S, "prompt"), (10 * S, "pause"), (30 * S, "close")]


@pytest.mark.parametrize(("t_us", "acts"), [(3 * S - 1, []), (3 * S, ["prompt"]), (3 * S + 1, ["prompt"])])
def test_just_before_and_just_at_the_limit(t_us, acts):
    assert Session(LIMITS).at(t_us) == acts


def test_needling_lifts_the_recorders_pause_and_all_begins_anew():
    session = Session(LIMITS)
    session.every_second(12)
    assert session.at(13 * S, "needling") == ["resume"]
    assert session.at(13 * S, "needling") == []
    session.every_second(12)
    assert session.done[3:] == [(16 * S, "prompt"), (23 * S, "pause")]


def test_needling_never_lifts_a_pause_that_a_person_made():
    session = Session(LIMITS)
    session.standing = "paused"
    assert session.at(S, "needling") == []
    session.every_second(60)
    assert [act for _, act in session.done] == ["prompt", "close"]


def test_a_person_who_marks_has_not_forgotten_the_session():
    session = Session(LIMITS)
    session.every_second(29)
    assert session.at(29 * S, "person") == []
    assert session.standing == "paused by the recorder"
    session.every_second(29)
    assert "close" not in [act for _, act in session.done]


@pytest.mark.parametrize("never", ["prompt", "pause", "close"])
def test_nought_is_never(never):
    limits = {f"{act}_us": 0 if act == never else at_us for act, at_us in LIMITS.named()}
    session = Session(IdleLimits(**limits))
    session.every_second(100)
    assert [act for _, act in session.done] == [act for act in ("prompt", "pause", "close") if act != never]


def test_all_at_once_after_a_leap():
    assert Session(LIMITS).at(100 * S) == ["prompt", "pause", "close"]


def test_a_stamp_that_runs_back_undoes_nothing():
    session = Session(LIMITS)
    session.at(9 * S, "needling")
    session.at(2 * S, "needling")
    assert session.at(12 * S - 1) == []
    assert session.at(12 * S) == ["prompt"]


class Moment(NamedTuple):
    after_us: int
    seen: Seen
    person: Standing | None  # what a person makes of the session before


moments = st.lists(
    st.builds(
        Moment,
        st.integers(0, 12 * S),
        st.sampled_from(["nothing", "nothing", "nothing", "person", "needling"]),
        st.sampled_from([None, None, None, "recording", "paused"]),
    ),
    max_size=60,
)
limits = st.lists(st.integers(1, 40 * S), min_size=3, max_size=3).map(
    lambda us: IdleLimits(**dict(zip(("prompt_us", "pause_us", "close_us"), sorted(us), strict=True)))
)


@given(limits, moments)
def test_every_act_has_its_time_and_its_reason(limits, moments):
    session, since_us, told = Session(limits), 0, []
    after_us = dict(limits.named())
    for moment in moments:
        session.standing = moment.person or session.standing
        before, now_us = session.standing, session.now_us + moment.after_us
        acts = session.at(now_us, moment.seen)
        if moment.seen != "nothing":
            since_us, told = now_us, []
            assert acts == (["resume"] if before == "paused by the recorder" and moment.seen == "needling" else [])
            continue
        idle_us = now_us - since_us
        assert all(idle_us >= after_us[act] for act in acts)
        told += acts
        assert told == [act for act in after_us if act in told], "in order, and each once in a stretch"
        if idle_us >= limits.close_us:
            assert "close" in told
        if before == "paused":
            assert "pause" not in acts


@given(limits, st.lists(st.integers(1, 5 * S), min_size=1, max_size=40))
def test_how_often_it_is_asked_changes_when_and_not_what(limits, pauses):
    often, once = Session(limits), Session(limits)
    for pause_us in pauses:
        often.at(often.now_us + pause_us)
    once.at(sum(pauses))
    assert [act for _, act in often.done] == [act for _, act in once.done]


# --- limits -----------------------------------------------------------------------------------------------------------


def test_the_limits_that_nobody_chose():
    assert IdleLimits() == IdleLimits.of_seconds(180, 600, 1800)


@pytest.mark.parametrize("given_s", [(1, 2, 3), (2, 2, 2), (0, 0, 0), (0, 2, 1.5 * 2), (5, 0, 5), (1e-9, 1, 1)])
def test_limits_in_order(given_s):
    limits = IdleLimits.of_seconds(*given_s)
    assert [bool(us) for _, us in limits.named()] == [bool(s) for s in given_s]


@pytest.mark.parametrize(
    ("given_s", "says"),
    [
        ((3, 2, 9), "--idle-pause 2 s is before --idle-prompt 3 s"),
        ((3, 600, 60), "--idle-close 1 min is before --idle-pause 10 min"),
        ((9, 0, 8.5), "--idle-close 8.5 s is before --idle-prompt 9 s"),
    ],
)
def test_limits_in_no_order(given_s, says):
    with pytest.raises(UsageProblem, match=says):
        IdleLimits.of_seconds(*given_s)


@pytest.mark.parametrize(
    ("t_us", "text"),
    [
        *((1800 * S, "30 min"), (60 * S, "1 min"), (90 * S, "90 s"), (2_500_000, "2.5 s"), (1, "0.000001 s")),
        *((S, "1 s"), (0, "0 s")),
    ],
)
def test_a_time_in_words(t_us, text):
    assert spelled(t_us) == text


def test_what_is_not_never_is_a_microsecond_at_least():
    assert IdleLimits.of_seconds(0.000_000_1, 0.000_001, 0) == IdleLimits(prompt_us=1, pause_us=1, close_us=0)


# --- what is needling -------------------------------------------------------------------------------------------------

BLOCK = SampleBlock("test", True, 1, 0, 0, 400, 0, 0, 10_000, 2, (1, 1), None, (1200, 1200), 0b10)
CHUNK = SerialChunk(t_us=0, data=b"")
IDLE = Heartbeat(mode="test", motor_on=True, boot=1, seq=0, t_us=0, depth_set_um=1, passes=0, strokes=0)


@pytest.mark.parametrize(
    ("item", "readings", "seen"),
    [
        (CHUNK, [], "nothing"),
        (CHUNK, [IDLE], "nothing"),
        (CHUNK, [BLOCK], "needling"),
        (CHUNK, [BLOCK._replace(contact_bits=0), IDLE], "nothing"),
        (CHUNK, [BLOCK._replace(contact_bits=0), BLOCK], "needling"),
        (CHUNK, [BLOCK._replace(contact_bits=None)], "needling"),
        (CHUNK, [BLOCK._replace(contact_bits=None, motor_on=False)], "nothing"),
        (LinkChange(t_us=0, up=False, cause="unplugged"), [], "nothing"),
        (Overflow(t_us=0, dropped_bytes=9, dropped_chunks=1, since_us=0), [], "person"),
    ],
)
def test_what_is_needling(item, readings, seen):
    assert seen_in(item, readings) == seen


def test_the_table_names_every_standing_and_act():
    assert set(POSSIBLE) == set(get_args(Standing))
    assert set().union(*POSSIBLE.values()) == set(get_args(Act))
