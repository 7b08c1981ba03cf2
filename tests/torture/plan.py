"""What is going to happen in one cycle, from a seed: which processes, what is said to them, when they die. Pure."""

import random
import signal
from dataclasses import dataclass
from typing import Any, Literal

ZONES = ("forehead", "glabella", "cheek.left", "cheek.right", "chin", "nose")

Stage = Literal["startup", "session", "mark", "closing", "recovery"]
Since = Literal["spawn", "lock", "recording", "asked", "answered", "signal"]
Command = Literal["list", "verify", "replay"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Words said to the recorder, seconds after it said that it is recording."""

    at_s: float
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One process and how it dies: `after_s` seconds after what `since` names."""

    stage: Stage
    since: Since
    after_s: float
    actions: tuple[Action, ...] = ()
    ending: tuple[float, signal.Signals] | None = None  # a clean stop is asked for, then the kill
    command: Command = "list"  # the process of stage `recovery`, else what looks first afterwards
    checked: bool = True  # False: the next round's process finds what this one left


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """One data directory and its kills."""

    number: int
    rounds: tuple[Round, ...]
    long_path: bool  # too long for a socket beside the database


def plan_cycle(seed: int, number: int) -> Cycle:
    """The same seed and number, the same cycle."""
    rng = random.Random(f"{seed}/{number}")
    rounds: list[Round] = []
    n = rng.choices((1, 2, 3, 4), (40, 25, 20, 15))[0]
    while len(rounds) < n:
        left_open = bool(rounds) and not rounds[-1].checked
        checked = len(rounds) == n - 1 or rng.random() < 0.3
        rounds.append(_recovery(rng, checked) if left_open and rng.random() < 0.6 else _recording(rng, checked))
    return Cycle(number=number, rounds=tuple(rounds), long_path=rng.random() < 0.1)


def _recovery(rng: random.Random, checked: bool) -> Round:
    by_lock = rng.random() < 0.7
    return Round(
        stage="recovery",
        since="lock" if by_lock else "spawn",
        after_s=rng.uniform(0, 0.03) if by_lock else rng.uniform(0.1, 0.5),
        command=_command(rng),
        checked=checked,
    )


def _recording(rng: random.Random, checked: bool) -> Round:
    stage: Stage = rng.choices(("startup", "session", "mark", "closing"), (20, 40, 22, 18))[0]
    common: dict[str, Any] = {"stage": stage, "command": _command(rng), "checked": checked}
    if stage == "startup":
        by_lock = rng.random() < 0.7
        after_s = rng.uniform(0, 0.09) if by_lock else rng.uniform(0, 0.6)
        return Round(since="lock" if by_lock else "spawn", after_s=after_s, **common)
    if stage == "closing":
        at_s = rng.uniform(0, 1.5)
        number = rng.choice((signal.SIGTERM, signal.SIGINT))
        return Round(
            since="signal",
            after_s=rng.uniform(0, 0.15),
            actions=_actions(rng, at_s),
            ending=(at_s, number),
            **common,
        )
    kill_s = rng.uniform(0, 3)
    if stage == "session":
        return Round(since="recording", after_s=kill_s, actions=_actions(rng, kill_s), **common)
    actions = _actions(rng, kill_s)
    last = Action(at_s=kill_s, words=rng.choice((("zone", rng.choice(ZONES)), ("note", _text(rng)))))
    on_answer = rng.random() < 0.4
    return Round(
        since="answered" if on_answer else "asked",
        after_s=0.0 if on_answer else rng.uniform(0, 0.01),
        actions=(*actions, last),
        **common,
    )


def _actions(rng: random.Random, until_s: float) -> tuple[Action, ...]:
    paused, actions = False, []
    for at_s in sorted(rng.uniform(0, until_s) for _ in range(rng.choice((0, 0, 1, 2, 7)))):
        kind = rng.choice(("zone", "note", "resume") if paused else ("zone", "note", "pass", "pause"))
        if rng.random() < 0.05:
            kind = rng.choice(("pass", "pause", "resume"))  # perhaps not possible now: then it must leave no trace
        if kind == "pause":
            paused = True
        elif kind == "resume":
            paused = False
        more = {"zone": (rng.choice(ZONES),), "note": (_text(rng),)}.get(kind, ())
        actions.append(Action(at_s=at_s, words=(kind, *more)))
    return tuple(actions)


def _text(rng: random.Random) -> str:
    words = ("".join(rng.choices("abcdefghij äöüß 0123 €", k=rng.randint(1, 12))) for _ in range(rng.randint(1, 40)))
    return " ".join(" ".join(words).split()) or "-"


def _command(rng: random.Random) -> Command:
    chosen: Command = rng.choice(("list", "verify", "replay"))
    return chosen
