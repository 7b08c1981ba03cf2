"""Days as packs print them, made YYYY-MM-DD. Pure: a year of two digits is of this century, whatever the clock says.

(GS1 reads it in a window around today. A sterile pack of before 2000 is not fitted today, and the same code must mean
the same day in ten years.)
"""

import re
from calendar import isleap, monthrange

from devicelog.errors import UsageProblem

Day = str  # YYYY-MM-DD

_TEXT = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})\Z", re.ASCII)


def day(year: int, month: int, day_of_month: int, *, said: str) -> Day:
    """That day; day 0 is the last one of the month. `said`: as it was printed. Raises UsageProblem."""
    if not (1 <= month <= 12 and 1 <= year <= 9999):
        raise UsageProblem(f"{said!r} is no date: there is no month {month}")
    last = monthrange(year, month)[1]
    if not 0 <= day_of_month <= last:
        raise UsageProblem(f"{said!r} is no date: month {month} of {year} has no day {day_of_month}")
    return f"{year:04}-{month:02}-{day_of_month or last:02}"


def day_of_year(year: int, number: int, *, said: str) -> Day:
    """The day with this number, from 1. Raises UsageProblem."""
    if not 1 <= number <= 365 + isleap(year):
        raise UsageProblem(f"{said!r} is no date: {year} has no day {number}")
    month = 1
    while number > (length := monthrange(year, month)[1]):
        number, month = number - length, month + 1
    return day(year, month, number, said=said)


def day_of_text(text: str) -> Day:
    """From YYYY-MM-DD. Raises UsageProblem."""
    found = _TEXT.match(text)
    if not found or found[3] == "00":
        raise UsageProblem(f"{text[:40]!a} is no date: YYYY-MM-DD, as in 2027-06-30")
    return day(int(found[1]), int(found[2]), int(found[3]), said=text)
