"""Ledgers to inspect, an entry a call: real bytes and a real chain, no database. Times are what a test says."""

from collections.abc import Iterable, Sequence
from typing import Any

from devicelog.canonical import Json
from devicelog.ledger.entries import NO_PREVIOUS, Actor, Entry, entry_bytes, read_entry
from devicelog.packages.inspection.document import document
from devicelog.packages.inspection.findings import Derived, read_derived
from devicelog.packages.inspection.times import Days
from devicelog.packages.inspection.walk import Walk

LOG = "devicelog/0123456789abcdef0123456789abcdef"
PEN = {"serial": "A0042", "firmware": "1.0"}
HASH = "ab" * 32
PRACTITIONER = Actor(id="p-07", role="practitioner")
RECORDER = Actor(id="recorder", role="recorder")


class Ledger:
    """A log that begins on 2031-01-01 at noon; both its clocks move by what `wait` says."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.second = 12 * 3600  # since the first midnight
        self.mono_us = 60_000_000
        self.boot = "boot-1"
        self.clock = "synced"
        self.add("log.created", schema=3)

    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.second += seconds
        self.mono_us += seconds * 1_000_000

    def reboot(self) -> None:
        """The computer starts anew."""
        self.boot = f"boot-{int(self.boot.removeprefix('boot-')) + 1}"
        self.mono_us = 10_000_000

    @property
    def at(self) -> str:
        """What an entry of now says."""
        day, rest = divmod(self.second, 86_400)
        month, day = divmod(day, 28)  # months of 28 days, and so far every test is within a year
        return f"2031-{month + 1:02}-{day + 1:02}T{rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02}.000Z"

    def add(self, type_: str, *, actor: Actor = RECORDER, **body: Any) -> Entry:
        """The next entry."""
        body = {key.rstrip("_"): value for key, value in body.items()}
        stamp = {"at": self.at, "mono_us": self.mono_us, "boot": self.boot, "clock": self.clock}
        seq, prev = len(self.entries), self.entries[-1].leaf.hex() if self.entries else NO_PREVIOUS
        data = entry_bytes(
            log=LOG,
            seq=seq,
            nonce=f"{seq:032x}",
            prev=prev,
            stamp=stamp,
            actor=actor,
            sw={"version": "0", "engine": 3},
            type_=type_,
            body=body,
        )
        self.entries.append(read_entry(data))
        return self.entries[-1]

    # --- what happens ---

    def start(self) -> None:
        self.add("recorder.started", command="record", boot=self.boot)

    def stop(self) -> None:
        self.add("recorder.stopped", cause="operator")

    def open(self, stream: str, mode: str = "real", practitioner: str = "p-07") -> None:
        """A session, `s-`, or a span, `u-`, begins."""
        if stream.startswith("u-"):
            self.add("span.opened", stream=stream, documents={}, mode=mode)
            return
        self.add(
            "session.opened",
            actor=Actor(id=practitioner, role="practitioner"),
            stream=stream,
            documents={},
            client_ref="c-0123456789abcdef",
            client_commitment=HASH,
            practitioner=practitioner,
            plan="full-face",
            pen=PEN,
            pen_before=None,
            pen_heard=None,
            mode=mode,
        )

    def close(
        self,
        stream: str,
        *,
        ended: str = "closed",
        verdict: str = "conforming",
        mode: str = "real",
        derived: str = HASH,
    ) -> None:
        """It ends."""
        last = {"engine": 3, "verdict": verdict} if stream.startswith("s-") else {}
        self.add(
            "session.closed" if stream.startswith("s-") else "span.recorded",
            stream=stream,
            ended=ended,
            cause="operator" if ended == "closed" else "found open when nobody was recording",
            chunks=1,
            records=2,
            root=HASH,
            derived=derived,
            mode=mode,
            pen_serial="A0042",
            **last,
        )

    def attribute(self, stream: str, *, verdict: str = "conforming", number: int = 2) -> None:
        """It is corrected."""
        self.add(
            "session.attributed",
            actor=PRACTITIONER,
            stream=stream,
            number=number,
            zones=[],
            client_ref=None,
            client_commitment=None,
            reason_sha256=HASH,
            derived="cd" * 32,
            engine=3,
            verdict=verdict,
        )


def derived_of(
    *findings: Json,
    contact_us: int = 0,
    unknown_us: int = 0,
    not_assessable: int = 0,
    clocks: int = 1,
    overrides: Sequence[Json] | None = (),
) -> Derived:
    """What is read of a derived record that says this; `overrides` None: of an engine before 4."""
    zone = {"contact_us": contact_us, "contact_unknown_us": unknown_us}
    assessments = [{"result": "not assessable"}] * not_assessable + [{"result": "passed"}]
    facts: Json = {"zones": [zone], "clock": {"readings": [{}] * clocks}}
    facts |= {} if overrides is None else {"overrides": list(overrides)}
    return read_derived({"facts": facts, "findings": list(findings), "assessments": assessments})


def inspected(
    entries: Iterable[Entry],
    derived: dict[str, Derived | None] | None = None,
    *,
    first: str = "2031-01-01",
    last: str = "2031-12-31",
    signed: int | None = 5,
    keys: Json | None = None,
) -> Json:
    """The inspection of these entries; streams that are not in `derived` have a record that says nothing."""
    walk = Walk(Days(first=first, last=last))
    for entry in entries:
        walk.feed(entry)
    for stream in walk.wanted():
        walk.derived[stream.id] = (derived or {}).get(stream.id, derived_of())
    walk.derived |= derived or {}
    return document(walk, signed=signed, keys=keys)
