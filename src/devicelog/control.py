"""The local socket beside the database: one line of JSON in, one line out. Commands for the recorder that runs.

Not responsible for what a command means: a handler is given, and called in a thread of its own per connection.
"""

import contextlib
import errno
import json
import os
import socket
import socketserver
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from devicelog.canonical import Json
from devicelog.errors import NotFound, StoreUnusable
from devicelog.store.lock import WriterLock

MAX_LINE = 64 * 1024
_MAX_SOCKET_PATH = 100  # the kernel's own limit is 107

Handler = Callable[[Json], Json]


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 128  # beyond it a client is turned away, and believes that nobody is there


class ControlServer:
    """Serves the socket from its making until `close`. Only the user who runs it can connect.

    `path` is beside the database, or, where no socket can be there (a path that is too long, a file system without
    sockets), in a directory of its own.
    """

    def __init__(self, data_dir: Path, handler: Handler) -> None:
        class _Connection(socketserver.StreamRequestHandler):
            timeout = 30

            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    reply = _answer(self.rfile.readline(MAX_LINE + 1), handler)
                    self.wfile.write(json.dumps(reply).encode() + b"\n")

        self.path = data_dir.absolute() / "control.sock"
        self._own_dir: Path | None = None
        try:
            if len(os.fsencode(self.path)) > _MAX_SOCKET_PATH:
                raise OSError(errno.ENAMETOOLONG, "too long for a socket")
            self.path.unlink(missing_ok=True)
            self._server = _Server(str(self.path), _Connection)
        except OSError:
            self._own_dir = Path(tempfile.mkdtemp(prefix="devicelog-"))
            self.path = self._own_dir / "control.sock"
            self._server = _Server(str(self.path), _Connection)
        self.path.chmod(0o600)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving and take the socket away. May be called again."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.path.unlink(missing_ok=True)
        if self._own_dir is not None:
            with contextlib.suppress(OSError):
                self._own_dir.rmdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _answer(line: bytes, handler: Handler) -> Json:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        request = None
    if len(line) > MAX_LINE or not isinstance(request, dict):
        return {"ok": False, "error": f"not one line of JSON of at most {MAX_LINE} bytes", "exit_code": 2}
    return handler(request)


def ask(data_dir: Path, request: Json, *, timeout_s: float = 15.0) -> Json:
    """Ask the recorder that holds this data directory. Raises NotFound when there is none."""
    path = Path(str(WriterLock(data_dir).holder().get("socket", data_dir / "control.sock")))
    nobody = NotFound(f"nobody is recording in {data_dir}. Start `devicelog record`, or name its --data-dir.")
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(path))
            connection.sendall(json.dumps(request).encode() + b"\n")
            line = connection.makefile("rb").readline(MAX_LINE)
    except TimeoutError as error:
        raise StoreUnusable(
            "the recorder did not confirm in time; look at its terminal, and at `devicelog sessions show`, before "
            "trying again"
        ) from error
    except OSError as error:
        raise nobody from error
    if not line:
        raise nobody
    try:
        reply: Json = json.loads(line)
    except ValueError as error:
        raise StoreUnusable("the recorder's answer cannot be read; look at its terminal") from error
    return reply
