"""The pen of gauges.py in real time: a pty in place of the port, and a person who says which block is under the tip."""

import threading
import time
from collections.abc import Callable

from firmware_bridge.simulator.gauges import GaugePen
from firmware_bridge.simulator.run import PERIOD_NS, PtyLink


def run_bench(
    link_path: str,
    pen: GaugePen,
    *,
    stop: threading.Event,
    next_gauge_um: Callable[[], int | None],
    on_ready: Callable[[PtyLink], None],
) -> None:
    """Be this pen at `link_path` until `stop` is set. Raises PenError for a path that cannot be used.

    `next_gauge_um` is asked all the time and must not wait: the block that was just put under the tip, None when none
    was.
    """
    with PtyLink(link_path) as link:
        began_ns = due_ns = time.monotonic_ns()
        on_ready(link)
        while not stop.is_set():
            gauge_um = next_gauge_um()
            if gauge_um is not None:
                pen.gauge_um = gauge_um
            link.write(pen.advance_to((time.monotonic_ns() - began_ns) // 1000))
            for _ in range(link.requests()):
                link.write(pen.identity_frame())
            late_ns = time.monotonic_ns() - due_ns
            if late_ns >= 0:
                due_ns += PERIOD_NS * (late_ns // PERIOD_NS + 1)
            link.wait(due_ns)
