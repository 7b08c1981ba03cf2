"""docs/treatment-record.md has every field as the code has it, and report.md every part of it."""

from devicelog.clinic.signatures import AMENDABLE
from devicelog.clinic.treatment import FIELDS
from tests.clinic.facts_alone import record_of
from tests.pages import cells


def test_the_table_of_the_page_is_that_of_the_code() -> None:
    told = [
        [key, field.words + " (personal)" * field.personal, field.basis, field.source, amended(field.amended)]
        for key, field in FIELDS.items()
    ]
    assert [[cell.replace("`", "") for cell in row] for row in cells("treatment-record.md", "## The fields")] == [
        [cell.replace("`", "") for cell in row] for row in told
    ]


def test_every_field_of_an_amendment_is_of_a_field_here() -> None:
    assert {name for field in FIELDS.values() for name in field.amended} == AMENDABLE.keys() - {"note"}


def amended(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "-"


def test_of_facts_alone_there_is_a_record() -> None:
    account = {"closes": True}
    facts = {"zones": [], "mode": "real", "gaps": [], "short_gaps": {"n": 0}, "completeness": account, "pen": None}
    record = record_of(facts)
    assert record["device"] == "not recorded"
    assert record["sensors"]["source"] == "not recorded"
    assert record["zones"] == []
