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

CAPTURE_NAME, REPORT_NAME = "capture.jsonl", "conformance.json"
_MAX_FILE_BYTES = 256 << 20
_EXIT = {"fails": 3, "no pen": 4, "undecided": 0, "conforms": 0}
_WORDS = {"failed": "FAILED", "not shown": "NOT SHOWN"}


@click.command("conform")
@click.option("--pen", "url", metavar="URL", help="The port of the pen: a path, or any pyserial URL.")
@click.option("--capture", "capture_file", metavar="FILE", help="Judge a run that was kept, in place of a pen.")
@click.option("--profile", "profile_name", default="reference", show_default=True, metavar="NAME", help="Kind of pen.")
@click.option("--no-steps", is_flag=True, help="Nobody is at the pen: ask for nothing, and watch it for 30 s.")
@click.option("--seconds", type=Number(0, 3600), help="The same, and watch it for so long.")
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

    Exit 0: nothing that was shown fails. 3: a rule is not kept. 4: no pen was heard. 2: the capture is damaged.
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

        saved = _Saved(save_dir)
        stop = Stop()
        watch_s = seconds if seconds is not None else 30.0 if no_steps or not _on_terminal() else None
        with stop.on_signals():
            capture = _run(str(url), profile_name, watch_s=watch_s, power_cycle=power_cycle, stop=stop)
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
    """A person who reads stderr and presses Enter."""

    def told(self, step: "Step") -> None:
        if step.ask:
            click.echo(f"NOW: {step.ask}.\n     Enter when that is so; s and Enter to skip it", err=True)
        else:
            click.echo(f"{step.lasts_us / 1e6:g} s: {step.what}", err=True)

    def answer(self) -> bool | None:
        if not select.select([sys.stdin], [], [], 0)[0]:
            return None
        line = sys.stdin.readline()
        return bool(line) and line.strip().lower() not in ("s", "skip")


def _run(url: str, profile_name: str, *, watch_s: float | None, power_cycle: bool, stop: "Stop") -> "Capture":
    from devicelog.errors import UsageProblem
    from devicelog.recorder.clock import RecorderClock
    from devicelog.recorder.conform import Conformance
    from firmware_bridge.conformance.plan import steps
    from firmware_bridge.profiles import load_profile

    profile = load_profile(profile_name)
    if not profile.baud:
        raise UsageProblem(f"profile {profile.name}: a pen on pins has no serial line, and no frames to judge")
    plan = steps(watch_s=watch_s, power_cycle=power_cycle)
    s = sum(step.lasts_us for step in plan) / 1e6
    click.echo(f"testing the pen at {url} for {s:.0f} s at {profile.baud} baud (profile {profile.name})", err=True)
    run = Conformance(url, profile, now_us=RecorderClock().now_us, person=_AtTheTerminal(), stop=stop)
    run.run(plan)
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
    lines += ["", f"{counts}", f"verdict: {document['verdict']}: {document['why']}"]
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
