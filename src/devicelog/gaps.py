"""Where the pen's samples are not known: each gap with its length, its cause, and whether the pen was on the skin.

Pure. Measured by the pen's own clock where that can be trusted, else by its sample numbers, else by the host's clock.
Not responsible for counting samples (account.py) nor for judging a gap (validate.py).
"""

from dataclasses import dataclass
from typing import NamedTuple

from devicelog.canonical import Json
from devicelog.runs import GAP_LISTED_US
from firmware_bridge.readings import Heartbeat, Identity, PenEvent, SampleBlock

Message = SampleBlock | Heartbeat | PenEvent | Identity

LAST_US = 500_000  # a pen whose motor runs sends more often: unheard for longer at the end, it was lost
TOUCH_FITS_US = 250_000  # between two lifted ends that are nearer, no touch was lost that a rule would judge
_WRAP = 2**32  # of the pen's clock, and of its sample numbers
_CAUSES = ("released", "link", "overflow", "damage", "silence")  # the first that applies


class _Heard(NamedTuple):
    """Up to where the pen's samples are known: its clock then, the host's, and the sample period."""

    pen_us: int
    host_us: int
    period_us: int


@dataclass(slots=True)
class _Lost:
    """Sample numbers that were lost in a gap, and how many of them did not come late."""

    n: int
    before_seq: int  # the first number after them
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gap:
    from_us: int  # host stamps
    to_us: int
    for_us: int
    lost: _Lost | None  # None where nobody knows
    cause: str
    contact: str
    zone: str

    @property
    def missing(self) -> int | None:
        """How many samples it lacks."""
        return self.lost.missing if self.lost else None


class Gaps:
    """The gaps of one stream, found message by message."""

    def __init__(self, silence_limit_us: int, *, numbered: bool = True) -> None:
        """`numbered`: whether the pen numbers its samples; where not, how many a gap cost is not known."""
        self._numbered = numbered
        self.motor_on = False
        self.link_up = True
        self._silence_limit_us = silence_limit_us
        self._heard: _Heard | None = None
        self._causes: set[str] = set()  # what went wrong since the pen was last heard
        self._listed: list[_Gap] = []
        self._lost: list[_Lost] = []  # in those of them that a late frame may fill
        self._short = {"n": 0, "missing": 0, "for_us": 0}

    @property
    def listed(self) -> int:
        """How many gaps are listed so far."""
        return len(self._listed)

    def blame(self, cause: str) -> None:
        """Something happened that may cost samples: `released`, `link`, `overflow`, `damage`."""
        self._causes.add(cause)

    def before(
        self, t_us: int, message: Message, *, lost: bool, missing: int | None, contact: bool | None, zone: str
    ) -> int:
        """Note the gap before a message that arrived at host time `t_us`, if there is one, and return its length.

        `lost`: sample numbers do not follow; `missing` of them, None after a restart. `contact` and `zone` are those
        of the newest sample.
        """
        heard = self._heard
        if heard is None:
            return 0  # nothing was heard before: there is no beginning to measure from
        silent = t_us - heard.host_us > self._silence_limit_us
        if silent:
            self._causes.add("silence")
        # With its motor on the pen did not send samples, or did not take them: no number is missing, but time is.
        if not lost and not (self.motor_on and (silent or self._untaken(heard, message))):
            return 0
        for_us = self._length_us(t_us, heard, message, missing)
        resting = not missing and not self.motor_on and not message.motor_on
        lifted = for_us <= TOUCH_FITS_US or resting
        self._note(
            _Gap(
                from_us=heard.host_us,
                to_us=t_us,
                for_us=for_us,
                lost=None if missing is None else _Lost(missing, message.seq, missing),
                cause=self._cause("restart" if missing is None else "lost"),
                contact=_contact(contact, _contact_after(message, contact), lifted=lifted),
                zone=zone,
            )
        )
        if missing is None:
            self._lost.clear()  # sample numbers began anew
        return for_us

    @staticmethod
    def _untaken(heard: _Heard, message: Message) -> bool:
        """Whether samples in a row lie further apart than they can, by the pen's own clock."""
        if not isinstance(message, SampleBlock):
            return False
        return GAP_LISTED_US <= (message.t_us - heard.pen_us) % _WRAP < _WRAP // 2

    def fill(self, block: SampleBlock) -> None:
        """Samples that were missing came late: the gap they were lost in lacks them no longer."""
        for lost in self._lost:
            if 0 < (lost.before_seq - block.seq) % _WRAP <= lost.n:
                lost.missing -= block.n
                return
        self._short["missing"] -= block.n

    def hear(self, t_us: int, message: Message) -> None:
        """From here on the pen's samples are known again."""
        block = message if isinstance(message, SampleBlock) else None
        period_us = block.period_us if block else self._heard.period_us if self._heard else 0
        self._heard = _Heard(ends_us(message), t_us, period_us)
        self._causes.clear()
        self.motor_on = message.motor_on

    def go_on(self, t_us: int, pen_us: int, period_us: int, n: int) -> None:
        """Frames that only went on: the newest came at host time `t_us`, with `n` samples from the pen's `pen_us`."""
        self._heard = _Heard((pen_us + n * period_us) % _WRAP, t_us, period_us)

    def silent_us(self, now_us: int) -> int:
        """For how long a pen with its motor on has not been heard, when that is too long; else 0."""
        if self._heard is None or not self.motor_on:
            return 0
        silent_us = now_us - self._heard.host_us
        return silent_us if silent_us > self._silence_limit_us or not self.link_up else 0

    def finish(self, last_us: int, *, contact: bool | None, zone: str) -> None:
        """The stream has ended: a pen that was lost or fell silent with its motor on leaves a gap to the end."""
        heard = self._heard
        if heard is None or not self.motor_on:
            return
        silent_us = last_us - heard.host_us
        lost = bool(self._causes) and silent_us >= GAP_LISTED_US
        if lost or not self.link_up or silent_us > LAST_US:
            self._note(
                _Gap(
                    from_us=heard.host_us,
                    to_us=last_us,
                    for_us=silent_us,
                    lost=None,
                    cause=self._cause("silence"),
                    contact=_contact(contact, None, lifted=False),
                    zone=zone,
                )
            )

    def documents(self, first_us: int) -> tuple[list[Json], Json]:
        """The listed gaps, their times since `first_us`, and the sum of the short ones."""
        listed = [
            {
                "from_us": gap.from_us - first_us,
                "to_us": gap.to_us - first_us,
                "for_us": gap.for_us,
                "missing": gap.missing if self._numbered else None,
                "cause": gap.cause,
                "contact": gap.contact,
                "zone": gap.zone,
            }
            for gap in self._listed
        ]
        return listed, {**self._short} if self._numbered else {**self._short, "missing": None}

    def _length_us(self, t_us: int, heard: _Heard, message: Message, missing: int | None) -> int:
        host_us = t_us - heard.host_us
        if missing is None or host_us >= _WRAP // 2:
            return host_us
        by_pen_us = (message.t_us - heard.pen_us) % _WRAP
        by_number_us = missing * (heard.period_us or getattr(message, "period_us", 0))
        # a pen clock that ran backwards says nothing, and while the motor rested there was nothing to lose
        rested = not (self.motor_on and message.motor_on)
        by_number = by_pen_us >= _WRAP // 2 or (rested and 0 < by_number_us < by_pen_us)
        return by_number_us if by_number else by_pen_us

    def _cause(self, otherwise: str) -> str:
        return next((cause for cause in _CAUSES if cause in self._causes), otherwise)

    def _note(self, gap: _Gap) -> None:
        if gap.for_us >= GAP_LISTED_US:
            self._listed.append(gap)
            if gap.lost:
                self._lost.append(gap.lost)
            return
        self._short["n"] += 1
        self._short["missing"] += gap.missing or 0
        self._short["for_us"] += gap.for_us


def ends_us(message: Message) -> int:
    """The pen's clock when it sent a message: a frame when its last sample had ended."""
    own_us = message.n * message.period_us if isinstance(message, SampleBlock) else 0
    return (message.t_us + own_us) % _WRAP


def _contact_after(message: Message, before: bool | None) -> bool | None:
    """Contact at the far end of a gap, as far as the message that ends it tells."""
    if isinstance(message, SampleBlock):
        return None if message.contact_bits is None else bool(message.contact_bits & 1)
    return False if not message.motor_on and before is not None else None


def _contact(before: bool | None, after: bool | None, *, lifted: bool) -> str:
    """Contact at one end is contact. For none it takes both ends, and that nobody can have come down between."""
    ends = (before, after)
    return "yes" if True in ends else "no" if None not in ends and lifted else "unknown"
