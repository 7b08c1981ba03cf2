"""Sessions as a FHIR bundle, for a record system: what R4 and R4B have in common. Pure: the same input, the same bytes.

Each session has resources of its own, so that they are the same whatever else is in the bundle. No code is invented:
zones, measures and rules are named in words, units are UCUM. Simulated data is labelled in every resource. What stands
where is in docs/export.md; how a value becomes an Observation is in fhir_values.py.
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha1
from typing import Any

from devicelog.canonical import Json
from devicelog.packages.fhir_values import assessments, coded, text_of, verdict, zone_observations
from devicelog.packages.redaction import Shown
from devicelog.words import stated

_NAMESPACE = bytes.fromhex("6f3b7c0e1d5a4c7f9a2e8b41d0c65f13")  # ours alone: a session's id becomes a UUID under it
_TEST = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
    "code": "HTEST",
    "display": "test health data",
}
_SIMULATED = {
    "demo": "demo data: no person was treated",
    "test": "test data: no person was treated",
    "unknown": "nothing said that this data is real",
}
_NOT_HERE = "(not here)"
_STATUS = {"closed": "completed", "interrupted": "stopped", "recording": "in-progress", "paused": "on-hold"}


def bundle(
    sessions: Iterable[tuple[Shown, bytes | None]], *, zone_labels: Mapping[str, str], software: str, log: str
) -> Iterator[bytes]:
    """The blocks of one bundle of these sessions, each with its tlog-proof where it has one.

    `zone_labels`: what zones are called, by id; one that is not in it is called by its id. `software`: who made the
    bundle, with its version. `log`: the id of the log. Raises ValueError where there is no session: FHIR has no empty
    list.
    """
    head, simulated = b'{"resourceType":"Bundle","type":"collection","entry":[\n', False
    for session, proof in sessions:
        simulated = simulated or session["mode"] != "real"
        for resource in _resources(session, proof, zone_labels, software, log):
            yield head + _json({"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource})
            head = b",\n"
    if head != b",\n":
        raise ValueError("a bundle holds one session at least")
    meta = _json({"security": [_TEST]}) if simulated else b""
    yield b'\n],"meta":' + meta + b"}\n" if meta else b"\n]}\n"


def uuid_of(session: str, role: str) -> str:
    """The UUID (version 5, RFC 9562) of what has this role in a session: for the same session always the same."""
    digest = bytearray(sha1(_NAMESPACE + f"{session}/{role}".encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _resources(
    session: Shown, proof: bytes | None, labels: Mapping[str, str], software: str, log: str
) -> Iterator[Json]:
    """Every resource of a session; its Provenance, and one for each signature, come last."""
    stream = session["id"]

    def urn(role: str) -> Json:
        return {"reference": f"urn:uuid:{uuid_of(stream, role)}"}

    made: list[tuple[str, Json]] = []
    is_session = session["kind"] == "session"
    if is_session:
        made.append(("patient", _patient(session)))
    pens, cartridges = _devices(session)
    used = [*(role for role, _ in pens), *(role for role, _ in cartridges)]
    made += pens + cartridges
    zones = [zone for zone in session["zones"] if _is_told(zone)]
    common: Json = {
        "status": _observation_status(session),
        "category": [
            {"coding": [coded("http://terminology.hl7.org/CodeSystem/observation-category", "procedure", "Procedure")]}
        ],
    }
    if is_session:
        procedure = _procedure(session, [_site(zone["zone"], labels) for zone in zones])
        procedure["subject"] = urn("patient")
        if used:
            procedure["usedReference"] = [urn(role) for role in used]
        made.append(("procedure", procedure))
        common |= {"partOf": [urn("procedure")], "subject": urn("patient")}
    common |= _times(session, "effective")[0]
    one_pen = len(pens) == 1
    for zone in zones:
        for role, values in zone_observations(session, zone):
            observation = {"resourceType": "Observation", **common, "bodySite": _site(zone["zone"], labels), **values}
            if one_pen:
                observation["device"] = urn(pens[0][0])
            elif pens:
                note = {"text": "several pens said who they are in this session: which measured this is not told"}
                observation["note"] = [note, *observation.get("note", [])]
            made.append((f"{role}/{zone['zone']}", observation))
    for number, (zone_id, values) in enumerate(assessments(session), 1):
        observation = {"resourceType": "Observation", **common, **values}
        if zone_id is not None:
            observation["bodySite"] = _site(zone_id, labels)
        made.append((f"assessment/{number}", observation))
    if is_session:
        made.append(("verdict", {"resourceType": "Observation", **common, **verdict(session)}))
    targets = [urn(role) for role, _ in made]
    made.append(("provenance", _provenance(session, targets, proof, software, log)))
    made += [
        (f"signature/{number}", _signature(session, urn("procedure" if is_session else "provenance"), signed))
        for number, signed in enumerate(session["signatures"], 1)
    ]
    for role, resource in made:
        yield {"resourceType": resource["resourceType"], "id": uuid_of(stream, role), **_label(session), **resource}


def _label(session: Shown) -> Json:
    """What says in every resource that it is not of a real session; nothing where it is."""
    if session["mode"] == "real":
        return {}
    return {"meta": {"security": [_TEST], "tag": [{"display": _SIMULATED.get(session["mode"], session["mode"])}]}}


def _patient(session: Shown) -> Json:
    """Whom the session is of: by what this recipient calls the client, else by the reference. Never code or name."""
    hidden = session["client_ref"] is None
    value = session["client"] if hidden else session["client_ref"]
    words = "what this recipient calls the client" if hidden else "reference of the client in the log"
    identifier = {"type": {"text": words}, "value": text_of(value)} if value else None
    return {"resourceType": "Patient", **({"identifier": [identifier]} if identifier else {})}


def _devices(session: Shown) -> tuple[list[tuple[str, Json]], list[tuple[str, Json]]]:
    """Pens and cartridges with their roles, each once, in the order in which they said who they are."""
    pens: dict[tuple[str, str], Json] = {}
    cartridges: dict[str, Json] = {}
    for said in session["pens"]:
        pen = pens.setdefault(
            (said["model"], said["serial"]), {"resourceType": "Device", "type": {"text": "microneedling pen"}}
        )
        if said["serial"]:
            pen["serialNumber"] = text_of(said["serial"])
        if said["model"]:
            pen["deviceName"] = [{"name": text_of(said["model"]), "type": "model-name"}]
        if said["firmware"]:
            _once(pen, "version", {"type": {"text": "firmware"}, "value": text_of(said["firmware"])})
        if said["calibration_id"]:
            named = {"type": {"text": "calibration"}, "valueCode": [{"text": text_of(said["calibration_id"])}]}
            _once(pen, "property", named)
        if said["cartridge"]:
            cartridges[said["cartridge"]] = {
                "resourceType": "Device",
                "identifier": [
                    {"type": {"text": "cartridge, as the pen said it"}, "value": text_of(said["cartridge"])}
                ],
                "type": {"text": "needle cartridge"},
            }
    return (
        [(f"pen/{number}", pen) for number, pen in enumerate(pens.values(), 1)],
        [(f"cartridge/{number}", cartridge) for number, cartridge in enumerate(cartridges.values(), 1)],
    )


def _once(resource: Json, name: str, value: Json) -> None:
    values = resource.setdefault(name, [])
    if value not in values:
        values.append(value)


def _procedure(session: Shown, sites: list[Json]) -> Json:
    period, doubts = _times(session, "performed")
    clock = session["clock"]["confidence"] or "unknown"
    notes = [*doubts, f"time of day: {clock}; it lasted {session['duration_us'] / 1_000_000} s by the recorder's clock"]
    if (simulated := _SIMULATED.get(session["mode"])) is not None:
        notes.insert(0, simulated.upper())
    notes += [f"at {note['at_us'] / 1_000_000} s: {note['text']}" for note in session["notes"] if note["text"]]
    if (corrected := session["attribution"]) is not None:
        why = f": {corrected['reason']}" if corrected["reason"] else ""
        notes.append(f"corrected {corrected['at']} by {corrected['practitioner']}{why}")
    notes += [f"amended, {stated.amendment(made, _NOT_HERE)}" for made in session["amendments"]]
    notes += [f"explained, {stated.explanation(made, _NOT_HERE)}" for made in session["explained"]]
    procedure: Json = {
        "resourceType": "Procedure",
        "identifier": [{"type": {"text": "session of devicelog"}, "value": session["id"]}],
        "status": _STATUS.get(session["status"], "unknown"),
        "code": {"text": "microneedling"},
        **period,
        "note": [{"text": text_of(note)} for note in notes],
    }
    if session["end_cause"]:
        procedure["statusReason"] = {"text": text_of(f"ended by {session['end_cause']}")}
    if session["practitioner"]:
        who = {"identifier": {"value": session["practitioner"]}, "display": f"auth: {session['auth']}"}
        procedure["performer"] = [{"actor": who}]
    if session["plan"] is not None:
        procedure["reasonCode"] = [{"text": text_of(session["plan"]["indication"])}]
    if sites:
        procedure["bodySite"] = sites
    return procedure


def _times(session: Shown, what: str) -> tuple[Json, list[str]]:
    """The period of a session as an element, and what is doubtful about it."""
    opened, closed = session["opened_at"], session["closed_at"]
    if closed is None or closed >= opened:
        return {f"{what}Period": {"start": opened, **({"end": closed} if closed else {})}}, []
    return {f"{what}Period": {"start": opened}}, [f"the clock was set back: it says that the end was at {closed}"]


def _provenance(session: Shown, targets: list[Json], proof: bytes | None, software: str, log: str) -> Json:
    recorded = session["closed_at"] or session["opened_at"]
    provenance: Json = {
        "resourceType": "Provenance",
        "target": targets,
        "recorded": recorded,
        "activity": {"text": "worked out from the evidence of the session, for convenience"},
        "agent": [
            {
                "type": {
                    "coding": [
                        coded(
                            "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
                            "assembler",
                            "Assembler",
                        )
                    ]
                },
                "who": {"display": text_of(software)},
            }
        ],
        "entity": [
            {
                "role": "source",
                "what": {"identifier": {"value": session["id"]}, "display": "evidence: entries, records, documents"},
            }
        ],
    }
    if proof is not None:
        provenance["signature"] = [
            {
                "type": [{"display": "c2sp.org/tlog-proof: the session's sealed entry is in the log"}],
                "when": recorded,
                "who": {"identifier": {"value": log}, "display": "the log; these resources are not what it signs"},
                "sigFormat": "text/plain",
                "data": b64encode(proof).decode(),
            }
        ]
    return provenance


def _signature(session: Shown, target: Json, made: Json) -> Json:
    """Who signed, when and as what. The binding to the evidence is in the evidence, and not in these resources."""
    who: Json = {"identifier": {"value": made["person"]}}
    if made["name"] is not None:
        who["display"] = text_of(made["name"])
    return {
        "resourceType": "Provenance",
        "target": [target],
        "recorded": made["at"],
        "activity": {"text": text_of(stated.signature(made, _NOT_HERE))},
        "agent": [{"type": {"text": text_of(made["meaning"])}, "who": who}],
        "entity": [{"role": "source", "what": {"identifier": {"value": session["id"]}}}],
        "signature": [{"type": [{"display": text_of(made["meaning"])}], "when": made["at"], "who": who}],
    }


def _observation_status(session: Shown) -> str:
    if session["closed_at"] is None:
        return "preliminary"
    return "corrected" if session["attribution"] is not None else "final"


def _is_told(zone: Json) -> bool:
    """Not the time in which the pen ran in the air before a zone was marked."""
    return bool(zone["zone"] != "unassigned" or zone["contact_us"] + zone["contact_unknown_us"])


def _site(zone: str, labels: Mapping[str, str]) -> Json:
    return {"text": "no zone was marked" if zone == "unassigned" else labels.get(zone, zone)}


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
