"""What was measured, found or could not be checked, as the elements of FHIR Observations. Pure.

A value that is not there says why (`dataAbsentReason`); none is made up, and none is 0 because it is missing. A check
that could not run is an Observation without a value: it never reads as passed.
"""

from collections.abc import Iterator
from typing import Any

from devicelog.canonical import Json, canonical
from devicelog.packages.redaction import Shown

_UCUM = "http://unitsofmeasure.org"
_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_ABSENT_WORDS = {
    "unknown": "Unknown",
    "unsupported": "Unsupported",
    "not-performed": "Not Performed",
    "temp-unknown": "Temporarily Unknown",
}
_UNITS = {"um": "µm", "s": "s", "Hz": "Hz", "{pass}": "passes"}
_NOT_TISSUE = "not depth reached in tissue"


def coded(system: str, code: str, display: str) -> Json:
    """A Coding."""
    return {"system": system, "code": code, "display": display}


def text_of(text: str) -> str:
    """Text that FHIR takes: no other blank than a space, and not empty."""
    return (
        "".join(" " if character.isspace() or ord(character) < 32 else character for character in text).strip() or "?"
    )


def zone_observations(session: Shown, zone: Json) -> Iterator[tuple[str, Json]]:
    """What was measured in a zone: for each measure its role, and `code` with a value or why there is none."""
    yield "depth", _measured(session, zone)
    yield "set-depth", _set(session, zone)
    yield "passes", _passes(session, zone)
    yield "on-skin", _on_skin(session, zone)
    yield "frequency", _frequency(session, zone)


def assessments(session: Shown) -> Iterator[tuple[str | None, Json]]:
    """What was found, and what could not be checked: its zone, and the elements. What passed is not told."""
    found = iter(session["findings"])
    for row in session["assessments"]:
        head: Json = {"code": {"text": f"check {row['rule']}, version {row['version']}"}}
        if row["result"] == "found":
            finding = next(found)
            detail = text_of(canonical(finding["detail"]).decode())
            yield (
                row["zone"],
                {
                    **head,
                    "valueString": text_of(finding["message"]),
                    "component": [
                        {"code": {"text": "severity"}, "valueString": finding["severity"]},
                        {"code": {"text": "figures"}, "valueString": detail},
                    ],
                },
            )
        elif row["result"] == "not assessable":
            yield row["zone"], {**head, **_absent("not-performed", f"could not be checked: {row['why']}")}


def verdict(session: Shown) -> Json:
    """The verdict of the record; it says nothing of the treatment."""
    head = {"code": {"text": "verdict on the record of the session"}}
    if session["verdict"] is None:
        return {**head, **_absent("temp-unknown" if session["closed_at"] is None else "unknown", "there is no verdict")}
    return {**head, "valueString": session["verdict"]}


# --- one measure each -------------------------------------------------------------------------------------------------


def _measured(session: Shown, zone: Json) -> Json:
    head = {"code": {"text": f"measured needle depth ({_NOT_TISSUE})"}}
    depth = zone["depth"]
    if depth is None:
        return {**head, **_missing(session, zone, "depth", "no depth was measured")}
    return {**head, **_partly(zone, depth["n"]), **_components(depth, "um", 1)}


def _set(session: Shown, zone: Json) -> Json:
    head = {"code": {"text": f"set needle depth ({_NOT_TISSUE})"}}
    sets_um = [row["depth_set_um"] for row in zone["at_set_depth"]]
    if not sets_um:
        return {**head, **_missing(session, zone, "set_depth", "the pen said no setting")}
    least, most = (_component(word, um, "um", 1) for word, um in (("minimum", min(sets_um)), ("maximum", max(sets_um))))
    return {**head, "component": [least, most]}


def _passes(session: Shown, zone: Json) -> Json:
    head: Json = {"code": {"text": "passes"}}
    passes = zone["passes"]
    counts = {"by the pen": passes["pen"], "marked by the operator": passes["operator"]}
    component = [_component(word, n, "{pass}", 1) for word, n in counts.items() if n is not None]
    if passes["low"] is None:
        code = "unknown" if _measures(session, "passes") else "unsupported"
        return {**head, **_absent(code, "nobody counted passes")}
    if passes["low"] == passes["high"]:
        head["valueQuantity"] = _quantity(passes["low"], "{pass}", 1)
    else:
        head["valueRange"] = {
            "low": _quantity(passes["low"], "{pass}", 1),
            "high": _quantity(passes["high"], "{pass}", 1),
        }
    return {**head, "component": component}


def _on_skin(session: Shown, zone: Json) -> Json:
    head: Json = {"code": {"text": "time on the skin"}}
    known_us, unknown_us = zone["contact_us"], zone["contact_unknown_us"]
    if not unknown_us:
        return {**head, "valueQuantity": _quantity(known_us, "s", 1_000_000)}
    code = "unknown" if _measures(session, "contact") else "unsupported"
    component = [
        _component("known to be on the skin", known_us, "s", 1_000_000),
        _component("motor on, contact not known", unknown_us, "s", 1_000_000),
    ]
    return {**head, **_absent(code, "contact is not known for a part of it or all of it"), "component": component}


def _frequency(session: Shown, zone: Json) -> Json:
    head = {"code": {"text": "stroke frequency"}}
    frequency = zone["frequency"]
    if frequency is None:
        return {**head, **_missing(session, zone, "frequency", "no frequency was recorded")}
    return {**head, **_partly(zone, frequency["n"]), **_components(frequency, "Hz", 10)}


def _missing(session: Shown, zone: Json, measure: str, words: str) -> Json:
    """Why a zone has nothing of a measure: the pen has none, nothing was needled, or it did not come."""
    if not _measures(session, measure):
        return _absent("unsupported", f"{words}: this kind of pen does not")
    if not zone["judged"]:
        return _absent("not-performed", f"{words}: the pen was not on the skin here")
    return _absent("unknown", words)


def _measures(session: Shown, measure: str) -> bool:
    """Whether this kind of pen measures it, as far as it is known: engine 1 did not say."""
    return "expected" not in session or measure in session["expected"]["measures"]


def _partly(zone: Json, n: int) -> Json:
    """A note where only a part of the samples came with a value."""
    return (
        {} if n == zone["judged"] else {"note": [{"text": f"of {n} of {zone['judged']} samples; the others had none"}]}
    )


def _components(values: Json, unit: str, parts: int) -> Json:
    stem = {"um": "um", "Hz": "dhz"}[unit]
    told = (("minimum", values[f"min_{stem}"]), ("mean", values[f"mean_{stem}"]), ("maximum", values[f"max_{stem}"]))
    return {"component": [_component(word, value, unit, parts) for word, value in told]}


def _component(word: str, value: int, unit: str, parts: int) -> Json:
    return {"code": {"text": word}, "valueQuantity": _quantity(value, unit, parts)}


def _quantity(value: int, unit: str, parts: int) -> Json:
    """`parts` of the value make one of the unit."""
    number: Any = value if parts == 1 else value / parts
    return {"value": number, "unit": _UNITS[unit], "system": _UCUM, "code": unit}


def _absent(code: str, words: str) -> Json:
    return {"dataAbsentReason": {"coding": [coded(_ABSENT, code, _ABSENT_WORDS[code])], "text": text_of(words)}}
