"""What the computer's pins say, in words: beside the pen zone by zone, and how far counting them can be trusted."""

from collections.abc import Callable

from devicelog.canonical import Json
from devicelog.words.units import mm, seconds

HEAD = ("pen / pins", "strokes", "passes", "on skin", "set mm", "")


def compared(session: Json) -> list[tuple[str, ...]]:
    """Pen and pins side by side, a row a zone, its cells as in HEAD; none where there is one witness alone."""
    apart = {finding["zone"] for finding in session["findings"] if finding["rule"] == "sensors.disagree"}
    return [_row(zone, zone["zone"] in apart) for zone in session.get("compared") or []]


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


def pins(session: Json) -> list[str]:
    """What counting on the pins promises, a line each; none where no pins were watched."""
    sensors = session.get("sensors")
    if sensors is None:
        return []
    account = sensors["account"]
    lines: list[str] = []
    if (strokes := account["strokes"]) is not None:
        low, high = strokes["low"], strokes["high"]
        told = (
            "no sign of a missed edge; two that are lost together leave none" if low == high else "some may be missed"
        )
        if unwatched := sensors.get("unwatched"):
            told = f"not all of them, nobody watched for a time ({', '.join(unwatched)})"
        lines.append(f"strokes {low if low == high else f'{low} to {high}'}: {told}")
    lines += [said(account[key]) for key, said in _TOLD.items() if account.get(key)]
    return lines


# What the account counts, in words, where it is not nought.
_TOLD: dict[str, Callable[[int], str]] = {
    "watched_us": lambda us: f"watched for {seconds(us)}",
    "stretches": lambda n: f"in {n} stretch{'' if n == 1 else 'es'} without a hole",
    "unwatched_us": lambda us: f"not watched for {seconds(us)} between them",
    "dropped": lambda n: f"edges for which there was no room: {n}",
    "late": lambda n: f"edges that were told late: {n}",
    "strange": lambda n: f"edges of lines that are not wired, or from another time: {n}",
    "impossible_strokes": lambda n: f"strokes sooner after the one before than the motor can: {n}",
}

_FIGURES = ("strokes", "passes", "contact", "set_depth")


def _strokes(told: Json | None) -> str:
    if told is None:
        return "-"
    low, high = told["low"], told["high"]
    return f"{told['pen']} / {low if low == high else f'{low} to {high}'}"


def _pair(told: Json | None, of: Callable[[str], str]) -> str:
    return "-" if told is None else f"{of('pen')} / {of('pins')}"
