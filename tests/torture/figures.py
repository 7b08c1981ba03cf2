"""The figures: how the loss window is judged, what is counted, how it is printed, and whether it is enough. Pure."""

import statistics
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.torture.plan import Stage

LOSS_US = 1_000_000  # the promise
POLL_US = 40_000  # a byte may lie this long in the kernel before it is read and stamped
FRAME_US = 20_000  # and a sample this long in the pen: two of them a frame at 100 Hz
BOUND_US = LOSS_US + FRAME_US  # the wait in the kernel is inside the promise
NOMINAL_US = 640_000 + POLL_US + FRAME_US  # what an undisturbed recorder needs: one flush period
EXCUSED_MOST = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """How old the newest sample on disk was at the kill, and how long this process itself was kept waiting then."""

    stage: Stage
    by_stamp_us: int
    by_pen_us: int
    lag_us: int

    @property
    def verdict(self) -> Literal["kept", "late machine", "lost"]:
        """Too much was lost only where the machine's own lag does not explain all of it."""
        worst_us = max(self.by_stamp_us, self.by_pen_us)
        if worst_us <= BOUND_US:
            return "kept"
        return "late machine" if worst_us <= NOMINAL_US + self.lag_us else "lost"


@dataclass(slots=True)
class Tally:
    """The figures of one cycle, or of all."""

    kills: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)  # by themselves, before the kill
    acked: int = 0
    found: int = 0
    unanswered: int = 0
    streams: Counter[str] = field(default_factory=Counter)  # how they ended
    losses: list[Loss] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def count_streams(self, rows: Sequence[Mapping[str, Any]], told: Collection[str]) -> None:
        """How the streams of one database ended; in place of what was counted of it before."""
        self.streams = Counter(f"{row['kind']}s {row['status']}" for row in rows)
        unsaid = sum(row["status"] == "interrupted" and row["id"] not in told for row in rows)
        self.streams["of them closed by a process that was killed before it could say so"] = unsaid

    def add(self, other: "Tally") -> None:
        """Add another's figures to these."""
        self.kills += other.kills
        self.ended += other.ended
        self.acked += other.acked
        self.found += other.found
        self.unanswered += other.unanswered
        self.streams += other.streams
        self.losses += other.losses
        self.faults += other.faults


def figures(tally: Tally) -> str:
    """One line: marks, loss window, failures."""
    return (
        f"marks {tally.acked} acknowledged, {tally.found} found  "
        f"loss {_distribution([loss.by_stamp_us for loss in tally.losses])}  failures {len(tally.faults)}"
    )


def summary(tally: Tally) -> str:
    """All figures, in several lines."""
    late = [loss for loss in tally.losses if loss.verdict == "late machine"]
    stages = [
        f"    of these at stage {stage:<8} " + _distribution([x.by_pen_us for x in tally.losses if x.stage == stage])
        for stage in sorted({loss.stage for loss in tally.losses})
    ]
    by_stage = ", ".join(f"{stage} {n}" for stage, n in sorted(tally.kills.items()))
    lines = [
        f"kills: {tally.kills.total()} ({by_stage}); {tally.ended.total()} processes had ended before theirs",
        f"marks: {tally.acked} acknowledged, {tally.found} found; {tally.unanswered} asked and killed before an answer",
        f"streams: {', '.join(f'{n} {how}' for how, n in sorted(tally.streams.items(), reverse=True))}",
        f"loss window at the kill, at most {BOUND_US / 1000:.0f} ms "
        f"(1 s with the wait of {POLL_US // 1000} ms in the kernel, and a frame of {FRAME_US // 1000} ms)",
        f"  by the stamp of the newest record on disk: {_distribution([loss.by_stamp_us for loss in tally.losses])}",
        f"  by the pen's clock in the newest sample:   {_distribution([loss.by_pen_us for loss in tally.losses])}",
        *stages,
        f"  the machine's own lag at the kill:         {_distribution([loss.lag_us for loss in tally.losses])}",
        f"  too long, all of it explained by that lag: {len(late)}" + "".join(f"\n    {loss}" for loss in late),
        f"failures: {len(tally.faults)}",
        *tally.faults,
    ]
    return "\n".join(lines)


def passed(tally: Tally) -> bool:
    """No failure, no mark lost, and the machine not too busy to tell."""
    late = sum(loss.verdict == "late machine" for loss in tally.losses)
    return not tally.faults and tally.found == tally.acked and late <= max(1, EXCUSED_MOST * len(tally.losses))


def _distribution(values_us: Sequence[int]) -> str:
    if not values_us:
        return "not measured"
    ordered = sorted(values_us)
    at_p99 = -(-len(ordered) * 99 // 100) - 1
    median, p99, most = (value / 1000 for value in (statistics.median(ordered), ordered[at_p99], ordered[-1]))
    return f"{len(ordered):4}: median {median:.0f} p99 {p99:.0f} max {most:.0f} ms"
