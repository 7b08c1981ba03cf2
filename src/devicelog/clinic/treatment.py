"""The treatment record of a session: every field that one should hold, and where each comes from. Pure.

The fields are those that laws, regulators, makers and charting templates ask for (docs/treatment-record.md); FIELDS
names each with its basis. What nobody recorded reads `not recorded`; a personal value that was erased, or is not held
where it is read, is None. Not responsible for judging any of it (rules), nor for how it is laid out (words).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devicelog.canonical import Json
from devicelog.clinic.signatures import amendments, read_values
from devicelog.clinic.sitting import NOT_RECORDED, Sitting, recorded
from devicelog.clinic.treated_zones import treated_zones
from devicelog.clinical.ascorbic import ascorbic
from devicelog.ledger.entries import Entry

SCHEMA = "devicelog.treatment/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """All that a treatment record is made of.

    `opening`: body of the opening entry; `documents`: of the session by name; `facts`: of one derived record;
    `notes`: as `sessions show --json` has them; `entries`: of the desk, with this stream.
    """

    opening: Json
    documents: Mapping[str, Json]
    facts: Json
    findings: Sequence[Json]
    notes: Sequence[Json]
    entries: Sequence[Entry]
    texts: Callable[[str], str | None]
    client_ref: str | None
    client_code: str | None

    @property
    def sitting(self) -> Sitting:
        """What the desk said of it."""
        return Sitting(
            clinic=self.facts.get("clinic"), entries=self.entries, texts=self.texts, client_ref=self.client_ref
        )


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
    changes = amendments(session.entries, read_values(session.texts))
    made: Json = {"schema": SCHEMA}
    for key, field in FIELDS.items():
        value = field.of(session)
        newest = {each["field"]: each for each in changes if each["field"] in field.amended}
        value = NOT_RECORDED if value is None and not _gone(session, field) else value
        made[key] = {"recorded": value, "amended": [_told(each) for each in newest.values()]} if newest else value
    return made


def _gone(session: Session, field: Field) -> bool:
    """Whether a personal value may have been there: its text was kept, and is not held any more."""
    return field.personal and session.sitting.joined() and session.sitting.known() is None


def _told(made: Json) -> Json:
    return {
        "number": made["number"],
        "field": made["field"],
        "text": made["new"],
        "by": made["by"],
        "at": made["at"],
        "reason": made["reason"],
        "erased": made["erased"],
    }


# --- where each comes from --------------------------------------------------------------------------------------------


def _client(session: Session) -> Json | None:
    if session.client_ref is None:
        return None
    before = session.opening.get("client_ref")
    return {"code": session.client_code, "ref": session.client_ref, "corrected": before != session.client_ref}


def _detail(key: str) -> Callable[[Session], Any]:
    """What was known of the client at the desk when the session opened."""

    def of(session: Session) -> Any:
        known = session.sitting.known()
        return None if known is None else recorded((known.get("client") or {}).get(key))

    return of


def _age(session: Session) -> Json | None:
    known = session.sitting.known()
    if known is None:
        return None
    details = known.get("client") or {}
    if details.get("born") is None:
        return None if known.get("client") is None else {"born": NOT_RECORDED, "verified": False}
    return {"born": details["born"], "verified": bool(details.get("age_verified"))}


def _screening(session: Session) -> Json | None:
    """The word is no secret; what stands behind it is."""
    client = (session.facts.get("clinic") or {}).get("client") or {}
    known, asked = session.sitting.known(), session.sitting.asked()
    result = client.get("result", NOT_RECORDED)
    if result == NOT_RECORDED and not asked and not session.sitting.joined():
        return None
    return {
        "result": result,
        "screened_at": recorded(client.get("screened_at")),
        "rows": known.get("rows", []) if known else None if session.sitting.joined() else NOT_RECORDED,
        "words": known.get("words", []) if known else None if session.sitting.joined() else NOT_RECORDED,
        "since": asked,
    }


def _consent(what: str) -> Callable[[Session], Json | None]:
    return lambda session: session.sitting.consent(what)


def _indication(session: Session) -> str | None:
    plan = session.documents.get("plan") or {}
    clinic = session.facts.get("clinic") or {}
    told: str | None = clinic.get("indication") or plan.get("indication")
    return told


def _label(session: Session) -> Json | None:
    """Off-label where the rule of its day said so; on-label is nothing that anybody recorded."""
    found = [finding for finding in session.findings if finding["rule"] == "label.pigment"]
    clinic = session.facts.get("clinic") or {}
    if not found:
        return None
    return {
        "use": "off-label",
        "notice": found[0]["message"],
        "acknowledged": bool(found[0]["detail"].get("acknowledged")),
        "acknowledged_in": recorded(clinic.get("course")),
        "reason": NOT_RECORDED,
    }


def _practitioner(session: Session) -> Json | None:
    if session.opening.get("practitioner") is None:
        return None
    known = (session.facts.get("clinic") or {}).get("practitioner") or {}
    return {
        "person": session.opening["practitioner"],
        "registered": recorded(known.get("known")),
        "authority_um": recorded(known.get("authority_um")),
        "handed_over": [
            {"person": row["practitioner"], "at_us": row["at_us"]} for row in session.facts.get("operators") or ()
        ],
    }


def _device(session: Session) -> Json | None:
    pen, known = session.facts.get("pen") or session.opening.get("pen") or {}, _cleared(session)
    if not pen and not known:
        return None
    return {
        "maker": recorded(known.get("maker")),
        "model": recorded(pen.get("model") or known.get("model")),
        "serial": recorded(pen.get("serial") or None),
        "cartridge_told": recorded(pen.get("cartridge") or None),
    }


def _cleared(session: Session) -> Json:
    device: Json = (session.facts.get("clinic") or {}).get("device") or {}
    return device


def _cartridges(session: Session) -> list[Json] | None:
    on = [row["cartridge"] for row in session.facts.get("cartridge_changes") or ()]
    keys = ("cartridge", "maker", "item", "needles", "length_um", "lot", "expires", "serial", "identity")
    return [
        {key: recorded(row.get(key)) for key in keys}
        | {
            "new_and_pack_intact": recorded(row.get("attested")),
            "used_before": recorded(row.get("used_before")),
            "overridden": bool(row.get("overridden")),
            "changed_to": row.get("cartridge") in on,
            "at": recorded(row.get("at")),
        }
        for row in session.sitting.cartridges()
    ] or None


def _attested(session: Session) -> Any:
    """What was said of the one that was on last."""
    rows = session.sitting.cartridges()
    return rows[-1].get("attested") if rows else None


def _topicals(session: Session) -> list[Json] | None:
    return [
        {**{key: recorded(value) for key, value in row.items()}, "ascorbic": _ascorbic(row)}
        for row in session.sitting.topicals()
    ] or None


def _ascorbic(topical: Json) -> bool | str:
    """Whether its name or an ingredient names ascorbic acid; not recorded where no ingredients are."""
    ingredients = topical["ingredients"] or ()
    if ascorbic([*ingredients, topical["product"]]):
        return True
    return False if ingredients else NOT_RECORDED


def _zones(session: Session) -> list[Json]:
    needles = [row.get("needles") for row in session.sitting.cartridges()]
    return treated_zones(session.facts, session.documents.get("plan"), needles)


def _endpoints(session: Session) -> list[Json] | None:
    return [
        {key: row[key] for key in ("zone", "grade", "at_us")} for row in session.facts.get("endpoints") or ()
    ] or None


def _sensors(session: Session) -> Json:
    profile, facts = session.documents.get("profile") or {}, session.facts
    pen, counted = facts.get("pen") or {}, [zone["passes"] for zone in facts["zones"]]
    sources = ["GPIO" if profile.get("gpio") else "serial line"] if profile else []
    sources += ["GPIO beside it"] * ("sensors" in session.documents)
    sources += ["marked by hand"] * any(row["operator"] is not None for row in counted)
    host = facts.get("host_calibration")
    return {
        "source": sources or NOT_RECORDED,
        "mode": facts["mode"],
        "firmware": recorded(pen.get("firmware") or None),
        "calibration": recorded(pen.get("calibration_id") or None),
        "calibrated_here": host["id"] if host else NOT_RECORDED,
        "gaps": {"long": len(facts["gaps"]), "short": facts["short_gaps"]["n"]},
        "accounts_close": facts["completeness"]["closes"],
    }


def _amendments(session: Session) -> list[Json]:
    return [_told(each) for each in amendments(session.entries, read_values(session.texts))]


def _visit(session: Session) -> Json | None:
    clinic = session.facts.get("clinic") or {}
    if clinic.get("visit") is None:
        return None
    return {"visit": clinic["visit"], "part": clinic["visit_sessions"] + 1, "parts_before": clinic["visit_sessions"]}


def _course(session: Session) -> Json | None:
    clinic = session.facts.get("clinic") or {}
    if clinic.get("course") is None:
        return None
    done, planned = clinic["course_done"], clinic["course_planned"]
    return {"course": clinic["course"], "done_before": done, "planned": recorded(planned)}


def _overrides(session: Session) -> list[Json] | None:
    """Those given before with the reason where the visit's text has it, then those marked while it ran."""
    known = session.sitting.known() or {}
    reasons: dict[tuple[str, str | None], list[str | None]] = {}
    for row in known.get("overrides", ()):
        reasons.setdefault((row["rule"], row["zone"]), []).append(row["reason"])
    otherwise = NOT_RECORDED if known or not session.sitting.joined() else None
    rows = [
        {
            "rule": row["rule"],
            "zone": row["zone"],
            "when": "before",
            "at_us": None,
            "by": NOT_RECORDED,
            "reason": said_before.pop(0) if (said_before := reasons.get((row["rule"], row["zone"]))) else otherwise,
        }
        for row in (session.facts.get("clinic") or {}).get("overrides", ())
    ]
    said = {note["record"]: note["text"] for note in session.notes}
    for row in session.facts.get("overrides") or ():
        reason = said.get(row["record"], NOT_RECORDED)
        told = {key: row[key] for key in ("rule", "zone", "at_us")}
        rows.append({**told, "when": "during", "by": row["actor"], "reason": reason})
    return rows if rows or session.facts.get("clinic") else None


def _acknowledged(session: Session) -> list[Json] | None:
    rows: list[Json] | None = (session.facts.get("clinic") or {}).get("acknowledged")
    return rows


def _never(_session: Session) -> None:
    """Nothing enters it but an amendment."""


_LATER = "an amendment (`sessions amend`)"
_TEXT = "what was known of the client when the session of a visit opened, a private text"

FIELDS: dict[str, Field] = {
    "client": Field(words="client", basis="L", source="the session's opening", of=_client),
    "client_name": Field(words="name", basis="L", source=_TEXT, of=_detail("name"), personal=True),
    "client_contact": Field(words="contact", basis="L", source=_TEXT, of=_detail("contact"), personal=True),
    "age_verified": Field(words="age verified", basis="L", source=_TEXT, of=_age, personal=True),
    "screening": Field(
        words="history and contraindications",
        basis="L, R",
        source="the document `clinic` for the word, the private text of the visit for what was answered",
        of=_screening,
    ),
    "consent_treatment": Field(
        words="consent to treatment",
        basis="L, T",
        source="entered at the desk, before or after",
        of=_consent("treatment"),
        amended=("consent",),
    ),
    "consent_photo": Field(
        words="consent to photos",
        basis="L, T",
        source="entered at the desk, before or after",
        of=_consent("photo"),
        amended=("consent",),
    ),
    "aftercare_given": Field(
        words="aftercare given",
        basis="L, T",
        source="entered at the desk, before or after",
        of=_consent("aftercare"),
        amended=("aftercare",),
    ),
    "fitzpatrick": Field(words="skin type", basis="T, R", source=_TEXT, of=_detail("phototype"), personal=True),
    "indication": Field(
        words="indication", basis="T", source="the plan of the visit", of=_indication, amended=("indication",)
    ),
    "label": Field(
        words="on-label or off-label",
        basis="T",
        source="the rule label.pigment, and the notice acknowledged in the course",
        of=_label,
        amended=("off_label",),
    ),
    "practitioner": Field(
        words="practitioner",
        basis="T",
        source="the session's opening, and marks `operator`",
        of=_practitioner,
        amended=("practitioner",),
    ),
    "supervisor": Field(words="supervisor or prescriber", basis="T", source=_LATER, of=_never, amended=("supervisor",)),
    "device": Field(words="device", basis="R, T", source="the pen's identity, and the table of devices", of=_device),
    "clearance": Field(
        words="clearance",
        basis="R, T",
        source="the table of devices",
        of=lambda session: _cleared(session).get("clearance"),
    ),
    "ifu": Field(
        words="instructions for use",
        basis="R, T",
        source="the table of devices",
        of=lambda session: _cleared(session).get("ifu"),
    ),
    "cartridges": Field(
        words="cartridge",
        basis="R, M",
        source="scanned at the desk, and marks `cartridge`",
        of=_cartridges,
        amended=("cartridge",),
    ),
    "sterile_pack": Field(
        words="sterile pack intact",
        basis="R, M",
        source="attested when it was fitted",
        of=_attested,
        amended=("sterile_pack",),
    ),
    "new_for_session": Field(
        words="new for this session", basis="R, M", source="attested when it was fitted", of=_attested
    ),
    "disposed": Field(words="disposed of", basis="R, M", source=_LATER, of=_never, amended=("disposed",)),
    "barrier_sleeve": Field(words="barrier sleeve", basis="R", source=_LATER, of=_never, amended=("barrier_sleeve",)),
    "handpiece_cleaned": Field(
        words="handpiece cleaned", basis="R", source=_LATER, of=_never, amended=("handpiece_cleaned",)
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
        of=_topicals,
        amended=("topical",),
    ),
    "zones": Field(
        words="by zone", basis="T, M", source="the derived record", of=_zones, amended=("speed", "serum", "plan")
    ),
    "endpoints": Field(
        words="end-points", basis="B, T", source="marks `endpoint`", of=_endpoints, amended=("endpoint",)
    ),
    "photos": Field(words="photos", basis="T", source=_LATER, of=_never, amended=("photos",)),
    "response": Field(words="immediate response", basis="T, R", source=_LATER, of=_never, amended=("response",)),
    "adverse_events": Field(
        words="adverse events",
        basis="T, R",
        source="entered at the desk, as last followed",
        of=lambda session: session.sitting.events() or None,
    ),
    "aftercare": Field(words="aftercare, what was told", basis="T", source=_LATER, of=_never, amended=("aftercare",)),
    "sun_protection": Field(words="sun protection", basis="T", source=_LATER, of=_never, amended=("aftercare",)),
    "next_date": Field(words="next date", basis="T", source=_LATER, of=_never, amended=("next_date",)),
    "sensors": Field(words="sensors", basis="CP", source="the derived record and its profile", of=_sensors),
    "amendments": Field(words="amendments", basis="CP", source="`sessions amend`", of=_amendments),
    # Not in that list, and of the same record.
    "visit": Field(words="visit", basis="ours", source="the document `clinic`", of=_visit),
    "course": Field(words="course", basis="ours", source="the document `clinic`", of=_course),
    "overrides": Field(
        words="overrides", basis="ours", source="the document `clinic`, and marks `override`", of=_overrides
    ),
    "acknowledged": Field(words="acknowledged", basis="ours", source="the document `clinic`", of=_acknowledged),
}
