"""What a person can say to a running recorder: a mark (from words, a marks file or the socket), or give the port up.

Whether the session takes it now is decided by the recorder (sessions.check_mark).
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from devicelog.canonical import Json
from devicelog.clinical.plan import suggest
from devicelog.errors import UsageProblem
from devicelog.records import MarkKind
from devicelog.sessions import check_note

KINDS: tuple[MarkKind, ...] = get_args(MarkKind)
_LINE = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s+(.+)")

RELEASE_MOST_US = 86_400_000_000

Reply = Callable[[Json], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkCommand:
    """A mark that somebody wants to make. `zone` goes with kind `zone`, `text` with `note`."""

    kind: MarkKind
    zone: str | None = None
    text: str | None = None

    def words(self) -> str:
        """As it was said; the text of a note stays out."""
        return f"{self.kind} {self.zone}" if self.zone else self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class PortCommand:
    """Give the pen's port to another program for so long; None: take it back."""

    for_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedMark:
    """A mark of a marks file or a scenario: `t_us` after the session's beginning."""

    t_us: int
    command: MarkCommand


def parse_release(request: Json) -> PortCommand:
    """A request to release the port. Raises UsageProblem."""
    for_us = request.get("for_us")
    if type(for_us) is not int or not 0 < for_us <= RELEASE_MOST_US:
        raise UsageProblem(f"a port is released for 1 to {RELEASE_MOST_US} microseconds, not {for_us!r}")
    return PortCommand(for_us=for_us)


def parse_mark(words: Sequence[str], zones: Collection[str]) -> MarkCommand:
    """`zone ID`, `pass`, `pause`, `resume` or `note TEXT`. Raises UsageProblem, with a suggestion."""
    kind, rest = (words[0], list(words[1:])) if words else ("", [])
    if kind not in KINDS:
        raise UsageProblem(f"{kind!r} is no mark; there are: {', '.join(KINDS)}.{suggest(kind, KINDS)}")
    if kind == "note":
        return MarkCommand(kind="note", text=check_note(" ".join(rest)))
    if kind == "zone":
        if len(rest) != 1:
            raise UsageProblem("a zone mark names one zone: zone ID")
        if rest[0] not in zones:
            raise UsageProblem(
                f"there is no zone {rest[0]!r}; `devicelog zones list` shows them.{suggest(rest[0], zones)}"
            )
        return MarkCommand(kind="zone", zone=rest[0])
    if rest:
        raise UsageProblem(f"a {kind} mark takes nothing more, and got {' '.join(rest)!r}")
    return MarkCommand(kind=cast(MarkKind, kind))


def read_marks(path: Path, zones: Collection[str]) -> tuple[TimedMark, ...]:
    """A marks file: a line is seconds since the session began, then a mark; `#` begins a comment. In order of time.

    Raises UsageProblem, naming the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageProblem(f"the marks file {path} cannot be read: {error}") from error
    marks: list[TimedMark] = []
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        found = _LINE.fullmatch(text)
        if found is None:
            raise UsageProblem(f"{path}, line {number}: {text!r} is not: seconds, then a mark (`3.5 zone forehead`)")
        whole, _, fraction = found[1].partition(".")
        t_us = int(whole) * 1_000_000 + int(fraction.ljust(6, "0") or 0)
        try:
            marks.append(TimedMark(t_us=t_us, command=parse_mark(found[2].split(), zones)))
        except UsageProblem as error:
            raise UsageProblem(f"{path}, line {number}: {error}") from error
    return tuple(sorted(marks, key=lambda mark: mark.t_us))
