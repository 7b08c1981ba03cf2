"""A pen at a pty in a process of its own, for our recorder and for the peer alike: it sends what was laid down before.

`python -m bench.sender LINK FORMAT WORKLOADS HZ N SECONDS`; FORMAT is `frames` or `nmea`. It begins when it is told so
by a line on its standard input, says `sent` with the number of samples, and stays until its input ends.
"""

import os
import select
import sys
import time
from pathlib import Path

from bench.workload import SLOT_US, Workload
from firmware_bridge.frames import parse
from firmware_bridge.readings import Identity
from firmware_bridge.simulator.run import PtyLink

_STEPS = SLOT_US // 10_000  # a slot goes out in so many pieces


def pieces(workload: Workload, form: str) -> list[bytes]:
    """What goes out every 10 ms."""
    if form == "frames":
        slots = list(workload.slots())
    else:
        from bench.nmea import sentence  # the peer's library stays out of our process

        lines, n = [sentence(row) for row in workload.rows()], workload.sample_hz * SLOT_US // 1_000_000
        slots = ["".join(lines[at : at + n]).encode("ascii") for at in range(0, len(lines), n)]
    return [
        slot[i * len(slot) // _STEPS : (i + 1) * len(slot) // _STEPS] for slot in slots for i in range(_STEPS)
    ]  # a frame may be cut in two, as on any line


def main(link: PtyLink, form: str, workload: Workload) -> None:
    """Send it, in real time."""
    to_send = pieces(workload, form)
    identity = next(
        run for slot in workload.slots() for run in slot.split(b"\0") if run and isinstance(parse(run), Identity)
    )
    print("ready", flush=True)
    while not select.select([0], [], [], 0.005)[0]:
        if link.requests():
            link.write(b"\0" + identity + b"\0")
    os.read(0, 100)
    due_s = time.monotonic()
    for piece in to_send:
        due_s += SLOT_US / _STEPS / 1_000_000
        link.write(piece)
        while (left_s := due_s - time.monotonic()) > 0:
            time.sleep(min(left_s, 0.005))
            link.requests()
    for _ in range(200):  # what found no room in the kernel yet
        link.requests()
        time.sleep(0.005)
    print(f"sent {workload.samples} dropped {link.dropped_bytes}", flush=True)
    os.read(0, 100)


if __name__ == "__main__":
    made = Workload.make(Path(sys.argv[3]), *map(int, sys.argv[4:7]))
    with PtyLink(sys.argv[1]) as port:
        main(port, sys.argv[2], made)
