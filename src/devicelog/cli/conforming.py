"""`pens conform`: does this pen keep the rules of docs/protocol.md? Runs it through the steps, or reads a kept run.

The shell and the words. What is done is in `conformance.plan`, what it comes to in `conformance.judge`.
"""

import json
import select
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.common import Number, json_option, print_json

if TYPE_CHECKING:
    from devicelog.canonical import Json
    from devicelog.recorder.stop import Stop
    from firmware_bridge.conformance import Capture
    from firmware_bridge.conformance.plan import Step
    from firmware_bridge.profile import PenProfile

CAPTURE_NAME, REPORT_NAME = "capture.jsonl", "conformance.json"
_MAX_FILE_BYTES = 256 << 20
_EXIT = {"fails": 3, "no pen": 4, "undecided": 7, "conforms": 0}
_WORDS = {"failed": "FAILED", "not shown": "NOT SHOWN"}


# how long the host's own part takes stands in conformance.plan
_NO_STEPS = "Nobody is at the pen: 19 s of what the host does by itself, then watch it for 30 s."


@click.command("conform")
@click.option("--pen", "url", metavar="URL", help="The port of the pen: a path, or any pyserial URL.")
@click.option("--capture", "capture_file", metavar="FILE", help="Judge a run that was kept, in place of a pen.")
@click.option("--profile", "profile_name", default="reference", show_default=True, metavar="NAME", help="Kind of pen.")
@click.option("--no-steps", is_flag=True, help=_NO_STEPS)
@click.option("--seconds", type=Number(0, 3600), help="--no-steps, and watch it for so long.")
@click.option("--power-cycle", is_flag=True, help="The pen is switched off and on too: more rules are shown.")
@click.option("--save", "save_dir", metavar="DIR", help="Keep the run and the judgement in this directory.")
@json_option
def conform(
    url: str | None,
    capture_file: str | None,
    profile_name: str,
    no_steps: bool,
    seconds: float | None,
    power_cycle: bool,
    save_dir: str | None,
    as_json: bool,
) -> int:
    """Run a pen through the rules of docs/protocol.md, and judge it rule by rule.

    Exit 0: it conforms: every rule that a pen must keep was shown, and is kept; what is only advised changes no exit.
    3: a rule that it must keep is not kept. 7: nothing failed, and one that it must keep was not shown: the run cannot
    decide. 4: no pen was heard. 2: the capture is damaged.
    """
    from devicelog.errors import UsageProblem
    from firmware_bridge.conformance import judge

    if (url is None) == (capture_file is None):
        raise UsageProblem("name either --pen URL or --capture FILE")
    if capture_file is not None:
        if save_dir is not None:
            raise UsageProblem("--save keeps a run with --pen; this one is kept already. Redirect --json to a file")
        document = judge(_kept(capture_file))
    else:
        from devicelog.recorder.stop import Stop
        from firmware_bridge.conformance.plan import WATCH_S

        profile = _framed(profile_name)
        saved = _Saved(save_dir)
        stop = Stop()
        watch_s = seconds if seconds is not None else WATCH_S if no_steps or not _on_terminal() else None
        with stop.on_signals():
            capture = _run(str(url), profile, watch_s=watch_s, power_cycle=power_cycle, stop=stop)
        saved.write(CAPTURE_NAME, capture)
        if stop.cause:
            click.echo("interrupted: nothing was judged", err=True)
            return 130
        document = judge(capture)
        saved.report(document)
    if as_json:
        print_json(document)
    else:
        click.echo("\n".join(_report(document)))
    exit_code = _EXIT[document["verdict"]]
    if exit_code:
        click.echo(f"error: {url or capture_file}: {document['why']}", err=True)
    return exit_code


def _on_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


# --- a run ------------------------------------------------------------------------------------------------------------


class _AtTheTerminal:
    """A person who reads stderr and presses Enter, if `asked` for anything."""

    def __init__(self, words: str, *, asked: bool) -> None:
        self._words, self._asked = words, asked

    def begins(self, lasts_us: int) -> None:
        taking = ", and as long as you take" if self._asked else ""
        click.echo(f"testing {self._words} for {lasts_us / 1e6:g} s{taking}", err=True)

    def told(self, step: "Step") -> None:
        if not step.lasts_us:
            click.echo(f"left out: {step.what}. This port has no such lines", err=True)
        elif step.ask:
            click.echo(f"NOW: {step.ask}.\n     Enter when that is so; s and Enter to skip it", err=True)
        else:
            click.echo(f"{step.lasts_us / 1e6:g} s: {step.what}", err=True)

    def answer(self) -> bool | None:
        if not select.select([sys.stdin], [], [], 0)[0]:
            return None
        line = sys.stdin.readline()
        return bool(line) and line.strip().lower() not in ("s", "skip")


def _framed(profile_name: str) -> "PenProfile":
    """The profile of a pen that sends frames. Raises UsageProblem for any other: it has no frames to judge."""
    from devicelog.errors import UsageProblem
    from firmware_bridge.profiles import load_profile

    profile = load_profile(profile_name)
    if profile.gpio is not None:
        raise UsageProblem(
            f"profile {profile.name} is wired to pins: it has no serial line, and sends no frames to judge. "
            "What its pins say is in docs/pins.md"
        )
    if profile.lines is not None:
        raise UsageProblem(
            f"profile {profile.name} is of a pen that sends lines of text: these are the rules of frames. "
            f"What devicelog makes of its lines: devicelog pens check {profile_name} --capture FILE"
        )
    return profile


def _run(url: str, profile: "PenProfile", *, watch_s: float | None, power_cycle: bool, stop: "Stop") -> "Capture":
    from devicelog.recorder.clock import RecorderClock
    from devicelog.recorder.conform import Conformance
    from firmware_bridge.conformance.plan import steps

    words = f"the pen at {url}, {profile.baud} baud (profile {profile.name}),"
    person = _AtTheTerminal(words, asked=watch_s is None)
    run = Conformance(url, profile, now_us=RecorderClock().now_us, person=person, stop=stop)
    run.run(steps(watch_s=watch_s, power_cycle=power_cycle))
    return run.capture


class _Saved:
    """The directory of --save: looked at before the run, so that none is made in vain; never overwritten."""

    def __init__(self, name: str | None) -> None:
        from devicelog.errors import StoreUnusable, UsageProblem

        self._folder = None if name is None else Path(name)
        if self._folder is None:
            return
        if not name:
            raise UsageProblem("--save: the name of the directory is empty")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            there = [file for file in (CAPTURE_NAME, REPORT_NAME) if (self._folder / file).exists()]
        except OSError as error:
            raise StoreUnusable(f"--save {name}: {error.strerror}") from error
        if there:
            raise UsageProblem(f"--save {name}: {there[0]} is there already; name another directory")

    def write(self, name: str, capture: "Capture") -> None:
        from firmware_bridge.conformance import write_capture

        self._put(name, write_capture(capture))

    def report(self, document: "Json") -> None:
        self._put(REPORT_NAME, json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n")

    def _put(self, name: str, text: str) -> None:
        from devicelog.errors import StoreUnusable

        if self._folder is None:
            return
        try:
            with (self._folder / name).open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise StoreUnusable(f"--save: {self._folder / name} could not be written: {error.strerror}") from error
        click.echo(f"kept: {self._folder / name}", err=True)


def _kept(name: str) -> "Capture":
    from devicelog.errors import NotFound, UsageProblem
    from firmware_bridge.conformance import CaptureError, read_capture

    path = Path(name)
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise UsageProblem(f"{name}: {path.stat().st_size} bytes are no capture; at most {_MAX_FILE_BYTES}")
        return read_capture(path.read_text(encoding="utf-8"))
    except CaptureError as error:
        raise UsageProblem(f"{name}: {error}") from error
    except UnicodeDecodeError as error:
        raise UsageProblem(f"{name}: not a text in UTF-8 at byte {error.start}. Is this a capture?") from error
    except FileNotFoundError as error:
        raise NotFound(f"{name}: there is no such file") from error
    except OSError as error:
        raise UsageProblem(f"{name}: {error.strerror}") from error


# --- words ------------------------------------------------------------------------------------------------------------


def _report(document: "Json") -> list[str]:
    pen, heard = document["pen"], document["heard"]
    lines = []
    if pen is not None:
        name = (
            " ".join(word for word in (pen["model"], pen["serial"], pen["firmware"]) if word) or "a pen without a name"
        )
        lines.append(f"{name}, protocol {pen['protocol_major']}.{pen['protocol_minor']}, mode {pen['mode']}")
    damaged = sum(heard["damaged"].values())
    lines.append(
        f"heard for {heard['ran_us'] / 1e6:.1f} s: {heard['frames']} frames, {damaged} damaged, "
        f"{heard['unknown']} unknown, {heard['starts']} start{'' if heard['starts'] == 1 else 's'} of the pen"
    )
    lines.append("")
    for row in document["checks"]:
        lines += _row(row)
    counts = ", ".join(f"{n} {result}" for result, n in document["counts"].items())
    advised = ". Advice fails no pen, and changes no exit" if "advice" in document["counts"] else ""
    lines += ["", f"{counts}{advised}", f"verdict: {document['verdict']}: {document['why']}"]
    if document["verdict"] in ("conforms", "undecided"):
        lines.append(
            "No host can see " + "; ".join(f"{what} ({rule})" for rule, what in document["cannot_be_seen"].items())
        )
    return lines


def _row(row: "Json") -> list[str]:
    result = row["result"]
    lines = [f"{_WORDS.get(result, result):<9}  {row['id']:<12}  {row['level']:<6}  {row['what']}: {row['why']}"]
    if result in ("failed", "advice"):
        lines += [f"{'':<11}expected: {row['expected']}", *([f"{'':<11}{_seen(row['seen'])}"] if row["seen"] else [])]
    return lines


def _seen(seen: "Json") -> str:
    if "frame" in seen:
        return f"frame {seen['frame']} at {seen['at_us'] / 1e6:.2f} s, its payload: {seen['payload']}"
    after = f"after frame {seen['after_frame']}" if seen["after_frame"] else "before the first frame"
    return f"{after} at {seen['at_us'] / 1e6:.2f} s, bytes: {seen['bytes']}"
