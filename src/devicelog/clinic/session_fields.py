"""Where each field of a treatment record comes from: a function a field, of all that is known of one session. Pure.

None: nobody recorded it, or it is personal and not held any more; which of the two, treatment.py says.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devicelog.canonical import Json
from devicelog.clinic.signatures import amendments, read_values
from devicelog.clinic.sitting import NOT_RECORDED, Sitting, recorded
from devicelog.clinic.treated_zones import treated_zones
from devicelog.clinic.visits import of_client
from devicelog.clinical.ascorbic import WARNING, has_ascorbic
from devicelog.ledger.entries import Entry


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
    def own(self) -> list[Entry]:
        """The entries that are about its client."""
        return of_client(self.entries, self.client_ref)

    @property
    def sitting(self) -> Sitting:
        """What the desk said of it."""
        return Sitting(
            clinic=self.facts.get("clinic"),
            entries=self.entries,
            texts=self.texts,
            client_ref=self.client_ref,
            corrected=self.opening.get("client_ref") != self.client_ref,
        )


def told(made: Json) -> Json:
    """An amendment as the record has it."""
    return {
        "number": made["number"],
        "field": made["field"],
        "text": made["new"],
        "by": made["by"],
        "at": made["at"],
        "reason": made["reason"],
        "erased": made["erased"],
    }


def client_of(session: Session) -> Json | None:
    """Code, reference, and whether the session was corrected to this client."""
    if session.client_ref is None:
        return None
    before = session.opening.get("client_ref")
    return {"code": session.client_code, "ref": session.client_ref, "corrected": before != session.client_ref}


def detail(key: str) -> Callable[[Session], Any]:
    """What was known of the client at the desk when the session opened."""

    def of(session: Session) -> Any:
        known = session.sitting.known()
        return None if known is None else recorded((known.get("client") or {}).get(key))

    return of


def age_of(session: Session) -> Json | None:
    """Birth date, and whether somebody saw a paper that says so."""
    known = session.sitting.known()
    if known is None:
        return None
    details = known.get("client") or {}
    if details.get("born") is None:
        return None
    return {"born": details["born"], "verified": bool(details.get("age_verified"))}


def screening_of(session: Session) -> Json | None:
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
        "notices": known.get("notices", []) if known else None if session.sitting.joined() else NOT_RECORDED,
        "since": asked,
    }


def consent(what: str) -> Callable[[Session], Json | None]:
    """The newest consent of this kind."""
    return lambda session: session.sitting.consent(what)


def indication_of(session: Session) -> str | None:
    """What was treated."""
    plan = session.documents.get("plan") or {}
    clinic = session.facts.get("clinic") or {}
    told: str | None = clinic.get("indication") or plan.get("indication")
    return told


def label_of(session: Session) -> Json | None:
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


def practitioner_of(session: Session) -> Json | None:
    """Who recorded, as the desk knew them, and to whom it was handed over."""
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


def device_of(session: Session) -> Json | None:
    """Maker, model and serial number, and what cartridge the pen says it has."""
    pen, known = session.facts.get("pen") or session.opening.get("pen") or {}, cleared(session)
    if not pen and not known:
        return None
    return {
        "maker": recorded(known.get("maker")),
        "model": recorded(pen.get("model") or known.get("model")),
        "serial": recorded(pen.get("serial") or None),
        "cartridge_told": recorded(pen.get("cartridge") or None),
    }


def cleared(session: Session) -> Json:
    """The device as the desk knew it."""
    device: Json = (session.facts.get("clinic") or {}).get("device") or {}
    return device


def cartridges_of(session: Session) -> list[Json] | None:
    """Every cartridge of the session."""
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


def attested_of(session: Session) -> Any:
    """What was said of the one that was on last."""
    rows = session.sitting.cartridges()
    return rows[-1].get("attested") if rows else None


def topicals_of(session: Session) -> list[Json] | None:
    """What was put on."""
    return [
        {**{key: recorded(value) for key, value in row.items()}, **_ascorbic(row)} for row in session.sitting.topicals()
    ] or None


def _ascorbic(topical: Json) -> Json:
    """Whether its name or an ingredient names ascorbic acid, and what is warned of then: the rules judge only what was
    noted before the session opened."""
    has = has_ascorbic(topical["product"], topical["ingredients"])
    return {"ascorbic": recorded(has), "warning": f"{topical['product']} {WARNING}" if has else None}


def zones_of(session: Session) -> list[Json]:
    """A row a zone."""
    needles = [row.get("needles") for row in session.sitting.cartridges()]
    return treated_zones(session.facts, session.documents.get("plan"), needles)


def endpoints_of(session: Session) -> list[Json] | None:
    """Every end-point, in order."""
    return [
        {key: row[key] for key in ("zone", "grade", "at_us")} for row in session.facts.get("endpoints") or ()
    ] or None


def sensors_of(session: Session) -> Json:
    """Where the numbers come from."""
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


def amendments_of(session: Session) -> list[Json]:
    """Every amendment, oldest first."""
    return [told(each) for each in amendments(session.own, read_values(session.texts))]


def visit_of(session: Session) -> Json | None:
    """Which part of a visit it is, as known when it opened."""
    clinic = session.facts.get("clinic") or {}
    left = {entry.body["visit"] for entry in session.entries if entry.type == "visit.left"}
    if clinic.get("visit") is None or clinic["visit"] in left:
        return None
    return {"visit": clinic["visit"], "part": clinic["visit_sessions"] + 1, "parts_before": clinic["visit_sessions"]}


def course_of(session: Session) -> Json | None:
    """How many were done before, of how many."""
    clinic = session.facts.get("clinic") or {}
    if clinic.get("course") is None:
        return None
    done, planned = clinic["course_done"], clinic["course_planned"]
    return {"course": clinic["course"], "done_before": done, "planned": recorded(planned)}


def overrides_of(session: Session) -> list[Json] | None:
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


def acknowledged_of(session: Session) -> list[Json] | None:
    """Standing notices that were read in the course."""
    rows: list[Json] | None = (session.facts.get("clinic") or {}).get("acknowledged")
    return rows


def never(_session: Session) -> None:
    """Nothing enters it but an amendment."""
