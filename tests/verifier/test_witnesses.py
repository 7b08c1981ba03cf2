"""What was kept outside the device, against what is shown today: covered, forked, or cannot be told."""

import json
import time

import pytest

from devicelog import verify as v
from devicelog.canonical import canonical
from tests.verifier import building as b
from tests.verifier.judging import judged, problems

LEFT, RIGHT = "witness.example/left", "witness.example/right"
T_S = 1_900_000_000  # 2030-03-17 17:46:40


def history(seed: str = "") -> tuple[b.Log, list[b.Stream]]:
    log = b.Log(seed=seed)
    return log, [b.small_session(log, later=True), b.small_session(log, b.SECOND)]


def bag_of(folder, *, inspection=False, **other):
    log, streams = history()
    return log, b.laid_down(b.bag(log, streams, inspection=inspection, **other), folder / "bag")


def key(name: str) -> v.VKey:
    return v.parse_vkey(b.witness_key(name))


def head(data: bytes) -> tuple[str, v.Checkpoint]:
    """What `--witness FILE` gives of a checkpoint's text."""
    keys, [found] = v.read_witness(data.decode(), "kept.txt")
    assert keys == []
    return found


def test_who_signed_and_when_is_told(tmp_path):
    log, folder = bag_of(tmp_path, witnesses=[(LEFT, T_S), (RIGHT, T_S + 1)])
    report = judged(folder, log, witnesses=[key(LEFT)])
    size = len(log.entries)
    assert report["exit_code"] == 0, problems(report)
    assert report["coverage"]["witnessed"] == [{"size": size, "witness": LEFT, "time_s": T_S}]
    words = list(v.told(report))
    assert f"entries 0 to {size - 1} witnessed by {LEFT} at 2030-03-17 17:46:40 UTC" in words
    assert not [line for line in words if RIGHT in line], "its key was not given: nobody can say that it is his line"
    alone = f"under no witness, by the device's signature alone: the seals of {b.SESSION}, {b.SECOND}"
    assert alone in words


def test_in_an_inspection_the_witness_covers_what_stands_before(tmp_path):
    log, folder = bag_of(tmp_path, inspection=True, witnesses=[(LEFT, T_S)])
    words = list(v.told(judged(folder, log, witnesses=[key(LEFT)])))
    assert not [line for line in words if "under no witness" in line]
    assert f"the whole log was read: {len(log.entries)} entries, none missing, one unbroken chain" in words


def test_a_cosignature_that_does_not_hold(tmp_path):
    log, streams = history()
    files = b.bag(log, streams, witnesses=[(LEFT, T_S)])
    lines = files["data/checkpoint"].split("— ".encode())
    forged = v._b64(b.key_id(LEFT, 4, b.sealed_by(LEFT)) + T_S.to_bytes(8, "big") + bytes(64))
    lines[-1] = f"{LEFT} {forged}\n".encode()
    files = b.signed({**files, "data/checkpoint": "— ".encode().join(lines)}, log)
    report = judged(b.laid_down(files, tmp_path / "bag"), log, witnesses=[key(LEFT)])
    assert report["exit_code"] == 3
    assert f"the signature of the witness {LEFT} does not hold" in problems(report)


def test_the_same_head_that_was_kept(tmp_path):
    log, folder = bag_of(tmp_path)
    report = judged(folder, log, heads=[head(log.checkpoint())])
    assert report["exit_code"] == 0, problems(report)
    size = len(log.entries)
    assert f"entries 0 to {size - 1} are those of the checkpoint that you hold in kept.txt" in list(v.told(report))


@pytest.mark.parametrize("inspection", [True, False])
def test_an_older_head(inspection, tmp_path):
    """An inspection has every entry, so every older head can be compared; a bag of sessions has only some roots."""
    log, folder = bag_of(tmp_path, inspection=inspection)
    report = judged(folder, log, heads=[head(log.checkpoint(size=3))])
    if inspection:
        assert report["exit_code"] == 0, problems(report)
        assert report["coverage"]["compared_with"] == [{"file": "kept.txt", "size": 3}]
    else:
        assert (report["exit_code"], report["problems"]) == (7, [])
        assert "it takes a consistency proof, or an inspection made after it" in problems(report)


def test_the_head_at_a_seal_can_be_compared_in_any_bag(tmp_path):
    log, folder = bag_of(tmp_path, more=2)
    report = judged(folder, log, heads=[head(log.checkpoint(size=5))])
    assert report["exit_code"] == 0
    words = list(v.told(report))
    assert f"entries 5 to {len(log.entries) - 1} by the device's signature alone" in words
    assert f"under no witness, by the device's signature alone: the seals of {b.SECOND}" in words


def witness_file(*notes: bytes) -> str:
    """`devicelog.witness/1`: each step's note as its lines."""
    rows = [note.decode().split("\n")[:-1] for note in notes]
    steps = [{"note": row, "proof": []} for row in rows]
    return canonical({"schema": "devicelog.witness/1", "note": rows[-1], "steps": steps}).decode()


@pytest.mark.parametrize(("sizes", "code"), [((3, 5), 0), ((3, 5, 15), 0), ((3, 5, 9), 7), ((3, 9), 7), ((5, 30), 7)])
def test_a_witness_file_of_many_steps(sizes, code, tmp_path):
    """What is older than one that is of the same size as a root here needs no comparison; what is newer does."""
    log, folder = bag_of(tmp_path, more=2)
    assert len(log.entries) == 15
    for _ in range(10):
        log.add("recorder.stopped", {"cause": "operator"})
    heads = v.read_witness(witness_file(*(log.checkpoint(size) for size in sizes)), "stick")[1]
    assert [each.size for _, each in heads] == list(sizes)
    assert judged(folder, log, heads=heads)["exit_code"] == code
    other = b.Log(entries=[log.entries[0], *log.entries[2:]])
    forked = v.read_witness(witness_file(other.checkpoint(3), other.checkpoint(5)), "stick")[1]
    assert judged(folder, log, heads=forked)["exit_code"] == 3


@pytest.mark.requirement("R21")
def test_a_log_that_was_cut_off_behind_the_file_of_a_witness(tmp_path):
    """Its last step is over more entries than there are now; an older step that fits does not make up for it."""
    log, _ = history()
    stick = v.read_witness(witness_file(log.checkpoint(3), log.checkpoint(len(log.entries))), "stick")[1]
    forged = b.Log(entries=log.entries[:3])
    forged.add("recorder.stopped", {"cause": "forged"})
    folder = b.laid_down(b.bag(forged, [], inspection=True), tmp_path / "bag")
    report = judged(folder, forged, heads=stick)
    assert (report["exit_code"], report["problems"]) == (7, [])
    assert f"stick: is for {len(log.entries)} entries, more than the 5 here" in problems(report)
    assert "were cut off the log since" in problems(report)
    assert judged(folder, forged, heads=stick[:1])["exit_code"] == 0


def test_a_head_of_another_log_makes_up_for_none(tmp_path):
    log, folder = bag_of(tmp_path)
    thief = b.Log(log.name, "thief", log.entries)
    kept = [head(thief.checkpoint()), head(log.checkpoint(3))]
    report = judged(folder, log, heads=kept)
    assert [row["what"][:20] for row in report["undecided"]] == ["is not signed by thi", "is for 3 entries, no"]


@pytest.mark.parametrize("text", ["{}", "{", '{"schema":"devicelog.witness/2"}', '{"schema":"devicelog.witness/1"}'])
def test_a_witness_file_that_is_none(text):
    with pytest.raises(ValueError):
        v.read_witness(text, "stick")


def test_an_inspection_without_the_log(tmp_path):
    log, streams = history()
    log.add("recorder.stopped", {"cause": "operator"})
    files = b.bag(log, streams)
    export = json.loads(files["data/export.json"])
    log.entries[-1] = canonical({**export, "body": {**export["body"], "inspection": {"from": "a", "to": "b"}}})
    checkpoint = log.checkpoint()
    changes = {
        "checkpoint": checkpoint,
        "export.json": log.entries[-1],
        "export.tlog-proof": log.proof(export["seq"], checkpoint),
    }
    files = b.signed({**files, **{f"data/{name}": data for name, data in changes.items()}}, log)
    report = judged(b.laid_down(files, tmp_path / "bag"), log)
    assert report["exit_code"] == 3
    assert "data/log/entries.jsonl: is missing" in problems(report)


def test_a_newer_head_than_all_that_is_here(tmp_path):
    log, folder = bag_of(tmp_path, inspection=True)
    for _ in range(3):
        log.add("recorder.stopped", {"cause": "operator"})
    report = judged(folder, log, heads=[head(log.checkpoint())])
    assert (report["exit_code"], report["problems"]) == (7, [])
    assert "more than" in problems(report)


@pytest.mark.parametrize("inspection", [True, False])
@pytest.mark.requirement("R21")
def test_a_history_that_was_rewritten_behind_a_witness(inspection, tmp_path):
    """The owner of the keys records otherwise from entry 1 on and signs anew; the head that was kept shows it."""
    log, _ = history()
    kept = log.checkpoint(size=5)
    other = b.Log(seed="")
    other.add("recorder.stopped", {"cause": "another history"})
    streams = [b.small_session(other), b.small_session(other, b.SECOND)]
    folder = b.laid_down(b.bag(other, streams, inspection=inspection), tmp_path / "bag")
    assert judged(folder, other)["exit_code"] == 0, "nothing inside shows it"
    report = judged(folder, other, heads=[head(kept)])
    assert report["exit_code"] == (3 if inspection else 7)
    assert ("FORK" in problems(report)) == inspection


@pytest.mark.requirement("R21")
def test_two_histories_in_one_bag(tmp_path):
    """The checkpoint of the seal is of the same size as another, and has another root."""
    log, streams = history()
    other = b.Log(seed="")
    other.add("recorder.stopped", {"cause": "another history"})
    stranger = b.small_session(other)
    files = b.bag(log, [streams[0]], more=0)
    under = f"data/sessions/{b.SESSION}/"
    files = {name: data for name, data in files.items() if not name.startswith(under) or "later" in name}
    files |= {under + name: data for name, data in b.package(other, stranger, size=6).items()}
    files = b.signed({**files, "data/checkpoint": log.checkpoint(size=6)}, log)
    report = judged(b.laid_down(files, tmp_path / "bag"), log)
    assert report["exit_code"] == 3
    assert "FORK: the first 6 entries have another root here" in problems(report)


@pytest.mark.parametrize("other", [b.Log(b.OTHER_LOG, "x"), b.Log(seed="thief")], ids=["another log", "another key"])
def test_a_head_that_says_nothing_about_this_log(other, tmp_path):
    log, folder = bag_of(tmp_path)
    other.add("recorder.stopped", {"cause": "operator"})
    report = judged(folder, log, heads=[head(other.checkpoint(1))])
    assert (report["exit_code"], report["problems"]) == (7, [])


# --- an inspection: the whole log -------------------------------------------------------------------------------------


def edits(rows):
    swapped = [*rows[:3], rows[4], rows[3], *rows[5:]]
    return {
        "removed": (rows[:5] + rows[6:], "line 6: is entry 6"),
        "inserted": (rows[:5] + rows[4:], "line 6: is entry 4"),
        "swapped": (swapped, "line 4: is entry 4"),
        "truncated": (rows[:-1], "does not end with the entry in data/export.json"),
        "without a beginning": (rows[1:], "line 1: is entry 1"),
        "edited": ([row.replace(b"p-07", b"p-08") for row in rows], "one of the two was changed"),
        "empty": ([], "does not end with the entry"),
        "the first edited": (
            [rows[0].replace(b'"schema":3', b'"schema":4'), *rows[1:]],
            "is not the entry 0 that the pin",
        ),
    }


@pytest.mark.parametrize("edit", edits([b""] * 8))
def test_an_edit_of_the_whole_log(edit, tmp_path):
    log, streams = history()
    files = b.bag(log, streams, inspection=True)
    rows, words = edits(files["data/log/entries.jsonl"].split(b"\n")[:-1])[edit]
    files = b.signed({**files, "data/log/entries.jsonl": b"".join(row + b"\n" for row in rows)}, log)
    report = judged(b.laid_down(files, tmp_path / "bag"), log)
    assert report["exit_code"] == 3
    assert words in problems(report)


CLAIMS = {  # an entry of a whole log that says something of those before it: by what it is made true or false
    "stream.sealed": ("entries", lambda log, own: {"stream": b.SESSION, "entries": 1, "root": b.root(own).hex()}),
    "stream.extended": ("later", lambda log, own: {"stream": b.SESSION, "later": 1, "later_root": b.root(own).hex()}),
    "database.rebuilt": (
        "entries",
        lambda log, own: {"entries": len(log.entries), "root": b.root(log.leaves).hex(), "guards": []},
    ),
}


@pytest.mark.parametrize("type_", CLAIMS)
@pytest.mark.parametrize("wrong", [False, True])
def test_what_an_entry_of_a_whole_log_says_of_those_before_it(type_, wrong, tmp_path):
    """The log itself is signed and sound, and one of its entries is not true."""
    log = b.Log()
    seq = log.add("session.opened", {"stream": b.SESSION, "documents": {}})
    key, body_of = CLAIMS[type_]
    body = body_of(log, [log.leaves[seq]])
    log.add(type_, {**body, key: body[key] + wrong})
    report = judged(b.laid_down(b.bag(log, [], inspection=True), tmp_path / "bag"), log)
    assert report["exit_code"] == (3 if wrong else 0), problems(report)
    assert (f"line 3: {type_} says" in problems(report)) == wrong


def test_entries_of_a_hundred_sessions_are_read_quickly(tmp_path):
    """Ten thousand of them have to take less than ten seconds."""
    log = b.Log()
    for index in range(100):
        b.small_session(log, f"s-{index:010}")
    files = b.bag(log, [], inspection=True)
    folder = b.laid_down(files, tmp_path / "bag")
    took_s = []
    for _ in range(3):  # the machine may be busy
        began_s = time.process_time()
        report = judged(folder, log)
        took_s.append(time.process_time() - began_s)
        assert report["exit_code"] == 0, problems(report)
    assert min(took_s) / len(log.entries) < 10 / 10_000 / 16, "sixteen entries a session"
