"""A new database made from packages, where the old one is gone: a new log, which says what it goes on from.

The packages are checked first, copied beside the new database and entered by their hashes; the database has its name
only when it was read against them. What was never sealed is gone, and what is known of that is told.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from devicelog.canonical import Json, parse_canonical
from devicelog.errors import DevicelogError, NotFound, StoreUnusable
from devicelog.ledger.asking import Signer
from devicelog.ledger.entries import Entry
from devicelog.ledger.note import VerifierKey
from devicelog.packages.beside import check_space, make_folder, write_whole
from devicelog.packages.files import blocks_of
from devicelog.packages.finding import Found, Refused, find_packages, worst
from devicelog.packages.reading import PackageEvidence
from devicelog.packages.sealing import FOLDER, later_path, package_path, private_path
from devicelog.packages.whole import BesideDatabase, file_sha256
from devicelog.recorder.access import alone
from devicelog.recorder.checkpointing import checkpoint, commissioned
from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.predecessor import Predecessor, predecessors, read_brought
from devicelog.recorder.recovery import software
from devicelog.store.database import NEEDED_FREE_BYTES, prepare_data_dir
from devicelog.store.founding import found, refuse_existing
from devicelog.store.lock import WriterLock
from devicelog.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What was done. `unsigned`: why the new log has no checkpoint yet; None where it has one."""

    log: str
    predecessors: tuple[Predecessor, ...]
    found: tuple[Found, ...]
    left_out: tuple[Refused, ...]
    alone: tuple[str, ...]
    unsigned: str | None


def rebuild_from(
    folder: Path,
    data_dir: Path,
    *,
    witnesses: Sequence[Path] = (),
    keys: Sequence[VerifierKey] = (),
    skip_damaged: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Imported:
    """Make a database in `data_dir` of the packages in `folder`, and of those that lie in `data_dir` already.

    `witnesses`: what they held; `keys`: theirs, without which none of them is entered by name.

    Raises StoreUnusable (there is a database; no space), UsageProblem, NotFound (no package), EvidenceDamaged and
    CannotDecide for packages that cannot be used, each by name: then nothing was done.
    """
    refuse_existing(data_dir)
    brought = [read_brought(path) for path in witnesses]
    say("reading packages")
    here = data_dir / FOLDER
    there = find_packages([folder, *([here] if here.is_dir() else [])])
    if there.refused and not skip_damaged:
        raise worst(there.refused)
    if not there.found:
        raise worst(there.refused) if there.refused else NotFound(f"there is no package in {folder}, nor below it")
    before = predecessors(there.found, brought, keys)
    prepare_data_dir(data_dir)
    with WriterLock(data_dir) as lock:
        lock.take()
        refuse_existing(data_dir)
        for number, each in enumerate(there.found, 1):
            say(f"copying {each.stream} ({number} of {len(there.found)})")
            _copy(each, data_dir)
        say("making the database")
        log = found_with(data_dir, before, lambda transaction: _enter(transaction, there.found, data_dir))
    return Imported(
        log=log,
        predecessors=tuple(before),
        found=there.found,
        left_out=there.refused,
        alone=there.alone,
        unsigned=sign_new(data_dir),
    )


def found_with(data_dir: Path, before: Sequence[Predecessor], enter: Callable[[Transaction], None]) -> str:
    """A new database whose log has keys, and goes on from these; returns the log's id. The lock is the caller's."""
    signer = Signer(data_dir)

    def fill(transaction: Transaction, first: Entry) -> None:
        identity = signer.identity(str(first.values["log"]), first.leaf)
        transaction.entry("log.commissioned", commissioned(identity))
        for each in before:
            transaction.entry("log.continued", each.body())
        enter(transaction)

    return found(data_dir, stamps=RecorderClock(), sw=software(), fill=fill, packages=BesideDatabase(data_dir))


def sign_new(data_dir: Path) -> str | None:
    """Have the new log's head signed; why it was not, or None. It is signed later then."""
    try:
        with alone(data_dir) as access:
            checkpoint(access)
    except DevicelogError as error:
        return str(error)
    return None


def _copy(each: Found, data_dir: Path) -> None:
    """Beside the new database, synced. What lies there already under the same name is the same, or nothing is done."""
    make_folder(data_dir / FOLDER)
    wanted = ((package_path, each.path), (later_path, each.later), (private_path, each.private))
    for place, source in wanted:
        target = place(data_dir, each.stream)
        if source is None:
            if os.path.lexists(target):
                raise StoreUnusable(f"{target} lies there and does not belong to {each.path}: put it elsewhere first")
        elif not os.path.lexists(target):
            size = source.stat().st_size
            check_space(target.parent, size + NEEDED_FREE_BYTES)
            write_whole(target, blocks_of(source), size=size, spare=NEEDED_FREE_BYTES)
        elif file_sha256(target) != file_sha256(source):
            raise StoreUnusable(f"{target} lies there and is another than {source}: put one of them elsewhere first")


def _enter(transaction: Transaction, every: Sequence[Found], data_dir: Path) -> None:
    for each in every:
        with PackageEvidence(package_path(data_dir, each.stream), with_private=False) as package:
            transaction.document(package.document(each.row["derived"]))
        body: Json = {"stream": each.stream, "sha256": each.sha256, "bytes": each.size, "log": each.log}
        transaction.entry("package.imported", {**body, "row": each.row})
        private = private_path(data_dir, each.stream)
        if each.private is None:
            continue
        told = parse_canonical(private.read_bytes())  # as it was checked when the package was read
        for client in told["clients"]:
            transaction.known_client(client["client_ref"], bytes.fromhex(client["salt"]), client["code"])
        for note in told["notes"]:
            transaction.known_note(bytes.fromhex(note["salt"]), note["text"])
