"""`pens check`: what a profile makes of a capture of another maker's pen, line by line. Opens no port.

The lines go through the decoder that records: what is told here is what a recording would make of them. The capture is
read in pieces and told as it is read, however big it is.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.common import json_option

if TYPE_CHECKING:
    from devicelog.canonical import Json
    from firmware_bridge.lines import Line, LineDecoder
    from firmware_bridge.profile import PenProfile
    from firmware_bridge.readings import SampleBlock

_CHECK_FAILED = 3
_PIECE = 1 << 16
_CUT = ("head", "tail")  # by where the capture begins and ends: no fault of the profile


@click.command("check")
@click.argument("profile_name", metavar="PROFILE")
@click.option(
    "--capture",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What came from the pen, byte for byte.",
)
@click.option("--rejected", "only_rejected", is_flag=True, help="Only the lines that were rejected.")
@json_option
def check_lines(profile_name: str, capture: Path, only_rejected: bool, as_json: bool) -> int:
    """Show line by line what a profile makes of a capture of a pen that sends text, and why it rejects what it rejects.

    PROFILE is a name, or a path ending in .toml. Exit 0: every line is read. Exit 3: one is rejected, or there is no
    sample in it.
    """
    from devicelog.errors import UsageProblem
    from firmware_bridge.lines import LineDecoder
    from firmware_bridge.profiles import load_profile

    profile = load_profile(profile_name)
    if profile.lines is None:
        raise UsageProblem(f"{profile_name} is no profile of a pen that sends lines: it has no [lines]")
    decoder, counts = LineDecoder(profile.lines), Counter[str]()
    told = (row for row in _rows(decoder, capture, profile, counts) if not only_rejected or row["result"] == "rejected")
    if as_json:
        _print_json(told, profile, decoder, counts)
    else:
        for row in told:
            sys.stdout.write(_text(row) + "\n")
        click.echo("\n".join(_summary_text(_summary(decoder, counts))))
    return 0 if _good(_summary(decoder, counts)) else _CHECK_FAILED


def _rows(decoder: "LineDecoder", capture: Path, profile: "PenProfile", counts: Counter[str]) -> "Iterator[Json]":
    with capture.open("rb") as file:
        while piece := file.read(_PIECE):
            for line in decoder.take(piece):
                yield _row(line, profile, counts)
    for line in decoder.take_rest():
        yield _row(line, profile, counts)


def _row(line: "Line", profile: "PenProfile", counts: Counter[str]) -> "Json":
    from firmware_bridge.readings import Fault, Heartbeat, SampleBlock

    row: Json = {"number": line.number, "offset": line.offset, "text": _shown(line.data)}
    match line.readings[0]:
        case Fault() as fault:
            row |= {"result": "rejected", "kind": fault.kind, "why": fault.why}
            counts[f"rejected {fault.kind}"] += 1
        case SampleBlock() as block:
            row |= {"result": "sample", "values": _values(block, profile.untold)}
        case Heartbeat() as heartbeat:
            row |= {"result": "pass", "values": {"passes": heartbeat.passes}}
        case _:
            row["result"] = "ignored"
    counts[row["result"]] += 1
    return row


def _values(block: "SampleBlock", untold: tuple[str, ...]) -> "Json":
    values = {
        "depth_set_um": block.depth_set_um,
        "depth_um": block.depth_um and block.depth_um[0],
        "raw_count": block.raw_count and block.raw_count[0],
        "frequency_dhz": block.frequency_dhz and block.frequency_dhz[0],
        "contact": block.contact_bits,
        "motor_on": int(block.motor_on),
        "passes": block.passes,
        "strokes": block.strokes,
        "seq": None if "numbers" in untold else block.seq,
        "pen_t_us": None if "clock" in untold else block.t_us,
        "boot": None if "restarts" in untold else block.boot,
    }
    return {name: value for name, value in values.items() if value is not None}


def _shown(data: bytes) -> str:
    """The bytes as text, on one line, whatever they are."""
    return data.decode("latin-1").encode("unicode_escape").decode("ascii")


def _text(row: "Json") -> str:
    head = f"{row['number']:>6}  {row['result']:<8}  {row['text']}"
    if row["result"] == "rejected":
        return f"{head}\n{'':>8}{row['kind']}: {row['why']}"
    values = row.get("values")
    return head + (f"\n{'':>8}" + " ".join(f"{name}={value}" for name, value in values.items()) if values else "")


def _summary(decoder: "LineDecoder", counts: Counter[str]) -> "Json":
    rejected = {name.removeprefix("rejected "): n for name, n in counts.items() if name.startswith("rejected ")}
    framed, refused, endings = decoder.framed_bytes, decoder.rejected_bytes, decoder.delimiter_bytes
    return {
        "samples": counts["sample"],
        "passes": counts["pass"],
        "ignored": counts["ignored"],
        "cut": sum(rejected.get(kind, 0) for kind in _CUT),
        "rejected": [{"kind": kind, "n": n} for kind, n in sorted(rejected.items()) if kind not in _CUT],
        "bytes": {"read": framed + refused + endings, "framed": framed, "rejected": refused, "delimiters": endings},
    }


def _good(summary: "Json") -> bool:
    return bool(summary["samples"]) and not summary["rejected"]


def _summary_text(summary: "Json") -> list[str]:
    n_bytes = summary["bytes"]
    lines = [
        f"samples {summary['samples']}, lines of a pass {summary['passes']}, ignored {summary['ignored']}",
        f"rejected {sum(row['n'] for row in summary['rejected'])}"
        + "".join(f", {row['kind']} {row['n']}" for row in summary["rejected"])
        + f"; cut by the capture's beginning or end {summary['cut']}",
        f"bytes {n_bytes['read']} = framed {n_bytes['framed']} + rejected {n_bytes['rejected']} "
        f"+ delimiters {n_bytes['delimiters']}",
    ]
    if not summary["samples"]:
        lines.append("NOT READ: not one line is a sample")
    elif summary["rejected"]:
        lines.append("NOT ALL READ: the reason stands under each line; --rejected shows only those")
    else:
        lines.append("every line is read")
    return lines


def _print_json(rows: "Iterator[Json]", profile: "PenProfile", decoder: "LineDecoder", counts: Counter[str]) -> None:
    """One object, written as its lines come; `summary` stands last."""
    write = sys.stdout.write
    write('{"schema": "devicelog.pencheck/1", "profile": ' + json.dumps(profile.name) + ', "lines": [')
    comma = "\n"
    for row in rows:
        write(comma + json.dumps(row, sort_keys=True))
        comma = ",\n"
    summary = _summary(decoder, counts)
    write('\n], "ok": ' + json.dumps(_good(summary)) + ', "summary": ' + json.dumps(summary, sort_keys=True) + "}\n")
