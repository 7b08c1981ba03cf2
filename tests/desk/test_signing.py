"""Signing: bound to the seal and the record, twice asked for, and said to be from before where it is."""

import shutil
from pathlib import Path

import pytest

from devicelog import verify
from devicelog.canonical import Json
from devicelog.cli.report import show_document, show_text
from devicelog.clinic.signatures import BEFORE, FAULTY, VALID, Signable, signature_faults, signatures
from devicelog.clinical.data import load_plan
from devicelog.desk import signing
from devicelog.desk.entering import enter
from devicelog.errors import BadTransition, NotAllowed, NotFound, UsageProblem
from devicelog.ledger.entries import Actor
from devicelog.packages.sealing import later_path, package_path
from devicelog.packages.whole import WholeEvidence
from devicelog.recorder.access import alone
from devicelog.recorder.attributing import attribute_here, parse_attribution
from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.sealing import extend, seal
from devicelog.store.database import FILE_NAME
from tests.databases import CLIENT, FIRST, SECOND, SPAN, make_database, report, spoil
from tests.desk.made import KM, OTHER, SESSION, Ledger
from tests.desk.staff import FIRST_PIN, NAMES, PINS, do, entries

AS_KM: Json = {"meaning": "performed", "by": "KM", "pin": PINS["KM"]}


def shown(data_dir: Path, stream: str = FIRST) -> Json:
    with WholeEvidence(data_dir) as evidence, evidence.of(stream) as (kept, row):
        return show_document(kept, row["id"])


def verified(data_dir: Path, stream: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What the auditor's one file says of the package of a session and what came later."""
    from devicelog.store.evidence import Evidence
    from devicelog.store.heads import pin_of

    with Evidence(data_dir / FILE_NAME) as evidence:
        pin = pin_of(evidence)
    assert pin is not None
    (tmp_path / "pin.txt").write_text(pin.text(), encoding="utf-8")
    out = tmp_path / "handed"
    out.mkdir()
    for path in (package_path(data_dir, stream), later_path(data_dir, stream)):
        if path.exists():
            shutil.copy(path, out)
    code = verify.main([str(out / package_path(data_dir, stream).name), "--key", str(tmp_path / "pin.txt")])
    said = capsys.readouterr().out
    assert (code == 0) == said.startswith("VERIFIED"), said
    return said


# --- what a signature is bound to, without a database -----------------------------------------------------------------


def signed_ledger() -> Ledger:
    ledger = Ledger()
    ledger.closed()
    ledger.sealed()
    signable = Signable.of(ledger.entries)
    assert signable is not None
    ledger.desk("session.signed", signable.told(person="KM", meaning="performed", failures=0), stream=SESSION)
    return ledger


def test_a_signature_fits_its_session() -> None:
    ledger = signed_ledger()
    (made,) = signatures(ledger.entries, lambda _: None)
    assert (made["standing"], made["faults"], made["derivation"]) == (VALID, [], 1)


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sealed": "00" * 32}, "another seal"),
        ({"derived": "d7"}, "another derived record"),
        ({"number": 2}, "another derived record"),
        ({"meaning": "blessed"}, "no meaning"),
        ({"meaning": "approved"}, "role practitioner does not sign as approved"),
        ({"person": "RV"}, "not made by its person"),
    ],
)
def test_a_signature_of_which_something_was_changed_fits_nothing(change: Json, words: str) -> None:
    ledger = signed_ledger()
    ledger.desk("session.signed", {**ledger.entries[-1].body["told"], **change}, stream=SESSION)
    made = signatures(ledger.entries, lambda _: None)[-1]
    assert made["standing"] == FAULTY
    assert any(words in fault for fault in made["faults"]), made["faults"]


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    "actor",
    [
        Actor(id="KM", role="practitioner"),
        Actor(id="RV", role="reviewer", auth="pin"),
        Actor(id="KM", role="admin", auth="pin"),
        Actor(id="KM", role="unregistered", auth="pin"),
    ],
)
def test_a_signature_by_somebody_else_or_without_a_pin_fits_nothing(actor: Actor) -> None:
    ledger = signed_ledger()
    entry = ledger.desk("session.signed", ledger.entries[-1].body["told"], actor, stream=SESSION)
    seal_entry, closing = ledger.entries[1], ledger.entries[0]
    assert signature_faults(entry, seal_entry, [closing])


@pytest.mark.requirement("R15")
def test_a_signature_copied_to_another_session_fits_nothing() -> None:
    ledger = signed_ledger()
    told = ledger.entries[-1].body["told"]
    closing = ledger.closed(OTHER)  # of the very same derived record
    sealing = ledger.sealed(OTHER)
    copy = ledger.desk("session.signed", told, stream=OTHER)
    assert "another seal" in signature_faults(copy, sealing, [closing])[0]
    assert "not sealed" in signature_faults(copy, None, [closing])[0]
    assert "not sealed" in signature_faults(copy, ledger.entries[1], [closing])[0]


def test_a_correction_leaves_the_signature_and_says_that_it_came_before() -> None:
    ledger = signed_ledger()
    ledger.attributed()
    (before,) = signatures(ledger.entries, lambda _: None)
    assert (before["standing"], before["faults"], before["derivation"]) == (BEFORE, [], 1)
    signable = Signable.of(ledger.entries)
    assert signable is not None
    ledger.desk("session.signed", signable.told(person="KM", meaning="performed", failures=0), stream=SESSION)
    assert [each["standing"] for each in signatures(ledger.entries, lambda _: None)] == [BEFORE, VALID]
    ledger.desk("session.amended", {"number": 1, "field": "note"}, KM, stream=SESSION)
    assert [each["standing"] for each in signatures(ledger.entries, lambda _: None)] == [BEFORE, BEFORE]


# --- the act ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("R14")
def test_name_time_and_meaning_stand_where_the_session_is_shown(signed: Path) -> None:
    told = shown(signed)
    (made,) = told["signatures"]
    (entry,) = entries(signed, "session.signed")
    assert (made["name"], made["meaning"], made["at"]) == (NAMES["KM"], "performed", entry.values["at"])
    assert (made["standing"], told["wants_signature"]) == (VALID, False)
    text = " ".join(show_text(told).split())
    for word in (NAMES["KM"], "performed", entry.values["at"], "valid for derivation 1"):
        assert word in text


@pytest.mark.requirement("R08")
def test_signing_seals_what_nobody_has_sealed_and_comes_after_the_seal(signed: Path) -> None:
    types = [entry.type for entry in entries(signed) if entry.body.get("stream") == FIRST]
    assert types.index("session.closed") < types.index("stream.sealed") < types.index("session.signed")
    assert package_path(signed, FIRST).exists()
    assert later_path(signed, FIRST).exists()
    assert report(signed / FILE_NAME).problems == []


@pytest.mark.requirement("R11")
def test_the_signature_travels_with_the_package(
    signed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from devicelog.packages.reading import PackageEvidence

    with PackageEvidence(package_path(signed, FIRST)) as package:
        told = show_document(package, FIRST)
    assert told["signatures"] == shown(signed)["signatures"]
    assert told["signatures"][0]["name"] == NAMES["KM"]
    assert verified(signed, FIRST, tmp_path, capsys).startswith("VERIFIED")


@pytest.mark.requirement("R15")
def test_a_signature_copied_to_another_session_is_found_in_the_database_and_in_a_package(
    signed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (entry,) = entries(signed, "session.signed")
    with alone(signed) as access:
        seal(access, SECOND)
        body = {**entry.body, "stream": SECOND}
        access.append(lambda transaction: transaction.entry("session.signed", body, KM))
        extend(access, SECOND)
    assert any("bound to another seal" in problem for problem in report(signed / FILE_NAME).problems)
    assert shown(signed, SECOND)["signatures"][0]["standing"] == FAULTY
    assert "NOT VALID" in show_text(shown(signed, SECOND))
    assert "ALTERED" in verified(signed, SECOND, tmp_path, capsys)


@pytest.mark.requirement("R09")
def test_a_signature_of_somebody_whom_the_ledger_knows_otherwise_is_found(signed: Path) -> None:
    (entry,) = entries(signed, "session.signed")
    told = {**entry.body["told"], "person": "AD"}
    with alone(signed) as access:
        actor = Actor(id="AD", role="practitioner", auth="pin")
        access.append(lambda transaction: transaction.entry("session.signed", {**entry.body, "told": told}, actor))
    assert any("AD was not registered as practitioner then" in each for each in report(signed / FILE_NAME).problems)


@pytest.mark.requirement("R16")
def test_the_first_signature_of_a_sitting_wants_both_and_the_next_the_pin_alone(
    clinic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone_: Json = {"meaning": "performed", "pin": PINS["KM"]}
    with pytest.raises(UsageProblem, match="wants both"):
        do(clinic, "session.sign", session=FIRST, **alone_)
    do(clinic, "session.sign", session=FIRST, **AS_KM)
    assert do(clinic, "session.sign", session=SECOND, **alone_)["person"] == "KM"

    newest = entries(clinic, "session.signed")[-1].values
    late = RecorderClock()
    monkeypatch.setattr(late, "now_us", lambda: newest["mono_us"] + 10 * 60 * 1_000_000 + 1)
    monkeypatch.setattr(signing, "RecorderClock", lambda: late)
    with pytest.raises(UsageProblem, match="within the last 10 minutes"):
        do(clinic, "session.sign", session=SECOND, meaning="reviewed", pin=PINS["KM"])


@pytest.mark.requirement("R16")
def test_in_a_sitting_a_pin_of_another_person_is_a_wrong_one(signed: Path) -> None:
    with pytest.raises(NotAllowed, match=r"not the PIN of KM.*If you are not KM: --person ID"):
        do(signed, "session.sign", session=FIRST, meaning="reviewed", pin=PINS["RV"])
    with pytest.raises(NotAllowed, match="not the PIN of KM") as refused:
        do(signed, "session.sign", session=FIRST, meaning="reviewed", by="KM", pin=PINS["RV"])
    assert "--person" not in str(refused.value)
    with pytest.raises(UsageProblem, match="wants the PIN"):
        do(signed, "session.sign", session=FIRST, meaning="reviewed")


@pytest.mark.parametrize(
    ("session", "more", "error", "words"),
    [
        (FIRST, {"meaning": "blessed"}, UsageProblem, "there are: performed, reviewed, approved"),
        (FIRST, {"meaning": "approved"}, NotAllowed, "for a reviewer"),
        (FIRST, {"by": "AD", "pin": PINS["AD"]}, NotAllowed, "AD is registered as admin"),
        (FIRST, {"by": "AU", "pin": PINS["AU"]}, NotAllowed, "AU is registered as auditor"),
        (FIRST, {"by": "P-99", "pin": "204815"}, NotAllowed, "P-99 is not registered"),
        (SPAN, {}, BadTransition, "outside a session"),
        ("s-nosuch", {}, NotFound, "no session"),
    ],
)
def test_what_is_not_signed(session: str, more: Json, error: type[Exception], words: str, clinic: Path) -> None:
    with pytest.raises(error, match=words):
        do(clinic, "session.sign", session=session, **{**AS_KM, **more})
    assert entries(clinic, "session.signed", "stream.sealed") == []


@pytest.mark.requirement("R08")
def test_a_session_that_is_still_open_is_not_signed(tmp_path: Path) -> None:
    make_database(tmp_path / "data", leave_open=True)
    with alone(tmp_path / "data") as access, pytest.raises(BadTransition, match="when it has ended"):
        signing.sign(access, {"session": SECOND, **AS_KM})


def test_the_same_signature_twice_is_refused_and_another_meaning_is_not(signed: Path) -> None:
    with pytest.raises(UsageProblem, match=r"has signed .* already"):
        do(signed, "session.sign", session=FIRST, **AS_KM)
    do(signed, "session.sign", session=FIRST, meaning="approved", by="RV", pin=PINS["RV"])
    assert [each["meaning"] for each in shown(signed)["signatures"]] == ["performed", "approved"]


def test_whoever_is_called_like_a_session_signs_that_other_one_alone(clinic: Path) -> None:
    admin: Json = {"by": "AD", "pin": PINS["AD"]}
    do(clinic, "people.add", person=SECOND, role="practitioner", name="An Odd Id", **admin)
    do(clinic, "pin.set", person=SECOND, new_pin=FIRST_PIN, **admin)
    do(clinic, "pin.set", person=SECOND, new_pin="204815", by=SECOND, pin=FIRST_PIN)
    do(clinic, "session.sign", session=FIRST, meaning="performed", by=SECOND, pin="204815")
    assert [each["standing"] for each in shown(clinic, FIRST)["signatures"]] == [VALID]
    assert shown(clinic, SECOND)["signatures"] == []
    assert shown(clinic, SECOND)["wants_signature"]


@pytest.mark.requirement("R14")
def test_who_signs_as_performed_what_another_recorded_has_it_said_in_the_record(clinic: Path) -> None:
    admin: Json = {"by": "AD", "pin": PINS["AD"]}
    do(clinic, "people.add", person="P-07", role="practitioner", name="Petra Sieben", **admin)
    do(clinic, "pin.set", person="P-07", new_pin=FIRST_PIN, **admin)
    do(clinic, "pin.set", person="P-07", new_pin="204815", by="P-07", pin=FIRST_PIN)
    for by, pin, meaning, under in (
        ("RV", PINS["RV"], "performed", "p-07"),
        ("RV", PINS["RV"], "reviewed", None),
        ("P-07", "204815", "performed", None),  # the same id as the recording's, in capitals
    ):
        done = do(clinic, "session.sign", session=FIRST, meaning=meaning, by=by, pin=pin)
        made = shown(clinic)["signatures"][-1]
        assert (done["recorded_under"], made["recorded_under"], made["standing"]) == (under, under, VALID)
    assert " ".join(show_text(shown(clinic)).split()).count("recorded under p-07") == 1


def test_a_name_that_is_not_held_any_more_signs_nothing(clinic: Path) -> None:
    spoil(clinic / FILE_NAME, ("DELETE FROM note WHERE text = ?", (NAMES["KM"],)))
    with pytest.raises(NotAllowed, match="printed name of KM is not held"):
        do(clinic, "session.sign", session=FIRST, **AS_KM)


# --- noticed afterwards -----------------------------------------------------------------------------------------------


def correct(data_dir: Path, **more: object) -> None:
    asked = {"session": FIRST, "practitioner": "KM", "reason": "mistaken for another", "moves": [], "client": None}
    attribute_here(data_dir, parse_attribution({**asked, **more}, {"forehead", "chin"}))
    with alone(data_dir) as access:
        extend(access, FIRST)


def test_the_wrong_client_noticed_after_signing_is_corrected_and_wants_another_signature(
    signed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    correct(signed, client="K-2000")
    told = shown(signed)
    assert (told["client"], told["signatures"][0]["standing"], told["wants_signature"]) == ("K-2000", BEFORE, True)
    assert "SIGNED BEFORE THE CORRECTION" in " ".join(show_text(told).split())
    do(signed, "session.sign", session=FIRST, **AS_KM)
    told = shown(signed)
    assert [each["standing"] for each in told["signatures"]] == [BEFORE, VALID]
    assert (told["signatures"][1]["derivation"], told["wants_signature"]) == (2, False)
    assert report(signed / FILE_NAME).problems == []
    assert verified(signed, FIRST, tmp_path, capsys).startswith("VERIFIED")


def test_an_amendment_of_the_plan_after_signing_says_what_was_meant_and_changes_none(signed: Path) -> None:
    before = shown(signed)
    do(signed, "session.amend", session=FIRST, field="plan", value="chin too", reason="forgotten", by="KM")
    after = shown(signed)
    assert {key: after[key] for key in ("plan", "plan_zones", "derived", "findings")} == {
        key: before[key] for key in ("plan", "plan_zones", "derived", "findings")
    }
    assert (after["signatures"][0]["standing"], after["wants_signature"]) == (BEFORE, True)


def test_a_correction_while_the_signature_is_on_its_way_is_not_signed_over(
    clinic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stale(Signable):
        @classmethod
        def of(cls, found):  # type: ignore[no-untyped-def]
            """As it was before somebody else corrected it."""
            return Signable.of([entry for entry in found if entry.type != "session.attributed"])

    correct(clinic, client="K-2000")
    monkeypatch.setattr(signing, "Signable", Stale)
    with pytest.raises(BadTransition, match="just corrected by somebody else"):
        do(clinic, "session.sign", session=FIRST, **AS_KM)
    assert entries(clinic, "session.signed") == []


def test_a_plan_changed_after_signing_is_refused_and_says_that_an_amendment_is_possible(signed: Path) -> None:
    plan = load_plan("cheeks-pigment").document()
    opened = do(signed, "visit.open", client=CLIENT, practitioner="KM", by="KM", plan=load_plan("full-face").document())
    with alone(signed) as access:
        access.append(
            lambda transaction: enter(
                transaction, "visit.joined", actor=KM, told={}, stream=SECOND, visit=opened["visit"]
            )
        )
    do(signed, "visit.plan", visit=opened["visit"], plan=plan, by="KM")  # nobody has signed it yet
    do(signed, "session.sign", session=SECOND, **AS_KM)
    with pytest.raises(BadTransition, match=r"is signed: its plan does not change any more.*sessions amend"):
        do(signed, "visit.plan", visit=opened["visit"], plan=load_plan("full-face").document(), by="KM")
    assert len(entries(signed, "visit.planned")) == 1
