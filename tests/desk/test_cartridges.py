"""Cartridges at the desk, through the acts and the command line, over a real database of two ended sessions."""

import io
import json
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from devicelog.barcodes.reading import parse_scan
from devicelog.canonical import Json
from devicelog.cli import run
from devicelog.clinic.cartridges import Place
from devicelog.desk.acts import DESK_ACTS
from devicelog.desk.cartridges import cartridges_known, cartridges_near, cartridges_of, fitted_as
from devicelog.desk.entering import client_named, enter
from devicelog.desk.topicals import topicals_of
from devicelog.errors import BadTransition, DevicelogError, NotFound, UsageProblem
from devicelog.ledger.entries import Actor
from devicelog.recorder.access import alone
from devicelog.recorder.acts import act
from devicelog.store.evidence import Evidence
from devicelog.store.matters import of_type
from tests.barcodes.codes import ITEM, gs1, hibc
from tests.databases import CLIENT, FIRST, SECOND, make_database, report

KM = Actor(id="km", role="practitioner")
FIRST_VISIT, SECOND_VISIT = "v-0000000001", "v-0000000002"
SERIALISED = gs1(("01", ITEM), ("17", "990630"), ("21", "S-1"), ("10", "A1B2"))
LOT_ONLY = gs1(("01", ITEM), ("17", "990630"), ("10", "C3D4"))
WHY = "the pack says another number, the label was torn"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_database(tmp_path_factory.mktemp("made") / "data").parent


@pytest.fixture
def data_dir(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "data"))


def do(data_dir: Path, name: str, **request: object) -> Json:
    with alone(data_dir) as access:
        return act(access, {"do": name, "by": "km", **request}, DESK_ACTS)


def fit(data_dir: Path, code: str | None = None, **request: object) -> Json:
    return do(data_dir, "fit_cartridge", code=code, **request)


def visit(data_dir: Path, name: str, *streams: str, closed: bool = False) -> None:
    """As the desk opens one, and joins sessions to it."""
    with Evidence(data_dir / "devicelog.db") as evidence:
        ref = client_named(evidence, CLIENT)
    with alone(data_dir) as access:

        def entries(type_: str, told: Json, stream: str | None = None) -> None:
            access.append(
                lambda transaction: enter(
                    transaction, type_, actor=KM, told=told, visit=name, stream=stream, client_ref=ref
                )
            )

        entries("visit.opened", {"practitioner": "km", "indication": "pigment"})
        for stream in streams:
            entries("visit.joined", {}, stream)
        if closed:
            entries("visit.closed", {"how": "ended"})


def fitted(data_dir: Path) -> int:
    with Evidence(data_dir / "devicelog.db") as evidence:
        return len(of_type(evidence, "cartridge.fitted"))


def cli(*words: object, data_dir: Path) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run([*map(str, words), "--data-dir", str(data_dir)])
    return code, out.getvalue(), err.getvalue()


@pytest.mark.requirement("R26")
def test_a_serialised_cartridge_the_second_time_stops_and_goes_on_only_with_a_reason(data_dir: Path) -> None:
    visit(data_dir, FIRST_VISIT, FIRST, closed=True)
    visit(data_dir, SECOND_VISIT, SECOND)
    first = fit(data_dir, SERIALISED, visit=FIRST_VISIT)
    assert (first["identity"], first["serial"], first["used_before"]) == ("serial", "S-1", 0)
    with pytest.raises(BadTransition, match=r"S-1 was fitted before: .* in v-0000000001 by km .*--reason TEXT"):
        fit(data_dir, SERIALISED, visit=SECOND_VISIT)
    assert fitted(data_dir) == 1
    again = fit(data_dir, SERIALISED, visit=SECOND_VISIT, reason=WHY)
    assert (again["used_before"], again["cartridge"]) == (1, first["cartridge"])
    with Evidence(data_dir / "devicelog.db") as evidence:
        entry = of_type(evidence, "cartridge.fitted")[-1]
        [name] = entry.body["private"]
        assert evidence.note_text(name) == WHY
        assert WHY.encode() not in entry.data
        assert [(row["used_before"], row["overridden"]) for row in cartridges_of(evidence, SECOND_VISIT)] == [(1, True)]
        [row] = cartridges_of(evidence, FIRST_VISIT)
    told = {*("cartridge", "identity", "maker", "item", "lot", "expires", "serial", "needles", "length_um", "box")}
    assert row.keys() == told | {"attested", "used_before", "overridden", "at"}
    assert report(data_dir / "devicelog.db").problems == []


def test_single_use_is_not_passed_by_typing_in_other_capitals(data_dir: Path) -> None:
    fit(data_dir, SERIALISED, session=FIRST)
    for serial in ("s-1", "S -1", " s- 1"):
        with pytest.raises(BadTransition, match="was fitted before"):
            fit(data_dir, lot="a1b2", serial=serial, session=SECOND)
    assert fit(data_dir, lot="A1 b2", serial="s-1", session=SECOND, reason=WHY)["used_before"] == 1
    opened = do(data_dir, "open_box", lot="C3D4", count=2)["box"]
    assert fit(data_dir, lot="c3d4", session=SECOND)["box"] == opened


def test_what_a_mark_says_of_a_cartridge(data_dir: Path) -> None:
    visit(data_dir, FIRST_VISIT, FIRST)
    visit(data_dir, SECOND_VISIT, SECOND)
    serial = fit(data_dir, SERIALISED, visit=FIRST_VISIT)["cartridge"]
    lot = fit(data_dir, LOT_ONLY, session=FIRST)["cartridge"]
    with Evidence(data_dir / "devicelog.db") as evidence:
        told = [fitted_as(evidence, name, visit=at) for name in (serial, lot) for at in (FIRST_VISIT, SECOND_VISIT)]
        assert fitted_as(evidence, "x-0000000009", visit=FIRST_VISIT) == {}
    assert [(row["identity"], row["serial"], row["lot"]) for row in told] == [
        *[("serial", True, "A1B2")] * 2,
        *[("lot only", False, "C3D4")] * 2,
    ]
    assert [row.get("used_before") for row in told] == [0, 1, None, 1]
    assert {row["overridden"] for row in told} == {False}
    fit(data_dir, SERIALISED, visit=SECOND_VISIT, reason=WHY)
    with Evidence(data_dir / "devicelog.db") as evidence:
        told = [fitted_as(evidence, serial, visit=at) for at in (FIRST_VISIT, SECOND_VISIT, None)]
    assert [(row["used_before"], row["overridden"]) for row in told] == [(1, False), (1, True), (2, False)]


def test_a_box_of_lot_only_ones_never_stops(data_dir: Path) -> None:
    box = do(data_dir, "open_box", code=LOT_ONLY, count=2, needles=14, length_um=2500)
    for number in range(5):
        name = f"v-00000000{number:02}"
        visit(data_dir, name)
        done = fit(data_dir, LOT_ONLY, visit=name, attested=True)
        assert (done["identity"], done["used_before"], done["box"]) == ("lot only", None, box["box"])
        assert (done["needles"], done["length_um"]) == (14, 2500)
        full = [words for words in done["warnings"] if "was used up" in words]
        assert bool(full) == (number >= 2)
    assert fitted(data_dir) == 5


def test_a_lot_alone_is_attested_or_said_not_to_be(data_dir: Path) -> None:
    visit(data_dir, FIRST_VISIT)
    for attested, words in ((None, "nobody attested"), (False, "NOT new")):
        done = fit(data_dir, lot=f"L{attested}", expires="2099-01-01", attested=attested, visit=FIRST_VISIT)
        assert any(words in warning for warning in done["warnings"])
    done = fit(data_dir, lot="L", expires="2099-01-01", attested=True, visit=FIRST_VISIT)
    assert not any("attest" in warning for warning in done["warnings"])


def test_the_same_cartridge_in_the_next_session_of_its_visit_is_no_second_use(data_dir: Path) -> None:
    """After a power cut the visit goes on in another session, with the cartridge that is on the pen."""
    visit(data_dir, FIRST_VISIT, FIRST, SECOND)
    first = fit(data_dir, SERIALISED, session=FIRST)
    fit(data_dir, LOT_ONLY, visit=FIRST_VISIT)
    back = fit(data_dir, SERIALISED, session=SECOND)
    assert (back["again"], back["used_before"], back["cartridge"]) == (False, 0, first["cartridge"])
    assert fitted(data_dir) == 3


def test_what_was_fitted_for_a_session_is_of_the_visit_it_becomes_a_part_of(data_dir: Path) -> None:
    """A recording that was begun without a visit, cut off, and goes on as one."""
    fit(data_dir, SERIALISED, session=FIRST)
    do(data_dir, "stock_topical", product="Gel")
    do(data_dir, "note_topical", stock="Gel", when="before", session=FIRST)
    visit(data_dir, FIRST_VISIT, FIRST)
    fit(data_dir, LOT_ONLY, visit=FIRST_VISIT)
    with Evidence(data_dir / "devicelog.db") as evidence:
        assert [row["lot"] for row in cartridges_of(evidence, FIRST_VISIT)] == ["A1B2", "C3D4"]
        assert [row["product"] for row in topicals_of(evidence, FIRST_VISIT)] == ["Gel"]
        assert [row["lot"] for row in cartridges_of(evidence, FIRST)] == ["A1B2"]


@pytest.mark.requirement("R26")
def test_an_expired_one_is_fitted_with_a_warning(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    visit(data_dir, FIRST_VISIT)
    old = {"lot": "L1", "expires": "2020-01-31", "attested": True, "visit": FIRST_VISIT}
    monkeypatch.setattr("devicelog.recorder.clock.wall_confidence", lambda: "restored")
    [words] = [words for words in fit(data_dir, **old)["warnings"] if "2020-01-31" in words]
    assert "not known: the clock of this computer is restored" in words
    monkeypatch.setattr("devicelog.recorder.clock.wall_confidence", lambda: "synced")
    [words] = [words for words in fit(data_dir, **old | {"lot": "L2"})["warnings"] if "2020-01-31" in words]
    assert words.startswith("EXPIRED on 2020-01-31")
    done = fit(data_dir, **old | {"lot": "L3", "expires": "2099-12-31"})
    assert not any("2099" in words for words in done["warnings"])
    assert any("no expiry date" in words for words in fit(data_dir, **old | {"lot": "L4", "expires": None})["warnings"])


def test_what_bears_on_one_cartridge_is_the_same_as_in_all_of_them(data_dir: Path) -> None:
    """A scan does not read ten years of entries: what it reads instead must tell the same."""
    visit(data_dir, FIRST_VISIT, FIRST)
    visit(data_dir, SECOND_VISIT, closed=True)
    do(data_dir, "open_box", code=LOT_ONLY, count=1)
    other = do(data_dir, "open_box", lot="other", count=5)["box"]
    fit(data_dir, LOT_ONLY, visit=FIRST_VISIT, box=other)
    fit(data_dir, LOT_ONLY, visit=SECOND_VISIT)
    fit(data_dir, SERIALISED, session=FIRST)
    fit(data_dir, SERIALISED, session=SECOND, reason=WHY)
    with Evidence(data_dir / "devicelog.db") as evidence:
        every = cartridges_known(evidence)
        told = [entry.told for entry in every.fits]
        for code in (SERIALISED, LOT_ONLY):
            for place in (Place(visit=FIRST_VISIT), Place(visit=SECOND_VISIT), Place(stream=SECOND)):
                near = cartridges_near(evidence, parse_scan(code), place, box=other)
                for each in told[-1:] if code == SERIALISED else told[:1]:
                    assert near.elsewhere(each, place) == every.elsewhere(each, place)
                    assert near.box_of(each) == every.box_of(each)
                    assert near.known(each) == every.known(each)
                assert tuple(box for box in near.boxes if box.told["box"] == other) == every.boxes[1:]
                here = near.where(place)
                assert here == every.where(place)
                assert [fit for fit in every.fits if every.where(fit.place) == here] == [
                    fit for fit in near.fits if near.where(fit.place) == here
                ]


# --- bad input --------------------------------------------------------------------------------------------------------


def test_a_cartridge_scanned_twice_in_ten_seconds_is_one_entry(data_dir: Path) -> None:
    visit(data_dir, FIRST_VISIT)
    for code in (SERIALISED, LOT_ONLY):
        first = fit(data_dir, code, visit=FIRST_VISIT)
        second = fit(data_dir, code, visit=FIRST_VISIT)
        assert (first["again"], second["again"]) == (False, True)
        assert (second["cartridge"], second["entry"]) == (first["cartridge"], first["entry"])
    assert fitted(data_dir) == 2
    code, out, _ = cli("cartridges", "scan", LOT_ONLY, "--by", "km", "--visit", FIRST_VISIT, data_dir=data_dir)
    assert (code, out.startswith("already scanned: x-")) == (0, True)
    assert fitted(data_dir) == 2


@pytest.mark.parametrize("more", [{"expires": "2020-01-01"}, {"attested": True}, {"needles": 14}], ids=str)
def test_what_a_second_scan_says_more_is_not_swallowed(data_dir: Path, more: Json) -> None:
    visit(data_dir, FIRST_VISIT)
    fit(data_dir, lot="L-9", visit=FIRST_VISIT)
    with pytest.raises(BadTransition, match=f"differs: {next(iter(more))} .*Nothing was entered"):
        fit(data_dir, lot="L-9", visit=FIRST_VISIT, **more)
    assert fitted(data_dir) == 1


def test_a_cartridge_in_two_sessions_at_once_is_refused_without_a_reason(data_dir: Path) -> None:
    """Within ten seconds, too: another visit is no second trigger."""
    visit(data_dir, FIRST_VISIT)
    visit(data_dir, SECOND_VISIT)
    fit(data_dir, SERIALISED, visit=FIRST_VISIT)
    words = ("cartridges", "scan", SERIALISED, "--by", "km", "--visit", SECOND_VISIT)
    code, out, err = cli(*words, data_dir=data_dir)
    assert (code, out) == (2, "")
    assert "That visit is open now: is it in two pens at once?" in err
    assert fitted(data_dir) == 1
    code, _, err = cli(*words, "--reason", WHY, data_dir=data_dir)
    assert (code, fitted(data_dir)) == (0, 2)
    assert "fitted before, once elsewhere" in err


@pytest.mark.parametrize(
    ("request_", "error", "words"),
    [
        pytest.param({"code": "lavender"}, UsageProblem, "--lot LOT --expires", id="no code"),
        pytest.param(
            {"code": gs1(("01", ITEM), ("10", "A1B2C3"), ("21", "000777"), separator="")},
            UsageProblem, "--lot LOT [--serial SERIAL]", id="a lot and a serial number glued together",
        ),
        pytest.param({"code": hibc("H124PEN361")}, UsageProblem, "neither lot nor serial", id="no lot in the code"),
        pytest.param({}, UsageProblem, "neither lot nor serial", id="nothing at all"),
        pytest.param({"code": LOT_ONLY, "item": "1"}, UsageProblem, "stand in the code", id="an item beside a code"),
        pytest.param({"lot": "L", "expires": "2027-13-01"}, UsageProblem, "no month 13", id="month 13, typed"),
        pytest.param({"lot": f"{CLIENT} 7"}, UsageProblem, "lot has a client's code", id="a code for a lot"),
        pytest.param({"lot": "L", "serial": CLIENT.lower()}, UsageProblem, "serial has a cl", id="a code for a serial"),
        pytest.param({"lot": "L", "maker": "Meier 12.3.1970"}, UsageProblem, "date of birth", id="a person"),
        pytest.param({"lot": 7}, UsageProblem, "are texts", id="a lot that is a number"),
        pytest.param({"lot": "L", "visit": "v-0000000003"}, NotFound, "Did you mean v-0000000001?", id="unknown visit"),
        pytest.param({"lot": "L", "session": "s-nowhere"}, NotFound, "no session", id="unknown session"),
        pytest.param({"lot": "L", "session": "u-0000000001"}, UsageProblem, "outside a session", id="a span"),
        pytest.param({"lot": "L", "visit": "v", "session": "s"}, UsageProblem, "not both", id="visit and session"),
        pytest.param({"lot": "L", "box": "b-1"}, NotFound, "there is no box", id="unknown box"),
        pytest.param({"lot": "L", "needles": 0}, UsageProblem, "needles is a whole number", id="no needles"),
        pytest.param({"lot": "L", "length_um": 10**9}, UsageProblem, "length_um", id="a needle of a kilometre"),
        pytest.param({"lot": "L", "attested": "perhaps"}, UsageProblem, "yes or no", id="attested perhaps"),
        pytest.param({"lot": "L", "reason": " "}, UsageProblem, "the reason is empty", id="a reason of one space"),
        pytest.param({"lot": "L", "by": None}, UsageProblem, "--by ID", id="nobody"),
        pytest.param({"lot": "L", "by": "Anna Maria"}, UsageProblem, "is not an id", id="a name for an id"),
    ],
)  # fmt: skip
def test_what_is_refused(data_dir: Path, request_: Json, error: type[DevicelogError], words: str) -> None:
    visit(data_dir, FIRST_VISIT)
    before = entries(data_dir)
    with pytest.raises(error) as refused:
        fit(data_dir, **request_)
    assert words in str(refused.value)
    assert entries(data_dir) == before


@pytest.mark.parametrize("count", [None, 0, -1, 10_001, "ten", True])
def test_a_box_of_no_number_is_refused(data_dir: Path, count: object) -> None:
    with pytest.raises(UsageProblem, match="count is"):
        do(data_dir, "open_box", lot="L", count=count)


def test_a_box_whose_lot_is_a_clients_code_is_refused(data_dir: Path) -> None:
    with pytest.raises(UsageProblem, match="lot has a client's code"):
        do(data_dir, "open_box", lot=CLIENT, count=1)


def test_a_lot_of_letters_and_a_date_is_no_person(data_dir: Path) -> None:
    assert do(data_dir, "open_box", lot="GEL20240501", count=1)["lot"] == "GEL20240501"


def test_a_box_without_a_lot_is_refused(data_dir: Path) -> None:
    with pytest.raises(UsageProblem, match="counted by its lot"):
        do(data_dir, "open_box", code=gs1(("01", ITEM), ("21", "S")), count=3)


def test_which_visit_is_meant_is_not_guessed(data_dir: Path) -> None:
    with pytest.raises(NotFound, match="no visit is open"):
        fit(data_dir, lot="L")
    visit(data_dir, FIRST_VISIT)
    assert fit(data_dir, lot="L")["visit"] == FIRST_VISIT
    visit(data_dir, SECOND_VISIT)
    with pytest.raises(NotFound, match=r"2 visits are open \(v-0000000001, v-0000000002\)"):
        fit(data_dir, lot="L")
    visit(data_dir, "v-0000000003", closed=True)
    assert any(
        "is closed: entered afterwards" in words for words in fit(data_dir, lot="L", visit="v-0000000003")["warnings"]
    )


def entries(data_dir: Path) -> int:
    with alone(data_dir) as access:
        return access.append(lambda transaction: transaction.head.seq)


# --- recall -----------------------------------------------------------------------------------------------------------


def recalled(data_dir: Path, *words: str) -> Json:
    code, out, _ = cli("cartridges", "recall", *words, "--json", data_dir=data_dir)
    assert code == 0
    document: Json = json.loads(out)
    assert document["schema"] == "devicelog.recall/1"
    return document


def test_a_recall_finds_every_session_in_which_the_lot_may_have_been_used(data_dir: Path) -> None:
    """Fitted for a visit, changed in mid-session, and entered from paper."""
    visit(data_dir, FIRST_VISIT)
    fit(data_dir, LOT_ONLY, visit=FIRST_VISIT)
    visit(data_dir, FIRST_VISIT, FIRST)
    fit(data_dir, lot="other", session=FIRST)
    fit(data_dir, lot=" c3d4", session=SECOND, maker="Bellus")
    with alone(data_dir) as access:
        access.append(
            lambda transaction: enter(
                transaction,
                "session.entered",
                actor=KM,
                told={"session": "s-0000000009", "practitioner": "km", "day": "2026-01-05"},
                stream="s-0000000009",
                private=("found on paper",),
                documents={"entered": b'{"cartridge":{"lot":"C3D4"},"schema":"devicelog.entered/1"}'},
            )
        )
    found = recalled(data_dir, "--lot", "C3 d4")
    rows = {(row["session"], row["how"], row["visit"]) for row in found["sessions"]}
    assert rows == {
        (FIRST, "fitted", FIRST_VISIT),
        (SECOND, "fitted", None),
        ("s-0000000009", "late entry", None),
    }
    with Evidence(data_dir / "devicelog.db") as evidence:
        ref = evidence.client_ref(CLIENT)
    assert {row["client_ref"] for row in found["sessions"]} == {ref, None}
    assert {row["client"] for row in found["sessions"]} == {None}
    assert {row["client"] for row in recalled(data_dir, "--lot", "C3D4", "--with-codes")["sessions"]} == {CLIENT, None}
    assert [row["session"] for row in recalled(data_dir, "--lot", "OTHER")["sessions"]] == [FIRST]
    assert {row["session"] for row in recalled(data_dir, "--lot", "C3D4", "--item", ITEM)["sessions"]} == {
        FIRST,
        "s-0000000009",
    }


def test_a_recall_of_nothing_says_what_is_near(data_dir: Path) -> None:
    do(data_dir, "open_box", lot="24B119", count=10)
    code, out, err = cli("cartridges", "recall", "--lot", "24B118", data_dir=data_dir)
    assert (code, out.splitlines()[0]) == (0, "Lot 24B118: 0 rows, 0 clients")
    assert "no session is known with lot 24B118. Did you mean 24B119?" in err
    _, _, err = cli("cartridges", "recall", "--lot", "24B119", data_dir=data_dir)
    assert "should still hold 10: put it aside" in err
    assert cli("cartridges", "recall", "--lot", " ", data_dir=data_dir)[0] == 2


def test_a_recall_as_a_table_in_a_new_file_of_its_own(data_dir: Path, tmp_path: Path) -> None:
    fit(data_dir, lot="=1+1", session=FIRST)
    target = tmp_path / "recall.csv"
    words = ("cartridges", "recall", "--lot", "=1+1", "--csv")
    code, out, err = cli(*words, "--to", target, data_dir=data_dir)
    assert (code, out, "1 rows, 1 clients" in err) == (0, "", True)
    text = target.read_bytes().decode()
    assert text == cli(*words, data_dir=data_dir)[1].replace("\n", "\r\n").replace("\r\r", "\r")
    head, row = text.split("\r\n")[:2]
    told = dict(zip(head.split(","), row.split(","), strict=True))
    assert (told["session"], told["lot"], told["client"]) == (FIRST, "'=1+1", "")
    assert target.stat().st_mode & 0o077 == 0
    assert cli(*words, "--to", target, data_dir=data_dir)[0] == 2
    assert cli(*words, "--to", tmp_path / "no" / "where", data_dir=data_dir)[0] == 5
    assert cli(*words, "--json", data_dir=data_dir)[0] == 2


def test_a_code_is_read_from_stdin_with_its_separators(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{SERIALISED}\nnext\n"))
    words = ("cartridges", "scan", "-", "--by", "km", "--session", FIRST, "--json")
    code, out, _ = cli(*words, data_dir=data_dir)
    assert (code, json.loads(out)["serial"], json.loads(out)["lot"]) == (0, "S-1", "A1B2")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert cli(*words, data_dir=data_dir)[0] == 2


# --- lists ------------------------------------------------------------------------------------------------------------


def test_what_is_listed_and_shown(data_dir: Path) -> None:
    box = do(data_dir, "open_box", code=LOT_ONLY, count=10)["box"]
    one = fit(data_dir, LOT_ONLY, session=FIRST)["cartridge"]
    two = fit(data_dir, SERIALISED, session=SECOND)["cartridge"]
    listed = json.loads(cli("cartridges", "list", "--json", data_dir=data_dir)[1])
    assert listed["schema"] == "devicelog.cartridges/1"
    assert [(each["box"], each["used"], each["left"]) for each in listed["boxes"]] == [(box, 1, 9)]
    assert [(each["cartridge"], each["session"]) for each in listed["fitted"]] == [(one, FIRST), (two, SECOND)]
    text = cli("cartridges", "list", data_dir=data_dir)[1]
    assert all(name in text for name in (box, one, two))
    shown = json.loads(cli("cartridges", "show", two, "--json", data_dir=data_dir)[1])
    assert (shown["pack"]["serial"], shown["box"], len(shown["fitted"])) == ("S-1", None, 1)
    shown = json.loads(cli("cartridges", "show", box, "--json", data_dir=data_dir)[1])
    assert [each["cartridge"] for each in shown["fitted"]] == [one]
    assert "1 of 10 fitted, 9 left" in cli("cartridges", "show", one, data_dir=data_dir)[1]
    assert cli("cartridges", "show", "x-nothing", data_dir=data_dir)[0] == 6


def test_the_first_thing_a_clinic_does_may_be_to_open_a_box(tmp_path: Path) -> None:
    code, out, err = cli("cartridges", "box", LOT_ONLY, "--count", "10", "--by", "km", data_dir=tmp_path / "new")
    assert (code, "10 of lot C3D4" in out) == (0, True), err


# --- topicals ---------------------------------------------------------------------------------------------------------


def test_a_topical_with_ascorbic_acid_warns_at_once_and_is_noted(data_dir: Path) -> None:
    """Friedmann 2024, Soltani 2014: granulomas after needling with topical vitamin C."""
    words = ("--lot", "G7", "--expires", "2099-01-31", "--by", "km")
    ingredients = ("--ingredients", "water, 3-O-Ethyl Ascorbic Acid,")
    code, _, err = cli("stock", "add", "--product", "Glow", *ingredients, *words, data_dir=data_dir)
    assert code == 0
    assert "warning: Glow has ascorbic acid (vitamin C)" in err
    assert "friedmann_2024, soltani_2014, evidence A" in err
    assert "dose" not in err
    note = ("topicals", "note", "--stock", "glow", "--when", "during", "--session", FIRST, "--patch-test", "no")
    code, out, err = cli(*note, "--by", "km", data_dir=data_dir)
    assert (code, "ascorbic acid" in err, "Glow, lot G7" in out) == (0, True, True)
    with Evidence(data_dir / "devicelog.db") as evidence:
        [row] = topicals_of(evidence, FIRST)
    assert row.pop("stock").startswith("t-")
    assert row == {
        "product": "Glow",
        "lot": "G7",
        "expires": "2099-01-31",
        "ingredients": ["water", "3-O-Ethyl Ascorbic Acid"],
        "when": "during",
        "patch_test": False,
        "ascorbic": True,
    }
    listed = json.loads(cli("stock", "list", "--json", data_dir=data_dir)[1])
    assert [(each["product"], each["ascorbic"]) for each in listed["stock"]] == [("Glow", True)]
    assert "3-O-Ethyl" in cli("stock", "list", data_dir=data_dir)[1]


@pytest.mark.parametrize(
    ("when", "closed", "session"),
    [("after", False, SECOND), ("during", False, SECOND), ("before", False, None), ("before", True, SECOND)],
)
def test_a_topical_that_no_session_will_begin_with_is_of_the_newest_of_the_visit(
    data_dir: Path, when: str, closed: bool, session: str | None
) -> None:
    """A session names at its opening what was noted for its visit; what is noted later must come with its package."""
    visit(data_dir, FIRST_VISIT, FIRST, SECOND, closed=closed)
    do(data_dir, "stock_topical", product="Gel")
    assert do(data_dir, "note_topical", stock="Gel", when=when, visit=FIRST_VISIT)["session"] == session
    with Evidence(data_dir / "devicelog.db") as evidence:
        assert [entry.body["stream"] for entry in of_type(evidence, "topical.noted")] == [session]


@pytest.mark.parametrize(
    ("product", "ingredients", "flag"),
    [
        ("Gel", ["water", "E300"], True),
        ("Vit C 20", None, True),
        ("Gel", ["vitamin complex"], False),
        ("Gel", None, None),
    ],
)
def test_the_desk_flags_ascorbic_acid_for_the_rule(
    data_dir: Path, product: str, ingredients: list[str] | None, flag: object
) -> None:
    do(data_dir, "stock_topical", product=product, ingredients=ingredients)
    do(data_dir, "note_topical", stock=product, when="before", session=FIRST)
    with Evidence(data_dir / "devicelog.db") as evidence:
        assert [row["ascorbic"] for row in topicals_of(evidence, FIRST)] == [flag]


def test_a_topical_without_lot_or_ingredients_warns(data_dir: Path) -> None:
    done = do(data_dir, "stock_topical", product="Gel")
    assert any("cannot be traced" in words for words in done["warnings"])
    assert any("ascorbic acid is among them is not known" in words for words in done["warnings"])
    assert do(data_dir, "stock_topical", product="Vitamin C 20 %", ingredients=["water"])["warnings"][0].startswith(
        "Vit"
    )


@pytest.mark.parametrize(
    ("name", "request_", "words"),
    [
        pytest.param("stock_topical", {"product": " "}, "the product is empty", id="a product of one space"),
        pytest.param("stock_topical", {"product": f"Gel for {CLIENT}"}, "product has a client's code", id="a code"),
        pytest.param(
            "stock_topical", {"product": "P", "lot": CLIENT}, "lot has a client's code", id="a code for a lot"
        ),
        pytest.param(
            "stock_topical", {"product": "P", "ingredients": [CLIENT]}, "ingredient has a client's", id="in ingredients"
        ),
        pytest.param("stock_topical", {"product": "Anna Meier 12.3.1970"}, "date of birth", id="a person"),
        pytest.param("stock_topical", {"product": "P" * 121}, "121 characters", id="a long product"),
        pytest.param("stock_topical", {"product": "P", "ingredients": "water"}, "list", id="ingredients in one text"),
        pytest.param("stock_topical", {"product": "P", "ingredients": ["w"] * 61}, "61", id="many ingredients"),
        pytest.param("stock_topical", {"product": "P", "expires": "soon"}, "no date", id="an expiry that is none"),
        pytest.param("note_topical", {"stock": "Gel", "when": "durin"}, "Did you mean during?", id="when"),
        pytest.param("note_topical", {"stock": "Gek", "when": "after"}, "Did you mean Gel?", id="not in stock"),
        pytest.param("note_topical", {"stock": "", "when": "after"}, "--stock ID", id="no product"),
        pytest.param("note_topical", {"stock": "t-", "when": "after"}, "can be several", id="one of two"),
        pytest.param("note_topical", {"stock": "Gel", "when": "after", "patch_test": 1}, "yes or no", id="patch test"),
    ],
)
def test_a_topical_that_is_refused(data_dir: Path, name: str, request_: Json, words: str) -> None:
    do(data_dir, "stock_topical", product="Gel", lot="1")
    do(data_dir, "stock_topical", product="Serum", lot="2")
    before = entries(data_dir)
    with pytest.raises(DevicelogError) as refused:
        do(data_dir, name, **{"session": FIRST, **request_})
    assert words in str(refused.value)
    assert entries(data_dir) == before
