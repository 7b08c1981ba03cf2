"""Whoever holds the keys can sign anything: values of wrong types, and bytes of no meaning. Nothing raises, and nothing
passes that says something else than the files beside it."""

import json
import random
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicelog import verify as v
from devicelog.canonical import canonical
from tests.verifier import building as b
from tests.verifier.judging import judged, problems

WRONG = [None, True, "x", [1], {"a": 1}, [{"stream": [1]}]]


RELIED_ON = {"stream", "chunks", "records", "root", "entries", "documents", "derived", "streams", "client_commitment"}


class WrongLog(b.Log):
    """A log in which one value of one entry's body, or of its envelope, is another."""

    def __init__(self, at: int, key: str, value: object, *, envelope: bool = False) -> None:
        self.at, self.key, self.value, self.envelope = at, key, value, envelope
        super().__init__()

    def add(self, type_, body, **other):
        if len(self.entries) == self.at:
            if self.envelope:
                other = {**other, self.key: self.value}
            else:
                body = {**body, self.key: self.value}
        return super().add(type_, body, **other)


def laid(log: b.Log, folder):
    return b.laid_down(
        b.bag(log, [b.small_session(log, later=True)], inspection=True, private=False, records=False), folder
    )


def honest() -> b.Log:
    log = b.Log()
    b.bag(log, [b.small_session(log, later=True)])
    return log


BODIES = [(at, key) for at, data in enumerate(honest().entries) for key in json.loads(data)["body"]]


@pytest.mark.parametrize(("at", "key"), BODIES, ids=str)
def test_a_wrong_value_in_a_body(at, key, tmp_path):
    """Found, or a value of which this program says nothing: that is the product's to judge (`devicelog verify`)."""
    for number, value in enumerate(WRONG):
        try:
            log = WrongLog(at, key, value)
            folder = laid(log, tmp_path / str(number))
        except (AttributeError, TypeError, IndexError, KeyError, ValueError):
            continue  # the builder itself cannot lay it down
        report = judged(folder, log)
        if key in RELIED_ON and value is not None and value != []:
            assert report["exit_code"] == 3, (value, problems(report))
        assert report["exit_code"] in (0, 3, 7)
        assert list(v.told(report))


@pytest.mark.parametrize(
    "key", ["v", "log", "seq", "nonce", "prev", "at", "actor", "sw", "type", "body", "boot", "more"]
)
def test_a_wrong_value_in_an_envelope(key, tmp_path):
    for at in (4,):
        for number, value in enumerate(WRONG):
            try:
                log = WrongLog(at, key, value, envelope=True)
                folder = laid(log, tmp_path / f"{at}-{number}")
            except (AttributeError, TypeError, IndexError, KeyError, ValueError, struct.error):
                continue
            report = judged(folder, log)
            assert report["exit_code"] in ((0, 3, 7) if type(value) is str or key in ("actor", "sw", "seq") else (3, 7))
            assert list(v.told(report))


LOG = b.Log()
STREAM = b.small_session(LOG, later=True)
BAG = b.bag(LOG, [STREAM], inspection=True)
PACKAGE = b.package(LOG, STREAM)


@pytest.mark.parametrize("value", WRONG, ids=repr)
@pytest.mark.parametrize(
    "key", ["schema", "stream", "clients", "notes", "client_ref", "salt", "code", "commitment", "text"]
)
def test_a_wrong_value_in_private_texts(key, value, tmp_path):
    name = f"data/sessions/{b.SESSION}/private.json"
    document = json.loads(BAG[name])
    for row in [document, *document["clients"], *document["notes"]]:
        if key in row and row[key] != value:
            row[key] = value
    folder = b.laid_down(b.signed({**BAG, name: canonical(document)}, LOG), tmp_path / "bag")
    report = judged(folder, LOG)
    assert report["exit_code"] == (0 if key in ("clients", "notes") and value == [] else 3), problems(report)


@pytest.mark.parametrize("value", WRONG, ids=repr)
@pytest.mark.parametrize("key", ["schema", "stream", "log", "files", "name", "bytes", "sha256", "more"])
def test_a_wrong_value_in_a_list_of_files(key, value, tmp_path):
    document = json.loads(PACKAGE["package.json"])
    for row in [document, document["files"][0]]:
        if key in row or key == "more":
            row[key] = value
    path = tmp_path / "x.package.zip"
    path.write_bytes(b.zipped({**PACKAGE, "package.json": canonical(document)}))
    assert judged(path, LOG)["exit_code"] == 3


def spliced(data: bytes, random_: random.Random) -> bytes:
    """A piece taken out, doubled, moved or replaced by noise."""
    one, two = sorted(random_.randrange(len(data) + 1) for _ in range(2))
    two = min(two, one + random_.choice((1, 4, 40, 400)))
    piece = random_.choice(
        (b"", data[one:two] * 2, random_.randbytes(two - one), bytes(two - one), b"\xff" * (two - one))
    )
    return data[:one] + piece + data[two:]


def test_a_zip_in_pieces(tmp_path):
    random_, data, path = random.Random(1), b.zipped(PACKAGE), tmp_path / "x.package.zip"
    for _ in range(120):
        changed = spliced(data, random_)
        path.write_bytes(changed)
        assert judged(path, LOG)["exit_code"] == (0 if changed == data else 3)


def test_files_in_pieces_behind_lists_that_fit_them(tmp_path):
    random_ = random.Random(2)
    folder = b.laid_down(PACKAGE, tmp_path / "package")
    for name in [name for name in PACKAGE if name != "package.json"]:
        for _ in range(12):
            changed = spliced(PACKAGE[name], random_)
            (folder / name).write_bytes(changed)
            (folder / "package.json").write_bytes(b.relisted({**PACKAGE, name: changed}, LOG, STREAM)["package.json"])
            report = judged(folder, LOG)
            assert (report["exit_code"] == 0) == (changed == PACKAGE[name]), problems(report)
        (folder / name).write_bytes(PACKAGE[name])


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 400))
def test_a_chunk_is_read_as_the_product_reads_it(noise, at):
    """The same bytes are a chunk for both, or for neither; version and place apart, which only this one knows."""
    from devicelog.records import Chunk

    data = STREAM.chunks[0]
    changed = data[:at] + noise + data[at + len(noise) :]

    def theirs():
        chunk = Chunk.parse(changed)
        if chunk.stream != b.SESSION or chunk.records[0].number != 0:
            raise ValueError
        return [tuple(record) for record in chunk.records]

    def ours():
        return list(v.read_chunk(v.inflate(zlib.compress(changed)), b.SESSION, 0).records())

    found = []
    for read in (theirs, ours):
        try:
            found.append(read())
        except ValueError:
            found.append(None)
    assert found[0] == found[1]
