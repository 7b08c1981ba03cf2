"""`pens simulate`: a pen on a pseudo-terminal, that needles when a recorder connects, or on a bench of gauge blocks.

The shell and the words. Not responsible for what such a pen does (firmware_bridge/simulator).
"""

import secrets

import click

from devicelog.cli.common import Number, command_line

_GAUGE_MOST_UM = 10_000


@click.command("simulate")
@click.option("--link", required=True, metavar="PATH", help="Where to put the link to the simulated serial port.")
@click.option(
    "--scenario",
    default="clean",
    show_default=True,
    metavar="NAME|FILE",
    help="What happens to it: overdepth, unplug, noise, stall, reboot, stuckdial and more, or a file of yours.",
)
@click.option("--seconds", type=Number(6, 14_400), default=60.0, show_default=True, help="Of one session.")
@click.option("--speed", type=Number(0.1, 50), default=1.0, show_default=True, help="Pen time per real time.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same number, the same session.")
@click.option("--once", is_flag=True, help="One session, then idle; otherwise another begins after 2 s.")
@click.option(
    "--gauges", is_flag=True, help="On a bench instead: type a depth in µm, and that gauge block is under it."
)
@click.option("--serial", metavar="TEXT", help="Its serial number. Default: another each time.")
@click.option(
    "--off", "off_um", type=click.IntRange(-500, 500), default=0, help="With --gauges: its sensor is so much off, µm."
)
@click.option("--own-depth", is_flag=True, help="With --gauges: it has a calibration of its own and sends a depth.")
def simulate(
    link: str,
    scenario: str,
    seconds: float,
    speed: float,
    seed: int,
    once: bool,
    gauges: bool,
    serial: str | None,
    off_um: int,
    own_depth: bool,
) -> None:
    """A simulated pen on a pseudo-terminal, until Ctrl-C. It needles when a recorder connects.

    Every frame says that it is demo data.
    """
    from devicelog.errors import UsageProblem
    from devicelog.recorder.stop import Stop
    from firmware_bridge.simulator import ScenarioError, load_scenario, run_pen, script_for
    from firmware_bridge.simulator.pen import Pen
    from firmware_bridge.simulator.run import PtyLink

    # a new pen each time: the totals of the one before would seem to have fallen
    serial = serial or f"SIM-{secrets.token_hex(4)}"
    if gauges:
        _on_a_bench(link, seed, serial, off_um, own_depth=own_depth)
        return
    if off_um or own_depth:
        raise UsageProblem("--off and --own-depth go with --gauges")
    try:
        told = load_scenario(scenario)
        script_for(told, seconds, seed)
    except ScenarioError as error:
        raise UsageProblem(str(error)) from error

    def ready(port: PtyLink, pen: Pen) -> None:
        click.echo(
            f"pen {pen.serial} is at {port.path}, scenario {scenario}; Ctrl-C ends it. Record it with:", err=True
        )
        words = ("record", "--pen", str(port.path), "--client", "P-117", "--practitioner", "KM", "--plan", "full-face")
        click.echo("  " + command_line(*words, "--duration", "30", data_dir=None), err=True)

    stop = Stop()
    with stop.on_signals():
        run_pen(
            link,
            scenario=told,
            seconds=seconds,
            seed=seed,
            speed=speed,
            once=once,
            serial=serial,
            stop=stop.event,
            on_ready=ready,
        )


def _on_a_bench(link: str, seed: int, serial: str, off_um: int, *, own_depth: bool) -> None:
    from devicelog.cli.lines import StdinLines
    from devicelog.recorder.stop import Stop
    from firmware_bridge.simulator.bench import run_bench
    from firmware_bridge.simulator.gauges import GaugePen
    from firmware_bridge.simulator.run import PtyLink

    lines, stop, pen = StdinLines(), Stop(), GaugePen(seed, serial=serial, off_um=off_um, own_depth=own_depth)

    def ready(port: PtyLink) -> None:
        click.echo(f"pen {serial} is at {port.path}, on a bench; Ctrl-C ends it. Calibrate it with:", err=True)
        click.echo(
            "  " + command_line("pens", "calibrate", "--pen", str(port.path), "--practitioner", "KM", data_dir=None),
            err=True,
        )
        click.echo("type a depth in µm here, and that gauge block is under its tip", err=True)

    def next_gauge_um() -> int | None:
        try:
            line = lines.poll()
        except EOFError:
            return None
        if line is None:
            return None
        if not line.isdecimal() or not int(line) <= _GAUGE_MOST_UM:
            click.echo(f"{line!r} is no gauge block: 0 to {_GAUGE_MOST_UM} µm", err=True)
            return None
        click.echo(f"{int(line)} µm is under the tip", err=True)
        return int(line)

    with stop.on_signals():
        run_bench(link, pen, stop=stop.event, next_gauge_um=next_gauge_um, on_ready=ready)
