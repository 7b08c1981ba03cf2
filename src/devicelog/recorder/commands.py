"""What a person can say to a running recorder: a mark (from words, a marks file or the socket), or give the port up.

Whether the session takes it now is decided by the recorder (sessions.check_mark).
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import get_args

from devicelog.canonical import Json
from devicelog.clinical.keys import DEPTH_LIMIT_UM, suggest
from devicelog.clinical.plan import PASSES_LIMIT
from devicelog.errors import UsageProblem
from devicelog.records import Grade, MarkKind
from devicelog.rules.table import RULES
from devicelog.sessions import check_cartridge, check_note, check_practitioner, check_reason

KINDS: tuple[MarkKind, ...] = get_args(MarkKind)
GRADES: tuple[Grade, ...] = get_args(Grade)
RULE_IDS = tuple(dict.fromkeys(rule.id for rule in RULES))
OVERRIDABLE = tuple(rule.id for rule in RULES if rule.overridable)
_LINE = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s+(.+)")
_MM = r"([0-9]{1,2}(?:[.,][0-9]{1,3})?)"  # a comma as many write it: nothing else can be meant by it here
_PLANNED = re.compile(rf"{_MM}\s*-\s*{_MM}(?:\s+passes\s+([0-9]{{1,2}})\s*-\s*([0-9]{{1,2}}))?")

_ACTS_OF_OWN = {
    "client.checks": "; to her answers and the clearance before: `devicelog screening override`",
    "label.pigment": "; a standing notice is acknowledged in its course: `devicelog courses acknowledge`",
}

RELEASE_MOST_US = 86_400_000_000

Reply = Callable[[Json], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkCommand:
    """A mark that somebody wants to make; which field goes with which kind stands in records.MARK_FIELDS.

    `text` is that of a note or the reason of an override. `fitted`: what the desk knows of a cartridge, by the names of
    a mark; empty where nobody fitted it, None where it was not looked up. An end-point and an override of a rule that
    judges zones are of the zone of the moment in which the mark is made.
    """

    kind: MarkKind
    zone: str | None = None
    text: str | None = None
    grade: Grade | None = None
    rule: str | None = None
    cartridge: str | None = None
    practitioner: str | None = None
    depth_min_um: int | None = None
    depth_max_um: int | None = None
    passes_min: int | None = None
    passes_max: int | None = None
    fitted: Json | None = None

    def words(self) -> str:
        """As it was said; the text of a note and a reason stay out."""
        said = [self.kind, *(word for word in (self.zone, self.grade, self.rule, self.cartridge) if word)]
        if self.fitted == {}:
            said.append("(not known here: nobody fitted it)")
        if self.practitioner is not None:
            said.append(self.practitioner)
        if self.depth_min_um is not None and self.depth_max_um is not None:
            said.append(f"{self.depth_min_um / 1000:g}-{self.depth_max_um / 1000:g} mm")
        if self.passes_min is not None or self.passes_max is not None:
            said.append(f"passes {self.passes_min}-{self.passes_max}")
        return " ".join(said)


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
    """The words of a mark, `zone ID` or `override RULE REASON`, as `_READERS` reads them.

    Raises UsageProblem, with a suggestion.
    """
    kind, rest = (words[0], list(words[1:])) if words else ("", [])
    if kind not in KINDS:
        raise UsageProblem(f"{kind!r} is no mark; there are: {', '.join(KINDS)}.{suggest(kind, KINDS)}")
    read = _READERS.get(kind)
    if read is not None:
        return read(rest, zones)
    if rest:
        raise UsageProblem(f"a {kind} mark takes nothing more, and got {' '.join(rest)!r}")
    return MarkCommand(kind=kind)


def _note(rest: Sequence[str], _zones: Collection[str]) -> MarkCommand:
    return MarkCommand(kind="note", text=check_note(" ".join(rest)))


def _zone(rest: Sequence[str], zones: Collection[str]) -> MarkCommand:
    return MarkCommand(kind="zone", zone=_known_zone(_one(rest, "a zone mark names one zone: zone ID"), zones))


def _endpoint(rest: Sequence[str], _zones: Collection[str]) -> MarkCommand:
    said = _one(rest, f"an endpoint mark says what the skin shows: endpoint {'|'.join(GRADES)}")
    if said not in GRADES:
        raise UsageProblem(f"{said!r} is no end-point; there are: {', '.join(GRADES)}.{suggest(said, GRADES)}")
    return MarkCommand(kind="endpoint", grade=said)


def _override(rest: Sequence[str], _zones: Collection[str]) -> MarkCommand:
    if not rest:
        raise UsageProblem("an override names a rule and a reason: override RULE REASON")
    rule = check_override(rest[0])
    if len(rest) == 1:
        raise UsageProblem(f"an override needs a reason: override {rule} REASON")
    return MarkCommand(kind="override", rule=rule, text=check_reason(" ".join(rest[1:])))


def check_override(rule: str) -> str:
    """The id of a rule that an override makes a notice of. Raises UsageProblem where there is none, or it is not."""
    if rule not in RULE_IDS:
        raise UsageProblem(f"there is no rule {rule!r}; `devicelog rules list` shows them.{suggest(rule, RULE_IDS)}")
    if rule not in OVERRIDABLE:
        raise UsageProblem(
            f"{rule} is found whatever anybody allows: what can be overridden is {', '.join(OVERRIDABLE)}. A word to "
            f"another finding is given afterwards: `devicelog sessions explain`{_ACTS_OF_OWN.get(rule, '')}"
        )
    return rule


def _cartridge(rest: Sequence[str], _zones: Collection[str]) -> MarkCommand:
    said = _one(rest, "a cartridge mark names the cartridge that is on now: cartridge x-...")
    return MarkCommand(kind="cartridge", cartridge=check_cartridge(said))


def _operator(rest: Sequence[str], _zones: Collection[str]) -> MarkCommand:
    said = _one(rest, "an operator mark names who goes on: operator ID")
    return MarkCommand(kind="operator", practitioner=check_practitioner(said))


def _plan(rest: Sequence[str], zones: Collection[str]) -> MarkCommand:
    usage = "a plan mark names a zone and its depths in mm: plan ZONE 0.30-0.40, perhaps with `passes 2-4`"
    found = _PLANNED.fullmatch(" ".join(rest[1:])) if rest else None
    if found is None:
        raise UsageProblem(usage)
    zone = _known_zone(rest[0], zones)
    low_um, high_um = (int(Decimal(depth.replace(",", ".")) * 1000) for depth in found.group(1, 2))
    if not low_um <= high_um <= DEPTH_LIMIT_UM:
        most_mm = f"{DEPTH_LIMIT_UM / 1000:g}"
        raise UsageProblem(f"{found[1]}-{found[2]} mm: the smaller depth stands first, and none is over {most_mm}")
    least, most = (None if passes is None else int(passes) for passes in found.group(3, 4))
    if least is not None and most is not None and not least <= most <= PASSES_LIMIT:
        raise UsageProblem(f"passes {least}-{most}: the smaller number stands first, and none is over {PASSES_LIMIT}")
    return MarkCommand(
        kind="plan", zone=zone, depth_min_um=low_um, depth_max_um=high_um, passes_min=least, passes_max=most
    )


def _one(rest: Sequence[str], usage: str) -> str:
    if len(rest) != 1:
        raise UsageProblem(usage)
    return rest[0]


def _known_zone(zone: str, zones: Collection[str]) -> str:
    if zone not in zones:
        raise UsageProblem(f"there is no zone {zone!r}; `devicelog zones list` shows them.{suggest(zone, zones)}")
    return zone


_READERS: dict[str, Callable[[Sequence[str], Collection[str]], MarkCommand]] = {
    "note": _note,
    "zone": _zone,
    "endpoint": _endpoint,
    "override": _override,
    "cartridge": _cartridge,
    "operator": _operator,
    "plan": _plan,
}


def warned_words(reply: Json) -> str:
    """What stands against a mark that was made, to be said after it; empty where nothing does."""
    return "".join(f"; {told}" for told in reply.get("warnings", ()))


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
