"""What was erased stays so: taken out of the files beside the database, and again wherever it came back.

An old copy of the database or of a private file that is put back brings back what had been erased since; so does power
that was cut between an erasure and its files. Whoever opens the ledger to write looks, and says what was found.
"""

from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from devicelog.errors import DevicelogError
from devicelog.packages.beside import sync_folder
from devicelog.packages.sealing import write_private
from devicelog.store.clients import erased_names
from devicelog.store.engine import in_our_words, reader_engine
from devicelog.store.erasures import (
    empty_log,
    erase_again,
    erased_streams,
    files_of,
    held_in,
    there_again,
)
from devicelog.store.evidence import Evidence
from devicelog.store.transaction import Transaction

Append = Callable[[Callable[[Transaction], Any]], Any]


def stay_erased(path: Path, append: Append, say: Callable[[str], None]) -> None:
    """Erase again what is there again, and finish what was cut off. Raises StoreUnusable, EvidenceDamaged.

    Where nothing was ever erased this reads one empty table.
    """
    with in_our_words(path), closing(reader_engine(path).connect()) as connection:
        again, streams = there_again(connection), erased_streams(connection)
    if again:
        append(lambda transaction: erase_again(transaction.connection))
        for each in again:
            say(f"erased again: {each}")
    for words in _take_up(path, streams):
        say(f"erased again: {words}")
    log = path.with_name(f"{path.name}-wal")
    if streams and log.exists() and log.stat().st_size:
        empty_log(path)


def _take_up(path: Path, streams: Iterable[str]) -> list[str]:
    left = [stream for stream in sorted(streams) if files_of(path.parent, stream)]
    if not left:
        return []
    with Evidence(path) as evidence:
        gone = erased_names(evidence)
    told = []
    for stream in left:
        files = [file for file in files_of(path.parent, stream) if (held := held_in(file)) is None or held & gone]
        if files:
            told += clear_files(path, [stream], gone) or [f"{file} held what was erased" for file in files]
    return told


def clear_files(path: Path, streams: Iterable[str], gone: set[str]) -> list[str]:
    """Take what was erased out of the private files of these sessions; what could not be done, in sentences.

    A file that holds nothing else is removed; one that holds texts of somebody else's is written anew without them.
    """
    faults = []
    for stream in streams:
        for file in files_of(path.parent, stream):
            held = held_in(file)
            if held is not None and not held & gone:
                continue
            try:
                if held is not None and held - gone and not file.name.startswith("."):
                    with Evidence(path) as evidence:
                        write_private(evidence, stream, data_dir=path.parent)
                    continue
            except DevicelogError as error:  # better no file than one with what was erased: the database has the rest
                faults.append(f"{file} was removed, and is not written anew without what was erased: {error}")
            try:
                file.unlink()
                sync_folder(file.parent)
            except OSError as error:
                faults.append(f"{file} still holds what was erased, and cannot be removed: {error.strerror}")
    return faults
