"""What can be done to a ledger besides recording into it, by name: the same here and through a recorder that runs.

A request and its answer are JSON, as they go over the control socket.
"""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from devicelog.canonical import Json
from devicelog.control import ask
from devicelog.errors import NotFound, UsageProblem
from devicelog.recorder.access import Access, alone
from devicelog.recorder.checkpointing import checkpoint, commission
from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.erasing import erase, parse_erase
from devicelog.recorder.exporting import enter_export, parse_export
from devicelog.recorder.releasing import release
from devicelog.recorder.retention import parse_retention, set_retention
from devicelog.recorder.sealing import extend, seal, take_up
from devicelog.recorder.witnessing import take_cosigned
from devicelog.store.evidence import Evidence

Act = Callable[[Access, Json], Json]

_ACTING_S = 120.0  # a seal of a session of four hours on a slow computer, beside a recording
_NONE: Mapping[str, Act] = MappingProxyType({})


def act(access: Access, request: Json, more: Mapping[str, Act] = _NONE) -> Json:
    """Do what is asked. Raises UsageProblem for what is not known, and what the act itself raises.

    `more`: acts besides those of this table, by name.
    """
    name = request.get("do")
    found = (_ACTS.get(name) or more.get(name)) if isinstance(name, str) else None
    if found is None:
        raise UsageProblem(f"unknown act {name!r}")
    return {"ok": True, **found(access, request)}


def perform(data_dir: Path, request: Json, more: Mapping[str, Act] = _NONE) -> Json:
    """Do it by the recorder that runs, else here. An answer with `ok` false has `error` and `exit_code`."""
    try:
        return ask(data_dir, {"command": "act", **request}, timeout_s=_ACTING_S)
    except NotFound:
        with alone(data_dir) as access:
            return act(access, request, more)


class Acting:
    """What a running recorder does of this, one act at a time, in the threads of those who ask."""

    def __init__(self, access: Access, more: Mapping[str, Act] = _NONE) -> None:
        self._access, self._more = access, more
        self._one = threading.Lock()

    def act(self, request: Json) -> Json:
        """As `act`. Raises NotFound when the recording has ended meanwhile."""
        with self._one:
            return act(self._access, request, self._more)

    def wait(self) -> None:
        """Until what was begun is done."""
        with self._one:
            pass


def _checkpoint(access: Access, _request: Json) -> Json:
    head = checkpoint(access, ask=True)
    return {"size": head.size, "note": head.note.decode()}


def _seal(access: Access, request: Json) -> Json:
    done = seal(access, _session(access, request))
    return {"session": done.stream, "package": str(done.package), "sha256": done.sha256}


def _extend(access: Access, request: Json) -> Json:
    return {"extended": extend(access, _session(access, request))}


def _take_up(access: Access, request: Json) -> Json:
    take_up(access, stream := _session(access, request))
    return {"session": stream}


def _export(access: Access, request: Json) -> Json:
    return enter_export(access, parse_export(request))


def _erase(access: Access, request: Json) -> Json:
    return erase(access, parse_erase(request), RecorderClock().stamp())


def _retention(access: Access, request: Json) -> Json:
    return set_retention(access, parse_retention(request))


def _release(access: Access, request: Json) -> Json:
    done = release(access, _session(access, request))
    return {"session": done.stream, "chunks": done.chunks, "bytes": done.bytes, "again": done.again}


def _session(access: Access, request: Json) -> str:
    with Evidence(access.path) as evidence:
        return str(evidence.stream(str(request.get("session")))["id"])


def _commission(access: Access, _request: Json) -> Json:
    return {"log": commission(access).log}


_ACTS: dict[str, Act] = {
    "commission": _commission,
    "cosigned": take_cosigned,
    "checkpoint": _checkpoint,
    "seal": _seal,
    "extend": _extend,
    "take_up": _take_up,
    "release": _release,
    "export": _export,
    "erase": _erase,
    "retention": _retention,
}
