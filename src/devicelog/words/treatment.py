"""The treatment record in words: sections of lines, the same for a terminal and for a printed report. Pure.

What nobody recorded is named at the end of its section. Where a personal value is not there, `absent` says why: it was
erased, or it is left out for whoever reads this.
"""

from collections.abc import Callable
from dataclasses import dataclass

from devicelog.canonical import Json
from devicelog.words.units import mm, seconds

NOT_RECORDED = "not recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A section: `lines` are a name and what it is; `missing` what of it was not recorded."""

    heading: str
    lines: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]


Rows = tuple[tuple[str, str, Callable[..., str]], ...]


def parts(session: Json, absent: str) -> list[Part]:
    """The sections before and after the table of zones, in order; none of what was recorded outside a session."""
    record = session.get("treatment")
    return [] if record is None else [_part(record, heading, rows, absent) for heading, rows in _PARTS.items()]


def overrides(session: Json, absent: str) -> list[str]:
    """What was allowed, before and while it ran, a line each."""
    rows = recorded((session.get("treatment") or {}).get("overrides"))
    return [_override(row, absent) for row in rows] if isinstance(rows, list) else []


# --- sections ---------------------------------------------------------------------------------------------------------


def _part(record: Json, heading: str, rows: Rows, absent: str) -> Part:
    lines, missing = [], []
    for key, name, say in rows:
        told = record[key]
        value = recorded(told)
        if key == "client" and not (isinstance(value, dict) and value["corrected"]):
            continue  # who it is stands at the head
        if value == NOT_RECORDED:
            missing.append(name)
        else:
            each = value if isinstance(value, list) else [value]
            lines += [(name, absent if one is None else say(one, absent)) for one in each]
        lines += [(name, f"AMENDED {amended(made, absent)}") for made in changes(told)]
    said = {name for name, _ in lines}  # by an amendment, where nothing was recorded
    return Part(heading=heading, lines=tuple(lines), missing=tuple(name for name in missing if name not in said))


def recorded(told: object) -> object:
    """The value of a field as it was recorded."""
    return told["recorded"] if isinstance(told, dict) and told.keys() == {"recorded", "amended"} else told


def changes(told: object) -> list[Json]:
    """The newest amendments of a field."""
    return told["amended"] if isinstance(told, dict) and told.keys() == {"recorded", "amended"} else []


def amended(made: Json, absent: str) -> str:
    """What an amendment says."""
    text = absent if made["erased"] or made["text"] is None else made["text"]
    return f"{made['field']}: {text} (amendment {made['number']}, {made['at'][:10]} by {made['by']})"


def _plain(value: object, _absent: str) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _client(value: Json, absent: str) -> str:
    """The desk did not know who it was."""
    told = absent if value["code"] is None else str(value["code"])
    return f"{told}, CORRECTED LATER: what the desk said before the session was said of somebody else"


def _age(value: Json, _absent: str) -> str:
    return f"born {value['born']}, {'seen on a paper' if value['verified'] else 'not verified'}"


_READ = {True: "acknowledged in the course", False: "not acknowledged in a course"}


def _screening(value: Json, absent: str) -> str:
    told = [f"suitability {value['result']}"]
    rows = value["rows"] if isinstance(value["rows"], list) else []
    unknown = [row["detail"] for row in rows if row["result"] == "not assessable"]
    if value["result"] == NOT_RECORDED and 0 < len(unknown) < len(rows):
        told[0] = f"suitability not recorded in whole, for {', and '.join(unknown)}"
    if value["screened_at"] not in (None, NOT_RECORDED):
        told[0] += f", asked {value['screened_at']}"
    if value["rows"] is None:
        told.append(f"what was answered: {absent}")
    elif value["rows"] != NOT_RECORDED:
        told += [f"{row['detail']}" for row in value["rows"] if row["result"] != "not assessable"]
        for word in value["words"] or ():
            given_for = ", ".join([*word["questions"], *word.get("found", [])])
            told.append(f"word given by {word['by']} for {given_for}: {word['reason']}")
    if isinstance(value["notices"], list):
        told += [f"notice {row['notice']}: {_READ[bool(row['acknowledged'])]}" for row in value["notices"]]
    told += [f"asked again {row['at']} by {row['by']}: {row['result']}" for row in value["since"]]
    return "; ".join(told)


def _consent(value: Json, _absent: str) -> str:
    given = "given" if value["given"] else "REFUSED"
    signed = " and ".join(value["signed"]) or "nobody"
    return f"{given}, signed by {signed}, {value['at']} (entered by {value['by']})"


def _label(value: Json, _absent: str) -> str:
    course = f" {value['acknowledged_in']}" if value["acknowledged_in"] else ""
    known = f"acknowledged in course{course}" if value["acknowledged"] else "not acknowledged in a course"
    return f"{value['use']}: {value['notice']}; {known}; reason {value['reason']}"


def _practitioner(value: Json, _absent: str) -> str:
    told = [str(value["person"])]
    if value["registered"] is False:
        told.append("not registered here")
    if value["authority_um"] != NOT_RECORDED:
        told.append(f"may go to {mm(value['authority_um'])} mm")
    told += [f"handed over to {row['person']} at {seconds(row['at_us'])}" for row in value["handed_over"]]
    return ", ".join(told)


def _device(value: Json, _absent: str) -> str:
    told = f"maker {value['maker']}, model {value['model']}, serial {value['serial']}"
    cartridge = value["cartridge_told"]
    return told if cartridge == NOT_RECORDED else f"{told}; it says that its cartridge is {cartridge}"


def _cartridge(value: Json, _absent: str) -> str:
    length = value["length_um"]
    told = [f"{value['cartridge']}", f"maker {value['maker']}, item {value['item']}", f"needles {value['needles']}"]
    told.append(f"length {length if length == NOT_RECORDED else mm(length) + ' mm'}")
    told += [f"lot {value['lot']}", f"expires {value['expires']}", f"serial {value['serial']}"]
    told.append(f"identity: {value['identity']}")
    told.append(f"new and pack intact: {_plain(value['new_and_pack_intact'], '')}")
    if value["used_before"] not in (NOT_RECORDED, 0):
        told.append(f"USED {value['used_before']} TIMES BEFORE{', with a reason' if value['overridden'] else ''}")
    return ", ".join(told) + ("; fitted while it ran" if value["changed_to"] else "")


def _anaesthetic(value: Json, _absent: str) -> str:
    return f"{value['product']}, on {value['on_at']}, off {value['off_at']}"


def _topical(value: Json, _absent: str) -> str:
    ingredients = value["ingredients"]
    listed = ingredients if isinstance(ingredients, str) else ", ".join(ingredients)
    told = f"{value['when']}: {value['product']}, lot {value['lot']}, expires {value['expires']}, of {listed}"
    flag = {True: "; HAS ASCORBIC ACID", False: "; no ascorbic acid named"}.get(value["ascorbic"], "")
    warned = f"; WARNING: {value['warning']}" if value.get("warning") else ""
    return f"{told}{flag}; patch test {_plain(value['patch_test'], '')}{warned}"


def _sensors(value: Json, _absent: str) -> str:
    source = value["source"]
    told = source if isinstance(source, str) else ", ".join(source)
    gaps = value["gaps"]
    return (
        f"{told}; firmware {value['firmware']}; calibration {value['calibration']}, here {value['calibrated_here']}; "
        f"gaps: {gaps['long']} and {gaps['short']} short; accounts {'close' if value['accounts_close'] else 'OPEN'}"
    )


def _event(value: Json, absent: str) -> str:
    if value["type"] is None:
        return f"{value['event']}, entered {value['at']} by {value['by']}: {absent}"
    told = f"{value['type']}, {value['severity']}, onset {value['onset']}, outcome {value['outcome']}"
    words = f": {value['words']}" if value["words"] else ""
    reported = "reported" if value["reported"] else "not reported"
    return f"{value['event']}: {told}, {reported}{words}; entered {value['at']} by {value['by']}"


def _endpoint(value: Json, _absent: str) -> str:
    return f"{value['zone']}: {value['grade']} at {seconds(value['at_us'])}"


def _visit(value: Json, _absent: str) -> str:
    named = f"{value['visit']}, " if value["visit"] else ""
    return f"{named}part {value['part']} as known when it opened"


def _course(value: Json, _absent: str) -> str:
    named = f"{value['course']}: " if value["course"] else ""
    return f"{named}{value['done_before']} done before, of {value['planned']} planned"


def _notice(value: Json, _absent: str) -> str:
    return f"{value['notice']}, version {value['version']}"


def _override(row: Json, absent: str) -> str:
    where = f" in {row['zone']}" if row["zone"] else ""
    when = "before the session" if row["when"] == "before" else f"at {seconds(row['at_us'])} by {row['by']}"
    return f"{row['rule']}{where}, {when}: {absent if row['reason'] is None else row['reason']}"


_PARTS: dict[str, Rows] = {
    "People and consent": (
        ("client", "client", _client),
        ("client_name", "name", _plain),
        ("client_contact", "contact", _plain),
        ("age_verified", "age", _age),
        ("fitzpatrick", "skin type", _plain),
        ("screening", "screening", _screening),
        ("consent_treatment", "consent", _consent),
        ("consent_photo", "photo consent", _consent),
        ("indication", "indication", _plain),
        ("label", "label", _label),
        ("practitioner", "practitioner", _practitioner),
        ("supervisor", "supervisor", _plain),
        ("visit", "visit", _visit),
        ("course", "course", _course),
        ("acknowledged", "acknowledged", _notice),
    ),
    "Device and cartridge": (
        ("device", "device", _device),
        ("clearance", "clearance", _plain),
        ("ifu", "instructions", _plain),
        ("cartridges", "cartridge", _cartridge),
        ("sterile_pack", "sterile pack", _plain),
        ("new_for_session", "new", _plain),
        ("disposed", "disposed of", _plain),
        ("barrier_sleeve", "barrier sleeve", _plain),
        ("handpiece_cleaned", "cleaned", _plain),
        ("anaesthetic", "anaesthetic", _anaesthetic),
        ("topicals", "topical", _topical),
        ("sensors", "sensors", _sensors),
    ),
    "Response and aftercare": (
        ("endpoints", "end-point", _endpoint),
        ("response", "response", _plain),
        ("adverse_events", "adverse event", _event),
        ("photos", "photos", _plain),
        ("aftercare_given", "aftercare", _consent),
        ("aftercare", "told", _plain),
        ("sun_protection", "sun protection", _plain),
        ("next_date", "next date", _plain),
    ),
}
