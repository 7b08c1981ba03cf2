"""By commands alone: screening to signature for a client with two earlier sessions, cut off half-way and continued.

The desk's commands run in this process, by the same function that the program calls; what records, and what is killed,
is a process of its own.
"""

import io
import json
import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from devicelog.cli import run
from tests.e2e.running import Json, PtyPen, Running, bytes_on_disk, devicelog, samples, shared

PIN = "482915"
FIRST_PIN = "730261"  # that the admin sets
# Every field of the treatment record's table of sources: what law, regulators, makers and charting templates ask for
# (statutory consultation form of SI 2024/1244 (Wales), the FDA's page on microneedling devices, 21 CFR 878.4430, a
# maker's procedure log, templates of practice software).
FIELDS = {
    *("client", "client_name", "client_contact", "age_verified", "screening", "consent_treatment", "consent_photo"),
    *("aftercare_given", "fitzpatrick", "indication", "label", "practitioner", "supervisor", "device", "clearance"),
    *("ifu", "cartridges", "sterile_pack", "new_for_session", "disposed", "barrier_sleeve", "handpiece_cleaned"),
    *("anaesthetic", "topicals", "zones", "endpoints", "photos", "response", "adverse_events", "aftercare"),
    *("sun_protection", "next_date", "sensors", "amendments"),
}


class Clinic:
    """The command line over one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir

    def do(self, *words: str, code: int = 0, typed: str = "") -> tuple[str, str]:
        """What a command said on stdout and stderr; it ends with `code`."""
        out, err = io.StringIO(), io.StringIO()
        before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(typed.encode()))
        try:
            with redirect_stdout(out), redirect_stderr(err):
                ended = run([*words, "--data-dir", str(self.data_dir)])
        finally:
            sys.stdin = before
        assert ended == code, (words, out.getvalue(), err.getvalue())
        return out.getvalue(), err.getvalue()

    def json(self, *words: str, typed: str = "") -> Json:
        """What it printed with --json."""
        value: Json = json.loads(self.do(*words, "--json", typed=typed)[0])
        return value


def treat(directory: Path) -> None:
    """The whole of it, into `directory`; what was said is kept beside the data."""
    clinic = Clinic(directory / "data")
    told: Json = {}
    admin = ("--pin-stdin", "--by", "boss")
    clinic.do("practitioners", "add", "boss", "--role", "admin", "--name", "Ada Boss")
    clinic.do("practitioners", "pin", "boss", "--pin-stdin", typed=f"{PIN}\n{PIN}\n")
    clinic.do("practitioners", "add", "KM", "--role", "practitioner", "--name", "Kim Moe", *admin, typed=f"{PIN}\n")
    clinic.do("practitioners", "pin", "KM", *admin, typed=f"{PIN}\n{FIRST_PIN}\n{FIRST_PIN}\n")
    own = ("practitioners", "pin", "KM", "--pin-stdin")
    clinic.do(*own, typed=f"{FIRST_PIN}\n{PIN[::-1]}\n{PIN[::-1]}\n")  # what an admin set signs nothing
    paper = ("--client", "P-117", "--practitioner", "KM", "--indication", "hyperpigmentation", "--by", "KM")
    for day in ("2026-01-10", "2026-02-10"):
        clinic.do("sessions", "enter", *paper, "--day", day, "--zone", "forehead=0.35x2", "--reason", "was on paper")
    clinic.do("clients", "describe", "P-117", "--born", "1980-02-29", "--phototype", "III", "--by", "KM")
    course = clinic.json("courses", "open", *paper[:2], *paper[4:], "--sessions", "4")["course"]
    clinic.do("courses", "acknowledge", course, "--notice", "label.pigment", "--by", "KM")
    opened = ("--practitioner", "KM", "--plan", "face-pigment")
    visit = clinic.json("visits", "open", "--client", "P-117", *opened)["visit"]
    told["waiting"] = clinic.json("visits", "open", "--client", "P-118", *opened)["visit"]
    clinic.do(
        "screening", "answer", "P-117", "--all-no", "--yes", "moonlight", "--by", "KM", code=2
    )  # no such question
    clinic.do("screening", "answer", "P-117", "--all-no", "--visit", visit, "--by", "KM")
    signed = ("--what", "treatment", "--signed", "client,practitioner", "--visit", visit, "--by", "KM")
    clinic.do("consent", "record", "P-117", *signed)
    numbed = ("--product", "Lidocaine 4 %", "--on", "14:00", "--off", "14:25")
    clinic.do("anaesthetic", "note", *numbed, "--visit", visit, "--by", "KM")
    pack = ("--lot", "24B119", "--expires", "2099-03-31", "--needles", "14", "--by", "KM")
    clinic.do("cartridges", "box", "--count", "10", *pack)
    clinic.do("cartridges", "scan", *pack, "--visit", visit, "--attest", "yes")
    with PtyPen(directory / "pen") as pen, started(clinic, pen, "--visit", visit) as command:
        pen.introduce(command)
        for words in (("zone", "forehead"), ("endpoint", "red"), ("pass",)):
            devicelog("mark", *words, data_dir=clinic.data_dir).succeeded()
        pen.send(*samples(0, 60))
        command.wait_until(lambda: bytes_on_disk(clinic.data_dir) == pen.sent, "all bytes on disk")
        before = pen.sent
        command.send(signal.SIGKILL)
        command.end()
    with PtyPen(directory / "pen") as pen, started(clinic, pen, "--continue") as command:
        pen.introduce(command)
        devicelog("mark", "zone", "nose", data_dir=clinic.data_dir).succeeded()
        for person in ("ghost", "boss", "km"):
            said = devicelog("mark", "operator", person, data_dir=clinic.data_dir).succeeded()
            told[person] = [said.stdout, said.stderr]
        pen.send(*samples(200, 40))
        command.wait_until(lambda: bytes_on_disk(clinic.data_dir) == before + pen.sent, "all bytes on disk")
        command.send(signal.SIGINT)
        told["continued"] = command.end().succeeded().stderr
    first, second = (each["id"] for each in clinic.json("sessions", "list")["sessions"])
    care = ("--what", "aftercare", "--signed", "client", "--session", second, "--by", "KM")
    clinic.do("consent", "record", "P-117", *care)
    sign = ("sessions", "sign", second, "--meaning", "performed", "--pin-stdin")
    told["signed"] = clinic.json(*sign, "--person", "KM", typed=f"{PIN[::-1]}\n")
    told |= {"visit": visit, "course": course, "sessions": [first, second]}
    (directory / "told.json").write_text(json.dumps(told), encoding="utf-8")


def started(clinic: Clinic, pen: PtyPen, *more: str) -> Running:
    return Running("record", "--pen", pen.link, *more, data_dir=clinic.data_dir)


@pytest.fixture(scope="module")
def treated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Clinic, Json]:
    kept = shared(tmp_path_factory, "treated", treat)
    return Clinic(kept / "data"), json.loads((kept / "told.json").read_text(encoding="utf-8"))


def test_both_parts_are_one_visit_and_the_other_client_still_waits(treated: tuple[Clinic, Json]) -> None:
    clinic, told = treated
    open_ = {each["visit"]: each["sessions"] for each in clinic.json("visits", "list")["visits"]}
    assert open_ == {told["visit"]: told["sessions"], told["waiting"]: []}
    first, second = told["sessions"]
    assert clinic.json("sessions", "show", first)["status"] == "interrupted"
    shown = clinic.json("sessions", "show", second)
    assert (shown["status"], shown["client"], shown["practitioner"]) == ("closed", "P-117", "KM")
    assert f"visit {told['visit']}" in told["continued"]


def test_what_was_done_before_the_cut_counts_in_the_visit(treated: tuple[Clinic, Json]) -> None:
    clinic, told = treated
    done = clinic.json("sessions", "show", told["sessions"][1])["clinic"]["visit_done"]
    assert [(each["zone"], each["passes_low"], each["passes_high"]) for each in done] == [("forehead", 0, 1)]


def test_the_pen_is_handed_over_to_an_id_as_registered_and_to_others_with_a_word(treated: tuple[Clinic, Json]) -> None:
    _, told = treated
    assert "registered as ghost: recorded all the same" in told["ghost"][1]
    assert "boss is registered as admin" in told["boss"][1]
    assert told["km"][0].startswith("operator KM: recorded")
    assert told["km"][1] == ""


def test_the_course_counts_the_visit_once(treated: tuple[Clinic, Json]) -> None:
    clinic, told = treated
    course = clinic.json("courses", "show", told["course"])
    assert (course["done"], course["sessions"]) == (1, 4)
    assert [each["visit"] for each in course["treatments"]] == [told["visit"]] * 2


def test_every_field_of_a_treatment_record_is_there_or_not_recorded(treated: tuple[Clinic, Json]) -> None:
    clinic, told = treated
    record = clinic.json("sessions", "show", told["sessions"][1])["treatment"]
    assert record.keys() >= FIELDS
    empty = {key for key, value in record.items() if value in (None, "", [], {})}
    assert empty <= {"amendments", "overrides"}, "none were made; everything else is there, or `not recorded`"
    assert record["consent_treatment"]["signed"] == ["client", "practitioner"]
    assert [row["lot"] for row in record["cartridges"]] == ["24B119"]
    assert record["photos"] == record["barrier_sleeve"] == "not recorded"


def test_the_signature_names_person_meaning_and_time_and_holds(treated: tuple[Clinic, Json]) -> None:
    clinic, told = treated
    text, _ = clinic.do("sessions", "show", told["sessions"][1])
    [line] = [line for line in text.splitlines() if "Kim Moe" in line and "performed" in line]
    assert told["signed"]["at"][:10] in line
    said, _ = clinic.do("verify", "--all")
    assert "consistent" in said


def test_nothing_personal_is_in_the_ledger(treated: tuple[Clinic, Json]) -> None:
    clinic, _ = treated
    entries = b"".join(path.read_bytes() for path in (clinic.data_dir / "packages").glob("*.package.zip"))
    for word in (b"1980-02-29", b"Kim Moe", b"was on paper", b"P-117"):
        assert word not in entries
