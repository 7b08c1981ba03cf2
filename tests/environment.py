"""The environment in which tests run the command line: nothing of the caller's settings, and any directory will do.

A test's directory may well be in memory; that a recorder refuses one has tests of its own.
"""

import os

from devicelog.store.database import ACCEPT


def environment(**more: str) -> dict[str, str]:
    """What a command of a test is started with."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("DEVICELOG_")}
    return {**own, ACCEPT: "1", **more}
