"""Erasing a client: gone from every byte, refused where it must be, and gone for good when an old copy is put back."""

import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from devicelog.canonical import Json
from devicelog.errors import BadTransition, NotFound, UsageProblem
from devicelog.packages.reading import PackageEvidence
from devicelog.recorder.access import Access, Alone, alone
from devicelog.recorder.acts import act
from devicelog.recorder.attributing import attribute_here, parse_attribution
from devicelog.recorder.erasing import EraseCommand, erase, held_on, parse_erase
from devicelog.recorder.recovery import software
from devicelog.recorder.retention import RetentionCommand, parse_retention, set_retention
from devicelog.recorder.sealing import seal_newest
from devicelog.store import erasures
from devicelog.store.clients import client, clients
from devicelog.store.database import FILE_NAME, open_for_writing
from devicelog.store.engine import writer_engine
from devicelog.store.erasures import empty_log, erase_rows
from devicelog.store.evidence import Evidence
from devicelog.store.rebuild import rebuild
from devicelog.store.schema import create_tables
from devicelog.store.transaction import Transaction
from tests.databases import CLIENT, FIRST, NOTE, SECOND, StillClock, make_database, one, plain, problems, report, rows

OTHER = "K-2000"
REASON = "asked for it in writing"
NOW = {"at": "2031-01-01T00:00:00.000Z", "clock": "synced"}  # as all entries of these databases


class Clock(StillClock):
    """Stands still, and may not be sure."""

    def __init__(self, confidence: str = "synced", at: str = NOW["at"]) -> None:
        super().__init__()
        self.confidence, self.at = confidence, at

    def stamp(self) -> Json:
        return {"at": self.at, "mono_us": self.us, "boot": self.boot, "clock": self.confidence}


@pytest.fixture(scope="session")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory of two sessions of two clients, sealed, with a retention of no days. Nobody may change it."""
    data_dir = tmp_path_factory.mktemp("sealed") / "data"
    make_database(data_dir, second_client=OTHER)
    with alone(data_dir) as access:
        seal_newest(access, 100)
        set_retention(access, RetentionCommand(days=0, practitioner="KM", reason="no law here"))
    return data_dir


@pytest.fixture
def data_dir(sealed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sealed, tmp_path / "copy"))


def ref_of(data_dir: Path, code: str = CLIENT) -> str:
    with Evidence(data_dir / FILE_NAME) as evidence:
        return client(evidence, code).client_ref


@contextmanager
def writing(data_dir: Path, clock: StillClock | None = None) -> Iterator[Access]:
    """The same as `alone`, by a clock that is given."""
    stamps = clock or StillClock()
    engine, _ = open_for_writing(data_dir, stamps=stamps, sw=software())
    yield Alone(data_dir=data_dir, engine=engine, stamps=stamps)


def erased(data_dir: Path, code: str = CLIENT, *, now: Json = NOW, **more: Any) -> Json:
    command = EraseCommand(client_ref=ref_of(data_dir, code), practitioner="KM", reason=REASON, **more)
    with writing(data_dir) as access:
        return erase(access, command, now)


def retain(data_dir: Path, days: int, clock: StillClock | None = None) -> None:
    with writing(data_dir, clock) as access:
        set_retention(access, RetentionCommand(days=days, practitioner="KM", reason="a law"))


def holding(data_dir: Path, *texts: str) -> list[str]:
    """The files below a folder that have one of these texts in any of their bytes."""
    files = [path for path in data_dir.rglob("*") if path.is_file()]
    return sorted(path.name for path in files if any(text.encode() in path.read_bytes() for text in texts))


def private_rows(path: Path) -> list[tuple[str, tuple[Any, ...]]]:
    tables = ("client", "note", "pseudonym")
    return [(table, row) for table in tables for row in rows(path, f"SELECT * FROM {table} ORDER BY 1, 2")]


def put_back(path: Path, kept: list[tuple[str, tuple[Any, ...]]]) -> None:
    with plain(path) as connection:
        for table, row in kept:
            connection.execute(f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(row))})", row)


# --- gone -------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("R28")
def test_code_and_texts_are_in_no_byte_of_any_file_and_everything_still_verifies(recorded: Path) -> None:
    with alone(recorded.parent) as access:
        seal_newest(access, 100)
        enter = {"do": "export", "sessions": [FIRST], "formats": ["bag"], "recipient": "insurer"}
        act(access, enter)
        told = one(recorded, "SELECT pseudonym FROM pseudonym")
    retain(recorded.parent, 0)
    assert {FILE_NAME, f"{FIRST}.private.json", f"{SECOND}.private.json"} <= set(
        holding(recorded.parent, CLIENT, NOTE, told)
    )
    done = erased(recorded.parent)
    assert (done["log_emptied"], done["faults"], done["sessions"], done["rows"]) == (True, [], 2, 4)
    assert holding(recorded.parent, CLIENT, NOTE, told) == []
    assert problems(recorded) == []
    assert report(recorded).erased == 3  # two notes and a code
    for stream in (FIRST, SECOND):
        with PackageEvidence(recorded.parent / "packages" / f"{stream}.package.zip") as package:
            package.check()
            assert package.client_code(done["client_ref"]) is None


@pytest.mark.requirement("R28")
def test_the_entry_says_what_and_who_and_not_why(data_dir: Path) -> None:
    ref, seq = ref_of(data_dir), erased(data_dir)["entry"]
    with Evidence(data_dir / FILE_NAME) as evidence:
        entry = evidence.entry(seq)
        assert entry.type == "private.erased"
        assert entry.values["actor"] == {"id": "KM", "role": "practitioner", "auth": "none"}
        assert (entry.body["client_ref"], entry.body["streams"]) == (ref, [FIRST])
        assert len(entry.body["notes"]) == 1
        assert evidence.note_text(entry.body["reason_sha256"]) == REASON
        assert client(evidence, OTHER).erased is None


def test_another_client_keeps_every_row_and_file(data_dir: Path) -> None:
    path, file = data_dir / FILE_NAME, data_dir / "packages" / f"{SECOND}.private.json"
    theirs, before = file.read_bytes(), private_rows(path)
    erased(data_dir)
    assert file.read_bytes() == theirs
    after = private_rows(path)
    gone = [row for row in before if row not in after]
    assert [(table, row[2]) for table, row in gone] == [("client", CLIENT), ("note", NOTE)]


def test_bytes_that_sqlite_left_behind_when_it_moved_a_row_are_gone_too(tmp_path: Path) -> None:
    """Made with secure_delete off, as SQLite comes from many makers: old copies of rows stay in its pages."""
    path, codes = tmp_path / FILE_NAME, [f"code-{secrets.token_hex(8)}" for _ in range(600)]
    engine = writer_engine(path)
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("PRAGMA secure_delete = OFF")
        create_tables(connection)
        for code in codes:
            row = (f"c-{secrets.token_hex(8)}", secrets.token_bytes(32), code)
            connection.exec_driver_sql("INSERT INTO client VALUES (?, ?, ?)", row)
    data = path.read_bytes()
    moved = [code for code in codes if data.count(code.encode()) > 2]  # in the table and in its index
    assert moved
    with plain(path) as spared:
        spared.execute("PRAGMA secure_delete = ON")
        spared.execute("DELETE FROM client WHERE code = ?", (moved[0],))
    assert moved[0].encode() in path.read_bytes()
    with engine.connect() as connection, connection.begin():
        [ref] = connection.exec_driver_sql("SELECT client_ref FROM client WHERE code = ?", (moved[1],)).scalars()
        assert erase_rows(connection, {ref}) == 1
    assert empty_log(path)
    assert not [code for code in moved[:2] if code.encode() in path.read_bytes()]
    assert one(path, "SELECT count(*) FROM client") == len(codes) - 2


def test_a_log_that_somebody_reads_is_not_emptied_and_that_is_told(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasures, "_EMPTYING_S", 0.0)
    path = data_dir / FILE_NAME
    with plain(path) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM ledger_entry").fetchone()
        assert erased(data_dir)["log_emptied"] is False
    assert empty_log(path)
    assert holding(data_dir, CLIENT) == []


def test_an_erased_client_who_comes_back_is_somebody_new(data_dir: Path) -> None:
    before = ref_of(data_dir)
    erased(data_dir)
    with writing(data_dir) as access:
        ref, _ = access.append(lambda transaction: transaction.client(CLIENT))
    assert ref != before
    with Evidence(data_dir / FILE_NAME) as evidence:
        assert {each.client_ref: each.code for each in clients(evidence)}[before] is None
        assert client(evidence, CLIENT).client_ref == ref
    assert problems(data_dir / FILE_NAME) == []


# --- a session that was corrected to another client -------------------------------------------------------------------


def _moved(data_dir: Path, reason: str) -> None:
    """The first session was of the other client."""
    request = {"session": FIRST, "practitioner": "KM", "reason": reason, "moves": [], "client": OTHER}
    assert attribute_here(data_dir, parse_attribution(request, ()))["ok"]
    with alone(data_dir) as access:
        assert act(access, {"do": "extend", "session": FIRST})["extended"]


def test_notes_go_with_whom_the_newest_derivation_names_and_the_reason_with_either(data_dir: Path) -> None:
    reason = f"it was not {CLIENT}"
    _moved(data_dir, reason)
    file = data_dir / "packages" / f"{FIRST}.private.json"
    assert CLIENT in file.read_text()
    assert erased(data_dir)["rows"] == 2  # the code, and the reason
    assert holding(data_dir, CLIENT, reason) == []
    assert OTHER in file.read_text()
    assert NOTE in file.read_text()
    assert one(data_dir / FILE_NAME, "SELECT count(*) FROM note WHERE text = ?", NOTE) == 2
    assert problems(data_dir / FILE_NAME) == []


def test_erasing_the_client_it_was_corrected_to_takes_its_notes(data_dir: Path) -> None:
    _moved(data_dir, "the one before was not ended")
    with Evidence(data_dir / FILE_NAME) as evidence:
        held = held_on(evidence, client(evidence, OTHER))
    assert ([row["id"] for row in held.sessions], len(held.texts)) == ([FIRST, SECOND], 3)
    assert erased(data_dir, OTHER)["rows"] == 4
    assert holding(data_dir, OTHER, NOTE, "the one before") == []
    assert holding(data_dir, CLIENT) == [FILE_NAME, f"{FIRST}.private.json"]
    assert problems(data_dir / FILE_NAME) == []


# --- refused ----------------------------------------------------------------------------------------------------------


def _days_later(days: int, **more: int) -> Json:
    at = datetime.fromisoformat(NOW["at"]) + timedelta(days=days, **more)
    return NOW | {"at": at.strftime("%Y-%m-%dT%H:%M:%S.000Z")}


@dataclass(frozen=True, kw_only=True)
class Refused:
    """Why an erasure is refused: what was done before, by which time and clock it is asked for, what is said."""

    id: str
    before: Callable[[Path], None] = lambda _: None
    now: Json
    says: str


@pytest.mark.parametrize(
    "case",
    [
        Refused(id="runs", before=lambda d: retain(d, 30), now=_days_later(29), says=f"{FIRST} until 2031-01-31"),
        Refused(id="last-second", before=lambda d: retain(d, 30), now=_days_later(30, seconds=-1), says="nothing"),
        Refused(id="clock-unknown", before=lambda d: retain(d, 1), now=_days_later(9) | {"clock": "unknown"},
                says=r"not sure \(unknown\)"),
        Refused(id="clock-restored", before=lambda d: retain(d, 1), now=_days_later(9) | {"clock": "restored"},
                says=r"not sure \(restored\)"),
        Refused(id="set-shorter-then-longer", before=lambda d: (retain(d, 1), retain(d, 30))[0], now=_days_later(9),
                says="30 days"),
    ],
    ids=lambda case: case.id,
)  # fmt: skip
@pytest.mark.requirement("R28")
def test_an_erasure_is_refused(data_dir: Path, case: Refused) -> None:
    case.before(data_dir)
    before = private_rows(data_dir / FILE_NAME)
    with pytest.raises(BadTransition, match=case.says):
        erased(data_dir, now=case.now)
    assert private_rows(data_dir / FILE_NAME) == before


def test_where_nobody_has_set_a_retention_nothing_is_erased(recorded: Path) -> None:
    with pytest.raises(BadTransition, match=r"nobody has set how long.*0 is allowed.*clients retention --days N"):
        erased(recorded.parent)


@pytest.mark.parametrize("days", [0, 30])
def test_it_is_done_when_the_retention_is_over(data_dir: Path, days: int) -> None:
    retain(data_dir, days)
    assert erased(data_dir, now=_days_later(days))["rows"] == 2


def test_no_clock_is_asked_where_texts_are_kept_for_no_time(data_dir: Path) -> None:
    assert erased(data_dir, now=NOW | {"clock": "unknown"})["rows"] == 2


def test_a_session_that_was_closed_under_an_unsure_clock_counts_from_the_next_sure_one(tmp_path: Path) -> None:
    """A clock that was behind would have it erased years too soon."""
    with mock.patch.object(StillClock, "stamp", Clock("restored", "2001-01-01T00:00:00.000Z").stamp):
        make_database(tmp_path / "data")
    retain(tmp_path / "data", 30, Clock("unknown", "2002-01-01T00:00:00.000Z"))
    with pytest.raises(BadTransition, match="until 2031-01-31"):
        erased(tmp_path / "data")
    with writing(tmp_path / "data", Clock("rtc", "2030-06-01T00:00:00.000Z")) as access:
        access.append(lambda transaction: transaction.entry("recorder.stopped", {"cause": "operator"}))
    assert erased(tmp_path / "data")["rows"] == 3


def test_a_session_that_is_being_recorded_is_refused(tmp_path: Path) -> None:
    path = make_database(tmp_path / "data", leave_open=True)
    retain(path.parent, 0)
    with pytest.raises(BadTransition, match=f"{SECOND} of this client is being recorded"):
        erased(path.parent)


def test_what_was_changed_between_looking_and_erasing_is_not_erased(data_dir: Path) -> None:
    path = data_dir / FILE_NAME
    late = {"session": SECOND, "practitioner": "KM", "reason": "late", "moves": [], "client": CLIENT}

    class Late(Alone):
        def append(self, action: Callable[[Transaction], Any]) -> Any:
            attribute_here(data_dir, parse_attribution(late, ()))
            return super().append(action)

    command = EraseCommand(client_ref=ref_of(data_dir), practitioner="KM", reason=REASON)
    engine, _ = open_for_writing(data_dir, stamps=StillClock(), sw=software())
    with pytest.raises(BadTransition, match="changed just now"):
        erase(Late(data_dir=data_dir, engine=engine, stamps=StillClock()), command, NOW)
    assert one(path, "SELECT count(*) FROM erased") == 0
    assert problems(path) == []


def test_a_reason_that_names_the_code_is_refused(data_dir: Path) -> None:
    command = EraseCommand(client_ref=ref_of(data_dir), practitioner="KM", reason=f"{CLIENT.lower()} asked")
    with writing(data_dir) as access, pytest.raises(UsageProblem, match="say why without it"):
        erase(access, command, NOW)


def test_nobody_is_not_found(data_dir: Path) -> None:
    command = EraseCommand(client_ref="c-0000000000000000", practitioner="KM", reason=REASON)
    with writing(data_dir) as access, pytest.raises(NotFound, match="no client"):
        erase(access, command, NOW)


_WORDS = {"client": "c-1", "practitioner": "KM", "reason": REASON, "days": 1}


@pytest.mark.parametrize(
    ("parse", "change"),
    [
        (parse_erase, {"client": None}),
        (parse_erase, {"client": 7}),
        (parse_erase, {"practitioner": "Karin Meier"}),
        (parse_erase, {"practitioner": "recorder"}),
        (parse_erase, {"reason": " "}),
        (parse_erase, {"reason": "x" * 2001}),
        (parse_retention, {"days": -1}),
        (parse_retention, {"days": 36_526}),
        (parse_retention, {"days": True}),
        (parse_retention, {"days": 1.5}),
        (parse_retention, {"reason": ""}),
        (parse_retention, {"reason": None}),
        (parse_retention, {"practitioner": None}),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value)[:40],
)
def test_a_request_that_is_none_is_refused(parse: Callable[[Json], Any], change: Json) -> None:
    parse(_WORDS)
    with pytest.raises(UsageProblem):
        parse(_WORDS | change)


# --- put back ---------------------------------------------------------------------------------------------------------


def test_rows_that_were_put_back_are_called_by_their_names_and_erased_again(data_dir: Path) -> None:
    path = data_dir / FILE_NAME
    with alone(data_dir) as access:
        act(access, {"do": "export", "sessions": [FIRST], "formats": ["bag"], "recipient": "insurer"})
    ref, before = ref_of(data_dir), private_rows(path)
    seq = erased(data_dir)["entry"]
    after = private_rows(path)
    put_back(path, before)
    told = problems(path)
    assert [words.split(" is there again")[0].split()[:-1] for words in told] == [
        ["the", "code", "of", "client"],
        ["the", "text"],
        ["a", "pseudonym", "of", "client"],
    ]
    assert all(f"ledger entry {seq} says that it was erased" in words for words in told)
    assert ref in told[0]
    said: list[str] = []
    with alone(data_dir, said.append):
        pass
    assert said == [f"erased again: {words}" for words in told]
    assert (private_rows(path), problems(path), holding(data_dir, CLIENT)) == (after, [], [])
    with alone(data_dir, said.append):
        assert len(said) == 3


@pytest.mark.parametrize("name", [f"{FIRST}.private.json", f".{FIRST}.private.json.new"])
def test_a_private_file_that_was_put_back_is_taken_away_again(sealed: Path, data_dir: Path, name: str) -> None:
    erased(data_dir)
    file = data_dir / "packages" / name
    shutil.copy(sealed / "packages" / f"{FIRST}.private.json", file)
    assert problems(data_dir / FILE_NAME) == [f"{file} holds again what was erased, or cannot be read"]
    said: list[str] = []
    with alone(data_dir, said.append):
        pass
    assert said == [f"erased again: {file} held what was erased"]
    assert (file.exists(), problems(data_dir / FILE_NAME)) == (False, [])


def test_a_private_file_of_an_erased_client_that_cannot_be_read_is_taken_away(data_dir: Path) -> None:
    erased(data_dir)
    file = data_dir / "packages" / f"{FIRST}.private.json"
    file.write_text(f"not JSON, and {CLIENT} in it")
    with alone(data_dir, lambda _words: None):
        assert not file.exists()


@pytest.mark.requirement("R28")
def test_a_rebuild_leaves_out_what_came_back(sealed: Path, data_dir: Path) -> None:
    path, before = data_dir / FILE_NAME, private_rows(data_dir / FILE_NAME)
    erased(data_dir)
    put_back(path, before)
    shutil.copy(sealed / "packages" / f"{FIRST}.private.json", data_dir / "packages")
    done = rebuild(data_dir, upgrade=False, stamps=StillClock(), sw=software())
    assert done is not None
    assert len(done.again) == 3
    assert problems(path) == []
    assert holding(data_dir, CLIENT) == [done.kept.name]
    assert rows(path, "SELECT count(*) FROM erased") == [(3,)]


@pytest.mark.parametrize(
    ("spoiled", "says"),
    [
        ("DELETE FROM erased WHERE name LIKE 'c-%'", "has not c-"),
        ("INSERT INTO erased VALUES ('c-0123456789abcdef', 3)", "has 'c-0123456789abcdef' of ledger entry 3"),
        ("UPDATE erased SET seq = 2 WHERE name LIKE 's-%'", "of ledger entry 2, which does not say so"),
    ],
    ids=["lost", "made-up", "another-entry"],
)
def test_a_list_of_what_was_erased_that_the_ledger_does_not_say_is_found(
    data_dir: Path, spoiled: str, says: str
) -> None:
    erased(data_dir)
    with plain(data_dir / FILE_NAME) as connection:
        assert connection.execute(spoiled).rowcount
    assert any(says in words for words in problems(data_dir / FILE_NAME))


def test_old_database_files_are_removed_only_where_that_is_asked_for(data_dir: Path) -> None:
    done = rebuild(data_dir, upgrade=False, stamps=StillClock(), sw=software())
    assert done is not None
    ref = ref_of(data_dir)
    assert erased(data_dir)["kept_removed"] == []
    assert holding(data_dir, CLIENT) == [done.kept.name]
    again = erased(data_dir, ref, with_kept=True)
    assert again["kept_removed"] == [str(done.kept)]
    assert holding(data_dir, CLIENT) == []
    assert problems(data_dir / FILE_NAME) == []


def test_a_second_erasure_by_the_reference_enters_nothing(data_dir: Path) -> None:
    ref, first = ref_of(data_dir), erased(data_dir)
    size = one(data_dir / FILE_NAME, "SELECT count(*) FROM ledger_entry")
    assert erased(data_dir, ref)["entry"] == first["entry"]
    assert one(data_dir / FILE_NAME, "SELECT count(*) FROM ledger_entry") == size


def test_a_reason_that_came_after_the_erasure_is_erased_by_a_second_one(data_dir: Path) -> None:
    ref, first = ref_of(data_dir), erased(data_dir)
    late = "the one who is gone was somebody else"
    request = {"session": FIRST, "practitioner": "KM", "reason": late, "moves": [], "client": OTHER}
    attribute_here(data_dir, parse_attribution(request, ()))
    with alone(data_dir) as access:
        assert act(access, {"do": "extend", "session": FIRST})["extended"]
    assert holding(data_dir, late) == [FILE_NAME, f"{FIRST}.private.json"]
    second = erased(data_dir, ref)
    assert (second["entry"] > first["entry"], second["rows"]) == (True, 1)
    assert holding(data_dir, late) == []
    assert OTHER in (data_dir / "packages" / f"{FIRST}.private.json").read_text()
    assert problems(data_dir / FILE_NAME) == []


def test_who_was_erased_is_given_no_new_name_for_a_recipient(data_dir: Path) -> None:
    erased(data_dir)
    with alone(data_dir) as access:
        act(access, {"do": "export", "sessions": [FIRST, SECOND], "formats": ["bag"], "recipient": "insurer"})
    assert rows(data_dir / FILE_NAME, "SELECT client_ref FROM pseudonym") == [(ref_of(data_dir, OTHER),)]
    assert problems(data_dir / FILE_NAME) == []


def test_looking_at_every_start_reads_no_entry(data_dir: Path) -> None:
    """It must stay cheap when the ledger has millions."""
    erased(data_dir)
    with closing(sqlite3.connect(data_dir / FILE_NAME)) as connection:
        for table, key in (("client", "client_ref"), ("note", "commitment"), ("pseudonym", "client_ref")):
            sql = f"EXPLAIN QUERY PLAN SELECT {table}.{key}, erased.seq FROM {table} JOIN erased ON name = {key}"
            plan = " ".join(row[3] for row in connection.execute(sql))
            assert "SEARCH" in plan
            assert "ledger_entry" not in plan
