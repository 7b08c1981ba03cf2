"""The PDF: the same words as the page, tagged, the same bytes each time, and no text that can break it."""

import re
import subprocess
import sys
from functools import cache

import pytest

from devicelog.errors import UsageProblem
from devicelog.packages.report.letters import BOX, LETTERS, shown
from devicelog.packages.report.pdf import pdf_report
from tests.oracles import needed
from tests.packages.reports import CHECKPOINT, GOLDEN, codes_on, facts, golden, long_session, of_scenario, words_of

HOSTILE = '#panic("x") #import "/etc/passwd": * $x$ *b* _i_ `c` [k] \\ // <label> @ref <script>alert(1)</script>'


@cache
def overdepth() -> bytes:
    return pdf_report(facts(*of_scenario("overdepth")))


def spaced(words: str) -> str:
    return " ".join(words.split())


def together(words: str) -> str:
    return "".join(words.split())


@pytest.mark.requirement("R11")
def test_it_says_what_the_report_says(tmp_path):
    report = facts(*of_scenario("overdepth"))
    told = together(words_of(overdepth(), tmp_path))
    assert report.zones is not None
    assert report.findings is not None
    cells = [cell for table in (report.zones, report.findings) for row in table.rows for cell in row]
    pairs = [word for fact in (*report.facts, *report.evidence) for word in (fact.name, fact.value)]
    lists = [words for part in report.sections for words in (part.heading, *part.says, *part.lines)]
    verdict = [report.verdict.upper(), report.verdict_says]
    for words in (report.id, report.title, *report.banners, *verdict, *cells, *pairs, *lists, *report.proved):
        assert together(words) in told
    assert together(CHECKPOINT) in told


def test_it_says_what_it_is_and_is_tagged(tmp_path):
    metadata = re.search(rb"<x:xmpmeta.*?</x:xmpmeta>", overdepth(), re.DOTALL)
    assert metadata is not None
    for words in (b"<pdfaid:part>2<", b"<pdfaid:conformance>A<", b"<pdfuaid:part>1<"):
        assert words in metadata[0]
    assert b"/StructTreeRoot" in overdepth()
    path = tmp_path / "report.pdf"
    path.write_bytes(overdepth())
    tree = subprocess.run([needed("pdfinfo"), "-struct", path], capture_output=True, text=True, check=True).stdout
    assert {"H1", "Table", "TR", "TH", "TD", "Figure", "L", "LI"} <= set(re.findall(r"^ *(\w+)", tree, re.MULTILINE))


def test_the_checkpoint_is_read_from_the_picture_of_a_page(tmp_path):
    assert codes_on(overdepth(), tmp_path) == [CHECKPOINT.encode()]


def test_four_zones_of_half_an_hour_are_two_pages_at_most(tmp_path):
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf_report(facts(*long_session())))
    told = subprocess.run([needed("pdfinfo"), path], capture_output=True, text=True, check=True).stdout
    assert int(re.search(r"Pages: +(\d+)", told)[1]) <= 2


def test_the_same_session_is_the_same_bytes_in_another_process():
    program = (
        "import hashlib; from tests.packages.reports import facts, of_scenario; "
        "from devicelog.packages.report.pdf import pdf_report; "
        "print(hashlib.sha256(pdf_report(facts(*of_scenario('overdepth')))).hexdigest())"
    )
    import hashlib

    environment = {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C", "SOURCE_DATE_EPOCH": "1", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == hashlib.sha256(overdepth()).hexdigest()


# --- texts ------------------------------------------------------------------------------------------------------------


def test_markup_is_text(tmp_path):
    session, rows = of_scenario("overdepth")
    note = {"at_us": 0, "record": 3, "text": HOSTILE}
    changes = {"client": HOSTILE, "practitioner": HOSTILE, "id": HOSTILE, "notes": [note]}
    plan = {"id": "p", "label": HOSTILE, "indication": HOSTILE}
    told = words_of(pdf_report(facts({**session, **changes, "plan": plan}, rows)), tmp_path)
    assert together(told).count(together(HOSTILE)) >= 5


def test_a_character_without_a_letter_is_replaced_and_listed(tmp_path):
    session, rows = of_scenario("clean")
    text = "日 😀 \u202e \x07 \ue000 e\u0301 שלום Жъ"
    told = spaced(words_of(pdf_report(facts({**session, "client": text}, rows)), tmp_path))
    for words in ("U+65E5 CJK UNIFIED IDEOGRAPH-65E5", "U+1F600 GRINNING FACE", "U+202E", "U+0007", "U+E000"):
        assert words in told
    assert "Жъ" in told
    assert "é" in told
    assert BOX in told


def test_a_report_that_lacks_none_lists_none(tmp_path):
    assert "no letter for" not in words_of(overdepth(), tmp_path)


def test_every_letter_of_the_table_has_one():
    session, rows = of_scenario("clean")
    letters = sorted(LETTERS)
    mixed = letters[::3] + letters[1::3] + letters[2::3]  # neighbours of other alphabets
    lines = ["".join(mixed[n : n + 40]) for n in range(0, len(mixed), 40)]
    notes = [{"at_us": 0, "record": 3, "text": line} for line in lines]
    changes = {"notes": notes, "plan": {"id": "p", "label": "".join(letters), "indication": ""}}
    assert shown(lines)[1] == []
    assert pdf_report(facts({**session, **changes}, rows)).startswith(b"%PDF")  # typst refuses where a glyph is missing


@pytest.mark.parametrize("char", ["\xad", "\u200b", "\u200e", "\u202e", "\u2066", "\x07", "\x85", "\u0301"], ids=ascii)
def test_what_nobody_sees_is_no_letter(char):
    assert shown([f"a{char}b"])[0] in ([f"a{BOX}b"], ["áb"])


@pytest.mark.parametrize("name", GOLDEN[::3])
def test_a_record_of_any_engine_is_a_pdf(name):
    assert pdf_report(facts(golden(name))).startswith(b"%PDF")


@pytest.mark.parametrize(
    "changes",
    [
        {"zones": [], "spans": [], "duration_us": 0},
        {"kind": "span", "plan": None, "plan_zones": [], "pen": None, "pens": [], "verdict": None, "client": None},
        {"closed_at": None, "verdict": None, "derived": None, "derivation": None, "derivations": 0, "engine": None},
        {"status": "interrupted", "ended": "interrupted", "verdict": "incomplete", "client": None},
    ],
    ids=["nothing arrived", "span", "open", "interrupted"],
)
def test_what_lacks_something_is_a_pdf(changes, tmp_path):
    session, rows = of_scenario("clean")
    report = facts({**session, **changes}, rows)
    told = together(words_of(pdf_report(report), tmp_path))
    assert all(together(banner) in told for banner in report.banners)


def test_without_typst_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(UsageProblem, match=r"pip install devicelog\[pdf\]"):
        pdf_report(facts(*of_scenario("clean")))
