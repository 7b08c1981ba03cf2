"""Fuzzing, every target for its share of the time: `python -m tests.fuzz --seconds 600`.

Hypothesis and atheris run beside each other; without atheris, hypothesis alone, and that is said. Exit code 1: an input
escaped; its target and its bytes are printed, and the command that runs it again.
"""

import argparse
import sys
import time
import traceback

from tests.fuzz.engines import HAS_ATHERIS, Found, Guided, by_hypothesis
from tests.fuzz.targets import TARGETS

_LEAST_S = 0.5  # for a target, when those before it took longer than their share


def fuzz(names: list[str], *, seconds: float, seed: int) -> int:
    """Fuzz these targets for this long altogether; how many of them something escaped."""
    until, n_escaped = time.monotonic() + seconds, 0
    for number, name in enumerate(names):
        target = TARGETS[name]
        shares = sum(TARGETS[later].share for later in names[number:])
        each_s = max(_LEAST_S, (until - time.monotonic()) * target.share / shares)
        guided = Guided(name, target, seed=seed, for_s=each_s) if HAS_ATHERIS else None
        try:
            found = {"hypothesis": by_hypothesis(target, seed=seed, for_s=each_s)}
            if guided is not None:
                found["atheris"] = guided.result()
        finally:
            if guided is not None:
                guided.stop()
        tried = ", ".join(f"{engine} {one.tried}" for engine, one in found.items())
        escaped = {engine: one for engine, one in found.items() if one.data is not None}
        print(f"{name:10} {'ESCAPED' if escaped else 'ok':8} inputs tried: {tried}", flush=True)
        for engine, one in escaped.items():
            _tell(name, engine, one)
        n_escaped += bool(escaped)
    return n_escaped


def _tell(name: str, engine: str, found: Found) -> None:
    hex_ = (found.data or b"").hex()
    print(f"{found.told}\ntarget {name}, found by {engine}, input in hex:\n{hex_ or '-'}")
    print(f"run it again: .venv/bin/python -m tests.fuzz --replay {name} {hex_ or '-'}\n", flush=True)


def replay(name: str, hex_: str) -> int:
    """Run one input through its target."""
    try:
        TARGETS[name].run(b"" if hex_ == "-" else bytes.fromhex(hex_))
    except Exception:  # noqa: BLE001 # whatever it raises is what was asked for
        traceback.print_exc()
        return 1
    print(f"{name}: nothing escaped")
    return 0


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="for all targets together")
    parser.add_argument("--seed", type=int, default=1, help="of both engines")
    parser.add_argument("--target", choices=TARGETS, action="append", help="only this one; again for more")
    parser.add_argument("--replay", nargs=2, metavar=("TARGET", "HEX"), help="run one input")
    options = parser.parse_args(arguments)
    if options.replay:
        return replay(*options.replay)
    names = options.target or list(TARGETS)
    print(f"{len(names)} targets, {options.seconds:g} s, seed {options.seed}", flush=True)
    if not HAS_ATHERIS:
        print("atheris is not installed for this Python: hypothesis alone, without looking at coverage", flush=True)
    return 1 if fuzz(names, seconds=options.seconds, seed=options.seed) else 0


if __name__ == "__main__":
    sys.exit(main())
