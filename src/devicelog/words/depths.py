"""What a finding of depth says to a person: how deep, for how long, beyond whose limit. Used by findings.py alone."""

from collections.abc import Callable

from devicelog.canonical import Json
from devicelog.words.units import mm, seconds

_ALLOWED = {
    "before the session": "; allowed beforehand, with a reason",
    "in time": "; allowed with a reason in record {}, before it went so deep",
    "too late": "; the override in record {} came after it went so deep",
}


def beyond(word: str) -> Callable[[Json], str]:
    """How deep, for how long and beyond which limit."""

    def say(detail: Json) -> str:
        parts = " and ".join(
            f"{name} {mm(detail[f'{name}_um'])} mm for {seconds(detail[f'{name}_for_us'])}"
            for name in ("set", "measured")
            if detail[f"{name}_um"] is not None
        )
        limit, tolerance = mm(detail["limit_um"]), mm(detail["tolerance_um"])
        return f"{parts}; {word} {limit} mm (measured: {'+' if word == 'limit' else '-'}{tolerance} mm tolerance)"

    return say


def limited(detail: Json) -> str:
    """Beyond a limit that a source stands for, and whether somebody allowed it."""
    source = detail["source"] or "source not recorded"
    based = f", {detail['basis']}" if detail.get("basis") else ""
    lent = f", borrowed from {detail['fallback']}" if detail.get("fallback") else ""
    allowed = _ALLOWED[detail["override"]].format(detail.get("override_record")) if "override" in detail else ""
    return f"{beyond('limit')(detail)}; source {source}, evidence {detail['evidence']}{based}{lent}{allowed}"


def threshold(detail: Json) -> str:
    """The depth that a law names, reached."""
    return (
        f"set {mm(detail['set_um'])} mm for {seconds(detail['set_for_us'])}; from {mm(detail['limit_um'])} mm on, that "
        "depth itself included, Scotland asks for more (2026 asp 13, schedule 1)"
    )


def authority(detail: Json) -> str:
    """Deeper than a person may."""
    zones = ", ".join(detail["zones"])
    return f"{detail['person']} set {mm(detail['set_um'])} mm in {zones}; the clinic lets {mm(detail['limit_um'])} mm"


def forbidden(detail: Json) -> str:
    """Needling where nobody may."""
    return f"{seconds(detail['judged_us'])} of needling; source {detail['source'] or 'not recorded'}"
