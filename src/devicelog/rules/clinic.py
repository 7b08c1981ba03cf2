"""Rules of what the clinic recorded before it began: suitability, consent, the interval, standing notices, end-points.

A check that the plan asks for and that was not recorded is not assessable; one that it does not ask for is not
applicable. Of a consent, a cartridge or an end-point that the plan asks for, missing is itself the finding.
"""

from devicelog.canonical import Json
from devicelog.rules.rule import (
    Outcome,
    asked,
    asked_nothing,
    each_judged,
    found,
    judged_zones,
    not_applicable,
    not_assessable,
    passed,
    unrecorded,
)
from devicelog.sessions import UNASSIGNED

_UNSURE = "how many days ago she was treated before is not sure"
_NOBODY = "given, and signed by nobody"
_WORD_GIVEN = (
    "an answer or the device's clearance speaks against it, and a reason was given why it is done all the same"
)


def client_checks(facts: Json, _parameters: Json) -> list[Outcome]:
    """What was answered or measured speaks against treating her, and nobody said why it is done all the same."""
    clinic = facts.get("clinic")
    if clinic is None:
        return [asked_nothing(facts, "screening", "clearance")]
    result = clinic["client"]["result"]
    if result == "clear":
        return [passed()]
    if result == "word missing":
        return [found({"result": result})]
    if result == "word given":
        return [found({"result": result}, severity="info", message=_WORD_GIVEN)]
    return [unrecorded(facts, "the client's suitability was not recorded", "screening", "clearance")]


def consent_missing(facts: Json, _parameters: Json) -> list[Outcome]:
    """No consent to the treatment, where the plan asks for it; or one that was refused.

    What the client did not sign is no consent on record. Without the practitioner's signature it is one, and the law
    that is the model here wants two: that is told, at `low`.
    """
    clinic = facts.get("clinic")
    if clinic is None:
        return [asked_nothing(facts, "consent")]
    told = [consent for consent in clinic["consents"] if consent["what"] == "treatment"]
    newest = told[-1] if told else None
    if newest is not None and not newest["given"]:
        return [found({"consent": "refused"})]
    if newest is None or "client" not in newest["signed"]:
        missing = "not recorded" if newest is None else "not signed by the client" if newest["signed"] else _NOBODY
        if asked(facts, "consent"):
            return [found({"consent": missing})]
        return [unrecorded(facts, "no consent was recorded" if newest is None else f"consent: {missing}", "consent")]
    if "practitioner" not in newest["signed"] and asked(facts, "consent"):
        return [found({"consent": "signed by the client alone, and not by the practitioner"}, severity="low")]
    return [passed()]


def interval_short(facts: Json, parameters: Json) -> list[Outcome]:
    """Too few local days since the zone was treated before."""
    clinic = facts.get("clinic")
    if clinic is None:
        return [asked_nothing(facts, "interval")]
    days_of = {row["zone"]: row["days"] for row in clinic["before"]}
    series = clinic["indication"] in parameters["series"]
    unsure = clinic["before_unsure"] is not False

    def assess(zone: Json) -> Outcome:
        name = zone["zone"]
        days = days_of.get(name)
        if days is not None and days < parameters["short_days"]:
            return found({"days": days, "limit_days": parameters["short_days"]}, name)
        if unsure:
            return unrecorded(facts, _UNSURE, "interval", zone=name)
        if days is not None and days < parameters["typical_days"] and not series:
            return found({"days": days, "limit_days": parameters["typical_days"]}, name, severity="info")
        return passed(name)

    return each_judged(facts, assess)


def interval_planned(facts: Json, _parameters: Json) -> list[Outcome]:
    """Fewer or more local days since the zone was treated before than the course or the plan intends."""
    clinic = facts.get("clinic")
    if clinic is None:
        return [asked_nothing(facts, "interval")]
    least, longest = clinic.get("interval_min_days"), clinic.get("interval_max_days")
    if least is None and longest is None:
        return [not_applicable("neither the course nor the plan intends an interval")]
    days_of = {row["zone"]: row["days"] for row in clinic["before"]}
    unsure = clinic["before_unsure"] is not False

    def assess(zone: Json) -> Outcome:
        name = zone["zone"]
        days = days_of.get(name)
        if days is not None and least is not None and days < least:
            return found({"days": days, "min_days": least, "max_days": longest}, name)
        if unsure:
            return unrecorded(facts, _UNSURE, "interval", zone=name)
        if days is not None and longest is not None and days > longest:
            return found({"days": days, "min_days": least, "max_days": longest}, name, severity="info")
        return passed(name)

    return each_judged(facts, assess)


def endpoint_continuous(facts: Json, parameters: Json) -> list[Outcome]:
    """Continuous pinpoint blood where the aim is pigment."""
    noted = facts.get("endpoints")
    clinic, limits = facts.get("clinic") or {}, facts.get("limits") or {}
    indication = clinic.get("indication") or limits.get("indication")
    if not noted:
        return [not_applicable("no end-point was noted")]
    if indication is None:
        return [unrecorded(facts, "for what it was done is not known", "endpoint")]
    if indication not in parameters["indications"]:
        return [not_applicable("this end-point is asked to be avoided for pigment only")]
    outcomes = []
    for zone in dict.fromkeys(row["zone"] for row in noted):
        blood = [row for row in noted if row["zone"] == zone and row["grade"] == "continuous"]
        if blood:
            detail = {"n": len(blood), "at_us": blood[0]["at_us"], "first_record": blood[0]["record"]}
            outcomes.append(found(detail, zone))
        else:
            outcomes.append(passed(zone))
    return outcomes


def endpoint_missing(facts: Json, _parameters: Json) -> list[Outcome]:
    """No end-point was noted in a zone that was needled, and the plan asks for them."""
    if not asked(facts, "endpoint"):
        return [not_applicable("the plan does not ask for end-points")]
    if facts.get("endpoints") is None:
        return [not_assessable("end-points were not looked at")]
    noted = {row["zone"] for row in facts["endpoints"]}
    return [
        passed(zone["zone"]) if zone["zone"] in noted else found({"judged_us": zone["judged_us"]}, zone["zone"])
        for zone in judged_zones(facts)
        if zone["zone"] != UNASSIGNED
    ] or [not_assessable("no sample could be judged")]


def label_pigment(facts: Json, parameters: Json) -> list[Outcome]:
    """No pen is cleared for pigment. A standing notice: to be acknowledged once in a course."""
    clinic = facts.get("clinic")
    if clinic is None:
        return [asked_nothing(facts)]
    if clinic["indication"] is None:
        return [unrecorded(facts, "for what it was done is not known")]
    if clinic["indication"] not in parameters["indications"]:
        return [passed()]
    row = {"notice": parameters["notice"], "version": parameters["version"]}
    known = any(all(told[key] == row[key] for key in row) for told in clinic["acknowledged"])
    detail = {"indication": clinic["indication"], "acknowledged": known, "course": clinic["course"]}
    return [found(detail, severity="info" if known or clinic["course"] is None else None)]
