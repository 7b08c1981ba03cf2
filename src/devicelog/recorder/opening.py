"""The two openings of a recording: the unattributed span it begins with, and the session when the pen is known.

What each names of the time before (counters, calibration, the newest measurement) is read here. Not responsible for
what is recorded into them (recording.py).
"""

from devicelog.canonical import Json
from devicelog.clinical.plan import zones_document
from devicelog.counters import Counters
from devicelog.ledger.entries import Actor
from devicelog.pipeline import new_documents
from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.history import History
from devicelog.recorder.job import Job, Prepared
from devicelog.recorder.known_pens import (
    calibration_document,
    calibration_in_force,
    last_counters,
    newest_measurement,
)
from devicelog.recorder.live import Console
from devicelog.recorder.standing import as_they_stand, what_to_do
from devicelog.recorder.stream import OpenStream, new_stream_id
from devicelog.store.database import FILE_NAME
from devicelog.store.evidence import Evidence
from devicelog.store.writer import Writer
from devicelog.who import identity_document
from firmware_bridge.readings import Heartbeat, Identity, SampleBlock


class Openings:
    """Opens the streams of one job."""

    def __init__(
        self, job: Job, *, writer: Writer, clock: RecorderClock, console: Console, history: History, actor: Actor
    ) -> None:
        self._job, self._writer, self._clock, self._console = job, writer, clock, console
        self._history, self._actor = history, actor
        self._path = job.data_dir / FILE_NAME

    def span(self) -> OpenStream:
        """The span before the session."""
        # whether it is a real pen is not known before it says so
        body: Json = {"stream": new_stream_id("span"), "mode": "demo" if self._job.command == "demo" else "unknown"}
        return OpenStream(
            self._writer,
            self._clock,
            type_="span.opened",
            body=body,
            documents=new_documents(self._job.profile, None, None, self._job.sensors),
            read_total=0,
        )

    def session(
        self,
        identity: Identity,
        heard: SampleBlock | Heartbeat | None,
        span: OpenStream,
        first_stream: int,
    ) -> OpenStream:
        """The session of this pen. `heard`: what it said first of its counters; `first_stream`: of this run."""
        job = self._job
        before, now = None, None
        if job.profile.gpio is None:  # what is counted on pins begins with each stream
            before = self._history.read(
                lambda: last_counters(self._path, identity.serial, before_stream=first_stream),
                or_else="Whether the pen was used since is not known",
            )
            now = (
                heard
                and Counters(
                    serial=identity.serial, boot=heard.boot, passes=heard.passes, strokes=heard.strokes
                ).document()
            )
        calibration = self._history.read(
            lambda: self._calibration(identity), or_else="No calibration of this pen that was made here is applied"
        )
        measured = self._history.read(
            lambda: self._measured(identity), or_else="Whether it was found out of its tolerance is not known"
        )
        prepared = self._history.read(
            lambda: self._prepared(identity), or_else="What was prepared at the desk is not known to this session"
        )
        if prepared and prepared.unread:
            self._console.say(
                f"{prepared.unread}. The rules say so where they would look at it; recording goes on. "
                "`devicelog verify --all` says what is damaged"
            )
        profile, sensors = as_they_stand(span.pipeline, job.profile, job.sensors)
        if words := what_to_do(span.pipeline, job.profile, job.sensors):
            self._console.say(words)
        body: Json = {
            "stream": new_stream_id("session"),
            "client_ref": None,  # both are known when the entry is written
            "client_commitment": None,
            "practitioner": job.practitioner,
            "plan": job.plan.id,
            "pen": identity_document(identity),
            "pen_before": before.document() if before else None,
            "pen_heard": now,
            "mode": identity.mode,
        }
        return OpenStream(
            self._writer,
            self._clock,
            type_="session.opened",
            body=body,
            documents={
                **new_documents(
                    profile, job.plan, zones_document(job.zones), sensors, calibration=calibration, measured=measured
                ),
                **(prepared.documents if prepared else {}),
            },
            read_total=span.read_total,
            actor=self._actor,
            client_code=job.client_code,
            entered=prepared.entered if prepared else None,
        )

    def _prepared(self, identity: Identity) -> Prepared | None:
        desk = self._job.desk
        if desk is None:
            return None
        with Evidence(self._path) as evidence:
            return desk.prepare(evidence, identity, self._clock.stamp(), self._actor)

    def _calibration(self, identity: Identity) -> bytes | None:
        with Evidence(self._path) as evidence:
            in_force = calibration_in_force(evidence, identity)
            return calibration_document(evidence, in_force)[1] if in_force else None

    def _measured(self, identity: Identity) -> bytes | None:
        with Evidence(self._path) as evidence:
            return newest_measurement(evidence, identity)
