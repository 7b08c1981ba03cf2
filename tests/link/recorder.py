"""The real recorder in a process of its own, its queue in sight: `python -m tests.link.recorder DATA_DIR URL PROFILE`.

It says `recording` when a session has begun, ends it at the end of its input, and prints what came of it as JSON.
"""

import json
import sys
import threading
from pathlib import Path

from devicelog.clinical.data import load_plan, load_zones
from devicelog.recorder.clock import RecorderClock
from devicelog.recorder.job import Job, Source
from devicelog.recorder.live import Live
from devicelog.recorder.record import record
from devicelog.recorder.stop import Stop
from firmware_bridge.profiles import load_profile
from firmware_bridge.sources import Inbox, SerialSource


class Telling:
    """A console that tells of one thing."""

    def live(self, _live: Live) -> None:
        pass

    def say(self, text: str) -> None:
        if text.startswith("recording s-"):
            print("recording", flush=True)


def main(data_dir: Path, url: str, profile_path: str) -> None:
    """Record one session."""
    profile, stop = load_profile(profile_path), Stop()
    inboxes: list[Inbox] = []

    def source_of(inbox: Inbox, clock: RecorderClock) -> Source:
        inboxes.append(inbox)
        return SerialSource(url, profile, inbox, clock.now_us)

    def wait_for_the_end() -> None:
        sys.stdin.read()
        stop.request("operator")

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    job = Job(
        data_dir=data_dir,
        client_code="P-117",
        practitioner="KM",
        plan=load_plan("full-face"),
        zones=load_zones(),
        profile=profile,
        command="record",
    )
    outcome = record(job, source_of=source_of, clock=RecorderClock(), console=Telling(), stop=stop)
    assert outcome.derived is not None
    account = outcome.derived["facts"]["completeness"]
    told = {
        "kept": account["bytes_kept"],
        "dropped": account["bytes_dropped"],
        "decoded": sum(boot["decoded"] for boot in account["boots"]),
        "missing": sum(boot["missing"] for boot in account["boots"]),
        "in_queue": inboxes[0].high_water_bytes,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:4])
