"""Cartridges at the desk, through the acts and the command line, over a real database of two ended sessions."""

import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from devicelog.canonical import Json
from devicelog.cli import run
from devicelog.desk.acts import DESK_ACTS
from devicelog.desk.cartridges import cartridges_of
from devicelog.desk.entering import client_named, enter
from devicelog.errors import BadTransition
from devicelog.ledger.entries import Actor
from devicelog.recorder.access import alone
from devicelog.recorder.acts import act
from devicelog.store.evidence import Evidence
from devicelog.store.matters import of_type
from tests.barcodes.codes import ITEM, gs1
from tests.databases import CLIENT, FIRST, SECOND, make_database, report

KM = Actor(id="km", role="practitioner")
FIRST_VISIT, SECOND_VISIT = "v-0000000001", "v-0000000002"
SERIALISED = gs1(("01", ITEM), ("17", "990630"), ("21", "S-1"), ("10", "A1B2"))
LOT_ONLY = gs1(("01", ITEM), ("17", "990630"), ("10", "C3D4"))
WHY = "the pack says another number, the label was torn"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return make_database(tmp_path / "data").parent


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
