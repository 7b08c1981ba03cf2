"""Rules of the computer's own pins: what counting them cannot promise, and whether they and the pen say the same."""

from devicelog.canonical import Json
from devicelog.rules.rule import Outcome, found, not_applicable, not_assessable, passed

_WITNESSES = ("pen", "pins")
_LOST = ("dropped", "late", "unwatched_us")
_BLIND = "nobody watched the pins for a part of it or all of it"


def strokes_uncertain(facts: Json, _parameters: Json) -> list[Outcome]:
    """Edges were missed, dropped or impossible: there may have been more strokes than were counted."""
    sensors = facts.get("sensors")
    if sensors is None or sensors["account"]["strokes"] is None:
        return [not_applicable("no pins count strokes here")]
    unwatched = sensors.get("unwatched", ())  # how many strokes a zone had in which nobody watched, no doubt can tell
    blind = [not_assessable(_BLIND, zone) for zone in unwatched]
    doubtful = [
        found({"strokes": row["strokes"]}, row["zone"]) for row in sensors["doubt"] if row["zone"] not in unwatched
    ]
    return [*doubtful, *blind] or [passed()]


def lost(facts: Json, _parameters: Json) -> list[Outcome]:
    """Edges were dropped, missed or told too late, or for a time nobody watched: of any line, whatever it measures.

    An edge that the line of the strokes missed is for `strokes.uncertain` alone.
    """
    sensors = facts.get("sensors")
    if sensors is None:
        return [not_applicable("no pins were watched")]
    account = sensors["account"]
    missed = {row["line"]: row["missed"] for row in account["lines"] if row["missed"] and row["line"] != "strokes"}
    told = {name: account[name] for name in _LOST}
    return (
        [found({**told, "missed": missed, "passes": account["passes"]})] if missed or any(told.values()) else [passed()]
    )


def disagree(facts: Json, parameters: Json) -> list[Outcome]:
    """What the pen says of a zone and what the pins say are further apart than two honest witnesses are."""
    compared = facts.get("compared")
    if compared is None:
        return [not_applicable("there are not two witnesses: pen or pins alone")]
    unwatched = facts.get("sensors", {}).get("unwatched", ())
    return [
        not_assessable(_BLIND, zone["zone"]) if zone["zone"] in unwatched else _compared(zone, parameters)
        for zone in compared
    ] or [not_applicable("nothing was needled")]


def _compared(zone: Json, parameters: Json) -> Outcome:
    apart = {name: zone[name] for name in _BY_NAME if zone[name] is not None and not _BY_NAME[name](zone, parameters)}
    if apart:
        return found(apart, zone["zone"])
    if all(zone[name] is None for name in _BY_NAME):
        return not_applicable("the pen and the pins measure nothing that both have", zone["zone"])
    return passed(zone["zone"])


def _strokes(zone: Json, parameters: Json) -> bool:
    strokes = zone["strokes"]
    spare = _spare(strokes["pen"], parameters["strokes_ppm"], parameters["strokes_least"])
    return bool(strokes["low"] - spare <= strokes["pen"] <= strokes["high"] + spare)


def _contact(zone: Json, parameters: Json) -> bool:
    pen_us, pins_us = (zone["contact"][f"{who}_us"] for who in _WITNESSES)
    spare_us = _spare(max(pen_us, pins_us), parameters["contact_ppm"], parameters["contact_least_us"])
    return bool(abs(pen_us - pins_us) <= spare_us)


def _set_depth(zone: Json, parameters: Json) -> bool:
    pen_um, pins_um = (zone["set_depth"][f"{who}_um"] for who in _WITNESSES)
    return bool(abs(pen_um - pins_um) <= parameters["depth_um"])


def _passes(zone: Json, _parameters: Json) -> bool:
    return bool(zone["passes"]["pen"] == zone["passes"]["pins"])


def _spare(of: int, ppm: int, least: int) -> int:
    return max(least, of * ppm // 1_000_000)


_BY_NAME = {"strokes": _strokes, "passes": _passes, "contact": _contact, "set_depth": _set_depth}
