"""`pens calibrate` and `pens calibrations`: a pen against gauge blocks, and what was found of each pen so far."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.common import (
    command_line,
    data_dir_option,
    default_data_dir,
    json_option,
    print_json,
    reading,
    table,
)
from devicelog.cli.lines import StdinLines
from devicelog.words.units import mm_range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devicelog.canonical import Json

CHECK_FAILED = 3


@click.command()
@click.option("--pen", "url", required=True, metavar="URL", help="The pen's serial port: a path, or any pyserial URL.")
@click.option("--profile", "profile_name", default="reference", show_default=True, help="The kind of pen.")
@click.option("--practitioner", required=True, metavar="ID", help="Who calibrates: an id, not a name.")
@click.option("--points", metavar="UM,UM,...", help="The gauge blocks, µm. Default: every 500 within the pen's range.")
@click.option("--check", "check_only", is_flag=True, help="Only look how far off it is; the curve in force stays.")
@click.option("--expires", metavar="DAY", help="The last day (UTC) it holds, as 2031-06-30.")
@click.option("--valid-days", type=click.IntRange(1, 3660), metavar="N", help="It holds so many days from today.")
@click.option("--gauge-set", metavar="ID", help="The number of the set of gauge blocks.")
@click.option("--spread", type=click.IntRange(0, 65_535), metavar="N", help="How far a reading may wander; default 40.")
@click.option("--readings", "readings_file", metavar="FILE", help="Lines `depth_um reading`, `-` for stdin.")
@data_dir_option
@json_option
def calibrate(
    url: str,
    profile_name: str,
    practitioner: str,
    points: str | None,
    check_only: bool,
    expires: str | None,
    valid_days: int | None,
    gauge_set: str | None,
    spread: int | None,
    readings_file: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> int:
    """Calibrate a pen against gauge blocks, or check it. Each block is put under the tip and confirmed with Enter.

    A pen that sends raw counts gets a curve; one with a depth of its own is only checked. What was found is kept in the
    ledger. Exit 3: what is in force now is not within the tolerance.
    """
    from devicelog.calibration import check_gauge_set, check_gauges, default_gauges, read_gauges, read_readings
    from devicelog.errors import UsageProblem
    from devicelog.recorder.calibrating import CalibrateCommand, last_day
    from devicelog.recorder.calibrating import calibrate as calibrate_pen
    from devicelog.recorder.clock import RecorderClock
    from devicelog.recorder.stop import Stop
    from devicelog.sessions import check_practitioner
    from firmware_bridge.profiles import load_profile
    from firmware_bridge.sources import Inbox, SerialSource

    profile, clock, stop = load_profile(profile_name), RecorderClock(), Stop()
    if profile.gpio is not None:
        raise UsageProblem(
            f"profile {profile.name} is wired to pins: its sensors tell no depth to calibrate. See docs/pins.md"
        )
    if profile.lines is not None:
        raise UsageProblem(
            f"profile {profile.name} is of a pen that sends lines of text: it never says who it is, and a calibration "
            "is of one pen. Scale its depth in the profile (docs/connect-your-pen.md)"
        )
    if points is not None and readings_file is not None:
        raise UsageProblem("--points and --readings: the file names its points itself")
    gauges = default_gauges(profile.depth_max_um) if points is None else read_gauges(points)
    given = None if readings_file is None else read_readings(_lines_of(readings_file), readings_file)
    command = CalibrateCommand(
        profile=profile,
        practitioner=check_practitioner(practitioner),
        gauges_um=check_gauges(gauges, profile.depth_max_um),
        check_only=check_only,
        expires=last_day(expires, valid_days, clock.wall_us()),
        gauge_set=None if gauge_set is None else check_gauge_set(gauge_set),
        spread_most=spread,
        given=given,
    )

    def source_of(inbox: Inbox, clock: RecorderClock) -> SerialSource:
        return SerialSource(url, profile, inbox, clock.now_us)

    data_dir = data_dir or default_data_dir()
    with stop.on_signals():
        result = calibrate_pen(
            data_dir,
            command,
            source_of=source_of,
            clock=clock,
            stop=stop,
            say=lambda text: click.echo(text, err=True),
            lines=StdinLines(),
        )
    if result is None:
        click.echo("ended; nothing was calibrated", err=True)
        return 130
    within, affected = result["within_tolerance"], result["affected"]
    if as_json:
        print_json({"schema": "devicelog.calibrate/1", **result})
    else:
        click.echo("\n".join([*_certificate(result), *_affected(result, affected)]))
        serial = result["pen"]["serial"]
        click.echo("all of them  " + command_line("pens", "calibrations", serial, data_dir=data_dir), err=True)
    if not within:
        click.echo("warning: " + _not_within(result), err=True)
    return 0 if within else CHECK_FAILED


@click.command()
@click.argument("serial", required=False)
@data_dir_option
@json_option
def calibrations(serial: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Every calibration and check, oldest first, of one pen by its serial or of all."""
    from devicelog.canonical import parse_canonical
    from devicelog.errors import NotFound
    from devicelog.recorder.affected import calibration_row
    from devicelog.recorder.known_pens import calibration_document

    with reading(data_dir) as evidence:
        rows = [
            calibration_row(entry, parse_canonical(calibration_document(evidence, entry)[1]))
            for entry in evidence.calibrations(serial)
        ]
        if serial is not None and not rows:
            known = sorted({entry.body["pen"]["serial"] for entry in evidence.calibrations()})
            there = f"there are: {', '.join(known)}" if known else "no pen was calibrated or checked here yet"
            raise NotFound(f"no calibration of a pen {serial!r}: {there}")
    newest = {(row["pen"]["serial"], row["pen"]["mode"]): row["entry"] for row in rows if row["adjusted"]}
    for row in rows:
        row["in_force"] = row["entry"] in newest.values()
    if as_json:
        print_json({"schema": "devicelog.calibrations/1", "calibrations": rows})
        return
    head = ("when", "pen", "what", "as found", "as left", "residual", "tolerance", "until", "by", "sessions affected")
    click.echo("\n".join(table([head, *map(_row, rows)])))
    click.echo(f"{len(rows)} calibrations and checks; errors in µm, the largest of all points")
    for row in rows:
        if row["sessions"]:
            when = row["at"][:16].replace("T", " ")
            click.echo(f"found out of tolerance {when}Z, pen {row['pen']['serial']}: {' '.join(row['sessions'])}")


def _row(row: "Json") -> tuple[str, ...]:
    what = row["id"] if row["adjusted"] else "check"
    mode = row["pen"]["mode"]
    return (
        row["at"][:16].replace("T", " ") + "Z",
        row["pen"]["serial"] + ("" if mode == "real" else f" ({mode})"),
        what + (" (in force)" if row["in_force"] else ""),
        *(_um(row[key]) for key in ("as_found_um", "as_left_um", "residual_um", "tolerance_um")),
        (row["expires"] or "no last day") if row["adjusted"] else "-",
        row["practitioner"],
        str(len(row["sessions"])),
    )


def _certificate(result: "Json") -> list[str]:
    """What was measured and what came of it, for a person."""
    pen, tolerance = result["pen"], result["tolerance_um"]
    what = f"calibrated as {result['id']}" if result["adjusted"] else "checked"
    found = {row["gauge_um"]: row["error_um"] for row in result["as_found"] or ()}
    left = {row["gauge_um"]: row["error_um"] for row in result["as_left"] or ()}
    unit = "raw count" if result["column"] == "raw_count" else "depth told, µm"
    rows: list[tuple[str, ...]] = [("gauge, µm", unit, "lowest", "highest", "as found, µm", "as left, µm")]
    for row in result["readings"]:
        numbers = [str(row[key]) for key in ("gauge_um", "mean", "low", "high")]
        rows.append((*numbers, _signed(found.get(row["gauge_um"])), _signed(left.get(row["gauge_um"]))))
    by = "the pen's own calibration" if result["by"] is None else f"host-{result['by'][:12]}"
    lines = [f"pen {pen['serial']} ({pen['mode']}) {what} by {result['practitioner']}, ledger entry {result['entry']}"]
    lines += [f"  {line}" for line in table(rows)]
    if result["as_found_um"] is None:
        lines.append("  as found      nothing to compare with: no calibration of this pen was in force")
    else:
        lines.append(f"  as found      at most {result['as_found_um']} µm off by {by}; tolerance {tolerance} µm")
    if result["adjusted"]:
        lines.append(
            f"  as left       at most {result['as_left_um']} µm off at a point, any sample; {_residual(result)}"
        )
        lines.append(
            f"  holds until   {result['expires'] or 'no last day was named: nobody will be told to calibrate'}"
        )
    lines.append(f"  gauge set     {result['gauge_set'] or 'not named'}")
    lines.append(f"  samples in    {result['span']}")
    return lines


def _residual(result: "Json") -> str:
    return f"with an inner point left out, {result['residual_um']} µm there; tolerance {result['tolerance_um']} µm"


def _affected(result: "Json", affected: "Sequence[Json]") -> list[str]:
    """The sessions since the last good calibration or check, where the pen came out of tolerance."""
    if result["as_found_um"] is None or result["as_found_um"] <= result["tolerance_um"]:
        return []
    since = f"since {result['last_good_at']}, when it was last good" if result["last_good_at"] else "of this pen"
    count = {0: "No session", 1: "1 session"}.get(len(affected), f"{len(affected)} sessions")
    lines = [f"AS FOUND OUT OF TOLERANCE. {count} {since}{':' if affected else '.'}"]
    for row in affected:
        lines.append(f"  {row['id']}  {row['opened_at'][:16].replace('T', ' ')}Z  by {row['practitioner']}")
        lines += [f"      {zone['zone']:<14} {_measured(zone)}" for zone in row["zones"]]
    return lines


def _measured(zone: "Json") -> str:
    if zone["min_um"] is None:
        return "no measured depth"
    return f"measured {mm_range(zone['min_um'], zone['max_um'])} mm"


def _not_within(result: "Json") -> str:
    if not result["adjusted"]:
        return f"this pen is {result['as_found_um']} µm off, over its tolerance of {result['tolerance_um']} µm"
    return (
        f"not within the tolerance of {result['tolerance_um']} µm: as left {result['as_left_um']} µm, residual "
        f"{result['residual_um']} µm. Was a block taken for another? Calibrate again, with more points"
    )


def _um(value: int | None) -> str:
    return "-" if value is None else str(value)


def _signed(value: int | None) -> str:
    return "-" if value is None else f"{value:+d}"


def _lines_of(name: str) -> list[str]:
    from devicelog.errors import UsageProblem

    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageProblem(f"the file of readings {name} cannot be read: {error}") from error
    return text.splitlines()
