"""`pens simulate`: a pen without hardware."""

import click

from devicelog.cli.common import Number, command_line


@click.group()
def pens() -> None:
    """Pens: connect one, or simulate one."""


@pens.command()
@click.option("--link", required=True, metavar="PATH", help="Where to put the link to the simulated serial port.")
@click.option("--scenario", default="clean", show_default=True, help="clean, overdepth, unplug or noise.")
@click.option("--seconds", type=Number(6, 14_400), default=60.0, show_default=True, help="Of one session.")
@click.option("--speed", type=Number(0.1, 50), default=1.0, show_default=True, help="Pen time per real time.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same number, the same session.")
@click.option("--once", is_flag=True, help="One session, then idle; otherwise another begins after 2 s.")
def simulate(link: str, scenario: str, seconds: float, speed: float, seed: int, once: bool) -> None:
    """A simulated pen on a pseudo-terminal, until Ctrl-C. It needles when a recorder connects.

    Every frame says that it is demo data.
    """
    from devicelog.errors import UsageProblem
    from devicelog.recorder.stop import Stop
    from firmware_bridge.simulator import SCENARIOS, run_pen
    from firmware_bridge.simulator.pen import Pen
    from firmware_bridge.simulator.run import PtyLink

    if scenario not in SCENARIOS:
        raise UsageProblem(f"there is no scenario {scenario!r}; there are: {', '.join(SCENARIOS)}")

    def ready(port: PtyLink, pen: Pen) -> None:
        click.echo(
            f"pen {pen.serial} is at {port.path}, scenario {scenario}; Ctrl-C ends it. Record it with:", err=True
        )
        words = ("record", "--pen", str(port.path), "--client", "P-117", "--practitioner", "KM", "--plan", "full-face")
        click.echo("  " + command_line(*words, "--duration", "30", data_dir=None), err=True)

    stop = Stop()
    with stop.on_signals():
        run_pen(
            link, scenario=scenario, seconds=seconds, seed=seed, speed=speed, once=once, stop=stop.event, on_ready=ready
        )
