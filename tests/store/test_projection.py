"""What each ledger entry changes in the lists, on the entries of docs/record.md: every column, by hand."""

from typing import Any

import pytest

from devicelog.canonical import canonical
from devicelog.ledger.entries import Entry, read_entry
from devicelog.store.projection import Change, project
from tests.pages import block

TEXTS = [line.split(" | ", 1)[1].rsplit(" | ", 1)[0].encode() for line in block("record.md", "entries").splitlines()]
ENTRIES = {entry.type: entry for entry in map(read_entry, TEXTS)}
SESSION, SPAN = "s-7k3m9q2xwd", "u-0000000001"
OF_SESSION, OF_SPAN, MOVED = (
    ENTRIES[name].body["derived"] for name in ("session.closed", "span.recorded", "session.attributed")
)

CHANGES: dict[str, Change] = {
    "span.opened": Change(
        stream=SPAN,
        opens=True,
        values={
            "no": 2,
            "id": SPAN,
            "kind": "span",
            "status": "recording",
            "mode": "demo",
            "opened_at": "2031-01-01T00:00:02.123Z",
            "clock": "synced",
            "client_ref": None,
            "practitioner": None,
            "plan": None,
            "pen_serial": None,
            "derivations": 0,
        },
    ),
    "span.recorded": Change(
        stream=SPAN,
        opens=False,
        values={
            "status": "closed",
            "mode": "unknown",
            "pen_serial": None,
            "verdict": None,
            "closed_at": "2031-01-01T00:00:03.123Z",
            "closed_seq": 3,
            "derived": OF_SPAN,
            "derivations": 1,
        },
    ),
    "session.opened": Change(
        stream=SESSION,
        opens=True,
        values={
            "no": 4,
            "id": SESSION,
            "kind": "session",
            "status": "recording",
            "mode": "demo",
            "opened_at": "2031-01-01T00:00:04.123Z",
            "clock": "synced",
            "client_ref": "c-0123456789abcdef",
            "practitioner": "p-07",
            "plan": "full-face",
            "pen_serial": "SIM-915407",
            "derivations": 0,
        },
    ),
    "state.changed": Change(stream=SESSION, opens=False, values={"status": "paused"}),
    "session.closed": Change(
        stream=SESSION,
        opens=False,
        values={
            "status": "closed",
            "mode": "demo",
            "pen_serial": "SIM-915407",
            "verdict": "not assessable",
            "closed_at": "2031-01-01T00:00:07.123Z",
            "closed_seq": 7,
            "derived": OF_SESSION,
            "derivations": 1,
        },
    ),
    "stream.sealed": Change(stream="s-0000000002", opens=False, values={"sealed_seq": 16}),
    "package.written": Change(stream="s-0000000002", opens=False, values={"package": "ef" * 32}),
    "package.released": Change(stream="s-0000000002", opens=False, values={"released_seq": 18}),
    "package.imported": Change(
        stream="s-00000000zz",
        opens=True,
        values={
            "no": 19,
            "id": "s-00000000zz",
            "kind": "session",
            "status": "closed",
            "closed_seq": 19,
            "sealed_seq": None,
            "package": "0f" * 32,
            "released_seq": 19,
        },
    ),
    "session.attributed": Change(
        stream=SESSION, opens=False, values={"verdict": "not assessable", "derived": MOVED, "derivations": 2}
    ),
}


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.requirement("R01")
def test_an_entry_changes_exactly_this(name: str) -> None:
    assert project(ENTRIES[name]) == CHANGES.get(name)


def with_body(name: str, **body: Any) -> Entry:
    entry = ENTRIES[name]
    return read_entry(canonical({**entry.values, "body": {**entry.body, **body}}))


def test_a_session_without_a_pen_has_no_serial() -> None:
    change = project(with_body("session.opened", pen=None))
    assert change is not None
    assert change.values["pen_serial"] is None


def test_an_attribution_to_another_client_moves_the_session() -> None:
    change = project(with_body("session.attributed", client_ref="c-fedcba9876543210", client_commitment="0" * 64))
    assert change is not None
    assert change.values == CHANGES["session.attributed"].values | {"client_ref": "c-fedcba9876543210"}
