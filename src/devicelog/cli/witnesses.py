"""What the computer's pins say, as text: beside the pen zone by zone, and how far counting them can be trusted."""

from collections.abc import Callable

from devicelog.canonical import Json
from devicelog.cli.common import table
from devicelog.cli.units import mm, seconds


def compared_text(session: Json) -> str:
    """Pen and pins side by side, zone by zone; empty where there is one witness alone."""
    compared = session.get("compared") or []
    if not compared:
        return ""
    apart = {finding["zone"] for finding in session["findings"] if finding["rule"] == "sensors.disagree"}
    rows: list[tuple[str, ...]] = [("pen / pins", "strokes", "passes", "on skin", "set mm", "")]
    rows += [_row(zone, zone["zone"] in apart) for zone in compared]
    return "\n".join("  " + line for line in table(rows))


def _row(zone: Json, apart: bool) -> tuple[str, ...]:
    passes, contact, set_depth = zone["passes"], zone["contact"], zone["set_depth"]
    told = any(zone[name] for name in _FIGURES)
    return (
        zone["zone"],
        _strokes(zone["strokes"]),
        _pair(passes, lambda who: str(passes[who])),
        _pair(contact, lambda who: seconds(contact[f"{who}_us"])),
        _pair(set_depth, lambda who: mm(set_depth[f"{who}_um"])),
        "DISAGREE" if apart else "agree" if told else "-",
    )


def pins_text(session: Json) -> str:
    """What counting on the pins promises; empty where no pins were watched."""
    sensors = session.get("sensors")
    if sensors is None:
        return ""
    account = sensors["account"]
    lines = ["Pins:"]
    if (strokes := account["strokes"]) is not None:
        low, high = strokes["low"], strokes["high"]
        exact = "no miss was possible that would not have shown" if low == high else "some may have been missed"
        lines.append(f"  strokes {low if low == high else f'{low} to {high}'}: {exact}")
    lines += [f"  {key.replace('_', ' ')} {value}" for key, value in account.items() if type(value) is int and value]
    return "\n".join(lines)


_FIGURES = ("strokes", "passes", "contact", "set_depth")


def _strokes(told: Json | None) -> str:
    if told is None:
        return "-"
    low, high = told["low"], told["high"]
    return f"{told['pen']} / {low if low == high else f'{low} to {high}'}"


def _pair(told: Json | None, of: Callable[[str], str]) -> str:
    return "-" if told is None else f"{of('pen')} / {of('pins')}"
