"""The process's first lines: from here on a Ctrl-C or a SIGTERM ends it quietly, whatever is being imported."""

import os
import signal


def main() -> None:
    """Run the command line."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # Nothing is half-written: what is on disk is in whole transactions. Recording sets handlers of its own.
        signal.signal(number, lambda *_: os._exit(130))
    from devicelog.cli import run

    raise SystemExit(run())


if __name__ == "__main__":
    main()
