"""Everything held on one client, as files that this client can be given; nothing of any other person.

Which texts belong to a client is what an erasure would take away (recorder/erasing.py). Written beside and renamed.
"""

import csv
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devicelog.canonical import Json
from devicelog.cli.late_entries import late_document, late_of
from devicelog.cli.readings import Samples
from devicelog.cli.report import show_document
from devicelog.clinic.personal import personal_places
from devicelog.errors import NotFound, StoreUnusable, UsageProblem
from devicelog.recorder.erasing import Held
from devicelog.samples import COLUMNS
from devicelog.sessions import names_code
from devicelog.store.clients import clients, entries_naming, exports_of, pseudonyms
from devicelog.store.evidence import Evidence

SCHEMA = "devicelog.person/1"
_README = """\
Everything that this device holds on one treated person.

person.json             code, pseudonyms that recipients were given, texts with the salts they are committed with,
                        and when copies of the sessions were handed out
sessions/ID.json        each session as `devicelog sessions show --json` tells it
                        (one that was entered from paper was not measured, and has no samples)
sessions/ID.csv         every sample of it; units stand in the column names, an empty cell: the pen did not say
entries.jsonl           every entry of the device's log that names this person's reference, byte for byte, one a line

The reference (client_ref) is random; only the device knew which code stands behind it.
A text that is null and withheld names the code of another person: ask who gave you this.
These files are personal. They are not signed: `devicelog export` makes what can be checked.
"""


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A new folder beside the target, gone afterwards. Raises UsageProblem where the target is there already."""
    if os.path.lexists(target):
        raise UsageProblem(f"{target} is there already: nothing is written over it")
    new = target.with_name(f".{target.name}.new")
    try:
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        yield new
    except StoreUnusable:  # what was read, and an OSError too
        raise
    except OSError as error:
        raise StoreUnusable(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def write_person(evidence: Evidence, held: Held, target: Path) -> Json:
    """Write it to a folder, or to one file where the name ends in `.zip`; returns `person.json`.

    Raises UsageProblem, NotFound for one who was erased, StoreUnusable (nothing is left then), EvidenceDamaged.
    """
    if held.known.code is None:
        raise NotFound(f"{held.known.client_ref} was erased: nothing private is held")
    with _beside(target) as new:
        folder = new / "person"
        person = _write(evidence, held, folder)
        if target.suffix == ".zip":
            done = new / target.name
            with zipfile.ZipFile(done, "x", zipfile.ZIP_DEFLATED) as packed:
                for file in sorted(folder.rglob("*")):
                    if file.is_file():
                        packed.write(file, file.relative_to(folder))
            done.chmod(0o600)
            done.rename(target)
        else:
            folder.rename(target)
    return person


def _write(evidence: Evidence, held: Held, folder: Path) -> Json:
    known = held.known
    others = [each.code for each in clients(evidence) if each.code and each.client_ref != known.client_ref]
    folder.mkdir(mode=0o700)
    (folder / "sessions").mkdir(mode=0o700)
    for row in held.sessions:
        shown = show_document(evidence, row["id"])
        _withhold(shown, others)
        _json(folder / "sessions" / f"{row['id']}.json", shown)
        with (folder / "sessions" / f"{row['id']}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(Samples(evidence, row).rows())
    entered = late_of(evidence, known.client_ref)
    for row in entered:
        late = late_document(evidence, row["id"]) or {}
        for said in (late, late.get("withdrawn") or {}):
            if said.get("reason") is not None and _names_another(str(said["reason"]), others):
                said["reason"] = None
        _json(folder / "sessions" / f"{row['id']}.json", late)
    own = evidence.client_kept(known.client_ref)
    person: Json = {
        "schema": SCHEMA,
        "client": known.code,
        "client_ref": known.client_ref,
        "salt": own[0].hex() if own else None,
        "pseudonyms": pseudonyms(evidence, known.client_ref),
        "sessions": [
            {key: row[key] for key in ("id", "status", "opened_at", "closed_at", "practitioner", "plan", "verdict")}
            for row in held.sessions
        ],
        "entered": entered,
        "texts": [_text(evidence, name, others) for name in held.texts],
        "handed_out": [
            {"entry": entry.seq, "at": entry.values["at"], "recipient": entry.body["recipient"]}
            for entry in exports_of(evidence, {row["id"] for row in held.sessions})
        ],
    }
    _json(folder / "person.json", person)
    entries = b"".join(entry.data + b"\n" for entry in entries_naming(evidence, known.client_ref))
    (folder / "entries.jsonl").write_bytes(entries)
    (folder / "README.txt").write_text(_README, encoding="utf-8")
    return person


def _text(evidence: Evidence, name: str, others: list[str]) -> Json:
    kept = evidence.note_kept(name)
    salt, text = (kept[0].hex(), kept[1]) if kept else (None, None)
    withheld = text is not None and _names_another(text, others)
    return {
        "commitment": name,
        "salt": None if withheld else salt,
        "text": None if withheld else text,
        "withheld": withheld,
    }


def _withhold(shown: Json, others: list[str]) -> None:
    """Take texts that name somebody else out of a session as it is shown: `texts` of `person.json` says that it was."""
    places = [(note, "text") for note in shown["notes"]] + [(made, "reason") for made in [shown["attribution"]] if made]
    places += [(made, "reason") for made in shown["explained"]]
    places += [(made, key) for made in shown["amendments"] for key in ("old", "new", "reason")]
    places += list(personal_places(shown["treatment"])) if "treatment" in shown else []
    for place, key in places:
        if place[key] is not None and _names_another(str(place[key]), others):
            place[key] = None


def _names_another(text: str, others: list[str]) -> bool:
    return any(names_code(text, code) for code in others)


def _json(path: Path, value: Json) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
