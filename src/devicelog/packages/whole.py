"""The evidence of a data directory: a stream whose chunks were released from the database is read from its package.

Everything else comes from the database. Not responsible for releasing.
"""

from collections.abc import Iterator
from pathlib import Path

from devicelog.errors import EvidenceDamaged, NotFound
from devicelog.packages.reading import PackageEvidence
from devicelog.packages.sealing import package_path
from devicelog.records import Chunk
from devicelog.store.database import FILE_NAME
from devicelog.store.evidence import Evidence


class WholeEvidence(Evidence):
    """One reader of a data directory. A context manager. Raises NotFound when there is no database."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir / FILE_NAME)
        self._data_dir = data_dir

    def chunks(self, stream_no: int) -> Iterator[Chunk]:
        """The chunks of a stream in order, wherever they are. Raises EvidenceDamaged, naming the chunk."""
        stream = self.released(stream_no)
        if stream is None:
            yield from super().chunks(stream_no)
            return
        path = package_path(self._data_dir, stream)
        try:
            package = PackageEvidence(path, with_private=False, later=None)
        except NotFound as error:
            raise EvidenceDamaged(
                f"{path} is missing: the records of {stream} were released from the database and are in it alone. "
                "Put it back from a backup."
            ) from error
        with package:
            seal = self.entry(self.stream(stream)["sealed_seq"])
            if package.sealed.data != seal.data:
                raise EvidenceDamaged(f"{path} is not what was sealed: its seal is not ledger entry {seal.seq}")
            yield from package.chunks(stream_no)
