"""`python -m firmware_bridge.simulator --link PATH`: a simulated pen that any program may open as a serial port.

Messages go to standard error. Exit codes: 0 when ended by a signal or by its parent, 2 usage, 4 the path is unusable.
"""

import argparse
import os
import signal
import sys
import threading

from firmware_bridge.errors import PenError
from firmware_bridge.simulator.library import scenario_names
from firmware_bridge.simulator.pen import Pen
from firmware_bridge.simulator.run import PtyLink, run_pen


def main(argv: list[str] | None = None) -> int:
    """Run a pen until SIGTERM, SIGINT or, on request, the end of standard input."""
    parser = _parser()
    args = parser.parse_args(argv)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if args.exit_with_stdin:
        threading.Thread(target=_watch_stdin, args=(stop,), daemon=True).start()

    def ready(link: PtyLink, pen: Pen) -> None:
        what = f"reference pen, serial {pen.serial}, scenario {args.scenario}"
        print(f"pen ready at {link.path} -> {link.slave_name} ({what})", file=sys.stderr, flush=True)

    try:
        run_pen(
            args.link,
            scenario=args.scenario,
            seconds=args.seconds,
            seed=args.seed,
            speed=args.speed,
            origin_us=args.origin_us,
            once=args.once,
            now=args.now,
            serial=args.serial,
            stop=stop,
            on_ready=ready,
        )
    except PenError as error:
        print(f"error: {error}", file=sys.stderr)
        return 4
    except ValueError as error:
        parser.error(str(error))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m firmware_bridge.simulator",
        description="A simulated microneedling pen on a pseudo-terminal. Every frame says that it is demo data.",
        epilog=f"scenarios: {', '.join(scenario_names())}; docs/scenarios.md tells what they are",
    )
    parser.add_argument("--link", required=True, metavar="PATH", help="where to put the symbolic link to the port")
    parser.add_argument(
        "--scenario", default="clean", metavar="NAME|FILE", help="what happens: one of those below, or a file of yours"
    )
    parser.add_argument("--seconds", type=float, default=60, metavar="S", help="pen time of one session (default: 60)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the same number, the same session")
    parser.add_argument("--speed", type=float, default=1.0, metavar="X", help="pen time per real time (default: 1)")
    parser.add_argument(
        "--origin-us", type=int, metavar="US", help="CLOCK_MONOTONIC at which pen time is 0 (default: now)"
    )
    parser.add_argument(
        "--once", action="store_true", help="one session, then idle; otherwise another begins after 2 s"
    )
    parser.add_argument("--now", action="store_true", help="begin at once, not when a host asks for the identity")
    parser.add_argument("--serial", default="", metavar="TEXT", help="the pen's serial number (default: by the seed)")
    parser.add_argument("--exit-with-stdin", action="store_true", help="end when standard input does: with the parent")
    return parser


def _watch_stdin(stop: threading.Event) -> None:
    while os.read(0, 4096):
        pass
    stop.set()


if __name__ == "__main__":
    sys.exit(main())
