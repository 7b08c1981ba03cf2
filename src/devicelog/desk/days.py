"""Which day it is here: the local day of a stamp, where the clock was sure of it."""

from datetime import datetime

from devicelog.canonical import Json

SURE = ("synced", "rtc")  # the confidences of a wall clock by which a day is told


def local_day(stamp: Json) -> str | None:
    """`2026-11-23` in this computer's time zone, of `at` and `clock`; None where the clock was not sure."""
    return day_of(stamp["at"]) if stamp["clock"] in SURE else None


def day_of(at: str) -> str:
    """The local day of a moment, whether the clock was sure or not."""
    return datetime.fromisoformat(at).astimezone().date().isoformat()
