"""Each reduced pen as a whole session: what it cannot show is never passed, and the verdict says so.

Under the full profile a column that does not come is missing: not assessable. Under a profile of its own kind there is
nothing to check: not applicable. The plan wants 0.2 to 0.4 mm and one to three passes on the forehead, 0.7 to 1 mm on
the left cheek.
"""

from dataclasses import replace

import pytest

from tests.builders import OF_THE_CLINIC, PROFILE, Bench, opening_of, plan_with, planned

PLAN = plan_with(
    planned("forehead", 400, least_um=200, passes_min=1, passes_max=3), planned("cheek.left", 1_000, least_um=700)
)
NAMED = replace(PROFILE, frequency_min_dhz=900, frequency_max_dhz=1_500, frequency_source="test")
FULL = NAMED.measures

# what each pen lacks
PENS = {
    "whole": (),
    "no contact": ("contact",),
    "no counter": ("passes", "strokes"),
    "dial only": ("depth", "raw_count", "frequency", "contact", "passes", "strokes"),
    "transmit only": (),
}


def session(pen, *, own_profile):
    """Two zones needled for five seconds, as this pen tells it; the operator marks each pass."""
    lacks = PENS[pen]
    profile = replace(NAMED, measures=tuple(name for name in FULL if name not in lacks)) if own_profile else NAMED
    # a pen that never answers is known by what it says unasked, before and while the session is open
    bench = Bench(opening_of(plan=PLAN, profile=profile))
    if "passes" in lacks:
        bench.passes = bench.strokes = None
    for zone, set_um in (("forehead", 300), ("cheek.left", 800)):
        bench.zone(zone)
        bench.set_um = set_um
        for turn in range(25):
            contact = None if "contact" in lacks else "1" * 20
            depth = None if "depth" in lacks else tuple(set_um + (turn + i) % 3 for i in range(20))
            bench.samples(contact, n=20, depth=depth, frequency=None if "frequency" in lacks else 1_000)
            if bench.strokes is not None:
                bench.strokes += 20
        if bench.passes is not None:
            bench.passes += 1
        bench.samples(contact, n=20, depth=depth, frequency=None if "frequency" in lacks else 1_000)
        bench.mark("pass")
        if pen == "transmit only":
            bench.identity()
    return bench.end()


def not_passed(derived):
    """What was not passed and why not; a finding's why is its detail."""
    details = {(row["rule"], row["zone"]): row["detail"] for row in derived["findings"]}
    return {
        (row["rule"], row["zone"]): (row["result"], row["why"] or details.get((row["rule"], row["zone"])))
        for row in derived["assessments"]
        if row["result"] != "passed" and row["rule"] not in OF_THE_CLINIC
    }


MISSING, NONE, FOR = "not assessable", "not applicable", "for a part of it or all of it"
ALWAYS = {
    ("calibration.expired", None): (NONE, "nobody has said until when this pen's calibration holds"),
    ("counter.jump", None): (NONE, "this pen was not heard before: there is nothing to compare with"),
    ("calibration.off", None): (NONE, "this pen was not measured here before the session"),
    ("strokes.uncertain", None): (NONE, "no pins count strokes here"),
    ("sensors.lost", None): (NONE, "no pins were watched"),
    ("sensors.disagree", None): (NONE, "there are not two witnesses: pen or pins alone"),
}
BOTH = ("forehead", "cheek.left")
NO_COUNTER = {("passes.disagree", None): (NONE, "there are not two counts to compare")}
OF_DEPTH = [(rule, zone) for rule in ("depth.jump", "depth.disagrees", "sensor.stuck") for zone in BOTH]
OF_FREQUENCY = [("frequency.range", zone) for zone in BOTH]
OF_SIGNALS = [("signal.missing", zone) for zone in BOTH]
OF_TOTALS = [("counter.jump", None), ("counter.fell", None)]


@pytest.mark.parametrize(
    ("pen", "own_profile", "expected", "verdict"),
    [
        ("whole", False, {}, "conforming"),
        ("whole", True, {}, "conforming"),
        ("transmit only", False, {}, "conforming"),
        ("transmit only", True, {}, "conforming"),
        # contact unknown: in a zone, what the running pen does is judged as needling
        (
            "no contact",
            False,
            dict.fromkeys(OF_SIGNALS, ("found", {"signals": ["contact"]})),
            "conforming with deviations",
        ),
        ("no contact", True, {}, "conforming"),
        (
            "no counter",
            False,
            NO_COUNTER | dict.fromkeys(OF_TOTALS, (MISSING, "the pen gave no totals")),
            "not assessable",
        ),
        (
            "no counter",
            True,
            NO_COUNTER | dict.fromkeys(OF_TOTALS, (NONE, "this kind of pen has no counters")),
            "conforming",
        ),
        (
            "dial only",
            False,
            NO_COUNTER
            | dict.fromkeys(OF_TOTALS, (MISSING, "the pen gave no totals"))
            | dict.fromkeys(OF_DEPTH, (MISSING, f"the pen gave no measured depth {FOR}"))
            | dict.fromkeys(OF_FREQUENCY, (MISSING, f"the pen gave no stroke frequency {FOR}"))
            | dict.fromkeys(OF_SIGNALS, ("found", {"signals": ["depth", "frequency", "contact"]})),
            "not assessable",
        ),
        (
            "dial only",
            True,
            NO_COUNTER
            | dict.fromkeys(OF_TOTALS, (NONE, "this kind of pen has no counters"))
            | dict.fromkeys(OF_DEPTH, (NONE, "this kind of pen has no measured depth"))
            | dict.fromkeys(OF_FREQUENCY, (NONE, "this kind of pen has no stroke frequency")),
            "conforming",
        ),
    ],
)
def test_what_is_not_passed(pen, own_profile, expected, verdict):
    derived = session(pen, own_profile=own_profile)
    assert not_passed(derived) == ALWAYS | expected
    assert derived["verdict"] == verdict
    assert derived["facts"]["completeness"]["closes"]


@pytest.mark.parametrize(
    ("signal", "not_judged"),
    [
        ("depth", [("depth.jump", "depth"), ("depth.disagrees", "depth"), ("sensor.stuck", "depth")]),
        ("frequency", [("frequency.range", "frequency")]),
        ("set_depth", [("depth.disagrees", "set_depth")]),
        ("contact", []),
    ],
)
@pytest.mark.parametrize("own_profile", [False, True])
def test_a_column_that_comes_for_a_fifth_of_a_second_of_thirty(signal, not_judged, own_profile):
    """Nothing that needs it passes, and under a profile that names it, it is found missing."""
    measures = tuple(name for name in FULL if name != signal) if own_profile else FULL
    bench = Bench(opening_of(profile=replace(NAMED, measures=measures)))
    bench.zone("forehead")
    for turn in range(150):  # 0.2 s each
        without = signal if turn else None
        bench.passes = 11 if turn else 10
        bench.set_um = None if without == "set_depth" else 300
        depth = None if without == "depth" else tuple(300 + (turn + i) % 3 for i in range(20))
        frequency = None if without == "frequency" else 1_000
        bench.samples(None if without == "contact" else "1" * 20, n=20, depth=depth, frequency=frequency)
    derived = bench.end()
    words = {"depth": "measured depth", "frequency": "stroke frequency", "set_depth": "dial setting"}
    expected = {
        (rule, "forehead"): (
            (NONE, f"this kind of pen has no {words[name]}")
            if own_profile
            else (MISSING, f"the pen gave no {words[name]} {FOR}")
        )
        for rule, name in not_judged
    }
    if not own_profile:
        expected["signal.missing", "forehead"] = ("found", {"signals": [signal]})
    no_need = {"dial.unchanged", "passes.short", "passes.over", "passes.disagree", "calibration.expired"}
    no_need |= {"calibration.off", "strokes.uncertain", "sensors.lost", "sensors.disagree"}
    assert {
        key: told for key, told in not_passed(derived).items() if key[0] not in no_need | {"counter.jump"}
    } == expected
    if own_profile:
        assert derived["verdict"] == "conforming"
    else:
        assert derived["verdict"] == ("not assessable" if not_judged else "conforming with deviations")


def test_a_pen_without_contact_tells_of_no_contact():
    facts = session("no contact", own_profile=True)["facts"]
    assert [(zone["contact_us"], zone["contact_unknown_us"], zone["glides"]) for zone in facts["zones"]] == [
        (0, 5_200_000, 0),
        (0, 5_200_000, 0),
    ]


def test_a_gap_without_contact_is_not_assessable():
    """What nobody can know does not pass under any profile."""
    profile = replace(NAMED, measures=tuple(name for name in FULL if name != "contact"))
    bench = Bench(opening_of(profile=profile))
    bench.zone("forehead")
    bench.samples(None, n=4)
    bench.samples("1" * 26, lost=True)
    bench.samples(None, n=4)
    derived = bench.end()
    why = "a gap, and it is not known whether the pen was on the skin"
    assert not_passed(derived)["data.gap", "forehead"] == (MISSING, why)
    assert derived["verdict"] == "not assessable"


def test_a_pen_that_never_says_who_it_is():
    bench = Bench(opening_of(pen=None))
    bench.zone("forehead")
    bench.samples("1111")
    derived = bench.end()
    rules = ("pen.changed", "calibration.missing", "calibration.expired", "calibration.off")
    assert [not_passed(derived)[rule, None] for rule in rules] == [(MISSING, "no pen said who it is")] * 4
    assert derived["verdict"] == "not assessable"


def test_a_pen_that_says_who_it_is_unasked():
    bench = Bench(opening_of(pen=None))
    bench.zone("forehead")
    bench.samples("1111")
    bench.identity()
    derived = bench.end()
    assert (derived["facts"]["identities"], derived["facts"]["pen"]["serial"]) == (1, "A0042")
    assert derived["verdict"] == "conforming"
