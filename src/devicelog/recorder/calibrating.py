"""A calibration or a check of one pen, from its port to the ledger. Takes the writer lock: nobody records meanwhile.

What the pen sends is kept as a span without a session, so that every reading can be worked out again. Not responsible
for measuring (gauging.py) nor for what a curve is (calibration.py).
"""

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar

from devicelog.calibration import (
    SPREAD_MOST,
    Column,
    GaugeReading,
    Judged,
    Measured,
    check_gauges,
    judge,
    reading_of,
)
from devicelog.canonical import Json, canonical, parse_canonical
from devicelog.errors import EvidenceDamaged, PenUnusable, StoreUnusable, UsageProblem
from devicelog.ledger.entries import Actor, Entry
from devicelog.pipeline import new_documents
from devicelog.recorder.affected import calibration_row, sessions_since
from devicelog.recorder.answering import DISK_TIMEOUT_S
from devicelog.recorder.clock import RecorderClock, iso
from devicelog.recorder.gauging import Gauging, Lines, Stopped
from devicelog.recorder.job import Source
from devicelog.recorder.known_pens import calibration_document, calibration_in_force, last_good
from devicelog.recorder.recovery import close_interrupted, software, told
from devicelog.recorder.stop import Stop
from devicelog.recorder.stream import OpenStream, close_stream, new_stream_id
from devicelog.records import Stall
from devicelog.store.database import FILE_NAME, open_for_writing, prepare_data_dir
from devicelog.store.evidence import Evidence
from devicelog.store.lock import WriterLock
from devicelog.store.transaction import Transaction
from devicelog.store.writer import Writer
from devicelog.who import identity_document
from firmware_bridge.calibration import HostCalibration
from firmware_bridge.errors import PenError
from firmware_bridge.profile import PenProfile
from firmware_bridge.readings import Identity, LinkChange, Overflow, SerialChunk
from firmware_bridge.sources import Inbox

T = TypeVar("T")

Given = tuple[tuple[int, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrateCommand:
    """What is to be done. `given`: readings from a file, a gauge and its samples each; then nothing is measured."""

    profile: PenProfile
    practitioner: str
    gauges_um: tuple[int, ...]
    check_only: bool
    expires: str | None
    gauge_set: str | None
    spread_most: int | None
    given: Given | None


def last_day(expires: str | None, valid_days: int | None, wall_us: int) -> str | None:
    """The last day (UTC) that a calibration of now is to hold; None where nobody says. Raises UsageProblem."""
    today = date.fromisoformat(iso(wall_us)[:10])
    if expires is not None and valid_days is not None:
        raise UsageProblem("--expires and --valid-days say the same: give one of them")
    if valid_days is not None:
        return (today + timedelta(days=valid_days)).isoformat()
    if expires is None:
        return None
    try:
        day = date.fromisoformat(expires)
    except ValueError:
        raise UsageProblem(f"--expires {expires!r} is no day; expected for example {today.year + 1}-06-30") from None
    if day < today:
        raise UsageProblem(f"--expires {day} is past: today is {today}")
    return day.isoformat()


def calibrate(
    data_dir: Path,
    command: CalibrateCommand,
    *,
    source_of: Callable[[Inbox, RecorderClock], Source],
    clock: RecorderClock,
    stop: Stop,
    say: Callable[[str], None],
    lines: Lines,
) -> Json | None:
    """Measure, judge, keep; None when a signal ended it. Raises DevicelogError: then no calibration was kept."""
    gauges_um = [um for um, _ in command.given] if command.given is not None else command.gauges_um
    check_gauges(gauges_um, command.profile.depth_max_um)
    if (warning := prepare_data_dir(data_dir)) is not None:
        say(f"warning: {warning}")
    if command.expires is not None and (sure := clock.reading().confidence) in ("restored", "unknown"):
        say(f"warning: this computer's clock is not to be relied on ({sure}): is {command.expires} the day you mean?")
    path = data_dir / FILE_NAME
    with ExitStack() as stack:
        lock = stack.enter_context(WriterLock(data_dir))
        lock.take()
        engine, head = open_for_writing(data_dir, stamps=clock, sw=software())
        head, interrupted = close_interrupted(path, engine, head, clock)
        if interrupted is not None:
            say(told(interrupted))
        inbox = Inbox()
        source = source_of(inbox, clock)
        stack.callback(source.close)
        try:
            source.open()
        except PenError as error:
            raise PenUnusable(str(error)) from error

        def stalled(seconds: float) -> None:
            for_us = int(seconds * 1_000_000)
            inbox.put(Stall(since_us=clock.now_us() - for_us, for_us=for_us))

        writer = Writer(path, engine, head, stamps=clock, sw=software(), on_stall=stalled)
        stack.callback(writer.close, 2.0)
        run = _Run(command, path=path, writer=writer, inbox=inbox, source=source, clock=clock)
        return run.run(stop, say, lines)


class _Run:
    """One run, from `recorder.started` to `recorder.stopped`."""

    def __init__(
        self,
        command: CalibrateCommand,
        *,
        path: Path,
        writer: Writer,
        inbox: Inbox,
        source: Source,
        clock: RecorderClock,
    ) -> None:
        self._command, self._path, self._writer = command, path, writer
        self._inbox, self._source, self._clock = inbox, source, clock
        self._actor = Actor(id=command.practitioner, role="practitioner")

    def run(self, stop: Stop, say: Callable[[str], None], lines: Lines) -> Json | None:
        """As `calibrate` says."""
        started: Json = {"command": "calibrate", "boot": self._clock.boot}
        self._durable(self._writer.do(lambda transaction: transaction.entry("recorder.started", started)))
        span = OpenStream(
            self._writer,
            self._clock,
            type_="span.opened",
            body={"stream": new_stream_id("span"), "mode": "unknown"},
            documents=new_documents(self._command.profile, None, None),
            read_total=0,
            actor=self._actor,
        )
        self._durable(span.opened)
        self._source.start()
        cause, judged = "no calibration", None
        gauging = Gauging(span, self._inbox, clock=self._clock, stop=stop, say=say)
        try:
            judged = self._judged(gauging, say, lines)
            cause = "calibration" if judged.adjusted else "check of the calibration"
        except Stopped as stopped:
            cause = str(stopped)
        finally:
            unread: Exception | None = None
            good: Entry | None = None
            affected: list[Json] = []
            if judged is not None and gauging.identity is not None:
                try:
                    good, affected = self._history(gauging.identity, judged)
                except Exception as error:  # noqa: BLE001 # old evidence can be anything: the span is closed first
                    unread, judged, cause = error, None, "no calibration"
            result = self._close(span, cause, gauging.identity, judged, good, affected)
            stopped_body: Json = {"cause": cause}
            self._durable(self._writer.do(lambda transaction: transaction.entry("recorder.stopped", stopped_body)))
            if not self._writer.close(DISK_TIMEOUT_S):
                raise StoreUnusable(f"the end of the calibration is not on disk: {self._writer.failure}")
        if unread is not None:
            raise EvidenceDamaged(
                f"nothing was calibrated: which sessions it casts doubt on cannot be told. {unread}"
            ) from unread
        return result

    def _history(self, pen: Identity, judged: Judged) -> tuple[Entry | None, list[Json]]:
        """When the pen was last good, and the sessions since. Raises whatever damaged evidence raises."""
        with Evidence(self._path) as evidence:
            good = last_good(evidence, pen)
            return good, sessions_since(evidence, pen, good) if judged.found_out else []

    def _judged(self, gauging: Gauging, say: Callable[[str], None], lines: Lines) -> Judged:
        command, identity = self._command, gauging.meet()
        say(f"pen {identity.serial} ({identity.model}), its own calibration: {identity.calibration_id or 'none named'}")
        column = gauging.column()
        adjust = column == "raw_count" and not command.check_only
        if column == "depth_um":
            say("this pen sends a depth of its own: it is checked, and nothing is applied on top of it")
        if not adjust and command.expires is not None:
            raise UsageProblem(
                "a check sets no last day: --expires and --valid-days go with a calibration that is made here. "
                "That of a calibration of the pen's own stands in its profile"
            )
        in_force = self._in_force(identity)
        if column == "raw_count" and command.check_only and in_force is None:
            raise UsageProblem(f"no calibration of {identity.serial} was made here: there is none to check")
        spread_most = SPREAD_MOST[column] if command.spread_most is None else command.spread_most
        return judge(
            Measured(
                serial=identity.serial,
                column=column,
                readings=self._readings(gauging, column, spread_most, lines),
                spread_most=spread_most,
            ),
            adjust=adjust,
            in_force=in_force and (in_force[0], in_force[1].curve),
            tolerance_um=command.profile.depth_tolerance_um,
            expires=command.expires,
            gauge_set=command.gauge_set,
        )

    def _readings(self, gauging: Gauging, column: Column, spread_most: int, lines: Lines) -> tuple[GaugeReading, ...]:
        if self._command.given is None:
            return tuple(gauging.measure(um, column, spread_most, lines) for um in sorted(self._command.gauges_um))
        readings = []
        for gauge_um, values in sorted(self._command.given):
            reading = reading_of(gauge_um, values, column=column, spread_most=spread_most)
            if isinstance(reading, str):
                raise UsageProblem(f"{reading}. Nothing was calibrated")
            readings.append(reading)
        return tuple(readings)

    def _in_force(self, pen: Identity) -> tuple[str, HostCalibration] | None:
        """The SHA-256 of the document of the calibration that is in force, and what it says."""
        with Evidence(self._path) as evidence:
            entry = calibration_in_force(evidence, pen)
            if entry is None:
                return None
            digest, data = calibration_document(evidence, entry)
            return digest, HostCalibration.from_document(parse_canonical(data), digest)

    def _close(
        self,
        span: OpenStream,
        cause: str,
        pen: Identity | None,
        judged: Judged | None,
        good: Entry | None,
        affected: list[Json],
    ) -> Json | None:
        """Stop reading, keep what is left, close the span; in the same transaction keep what was found, if it was.

        Returns the reply, from disk.
        """
        self._source.close()
        while (item := self._inbox.get_nowait()) is not None:
            if isinstance(item, SerialChunk | LinkChange | Overflow | Stall):
                span.take(item)
        derived = span.end(cause, self._source.read_total)
        if judged is None or pen is None:
            self._durable(self._writer.do(lambda transaction: close_stream(transaction, "span.opened", derived, cause)))
            return None
        certificate, profile = canonical(judged.document), canonical(self._command.profile.document())
        name = "calibration" if judged.adjusted else "check"

        def keep(transaction: Transaction) -> Entry:
            close_stream(transaction, "span.opened", derived, cause)
            body: Json = {
                "span": span.id,
                "pen": identity_document(pen),
                "documents": {name: transaction.document(certificate), "profile": transaction.document(profile)},
                "gauge_set": self._command.gauge_set,
                "tolerance_um": judged.tolerance_um,
                "as_found_um": judged.as_found_um,
                "last_good": good and good.seq,
                "sessions": [row["id"] for row in affected],
            }
            if judged.adjusted:
                body |= {"as_left_um": judged.as_left_um, "residual_um": judged.residual_um}
                body |= {"expires": self._command.expires}
            return transaction.entry("pen.calibrated" if judged.adjusted else "pen.checked", body, self._actor)

        entry = self._durable(self._writer.do(keep))
        return {
            **calibration_row(entry, judged.document),
            "within_tolerance": judged.within,
            "last_good_at": good and good.values["at"],
            "affected": affected,
        }

    def _durable(self, future: "Future[T]") -> T:
        try:
            return future.result(DISK_TIMEOUT_S)
        except FutureTimeout:
            why = self._writer.failure or f"the disk does not answer for {DISK_TIMEOUT_S:.0f} s"
            raise StoreUnusable(f"NOT KEPT: {why}") from None
