"""Local calendar days as text, `YYYY-MM-DD`, and what can be counted between them: days, and years of age.

Written out, because what is pure has no clock and `datetime` is where one is got. The Gregorian calendar as it stands.
"""

import re

from devicelog.errors import UsageProblem

FIRST_BIRTH_YEAR = 1900  # nobody who is treated was born before; a year typed with a slip often is

_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})\Z", re.ASCII)
_MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def check_day(text: str, what: str = "the day") -> str:
    """The day as it was given. Raises UsageProblem when it is none; `what` it is called."""
    _parts(text, what)
    return text


def day_number(text: str) -> int:
    """Days since a day before all others, one more each day. Raises UsageProblem."""
    year, month, day = _parts(text, "the day")
    before = year - 1
    leap_days = before // 4 - before // 100 + before // 400
    return before * 365 + leap_days + sum(_days_in(year, each) for each in range(1, month)) + day


def days_between(earlier: str, later: str) -> int:
    """How many days from one to the other; negative where `later` is not. Raises UsageProblem."""
    return day_number(later) - day_number(earlier)


def age_on(born: str, day: str) -> int:
    """Full years on that day; who was born on the 29th of February has the birthday on the 1st of March in years
    without one. Negative before the birth. Raises UsageProblem."""
    birth, now = _parts(born, "the birth date"), _parts(day, "the day")
    return now[0] - birth[0] - (now[1:] < birth[1:])


def check_born(text: str, today: str) -> str:
    """The birth date as it was given. Raises UsageProblem when it is no day, is to come, or is before 1900."""
    born = check_day(text, "the birth date")
    if days_between(born, today) < 0:
        raise UsageProblem(f"the birth date {text} is in the future: today is {today}")
    if int(born[:4]) < FIRST_BIRTH_YEAR:
        raise UsageProblem(f"the birth date {text} is before {FIRST_BIRTH_YEAR}")
    return born


def _parts(text: str, what: str) -> tuple[int, int, int]:
    found = _DAY.match(text)
    if found is None:
        raise UsageProblem(f"{what} {text[:40]!a} is not written as YYYY-MM-DD")
    year, month, day = (int(part) for part in found.groups())
    if not (year >= 1 and 1 <= month <= 12 and 1 <= day <= _days_in(year, month)):
        raise UsageProblem(f"{what} {text} is no day of the calendar")
    return year, month, day


def _days_in(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if month == 2 and leap else _MONTHS[month - 1]
