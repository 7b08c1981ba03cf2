"""The documents `limits` and `clinic` of a session as deriving reads them. Pure.

Sessions before 0.5.0 have neither: then nothing is known of them, and the rules say so. Looked at here is only what
deriving relies on; what the numbers mean stands where they are made.
"""

from types import NoneType

from devicelog.canonical import Json

LIMITS_SCHEMA = "devicelog.limits/1"
CLINIC_SCHEMA = "devicelog.clinic/1"

_DEPTHS = ("min_um", "max_um", "hard_max_um")
# What the rules look at in a clinic document; None stands for what was not recorded.
_CLINIC: dict[str, tuple[type, ...]] = {
    "indication": (str, NoneType),
    "day": (str, NoneType),
    "practitioner": (dict,),
    "checks": (list,),
    "client": (dict,),
    "before_unsure": (bool,),
    "interval_min_days": (int, NoneType),
    "interval_max_days": (int, NoneType),
}
_ROWS = ("consents", "anaesthetic", "topicals", "cartridges", "overrides", "acknowledged", "before", "visit_done")


def read_limits(document: Json) -> Json:
    """A limits document as it was kept. Raises ValueError when it cannot be one."""
    zones, threshold = document.get("zones"), document.get("threshold")
    if document.get("schema") != LIMITS_SCHEMA or not isinstance(zones, list) or not isinstance(threshold, dict):
        raise ValueError(f"not a limits document of schema {LIMITS_SCHEMA}")
    if type(threshold.get("depth_um")) is not int:
        raise ValueError(f"a threshold that is none: {threshold!r}")
    for zone in zones:
        if not isinstance(zone, dict) or not isinstance(zone.get("zone"), str):
            raise ValueError(f"limits of no zone: {zone!r}")
        for key in _DEPTHS:
            if zone.get(key) is not None and type(zone[key]) is not int:
                raise ValueError(f"{zone['zone']}: {key} = {zone[key]!r}")
    return document


def read_clinic(document: Json) -> Json:
    """A clinic document as it was kept. Raises ValueError when it cannot be one."""
    if document.get("schema") != CLINIC_SCHEMA:
        raise ValueError(f"not a clinic document of schema {CLINIC_SCHEMA}")
    for key, types in _CLINIC.items():
        if type(document.get(key, ...)) not in types:
            raise ValueError(f"{key} = {document.get(key)!r} in a clinic document")
    for key in _ROWS:
        if type(document.get(key)) is not list or any(type(row) is not dict for row in document[key]):
            raise ValueError(f"{key} = {document.get(key)!r} in a clinic document; expected a list of objects")
    if type(unread := document.get("unread", [])) is not list or any(type(name) is not str for name in unread):
        raise ValueError(f"unread = {unread!r} in a clinic document; expected a list of its keys")
    if not {"person", "authority_um"} <= document["practitioner"].keys() or "result" not in document["client"]:
        raise ValueError("a clinic document that does not say who holds the pen, or what is known of the client")
    return document


def zone_limits(limits: Json | None, zone: str) -> Json | None:
    """What a limits document says of a zone: `min_um`, `max_um` and `hard_max_um`, None where it says none."""
    row = zone_row(limits, zone)
    return {key: row.get(key) for key in _DEPTHS} if row else None


def zone_row(limits: Json | None, zone: str) -> Json | None:
    """All that a limits document says of a zone; None where it does not name it, or there is none."""
    return next((row for row in (limits["zones"] if limits else ()) if row["zone"] == zone), None)


def limits_facts(limits: Json | None) -> Json | None:
    """What the rules read of a limits document."""
    if limits is None:
        return None
    return {key: limits.get(key) for key in ("version", "overlay", "indication", "modality", "zones")}


def fitted_first(clinic: Json | None) -> str | None:
    """The cartridge that was on when the session began: the newest that was fitted before."""
    fitted = clinic["cartridges"] if clinic else []
    return fitted[-1].get("cartridge") if fitted else None
