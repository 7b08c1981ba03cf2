"""The acts at the desk by name. A request and its answer are JSON, as they go over the recorder's control socket."""

from pathlib import Path

from devicelog.canonical import Json
from devicelog.desk import (
    adopting,
    amending,
    cartridges,
    clients,
    consents,
    continuing,
    courses,
    late,
    outcomes,
    people,
    pins,
    screening,
    signing,
    topicals,
    visits,
)
from devicelog.desk.who import all_counted
from devicelog.recorder import acts
from devicelog.recorder.acts import Act

_ROOMS = (
    *(people, pins, signing, amending, adopting, visits, continuing, courses, late, cartridges, topicals),
    *(clients, screening, consents, outcomes),
)

DESK_ACTS: dict[str, Act] = all_counted({name: act for room in _ROOMS for name, act in room.ACTS.items()})


def perform(data_dir: Path, request: Json) -> Json:
    """Have the recorder that runs do it, else do it here. Raises what the act raises.

    A recorder that runs answers with `ok` false, `error` and `exit_code` instead.
    """
    return acts.perform(data_dir, request, DESK_ACTS)
