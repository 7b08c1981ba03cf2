"""What `export --inspection` hands out: every entry, and what they say of the days that were asked for, in two files.

The entries are read once: written and counted as they pass.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devicelog.canonical import Json
    from devicelog.packages.bag import Sink
    from devicelog.packages.inspection.walk import Walk
    from devicelog.packages.session_bag import Entered
    from devicelog.store.evidence import Evidence


def add_inspection(sink: "Sink", evidence: "Evidence", entered: "Entered", days: tuple[str, str]) -> None:
    """The whole log up to the entry of this export, and the page about these days.

    Raises EvidenceDamaged for an entry that was changed; a derived record that cannot be read is counted and shown.
    """
    from devicelog import __version__
    from devicelog.canonical import canonical
    from devicelog.packages.inspection.document import document
    from devicelog.packages.inspection.page import inspection_page
    from devicelog.packages.inspection.times import Days
    from devicelog.packages.inspection.walk import Walk

    walk = Walk(Days(first=days[0], last=days[1]))
    sink.add("log/entries.jsonl", _lines(evidence, entered.entry.seq + 1, walk))
    _derive(evidence, walk)
    told = document(walk, signed=_signed(entered), keys=_keys(walk))
    sink.add("inspection.json", [canonical(told)])
    at = entered.entry.values["at"][:19].replace("T", " ")
    sink.add("inspection.html", inspection_page(told, made=f"Made {at} UTC by devicelog {__version__}."))


def _lines(evidence: "Evidence", size: int, walk: "Walk") -> Iterator[bytes]:
    from devicelog.store.heads import ledger

    for entry in ledger(evidence, size):
        walk.feed(entry)
        yield entry.data + b"\n"


def _derive(evidence: "Evidence", walk: "Walk") -> None:
    from devicelog.canonical import parse_canonical
    from devicelog.packages.inspection.findings import read_derived

    for stream in walk.wanted():
        try:
            walk.derived[stream.id] = read_derived(parse_canonical(evidence.document(stream.derived or "")))
        except ValueError:  # EvidenceDamaged is one
            walk.derived[stream.id] = None


def _signed(entered: "Entered") -> int:
    from devicelog.ledger.checkpoint import Checkpoint
    from devicelog.ledger.note import SignedNote

    return Checkpoint.of(SignedNote.parse(entered.checkpoint)).size


def _keys(walk: "Walk") -> "Json | None":
    from devicelog.ledger.sshsig import fingerprint, parse_ssh_key

    if walk.keys is None:
        return None
    return {
        "fingerprint": fingerprint(parse_ssh_key(walk.keys["ssh_key"])),
        "signer": walk.keys["signer"],
        "seq": walk.keys["seq"],
        "at": walk.keys["at"],
    }
