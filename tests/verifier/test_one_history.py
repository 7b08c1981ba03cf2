"""The checkpoint over a seal and the one over what came later: of one history, of two, or it cannot be told."""

import json

import pytest

from devicelog import verify as v
from tests.verifier import building as b
from tests.verifier.judging import judged, problems

S = f"data/sessions/{b.SESSION}/"
PROOF = "consistency.txt"


def histories() -> tuple[b.Log, b.Stream, b.Log, b.Stream]:
    """Two that the same keys signed, with a session of the same name at other places."""
    one = b.Log()
    first = b.small_session(one)
    two = b.Log()
    for _ in range(2):
        two.add("recorder.stopped", {"cause": "another history"})
    return one, first, two, b.small_session(two)


def leaves(log: b.Log, size: int | None = None) -> bytes:
    return b"".join(leaf.hex().encode() + b"\n" for leaf in log.leaves[:size])


def mixed(made: str) -> tuple[b.Log, b.Contents]:
    """A bag of the one history with the package of the other in it, and the proof that connects them `made` so."""
    one, first, two, second = histories()
    size = first.sealed + 1
    bag = b.bag(two, [second])
    package = b.package(one, first)
    new = len(two.entries)
    while len(one.entries) < new:
        one.add("recorder.stopped", {"cause": "operator"})
    proofs = {"by the one": one, "by the other": two}
    later = {name[len(S) + 6 :]: data for name, data in bag.items() if name.startswith(S + "later/")}
    del later["later.json"], later[PROOF]
    if made in proofs:
        later[PROOF] = proofs[made].consistency(size, new)
    later["later.json"] = b.listing("devicelog.later/1", two, second, later)
    files = {name: data for name, data in bag.items() if not name.startswith(S)}
    if made == "by leaves":
        files["data/leaves.txt"] = leaves(two)
    files |= {S + name: data for name, data in package.items()}
    files |= {f"{S}later/{name}": data for name, data in later.items()}
    return two, b.signed(files, two)


@pytest.mark.parametrize(
    ("made", "code", "words"),
    [
        ("not at all", 7, f"{PROOF}: is missing: whether the checkpoint over the seal (5 entries)"),
        ("by the one", 3, f"{PROOF}: FORK, or a wrong proof"),
        ("by the other", 3, f"{PROOF}: FORK, or a wrong proof"),
        ("by leaves", 3, "FORK: the first 5 entries have another root here"),
    ],
)
@pytest.mark.requirement("R21")
def test_two_histories_in_one_bag(made, code, words, tmp_path):
    log, files = mixed(made)
    report = judged(b.laid_down(files, tmp_path / "bag"), log)
    assert report["exit_code"] == code, problems(report)
    assert words in problems(report)


@pytest.mark.requirement("R21")
def test_the_leaves_of_a_shorter_history_connect_nothing(tmp_path):
    """They part behind the seal, and the checkpoint over the seal is over more entries than there are leaves."""
    log = b.Log()
    stream = b.small_session(log)
    other = b.Log(entries=list(log.entries))
    for _ in range(7):
        other.add("recorder.stopped", {"cause": "another history"})
    files = b.bag(log, [stream])
    later = {name[len(S) + 6 :]: data for name, data in files.items() if name.startswith(S + "later/")}
    del files[f"{S}later/{PROOF}"], later["later.json"], later[PROOF]
    files[S + "later/later.json"] = b.listing("devicelog.later/1", log, stream, later)
    files |= {S + name: data for name, data in b.package(other, stream, size=12).items()}
    files["data/leaves.txt"] = leaves(log)
    report = judged(b.laid_down(b.signed(files, log), tmp_path / "bag"), log)
    assert (report["exit_code"], report["problems"]) == (7, [])
    assert "(12 entries) and the one over statement.json (6)" in problems(report)


@pytest.mark.parametrize(("by", "code"), [("nothing", 7), ("leaves", 0), ("the whole log", 0)])
def test_a_bag_without_the_proof(by, code, tmp_path):
    log = b.Log()
    stream = b.small_session(log, later=True)
    files = b.bag(log, [stream], inspection=by == "the whole log")
    later = {name[len(S) + 6 :]: data for name, data in files.items() if name.startswith(S + "later/")}
    del files[f"{S}later/{PROOF}"], later["later.json"], later[PROOF]
    files[S + "later/later.json"] = b.listing("devicelog.later/1", log, stream, later)
    if by == "leaves":
        files["data/leaves.txt"] = leaves(log)
    report = judged(b.laid_down(b.signed(files, log), tmp_path / "bag"), log)
    assert (report["exit_code"], report["problems"]) == (code, []), problems(report)


@pytest.mark.parametrize(
    ("edit", "code", "words"),
    [
        (lambda data: data, 0, ""),
        (lambda data: None, 7, "is missing: whether"),
        (lambda data: data.replace(b"/1\n", b"/2\n", 1), 7, "is newer than this program knows"),
        (lambda data: data + data.split(b"\n")[2] + b"\n", 3, "too many hashes"),
        (lambda data: data[: data[:-1].rindex(b"\n") + 1], 3, "too few hashes"),
        (lambda data: data.replace(b"\n5 ", b"\n4 ", 1), 3, "leads from 4 to"),
        (lambda data: data[:-1], 3, "is no consistency proof"),
        (lambda data: b"", 3, "is no consistency proof"),
        (lambda data: data.replace(b"=\n", b"\n", 1), 3, "base64"),
        (lambda data: data.split(b"\n")[0] + b"\n", 3, "is no consistency proof"),
    ],
)
def test_what_came_later_beside_its_package(edit, code, words, tmp_path):
    log = b.Log()
    stream = b.small_session(log, later=True)
    statement = log.add("stream.extended", b.later_claim(log, stream))
    later = b.later(log, stream, statement, log.checkpoint())
    assert len(later[PROOF].split(b"\n")) > 4
    changed = edit(later.pop(PROOF))
    later |= {} if changed is None else {PROOF: changed}
    del later["later.json"]
    later = {"later.json": b.listing("devicelog.later/1", log, stream, later), **later}
    package = tmp_path / f"{b.SESSION}.package.zip"
    package.write_bytes(b.zipped(b.package(log, stream)))
    assert judged(package, log)["exit_code"] == 0, "a package alone needs none"
    (tmp_path / f"{b.SESSION}.later.zip").write_bytes(b.zipped(later, "later.json"))
    report = judged(package, log)
    assert report["exit_code"] == code, problems(report)
    assert words in problems(report)


def test_the_statement_of_a_bag_under_another_checkpoint(tmp_path):
    log = b.Log()
    stream = b.small_session(log)
    files = b.bag(log, [stream])
    export = json.loads(files["data/export.json"])["seq"]
    log.add("recorder.stopped", {"cause": "after the export"})
    later = b.later(log, stream, export, log.checkpoint())
    files |= {f"{S}later/{name}": data for name, data in later.items()}
    report = judged(b.laid_down(b.signed(files, log), tmp_path / "bag"), log)
    assert report["exit_code"] == 3
    assert "statement.tlog-proof: is for another checkpoint than data/checkpoint" in problems(report)


def test_a_proof_leads_to_both_roots_and_to_no_other():
    """Every pair of sizes up to 20, and one hash that is another."""
    log = [b.leaf(bytes([n])) for n in range(20)]
    for new in range(1, 21):
        for old in range(1, new + 1):
            hashes, roots = b.continued(log[:new], old), (b.root(log[:old]), b.root(log[:new]))
            assert v.continued_roots(old, roots[0], new, hashes) == roots
            for at in range(len(hashes)):
                wrong = [*hashes[:at], bytes(32), *hashes[at + 1 :]]
                assert v.continued_roots(old, roots[0], new, wrong) != roots
            for wrong in (hashes[:-1], [*hashes, bytes(32)]):
                if wrong != hashes:
                    with pytest.raises(ValueError, match=r"too (few|many) hashes"):
                        v.continued_roots(old, roots[0], new, wrong)
    for old, new in ((0, 3), (4, 3)):
        with pytest.raises(ValueError, match="do not continue"):
            v.continued_roots(old, b.root(log[:old]), new, [])
