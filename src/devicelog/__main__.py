"""The process's first lines: from here on a Ctrl-C or a SIGTERM ends it quietly, whatever is being imported."""

import contextlib
import os
import signal
import sys

_INTERRUPTED = 130


def main() -> None:
    """Run the command line."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # Nothing is half-written: what is on disk is in whole transactions. Recording sets handlers of its own.
        signal.signal(number, lambda *_: os._exit(_INTERRUPTED))
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us: no file of ours may get its number
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), "r" if name == "stdin" else "w"))
    from devicelog.cli import run

    code = run()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # what was to be done is done, and its result stands
    if code == _INTERRUPTED:  # Python would end itself by the signal where a library let the interrupt pass through it
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        os._exit(code)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
