"""Attributions: what one changes in the list of sessions, and what verify finds when one is not what it must be."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devicelog.canonical import Json, canonical, parse_canonical
from devicelog.errors import EvidenceDamaged
from devicelog.ledger.entries import Actor, read_entry
from devicelog.store.database import open_for_writing
from devicelog.store.evidence import Evidence
from devicelog.store.transaction import NOTE_TAG, Transaction, commitment
from tests.databases import (
    FIRST,
    PRACTITIONER,
    SECOND,
    SPAN,
    StillClock,
    make_database,
    plain,
    problems,
    report,
    rows,
    spoil,
)

SALT = b"salt of the reason".ljust(32, b"\0")
REASON = "the left cheek was marked as the right one"
ZONES = [{"first_record": 3, "last_record": 80, "zone": "cheek.left"}]


def attribute(
    path: Path,
    *,
    stream: str = FIRST,
    client: str | None = None,
    actor: Actor = PRACTITIONER,
    change: Callable[[Json], Json] = lambda body: body,
) -> Json:
    """Write one as a command would, its body changed at the last moment; returns the body."""
    engine, head = open_for_writing(path.parent, stamps=StillClock(), sw={"version": "0", "engine": 7})
    with Evidence(path) as evidence:
        row = evidence.stream(stream)
        derived = parse_canonical(evidence.document(row["derived"])) | {"engine": 7, "attributed": row["derivations"]}
    with engine.connect() as connection, connection.begin():
        transaction = Transaction(connection, head, stamps=StillClock(), sw={"version": "0", "engine": 7})
        reason = commitment(NOTE_TAG, SALT, REASON)
        if not connection.exec_driver_sql("SELECT 1 FROM note WHERE commitment = ?", (reason,)).first():
            transaction.note(SALT, REASON)
        ref, client_commitment = (None, None) if client is None else transaction.client(client)
        body = change(
            {
                "stream": stream,
                "number": row["derivations"] + 1,
                "zones": ZONES,
                "client_ref": ref,
                "client_commitment": client_commitment,
                "reason_sha256": reason,
                "derived": transaction.document(canonical(derived)),
                "engine": 7,
                "verdict": derived.get("verdict"),
            }
        )
        transaction.entry("session.attributed", body, actor)
    return body


def row_of(path: Path, stream: str = FIRST) -> Json:
    with Evidence(path) as evidence:
        return dict(evidence.stream(stream))


def test_what_closed_has_one_derivation_and_what_is_open_has_none(tmp_path: Path, pristine: Path) -> None:
    assert [n for (n,) in rows(pristine, "SELECT derivations FROM stream ORDER BY no")] == [1, 1, 1]
    assert row_of(make_database(tmp_path / "data", leave_open=True), SECOND)["derivations"] == 0


def test_a_zone_moved_is_a_second_derivation_and_the_first_stays(recorded: Path) -> None:
    before = row_of(recorded)
    body = attribute(recorded)
    changed = {"derived": body["derived"], "verdict": body["verdict"], "derivations": 2}
    assert row_of(recorded) == before | changed
    with Evidence(recorded) as evidence:
        closing = evidence.closing(row_of(recorded))
        assert closing is not None
        assert closing.body["derived"] == before["derived"] != body["derived"]
        assert evidence.document(before["derived"])
        assert evidence.note_text(body["reason_sha256"]) == REASON
    assert problems(recorded) == []
    assert problems(recorded, FIRST) == []


def test_an_entry_that_only_names_a_session_is_no_correction_of_it(recorded: Path) -> None:
    """A practitioner's id may be that of a session, and a correction of another one may come between."""
    namesake = replace(PRACTITIONER, id=FIRST)
    first = attribute(recorded)
    attribute(recorded, stream=SECOND, actor=namesake)
    second = attribute(recorded, actor=namesake)
    with Evidence(recorded) as evidence:
        found = evidence.attributions(evidence.stream(FIRST))
    assert [entry.body for entry in found] == [first, second]
    assert problems(recorded) == []


def test_an_entry_that_is_not_the_next_derivation_is_told(recorded: Path) -> None:
    attribute(recorded)
    attribute(recorded, change=lambda body: body | {"number": 2})
    with Evidence(recorded) as evidence, pytest.raises(EvidenceDamaged, match=f"is not derivation 3 of {FIRST}"):
        evidence.attributions(evidence.stream(FIRST) | {"derivations": 3})


def test_another_client_is_moved_in_the_list_and_committed_to(recorded: Path) -> None:
    before = row_of(recorded)
    body = attribute(recorded, client="K-2000")
    assert row_of(recorded)["client_ref"] == body["client_ref"] != before["client_ref"]
    attribute(recorded)
    assert (row_of(recorded)["derivations"], row_of(recorded)["client_ref"]) == (3, body["client_ref"])
    assert problems(recorded) == []
    spoil(recorded, ("UPDATE client SET code = 'K-2001' WHERE client_ref = ?", (body["client_ref"],)))
    [problem] = problems(recorded)
    assert problem.startswith(f"the code of client {body['client_ref']} was changed")


def test_what_was_erased_of_an_attribution_is_counted_and_is_no_problem(recorded: Path) -> None:
    body = attribute(recorded, client="K-2000")
    assert report(recorded).erased == 0
    with plain(recorded) as connection:
        connection.execute("DELETE FROM note WHERE commitment = ?", (body["reason_sha256"],))
        connection.execute("DELETE FROM client WHERE client_ref = ?", (body["client_ref"],))
    found = report(recorded)
    assert (found.problems, found.erased) == ([], 2)


def test_a_reason_that_was_changed(recorded: Path) -> None:
    body = attribute(recorded)
    spoil(recorded, ("UPDATE note SET text = 'x' WHERE commitment = ?", (body["reason_sha256"],)))
    assert problems(recorded) == [f"the note {body['reason_sha256']} was changed: it is not what its record commits to"]


WRONG: dict[str, tuple[Json, str]] = {
    "number skipped": ({"number": 3}, f"is derivation 3 of {FIRST}; the next one is 2"),
    "number repeated": ({"number": 1}, f"is derivation 1 of {FIRST}; the next one is 2"),
    "document missing": ({"derived": "ab" * 32}, f"the derived document of {FIRST} is missing: {'ab' * 32}"),
    "another verdict": ({"verdict": "perfect"}, f"the derived record of {FIRST} has another verdict than"),
    "another engine": ({"engine": 8}, f"the derived record of {FIRST} has another engine than"),
}


@pytest.mark.parametrize(("changed", "told"), WRONG.values(), ids=WRONG)
def test_an_attribution_that_does_not_follow(changed: Json, told: str, recorded: Path) -> None:
    attribute(recorded, change=lambda body: body | changed)
    assert any(told in problem for problem in problems(recorded)), problems(recorded)


@pytest.mark.parametrize("stream", [SPAN, "s-9999999999"], ids=["a span", "none"])
def test_an_attribution_of_what_is_no_closed_session(stream: str, recorded: Path) -> None:
    attribute(recorded, change=lambda body: body | {"stream": stream})
    assert any("is of no closed session" in problem for problem in problems(recorded))


@pytest.mark.requirement("R08")
def test_an_attribution_of_a_session_that_is_open(tmp_path: Path) -> None:
    path = make_database(tmp_path / "data", leave_open=True)
    attribute(path, change=lambda body: body | {"stream": SECOND})
    assert any("is of no closed session" in problem for problem in problems(path))


@pytest.mark.parametrize("at", [0, 200, 400, -1])
def test_a_byte_of_an_attribution(at: int, recorded: Path) -> None:
    attribute(recorded)
    [(seq, data)] = rows(recorded, "SELECT seq, bytes FROM ledger_entry ORDER BY seq DESC LIMIT 1")
    changed = bytearray(data)
    changed[at] ^= 1
    spoil(recorded, ("UPDATE ledger_entry SET bytes = ? WHERE seq = ?", (bytes(changed), seq)))
    assert any(problem.startswith(f"ledger entry {seq} was changed") for problem in problems(recorded))


REFUSED: dict[str, Json] = {
    "zones no list": {"zones": {}},
    "a zone without an end": {"zones": [{"first_record": 1, "zone": "chin"}]},
    "a zone by number": {"zones": [{"first_record": 1, "last_record": 2, "zone": 3}]},
    "a truth for a number": {"zones": [{"first_record": True, "last_record": 2, "zone": "chin"}]},
    "a client without a commitment": {"client_ref": "c-0000000000000000"},
    "a number in words": {"number": "two"},
}


@pytest.mark.parametrize("changed", REFUSED.values(), ids=REFUSED)
def test_an_attribution_that_cannot_be_read_is_not_written(changed: Any, recorded: Path) -> None:
    before = rows(recorded, "SELECT count(*) FROM ledger_entry")
    with pytest.raises(ValueError, match=r"session\.attributed: "):
        attribute(recorded, change=lambda body: body | changed)
    assert rows(recorded, "SELECT count(*) FROM ledger_entry") == before
    [(data,)] = rows(recorded, "SELECT bytes FROM ledger_entry ORDER BY seq DESC LIMIT 1")
    assert read_entry(data).type != "session.attributed"
