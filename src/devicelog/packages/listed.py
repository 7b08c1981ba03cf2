"""The files that a `package.json` or `later.json` lists, each checked against what the list says of it."""

import re
from collections.abc import Collection, Iterator
from hashlib import sha256

from devicelog.canonical import Json, parse_canonical
from devicelog.errors import CannotDecide, EvidenceDamaged
from devicelog.ledger.entries import Entry, read_entry
from devicelog.packages.contents import DOCUMENTS, ENTRIES
from devicelog.packages.files import Files

MAX_WHOLE = 1 << 26  # bytes of a file that is read at once; records are not
_STREAM = re.compile(r"[a-z]-[0-9a-z]{10}\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_LISTED = {"name": str, "bytes": int, "sha256": str}


class Listed:
    """One list and its files. `stream` and `log` are what it says of itself."""

    def __init__(
        self,
        files: Files,
        first: str,
        schema: str,
        wanted: Collection[str],
        *,
        under: str = "",
        allowed: Collection[str] = (),
    ) -> None:
        """`under`: the folder where they are; `wanted`: those that must be there, beside documents; `allowed`: may be.

        Raises EvidenceDamaged, CannotDecide for a list of a later version.
        """
        self._files, self._under = files, under
        self.where = f"{files.path}: {under}" if under else f"{files.path}: "
        sizes = files.sizes()
        if under + first not in sizes:
            raise EvidenceDamaged(f"{self.where}{first} is missing")
        self._listed: dict[str, Json] = {}
        head = self._head(self._whole(first, sizes[under + first]), first, schema)
        self.stream: str = head["stream"]
        self.log: str = head["log"]
        for listed in head["files"]:
            name, size = listed["name"], listed["bytes"]
            if name not in (*wanted, *allowed) and not (
                name.startswith(DOCUMENTS) and _DIGEST.match(name[len(DOCUMENTS) :])
            ):
                raise EvidenceDamaged(f"{self.where}{first} lists {name!r}, which no package has")
            if (found := sizes.get(under + name)) != size:
                said = "it is missing" if found is None else f"it has {found}"
                raise EvidenceDamaged(f"{self.where}{name} has {size} bytes, says {first}; {said}")
            if name.startswith(DOCUMENTS) and name != DOCUMENTS + listed["sha256"]:
                raise EvidenceDamaged(f"{self.where}{first} lists {name} with another hash than its name")
            self._listed[name] = listed
        if [listed["name"] for listed in head["files"]] != sorted(self._listed):
            raise EvidenceDamaged(f"{self.where}{first}: its files do not stand once each, in the order of their names")
        if lost := sorted(set(wanted) - self._listed.keys()):
            raise EvidenceDamaged(f"{self.where}{first} does not list {lost[0]}")
        self.names = {first, *self._listed}

    def listed(self) -> set[str]:
        """Every file that the list names."""
        return set(self._listed)

    def documents(self) -> set[str]:
        """The SHA-256 of every document, hex."""
        return {name[len(DOCUMENTS) :] for name in self._listed if name.startswith(DOCUMENTS)}

    def blocks(self, name: str) -> Iterator[bytes]:
        """The bytes of a file, block by block. Raises EvidenceDamaged, at the end too, when they are not as listed."""
        digest = sha256()
        for block in self._files.blocks(self._under + name):
            digest.update(block)
            yield block
        if digest.hexdigest() != self._listed[name]["sha256"]:
            raise EvidenceDamaged(f"{self.where}{name} was changed: it does not hash to what is listed of it")

    def size(self, name: str) -> int:
        """How many bytes a file has."""
        return int(self._listed[name]["bytes"])

    def read(self, name: str) -> bytes:
        """A file as a whole. Raises EvidenceDamaged when it is too long for that, too."""
        self._bounded(name, self.size(name))
        return b"".join(self.blocks(name))

    def entry(self, name: str) -> Entry:
        """A file that is one entry, of this log."""
        data = self.read(name)
        try:
            entry = read_entry(data)
            if entry.values["log"] != self.log:
                raise ValueError(f"it is of another log: {entry.values['log']}")
        except ValueError as error:
            raise EvidenceDamaged(f"{self.where}{name} was changed: {error}") from error
        return entry

    def entries(self) -> list[Entry]:
        """Those of `entries.jsonl`, their numbers rising, of this log; those that follow each other are chained."""
        data, entries = self.read(ENTRIES), list[Entry]()
        if data and not data.endswith(b"\n"):
            raise EvidenceDamaged(f"{self.where}{ENTRIES} was changed: its last line has no end")
        for number, line in enumerate(data.split(b"\n")[:-1], 1):
            where = f"{self.where}{ENTRIES}, line {number}"
            try:
                entry = read_entry(line)
            except ValueError as error:
                raise EvidenceDamaged(f"{where}, was changed: {error}") from error
            if entry.values["log"] != self.log:
                raise EvidenceDamaged(f"{where}: of another log: {entry.values['log']}")
            if fault := order_fault(entries[-1] if entries else None, entry):
                raise EvidenceDamaged(f"{where}: {fault}")
            entries.append(entry)
        return entries

    def _whole(self, name: str, size: int) -> bytes:
        self._bounded(name, size)
        return b"".join(self._files.blocks(self._under + name))

    def _bounded(self, name: str, size: int) -> None:
        if size > MAX_WHOLE:
            raise EvidenceDamaged(f"{self.where}{name} has {size} bytes; no package has so long a one")

    def _head(self, data: bytes, first: str, schema: str) -> Json:
        try:
            head = parse_canonical(data)
            said = head.get("schema")
            family, _, version = schema.rpartition("/")
            if said != schema and isinstance(said, str) and re.fullmatch(re.escape(family) + r"/[0-9]{1,6}", said):
                raise CannotDecide(
                    f"{self.where}{first} says {said}, and this devicelog reads {schema}. "
                    "Use the version that wrote it, or a later one."
                )
            if said != schema or head.keys() != {"schema", "stream", "log", "files"}:
                raise ValueError(f"it is no {family} of version {version}")
            if not (isinstance(head["stream"], str) and _STREAM.match(head["stream"]) and type(head["log"]) is str):
                raise ValueError(f"stream {head['stream']!r} of log {head['log']!r}")
            if not (isinstance(head["files"], list) and all(map(_is_listed, head["files"]))):
                raise ValueError("its list of files is none")
        except ValueError as error:
            raise EvidenceDamaged(f"{self.where}{first} was changed: {error}") from error
        return head


def order_fault(before: Entry | None, entry: Entry) -> str | None:
    """Why one entry of a log cannot stand behind another, or None. Entries of others may stand between them."""
    if before is None:
        return None
    if entry.seq <= before.seq:
        return f"entry {entry.seq} stands behind entry {before.seq}"
    if entry.seq == before.seq + 1 and entry.values["prev"] != before.leaf.hex():
        return f"entry {entry.seq} names another one before it than entry {before.seq}: one of the two was changed"
    return None


def _is_listed(value: object) -> bool:
    return isinstance(value, dict) and {key: type(item) for key, item in value.items()} == _LISTED
