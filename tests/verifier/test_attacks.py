"""What somebody does to a bag or a package, one test id each: it is found, it is named, and nothing breaks."""

import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from devicelog import verify as v
from devicelog.canonical import canonical
from tests.verifier import building as b
from tests.verifier.judging import assert_altered, judged, problems

S = f"data/sessions/{b.SESSION}/"
T = f"data/sessions/{b.SECOND}/"
WITNESS = "witness.example/left"


@pytest.fixture(scope="module")
def log():
    return b.Log()


@pytest.fixture(scope="module")
def streams(log):
    return [b.small_session(log, later=True), b.small_session(log, b.SECOND)]


@pytest.fixture(scope="module")
def bag(log, streams):
    return b.bag(log, streams, witnesses=[(WITNESS, 1_900_000_000)])


@pytest.fixture
def folder(bag, tmp_path):
    return b.laid_down(bag, tmp_path / "bag")


def changed(bag, log, **contents):
    """The bag with other contents, its manifests made anew and signed with the log's own key: the owner's forgery."""
    return b.signed({**bag, **contents}, log)


# --- what stands in the folder ----------------------------------------------------------------------------------------


def add_file(folder):
    (folder / "data" / "extra.txt").write_bytes(b"x")


def add_file_beside_data(folder):
    (folder / "README").write_bytes(b"x")


def remove_file(folder):
    (folder / S / "chunks.bin").unlink()


def rename_file(folder):
    (folder / S / "chunks.bin").rename(folder / S / "chunk.bin")


def rename_document(folder):
    found = next((folder / S / "documents").iterdir())
    found.rename(found.with_name("0" * 64))


def link_out(folder):
    target = folder.parent / "outside"
    (folder / S / "chunks.bin").rename(target)
    (folder / S / "chunks.bin").symlink_to(target)


def link_folder_out(folder):
    (folder / "data" / "sessions").rename(folder.parent / "elsewhere")
    (folder / "data" / "sessions").symlink_to(folder.parent / "elsewhere")


def link_of_a_manifest(folder):
    (folder / "manifest-sha256.txt").rename(folder.parent / "m")
    (folder / "manifest-sha256.txt").symlink_to(folder.parent / "m")


def pipe(folder):
    (folder / "data" / "pin.txt").unlink()
    os.mkfifo(folder / "data" / "pin.txt")


def endless_device(folder):
    (folder / "data" / "pin.txt").unlink()
    (folder / "data" / "pin.txt").symlink_to("/dev/zero")


def empty_folder(folder):
    (folder / "data" / "empty").mkdir()


def hidden_file(folder):
    (folder / "data" / ".hidden").write_bytes(b"")


def strange_name(folder):
    os.close(os.open(os.fsencode(folder / "data") + b"/a\xff\n", os.O_CREAT))


def huge_file(folder):
    with (folder / S / "entries.jsonl").open("r+b") as file:
        file.truncate(2**28)  # a hole: it claims as much as the process may have, and takes none


def huge_manifest(folder):
    with (folder / "manifest-sha256.txt").open("r+b") as file:
        file.truncate(10 * 2**30)


def truncated_entries(folder):
    file = folder / S / "entries.jsonl"
    file.write_bytes(file.read_bytes()[:-7])


def no_bagit(folder):
    (folder / "bagit.txt").unlink()


def no_signature(folder):
    (folder / "tagmanifest-sha256.txt.sig").unlink()


def no_session(folder):
    for file in (folder / T).rglob("*"):
        if file.is_file():
            file.unlink()


FOLDER_ATTACKS = {
    add_file: "data/extra.txt: is in no list",
    add_file_beside_data: "README: is in no list",
    remove_file: f"{S}chunks.bin: is missing",
    rename_file: f"{S}chunk.bin: is in no list",
    rename_document: "no entry names it",
    link_out: f"{S}chunks.bin: a link",
    link_folder_out: "data/sessions: a link",
    link_of_a_manifest: "manifest-sha256.txt: a link",
    pipe: "data/pin.txt: a link, or no plain file",
    endless_device: "data/pin.txt: a link",
    empty_folder: "data/empty/: an empty folder",
    hidden_file: "data/.hidden: a name that no file here has",
    strange_name: "data/a\\udcff\\n: a name that no file here has",
    huge_manifest: "manifest-sha256.txt: has 10737418240 bytes, more than any",
    truncated_entries: f"{S}entries.jsonl: was changed",
    no_bagit: "bagit.txt: is missing",
    no_signature: "tagmanifest-sha256.txt.sig: is missing",
    no_session: f"{T}chunks.bin: is missing",
}


@pytest.mark.parametrize("attack", FOLDER_ATTACKS, ids=lambda attack: attack.__name__)
@pytest.mark.requirement("R20")
def test_in_the_folder(attack, folder, log):
    assert judged(folder, log)["exit_code"] == 0
    attack(folder)
    assert_altered(folder, log, FOLDER_ATTACKS[attack])


def test_an_empty_folder_and_a_file_of_nothing(tmp_path, log):
    assert_altered(tmp_path, log, "an empty folder")
    for name in ("x.package.zip", "x.later.zip", "x"):
        (tmp_path / name).write_bytes(b"")
        assert_altered(tmp_path / name, log, "too short for a ZIP")


def test_a_file_that_cannot_be_read_is_not_called_altered(folder, bag, log, monkeypatch):
    opened, bad = os.open, [""]

    def failing(path, flags):
        if str(path) == str(folder / bad[0]):
            raise PermissionError(13, "Permission denied")
        return opened(path, flags)

    monkeypatch.setattr(os, "open", failing)
    for bad[0] in bag:
        report = judged(folder, log)
        assert (report["exit_code"], report["problems"]) == (7, []), bad[0]
        assert "cannot be read: Permission denied" in problems(report)


# --- what the device's owner forges: manifests and the bag's signature fit --------------------------------------------


def lines(data):
    return data.split(b"\n")[:-1]


def text(rows):
    return b"".join(row + b"\n" for row in rows)


def entry_edited(bag, log, streams):
    return {S + "entries.jsonl": bag[S + "entries.jsonl"].replace(b"A0042", b"A0043")}


def entry_removed(bag, log, streams):
    rows = lines(bag[S + "entries.jsonl"])
    return {S + "entries.jsonl": text(rows[:1] + rows[2:])}


def entry_inserted(bag, log, streams):
    rows = lines(bag[S + "entries.jsonl"])
    return {S + "entries.jsonl": text([*rows[:2], rows[1], *rows[2:]])}


def entries_reordered(bag, log, streams):
    rows = lines(bag[S + "entries.jsonl"])
    return {S + "entries.jsonl": text([rows[0], rows[2], rows[1]])}


def entries_truncated(bag, log, streams):
    return {S + "entries.jsonl": text(lines(bag[S + "entries.jsonl"])[:-1])}


def no_entries(bag, log, streams):
    return {S + "entries.jsonl": b""}


def later_removed(bag, log, streams):
    return {S + "later/entries.jsonl": text(lines(bag[S + "later/entries.jsonl"])[:-1])}


def seal_of_another_session(bag, log, streams):
    return {S + "sealed.json": bag[T + "sealed.json"], S + "sealed.tlog-proof": bag[T + "sealed.tlog-proof"]}


def proof_of_another_entry(bag, log, streams):
    return {S + "sealed.tlog-proof": bag[T + "sealed.tlog-proof"]}


def chunks_of_another_session(bag, log, streams):
    return {S + "chunks.bin": bag[T + "chunks.bin"]}


def chunk_removed(bag, log, streams):
    data = bag[S + "chunks.bin"]
    return {S + "chunks.bin": data[: 4 + struct.unpack_from("<I", data)[0]]}


def chunks_swapped(bag, log, streams):
    data = bag[S + "chunks.bin"]
    first = 4 + struct.unpack_from("<I", data)[0]
    return {S + "chunks.bin": data[first:] + data[:first]}


def chunk_edited(bag, log, streams):
    first, second = streams[0].chunks
    packed = [zlib.compress(data) for data in (first[:-1] + b"!", second)]
    return {S + "chunks.bin": b"".join(map(blob, packed))}


def chunk_cut_off(bag, log, streams):
    return {S + "chunks.bin": bag[S + "chunks.bin"][:-1]}


def folder_renamed(bag, log, streams):
    under = "data/sessions/s-0000000009/"
    return {under + name[len(T) :]: data for name, data in bag.items() if name.startswith(T)} | {
        name: None for name in bag if b.SECOND in name
    }


def export_that_is_none(bag, log, streams):
    return {"data/export.json": log.entries[0], "data/export.tlog-proof": log.proof(0, bag["data/checkpoint"])}


def file_not_listed(bag, log, streams):
    return {S + "pin.txt": None}


def blob(data):
    return struct.pack("<I", len(data)) + data


def bomb(bag, log, streams):
    return {S + "chunks.bin": blob(zlib.compress(bytes(v.MAX_CHUNK + 1), 9))}


def blob_of_four_gigabytes_claimed(bag, log, streams):
    return {S + "chunks.bin": b"\xff\xff\xff\xff" + b"x" * 100}


def bytes_behind_a_chunk(bag, log, streams):
    packed = [zlib.compress(data) + b"more" for data in streams[0].chunks]
    return {S + "chunks.bin": b"".join(map(blob, packed))}


def document_exchanged(bag, log, streams):
    name = next(name for name in bag if name.startswith(S + "documents/"))
    return {name: b"{}"}


def derived_left_out(bag, log, streams):
    name = json.loads(lines(bag[S + "entries.jsonl"])[-1])["body"]["derived"]
    return {f"{S}documents/{name}": None}


def document_too_many(bag, log, streams):
    return {f"{S}documents/{'0' * 64}": b""}


def records_changed(bag, log, streams):
    name = f"data/records/{b.SESSION}.jsonl"
    return {name: bag[name].replace(b'"t_us":5040000', b'"t_us":5040001')}


def records_longer(bag, log, streams):
    name = f"data/records/{b.SESSION}.jsonl"
    return {name: bag[name] + b"\n"}


def note_exchanged(bag, log, streams):
    return {S + "private.json": bag[S + "private.json"].replace(b"14:10", b"14:11")}


def client_exchanged(bag, log, streams):
    return {S + "private.json": bag[S + "private.json"].replace(b"K-1047", b"K-1048")}


def client_without_commitment(bag, log, streams):
    return {S + "private.json": bag[S + "private.json"].replace(b.CLIENT_REF.encode(), b"c-0000000000000000")}


def private_of_another(bag, log, streams):
    return {S + "private.json": bag[T + "private.json"]}


def other_device_s_session(bag, log, streams):
    other = b.Log(b.OTHER_LOG, "other")
    files = b.package(other, b.small_session(other))
    return {
        S + name: files.get(name)
        for name in {*files, *(n[len(S) :] for n in bag if n.startswith(S))}
        if "later" not in name
    }


def export_of_another_time(bag, log, streams):
    copy = b.Log(log.name, log.seed, list(log.entries))
    other = b.bag(copy, streams)
    return {"data/export.json": other["data/export.json"]}


def checkpoint_of_another_tree(bag, log, streams):
    return {"data/checkpoint": log.checkpoint(size=3)}


def checkpoint_signed_by_another(bag, log, streams):
    body = log.body()
    line = b.key_id(log.name, 1, log.notes_key) + b.sealed_by("thief").sign(body.encode())
    return {"data/checkpoint": f"{body}\n— {log.name} {b.b64(line)}\n".encode()}


def checkpoint_without_the_log_s_line(bag, log, streams):
    head, _, rest = bag["data/checkpoint"].partition(b"\n\n")
    return {"data/checkpoint": head + b"\n\n" + rest.split(b"\n", 1)[1]}


def later_left_out(bag, log, streams):
    return {name: None for name in bag if name.startswith(S + "later/")}


def session_left_out(bag, log, streams):
    return {name: None for name in bag if b.SECOND in name}


def statement_of_another_session(bag, log, streams):
    one = b.Log(log.name, log.seed, list(log.entries[:-1]))
    seq = one.add("stream.extended", b.later_claim(one, streams[1]))
    files = b.later(one, streams[0], seq, one.checkpoint())
    return {f"{S}later/{name}": content for name, content in files.items()}


def pin_of_another(bag, log, streams):
    return {"data/pin.txt": b.Log(b.OTHER_LOG, "other").pin().encode()}


def pin_with_another_key(bag, log, streams):
    return {S + "pin.txt": b.Log(b.LOG, "other").pin().encode()}


def report_of_a_session_that_is_not_here(bag, log, streams):
    return {"data/report/s-zzzzzzzzzz.html": b""}


FORGERIES = {
    entry_edited: "entries.jsonl",
    entry_removed: "the seal is over other entries",
    entry_inserted: "line 3: entry 2 stands behind entry 2",
    entries_reordered: "line 3: entry 2 stands behind entry 3",
    entries_truncated: "no entry of it ends the recording",
    no_entries: "no entry of it ends the recording",
    later_removed: "says other later entries",
    seal_of_another_session: f"sealed.json: is not the seal of {b.SESSION}",
    proof_of_another_entry: "sealed.tlog-proof: proves entry",
    chunks_of_another_session: f"chunks.bin: chunk 0: is of another stream: {b.SECOND}",
    chunk_removed: "chunks.bin: has 1 chunks; the entries name 2",
    chunks_swapped: "chunks.bin: chunk 0: begins with record 3; expected 0",
    chunk_edited: "chunks.bin: the first 1 chunks are not those that entry 2 names",
    chunk_cut_off: "chunks.bin: chunk 1: cut off",
    folder_renamed: f"is of {b.SECOND}, and the folder is named s-0000000009",
    export_that_is_none: "data/export.json: is not the entry of an export",
    file_not_listed: "package.json: does not list pin.txt",
    bomb: "chunks.bin: chunk 0: inflates to more than",
    blob_of_four_gigabytes_claimed: "chunk 0: cut off, or larger than any chunk",
    bytes_behind_a_chunk: "chunk 0: is cut off, or has bytes behind its end",
    document_exchanged: "was changed: its SHA-256 is another",
    derived_left_out: "is missing; an entry names it",
    document_too_many: "no entry names it",
    records_changed: f"data/records/{b.SESSION}.jsonl: differs from the chunks in record 0",
    records_longer: "has more than the chunks",
    note_exchanged: "notes[0]: no mark and no entry committed to this text",
    client_exchanged: "clients[0]: no entry committed to this code",
    client_without_commitment: "clients[0]: no entry committed to this code",
    private_of_another: f"private.json: is not of {b.SESSION}",
    other_device_s_session: f"is of another log: {b.OTHER_LOG}",
    export_of_another_time: "data/export.tlog-proof: proves entry",
    checkpoint_of_another_tree: "is for another checkpoint than data/checkpoint",
    checkpoint_signed_by_another: "the signature of the log on its checkpoint does not hold",
    checkpoint_without_the_log_s_line: "no line on the checkpoint is signed with the pinned key",
    later_left_out: "later: is missing; every session in a bag has it",
    session_left_out: "names other sessions than those in this bag",
    statement_of_another_session: "is not the entry in data/export.json",
    pin_of_another: f"is the pin of {b.OTHER_LOG}",
    pin_with_another_key: "has another key of checkpoints than the pin that is believed",
    report_of_a_session_that_is_not_here: "is of a session that is not in this bag",
}


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.__name__)
@pytest.mark.requirement("R20")
def test_what_the_owner_of_both_keys_lays_down_anew(forgery, bag, log, streams, tmp_path):
    """Lists and the bag's signature are made anew; only what hashes lead to is left to show it."""
    files = {**bag, **forgery(bag, log, streams)}
    files = {name: data for name, data in files.items() if data is not None}
    for under, stream in ((S, streams[0]), (T, streams[1])):
        for folder, name, schema in ((under, "package.json", "package"), (under + "later/", "later.json", "later")):
            own = {n[len(folder) :]: d for n, d in files.items() if n.startswith(folder)}
            own = {n: d for n, d in own.items() if n not in ("private.json", name) and not n.startswith("later/")}
            if own and forgery is not folder_renamed:
                of = b.OTHER_LOG if forgery is other_device_s_session and folder == S else log.name
                files[folder + name] = b.listing(f"devicelog.{schema}/1", b.Log(of), stream, own)
    assert_altered(b.laid_down(b.signed(files, log), tmp_path / "bag"), log, FORGERIES[forgery])


def test_the_forger_s_tools_alone_change_nothing(bag, log, streams, tmp_path):
    """The test above without a forgery: what it makes anew is sound."""
    assert judged(b.laid_down(b.signed(bag, log), tmp_path / "bag"), log)["exit_code"] == 0


# --- keys -------------------------------------------------------------------------------------------------------------


def test_no_key(folder):
    report = judged(folder)
    assert (report["exit_code"], report["problems"]) == (7, [])
    assert "no pinned key was given" in problems(report)


def test_the_key_of_another_log(folder):
    report = judged(folder, b.Log(b.OTHER_LOG))
    assert (report["exit_code"], report["problems"]) == (7, [])
    assert f"the pin is of another log: {b.OTHER_LOG}" in problems(report)


def test_another_key_of_this_log(folder):
    assert_altered(folder, b.Log(seed="thief"), "no line on the checkpoint is signed with the pinned key")


def test_a_key_of_checkpoints_alone_does_not_tell_who_signed_the_bag(folder, log):
    pin = v.read_key(b.vkey(log.name, 1, log.notes_key))
    report = v.verify(folder, pin=pin, tools=v.Tools(wanted=False))
    assert report["exit_code"] == 7
    assert "who signed the bag cannot be told" in problems(report)


def test_a_bag_that_another_key_signed(bag, log, tmp_path):
    folder = b.laid_down(b.resigned(bag, log, b.sealed_by("thief")), tmp_path / "bag")
    assert_altered(folder, log, "is signed with another key than the one that the pin names for bags")
    assert_altered(folder, None, "is signed with another key than the one that the pin names for bags")


def test_a_whole_history_under_other_keys(tmp_path):
    """Everything rewritten and signed by a thief who keeps the log's name: it fits, and only the pin tells."""
    thief = b.Log(seed="thief")
    folder = b.laid_down(b.bag(thief, [b.small_session(thief)]), tmp_path / "bag")
    assert judged(folder)["exit_code"] == 7
    assert_altered(folder, b.Log(), "no line on the checkpoint is signed with the pinned key")


def test_a_signature_that_fails_its_own_key(bag, log, tmp_path):
    tags = bag["tagmanifest-sha256.txt"] + b"\n"
    folder = b.laid_down({**bag, "tagmanifest-sha256.txt.sig": b.armour(log.bags_key, tags)}, tmp_path / "bag")
    assert_altered(folder, None, "does not hold under the key that it carries itself")


def test_a_checkpoint_that_fails_the_key_in_the_bag_itself(bag, log, streams, tmp_path):
    files = b.signed({**bag, **checkpoint_signed_by_another(bag, log, streams)}, log)
    assert_altered(b.laid_down(files, tmp_path / "bag"), None, "on its checkpoint does not hold")


def test_private_texts_beside_a_package(bag, log, streams, tmp_path):
    (tmp_path / "x.package.zip").write_bytes(b.zipped(b.package(log, streams[0])))
    beside = tmp_path / "x.private.json"
    beside.write_bytes(bag[S + "private.json"])
    report = judged(tmp_path / "x.package.zip", log)
    assert report["exit_code"] == 0, problems(report)
    assert report["coverage"]["sessions"][0]["private"]
    beside.write_bytes(bag[S + "private.json"].replace(b"14:10", b"14:11"))
    assert_altered(tmp_path / "x.package.zip", log, "x.private.json, as private.json: notes[0]")


def test_a_signature_for_another_purpose(bag, log, tmp_path):
    signature = b.armour(log.bags_key, bag["tagmanifest-sha256.txt"], b"git")
    folder = b.laid_down({**bag, "tagmanifest-sha256.txt.sig": signature}, tmp_path / "bag")
    assert_altered(folder, log, "namespace devicelog-bag")


# --- newer versions ---------------------------------------------------------------------------------------------------


def newer_package(log, streams, bag):
    files = b.package(log, streams[0])
    return {**files, "package.json": files["package.json"].replace(b"devicelog.package/1", b"devicelog.package/2")}


def newer_entry(log, streams, bag):
    files = b.package(log, streams[0])
    data = files["entries.jsonl"].replace(b'"v":1', b'"v":2')
    return b.relisted({**files, "entries.jsonl": data}, log, streams[0])


def newer_chunk(log, streams, bag):
    data = b"".join(blob(zlib.compress(data[:4] + b"\x02" + data[5:])) for data in streams[0].chunks)
    return b.relisted({**b.package(log, streams[0]), "chunks.bin": data}, log, streams[0])


@pytest.mark.parametrize("make", [newer_package, newer_entry, newer_chunk], ids=lambda make: make.__name__)
def test_a_newer_version_of_a_package(make, log, streams, bag, tmp_path):
    path = tmp_path / "x.package.zip"
    path.write_bytes(b.zipped(make(log, streams, bag)))
    report = judged(path, log)
    assert "newer" in problems(report)
    assert (report["exit_code"], report["problems"]) == (7, [])


def test_a_newer_version_of_a_bag(bag, log, tmp_path):
    files = {**bag, "bagit.txt": bag["bagit.txt"].replace(b"1.0", b"2.0")}
    report = judged(b.laid_down(b.resigned(files, log), tmp_path / "bag"), log)
    assert (report["exit_code"], report["problems"]) == (7, [])
    assert "a newer version of BagIt" in problems(report)


def test_a_file_that_a_later_version_puts_into_a_bag(bag, log, tmp_path):
    report = judged(b.laid_down(changed(bag, log, **{"data/new.bin": b"x"}), tmp_path / "bag"), log)
    assert (report["exit_code"], report["problems"]) == (7, [])
    assert "data/new.bin: a file that this version does not know" in problems(report)


# --- ZIPs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../out", "/etc/passwd", "a/../../b", "a\\b", "C:x", "./a", "a//b", ".a", "documents/", "é"]
)
def test_names_out_of_the_folder(name, log, streams, tmp_path):
    path = tmp_path / "x.package.zip"
    path.write_bytes(b.zipped({**b.package(log, streams[0]), name: b"x"}))
    assert_altered(path, log, "a name that no file here has")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["x.package.zip"]


def zip_with(files, **attributes):
    """Python's zipfile, with something of each file otherwise."""
    import io
    import zipfile

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in sorted(files, key=lambda name: (name != "package.json", name)):
            info = zipfile.ZipInfo(name, attributes.get("date_time", (1980, 1, 1, 0, 0, 0)))
            info.create_system, info.external_attr = 3, attributes.get("external_attr", 0o100644 << 16)
            info.extra, info.comment = attributes.get("extra", b""), attributes.get("comment", b"")
            archive.writestr(info, files[name], attributes.get("method", zipfile.ZIP_STORED))
        archive.comment = attributes.get("archive_comment", b"")
    return made.getvalue()


@pytest.mark.parametrize(
    "attributes",
    [
        {"date_time": (2031, 1, 1, 0, 0, 0)},
        {"external_attr": 0o120777 << 16},
        {"extra": b"\x99\x99\x00\x00"},
        {"comment": b"x"},
        {"archive_comment": b"x"},
        {"method": 8},
    ],
    ids=lambda attributes: next(iter(attributes)),
)
def test_a_zip_that_is_written_otherwise(attributes, log, streams, tmp_path):
    path = tmp_path / "x.package.zip"
    path.write_bytes(zip_with(b.package(log, streams[0]), **attributes))
    assert_altered(path, log, "x.package.zip")


def test_a_name_twice(log, streams, tmp_path):
    import io
    import warnings
    import zipfile

    made = io.BytesIO(b.zipped(b.package(log, streams[0])))
    with warnings.catch_warnings(), zipfile.ZipFile(made, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("sealed.json", b"{}")
    path = tmp_path / "x.package.zip"
    path.write_bytes(made.getvalue())
    assert_altered(path, log, "x.package.zip")


def test_files_in_another_order(log, streams, tmp_path):
    path = tmp_path / "x.package.zip"
    path.write_bytes(b.zipped(b.package(log, streams[0]), first="sealed.json"))
    assert_altered(path, log, "not in the order of their names")


def test_ten_gigabytes_claimed(log, streams, tmp_path):
    """Of a member, in both of its headers; and of the file itself, which is a hole."""
    data = bytearray(b.zipped(b.package(log, streams[0])))
    size = struct.pack("<I", len(b.package(log, streams[0])["package.json"]))
    path = tmp_path / "x.package.zip"
    path.write_bytes(data.replace(size, b"\xfe\xff\xff\xff"))
    assert_altered(path, log, "and the file has not so many")
    with path.open("r+b") as file:
        file.truncate(10 * 2**30)
    assert_altered(path, log, "does not end as a ZIP")


def test_what_came_later_without_its_package(log, streams, bag, tmp_path):
    other = b.Log(log.name, log.seed, list(log.entries))
    seq = other.add("stream.extended", b.later_claim(other, streams[0]))
    path = tmp_path / f"{b.SESSION}.later.zip"
    path.write_bytes(b.zipped(b.later(other, streams[0], seq, other.checkpoint()), "later.json"))
    report = judged(path, log)
    assert report["exit_code"] == 7
    (tmp_path / f"{b.SESSION}.package.zip").write_bytes(b.zipped(b.package(log, streams[1])))
    assert_altered(path, log, "not of this session")
    (tmp_path / f"{b.SESSION}.package.zip").write_bytes(b.zipped(b.package(log, streams[0])))
    report = judged(path, log)
    assert report["exit_code"] == 0, problems(report)
    assert report["coverage"]["sessions"][0]["complete_as_of"] == seq


# --- memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attack", [huge_manifest, huge_file], ids=lambda attack: attack.__name__)
def test_memory_is_bounded_whatever_is_claimed(attack, folder, log):
    """In a process that may have 192 MB. The hashes are asked only of what has the right size, so it is quick too."""
    attack(folder)
    limited = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_AS, (192 << 20, 192 << 20));"
        f"sys.argv = ['verify.py', {str(folder)!r}, '--json']; runpy.run_path({v.__file__!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", limited], capture_output=True, text=True, timeout=60)
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout)["problems"]
    assert not done.stderr


def test_canonical_texts_of_private_files(bag, log, streams, tmp_path):
    spaced = json.dumps(streams[0].private).encode()
    folder = b.laid_down(changed(bag, log, **{S + "private.json": spaced}), tmp_path / "bag")
    assert_altered(folder, log, "private.json: not in canonical form")
    assert canonical(streams[0].private) == bag[S + "private.json"]


def test_paths_are_not_followed_by_the_tests_themselves(folder):
    assert Path(folder).is_dir()
    assert not [each for each in folder.rglob("*") if each.is_symlink()]
