"""The page: whole by itself, readable by anybody, and every text in it is text."""

from html.parser import HTMLParser

import pytest

from devicelog.packages.report.html import html_report
from tests.packages.reports import CHECKPOINT, GOLDEN, SCENARIOS, facts, golden, of_scenario

VOID = {"meta", "br", "img", "link", "hr", "input"}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "&lt;b&gt; &amp; &#60;",
    "</style></title></textarea><!-- ]]>",
    "שלום evil",
    "😀 日本 \u0301",
]


class Page(HTMLParser):
    """Elements, attributes and text, and that what is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self.words.append(data)

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag == name]


def page(scenario: str = "overdepth", **changes) -> Page:
    session, rows = of_scenario(scenario)
    return Page(html_report(facts({**session, **changes}, rows)))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_is_a_page(scenario):
    session, _ = of_scenario(scenario)
    words = page(scenario).words
    assert session["id"] in words
    assert session["verdict"] in words


@pytest.mark.parametrize("name", GOLDEN)
def test_a_record_of_any_engine_is_a_page(name):
    assert Page(html_report(facts(golden(name)))).words


def test_it_needs_nothing_from_outside():
    text = html_report(facts(*of_scenario("overdepth")))
    elements = Page(text).elements
    assert not {"script", "img", "link", "iframe", "object", "a", "form", "base"} & {tag for tag, _ in elements}
    assert not {"src", "href", "action", "style", "srcdoc"} & {name for _, names in elements for name in names}
    assert not [name for _, names in elements for name in names if name.startswith("on")]
    assert "@import" not in text
    assert text.count("url(") == text.count("url(#gap)")
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")


def test_who_cannot_see_it_is_told_the_same():
    told = page()
    assert told.all("html") == [{"lang": "en"}]
    assert len(told.all("h1")) == 1
    assert {"main", "header", "footer", "title"} <= {tag for tag, _ in told.elements}
    assert len(told.all("caption")) == len(told.all("table")) == 2
    assert {cell.get("scope") for cell in told.all("th")} == {"col", "row"}
    drawings = told.all("svg")
    assert [drawing["role"] for drawing in drawings] == ["img", "img"]
    assert facts(*of_scenario("overdepth")).plot_says in told.words


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("where", ["client", "practitioner", "id", "note", "plan", "serial", "reason"])
def test_a_text_is_text_wherever_it_stands(where, text):
    session, _ = of_scenario("overdepth")
    changes = {
        "client": {"client": text},
        "practitioner": {"practitioner": text},
        "id": {"id": text},
        "note": {"notes": [{"at_us": 0, "record": 3, "text": text}]},
        "plan": {"plan": {"id": "p", "label": text, "indication": text}},
        "serial": {"pen": {**session["pen"], "serial": text}},
        "reason": {
            "derivation": 2,
            "derivations": 2,
            "attribution": {
                "at": text,
                "practitioner": text,
                "auth": "none",
                "reason": text,
                "moved": [],
                "client_ref": None,
            },
        },
    }[where]
    plain, hostile = page(), page(**changes)
    assert any(text in words for words in hostile.words)
    if where != "reason":  # which has lines of its own
        assert {tag for tag, _ in hostile.elements} - {"li", "ul"} == {tag for tag, _ in plain.elements} - {"li", "ul"}


@pytest.mark.parametrize("char", ["\x00", "\x0b", "\x1b", "\x85", "\ud800", "\u202e", "\u2067"], ids=ascii)
def test_what_no_page_may_have_is_shown_as_replaced(char):
    session, rows = of_scenario("clean")
    text = html_report(facts({**session, "client": f"P{char}7"}, rows))
    assert "P\ufffd7" in text
    text.encode()


def test_the_checkpoint_stands_in_it_as_it_is():
    assert CHECKPOINT in "".join(page().words)


def test_the_same_session_is_the_same_page():
    assert html_report(facts(*of_scenario("overdepth"))) == html_report(facts(*of_scenario("overdepth")))


def test_numbers_stand_to_the_right():
    report = facts(*of_scenario("overdepth"))
    assert report.zones is not None
    numbers = sum(column.numeric for column in report.zones.columns)
    told = page()
    assert sum(cell.get("class") == "n" for cell in told.all("th")) == numbers
    assert sum(cell.get("class") == "n" for cell in told.all("td")) == numbers * len(report.zones.rows)
