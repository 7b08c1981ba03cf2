"""What is not shown is in no shape: looked for in every byte that the writers give."""

import json
from collections.abc import Iterator

import pytest

from devicelog.canonical import Json
from devicelog.packages.fhir import bundle
from devicelog.packages.redaction import Shown, shown
from devicelog.packages.tables import findings_csv, sessions_csv, zones_csv
from tests.packages.shaped import LOG, SOFTWARE, of_scenario

CODE, REF, OTHER_REF, NOTE, REASON = "K-1047-x", "c-00aa00aa00aa00aa", "c-11bb11bb11bb11bb", "numb cheek", "wrong side"
CALLED = "study 7, subject 12"
SECRETS = {"code": CODE, "note": NOTE, "reason": REASON, "reference": REF, "reference before": OTHER_REF}


@pytest.fixture(scope="module")
def session() -> Json:
    attribution = {
        "at": "2031-01-02T10:00:00.000Z",
        "practitioner": "p-07",
        "auth": "none",
        "reason": REASON,
        "moved": [],
        "client_ref": OTHER_REF,
    }
    notes = [{"at_us": 5_000_000, "record": 7, "text": NOTE}]
    return of_scenario("clean", client=CODE, client_ref=REF, attribution=attribution, notes=notes, derivation=2)


def shapes(session: Shown) -> Iterator[bytes]:
    """Every byte of every shape, and of the value itself, which the report is made from."""
    for table in (sessions_csv, zones_csv, findings_csv):
        yield from table([session])
    yield from bundle([(session, b"proof")], zone_labels={}, software=SOFTWARE, log=LOG)
    yield json.dumps(session).encode()


HIDDEN: dict[str, tuple[bool, str | None, set[str]]] = {
    "everything": (False, None, set()),
    "redacted": (True, None, {"code", "note", "reason"}),
    "called otherwise": (False, CALLED, {"code", "reference", "reference before"}),
    "redacted and called otherwise": (True, CALLED, set(SECRETS)),
}


@pytest.mark.parametrize(("redacted", "called", "hidden"), HIDDEN.values(), ids=HIDDEN.keys())
@pytest.mark.requirement("R27")
def test_what_is_hidden_is_nowhere_and_the_rest_is_there(
    session: Json, redacted: bool, called: str | None, hidden: set[str]
) -> None:
    data = b"".join(shapes(shown(session, redacted=redacted, client_called=called)))
    assert {name for name, secret in SECRETS.items() if secret.encode() not in data} == hidden
    assert (CALLED.encode() in data) == (called is not None)


def test_what_was_given_stays_as_it_was(session: Json) -> None:
    before = json.dumps(session)
    shown(session, redacted=True, client_called=CALLED)
    assert json.dumps(session) == before


def test_the_clients_code_is_in_no_bundle(session: Json) -> None:
    """A record system gets the reference; who it is, the clinic knows."""
    data = b"".join(bundle([(shown(session, redacted=False), None)], zone_labels={}, software=SOFTWARE, log=LOG))
    assert CODE.encode() not in data
    assert REF.encode() in data


@pytest.mark.requirement("R22")
def test_two_recipients_have_no_identifier_of_the_client_in_common(session: Json) -> None:
    """Also none that was made from one: a UUID over the reference would tell it to whoever guesses."""
    other = {**session, "client_ref": OTHER_REF, "client": "another"}
    same, changed = (
        b"".join(
            bundle([(shown(it, redacted=True, client_called="A"), None)], zone_labels={}, software=SOFTWARE, log=LOG)
        )
        for it in (session, other)
    )
    assert same == changed


def test_an_erased_client_and_erased_texts_are_left_out(session: Json) -> None:
    erased = {
        **session,
        "client": None,
        "notes": [{**session["notes"][0], "text": None}],
        "attribution": {**session["attribution"], "reason": None},
    }
    data = b"".join(shapes(shown(erased, redacted=False)))
    assert REF.encode() in data
    assert b"at 5.0 s: None" not in data
    assert b": None" not in data
