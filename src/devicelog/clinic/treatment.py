"""The treatment record of a session: every field that one should hold, and where each comes from. Pure.

The fields are those that laws, regulators, makers and charting templates ask for (docs/treatment-record.md); FIELDS
names each with its basis. What nobody recorded reads `not recorded`; a personal value that was erased, or is not held
where it is read, is None. Not responsible for judging any of it (rules), nor for how it is laid out (words).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from devicelog.canonical import Json
from devicelog.clinic.session_fields import (
    Session,
    acknowledged_of,
    age_of,
    amendments_of,
    attested_of,
    cartridges_of,
    cleared,
    client_of,
    consent,
    course_of,
    detail,
    device_of,
    endpoints_of,
    indication_of,
    label_of,
    never,
    overrides_of,
    practitioner_of,
    screening_of,
    sensors_of,
    told,
    topicals_of,
    visit_of,
    zones_of,
)
from devicelog.clinic.signatures import amendments, read_values
from devicelog.clinic.sitting import NOT_RECORDED, recorded

SCHEMA = "devicelog.treatment/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field. `basis`: L law, R regulator, M maker, T software or template, E evidence, B clinical note, CP common
    practice. `source`: where it comes from. `amended`: the fields of an amendment that correct it or say it at all.
    `personal`: it is in no entry and no document, and a redacted copy does not have it."""

    words: str
    basis: str
    source: str
    of: Callable[[Session], Any]
    amended: tuple[str, ...] = ()
    personal: bool = False


def treatment(session: Session) -> Json:
    """Every field of FIELDS: its value, or `not recorded`. One that was amended has `recorded` and `amended`."""
    changes = amendments(session.own, read_values(session.texts))
    made: Json = {"schema": SCHEMA}
    for key, field in FIELDS.items():
        value = field.of(session)
        newest = {each["field"]: each for each in changes if each["field"] in field.amended}
        value = NOT_RECORDED if value is None and not _gone(session, field) else value
        made[key] = {"recorded": value, "amended": [told(each) for each in newest.values()]} if newest else value
    return made


def _gone(session: Session, field: Field) -> bool:
    """Whether a personal value may have been there: its text was kept, and is not held any more."""
    return field.personal and session.sitting.joined() and session.sitting.known() is None


_LATER = "an amendment (`sessions amend`)"
_TEXT = "what was known of the client when the session of a visit opened, a private text"

FIELDS: dict[str, Field] = {
    "client": Field(words="client", basis="L", source="the session's opening", of=client_of),
    "client_name": Field(words="name", basis="L", source=_TEXT, of=detail("name"), personal=True),
    "client_contact": Field(words="contact", basis="L", source=_TEXT, of=detail("contact"), personal=True),
    "age_verified": Field(words="age verified", basis="L", source=_TEXT, of=age_of, personal=True),
    "screening": Field(
        words="history and contraindications",
        basis="L, R",
        source="the document `clinic` for the word, the private text of the visit for what was answered",
        of=screening_of,
    ),
    "consent_treatment": Field(
        words="consent to treatment",
        basis="L, T",
        source="entered at the desk, before or after",
        of=consent("treatment"),
        amended=("consent",),
    ),
    "consent_photo": Field(
        words="consent to photos",
        basis="L, T",
        source="entered at the desk, before or after",
        of=consent("photo"),
        amended=("consent",),
    ),
    "aftercare_given": Field(
        words="aftercare given",
        basis="L, T",
        source="entered at the desk, before or after",
        of=consent("aftercare"),
        amended=("aftercare",),
    ),
    "fitzpatrick": Field(words="skin type", basis="T, R", source=_TEXT, of=detail("phototype"), personal=True),
    "indication": Field(
        words="indication", basis="T", source="the plan of the visit", of=indication_of, amended=("indication",)
    ),
    "label": Field(
        words="on-label or off-label",
        basis="T",
        source="the rule label.pigment, and the notice acknowledged in the course",
        of=label_of,
        amended=("off_label",),
    ),
    "practitioner": Field(
        words="practitioner",
        basis="T",
        source="the session's opening, and marks `operator`",
        of=practitioner_of,
        amended=("practitioner",),
    ),
    "supervisor": Field(words="supervisor or prescriber", basis="T", source=_LATER, of=never, amended=("supervisor",)),
    "device": Field(words="device", basis="R, T", source="the pen's identity, and the table of devices", of=device_of),
    "clearance": Field(
        words="clearance",
        basis="R, T",
        source="the table of devices",
        of=lambda session: cleared(session).get("clearance"),
    ),
    "ifu": Field(
        words="instructions for use",
        basis="R, T",
        source="the table of devices",
        of=lambda session: cleared(session).get("ifu"),
    ),
    "cartridges": Field(
        words="cartridge",
        basis="R, M",
        source="scanned at the desk, and marks `cartridge`",
        of=cartridges_of,
        amended=("cartridge",),
    ),
    "sterile_pack": Field(
        words="sterile pack intact",
        basis="R, M",
        source="attested when it was fitted",
        of=attested_of,
        amended=("sterile_pack",),
    ),
    "new_for_session": Field(
        words="new for this session", basis="R, M", source="attested when it was fitted", of=attested_of
    ),
    "disposed": Field(words="disposed of", basis="R, M", source=_LATER, of=never, amended=("disposed",)),
    "barrier_sleeve": Field(words="barrier sleeve", basis="R", source=_LATER, of=never, amended=("barrier_sleeve",)),
    "handpiece_cleaned": Field(
        words="handpiece cleaned", basis="R", source=_LATER, of=never, amended=("handpiece_cleaned",)
    ),
    "anaesthetic": Field(
        words="anaesthetic",
        basis="T",
        source="entered at the desk",
        of=lambda session: (
            [
                {key: recorded(row.get(key)) for key in ("product", "on_at", "off_at")}
                for row in session.sitting.anaesthetics()
            ]
            or None
        ),
        amended=("anaesthetic",),
    ),
    "topicals": Field(
        words="topicals",
        basis="E, T",
        source="entered at the desk, of the stock list",
        of=topicals_of,
        amended=("topical",),
    ),
    "zones": Field(
        words="by zone", basis="T, M", source="the derived record", of=zones_of, amended=("speed", "serum", "plan")
    ),
    "endpoints": Field(
        words="end-points", basis="B, T", source="marks `endpoint`", of=endpoints_of, amended=("endpoint",)
    ),
    "photos": Field(words="photos", basis="T", source=_LATER, of=never, amended=("photos",)),
    "response": Field(words="immediate response", basis="T, R", source=_LATER, of=never, amended=("response",)),
    "adverse_events": Field(
        words="adverse events",
        basis="T, R",
        source="entered at the desk, as last followed",
        of=lambda session: session.sitting.events() or None,
    ),
    "aftercare": Field(words="aftercare, what was told", basis="T", source=_LATER, of=never, amended=("aftercare",)),
    "sun_protection": Field(words="sun protection", basis="T", source=_LATER, of=never, amended=("aftercare",)),
    "next_date": Field(words="next date", basis="T", source=_LATER, of=never, amended=("next_date",)),
    "sensors": Field(words="sensors", basis="CP", source="the derived record and its profile", of=sensors_of),
    "amendments": Field(words="amendments", basis="CP", source="`sessions amend`", of=amendments_of),
    # Not in that list, and of the same record.
    "visit": Field(words="visit", basis="ours", source="the document `clinic`", of=visit_of),
    "course": Field(words="course", basis="ours", source="the document `clinic`", of=course_of),
    "overrides": Field(
        words="overrides", basis="ours", source="the document `clinic`, and marks `override`", of=overrides_of
    ),
    "acknowledged": Field(words="acknowledged", basis="ours", source="the document `clinic`", of=acknowledged_of),
}
