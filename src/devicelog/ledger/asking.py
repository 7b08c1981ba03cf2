"""Asking the signer: the process behind a socket, which another user owns, or a child on the data directory itself.

What comes back is checked with the key that is known; nothing is signed here. Not responsible for what may be signed.
"""

import json
import os
import socket
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from devicelog.canonical import Json
from devicelog.errors import EvidenceDamaged, SignatureRefused, StoreUnusable
from devicelog.ledger.checkpoint import Checkpoint
from devicelog.ledger.note import SignedNote
from devicelog.ledger.pin import BAG_NAMESPACE, Pin
from devicelog.ledger.sshsig import parse_armoured, to_be_signed

SOCKET = Path("/run/devicelog-signer/signer.sock")
VARIABLE = "DEVICELOG_SIGNER"
DIRECTORY = "signer"  # of a data directory, where nobody else keeps the keys
Kind = Literal["own user", "same user"]

_MAX_ANSWER = 64 * 1024
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid
_LOOK = "Look at: systemctl status devicelog-signer.socket devicelog-signer.service"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerIdentity:
    """Whose signatures these will be. `same user`: whoever can write the database can also read the keys."""

    pin: Pin
    kind: Kind


class Signer:
    """Asks the signer of a data directory. Holds nothing open between two questions.

    Which signer: the socket that DEVICELOG_SIGNER names; else, where the logs of this directory began without one, a
    child on `data_dir/signer`; else the system's socket if it is there; else that child. `pins`: those the database
    holds; for them no key is ever made anew, and no other key is accepted.

    Every method raises StoreUnusable when the signer does not answer or cannot work, SignatureRefused (with its code)
    when it does not sign this, and EvidenceDamaged when what it answers is not of the key that is known.
    """

    def __init__(self, data_dir: Path, *, pins: Iterable[Pin] = (), timeout_s: float = 20.0) -> None:
        self._directory = data_dir / DIRECTORY
        self._pins = {pin.log: pin for pin in pins}
        self._timeout_s = timeout_s

    def identity(self, log: str, first: bytes) -> SignerIdentity:
        """The pin of a log and whose user the signer is. Makes the keys of this log at first sight."""
        if log in self._pins:
            reply, kind = self._ask({"do": "known", "log": log})
        else:
            reply, kind = self._ask({"do": "identity", "log": log, "first": first.hex()})
        pin = _pin(reply, log)
        known = self._pins.setdefault(log, pin)
        if pin != known or pin.first != first:
            raise EvidenceDamaged(
                f"the signer has another birth certificate of {log} than the one that is known: its key "
                f"{pin.checkpoints.text()} is not {known.checkpoints.text()}, or its entry 0 is another. Its directory "
                "was exchanged; put the one with the known keys back."
            )
        return SignerIdentity(pin=pin, kind=kind)

    def remembered(self, log: str) -> tuple[int, bytes]:
        """(size, root) of the head that was signed last; (0, the root of nothing) where none was."""
        reply, _ = self._ask({"do": "remembered", "log": log})
        try:
            return int(reply["size"]), bytes.fromhex(reply["root"])
        except (KeyError, TypeError, ValueError) as error:
            raise _unreadable(error) from error

    def checkpoint(self, log: str, old: int, size: int, root: bytes, proof: Sequence[bytes]) -> bytes:
        """The signed note of the head (size, root); `proof` leads there from `old` entries (`remembered`)."""
        hashes = [node.hex() for node in proof]
        asked = {"do": "checkpoint", "log": log, "old": old, "size": size, "root": root.hex(), "proof": hashes}
        return self._checked_note(self._ask(asked)[0], Checkpoint(origin=log, size=size, root=root))

    def bag_signature(self, log: str, sha512: bytes) -> bytes:
        """The armoured SSHSIG over a message with this SHA-512 (64 bytes), in the namespace of bags."""
        from devicelog.ledger.keys import verified

        reply, _ = self._ask({"do": "bag", "log": log, "sha512": sha512.hex()})
        armour = _bytes(reply, "armour")
        try:
            found = parse_armoured(armour)
        except ValueError as error:
            raise _unreadable(error) from error
        public = self._known(log).bags
        ours = (found.public, found.namespace) == (public, BAG_NAMESPACE)
        if not (ours and verified(public, to_be_signed(sha512, BAG_NAMESPACE), found.signature)):
            raise EvidenceDamaged(f"the signer's signature is not of the key of {log} that is known; it is not used.")
        return armour

    def acknowledge(self, log: str, size: int, root: bytes) -> bytes:
        """End a log for good whose device has (size, root) in place of what was signed: a restored backup.

        Gives the last checkpoint of the log, signed again: what the new log names as the head of its predecessor.
        """
        reply, _ = self._ask({"do": "acknowledge", "log": log, "size": size, "root": root.hex()})
        try:
            last = Checkpoint.of(SignedNote.parse(_bytes(reply, "note")))
        except ValueError as error:
            raise _unreadable(error) from error
        return self._checked_note(reply, Checkpoint(origin=log, size=last.size, root=last.root))

    def _known(self, log: str) -> Pin:
        if log not in self._pins:
            self._pins[log] = _pin(self._ask({"do": "known", "log": log})[0], log)
        return self._pins[log]

    def _checked_note(self, reply: Json, wanted: Checkpoint) -> bytes:
        from devicelog.ledger.keys import verified

        data, key = _bytes(reply, "note"), self._known(wanted.origin).checkpoints
        try:
            note = SignedNote.parse(data)
        except ValueError as error:
            raise _unreadable(error) from error
        signed = [verified(key.public, note.text.encode(), each.data) for each in note.by(key)]
        if note.text != wanted.body() or len(note.signatures) != 1 or signed != [True]:
            raise EvidenceDamaged(
                f"the signer's checkpoint is not of the key of {wanted.origin} that is known, or says something else "
                "than was asked; it is not used."
            )
        return data

    def _ask(self, request: Json) -> tuple[Json, Kind]:
        path = self._socket()
        line = json.dumps(request).encode() + b"\n"
        kind: Kind = "same user"
        if path is None:
            data = _ask_child(self._directory, line, self._timeout_s)
        else:
            data, uid = _ask_socket(path, line, self._timeout_s)
            kind = "same user" if uid == os.getuid() else "own user"
        try:
            reply = json.loads(data)
            if not isinstance(reply, dict) or type(reply["ok"]) is not bool:
                raise ValueError("no object with `ok`")
        except (ValueError, KeyError, RecursionError) as error:
            raise _unreadable(error) from error
        if not reply["ok"]:
            raise _refused(reply)
        return reply, kind

    def _socket(self) -> Path | None:
        named = os.environ.get(VARIABLE)
        if named:
            return Path(named)
        began_here = (self._directory / "state.json").exists()
        return SOCKET if not began_here and SOCKET.exists() else None


def _refused(reply: Json) -> Exception:
    code, words = reply.get("code"), str(reply.get("error"))
    if code == "malformed":
        return ValueError(f"the signer: {words}")
    return StoreUnusable(f"the signer: {words}") if code == "unusable" else SignatureRefused(words, code=str(code))


def _unreadable(error: Exception) -> StoreUnusable:
    return StoreUnusable(f"the signer's answer cannot be read ({error}); is it of this version of devicelog?")


def _bytes(reply: Json, key: str) -> bytes:
    value = reply.get(key)
    if not isinstance(value, str):
        raise _unreadable(KeyError(key))
    return value.encode()


def _pin(reply: Json, log: str) -> Pin:
    try:
        pin = Pin.parse(_bytes(reply, "pin").decode())
    except ValueError as error:
        raise _unreadable(error) from error
    if pin.log != log:
        raise _unreadable(ValueError(f"asked for {log}, it answers about {pin.log}"))
    return pin


def _ask_child(directory: Path, line: bytes, timeout_s: float) -> bytes:
    """Ask a signer that runs for this question alone. It works as the same user, so it keeps nothing from us."""
    words = [sys.executable, "-P", "-m", "devicelog.ledger.signer", "--stdio", "--state", str(directory.absolute())]
    try:
        # A session of its own: a Ctrl-C at the terminal ends the recording, which needs its last checkpoint.
        done = subprocess.run(  # noqa: S603 our own program
            words, input=line, capture_output=True, timeout=timeout_s, check=False, start_new_session=True
        )
    except subprocess.TimeoutExpired as error:
        raise StoreUnusable(f"the signer on {directory} did not answer within {timeout_s:g} s; try again") from error
    except OSError as error:
        raise StoreUnusable(f"the signer cannot be started: {error.strerror}") from error
    if not done.stdout.endswith(b"\n"):
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"it ended with {done.returncode}"]
        raise StoreUnusable(f"the signer on {directory} did not answer: {last[0]}")
    return done.stdout


def _ask_socket(path: Path, line: bytes, timeout_s: float) -> tuple[bytes, int]:
    """The answer, and the user who wrote it, as the kernel says.

    Not SO_PEERCRED: behind a socket of systemd's that is who made the socket, and never who answers.
    """
    give_up_s = time.monotonic() + timeout_s
    data, users = b"", set()
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise StoreUnusable(f"{path} is no socket. {_LOOK}")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            connection.settimeout(timeout_s)
            connection.connect(str(path))
            connection.sendall(line)
            while not data.endswith(b"\n") and len(data) < _MAX_ANSWER:
                connection.settimeout(max(0.001, give_up_s - time.monotonic()))
                more, told, _, _ = connection.recvmsg(_MAX_ANSWER, socket.CMSG_SPACE(_CREDENTIALS.size))
                if not more:
                    break
                data += more
                users |= {
                    _CREDENTIALS.unpack(item[: _CREDENTIALS.size])[1]
                    for level, kind, item in told
                    if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS)
                }
    except TimeoutError as error:
        raise StoreUnusable(f"the signer at {path} did not answer within {timeout_s:g} s. {_LOOK}") from error
    except StoreUnusable:
        raise
    except PermissionError as error:
        raise StoreUnusable(
            f"the signer's socket {path} may not be used by this user: add it to the group devicelog, and log in anew"
        ) from error
    except OSError as error:
        raise StoreUnusable(f"the signer at {path} cannot be asked: {error.strerror or error}. {_LOOK}") from error
    if not data.endswith(b"\n") or len(users) != 1:
        raise StoreUnusable(f"the signer at {path} ended before it had answered; try again. {_LOOK}")
    return data, users.pop()
