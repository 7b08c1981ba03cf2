"""How long ago the same zone was treated, in local days, and in which class that is.

The classes are derived, not a law: no pen protocol for skin that was found is shorter than 14 days, those for pigment
and scars are 2 to 4 weeks, those for ageing skin 30 days; shallow arrays and studies of the scalp go weekly. Source:
a reading of dpw_hp (B), exceed_manual (B), split_2515, ablon_2018 and ismail_2019 (A); grade DER.
"""

from dataclasses import dataclass

from devicelog.clinical.days import days_between

SOURCE = "derived from dpw_hp, exceed_manual, split_2515, ablon_2018, ismail_2019"
EVIDENCE = "DER"


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalClass:
    """From `first` to `last` days, both included; `last` None: and longer."""

    id: str
    first: int
    last: int | None
    words: str


CLASSES = (
    IntervalClass(id="under_14", first=0, last=13, words="shorter than any pen protocol for skin that was found"),
    IntervalClass(id="14_to_27", first=14, last=27, words="usual in a series for pigment or scars, short otherwise"),
    IntervalClass(id="28_to_42", first=28, last=42, words="typical"),
    IntervalClass(id="longer", first=43, last=None, words="longer than typical"),
)


def class_of(days: int) -> IntervalClass:
    """The class of so many days since the zone was last treated. Raises ValueError where there are less than none."""
    for each in reversed(CLASSES):
        if days >= each.first:
            return each
    raise ValueError(f"{days} days since an earlier treatment: it was not earlier")


def interval(earlier: str | None, day: str | None) -> int | None:
    """Days between two local days; None where one is not sure, or the earlier is not earlier: not to be assessed.

    Raises UsageProblem when one is no day.
    """
    if earlier is None or day is None:
        return None
    days = days_between(earlier, day)
    return days if days >= 0 else None
