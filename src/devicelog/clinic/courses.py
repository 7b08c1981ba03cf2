"""A course: several treatments of one client for one indication, folded from the entries about it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devicelog.canonical import Json
from devicelog.ledger.entries import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What the entries about a course say of it. `sessions`: how many are planned, None: not said."""

    id: str
    client_ref: str
    indication: str
    sessions: int | None
    interval_min_days: int | None
    interval_max_days: int | None
    opened_at: str
    opened_seq: int
    acknowledged: tuple[Json, ...]  # standing notices, each `notice` and `version`
    closed: str | None
    closed_seq: int | None


def courses_of(entries: Sequence[Entry]) -> dict[str, Course]:
    """Every course that these entries, in order, are about, by id, in the order in which they were opened."""
    found: dict[Any, dict[str, Any]] = {}
    for entry in entries:
        body, told = entry.body, entry.body.get("told", {})
        name = body.get("course")
        if entry.type == "course.opened":
            found[name] = {
                "id": name,
                "client_ref": body["client_ref"],
                **told,
                "opened_at": entry.values["at"],
                "opened_seq": entry.seq,
                "acknowledged": [],
                "closed": None,
                "closed_seq": None,
            }
        elif (course := found.get(name)) is not None and entry.type == "notice.acknowledged":
            course["acknowledged"].append({"notice": told["notice"], "version": told["version"]})
        elif course is not None and entry.type == "course.closed":
            course["closed"], course["closed_seq"] = told["how"], entry.seq
    return {name: Course(**{**course, "acknowledged": tuple(course["acknowledged"])}) for name, course in found.items()}


def open_courses(courses: Iterable[Course], client_ref: str) -> list[Course]:
    """Those of this client that are not over, oldest first."""
    return [course for course in courses if course.client_ref == client_ref and course.closed is None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Treated:
    """One treatment that was: a session, or one that was on paper. `day` is None where nobody is sure of it.

    `sitting`: its visit, or itself where it is of none; of several from paper of one day the first. `course`: the one
    that it was entered in. `zones`: where the pen needled, or may have.
    """

    id: str
    sitting: str
    visit: str | None = None
    course: str | None = None
    day: str | None
    indication: str | None
    zones: tuple[str, ...]
    seq: int


def of_course(treated: Iterable[Treated], course: Course) -> list[Treated]:
    """Those of a course: treated or entered in it; or of no visit and no course, for the same, while it was open."""
    until = course.closed_seq
    return [
        each
        for each in treated
        if each.course == course.id
        or (
            (each.course, each.visit, each.indication) == (None, None, course.indication)
            and course.opened_seq < each.seq
            and (until is None or each.seq < until)
        )
    ]


def sittings(treated: Iterable[Treated]) -> int:
    """How many sittings these treatments were: the sessions of one visit are one."""
    return len({each.sitting for each in treated})


def newest_by_zone(treated: Iterable[Treated], today: str | None) -> tuple[Mapping[str, str], bool]:
    """By zone the newest day on which it was treated, and whether there is a treatment whose day nobody is sure of.

    A day after `today` is no day of a treatment that was: nobody is sure of it. None: what day it is is not known.
    """
    newest: dict[str, str] = {}
    unsure = False
    for each in treated:
        if each.day is None or (today is not None and each.day > today):
            unsure = unsure or bool(each.zones)
            continue
        for zone in each.zones:
            newest[zone] = max(newest.get(zone, each.day), each.day)
    return newest, unsure
