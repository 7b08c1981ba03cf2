"""The table as it is printed: markdown, a line a figure, with its limit and whether it holds."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure. `value` is what is compared with `limit`; without a limit it is there to be seen."""

    what: str
    ours: str
    peer: str = ""
    value: float | None = None
    limit: float | None = None
    form: str = "{:.2f}"  # how value and limit are written
    note: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether it holds; None where nothing is to be held or nothing was measured."""
        return None if self.limit is None or self.value is None else self.value <= self.limit

    def cells(self) -> tuple[str, ...]:
        """As in the table."""
        said = self.note or {True: "yes", False: "**NO**", None: ""}[self.holds]
        return self.what, self.ours, self.peer, self._number(self.value), self._limit(), said

    def _number(self, value: float | None) -> str:
        return "" if value is None else self.form.format(value)

    def _limit(self) -> str:
        return "" if self.limit is None else f"≤ {self._number(self.limit)}"


HEADS = ("figure", "ours", "peer", "value", "limit", "holds")


def markdown(lines: Iterable[Line]) -> str:
    """The whole table."""
    rows = [HEADS, tuple("---" for _ in HEADS), *(line.cells() for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
