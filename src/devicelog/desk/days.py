"""Which day it is here: the local day of a stamp, where the clock was sure of it."""

from datetime import datetime

from devicelog.canonical import Json

SURE = ("synced", "rtc")  # the confidences of a wall clock by which a day is told


def local_day(stamp: Json) -> str | None:
    """`2026-11-23` in this computer's time zone, of `at` and `clock`; None where the clock was not sure."""
    return day_of(stamp["at"]) if stamp["clock"] in SURE else None


def holds_on(day: str | None, said: str | None, opened: str | None) -> bool:
    """Whether what was said on the day `said`, of a visit that was opened on `opened`, holds for what is recorded on
    `day`: on that day alone, and on the day of the opening. Where nobody knows what day it is, it holds."""
    return day is None or day in (said, opened)


def day_of(at: str) -> str:
    """The local day of a moment, whether the clock was sure or not."""
    return datetime.fromisoformat(at).astimezone().date().isoformat()
