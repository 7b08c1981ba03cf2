"""A session's package against the database it was made of: what is read from one is what is read from the other."""

import json
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devicelog import verify
from devicelog.attribution import Attribution
from devicelog.canonical import Json
from devicelog.cli.report import show_document
from devicelog.errors import EvidenceDamaged, NotFound, StoreUnusable
from devicelog.ledger.entries import Entry
from devicelog.ledger.tlog_proof import TlogProof
from devicelog.packages.container import Container
from devicelog.packages.reading import PackageEvidence
from devicelog.packages.sealing import private_path, write_private
from devicelog.pipeline import Opening
from devicelog.recorder.replay import replay
from devicelog.samples import sample_rows
from devicelog.store.evidence import Evidence
from devicelog.store.projection import COLUMNS
from devicelog.store.reading import Kept
from devicelog.store.schema import STREAM
from firmware_bridge.transports import decoder_of
from tests.databases import CLIENT, FIRST, NOTE, SECOND, SPAN, flip, one, problems, spoil
from tests.packaging import REASON, append, attribute, extend, keys_of, package, proof_of, seal, taken_away

Sealed = tuple[Path, Entry]


def shown(kept: Kept, stream: str = FIRST) -> str:
    return json.dumps(show_document(kept, stream), indent=2, sort_keys=True, ensure_ascii=False)


def readings(kept: Kept, stream: str = FIRST) -> list[Json]:
    row = kept.stream(stream)
    entry = kept.entry(row["no"])
    opening = Opening.read(entry.type, entry.body, kept.documents(entry))
    attribution = Attribution.of([entry.body for entry in kept.attributions(row)])
    corrections = attribution.corrections if attribution else ()
    return list(sample_rows(kept.records(row["no"]), None, corrections, decoder_of(opening.profile)))


# --- the same as from the database ------------------------------------------------------------------------------------


def test_the_columns_of_the_list_of_sessions() -> None:
    assert {column.name for column in STREAM.columns} == set(COLUMNS)


@pytest.mark.parametrize("stream", [FIRST, SECOND, SPAN])
@pytest.mark.requirement("R11")
def test_what_is_shown_and_read_is_the_same(recorded: Sealed, tmp_path: Path, stream: str) -> None:
    path, sealed = recorded
    shutil.rmtree(path.parent / "packages")
    package(path, sealed if stream == FIRST else seal(path, stream))
    with PackageEvidence(taken_away(path, tmp_path / "away")) as kept, Evidence(path) as evidence:
        assert kept.check() is not None
        assert kept.streams() == [evidence.stream(stream)]
        assert shown(kept, stream) == shown(evidence, stream)
        assert readings(kept, stream) == readings(evidence, stream)
        assert replay(kept, kept.stream(stream)) == replay(evidence, evidence.stream(stream))
        assert all(replayed.identical for replayed in replay(kept, kept.stream(stream)))


def test_a_session_has_samples_and_a_note_to_compare(recorded: Sealed) -> None:
    with Evidence(recorded[0]) as evidence:
        assert len(readings(evidence)) > 300
        document = show_document(evidence, FIRST)
    assert (document["client"], [note["text"] for note in document["notes"]]) == (CLIENT, [NOTE])


def test_without_the_private_file_only_the_texts_are_missing(recorded: Sealed, tmp_path: Path) -> None:
    path, _ = recorded
    with PackageEvidence(taken_away(path, tmp_path / "away", private=False)) as kept, Evidence(path) as evidence:
        kept.check()
        document, wanted = show_document(kept, FIRST), show_document(evidence, FIRST)
        assert kept.client_code(wanted["client_ref"]) is None
    assert document.pop("client") is None
    assert [note.pop("text") for note in document["notes"]] == [None]
    assert document["treatment"]["client"].pop("code") is None
    wanted.pop("client")
    wanted["treatment"]["client"].pop("code")
    for note in wanted["notes"]:
        note.pop("text")
    assert document == wanted


@pytest.mark.parametrize("client", [None, "K-2000"])
def test_what_came_later_is_in_a_package_of_its_own(recorded: Sealed, tmp_path: Path, client: str | None) -> None:
    path, sealed = recorded
    before = (path.parent / "packages" / f"{FIRST}.package.zip").read_bytes()
    attribute(path, client=client)
    extend(path, sealed)
    away = taken_away(path, tmp_path / "away")
    assert away.read_bytes() == before
    with PackageEvidence(away) as kept, Evidence(path) as evidence:
        kept.check()
        assert kept.streams() == [evidence.stream(FIRST)]
        document = show_document(kept, FIRST)
        assert document["attribution"]["reason"] == REASON
        assert document["client"] == (client or CLIENT)
        assert shown(kept) == shown(evidence)
        assert readings(kept) == readings(evidence)
        assert replay(kept, kept.stream(FIRST)) == replay(evidence, evidence.stream(FIRST))
    away.with_name(f"{FIRST}.later.zip").unlink()
    away.with_name(f"{FIRST}.private.json").unlink()
    with PackageEvidence(away) as kept:
        assert show_document(kept, FIRST)["derivations"] == 1


def test_a_correction_before_the_seal_is_in_the_package(recorded: Sealed, tmp_path: Path) -> None:
    path, _ = recorded
    shutil.rmtree(path.parent / "packages")
    attribute(path, SECOND)
    package(path, seal(path, SECOND))
    with PackageEvidence(taken_away(path, tmp_path / "away")) as kept, Evidence(path) as evidence:
        assert shown(kept, SECOND) == shown(evidence, SECOND)
        assert kept.stream(SECOND)["derivations"] == 2


def test_nothing_later_is_said_too(recorded: Sealed) -> None:
    path, sealed = recorded
    extend(path, sealed)
    with PackageEvidence(path.parent / "packages" / f"{FIRST}.package.zip") as kept:
        assert kept.statement is not None
        assert kept.statement.body["later"] == 0
        assert TlogProof.parse(kept.statement_proof() or b"").index == kept.statement.seq


def test_the_later_package_is_replaced(recorded: Sealed) -> None:
    path, sealed = recorded
    first = extend(path, sealed)
    attribute(path)
    assert extend(path, sealed).sha256 != first.sha256
    with PackageEvidence(path.parent / "packages" / f"{FIRST}.package.zip") as kept:
        assert [entry.type for entry in kept.entries()][-1] == "session.attributed"


@pytest.mark.requirement("R11")
def test_a_bag_is_the_same_files_in_a_folder(recorded: Sealed, tmp_path: Path) -> None:
    path, sealed = recorded
    attribute(path)
    extend(path, sealed)
    folder = bag_of(path, tmp_path / FIRST)
    with PackageEvidence(folder) as kept, Evidence(path) as evidence:
        kept.check()
        assert shown(kept) == shown(evidence)


def bag_of(path: Path, folder: Path) -> Path:
    """The session's files laid open, as a bag has them."""
    for file, under in ((f"{FIRST}.package.zip", ""), (f"{FIRST}.later.zip", "later/")):
        if (path.parent / "packages" / file).exists():
            with Container(path.parent / "packages" / file) as container:
                for name in container.sizes():
                    to = folder / under / name
                    to.parent.mkdir(parents=True, exist_ok=True)
                    to.write_bytes(b"".join(container.blocks(name)))
    shutil.copy(private_path(path.parent, FIRST), folder / "private.json")
    return folder


def test_what_a_package_is_made_of_can_be_had_from_it_again(recorded: Sealed) -> None:
    path, sealed = recorded
    with PackageEvidence(path.parent / "packages" / f"{FIRST}.package.zip") as kept:
        parts = kept.parts()
        assert (parts.sealed, TlogProof.parse(parts.proof).index, parts.pin) == (
            sealed,
            sealed.seq,
            keys_of(path)[1].text().encode(),
        )
        with Evidence(path) as evidence:
            assert list(parts.chunks) == list(evidence.blobs(evidence.stream(FIRST)["no"])) == list(parts.chunks)


@pytest.mark.requirement("R22")
def test_the_package_of_one_session_names_no_other(recorded: Sealed) -> None:
    path, _ = recorded
    for file in (path.parent / "packages").iterdir():
        for other in (SECOND, SPAN):
            assert other.encode() not in file.read_bytes()


def test_a_session_of_the_package_is_found_as_any_other(recorded: Sealed) -> None:
    with PackageEvidence(recorded[0].parent / "packages" / f"{FIRST}.package.zip") as kept:
        assert kept.stream("s-0000")["id"] == FIRST
        with pytest.raises(NotFound, match="no session 's-1'"):
            kept.stream("s-1")
        with pytest.raises(NotFound, match="no ledger entry 0"):
            kept.entry(0)
        with pytest.raises(NotFound, match="no stream 0"):
            list(kept.chunks(0))


# --- writing ----------------------------------------------------------------------------------------------------------


def test_only_its_owner_can_read_what_is_written(recorded: Sealed) -> None:
    files = sorted((recorded[0].parent / "packages").iterdir())
    assert [file.name for file in files] == [f"{FIRST}.package.zip", f"{FIRST}.private.json"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(files[0].parent.stat().st_mode) == 0o700


def test_written_twice_is_written_once(recorded: Sealed) -> None:
    path, sealed = recorded
    file = path.parent / "packages" / f"{FIRST}.package.zip"
    before = file.stat()
    with PackageEvidence(file) as kept:
        again = package(path, sealed, kept.parts().proof)
    assert (again.path, again.bytes) == (file, before.st_size)
    assert file.stat().st_ino == before.st_ino


def test_another_package_is_never_replaced(recorded: Sealed) -> None:
    path, sealed = recorded
    file = path.parent / "packages" / f"{FIRST}.package.zip"
    file.write_bytes(flip(file.read_bytes(), 500))
    before = file.read_bytes()
    with pytest.raises(EvidenceDamaged, match="another package of s-0000000002"):
        package(path, sealed)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        ("UPDATE chunk SET blob = (SELECT blob FROM chunk ORDER BY id LIMIT 1) WHERE id = {chunk}", "chunk 1 of "),
        ("UPDATE chunk SET blob = x'00' WHERE id = {chunk}", "chunk 1 of "),
        ("DELETE FROM chunk WHERE id = {chunk}", "chunk 1 of stream"),
        ("UPDATE document SET bytes = x'00' WHERE id = (SELECT max(id) - 1 FROM document)", "document [0-9a-f]{64}"),
        ("UPDATE ledger_entry SET bytes = x'00' WHERE seq = {no} + 1", None),
        ("UPDATE client SET code = 'K-9'", "code of client"),
        ("UPDATE note SET text = 'nothing'", None),
        ("UPDATE client SET code = x'00'", "private texts"),
        ("UPDATE client SET salt = 'x'", "private texts"),
    ],
)
def test_a_changed_database_gives_no_package(recorded: Sealed, sql: str, place: str | None) -> None:
    path, sealed = recorded
    shutil.rmtree(path.parent / "packages")
    no = one(path, "SELECT no FROM stream WHERE id = ?", FIRST)
    spoil(path, sql.format(chunk=(no << 24) + 1, no=no))
    with pytest.raises(EvidenceDamaged, match=place):
        package(path, sealed)
    assert not [file for file in (path.parent / "packages").glob("*") if file.name.endswith(".new")]
    if "client" not in sql and "note" not in sql:
        assert not list((path.parent / "packages").glob("*"))


def test_a_seal_that_says_other_entries_gives_no_package(recorded: Sealed) -> None:
    path, _ = recorded
    sealed = append(path, "stream.sealed", {"stream": SECOND, "entries": 3, "root": "0" * 64})
    with pytest.raises(EvidenceDamaged, match="entries where the ledger says 3"):
        package(path, sealed)


def test_a_seal_that_is_not_the_first_gives_no_package(recorded: Sealed) -> None:
    path, _ = recorded
    with pytest.raises(EvidenceDamaged, match="is not the seal of s-0000000002"):
        package(path, seal(path))


def test_a_proof_of_something_else_gives_no_package(recorded: Sealed) -> None:
    path, sealed = recorded
    shutil.rmtree(path.parent / "packages")
    with pytest.raises(EvidenceDamaged, match=r"sealed\.tlog-proof: it is of entry 3"):
        package(path, sealed, proof_of(path, sealed, index=3))
    assert not list((path.parent / "packages").iterdir())


def test_a_full_disk_is_found_out_before(recorded: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    path, sealed = recorded
    shutil.rmtree(path.parent / "packages")
    usage: Callable[[Any], Any] = lambda _: shutil._ntuple_diskusage(2**40, 2**40, 40 * 2**20)  # noqa: E731
    monkeypatch.setattr("devicelog.packages.beside.shutil.disk_usage", usage)
    with pytest.raises(StoreUnusable, match="40 MB free"):  # a package must leave room for the next session
        package(path, sealed)
    assert not list((path.parent / "packages").iterdir())


# --- the verifier, which shares no line with what it judges -----------------------------------------------------------


def verified(path: Path, *words: str | Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", verify.__file__, path, *words], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_the_verifier_says_the_same_of_what_is_written(recorded: Sealed, tmp_path: Path) -> None:
    path, _ = recorded
    pin, away = tmp_path / "pin", taken_away(path, tmp_path / "away")
    pin.write_text(keys_of(path)[1].text())
    assert verified(away, "--key", pin)[0] == 0
    assert verified(away)[0] == 7
    away.write_bytes(flip(away.read_bytes(), 3000))
    assert verified(away, "--key", pin)[0] == 3


def test_the_verifier_says_the_same_of_what_came_later(recorded: Sealed, tmp_path: Path) -> None:
    path, sealed = recorded
    attribute(path)
    extend(path, sealed)
    pin, away = tmp_path / "pin", taken_away(path, tmp_path / "away")
    pin.write_text(keys_of(path)[1].text())
    code, said = verified(away.with_name(f"{FIRST}.later.zip"), "--key", pin)
    assert (code, "later entries: 1; the list is complete as of entry" in said) == (0, True), said


# --- what is erased ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("R28")
def test_what_is_erased_from_the_database_is_erased_beside_the_package(recorded: Sealed) -> None:
    path, _ = recorded
    spoil(path, "DELETE FROM client", "DELETE FROM note")
    assert not problems(path, FIRST)
    with Evidence(path) as evidence:
        write_private(evidence, FIRST, data_dir=path.parent)
    private = private_path(path.parent, FIRST).read_bytes()
    assert CLIENT.encode() not in private
    assert NOTE.encode() not in private
    with PackageEvidence(path.parent / "packages" / f"{FIRST}.package.zip") as kept:
        kept.check()
        assert show_document(kept, FIRST)["client"] is None
