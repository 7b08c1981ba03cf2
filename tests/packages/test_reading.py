"""A package or bag that was changed by somebody who knows how it is made: hashes, lists and ZIP are right again."""

import itertools
import json
import random
import shutil
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from devicelog.canonical import Json, canonical, parse_canonical
from devicelog.cli.report import show_document
from devicelog.errors import CannotDecide, EvidenceDamaged, NotFound, StoreUnusable
from devicelog.ledger.entries import Entry
from devicelog.ledger.note import SignedNote
from devicelog.ledger.tlog_proof import TlogProof
from devicelog.ledger.tree import Tree, leaf_hash
from devicelog.packages.container import Container, image
from devicelog.packages.contents import private_bytes
from devicelog.packages.member import Member
from devicelog.packages.reading import PackageEvidence
from devicelog.records import Chunk
from devicelog.store.transaction import CLIENT_TAG, NOTE_TAG, commitment
from tests.databases import CLIENT, FIRST, SECOND, flip
from tests.packaging import attribute, extend, package, seal, taken_away

Sealed = tuple[Path, Entry]
Files = dict[str, bytes]
Change = Callable[[Files], object]

OTHER = "0" * 64


def unpacked(path: Path) -> Files:
    with Container(path) as container:
        return {name: b"".join(container.blocks(name)) for name in container.sizes()}


def packed(path: Path, files: Files, first: str = "package.json") -> None:
    """As whoever changed the files would pack them again."""
    names = [first, *sorted(files.keys() - {first})]
    path.write_bytes(b"".join(image([Member.of(name, (files[name],)) for name in names])[1]))


def listed_again(files: Files, first: str = "package.json") -> Files:
    head = parse_canonical(files[first])
    head["files"] = [
        {"name": name, "bytes": len(files[name]), "sha256": sha256(files[name]).hexdigest()}
        for name in sorted(files.keys() - {first})
    ]
    return {**files, first: canonical(head)}


def check(path: Path) -> None:
    with PackageEvidence(path) as kept:
        kept.check()


@pytest.fixture(scope="session")
def corrected(pristine: Sealed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package far from its database, with what came later beside it. Nobody may change it."""
    folder = tmp_path_factory.mktemp("corrected")
    shutil.copytree(pristine[0].parent, folder / "data")
    path = folder / "data" / pristine[0].name
    attribute(path)
    extend(path, pristine[1])
    found = taken_away(path, folder / "away")
    check(found)
    return found


@pytest.fixture
def away(corrected: Path, tmp_path: Path) -> Path:
    """A copy of it to spoil."""
    shutil.copytree(corrected.parent, tmp_path / "away")
    return tmp_path / "away" / corrected.name


def spoiled(path: Path, change: Change, first: str = "package.json") -> None:
    files = unpacked(path)
    before = dict(files)
    change(files)
    assert files != before, "the change changed nothing"
    packed(path, listed_again(files, first), first)


# --- changes of one file ----------------------------------------------------------------------------------------------


def lines(change: Callable[[list[bytes]], object]) -> Change:
    def changed(files: Files) -> None:
        parts = files["entries.jsonl"].splitlines(keepends=True)
        change(parts)
        files["entries.jsonl"] = b"".join(parts)

    return changed


def of_line(number: int, change: Callable[[Json], object]) -> Change:
    def changed(parts: list[bytes]) -> None:
        values = json.loads(parts[number])
        change(values)
        parts[number] = canonical(values) + b"\n"

    return lines(changed)


def chunks(change: Callable[[list[bytes]], object]) -> Change:
    """The change is of uncompressed chunks."""

    def changed(files: Files) -> None:
        data, found = files["chunks.bin"], []
        while data:
            (length,) = struct.unpack_from("<I", data)
            found.append(zlib.decompress(data[4 : 4 + length]))
            data = data[4 + length :]
        change(found)
        blobs = [zlib.compress(chunk) for chunk in found]
        files["chunks.bin"] = b"".join(struct.pack("<I", len(blob)) + blob for blob in blobs)

    return changed


def bomb(files: Files) -> None:
    compressor = zlib.compressobj(9)
    blob = b"".join(compressor.compress(bytes(1 << 20)) for _ in range(80)) + compressor.flush()
    files["chunks.bin"] = struct.pack("<I", len(blob)) + blob


def swapped(parts: list[bytes]) -> None:
    parts[1], parts[2] = parts[2], parts[1]


def sealed_as(**values: object) -> Change:
    def changed(files: Files) -> None:
        entry = parse_canonical(files["sealed.json"])
        entry["body"] |= values
        files["sealed.json"] = canonical(entry)

    return changed


def sealed_again(change: Change) -> Change:
    """Whoever changes entries can make the seal fit; its proof no longer does, which is for `verify`. The rest still
    has to be a session."""

    def changed(files: Files) -> None:
        change(files)
        found = files["entries.jsonl"].splitlines()
        sealed_as(entries=len(found), root=Tree(map(leaf_hash, found)).root().hex())(files)

    return changed


def chained(change: Change) -> Change:
    """Each entry names the one before it once more."""

    def changed(files: Files) -> None:
        change(files)
        found, prev = [], None
        for line in (*files["entries.jsonl"].splitlines(), files["sealed.json"]):
            entry = parse_canonical(line)
            found.append(canonical(entry | ({"prev": prev} if prev else {})))
            prev = leaf_hash(found[-1]).hex()
        files["entries.jsonl"] = b"".join(line + b"\n" for line in found[:-1])
        files["sealed.json"] = found[-1]

    return changed


def chained_again(change: Change) -> Change:
    return sealed_again(chained(change))


def cut_proof(data: bytes) -> bytes:
    proof = TlogProof.parse(data)
    return replace(proof, hashes=proof.hashes[:-1]).data()


def of_proof(change: Callable[[TlogProof], TlogProof]) -> Change:
    def changed(files: Files) -> None:
        files["sealed.tlog-proof"] = change(TlogProof.parse(files["sealed.tlog-proof"])).data()

    return changed


def of_another_log(proof: TlogProof) -> TlogProof:
    note = SignedNote.parse(proof.checkpoint)
    text = f"other/{note.text}"
    return replace(proof, checkpoint=SignedNote(text=text, signatures=note.signatures).data())


def a_document(files: Files) -> str:
    return next(name for name in files if name.startswith("documents/"))


def renamed(files: Files) -> None:
    name = a_document(files)
    files["documents/" + OTHER] = files.pop(name)


def added_document(files: Files) -> None:
    files["documents/" + sha256(b"more").hexdigest()] = b"more"


def stamp_moved(found: list[bytes]) -> None:
    chunk = Chunk.parse(found[1])
    found[1] = Chunk.of(chunk.stream, [record._replace(t_us=record.t_us + 1) for record in chunk.records]).data


CHANGES: dict[str, tuple[Change, str]] = {
    "an entry changed": (of_line(1, lambda values: values.update(mono_us=1)), "line 3: .* one of the two was changed"),
    "an entry changed, chained again": (
        chained(of_line(0, lambda values: values.update(mono_us=1))),
        "entries.jsonl: its .* entries are not those that the ledger names",
    ),
    "an entry removed": (lines(lambda parts: parts.pop(2)), "entries where the ledger says"),
    "the last entry removed": (lines(lambda parts: parts.pop()), "entries where the ledger says"),
    "an entry twice": (lines(lambda parts: parts.insert(2, parts[1])), "entries.jsonl, line 3: entry .* stands"),
    "entries swapped": (lines(swapped), "entries.jsonl, line 3: entry .* stands behind"),
    "entries none": (lines(list[bytes].clear), "0 entries where the ledger says"),
    "an entry without its end": (
        lambda files: files.update({"entries.jsonl": files["entries.jsonl"][:-1]}),
        "its last line has no end",
    ),
    "an empty line": (lines(lambda parts: parts.insert(1, b"\n")), "entries.jsonl, line 2, was changed"),
    "an entry with a space": (
        lines(lambda parts: parts.insert(1, b" " + parts.pop(1))),
        "line 2, was changed: not in canonical form",
    ),
    "an entry of another log": (of_line(1, lambda values: values.update(log="x")), "line 2: of another log"),
    "a chain broken, sealed again": (
        sealed_again(of_line(1, lambda values: values.update(nonce=OTHER[:32]))),
        "line 3: entry .* names another one before it",
    ),
    "an entry of another session, sealed again": (
        chained_again(of_line(-2, lambda values: values["body"].update(stream=SECOND))),
        "is not of s-0000000002",
    ),
    "opened by nothing, sealed again": (
        sealed_again(lines(lambda parts: parts.pop(0))),
        "not opened first and then closed",
    ),
    "never closed, sealed again": (sealed_again(lines(lambda parts: parts.pop())), "not opened first and then closed"),
    "a seal of another session": (sealed_as(stream=SECOND), "is not the seal of"),
    "a seal of other entries": (sealed_as(root=OTHER), "are not those that the ledger names"),
    "a seal before the end": (
        lambda files: files.update({"sealed.json": canonical(parse_canonical(files["sealed.json"]) | {"seq": 3})}),
        "sealed.json: entry 3 stands behind entry",
    ),
    "a seal that is no entry": (lambda files: files.update({"sealed.json": b"{}"}), "sealed.json was changed"),
    "a chunk removed": (chunks(lambda found: found.pop(1)), "chunk 1 of chunks.bin belongs to another place"),
    "the last chunk removed": (chunks(lambda found: found.pop()), "closed with"),
    "a chunk added": (chunks(lambda found: found.append(found[0])), "belongs to another place"),
    "chunks swapped": (chunks(swapped), "chunk 1 of chunks.bin belongs to another place"),
    "a chunk changed": (chunks(stamp_moved), "its first .* chunks are not those that the ledger names"),
    "a chunk that is none": (chunks(lambda found: found.insert(1, b"none")), "chunk 1 of chunks.bin was changed"),
    "no chunks": (chunks(list[bytes].clear), "has 0 chunks"),
    "a chunk cut off": (
        lambda files: files.update({"chunks.bin": files["chunks.bin"][:-1]}),
        "ends in the middle of a chunk",
    ),
    "a chunk of 4 GB": (lambda files: files.update({"chunks.bin": b"\xff" * 8}), "a chunk of 4294967295 bytes"),
    "a chunk that swells": (bomb, "chunk 0 of chunks.bin was changed"),
    "a chunk with bytes behind it": (
        lambda files: files.update({"chunks.bin": struct.pack("<I", 12) + zlib.compress(b"") + b"more"}),
        "chunk 0 of chunks.bin was changed",
    ),
    "a document changed": (
        lambda files: files.update({a_document(files): b"{}"}),
        "with another hash than its name",
    ),
    "a document removed": (lambda files: files.pop(a_document(files)), "document [0-9a-f]{64} is missing"),
    "a document renamed": (renamed, "with another hash than its name"),
    "a document added": (added_document, "is named by none of its entries"),
    "everything made again but the proof": (
        chained_again(of_line(0, lambda values: values.update(mono_us=1))),
        "sealed.tlog-proof: leaf .* is not in the tree",
    ),
    "a proof of another entry": (of_proof(lambda proof: replace(proof, index=3)), "it is of entry 3 of"),
    "a proof of another log": (of_proof(of_another_log), "it is of entry .* of other/"),
    "a proof with a hash too few": (
        of_proof(lambda proof: TlogProof.parse(cut_proof(proof.data()))),
        "sealed.tlog-proof: the proof has .* hashes, fewer",
    ),
    "a proof with a hash changed": (
        of_proof(lambda proof: replace(proof, hashes=(bytes(32), *proof.hashes[1:]))),
        "sealed.tlog-proof: leaf .* is not in the tree",
    ),
    "a proof that is none": (lambda files: files.update({"sealed.tlog-proof": b"x"}), "sealed.tlog-proof: "),
    "the pin removed": (lambda files: files.pop("pin.txt"), "does not list pin.txt"),
    "the proof removed": (lambda files: files.pop("sealed.tlog-proof"), "does not list sealed.tlog-proof"),
    "a file added": (lambda files: files.update({"more": b""}), "lists 'more', which no package has"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_found_and_located(away: Path, name: str) -> None:
    change, words = CHANGES[name]
    for other in ("later.zip", "private.json"):  # they would fit no longer either
        away.with_name(f"{FIRST}.{other}").unlink()
    check(away)
    spoiled(away, change)
    with pytest.raises(EvidenceDamaged, match=words) as caught:
        check(away)
    assert str(away) in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(
            lambda head: head.update(stream="../../etc/x"), "stream '../../etc/x'", id="a stream that leads out"
        ),
        pytest.param(lambda head: head.update(stream=SECOND), "is not the seal of", id="another stream"),
        pytest.param(lambda head: head.update(log="x"), "of another log", id="another log"),
        pytest.param(lambda head: head.update(more=1), "no devicelog.package of version 1", id="another key"),
        pytest.param(lambda head: head.update(schema="devicelog.later/1"), "no devicelog.package", id="another schema"),
        pytest.param(lambda head: head["files"].reverse(), "in the order of their names", id="out of order"),
        pytest.param(lambda head: head["files"].append(head["files"][-1]), "once each", id="a file twice"),
        pytest.param(lambda head: head["files"].pop(), "(does not list|is missing|in no list)", id="a file not listed"),
        pytest.param(lambda head: head["files"][0].update(bytes=2**40), "has 1099511627776 bytes", id="a huge file"),
        pytest.param(lambda head: head["files"][0].update(bytes=True), "its list of files", id="a size that is none"),
        pytest.param(lambda head: head["files"][0].update(sha256=OTHER), "does not hash", id="another hash"),
        pytest.param(lambda head: head["files"][0].update(name="../x"), "lists '../x'", id="a name that leads out"),
        pytest.param(lambda head: head.update(files=3), "its list of files", id="no list"),
    ],
)
def test_a_list_that_says_something_else(away: Path, change: Callable[[Json], object], words: str) -> None:
    files = unpacked(away)
    head = parse_canonical(files["package.json"])
    change(head)
    packed(away, {**files, "package.json": canonical(head)})
    with pytest.raises(EvidenceDamaged, match=words):
        check(away)


@pytest.mark.parametrize(("suffix", "first"), [("package", "package.json"), ("later", "later.json")])
def test_a_later_version_is_no_damage(away: Path, suffix: str, first: str) -> None:
    path = away.with_name(f"{FIRST}.{suffix}.zip")
    files = unpacked(path)
    packed(path, {**files, first: files[first].replace(f"{suffix}/1".encode(), f"{suffix}/2".encode())}, first)
    with pytest.raises(CannotDecide, match="Use the version that wrote it") as caught:
        check(away)
    assert caught.value.exit_code == 7


def test_any_byte_changed_is_found(away: Path) -> None:
    """A sample of the bytes, spread over every file; every byte of the container is in test_container.py."""
    data, chance = away.read_bytes(), random.Random(1)
    for at in [0, len(data) - 1, *chance.sample(range(len(data)), 60)]:
        away.write_bytes(flip(data, at, 1 << chance.randrange(8)))
        with pytest.raises(EvidenceDamaged):
            check(away)


# --- what came later --------------------------------------------------------------------------------------------------


def said(**values: object) -> Change:
    def changed(files: Files) -> None:
        entry = parse_canonical(files["statement.json"])
        entry["body"] |= values
        files["statement.json"] = canonical(entry)

    return changed


def opened_again(values: Json) -> None:
    values |= {"type": "span.opened", "body": {"stream": FIRST, "documents": {}, "mode": "demo"}}


def unsaid(data: bytes) -> bytes:
    """The statement as an entry of a type that states nothing."""
    return canonical(parse_canonical(data) | {"type": "stream.heard"})


def said_again(files: Files) -> None:
    """Line and statement fit each other again, and the chain between them."""
    line = files["entries.jsonl"].splitlines()[0]
    files["statement.json"] = canonical(parse_canonical(files["statement.json"]) | {"prev": leaf_hash(line).hex()})
    said(later_root=leaf_hash(line).hex())(files)


LATER: dict[str, tuple[Change, str]] = {
    "an entry removed": (lines(lambda parts: parts.pop()), "0 entries where the ledger says 1"),
    "an entry changed": (of_line(0, lambda values: values.update(mono_us=1)), "are not those that the ledger names"),
    "the session opened once more": (
        lambda files: (of_line(0, opened_again)(files), said_again(files)),
        r"is not of s-0000000002 since its seal",
    ),
    "another count": (said(later=0), "1 entries where the ledger says 0"),
    "another root": (said(later_root=OTHER), "are not those that the ledger names"),
    "another session": (said(stream=SECOND), "says nothing of s-0000000002"),
    "no count": (said(later="1"), "statement.json was changed"),
    "no statement": (
        lambda files: files.update({"statement.json": unsaid(files["statement.json"])}),
        "statement.json says nothing of",
    ),
    "another proof": (
        lambda files: files.update({"statement.tlog-proof": cut_proof(files["statement.tlog-proof"])}),
        "statement.tlog-proof: the proof has .* hashes",
    ),
    "another consistency proof": (
        lambda files: files.update({"consistency.txt": files["consistency.txt"][:-45]}),
        "consistency.txt: the proof has",
    ),
    "everything made again but the proof": (
        lambda files: (of_line(0, lambda values: values.update(mono_us=1))(files), said_again(files)),
        "statement.tlog-proof: leaf .* is not in the tree",
    ),
    "named twice": (
        said(streams=[{"stream": FIRST, "later": 0, "later_root": OTHER}] * 2),
        "(names s-0000000002 twice|body keys)",
    ),
    "the document of a correction removed": (lambda files: files.pop(a_document(files)), "document .* is missing"),
    "a document that the package has": (added_document, "is named by none"),
    "a file added": (lambda files: files.update({"chunks.bin": b""}), "lists 'chunks.bin'"),
}


@pytest.mark.parametrize("name", LATER)
def test_a_change_of_what_came_later_is_found_and_located(away: Path, name: str) -> None:
    change, words = LATER[name]
    path = away.with_name(f"{FIRST}.later.zip")
    spoiled(path, change, "later.json")
    with pytest.raises(EvidenceDamaged, match=words) as caught:
        check(away)
    assert str(path) in str(caught.value)


def test_without_a_proof_that_both_checkpoints_are_of_one_history(away: Path) -> None:
    path = away.with_name(f"{FIRST}.later.zip")
    spoiled(path, lambda files: files.pop("consistency.txt"), "later.json")
    with pytest.raises(CannotDecide, match=r"consistency.txt is missing: whether the checkpoint of the seal"):
        check(away)


def test_the_later_package_of_another_session(recorded: Sealed, away: Path) -> None:
    path, _ = recorded
    sealed = seal(path, SECOND)
    package(path, sealed)
    shutil.copy(extend(path, sealed).path, away.with_name(f"{FIRST}.later.zip"))
    with pytest.raises(EvidenceDamaged, match=f"it is of {SECOND} in .*, not of {FIRST}"):
        check(away)


def test_the_session_of_another_log(away: Path, tmp_path: Path) -> None:
    """Two devices mixed: the same ids, and another log."""
    from tests.databases import make_database

    other = make_database(tmp_path / "other" / "data")
    sealed = seal(other)
    package(other, sealed)
    shutil.copy(extend(other, sealed).path, away.with_name(f"{FIRST}.later.zip"))
    with pytest.raises(EvidenceDamaged, match=f"it is of {FIRST} in devicelog/.*, not of {FIRST}"):
        check(away)


def test_a_later_package_that_is_a_link_to_nothing(away: Path) -> None:
    path = away.with_name(f"{FIRST}.later.zip")
    path.unlink()
    path.symlink_to(away.parent / "nothing")
    with pytest.raises(NotFound, match="there is no package"):
        check(away)


# --- private texts ----------------------------------------------------------------------------------------------------


def private(change: Callable[[Json], object]) -> Callable[[bytes], bytes]:
    def changed(data: bytes) -> bytes:
        values = parse_canonical(data)
        change(values)
        return canonical(values)

    return changed


def foreign_note(values: Json) -> None:
    note = {"commitment": commitment(NOTE_TAG, bytes(32), "x"), "salt": OTHER, "text": "x"}
    values["notes"] = sorted([*values["notes"], note], key=lambda note: note["commitment"])


def foreign_client(values: Json) -> None:
    assert commitment(CLIENT_TAG, bytes(32), "x")
    values["clients"].insert(0, {"client_ref": "c-0", "salt": OTHER, "code": "x"})


PRIVATE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a code changed": (private(lambda values: values["clients"][0].update(code="K-1")), "the code of client c-"),
    "a text changed": (private(lambda values: values["notes"][0].update(text="x")), "is not what it is committed to"),
    "a salt changed": (private(lambda values: values["notes"][0].update(salt=OTHER)), "not what it is committed to"),
    "a salt that is none": (private(lambda values: values["notes"][0].update(salt="0")), "a salt that is none"),
    "a note of nowhere": (private(foreign_note), "is in no record and no entry"),
    "a client of nowhere": (private(foreign_client), "the private text of c-0 is in no record and no entry"),
    "a note twice": (private(lambda values: values["notes"].append(values["notes"][-1])), "once, in order"),
    "notes swapped": (private(lambda values: values["notes"].reverse()), "once, in order"),
    "of another session": (private(lambda values: values.update(stream=SECOND)), "it is of s-0000000003"),
    "another key": (private(lambda values: values.update(more=1)), "not a devicelog.private/1"),
    "another type": (private(lambda values: values.update(notes=[1])), "a list that is none"),
    "no text": (private(lambda values: values["notes"][0].pop("text")), "where commitment, salt and text belong"),
    "a space": (lambda data: b" " + data, "canonical form"),
    "cut off": (lambda data: data[:-1], "was changed"),
}


@pytest.mark.parametrize("name", PRIVATE)
def test_a_changed_private_file_is_found(away: Path, name: str) -> None:
    change, words = PRIVATE[name]
    path = away.with_name(f"{FIRST}.private.json")
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(EvidenceDamaged, match=words):
        check(away)
    path.unlink()
    check(away)  # it can be destroyed, and everything else stays sound


@pytest.mark.parametrize("client", [None, "K-2000"])
def test_private_texts_of_a_correction_that_is_not_here(recorded: Sealed, tmp_path: Path, client: str | None) -> None:
    path, sealed = recorded
    attribute(path, client=client)
    extend(path, sealed)
    away = taken_away(path, tmp_path / "away")
    check(away)
    away.with_name(f"{FIRST}.later.zip").unlink()
    with PackageEvidence(away) as kept:
        document = show_document(kept, FIRST)
        assert (document["derivations"], document["client"]) == (1, CLIENT)
        with pytest.raises(CannotDecide, match="came later is not here") as caught:
            kept.check()
    assert caught.value.exit_code == 7


def test_an_erased_private_file_is_sound(away: Path) -> None:
    away.with_name(f"{FIRST}.private.json").write_bytes(private_bytes(FIRST, (), ()))
    check(away)


def test_a_private_file_that_is_a_link(away: Path) -> None:
    path = away.with_name(f"{FIRST}.private.json")
    path.rename(away.parent / "elsewhere")
    path.symlink_to(away.parent / "elsewhere")
    with pytest.raises(EvidenceDamaged, match="is a link"):
        check(away)


# --- a bag's folder ---------------------------------------------------------------------------------------------------


@pytest.fixture
def bag(away: Path, tmp_path: Path) -> Path:
    folder = tmp_path / FIRST
    for suffix, under in (("package", ""), ("later", "later/")):
        for name, data in unpacked(away.with_name(f"{FIRST}.{suffix}.zip")).items():
            file = folder / under / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
    shutil.copy(away.with_name(f"{FIRST}.private.json"), folder / "private.json")
    check(folder)
    return folder


def linked_out(bag: Path) -> None:
    (bag / "pin.txt").rename(bag.parent / "pin.txt")
    (bag / "pin.txt").symlink_to(bag.parent / "pin.txt")


BAG: dict[str, tuple[Callable[[Path], object], str]] = {
    "a file added": (lambda bag: (bag / "more").touch(), "more is in no list"),
    "a file added to later": (lambda bag: (bag / "later" / "more").touch(), "more is in no list"),
    "a hidden file added": (lambda bag: (bag / ".more").touch(), "no name for a file"),
    "an empty folder added": (lambda bag: (bag / "more").mkdir(), "an empty folder"),
    "a file removed": (lambda bag: (bag / "pin.txt").unlink(), "pin.txt has .* it is missing"),
    "a file renamed": (lambda bag: (bag / "pin.txt").rename(bag / "pen.txt"), "pin.txt has .* it is missing"),
    "a file replaced": (
        lambda bag: (bag / "pin.txt").write_bytes(flip((bag / "pin.txt").read_bytes(), 9)),
        "was changed",
    ),
    "a file longer": (lambda bag: (bag / "pin.txt").write_bytes((bag / "pin.txt").read_bytes() + b"#"), "it has "),
    "a file linked out": (linked_out, "is a link"),
    "a folder linked in": (lambda bag: (bag / "more").symlink_to(bag / "documents"), "is a link"),
    "no list": (lambda bag: (bag / "package.json").unlink(), "package.json is missing"),
    "no list of what came later": (lambda bag: (bag / "later" / "later.json").unlink(), "later.json is missing"),
}


@pytest.mark.parametrize("name", BAG)
def test_a_changed_bag_is_found(bag: Path, name: str) -> None:
    change, words = BAG[name]
    change(bag)
    with pytest.raises(EvidenceDamaged, match=words):
        check(bag)


def test_a_bag_without_what_came_later_or_private_texts(bag: Path) -> None:
    shutil.rmtree(bag / "later")
    (bag / "private.json").unlink()
    check(bag)
    with PackageEvidence(bag) as kept:
        assert show_document(kept, FIRST)["derivations"] == 1


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no package"):
        PackageEvidence(tmp_path / "nothing")


def test_what_this_user_may_not_read(bag: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("devicelog.packages.files.os.open", refuse)
    with pytest.raises(StoreUnusable, match="cannot be read: Permission denied"):
        check(bag)


# --- reading while it is cut ------------------------------------------------------------------------------------------


def test_chunks_are_the_same_however_the_file_is_cut(away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with PackageEvidence(away) as kept:
        wanted = [chunk.data for chunk in kept.chunks(kept.stream(FIRST)["no"])]
    for size in (1, 3, 4, 5, 100):
        monkeypatch.setattr("devicelog.packages.container._BLOCK", size)
        with PackageEvidence(away) as kept:
            found = itertools.islice(kept.chunks(kept.stream(FIRST)["no"]), 3)
            assert [chunk.data for chunk in found] == wanted[:3]
