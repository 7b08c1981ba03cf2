"""What a finding of the clinic's rules says to a person: passes, end-points, interval, cartridge, topical, notices.

Nothing personal: a finding has none. Used by findings.py alone.
"""

from collections.abc import Callable, Mapping

from devicelog.canonical import Json
from devicelog.words.units import seconds, times


def _odd(detail: Json) -> str:
    if detail["judged_us"]:
        return f"{seconds(detail['judged_us'])} of needling, and nobody counted a pass"
    return f"{_counted(detail['passes'])} counted, and no needling was seen"


def _counted(n: int) -> str:
    return "1 pass" if n == 1 else f"{n} passes"


def _ago(days: int) -> str:
    return "today" if not days else "1 day ago" if days == 1 else f"{days} days ago"


def _interval(detail: Json) -> str:
    return f"treated here {_ago(detail['days'])}; {detail['limit_days']} days are usual at least"


def _planned_interval(detail: Json) -> str:
    least, most = detail["min_days"], detail["max_days"]
    meant = f"at most {most}" if least is None else f"at least {least}" if most is None else f"{least} to {most}"
    return f"treated here {_ago(detail['days'])}; {meant} days are intended"


def _cartridges(*keys: str) -> Callable[[Json], str]:
    def say(detail: Json) -> str:
        return "; ".join(
            ", ".join(f"{key} {row[key] or 'not recorded'}" for key in keys) for row in detail["cartridges"]
        )

    return say


def _no_cartridge(detail: Json) -> str:
    if not detail["cartridges"]:
        return "none was recorded"
    return f"neither lot nor serial of {', '.join(detail['cartridges'])}"


def _reused(detail: Json) -> str:
    rows = [
        # one that was put on while it ran is named by its id: its mark says whether it has a serial number, not which
        {**row, "serial": row["cartridge"] if isinstance(row["serial"], bool) else row["serial"]}
        for row in detail["cartridges"]
    ]
    return _cartridges("serial", "lot")({"cartridges": rows}) + ("; used with a reason" if detail["overridden"] else "")


def _ascorbic(detail: Json) -> str:
    return "; ".join(
        f"{row['product']} (lot {row['lot'] or 'not recorded'}), {row['when']}" for row in detail["products"]
    )


def _off_label(detail: Json) -> str:
    known = {True: "; acknowledged in this course", False: "; not yet acknowledged in this course"}
    return f"done for {detail['indication']}" + (known[detail["acknowledged"]] if detail["course"] else "")


SENTENCES: Mapping[str, Callable[[Json], str]] = {
    "passes.odd": _odd,
    "endpoint.continuous": lambda detail: f"noted {times(detail['n'])}, first at {seconds(detail['at_us'])}",
    "endpoint.missing": lambda detail: f"{seconds(detail['judged_us'])} of needling, and no end-point was noted",
    "interval.short": _interval,
    "interval.plan": _planned_interval,
    "client.checks": lambda detail: "a reason was given" if detail["result"] == "word given" else "no reason was given",
    "consent.missing": lambda detail: f"consent to the treatment: {detail['consent']}",
    "cartridge.missing": _no_cartridge,
    "cartridge.expired": lambda detail: f"{_cartridges('lot', 'expires')(detail)}; it was {detail['day']}",
    "cartridge.reused": _reused,
    "topical.ascorbic": _ascorbic,
    "topical.no_lot": lambda detail: f"no lot was recorded of {', '.join(detail['products'])}",
    "label.pigment": _off_label,
}
