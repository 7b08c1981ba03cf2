"""The signer as a process: real children, real sockets, a real kill -9, a directory that somebody spoilt."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha512
from pathlib import Path

import pytest

from devicelog.errors import EvidenceDamaged, SignatureRefused, StoreUnusable
from devicelog.ledger import asking
from devicelog.ledger.asking import VARIABLE, Signer
from devicelog.ledger.checkpoint import Checkpoint
from devicelog.ledger.keys import SigningKey, verified
from devicelog.ledger.note import ED25519, SignedNote, VerifierKey
from devicelog.ledger.pin import Pin
from devicelog.ledger.signer import MAX_LINE
from devicelog.ledger.tree import EMPTY_ROOT
from tests.ledger.logs import LOG, OTHER, head, leaves, request
from tests.oracles import needed
from tests.waiting import wait_for

GENUINE = leaves(20)
PROGRAM = (sys.executable, "-P", "-m", "devicelog.ledger.signer")
SHA512 = sha512(b"tag manifest").digest()


@pytest.fixture(autouse=True)
def no_socket_of_the_system(monkeypatch, tmp_path):
    monkeypatch.setattr(asking, "SOCKET", tmp_path / "no-such.sock")
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A data directory whose log has keys and is signed up to 9 entries."""
    signer = Signer(tmp_path)
    signer.identity(LOG, GENUINE[0])
    sign(signer, 9, old=0)
    return tmp_path


def sign(signer: Signer, size: int, *, old: int | None = None, of: list[bytes] = GENUINE, log: str = LOG) -> bytes:
    """A checkpoint, as an honest device asks for one: from what the signer remembers."""
    old = signer.remembered(log)[0] if old is None else old
    asked = request(of, old, size, log=log)
    return signer.checkpoint(log, old, size, asked.root, asked.proof)


def state(data_dir: Path) -> Path:
    return data_dir / "signer" / "state.json"


def key(data_dir: Path, purpose: str = "checkpoints") -> Path:
    return data_dir / "signer" / "keys" / f"{LOG.partition('/')[2]}.{purpose}"


def said(directory: Path, *lines: bytes) -> list[dict[str, object]]:
    """What a child answers to these bytes."""
    done = subprocess.run(
        (*PROGRAM, "--stdio", "--state", str(directory)), input=b"".join(lines), capture_output=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


# --- a child on the data directory ------------------------------------------------------------------------------------


def test_a_log_gets_two_keys_that_only_its_owner_reads(tmp_path):
    identity = Signer(tmp_path).identity(LOG, GENUINE[0])
    assert identity.kind == "same user"
    assert identity.pin.checkpoints.public == SigningKey.load(key(tmp_path)).public
    assert identity.pin.bags == SigningKey.load(key(tmp_path, "bags")).public
    assert {path.stat().st_mode & 0o777 for path in (key(tmp_path), key(tmp_path, "bags"))} == {0o400}
    assert (tmp_path / "signer").stat().st_mode & 0o777 == 0o700
    assert Signer(tmp_path).remembered(LOG) == (0, EMPTY_ROOT)
    assert Signer(tmp_path).identity(LOG, GENUINE[0]) == identity


def test_a_checkpoint_says_what_was_asked_and_is_of_the_pinned_key(begun):
    signer = Signer(begun)
    note = SignedNote.parse(sign(signer, 14))
    assert Checkpoint.of(note) == Checkpoint(origin=LOG, size=14, root=head(GENUINE, 14).root)
    pin = signer.identity(LOG, GENUINE[0]).pin
    (line,) = note.by(pin.checkpoints)
    assert verified(pin.checkpoints.public, note.text.encode(), line.data)
    assert signer.remembered(LOG) == (14, head(GENUINE, 14).root)


def test_ssh_keygen_verifies_a_bag_with_the_pin(begun, tmp_path):
    program = needed("ssh-keygen")
    signer = Signer(begun)
    (tmp_path / "pin").write_text(signer.identity(LOG, GENUINE[0]).pin.text())
    (tmp_path / "sig").write_bytes(signer.bag_signature(LOG, SHA512))
    words = (program, "-Y", "verify", "-f", tmp_path / "pin", "-I", LOG, "-n", "devicelog-bag", "-s", tmp_path / "sig")
    assert subprocess.run(words, input=b"tag manifest", capture_output=True).returncode == 0
    assert subprocess.run(words, input=b"tag manifeSt", capture_output=True).returncode != 0


@pytest.mark.requirement("R21", "R29")
def test_a_device_that_was_rolled_back_is_refused_and_goes_on_with_its_newest_database(begun):
    signer = Signer(begun)
    with pytest.raises(SignatureRefused, match="5 entries now, and 9 were signed") as refused:
        sign(signer, 5, old=5)
    assert (refused.value.code, refused.value.exit_code) == ("smaller", 3)
    with pytest.raises(SignatureRefused) as refused:  # it went on from 5 entries, otherwise than before
        sign(signer, 12, of=leaves(20, fork_at=5))
    assert refused.value.code == "proof"
    assert Checkpoint.of(SignedNote.parse(sign(signer, 12))).size == 12


def test_an_acknowledged_fork_ends_the_log_and_a_new_one_begins(begun):
    signer = Signer(begun)
    newest = sign(signer, 9)
    restored = head(GENUINE, 5)
    assert signer.acknowledge(LOG, restored.size, restored.root) == newest
    assert signer.acknowledge(LOG, restored.size, restored.root) == newest, "its answer may be lost on the way"
    for asked in (
        lambda: sign(signer, 12, old=9),
        lambda: sign(signer, 6, old=5),
        lambda: sign(signer, 9, old=9),
        lambda: signer.bag_signature(LOG, SHA512),
        lambda: signer.remembered(LOG),
    ):
        with pytest.raises(SignatureRefused, match="ended at 9 entries") as refused:
            asked()
        assert refused.value.code == "ended"
    signer.identity(OTHER, GENUINE[0])
    assert Checkpoint.of(SignedNote.parse(sign(signer, 3, old=0, log=OTHER))).size == 3


def test_a_log_of_which_nothing_was_signed_needs_no_end(tmp_path):
    signer = Signer(tmp_path)
    signer.identity(LOG, GENUINE[0])
    with pytest.raises(ValueError, match="can go on as it is"):
        signer.acknowledge(LOG, 3, bytes(32))


def test_a_log_that_was_never_introduced_is_refused(tmp_path):
    with pytest.raises(SignatureRefused, match="its identity was never asked") as refused:
        Signer(tmp_path).remembered(LOG)
    assert refused.value.code == "unknown log"


def test_the_same_log_with_another_beginning_is_refused(begun):
    with pytest.raises(SignatureRefused, match="another log"):
        Signer(begun).identity(LOG, GENUINE[1])


# --- bad input --------------------------------------------------------------------------------------------------------

GOOD = {"do": "checkpoint", "log": LOG, "old": 9, "size": 9, "root": head(GENUINE, 9).root.hex(), "proof": []}
BAD_LINES = {
    "empty line": b"\n",
    "no JSON": b"sign this\n",
    "not UTF-8": b"\xff\xfe\n",
    "half a line": json.dumps(GOOD).encode()[:40] + b"\n",
    "a list": b"[1]\n",
    "deep": b"[" * 8000 + b"\n",
    "no act": b"{}\n",
    "an unknown act": b'{"do": "sign"}\n',
    "an act that is a list": b'{"do": []}\n',
    "a number with 5000 digits": b'{"do": "checkpoint", "log": 1, "size": ' + b"9" * 5000 + b"}\n",
    "nothing but the act": b'{"do": "checkpoint"}\n',
    "a log that is a path": b'{"do": "identity", "log": "devicelog/../../x", "first": "' + b"00" * 32 + b'"}\n',
    "a log with a line feed": b'{"do": "identity", "log": "devicelog/a\\n", "first": "' + b"00" * 32 + b'"}\n',
    "a first entry of 3 bytes": json.dumps({"do": "identity", "log": OTHER, "first": "000000"}).encode() + b"\n",
    **{
        f"{name} is {value!r}": json.dumps({**GOOD, name: value}).encode() + b"\n"
        for name, value in (
            *(("old", None), ("old", True), ("size", 9.0), ("size", "9"), ("size", 2**80), ("size", -1)),
            *(("root", "zz"), ("root", 7), ("root", "é"), ("proof", {}), ("proof", [1]), ("proof", ["00"])),
        )
    },
    "a short SHA-512": json.dumps({"do": "bag", "log": LOG, "sha512": "00"}).encode() + b"\n",
}


def test_bad_bytes_are_answered_and_the_next_question_too(begun):
    """One child for all of them: none ends it."""
    lines = [*BAD_LINES.values(), json.dumps(GOOD).encode() + b"\n"]
    answers = said(begun / "signer", *lines)
    assert len(answers) == len(lines)
    for name, answer in zip(BAD_LINES, answers, strict=False):
        assert answer["ok"] is False, name
        assert answer["code"] == "malformed", name
        assert answer["error"], name
    assert answers[-1]["ok"] is True
    assert len(list((begun / "signer" / "keys").iterdir())) == 2


def test_a_line_without_an_end_is_not_read_for_ever(begun):
    (answer,) = said(begun / "signer", b'{"do": "' + b"x" * 40 * MAX_LINE)
    assert answer["code"] == "malformed"


def test_a_proof_of_the_most_hashes_fits_in_a_line():
    assert len(json.dumps({**GOOD, "proof": ["00" * 32] * 64})) < MAX_LINE


# --- a directory that somebody spoilt ---------------------------------------------------------------------------------


def _spoil_half(data_dir: Path) -> None:
    state(data_dir).write_bytes(state(data_dir).read_bytes()[:100])


def _spoil_digit(data_dir: Path) -> None:
    data = state(data_dir).read_bytes()
    state(data_dir).write_bytes(data.replace(b'"size":9', b'"size":8'))


SPOILT = {
    "state empty": lambda d: state(d).write_bytes(b""),
    "state truncated": _spoil_half,
    "state garbled": lambda d: state(d).write_bytes(os.urandom(300)),
    "state with another size": _spoil_digit,
    "state of zeros": lambda d: state(d).write_bytes(bytes(400)),
    "state missing": lambda d: state(d).unlink(),
    "state a folder": lambda d: (state(d).unlink(), state(d).mkdir()),
    "directory written by all": lambda d: (d / "signer").chmod(0o777),
    "key read by its group": lambda d: key(d).chmod(0o440),
    "key read by all": lambda d: key(d).chmod(0o444),
    "key missing": lambda d: key(d).unlink(),
    "key empty": lambda d: (key(d).unlink(), key(d).touch(0o400)),
    "key a link": lambda d: (key(d).rename(d / "elsewhere"), key(d).symlink_to(d / "elsewhere")),
    "key of another": lambda d: (key(d).unlink(), SigningKey.create(key(d))),
    "keys exchanged": lambda d: (key(d).unlink(), shutil.copy2(key(d, "bags"), key(d))),
}


@pytest.mark.parametrize("how", SPOILT)
def test_nothing_is_signed_in_a_spoilt_directory_and_nothing_begun_anew(begun, how):
    SPOILT[how](begun)
    before = {path: path.read_bytes() for path in (begun / "signer").rglob("*") if path.is_file()}
    with pytest.raises(StoreUnusable, match=r"damaged|missing|cannot be|gone|another key|by others|not a private key"):
        Signer(begun).checkpoint(LOG, 9, 9, head(GENUINE, 9).root, [])
    if not how.startswith("key"):
        with pytest.raises(StoreUnusable):
            Signer(begun).identity(OTHER, GENUINE[0])
    assert {path: path.read_bytes() for path in (begun / "signer").rglob("*") if path.is_file()} == before


def test_a_state_from_before_the_keys_is_refused(tmp_path):
    signer = Signer(tmp_path)
    signer.identity(OTHER, GENUINE[0])
    old = state(tmp_path).read_bytes()
    signer.identity(LOG, GENUINE[0])
    state(tmp_path).write_bytes(old)
    with pytest.raises(StoreUnusable, match="does not know its log"):
        Signer(tmp_path).identity(LOG, GENUINE[0])
    assert sign(signer, 2, old=0, log=OTHER), "what is known goes on"


def test_another_signer_in_its_place_is_found_by_the_pin(begun):
    pin = Signer(begun).identity(LOG, GENUINE[0]).pin
    shutil.rmtree(begun / "signer")
    with pytest.raises(SignatureRefused) as refused:
        Signer(begun, pins=[pin]).identity(LOG, GENUINE[0])
    assert refused.value.code == "unknown log"
    assert not (begun / "signer" / "keys").exists(), "no key is made for a log that has some"
    stranger = Signer(begun)
    stranger.identity(LOG, GENUINE[0])
    sign(stranger, 9, old=0)
    for asked in (
        lambda: Signer(begun, pins=[pin]).identity(LOG, GENUINE[0]),
        lambda: sign(Signer(begun, pins=[pin]), 12),
        lambda: Signer(begun, pins=[pin]).bag_signature(LOG, SHA512),
    ):
        with pytest.raises(EvidenceDamaged, match="that is known") as found:
            asked()
        assert found.value.exit_code == 3


def test_a_directory_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "signer").write_text("in the way")
    with pytest.raises(StoreUnusable, match="cannot be used"):
        Signer(tmp_path).identity(LOG, GENUINE[0])


# --- killed -----------------------------------------------------------------------------------------------------------

# The signer itself, killed by the kernel at one point: AT is the name of a function that has just returned.
KILLED = """
import os, signal, sys
from devicelog.ledger import signer, state_file, keeper, keys
owner, name, skip = {at}
whole, left = getattr(owner, name), [skip]
def then_killed(*words, **more):
    done = whole(*words, **more)
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return done
setattr(owner, name, then_killed if {plain} else classmethod(lambda _, path: then_killed(path)))
sys.exit(signer.main(["--stdio", "--state", sys.argv[1]]))
"""


def killed(directory: Path, at: str, line: dict[str, object], *, plain: bool = True) -> None:
    done = subprocess.run(
        (sys.executable, "-c", KILLED.format(at=at, plain=plain), str(directory)),
        input=json.dumps(line).encode() + b"\n",
        capture_output=True,
        timeout=30,
    )
    assert done.returncode == -9, done.stderr
    assert not done.stdout


def asked(old: int, size: int) -> dict[str, object]:
    it = request(GENUINE, old, size)
    return {**GOOD, "old": old, "size": size, "root": it.root.hex(), "proof": [node.hex() for node in it.proof]}


def test_killed_between_memory_and_answer_the_same_is_signed_again(begun, tmp_path_factory):
    twin = tmp_path_factory.mktemp("twin")
    shutil.copytree(begun / "signer", twin / "signer")
    killed(begun / "signer", '(state_file.StateFile, "write", 0)', asked(9, 12))
    assert Signer(begun).remembered(LOG) == (12, head(GENUINE, 12).root), "it was on disk first"
    again = Signer(begun).checkpoint(LOG, 9, 12, head(GENUINE, 12).root, request(GENUINE, 9, 12).proof)
    assert again == sign(Signer(twin), 12), "the signature that was lost, byte for byte"
    with pytest.raises(SignatureRefused):
        sign(Signer(begun), 12, old=9, of=leaves(20, fork_at=10))
    assert sign(Signer(begun), 15)


def test_killed_before_the_new_state_is_in_place_nothing_was_signed(begun):
    killed(begun / "signer", "(os, 'fsync', 0)", asked(9, 12))
    assert Signer(begun).remembered(LOG) == (9, head(GENUINE, 9).root)
    assert sign(Signer(begun), 12)


@pytest.mark.parametrize(
    ("at", "plain"),
    [
        ('(state_file.StateFile, "write", 0)', True),
        ('(keys.SigningKey, "create", 0)', False),
        ('(keys.SigningKey, "create", 1)', False),
        ('(state_file.StateFile, "write", 1)', True),
    ],
    ids=["log noted", "one key made", "both keys made", "keys noted"],
)
def test_killed_while_the_keys_are_made_the_next_question_makes_them(tmp_path, at, plain):
    first = {"do": "identity", "log": LOG, "first": GENUINE[0].hex()}
    killed(tmp_path / "signer", at, first, plain=plain)
    signer = Signer(tmp_path)
    pin = signer.identity(LOG, GENUINE[0]).pin
    assert pin.checkpoints.public == SigningKey.load(key(tmp_path)).public
    assert sign(signer, 9, old=0)


# --- behind a socket --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def activated(directory: Path) -> Iterator[Path]:
    """A signer as systemd starts one: the socket is ours, bound and listening, and it gets it as file 3."""
    folder = directory / "run"
    folder.mkdir(exist_ok=True)
    path = folder / "s"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(64)
        with start(directory, listening) as process:
            yield path
            process.terminate()


# What systemd does between fork and exec: the process keeps its number, which LISTEN_PID has to say.
HANDED_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""


@contextlib.contextmanager
def start(directory: Path, listening: socket.socket, *, idle_s: float = 60) -> Iterator[subprocess.Popen]:
    words = (sys.executable, "-c", HANDED_OVER, str(listening.fileno()), *PROGRAM)
    with subprocess.Popen(
        (*words, "--idle", str(idle_s)),
        pass_fds=[listening.fileno()],
        env={**os.environ, "STATE_DIRECTORY": str(directory / "signer")},
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def served(tmp_path, monkeypatch) -> Iterator[Path]:
    with activated(tmp_path) as path:
        monkeypatch.setenv(VARIABLE, str(path))
        yield path


def test_a_socket_is_asked_where_there_is_one(served, tmp_path):
    signer = Signer(tmp_path / "data")
    assert signer.identity(LOG, GENUINE[0]).kind == "same user", "its process is ours, and so it says"
    assert sign(signer, 9, old=0)
    assert not (tmp_path / "data").exists()


# Another user may not be able to read this Python: all is loaded before the process becomes that user.
AS_NOBODY = """
import os, socket, sys
from pathlib import Path
from devicelog.ledger import signer
signer.Keeper(Path(sys.argv[2]) / "loads-all").identity("devicelog/" + "00" * 16, bytes(32))
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
os.umask(0o077)
keeper = signer.Keeper(Path(sys.argv[2]) / "state" / "signer")
signer.serve_socket(keeper, socket.socket(fileno=int(sys.argv[1])), 60)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root starts a process of another user")
def test_who_signs_is_told_by_who_answers_not_by_who_made_the_socket(monkeypatch):
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        root = Path(folder)
        root.chmod(0o755)
        (root / "state").mkdir(mode=0o700)
        os.chown(root / "state", 65534, 65534)
        listening.bind(str(root / "s"))
        listening.listen(8)
        monkeypatch.setenv(VARIABLE, str(root / "s"))
        words = (sys.executable, "-c", AS_NOBODY, str(listening.fileno()), folder)
        with subprocess.Popen(words, pass_fds=[listening.fileno()]) as process:
            try:
                assert Signer(root / "data").identity(LOG, GENUINE[0]).kind == "own user"
                assert {path.stat().st_uid for path in (root / "state").rglob("*")} == {65534}
            finally:
                process.kill()


def test_where_logs_began_without_a_socket_they_go_on_so(begun, monkeypatch):
    (begun / "other").mkdir()
    with activated(begun / "other") as path:
        monkeypatch.setattr(asking, "SOCKET", path)
        assert Signer(begun).remembered(LOG)[0] == 9
        with pytest.raises(SignatureRefused, match="never asked"):
            Signer(begun / "new").remembered(LOG)


def test_many_ask_at_once_and_what_is_signed_is_one_history(served, tmp_path):
    signer = Signer(tmp_path / "data")
    pin = signer.identity(LOG, GENUINE[0]).pin
    histories = [GENUINE, leaves(20, fork_at=1), leaves(20, fork_at=1, fork="another")]
    signed: list[Checkpoint] = []

    def device(of: list[bytes]) -> None:
        own = Signer(tmp_path / "data", pins=[pin])
        for size in range(2, 20):
            with contextlib.suppress(SignatureRefused):
                signed.append(Checkpoint.of(SignedNote.parse(sign(own, size, of=of))))

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(device, histories[i % 3]) for i in range(6)]:
            done.result()
    assert signed
    assert any(all(each.root == head(of, each.size).root for each in signed) for of in histories)


def test_two_children_at_once_make_one_pair_of_keys(tmp_path):
    with ThreadPoolExecutor(3) as pool:
        pins = set(pool.map(lambda _: Signer(tmp_path).identity(LOG, GENUINE[0]).pin, range(3)))
    assert len(pins) == 1


def test_one_who_says_nothing_keeps_nobody_waiting(served, tmp_path):
    with contextlib.ExitStack() as silent:
        for _ in range(8):
            connection = silent.enter_context(socket.socket(socket.AF_UNIX))
            connection.connect(str(served))
        assert Signer(tmp_path / "data", timeout_s=5).identity(LOG, GENUINE[0])


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"x" * (MAX_LINE + 1), b"{}\n{}\n"], ids=["none", "no end", "long", "two"]
)
def test_a_bad_line_at_the_socket_gets_one_answer(served, line):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(served))
        connection.sendall(line)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as replies:
            (reply,) = replies.read().splitlines()
    assert json.loads(reply)["code"] == "malformed"


def test_it_ends_when_nobody_asks_and_the_socket_starts_it_again(tmp_path, monkeypatch):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(8)
        monkeypatch.setenv(VARIABLE, str(path))
        for round_ in (1, 2):
            with start(tmp_path, listening, idle_s=0.2) as process:
                assert Signer(tmp_path).identity(LOG, GENUINE[0])
                assert process.wait(20) == 0, round_
                assert process.stderr is not None
                assert process.stderr.read() == b""


def test_killed_while_it_serves_the_next_one_goes_on(tmp_path, monkeypatch):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(8)
        monkeypatch.setenv(VARIABLE, str(path))
        signer = Signer(tmp_path)
        with start(tmp_path, listening):
            signer.identity(LOG, GENUINE[0])
            sign(signer, 9, old=0)
        with start(tmp_path, listening):
            assert signer.remembered(LOG) == (9, head(GENUINE, 9).root)
            assert sign(signer, 12)


# --- a signer that is not there, or is none ---------------------------------------------------------------------------


def test_a_named_socket_that_is_not_there_is_never_replaced_by_a_child(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "gone"))
    with pytest.raises(StoreUnusable, match="systemctl status") as told:
        Signer(tmp_path).identity(LOG, GENUINE[0])
    assert told.value.exit_code == 5
    assert not (tmp_path / "signer").exists()


def test_a_file_in_place_of_the_socket(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file"))
    with pytest.raises(StoreUnusable, match="is no socket"):
        Signer(tmp_path).remembered(LOG)


def answering(path: Path, reply: bytes | None) -> threading.Thread:
    """Somebody at the socket who says this to one question; None: never anything."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen(1)

    def serve() -> None:
        with listening, listening.accept()[0] as connection:
            connection.recv(65536)
            if reply is None:
                connection.recv(1)
            else:
                connection.sendall(reply)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


PIN_OF_ANOTHER = Pin(
    log=OTHER,
    first=bytes(32),
    checkpoints=VerifierKey(name=OTHER, algorithm=ED25519, public=bytes(32)),
    bags=bytes([1] * 32),
)
ANSWERS = {
    "silence": (None, "did not answer within"),
    "nothing": (b"", "ended before it had answered"),
    "half a line": (b'{"ok": tr', "ended before it had answered"),
    "no JSON": (b"hello\n", "cannot be read"),
    "a list": (b"[]\n", "cannot be read"),
    "no ok": (b"{}\n", "cannot be read"),
    "ok and nothing else": (b'{"ok": true}\n', "cannot be read"),
    "another log's pin": (json.dumps({"ok": True, "pin": PIN_OF_ANOTHER.text()}).encode() + b"\n", "cannot be read"),
    "too much": (b'{"ok": true, "pin": "' + b"x" * 200_000, "ended before it had answered"),
}


@pytest.mark.parametrize("what", ANSWERS)
def test_what_is_no_signer_at_the_socket(tmp_path, monkeypatch, what):
    reply, words = ANSWERS[what]
    thread = answering(tmp_path / "s", reply)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "s"))
    with pytest.raises(StoreUnusable, match=words):
        Signer(tmp_path, timeout_s=0.5).identity(LOG, GENUINE[0])
    thread.join(20)


def test_a_checkpoint_of_something_else_than_was_asked_is_not_used(begun, monkeypatch):
    """The signer's own key, and a head that nobody asked for: replayed by whoever sits at the socket."""
    pin = Signer(begun).identity(LOG, GENUINE[0]).pin
    old = sign(Signer(begun), 9)
    thread = answering(begun / "s", json.dumps({"ok": True, "note": old.decode()}).encode() + b"\n")
    monkeypatch.setenv(VARIABLE, str(begun / "s"))
    with pytest.raises(EvidenceDamaged, match="something else than was asked"):
        sign(Signer(begun, pins=[pin]), 12, old=9)
    thread.join(20)


# --- the process ------------------------------------------------------------------------------------------------------


def test_it_knows_no_database_and_no_command_line():
    program = "import sys, devicelog.ledger.signer; print(*sys.modules)"
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=True)
    assert "devicelog.ledger.keeper" in done.stdout.split()
    assert not {"sqlalchemy", "click", "sqlite3", "devicelog.store"} & set(done.stdout.split())


@pytest.mark.parametrize("words", [(), ("--stdio",), ("--state", ""), ("--state", "x"), ("--what",)])
def test_started_by_hand_it_says_how(words, tmp_path):
    own = {key: value for key, value in os.environ.items() if not key.startswith(("LISTEN_", "STATE_DIRECTORY"))}
    done = subprocess.run((*PROGRAM, *words), capture_output=True, text=True, env=own, cwd=tmp_path, timeout=30)
    assert done.returncode == 2
    assert "error:" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_child_that_was_asked_at_a_terminal_survives_its_ctrl_c(begun):
    with subprocess.Popen(
        (*PROGRAM, "--stdio", "--state", str(begun / "signer")), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for _ in range(2):
            child.stdin.write(json.dumps(GOOD).encode() + b"\n")
            child.stdin.flush()
            assert json.loads(child.stdout.readline())["ok"] is True
            child.send_signal(2)
            child.send_signal(15)
        child.stdin.close()
        wait_for(lambda: child.poll() is not None)
        assert child.returncode == 0
