"""The inspection's page as a browser has it: what it says, that nothing in it can act, and that it prints on A4."""

import re
import subprocess
from html.parser import HTMLParser

import pytest

from devicelog.packages.inspection.page import inspection_page
from devicelog.packages.inspection.sections import CANNOT_SHOW
from tests.oracles import needed
from tests.packages.ledgers import HASH, Ledger, derived_of, inspected

MADE = "Made 2031-02-01 09:00:00 UTC by devicelog 0."


class Text(HTMLParser):
    """The texts of a page, and every tag with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)


def page_of(told) -> str:
    return b"".join(inspection_page(told, made=MADE)).decode()


def texts(told) -> str:
    return " ".join("".join(Text(page_of(told)).texts).split())


@pytest.fixture
def ledger() -> Ledger:
    made = Ledger()
    made.start()
    made.open("s-0000000001")
    made.wait(600)
    made.close("s-0000000001")
    return made


def test_what_cannot_be_known_stands_on_every_page(ledger):
    for told in (inspected(ledger.entries), inspected([]), inspected(ledger.entries, first="2040-01-01")):
        for words in (
            *CANNOT_SHOW,
            "None recorded in this period.",
            "what nobody enters is not here",
            "this version cannot void a session",
        ):
            assert words in texts(told)


def test_every_session_has_one_row_in_the_order_of_the_log(ledger):
    names = ["s-0000000001"]
    for number in range(900, 400, -1):
        ledger.open(f"s-{number:010}")
        ledger.close(f"s-{number:010}")
        names.append(f"s-{number:010}")
    rows = re.findall(r'<tr><th scope="row"><bdi>(s-\d{10})</bdi></th>', page_of(inspected(ledger.entries)))
    assert rows == names


def test_tables_of_sessions_add_up_as_they_are_printed(ledger):
    for number, mode in enumerate(("real", "demo", "demo", "test", "unknown", "real"), 2):
        ledger.open(f"s-{number:010}", mode, practitioner=f"p-{number % 2}")
        ledger.close(f"s-{number:010}", mode=mode, ended="closed" if number % 3 else "interrupted")
    page = page_of(inspected(ledger.entries))
    tables = re.findall(r"<caption><bdi>Sessions by (.*?)</bdi></caption>.*?<tbody>(.*?)</tbody>", page, re.DOTALL)
    assert [caption for caption, _ in tables] == ["status", "verdict", "practitioner", "what ended them"]
    for _, body in tables:
        rows = [[int(cell) for cell in re.findall(r"<bdi>(\d+)</bdi></td>", row)] for row in body.split("</tr>")[:-1]]
        *parts, sums = rows
        assert sums == [sum(column) for column in zip(*parts, strict=True)]
        assert all(row[-1] == sum(row[:-1]) for row in rows)
        assert sums == [3, 2, 1, 1, 7]


def test_nothing_written_by_others_can_act_or_turn_the_text(ledger):
    hostile = '<script>alert("x")</script>\u202e<b>'
    ledger.open("s-0000000002", practitioner=hostile)
    ledger.close("s-0000000002", verdict=hostile, ended=hostile)
    ledger.attribute("s-0000000002", verdict=hostile)
    ledger.add("database.rebuilt", from_schema=2, to_schema=3, entries=7, root=HASH, guards=[hostile])
    body = dict.fromkeys(("stream", "client_ref", "client_commitment", "course"))
    told = {"rule": hostile, "zone": hostile}
    ledger.add("override.given", **body, visit=hostile, told=told, private=[hostile], documents={})
    over = {"rule": hostile, "severity": hostile, "zone": hostile, "detail": {"override": hostile}}
    mark = {"rule": hostile, "zone": hostile, "record": 1, "at_us": 1, "actor": hostile}
    derived = derived_of(over, overrides=[mark])
    page = Text(page_of(inspected(ledger.entries, {"s-0000000001": derived})))
    allowed = "html head meta title style body header h1 h2 span p main dl dt dd bdi table caption thead tbody tr th td"
    assert {tag for tag, _ in page.tags} <= {*allowed.split(), "section", "ul", "li", "footer"}
    assert not {name for _, attributes in page.tags for name in attributes} - {
        *("lang", "charset", "http-equiv", "content", "name", "class", "scope")
    }
    assert hostile.replace("\u202e", "\ufffd") in page.texts


def test_the_page_asks_for_nothing_outside(ledger):
    page = page_of(inspected(ledger.entries))
    assert "default-src 'none'" in page
    assert not re.search(r"https?:|src=|href=|url\(|@import", page)


def test_a_loss_is_a_banner(ledger):
    ledger.add("database.rebuilt", from_schema=2, to_schema=3, entries=7, root=HASH, guards=["chunk_no_delete"])
    told = inspected(ledger.entries, {"s-0000000001": None})
    banners = re.findall(r'<p class="banner"><bdi>(.*?)</bdi>', page_of(told))
    assert [banner.split()[0] for banner in banners] == ["DERIVED", "GUARDS"]
    assert "not readable" in texts(told)


def test_tables_name_a_mode_that_this_version_does_not_know(ledger):
    ledger.open("s-0000000002")
    ledger.close("s-0000000002", mode="rehearsal")
    assert "rehearsal" in texts(inspected(ledger.entries))


def test_findings_and_use_are_in_words(ledger):
    jump = {
        "rule": "counter.jump",
        "severity": "medium",
        "zone": None,
        "detail": {"before": {"strokes": 900, "passes": 2}, "inside": {"strokes": 0, "passes": 0}},
    }
    said = texts(inspected(ledger.entries, {"s-0000000001": derived_of(jump, not_assessable=1)}))
    assert "counter.jump: 900 strokes and 2 passes while nobody listened" in said
    assert "1 medium; 1 not assessable" in said


def test_it_prints_on_a4_with_its_head_on_every_page(ledger, tmp_path):
    chromium, pdftotext, pdfinfo = needed("chromium"), needed("pdftotext"), needed("pdfinfo")
    for number in range(2, 200):
        ledger.open(f"s-{number:010}")
        ledger.close(f"s-{number:010}")
    page, printed = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_bytes(b"".join(inspection_page(inspected(ledger.entries), made=MADE)))
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", f"--user-data-dir={tmp_path}/c")
    subprocess.run([chromium, *options, f"--print-to-pdf={printed}", page.as_uri()], check=True, capture_output=True)
    info = subprocess.run([pdfinfo, printed], check=True, capture_output=True, text=True).stdout
    assert "A4" in info
    sheets = subprocess.run([pdftotext, "-layout", printed, "-"], check=True, capture_output=True, text=True).stdout
    with_rows = [sheet for sheet in sheets.split("\f") if re.search(r"s-\d{10}\s+\d+\s+2031", sheet)]
    assert len(with_rows) > 1
    assert all(re.search(r"session\s+entry\s+opened", sheet) for sheet in with_rows)
    assert len(re.findall(r"s-\d{10}\s+\d+\s+2031", sheets)) == 199
