"""What the computer's own pins tell of a session: alone, or beside a pen that sends, and then compared with it. Pure.

Two witnesses of one session are never mixed into one figure: each has its own derivation, and what they say of a zone
stands side by side. Not responsible for what edges mean (firmware_bridge.edges), nor for judging (rules/).
"""

from typing import Protocol

from devicelog.canonical import Json
from devicelog.derive import Derivation
from devicelog.records import Record
from firmware_bridge.readings import Gesture, Identity, LinkChange, Reading, SensorBatch
from firmware_bridge.transports import StreamDecoder

COMPARED = ("strokes", "passes", "contact", "set_depth")
SILENT_US = 1_000_000  # batches come 25 times a second


class PinsDecoder(StreamDecoder, Protocol):
    """The decoder of a pen whose sensors are wired to pins, as firmware_bridge.edges has one."""

    @property
    def strokes_doubt(self) -> int:
        """By how much the strokes may be more than were counted, so far."""

    @property
    def dial_um(self) -> int | None:
        """Where the dial stood when it was last told; None where that is not known, or there is none."""

    def account(self) -> Json:
        """What was counted of edges, conversions and what is wrong with them."""


class Doubt:
    """Which zone the strokes belong to that may have been missed."""

    def __init__(self, decoder: PinsDecoder) -> None:
        self._decoder = decoder
        self._known = 0
        self._by_zone: dict[str, int] = {}

    def settle(self, zone: str) -> None:
        """All doubt that is new arose in this zone."""
        doubt = self._decoder.strokes_doubt
        if doubt > self._known:
            self._by_zone[zone] = self._by_zone.get(zone, 0) + doubt - self._known
            self._known = doubt

    def of(self, zone: str) -> int:
        """The doubt of a zone."""
        return self._by_zone.get(zone, 0)

    def document(self) -> Json:
        """The decoder's account, and the doubt zone by zone."""
        zones = [{"zone": zone, "strokes": strokes} for zone, strokes in sorted(self._by_zone.items())]
        return {"account": self._decoder.account(), "doubt": zones}


class Placed:
    """Which record a reading of the pins belongs to: its own, unless watching broke off before that record.

    A record that begins another stretch completes what was watched in the one before. That was told then, and not now:
    else nothing would lie between.
    """

    def __init__(self) -> None:
        self._watched: Record | None = None  # the newest record of the pins

    def __call__(self, record: Record, readings: list[Reading], *, watched: bool) -> list[tuple[Record, Reading]]:
        """The readings that a record completed, each with its record. `watched`: it is one of the pins."""
        before, named = self._watched, [isinstance(reading, Identity) for reading in readings]
        if watched:
            self._watched = record
        begun = named.index(True) if before is not None and True in named else 0
        return [(before if before and n < begun else record, reading) for n, reading in enumerate(readings)]


class Watched:
    """In which zones she was while nobody watched the pins: what they say of those is not all that was."""

    def __init__(self) -> None:
        self._zones: set[str] = set()
        self._since: set[str] = set()  # where she was since the newest batch
        self._from_us: int | None = None  # the stream's first record
        self._to_us: int | None = None  # up to when the pins were watched
        self._newest_us = 0
        self._away = True

    def at(self, t_us: int, zone: str) -> None:
        """A record, and the zone after it."""
        self._from_us = t_us if self._from_us is None else self._from_us
        self._newest_us = max(self._newest_us, t_us)
        self._since.add(zone)

    def batch(self, batch: SensorBatch, zone: str) -> None:
        """They were watched for a stretch of time that ends now, in this zone."""
        began_us = batch.t_us - batch.watched_us
        first = self._to_us is None and self._from_us is not None and began_us > self._from_us
        if first or (self._to_us is not None and began_us != self._to_us):
            self._zones |= self._since | {zone}
        self._to_us, self._since, self._away = batch.t_us, {zone}, False

    def lose(self) -> None:
        """Nobody watches them from now on."""
        self._away = True

    def unwatched(self) -> list[str]:
        """Those zones, up to now. Pins that say nothing any more are not watched, whatever was said of their link."""
        silent = self._to_us is None or self._newest_us - self._to_us > SILENT_US
        return sorted(self._zones | (self._since if self._away or silent else set()))


class Beside:
    """The pins as a second witness: what they say goes into a derivation of its own."""

    def __init__(self, decoder: PinsDecoder, derivation: Derivation) -> None:
        self.decoder, self.derivation = decoder, derivation
        self._doubt = Doubt(decoder)
        self._placed = Placed()
        self._watched = Watched()

    def arrived(self, record: Record) -> None:
        """Take the number and stamp of a record that is the pen's alone."""
        self.derivation.arrived(record)
        self._watched.at(record.t_us, self.derivation.needling.zone)

    def feed(self, record: Record, item: object) -> list[Reading]:
        """Take a record that the pen's side does not take, or one of a person, the clock or the end, as both do.

        Returns what a person said with the pedal.
        """
        self.arrived(record)
        if isinstance(item, SensorBatch):
            self._watched.batch(item, self.derivation.needling.zone)
        elif isinstance(item, LinkChange) and not item.up:
            self._watched.lose()
        readings = self.decoder.feed(item) if isinstance(item, SensorBatch | LinkChange) else []
        said = self._take(
            self._placed(record, readings, watched=isinstance(item, SensorBatch))
        )  # what a loss completes came before it
        self.derivation.record(record, item)
        self._watched.at(record.t_us, self.derivation.needling.zone)
        return said

    def finish(self, record: Record) -> None:
        """No more will come after this record."""
        self._take([(record, reading) for reading in self.decoder.finish(record.t_us)])
        self.derivation.finish()

    def document(self) -> Json:
        """What the pins say by themselves, as plain values; their samples have an account of their own."""
        facts = self.derivation.facts(framed=0, rejected=0, delimiters=0)
        account = facts["completeness"]
        open_accounts = [name for name in account["open_accounts"] if name == "samples"]
        return {
            **self._doubt.document(),
            "pen": facts["pen"],
            "mode": facts["mode"],
            "closes": not open_accounts,
            "boots": account["boots"],
            "gaps": facts["gaps"],
            "link_losses": facts["link_losses"],
            "unwatched": self._watched.unwatched(),
            "zones": facts["zones"],
        }

    def compare(self, zones: list[Json], measures: tuple[list[str], list[str]]) -> list[Json]:
        """Zone by zone what the pen says and what the pins say; None where not both measure it.

        Nor is anything compared of a zone in which nobody watched the pins for a time.

        `zones` are the facts of the pen's side; `measures` what the pen measures and what the pins do.
        """
        document = self.document()
        beside = {zone["zone"]: zone for zone in document["zones"]}
        both, unwatched = set(measures[0]) & set(measures[1]), document["unwatched"]
        compared: list[Json] = []
        for zone in zones:
            if zone["zone"] in unwatched:
                compared.append({"zone": zone["zone"], **dict.fromkeys(COMPARED)})
            elif zone["zone"] in beside:
                compared.append(self._compared(zone, beside[zone["zone"]], both))
        return compared

    def _compared(self, pen: Json, pins: Json, both: set[str]) -> Json:
        doubt = self._doubt.of(pen["zone"])
        figures: Json = {
            "strokes": {"pen": pen["strokes"], "low": pins["strokes"], "high": (pins["strokes"] or 0) + doubt},
            "passes": {"pen": pen["passes"]["pen"], "pins": pins["passes"]["pen"]},
            "contact": {"pen_us": pen["contact_us"], "pins_us": pins["contact_us"]},
            "set_depth": {"pen_um": _mostly_um(pen), "pins_um": _mostly_um(pins)},
        }
        told = {name: name in both and None not in figures[name].values() for name in figures}
        return {"zone": pen["zone"], **{name: figures[name] if told[name] else None for name in figures}}

    def _take(self, readings: list[tuple[Record, Reading]]) -> list[Reading]:
        for record, reading in readings:
            self.derivation.reading(record, reading)
        self._doubt.settle(self.derivation.needling.zone)
        return [reading for _, reading in readings if isinstance(reading, Gesture)]


def _mostly_um(zone: Json) -> int | None:
    """The setting under which most of a zone was needled; the deeper one where two are alike."""
    settings = zone["at_set_depth"]
    if not settings:
        return None
    mostly: int = max(settings, key=lambda row: (row["for_us"], row["depth_set_um"]))["depth_set_um"]
    return mostly
