"""`sessions show ID --rules today`: a session judged anew, beside the verdict that it has and keeps.

Nothing is written: the kept derivation stands. Facts are derived by the engine of today, so a difference can come from
it as well as from the rules; both numbers are shown.
"""

from devicelog.attribution import Attribution
from devicelog.canonical import Json, parse_canonical
from devicelog.errors import EvidenceDamaged, NotFound
from devicelog.pipeline import ENGINE
from devicelog.recorder.replay import derived_again
from devicelog.store.reading import Kept
from devicelog.validate import compared, rules_document
from devicelog.words.findings import said


def today_document(evidence: Kept, prefix: str, derivation: int | None = None) -> Json:
    """The newest derivation of a session, or this one, as it was judged and as it would be judged today.

    Raises NotFound for a session that has not ended or has no such derivation, EvidenceDamaged.
    """
    row = evidence.stream(prefix)
    opening, every = evidence.entry(row["no"]), evidence.derivations(row)
    if not every:
        raise NotFound(f"{row['id']} has not ended: it is being judged by the rules of today; leave out --rules")
    number = len(every) if derivation is None else derivation
    if not 1 <= number <= len(every):
        there = f"there are 1 to {len(every)}" if len(every) > 1 else "there is only 1"
        raise NotFound(f"{row['id']} has no derivation {number}: {there}")
    bodies = [entry.body for entry in every[:number]]
    try:
        stored, attribution = parse_canonical(evidence.document(bodies[-1]["derived"])), Attribution.of(bodies[1:])
    except ValueError as error:
        raise EvidenceDamaged(f"derivation {number} of {row['id']}: {error}") from error
    derived, _ = derived_again(evidence, opening, attribution)
    return {
        "schema": "devicelog.rules_today/1",
        "id": row["id"],
        "derivation": number,
        "engine": {"then": stored["engine"], "now": ENGINE},
        **compared(stored, parse_canonical(derived)["facts"], rules_document()),
    }


def today_text(document: Json) -> str:
    """The difference as text, for a terminal of 100 columns."""
    verdict, engine, rules = document["verdict"], document["engine"], document["rules"]
    lines = [
        f"{document['id']}, derivation {document['derivation']}, under the rules of today",
        f"  verdict, as it stands  {verdict['then']}",
        f"  verdict, of today      {verdict['now']}",
        f"  engine                 {engine['then']} then, {engine['now']} now",
        f"  rules                  {_rules(rules)}",
    ]
    findings = document["findings"]
    lines += ["", f"Findings: {findings['same']} the same"]
    lines += [f"  + {_finding(row)}" for row in findings["came"]]
    lines += [f"  - {_finding(row)}" for row in findings["went"]]
    for row in findings["changed"]:
        head = {"rule": row["rule"], "zone": row["zone"]}
        lines += [f"  ~ {_finding(head | row['then'])}", f"    now {_finding(head | row['now'])}"]
    unassessed = document["not_assessable"]
    if unassessed["came"] or unassessed["went"]:
        lines += ["", "Not assessable"]
        lines += [f"  + {_unassessed(row)}" for row in unassessed["came"]]
        lines += [f"  - {_unassessed(row)}" for row in unassessed["went"]]
    lines += ["", "The first of the two verdicts stands: a session keeps the rules of its day."]
    return "\n".join(lines) + "\n"


def _rules(rules: Json) -> str:
    changed = ", ".join(f"{row['rule']} {row['then']} to {row['now']}" for row in rules["changed"])
    told = f"{len(rules['came'])} more, {len(rules['went'])} fewer, {len(rules['changed'])} in another version"
    return f"{told}: {changed}" if changed else told


def _finding(row: Json) -> str:
    where = f" in {row['zone']}" if row["zone"] else ""
    return f"{row['severity'].upper():<7} {row['rule']} {row['version']}{where}: {said(row)}"


def _unassessed(row: Json) -> str:
    where = f" in {row['zone']}" if row["zone"] else ""
    return f"{row['rule']} {row['version']}{where}: {row['why']}"
