"""A clinic with one person of each role, each with a PIN, on top of a recorded database; and acts done in it."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from devicelog.canonical import Json
from devicelog.desk import hashing
from devicelog.desk.acts import DESK_ACTS
from devicelog.ledger.entries import Entry
from devicelog.recorder.access import alone
from devicelog.recorder.acts import act
from devicelog.store.database import FILE_NAME
from devicelog.store.evidence import Evidence
from devicelog.store.heads import ledger, size_of
from tests.databases import make_database

PINS: Mapping[str, str] = {"AD": "739164", "KM": "483920", "RV": "628405", "AU": "915374"}
NAMES: Mapping[str, str] = {"AD": "Ada Minster", "KM": "Karin Muster", "RV": "Rita Vogt", "AU": "Aude Tremblay"}
ROLE_OF: Mapping[str, str] = {"AD": "admin", "KM": "practitioner", "RV": "reviewer", "AU": "auditor"}
WRONG = "592837"
FIRST_PIN = "350917"  # that an admin sets


@contextmanager
def cheap() -> Iterator[None]:
    """Hashes that cost nothing: what is tested is not how slow they are."""
    with mock.patch.multiple(hashing, MEMORY_KIB=64, PASSES=1):
        yield


def do(data_dir: Path, what: str, /, **request: object) -> Json:
    """One act at the desk, as a command does it where nobody records. Raises what the act raises."""
    with alone(data_dir) as access:
        return act(access, {"do": what, **request}, DESK_ACTS)


def entries(data_dir: Path, *types: str) -> list[Entry]:
    """The entries of these types, or all, oldest first."""
    with Evidence(data_dir / FILE_NAME) as evidence:
        return [entry for entry in ledger(evidence, size_of(evidence)) if not types or entry.type in types]


def staffed(data_dir: Path) -> Path:
    """Fill a directory: a database with two sessions, and the staff."""
    make_database(data_dir)
    admin: Json = {}
    for person, role in ROLE_OF.items():
        do(data_dir, "people.add", person=person, role=role, name=NAMES[person], **admin)
        first = PINS[person] if not admin else FIRST_PIN
        do(data_dir, "pin.set", person=person, new_pin=first, **(admin or {"by": person}))
        if admin:  # whose PIN somebody else knows signs nothing
            do(data_dir, "pin.set", person=person, new_pin=PINS[person], by=person, pin=first)
        admin = {"by": "AD", "pin": PINS["AD"]}
    return data_dir


def copied(kept: Path, tmp_path: Path) -> Path:
    """A copy of a data directory, to spoil."""
    return Path(shutil.copytree(kept, tmp_path / "data"))
