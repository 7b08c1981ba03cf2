"""Phrases of an inspection's page: where an entry stands, how long it was, how many. Pure."""

from devicelog.canonical import Json
from devicelog.words.units import seconds


def place(stamp: Json | None) -> str:
    """Of a stamp of the document: when, which entry, how far its clock can be believed."""
    return "none" if stamp is None else f"{stamp['at']} (entry {stamp['seq']}, clock: {stamp['clock']})"


def several(n: int, one: str, more: str = "") -> str:
    """So many of them, in words."""
    return f"{n} {one}" if n == 1 else f"{n} {more or one + 's'}"


def minute(at: str) -> str:
    """An `at` without seconds."""
    return at[:16].replace("T", " ")


def ago(us: int) -> str:
    """A time in microseconds, in the unit that says something."""
    return seconds(us) if us < 120_000_000 else long(us // 1_000_000)


def long(total_s: int) -> str:
    """Days, hours and minutes: `2 d 3 h 05 min`."""
    sign, total_s = ("minus " if total_s < 0 else ""), abs(total_s)
    days, rest = divmod(total_s, 86_400)
    hours, minutes = rest // 3600, rest % 3600 // 60
    parts = [f"{days} d"] * bool(days) + [f"{hours} h"] * bool(days or hours) + [f"{minutes:02} min"]
    return sign + " ".join(parts)
