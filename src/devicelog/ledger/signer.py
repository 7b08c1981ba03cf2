"""The signer, a process of its own: `python -P -m devicelog.ledger.signer`. A request a line, an answer a line.

Started by systemd with a socket (docs/signer.md) it serves it and ends when nobody asked for a while; with `--stdio` it
answers the process that started it. Opens no database and no port, writes no log, and keeps nothing of who asked.
"""

import argparse
import base64
import binascii
import contextlib
import json
import os
import signal
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from devicelog.canonical import Json
from devicelog.errors import DevicelogError
from devicelog.ledger.keeper import Keeper
from devicelog.ledger.pin import Pin
from devicelog.ledger.signing import Head, Refusal, Request

MAX_LINE = 16 * 1024
IDLE_S = 60
_CONNECTION_S = 10.0  # from its first byte to the end of its answer
_MOST_AT_ONCE = 16
_FIRST_FD = 3  # where systemd puts the first socket
_REFUSED = 3


def answer(keeper: Keeper, line: bytes) -> Json:
    """What to say to one line. Bad bytes, a refusal and a directory that cannot be used are answers too.

    `ok`; then either what was asked for or `code` (see `signing.CODES`), `error`, a sentence, and `exit_code`.
    """
    try:
        if len(line) > MAX_LINE or not line.endswith(b"\n"):
            raise ValueError(f"more than {MAX_LINE} bytes, or no line feed at its end")
        request = json.loads(line)
        if not isinstance(request, dict) or not isinstance(request.get("do"), str):
            raise ValueError("no object with `do`")
        act = _ACTS.get(request.pop("do"))
        if act is None:
            raise ValueError(f"`do` is one of {', '.join(sorted(_ACTS))}")
        done = act(keeper, request)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, DevicelogError):
            return _failed("unusable", str(error), error.exit_code)
        return _failed("malformed", f"not a request to the signer: {error!r}"[:500], 2)
    except DevicelogError as error:
        return _failed("unusable", str(error), error.exit_code)
    except OSError as error:
        return _failed("unusable", f"the signer's directory cannot be used: {error.strerror}", 5)
    if isinstance(done, Refusal):
        return _failed(done.code, done.why, _REFUSED)
    return {"ok": True, **done}


def _failed(code: str, error: str, exit_code: int) -> Json:
    return {"ok": False, "code": code, "error": error, "exit_code": exit_code}


def _identity(keeper: Keeper, request: Json) -> Json | Refusal:
    return _pinned(keeper.identity(_text(request, "log"), _hex(request, "first")))


def _known(keeper: Keeper, request: Json) -> Json | Refusal:
    return _pinned(keeper.known(_text(request, "log")))


def _pinned(pin: Pin | Refusal) -> Json | Refusal:
    return pin if isinstance(pin, Refusal) else {"pin": pin.text()}


def _remembered(keeper: Keeper, request: Json) -> Json | Refusal:
    head = keeper.remembered(_text(request, "log"))
    return head if isinstance(head, Refusal) else {"size": head.size, "root": head.root.hex()}


def _checkpoint(keeper: Keeper, request: Json) -> Json | Refusal:
    proof = request["proof"]
    if not isinstance(proof, list):
        raise ValueError("`proof` is a list of hashes")
    asked = Request(
        log=_text(request, "log"),
        old=_number(request, "old"),
        size=_number(request, "size"),
        root=_hex(request, "root"),
        proof=tuple(_hex({"proof": node}, "proof") for node in proof),
    )
    note = keeper.checkpoint(asked)
    return note if isinstance(note, Refusal) else {"note": note.data().decode()}


def _bag(keeper: Keeper, request: Json) -> Json | Refusal:
    armour = keeper.bag_signature(_text(request, "log"), _hex(request, "sha512"))
    return armour if isinstance(armour, Refusal) else {"armour": armour.decode()}


def _acknowledge(keeper: Keeper, request: Json) -> Json | Refusal:
    found = Head(log=_text(request, "log"), size=_number(request, "size"), root=_hex(request, "root"))
    note = keeper.acknowledge(found)
    return note if isinstance(note, Refusal) else {"note": note.data().decode()}


_ACTS: dict[str, Callable[[Keeper, Json], Json | Refusal]] = {
    "identity": _identity,
    "known": _known,
    "remembered": _remembered,
    "checkpoint": _checkpoint,
    "bag": _bag,
    "acknowledge": _acknowledge,
}


def _text(request: Json, key: str) -> str:
    value = request[key]
    if not isinstance(value, str) or not value.isascii():
        raise ValueError(f"`{key}` is a text")
    return value


def _number(request: Json, key: str) -> int:
    value = request[key]
    if type(value) is not int:
        raise ValueError(f"`{key}` is a whole number")
    return value


def _hex(request: Json, key: str) -> bytes:
    value = _text(request, key)
    try:
        return base64.b16decode(value, casefold=True)
    except binascii.Error:
        raise ValueError(f"`{key}` is hex digits, two a byte") from None


# --- how it is asked --------------------------------------------------------------------------------------------------


def serve_lines(keeper: Keeper, lines: BinaryIO, answers: BinaryIO) -> None:
    """Answer line after line until they end. After a line that is too long nothing more is read."""
    while line := lines.readline(MAX_LINE + 1):
        answers.write(json.dumps(answer(keeper, line)).encode() + b"\n")
        answers.flush()
        if not line.endswith(b"\n"):
            return


class _Server(socketserver.ThreadingUnixStreamServer):
    """Serves a socket that somebody else made and removes. A connection is a line, its answer, and the end."""

    def __init__(self, listening: socket.socket, keeper: Keeper, idle_s: float) -> None:
        class _Connection(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):  # whoever asked has gone: the next one finds everything on disk
                    self.request.sendall(json.dumps(answer(keeper, _line(self.request))).encode() + b"\n")

        super().__init__("", _Connection, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.timeout = idle_s
        self.idle = False
        self._free = threading.BoundedSemaphore(_MOST_AT_ONCE)

    def handle_timeout(self) -> None:
        self.idle = True

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        self._free.acquire()  # the others wait where the kernel keeps them
        super().process_request(request, client_address)

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()


def _line(connection: socket.socket) -> bytes:
    """A line as it comes, of MAX_LINE + 1 bytes at most. Whoever sends slowly, or nothing, is not waited for."""
    wake = threading.Timer(_CONNECTION_S, lambda: _shut(connection))
    wake.daemon = True
    wake.start()
    try:
        data = b""
        while len(data) <= MAX_LINE and b"\n" not in data:
            more = connection.recv(MAX_LINE + 1 - len(data))
            if not more:
                break
            data += more
        connection.settimeout(_CONNECTION_S)
        return data[: data.index(b"\n") + 1] if b"\n" in data else data
    finally:
        wake.cancel()


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RD)


def serve_socket(keeper: Keeper, listening: socket.socket, idle_s: float) -> None:
    """Serve until nobody has asked for `idle_s`. Who connects after that is kept by systemd, which starts us again."""
    with _Server(listening, keeper, idle_s) as server:
        while not server.idle:
            server.handle_request()


def _given_socket() -> socket.socket | None:
    """The socket that systemd hands over, as sd_listen_fds(3) says; None where there is none."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        return None
    listening = socket.socket(fileno=_FIRST_FD)
    listening.setblocking(True)
    return listening


def main(words: list[str] | None = None) -> int:
    """Run the signer. Exit codes: 0 done, 2 usage."""
    parser = argparse.ArgumentParser(prog="devicelog.ledger.signer", description=(__doc__ or "").splitlines()[0])
    state = os.environ.get("STATE_DIRECTORY")
    parser.add_argument("--state", type=Path, default=state, help="the directory with the keys (or $STATE_DIRECTORY)")
    parser.add_argument("--stdio", action="store_true", help="answer on stdout what comes on stdin")
    parser.add_argument("--idle", type=float, default=IDLE_S, metavar="S", help="end after so many idle seconds")
    options = parser.parse_args(words)
    if options.state is None or not str(options.state):
        parser.error("--state DIR, or STATE_DIRECTORY, names the directory with the keys")
    os.umask(0o077)
    keeper = Keeper(options.state)
    if options.stdio:
        for number in (signal.SIGINT, signal.SIGTERM):  # meant for who started us, and may still need an answer
            signal.signal(number, signal.SIG_IGN)
        with contextlib.suppress(BrokenPipeError):
            serve_lines(keeper, sys.stdin.buffer, sys.stdout.buffer)
        return 0
    for number in (signal.SIGINT, signal.SIGTERM):
        # Nothing is half-written at any moment: state is renamed into place before a signature leaves.
        signal.signal(number, lambda *_: os._exit(0))
    listening = _given_socket()
    if listening is None:
        parser.error("no socket was handed over (LISTEN_FDS=1): systemd starts this, or use --stdio")
    with listening:
        serve_socket(keeper, listening, options.idle)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
