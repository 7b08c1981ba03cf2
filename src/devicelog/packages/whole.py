"""The database and the packages beside it, read as one: a stream whose chunks were released is read from its package.

A session of another ledger has nothing here but its row and its newest derived record: `of` gives its package in the
database's place. A package is opened only when its file is the one that the ledger names, byte for byte.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from devicelog.canonical import Json
from devicelog.errors import EvidenceDamaged
from devicelog.packages.contents import named_clients
from devicelog.packages.files import blocks_of
from devicelog.packages.reading import PackageEvidence
from devicelog.packages.sealing import later_path, package_path
from devicelog.records import Chunk
from devicelog.store.database import FILE_NAME
from devicelog.store.evidence import Evidence
from devicelog.store.package_audit import ReadPackage
from devicelog.store.projection import is_imported
from devicelog.store.reading import Kept, StreamRow


class WholeEvidence(Evidence):
    """One reader of a data directory. A context manager. Raises NotFound when there is no database."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir / FILE_NAME)

    @contextmanager
    def of(self, prefix: str) -> Iterator[tuple[Kept, StreamRow]]:
        """Where one stream is read from, and its row there. Raises NotFound, EvidenceDamaged, StoreUnusable."""
        row = self.stream(prefix)
        if not is_imported(row):
            yield self, row
            return
        with self.package(row) as package:
            yield package, package.stream(row["id"])

    @contextmanager
    def package(self, row: StreamRow) -> Iterator[PackageEvidence]:
        """The package of a stream that is in it alone, open. Raises EvidenceDamaged, StoreUnusable, CannotDecide."""
        told = self.entry(row["no"]).body["row"] if is_imported(row) else None
        with open_package(self.path.parent, row["id"], row["package"], imported=told) as package:
            yield package

    def chunks(self, stream_no: int) -> Iterator[Chunk]:
        """The chunks of a stream in order, wherever they are. Raises EvidenceDamaged, naming the chunk."""
        row = self._away(stream_no)
        if row is None:
            yield from super().chunks(stream_no)
            return
        with self.package(row) as package:
            yield from package.chunks(package.streams()[0]["no"])

    def blobs(self, stream_no: int) -> Iterator[bytes]:
        """The chunks of a stream in order, compressed, as they are stored. Raises EvidenceDamaged, naming the chunk."""
        row = self._away(stream_no)
        if row is None:
            yield from super().blobs(stream_no)
            return
        with self.package(row) as package:
            yield from package.parts().chunks

    def client_code(self, client_ref: str | None) -> str | None:
        """The code behind a reference; None when it was erased.

        Two computers may have the same code under two references, and the database holds a code once.
        """
        code = super().client_code(client_ref)
        if code is not None or client_ref is None:
            return code
        for row in self.streams():
            if row["client_ref"] == client_ref and is_imported(row):
                with self.package(row) as package:
                    return package.client_code(client_ref)
        return None

    def _away(self, stream_no: int) -> StreamRow | None:
        stream = self.released(stream_no)
        return None if stream is None else self.stream(stream)


class BesideDatabase:
    """Reads packages for an audit (store/package_audit.py) of the database in `data_dir`."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def read(self, stream: str, sha256: str, *, imported: Json | None) -> ReadPackage:
        """As `Packages` has it."""
        with open_package(self._data_dir, stream, sha256, imported=imported) as package:
            notes, [row] = package.check(), package.streams()
            clients = named_clients(package.entries())
            closing = package.closing(row)
            if closing is None:
                raise EvidenceDamaged(f"{package.path} was never closed")
            return ReadPackage(
                closing=closing,
                log=package.log,
                row=dict(row),
                bytes=package.path.stat().st_size,
                notes=frozenset(notes),
                clients=frozenset(clients.items()) if imported is not None else frozenset(),
                codes=frozenset(ref for ref in clients if package.client_code(ref) is not None),
            )

    def same(self, stream: str, sha256: str) -> bool | None:
        """Whether the package file of a stream has this SHA-256; None where there is none."""
        path = package_path(self._data_dir, stream)
        return file_sha256(path) == sha256 if os.path.lexists(path) else None


def open_package(data_dir: Path, stream: str, digest: str, *, imported: Json | None) -> PackageEvidence:
    """The package of a stream whose file has this SHA-256; with what came later, where the session is `imported`.

    Raises EvidenceDamaged when it is missing or another, StoreUnusable, CannotDecide.
    """
    path = package_path(data_dir, stream)
    if imported is None:
        _check_file(path, digest, "sealed", f"after a release the records of {stream} are in it alone")
        return PackageEvidence(path, with_private=False, later=None)
    _check_file(path, digest, "imported", f"all that is known of {stream} is in it")
    later = later_path(data_dir, stream)
    if imported.get("later") is not None:
        _check_file(later, imported["later"], "imported", f"what came after the seal of {stream} is in it alone")
    elif os.path.lexists(later):
        raise EvidenceDamaged(f"{later} was not there when {stream} was imported. Put it elsewhere.")
    package = PackageEvidence(path)
    if imported != imported_row(package, imported.get("later")):
        package.close()
        raise EvidenceDamaged(f"{path} says something else of {stream} than it said when it was imported")
    return package


def imported_row(package: PackageEvidence, later: str | None) -> Json:
    """What `package.imported` says of a session: its row, and the SHA-256 of what came later, or null."""
    return {**package.streams()[0], "later": later}


def file_sha256(path: Path) -> str:
    """Of a file, hex. Raises NotFound, StoreUnusable, EvidenceDamaged when it is a link."""
    digest = sha256()
    for block in blocks_of(path):
        digest.update(block)
    return digest.hexdigest()


def _check_file(path: Path, digest: str, was: str, why: str) -> None:
    if not os.path.lexists(path):
        raise EvidenceDamaged(f"{path} is missing: {why}. Put a copy of it back; its SHA-256 is {digest}")
    if (found := file_sha256(path)) != digest:
        raise EvidenceDamaged(
            f"{path} is not what was {was}: its SHA-256 is {found}, and the ledger names {digest}; {why}. "
            "Put a copy of the right one back."
        )
