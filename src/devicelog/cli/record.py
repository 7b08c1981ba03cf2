"""`demo`, `record` and `mark`: making a session. Options in, exit code out; the work is recorder.record's."""

import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.common import (
    A_PERSON,
    F,
    Number,
    command_line,
    data_dir_option,
    default_data_dir,
    json_option,
    print_json,
)
from devicelog.cli.connecting import PINS, on_mock_pins, pin_factory_option, profiles_of, source_for

if TYPE_CHECKING:
    from devicelog.cli.screen import Screen
    from devicelog.recorder.clock import RecorderClock
    from devicelog.recorder.job import Job, Outcome, Source
    from devicelog.recorder.recording import Recording
    from devicelog.recorder.stop import Stop
    from firmware_bridge.simulator import Script
    from firmware_bridge.sources import Inbox
    from firmware_bridge.wiring import Wiring

    SourceOf = Callable[[Inbox, RecorderClock], Source]

DEMO_CLIENT = "DEMO-1"
DEMO_PRACTITIONER = "DEMO"
_PEN_START_S = 20.0


def _idle_option(act: str, default_s: int, does: str) -> Callable[[F], F]:
    """`--idle-ACT S`."""
    return click.option(
        f"--idle-{act}",
        type=Number(0, 86_400),
        default=default_s,
        show_default=True,
        metavar="S",
        help=f"{does} after so many seconds without needling; 0: never.",
    )


@click.command()
@click.option("--seconds", type=Number(6, 14_400), default=20.0, show_default=True, help="Session time.")
@click.option("--speed", type=Number(0.1, 20), default=1.0, show_default=True, help="Session time per real time.")
@click.option(
    "--scenario",
    default="clean",
    show_default=True,
    metavar="NAME|FILE",
    help="What happens to the pen: overdepth, unplug, noise, stall, reboot, stuckdial and more, or a file of yours.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same number, the same session.")
@click.option(
    "--pen",
    type=click.Choice(["serial", PINS, "both"]),
    default="serial",
    show_default=True,
    help="A pen that sends, sensors on simulated pins, or both of one session.",
)
@click.option("--wiring", default="gpio-reference", show_default=True, metavar="NAME", help="How those pins are wired.")
@data_dir_option
@json_option
def demo(
    seconds: float,
    speed: float,
    scenario: str,
    seed: int,
    pen: str,
    wiring: str,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Record a session with a simulated pen: no hardware needed."""
    from devicelog.cli.screen import Screen
    from devicelog.clinical.data import load_plan, load_zones
    from devicelog.errors import UsageProblem
    from devicelog.recorder.clock import RecorderClock
    from devicelog.recorder.commands import MarkCommand, TimedMark
    from devicelog.recorder.job import Job
    from devicelog.recorder.stop import Stop
    from devicelog.store.database import check_existing
    from firmware_bridge.profiles import load_profile
    from firmware_bridge.simulator import ScenarioError, load_scenario, script_for

    try:
        told = load_scenario(scenario)
        script = script_for(told, seconds, seed)
    except ScenarioError as error:
        raise UsageProblem(str(error)) from error
    data_dir = data_dir or default_data_dir("-demo")
    check_existing(data_dir)  # before a pen starts that nobody would record
    serial, wired = load_profile("reference"), None if pen == "serial" else load_profile(wiring)
    if wired is not None and wired.gpio is None:
        raise UsageProblem(f"--wiring {wiring}: nothing is wired to pins there")
    wired = wired and on_mock_pins(wired, script)
    marks = (
        TimedMark(
            t_us=mark.t_us,
            command=MarkCommand(kind=mark.kind, zone=mark.zone if mark.kind == "zone" else None),
        )
        for mark in script.marks
    )
    job = Job(
        data_dir=data_dir,
        client_code=DEMO_CLIENT,
        practitioner=DEMO_PRACTITIONER,
        plan=load_plan("full-face"),
        zones=load_zones(),
        profile=wired if wired is not None and pen == PINS else serial,
        sensors=wired if pen == "both" else None,
        command="demo",
        duration_us=script.duration_us,
        marks=tuple(marks),
        marks_clock="pen" if script.clock_tells and pen != PINS else "first sample",
    )
    clock = RecorderClock(speed=speed, confidence=lambda: told.clock)
    pen_options = [
        *("--scenario", scenario, "--seconds", str(seconds), "--seed", str(seed)),
        *("--speed", str(speed), "--origin-us", str(clock.origin_us)),
        # a new pen each time: its counters would otherwise seem to have fallen since the last demo
        *("--serial", f"SIM-{secrets.token_hex(4)}"),
    ]
    click.echo(f"a simulated pen, scenario {scenario}: {told.story or 'as the file says'}", err=True)
    stop = Stop()
    with stop.on_signals():
        with ExitStack() as stack:
            url = PINS if pen == PINS else stack.enter_context(_simulated_pen(pen_options))
            source_of = source_for(job, url)
            if wired is not None and wired.gpio is not None:
                source_of = _simulated_sensors(job, url, wired.gpio, script, seed, stack)
            outcome = _record(job, source_of, clock, stop, Screen())
        _conclude(outcome, data_dir, as_json=as_json)


@click.command()
@click.option(
    "--pen", required=True, metavar="URL|gpio", help="A port (path or pyserial URL), auto, serial:NUMBER; or the pins."
)
@click.option("--client", metavar="CODE", help="The clinic's code of the treated person; never a name.")
@click.option("--practitioner", metavar="ID", help="Who treats: an id, not a name.")
@click.option("--plan", "plan_name", metavar="NAME", help="A plan's name, or a path ending in .toml.")
@click.option("--visit", metavar="VISIT", help="In place of these: a visit that is open (devicelog visits).")
@click.option("--continue", "go_on", is_flag=True, help="In place of these: the visit of the newest session goes on.")
@click.option("--yes", is_flag=True, help="Begin without asking whether client and practitioner are right.")
@click.option("--profile", default="reference", show_default=True, metavar="NAME", help="The kind of pen.")
@click.option("--sensors", metavar="NAME", help="A wired profile: its pins are a second witness beside the pen.")
@pin_factory_option
@click.option("--marks", "marks_file", type=click.Path(path_type=Path), help="A file of marks: `seconds mark` a line.")
@click.option("--duration", type=Number(0.1, 86_400), metavar="S", help="End after so many seconds.")
@_idle_option("prompt", 180, "Ask whether the session is over")
@_idle_option("pause", 600, "Pause it")
@_idle_option("close", 1800, "Close it")
@data_dir_option
@json_option
def record(
    pen: str,
    client: str | None,
    practitioner: str | None,
    plan_name: str | None,
    visit: str | None,
    go_on: bool,
    yes: bool,
    profile: str,
    sensors: str | None,
    pin_factory: str | None,
    marks_file: Path | None,
    duration: float | None,
    idle_prompt: float,
    idle_pause: float,
    idle_close: float,
    data_dir: Path | None,
    as_json: bool,
) -> int:
    """Record one session from a pen. Ctrl-C ends it properly."""
    from devicelog.cli.screen import Screen
    from devicelog.cli.starting import begin, confirm
    from devicelog.clinical.data import load_zones
    from devicelog.recorder.clock import RecorderClock
    from devicelog.recorder.commands import read_marks
    from devicelog.recorder.idle import IdleLimits
    from devicelog.recorder.job import Job
    from devicelog.recorder.stop import Stop
    from devicelog.sessions import looks_like_a_person

    zones = load_zones()
    data_dir = data_dir or default_data_dir()
    pen_profile, beside = profiles_of(pen, profile, sensors, pin_factory)
    desk = begin(data_dir, client=client, practitioner=practitioner, plan_name=plan_name, visit=visit, go_on=go_on)
    job = Job(
        data_dir=data_dir,
        client_code=desk.client_code,
        practitioner=desk.practitioner,
        plan=desk.plan,
        desk=desk,
        zones=zones,
        profile=pen_profile,
        sensors=beside,
        command="record",
        duration_us=None if duration is None else int(duration * 1_000_000),
        marks=read_marks(marks_file, zones) if marks_file else (),
        idle=IdleLimits.of_seconds(idle_prompt, idle_pause, idle_close),
    )
    if looks_like_a_person(job.client_code):
        click.echo(A_PERSON + "end this session with Ctrl-C and record again with such a code.", err=True)
    screen = Screen()
    confirm(data_dir, desk, ask=not yes, say=screen.say)
    stop = Stop()
    with stop.on_signals():  # until everything is said: a second Ctrl-C does not make a recorded session a failure
        outcome = _record(job, source_for(job, pen), RecorderClock(), stop, screen)
        if outcome.session is None:
            click.echo("ended before a session began", err=True)
            return 130
        _conclude(outcome, data_dir, as_json=as_json)
    return 0


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument(
    "words",
    nargs=-1,
    required=True,
    metavar="zone ID | pass | pause | resume | note TEXT | endpoint none|red|pinpoint|continuous | "
    "override RULE REASON | cartridge ID | operator ID | plan ZONE MIN-MAX",
)
@data_dir_option
@json_option
def mark(words: tuple[str, ...], data_dir: Path | None, as_json: bool) -> int:
    """Make a mark in the session that is being recorded. Says so when it is on disk."""
    from devicelog.clinical.data import load_zones
    from devicelog.control import ask
    from devicelog.errors import NotFound
    from devicelog.recorder.commands import parse_mark
    from devicelog.recorder.recovery import recover, told

    parse_mark(words, load_zones())
    data_dir = data_dir or default_data_dir()
    try:
        reply = ask(data_dir, {"command": "mark", "words": list(words)})
    except NotFound:
        if (interrupted := recover(data_dir)) is not None:
            click.echo(told(interrupted), err=True)
        raise
    if not reply["ok"]:
        click.echo(f"error: {reply['error']}", err=True)
        return int(reply["exit_code"])
    if as_json:
        print_json({"schema": "devicelog.mark/1", **reply})
    else:
        click.echo(f"{reply['mark']}: recorded in {reply['session']} as record {reply['record']}")
        for told in reply.get("warnings", ()):
            click.echo(f"note: {told}", err=True)
    return 0


def _record(job: "Job", source_of: "SourceOf", clock: "RecorderClock", stop: "Stop", screen: "Screen") -> "Outcome":
    from devicelog.cli.keys import keys, legend
    from devicelog.desk.acts import DESK_ACTS
    from devicelog.recorder.record import record as record_session

    with ExitStack() as stack:
        stack.callback(screen.end)

        def ready(recording: "Recording") -> None:
            by_keys = job.command == "record" and sys.stdin is not None and sys.stdin.isatty()
            zones = [zone.zone for zone in job.plan.zones]
            if by_keys:
                click.echo(legend(zones), err=True)

            def quit_() -> None:
                stop.request("operator")

            stack.enter_context(
                keys(zones, recording.mark, screen.say, screen.typing, quit_) if by_keys else nullcontext()
            )

        return record_session(
            job, source_of=source_of, clock=clock, console=screen, stop=stop, on_ready=ready, more=DESK_ACTS
        )


def _simulated_sensors(
    job: "Job", url: str, wiring: "Wiring", script: "Script", seed: int, stack: ExitStack
) -> "SourceOf":
    """What makes a source of sensors on simulated pins, beside the pen where there is one: they play when it opens."""
    from firmware_bridge.simulator.pins import SimulatedPins, playable

    script, left_out = playable(script, alone=url == PINS)
    if left_out:
        click.echo(f"the pins leave out, since they have no line: {', '.join(left_out)}", err=True)

    def source_of(inbox: "Inbox", clock: "RecorderClock") -> "Source":
        sensors = stack.enter_context(SimulatedPins(script, wiring, seed, clock.now_us))
        source = source_for(job, url, sensors.factory)(inbox, clock)
        return sensors.beside(source, alone=url == PINS)

    return source_of


@contextmanager
def _simulated_pen(options: list[str]) -> Iterator[str]:
    """A simulated pen in a process of its own, on a private pty; gives the path of its port."""
    from devicelog.errors import PenUnusable

    with tempfile.TemporaryDirectory(prefix="devicelog-pen-") as directory:
        link = Path(directory) / "pen"
        command = [
            sys.executable,
            "-m",
            "firmware_bridge.simulator",
            "--link",
            str(link),
            "--once",
            "--exit-with-stdin",
        ]
        with subprocess.Popen([*command, *options], stdin=subprocess.PIPE, start_new_session=True) as pen:  # noqa: S603
            try:
                give_up_s = time.monotonic() + _PEN_START_S
                while not link.exists():
                    if pen.poll() is not None or time.monotonic() > give_up_s:
                        raise PenUnusable("the simulated pen did not start")
                    time.sleep(0.01)
                yield str(link)
            finally:
                pen.terminate()


def _conclude(outcome: "Outcome", data_dir: Path, *, as_json: bool) -> None:
    """The session that was just recorded, where it is, and what to type next."""
    from devicelog.cli.report import show_document, show_text
    from devicelog.store.database import FILE_NAME
    from devicelog.store.evidence import Evidence

    if outcome.session is None:
        click.echo("ended before a session began", err=True)
        raise click.exceptions.Exit(130)
    with Evidence(data_dir / FILE_NAME) as evidence:
        document = show_document(evidence, outcome.session)
    if as_json:
        print_json(document)
        return
    click.echo(show_text(document))
    click.echo(f"database  {data_dir / FILE_NAME}")
    click.echo("next      " + command_line("sessions", "show", outcome.session, data_dir=data_dir))
    click.echo("          " + command_line("replay", outcome.session, data_dir=data_dir))
    click.echo("          " + command_line("verify", "--all", data_dir=data_dir))
    click.echo(
        "          " + command_line("sessions", "readings", outcome.session, "--format", "csv", data_dir=data_dir)
    )
    click.echo("          " + command_line("checkpoint", "key", data_dir=data_dir))
    target = str(Path.home() / f"devicelog-{outcome.session}")
    words = ("export", outcome.session, "--to", target, "--format", "bag,csv,html")
    click.echo("          " + command_line(*words, data_dir=data_dir))
