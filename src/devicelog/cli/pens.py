"""`pens list | probe | release | resume`: which ports there are, who is behind one, whose they are.

The other commands of the group stand in files of their own: conforming.py, calibrating.py, line_check.py,
simulating.py.
"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.calibrating import calibrate, calibrations
from devicelog.cli.common import (
    Number,
    command_line,
    data_dir_option,
    default_data_dir,
    json_option,
    print_json,
    table,
)
from devicelog.cli.conforming import conform
from devicelog.cli.line_check import check_lines
from devicelog.cli.simulating import simulate

if TYPE_CHECKING:
    from devicelog.canonical import Json
    from firmware_bridge.sources.ports import SerialPort

_NO_PORT = """\
This computer has no serial port now. Check that
  the pen is switched on, and plugged in with a cable that carries data and not only power
  `dmesg | tail` says something when you plug it in
  on a Raspberry Pi's own pins: the serial port is switched on (raspi-config, Interface Options, Serial Port)
Without a pen: """


@click.group()
def pens() -> None:
    """Pens: list the ports, ask who is there, lend a port, calibrate, test, simulate."""


for command in (conform, calibrate, calibrations, check_lines, simulate):
    pens.add_command(command)


@pens.command("list")
@json_option
def list_pens(as_json: bool) -> None:
    """The serial ports of this computer. Opens none: `pens probe` asks who is behind one."""
    from firmware_bridge.sources.ports import list_ports

    ports = list_ports()
    if as_json:
        print_json({"schema": "devicelog.pens/1", "ports": [asdict(port) for port in ports]})
        return
    if not ports:
        click.echo(_NO_PORT + command_line("pens", "simulate", "--link", "./pen", data_dir=None), err=True)
        return
    head = ("port", "what it is", "vendor:product", "serial", "this user", "held by", "path that stays")
    click.echo("\n".join(table([head, *map(_port_row, ports)])))
    click.echo("ask one: " + command_line("pens", "probe", ports[0].by_id or ports[0].path, data_dir=None), err=True)


def _port_row(port: "SerialPort") -> tuple[str, ...]:
    ids = "-" if port.vendor_id is None else f"{port.vendor_id:04x}:{port.product_id or 0:04x}"
    maker = f"{port.manufacturer} " if port.manufacturer and port.manufacturer not in port.description else ""
    held = ", ".join(f"{holder.program} ({holder.pid})" for holder in port.holders or ()) or "nobody"
    return (
        port.path,
        maker + port.description,
        ids,
        port.serial or "-",
        "may open it" if port.may_open else "may not open it (group dialout)",
        "cannot be told" if port.holders is None else held,
        port.by_id or "-",
    )


@pens.command("probe")
@click.argument("url")
@click.option("--profile", "profile_name", default="reference", show_default=True, metavar="NAME", help="Kind of pen.")
@click.option("--seconds", type=Number(0.1, 3600), default=6.0, show_default=True, help="How long to listen.")
@json_option
def probe_pen(url: str, profile_name: str, seconds: float, as_json: bool) -> int:
    """Ask who is behind a port, and listen to what it sends. Keeps nothing.

    URL is a path, any pyserial URL, `auto` (the only pen there is) or `serial:NUMBER` (the pen with this serial number,
    wherever it is plugged in). Exit 0: a pen answered. Exit 4: none, and why.
    """
    from devicelog.errors import UsageProblem
    from devicelog.recorder.clock import RecorderClock
    from devicelog.recorder.probe import probe
    from devicelog.recorder.stop import Stop
    from firmware_bridge.profiles import load_profile

    profile, stop = load_profile(profile_name), Stop()
    if profile.gpio is not None:
        raise UsageProblem(f"profile {profile.name} is wired to pins: there is no port to ask. See docs/pins.md")
    with stop.on_signals():
        click.echo(f"listening to {url} for {seconds:g} s at {profile.baud} baud (profile {profile.name})", err=True)
        heard = probe(url, profile, for_us=int(seconds * 1_000_000), now_us=RecorderClock().now_us, stop=stop)
    if stop.cause:
        return 130
    document = heard.document()
    if as_json:
        asked = {"url": heard.url, "profile": profile.name, "baud": profile.baud}
        print_json({"schema": "devicelog.probe/1", **asked, **document})
    elif heard.identity is not None:
        click.echo("\n".join(_probed(heard.url, document)))
        who = ("--client", "P-117", "--practitioner", "KM", "--plan", "full-face")
        profiled = () if profile_name == "reference" else ("--profile", profile_name)
        click.echo("record it: " + command_line("record", "--pen", url, *profiled, *who, data_dir=None), err=True)
    if heard.why_not is not None:
        click.echo(f"error: {heard.url}: {heard.why_not}", err=True)
        return 4
    return 0


def _probed(url: str, heard: "Json") -> list[str]:
    """What a pen said, for a person."""
    pen, seconds = heard["identity"], heard["listened_us"] / 1_000_000
    frames_hz, samples_hz = sum(heard["frames"].values()) / seconds, heard["samples"] / seconds
    every = f", one every {heard['period_us'] / 1000:g} ms" if heard["period_us"] else ""
    named = [("model", "model"), ("serial", "serial"), ("firmware", "firmware"), ("calibration", "calibration_id")]
    lines = [f"a pen is at {url}, and this devicelog can read it"]
    lines += [f"  {name:<12} {pen[key] or 'not told'}" for name, key in (*named, ("cartridge", "cartridge"))]
    lines += [
        f"  {'protocol':<12} "
        + (f"{pen['protocol_major']}.{pen['protocol_minor']}" if pen["protocol_major"] else "lines of text"),
        f"  {'mode':<12} {pen['mode']}",
        f"  {'sends':<12} {frames_hz:.1f} frames/s, {samples_hz:.1f} samples/s{every}",
        f"  {'columns':<12} {', '.join(heard['columns']) or 'none heard: the motor was off'}",
        f"  {'damaged':<12} {heard['frames_damaged']} frames; unknown {heard['frames_unknown']}",
    ]
    if heard["restarted_by_opening"]:
        lines.append(f"  {'RESTARTED':<12} when its port was opened, and will each time: its reset hangs on DTR")
    if heard["links_lost"]:
        lines.append(f"  {'LINK LOST':<12} {heard['links_lost']} times while it was listened to")
    return lines


@pens.command("release")
@click.option(
    "--for",
    "seconds",
    type=Number(0.1, 86_400),
    default=600.0,
    show_default=True,
    metavar="S",
    help="Until it is taken back.",
)
@data_dir_option
@json_option
def release(seconds: float, data_dir: Path | None, as_json: bool) -> int:
    """Lend the port of the running recorder's pen, to a program that updates its firmware.

    Returns when the port is free. What the pen sends meanwhile is not recorded, and the record says so.
    """
    reply = _ask(data_dir, {"command": "release", "for_us": int(seconds * 1_000_000)})
    if not reply["ok"]:
        click.echo(f"error: {reply['error']}", err=True)
        return int(reply["exit_code"])
    if as_json:
        print_json({"schema": "devicelog.port/1", **reply})
        return 0
    click.echo(f"{reply['port']} is free for {seconds:g} s. Then, or sooner with this, it is recorded from again:")
    click.echo("  " + command_line("pens", "resume", data_dir=data_dir))
    return 0


@pens.command("resume")
@data_dir_option
@json_option
def resume(data_dir: Path | None, as_json: bool) -> int:
    """Take a port that was released back."""
    reply = _ask(data_dir, {"command": "resume"})
    if not reply["ok"]:
        click.echo(f"error: {reply['error']}", err=True)
        return int(reply["exit_code"])
    if as_json:
        print_json({"schema": "devicelog.port/1", **reply})
    elif reply["was_released"]:
        click.echo(f"the recorder opens {reply['port']} again")
    else:
        click.echo(f"{reply['port']} was not released")
    return 0


def _ask(data_dir: Path | None, request: "Json") -> "Json":
    from devicelog.control import ask
    from devicelog.errors import NotFound
    from devicelog.recorder.recovery import recover, told

    data_dir = data_dir or default_data_dir()
    try:
        return ask(data_dir, request)
    except NotFound:
        if (interrupted := recover(data_dir)) is not None:
            click.echo(told(interrupted), err=True)
        raise
