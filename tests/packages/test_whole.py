"""A session whose records are in its package alone is shown, read and replayed as before they were released."""

import json
from pathlib import Path

import pytest

from devicelog.cli import run
from devicelog.cli.report import show_document
from devicelog.errors import EvidenceDamaged
from devicelog.ledger.entries import Entry
from devicelog.packages.whole import WholeEvidence
from devicelog.recorder.replay import replay
from tests.databases import FIRST, SECOND, flip, plain, rows
from tests.packaging import append, around, attribute, extend, package, seal

Sealed = tuple[Path, Entry]


def release(path: Path, sealed: Entry) -> None:
    """As the act of releasing does: an entry that names the package, then the chunks go, and no guard stands in the
    way of these."""
    stream = sealed.body["stream"]
    written = package(path, sealed, proof=_proof(path, stream))
    [closing] = [entry for entry in around(path, stream)[0] if entry.type == "session.closed"]
    body = {"stream": stream, "sha256": written.sha256}
    append(path, "package.written", {**body, "bytes": written.bytes})
    append(path, "package.released", {**body, "chunks": closing.body["chunks"]})
    [(no,)] = rows(path, "SELECT no FROM stream WHERE id = ?", stream)
    with plain(path) as connection:
        gone = connection.execute("DELETE FROM chunk WHERE id >> 24 = ?", (no,)).rowcount
    assert gone == closing.body["chunks"] > 1


def _proof(path: Path, stream: str) -> bytes:
    from devicelog.packages.reading import PackageEvidence

    with PackageEvidence(path.parent / "packages" / f"{stream}.package.zip") as kept:
        return kept.parts().proof


def test_what_was_released_is_shown_and_replayed_as_before(
    recorded: Sealed, capsys: pytest.CaptureFixture[str]
) -> None:
    path, sealed = recorded

    def said() -> list[str]:
        outputs = []
        for words in (["sessions", "show", FIRST, "--json"], ["sessions", "readings", FIRST], ["replay", FIRST]):
            assert run([*words, "--data-dir", str(path.parent)]) == 0
            outputs.append(capsys.readouterr().out)
        return outputs

    before = said()
    release(path, sealed)
    assert said() == before
    assert len(before[1].splitlines()) > 300
    assert json.loads(before[0])["notes"]


def test_a_correction_after_the_release(recorded: Sealed) -> None:
    path, sealed = recorded
    attribute(path)
    release(path, sealed)
    extend(path, sealed)
    with WholeEvidence(path.parent) as evidence:
        assert show_document(evidence, FIRST)["derivations"] == 2
        assert all(replayed.identical for replayed in replay(evidence, evidence.stream(FIRST)))
        assert replay(evidence, evidence.stream(SECOND))[0].identical


def test_a_released_session_without_its_package(recorded: Sealed) -> None:
    path, sealed = recorded
    release(path, sealed)
    (path.parent / "packages" / f"{FIRST}.package.zip").unlink()
    with (
        WholeEvidence(path.parent) as evidence,
        pytest.raises(EvidenceDamaged, match="is missing: after a release the records of s-0000000002"),
    ):
        show_document(evidence, FIRST)


def test_a_released_session_with_a_changed_package(recorded: Sealed) -> None:
    path, sealed = recorded
    release(path, sealed)
    file = path.parent / "packages" / f"{FIRST}.package.zip"
    file.write_bytes(flip(file.read_bytes(), 3000))
    with WholeEvidence(path.parent) as evidence, pytest.raises(EvidenceDamaged):
        show_document(evidence, FIRST)


def test_a_released_session_with_another_package(recorded: Sealed) -> None:
    path, sealed = recorded
    release(path, sealed)
    other = package(path, seal(path, SECOND)).path
    other.rename(path.parent / "packages" / f"{FIRST}.package.zip")
    with WholeEvidence(path.parent) as evidence, pytest.raises(EvidenceDamaged, match="is not what was sealed"):
        show_document(evidence, FIRST)
