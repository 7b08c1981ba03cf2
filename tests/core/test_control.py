"""The control socket: what two processes on one machine can say to each other, and what they cannot."""

import json
import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devicelog.control import MAX_LINE, ControlServer, ask
from devicelog.errors import NotFound, StoreUnusable
from devicelog.store.lock import WriterLock

DEADLINE_S = 20.0
REFUSED = {"ok": False, "error": f"not one line of JSON of at most {MAX_LINE} bytes", "exit_code": 2}


def echo(request: dict[str, Any]) -> dict[str, Any]:
    return {"ok": True, "heard": request}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ControlServer]:
    with ControlServer(tmp_path, echo) as server:
        yield server


def say(path: Path, line: bytes) -> bytes:
    """Send these bytes and no more, and read what comes."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(DEADLINE_S)
        connection.connect(str(path))
        connection.sendall(line)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as replies:
            return replies.read()


# --- what is no request -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        b"hello\n",
        b"\n",
        b"",
        b"{\n",
        b"[]\n",
        b"1\n",
        b"null\n",
        b'"mark"\n',
        b"\xff\xfe\n",
        b"[" * 50_000 + b"\n",  # deeper than the parser goes
        b"{" + b" " * (MAX_LINE - 1),  # a line that is cut
    ],
    ids=lambda line: repr(line[:10]),
)
def test_what_is_no_request_is_refused_and_the_next_is_served(line: bytes, server: ControlServer) -> None:
    assert json.loads(say(server.path, line)) == REFUSED
    assert json.loads(say(server.path, b'{"a": 1}\n')) == {"ok": True, "heard": {"a": 1}}


@pytest.mark.parametrize(("n", "heard"), [(MAX_LINE, True), (MAX_LINE + 1, False), (3 * MAX_LINE, False)])
def test_a_line_has_at_most_64_kib(n: int, heard: bool, server: ControlServer) -> None:
    head, tail = b'{"a": "', b'"}\n'
    line = head + b"x" * (n - len(head) - len(tail)) + tail
    assert len(line) == n
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(DEADLINE_S)
        connection.connect(str(server.path))
        connection.sendall(line)
        with connection.makefile("rb") as replies:
            reply = json.loads(replies.readline())
    assert reply == ({"ok": True, "heard": {"a": "x" * (n - 10)}} if heard else REFUSED)


def test_one_line_is_one_answer(server: ControlServer) -> None:
    assert len(say(server.path, b'{"a": 1}\n{"a": 2}\n').splitlines()) == 1


def test_who_hangs_up_early_harms_nobody(server: ControlServer, tmp_path: Path) -> None:
    for _ in range(20):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(server.path))
            connection.sendall(b'{"a": 1}\n')
    assert ask(tmp_path, {"b": 2}) == {"ok": True, "heard": {"b": 2}}


# --- nobody there -----------------------------------------------------------------------------------------------------


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nobody is recording in") as caught:
        ask(tmp_path, {})
    assert caught.value.exit_code == 6
    assert str(tmp_path) in str(caught.value)


def test_no_such_directory(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        ask(tmp_path / "missing", {})


def leave_a_socket(path: Path) -> None:
    """As a recorder leaves it that was killed: the file is there and nobody listens."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))


def test_a_socket_that_a_dead_recorder_left(tmp_path: Path) -> None:
    leave_a_socket(tmp_path / "control.sock")
    with pytest.raises(NotFound):
        ask(tmp_path, {})
    with ControlServer(tmp_path, echo):
        assert ask(tmp_path, {"a": 1})["ok"] is True


def test_a_lock_file_that_names_a_socket_which_is_gone(tmp_path: Path) -> None:
    WriterLock(tmp_path).path.write_text(json.dumps({"pid": 1, "socket": str(tmp_path / "gone.sock")}))
    with pytest.raises(NotFound):
        ask(tmp_path, {})


def test_a_file_where_the_socket_belongs(tmp_path: Path) -> None:
    (tmp_path / "control.sock").write_text("x")
    with pytest.raises(NotFound):
        ask(tmp_path, {})


def test_a_path_too_long_for_a_socket_and_nobody_there(tmp_path: Path) -> None:
    data_dir = tmp_path / ("d" * 120)
    data_dir.mkdir()
    with pytest.raises(NotFound):
        ask(data_dir, {})


def test_a_recorder_that_does_not_answer_in_time(tmp_path: Path) -> None:
    asked, answer = threading.Event(), threading.Event()

    def slow(_: dict[str, Any]) -> dict[str, Any]:
        asked.set()
        answer.wait(DEADLINE_S)
        return {"ok": True}

    with ControlServer(tmp_path, slow):
        with pytest.raises(StoreUnusable, match="did not confirm in time") as caught:
            ask(tmp_path, {}, timeout_s=0.05)
        assert asked.wait(DEADLINE_S)
        answer.set()
    assert caught.value.exit_code == 5


def test_a_recorder_that_dies_while_it_answers(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "control.sock"))
        listener.listen()

        def hang_up() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1024)

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(NotFound):
            ask(tmp_path, {"a": 1})
        thread.join(DEADLINE_S)


# --- in order ---------------------------------------------------------------------------------------------------------


def test_there_and_back(server: ControlServer, tmp_path: Path) -> None:
    request = {"command": "mark", "words": ["note", "Größe 2 \u2028 \U0001f489"]}
    assert ask(tmp_path, request) == {"ok": True, "heard": request}
    assert ask(tmp_path, {}) == {"ok": True, "heard": {}}


def test_two_at_once_are_answered_each(tmp_path: Path) -> None:
    both = threading.Barrier(2)

    def together(request: dict[str, Any]) -> dict[str, Any]:
        both.wait(DEADLINE_S)  # neither is answered before the other has asked
        return echo(request)

    replies: dict[int, Any] = {}
    with ControlServer(tmp_path, together):
        clients = [threading.Thread(target=lambda n=n: replies.update({n: ask(tmp_path, {"n": n})})) for n in range(2)]
        for client in clients:
            client.start()
        for client in clients:
            client.join(DEADLINE_S)
    assert replies == {n: {"ok": True, "heard": {"n": n}} for n in range(2)}


def test_one_who_says_nothing_does_not_keep_the_others_waiting(server: ControlServer, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(server.path))
        assert ask(tmp_path, {"a": 1}) == {"ok": True, "heard": {"a": 1}}


def test_the_socket_is_its_owners_alone(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        with ControlServer(tmp_path, echo) as server:
            found = server.path.stat()
    finally:
        os.umask(umask)
    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o600


def test_close_takes_the_socket_away_and_can_be_repeated(tmp_path: Path) -> None:
    server = ControlServer(tmp_path, echo)
    assert server.path == tmp_path / "control.sock"
    assert server.path.exists()
    server.close()
    assert list(tmp_path.iterdir()) == []
    server.close()
    with pytest.raises(NotFound):
        ask(tmp_path, {})


def test_a_directory_too_long_for_a_socket_is_found_by_the_lock_file(tmp_path: Path) -> None:
    data_dir = tmp_path / ("d" * 100) / "é" / ("e" * 60)
    data_dir.mkdir(parents=True)
    with WriterLock(data_dir) as lock:
        lock.take()
        with ControlServer(data_dir, echo) as server:
            assert len(str(server.path).encode()) <= 100
            assert server.path.parent != data_dir
            assert stat.S_IMODE(server.path.parent.stat().st_mode) == 0o700
            lock.describe({"pid": os.getpid(), "socket": str(server.path)})
            assert ask(data_dir, {"a": 1}) == {"ok": True, "heard": {"a": 1}}
        assert not server.path.parent.exists()
    with pytest.raises(NotFound):
        ask(data_dir, {})


@pytest.mark.parametrize("n", [100, 101])
def test_100_bytes_are_the_longest_path(n: int, tmp_path: Path) -> None:
    rest = n - len(str(tmp_path)) - len("//control.sock")
    if rest < 1:
        pytest.skip(f"{tmp_path} leaves no room for a path of {n} bytes")
    data_dir = tmp_path / ("d" * rest)
    data_dir.mkdir()
    assert len(str(data_dir / "control.sock")) == n
    with ControlServer(data_dir, echo) as server:
        assert (server.path.parent == data_dir) is (n == 100)


def test_a_relative_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with ControlServer(Path(), echo) as server:
        monkeypatch.chdir("/")
        assert server.path == tmp_path / "control.sock"
        assert ask(tmp_path, {"a": 1})["ok"] is True
