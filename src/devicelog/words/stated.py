"""Sentences about what people said of a session: signatures, amendments, explanations. Pure.

Where a text is not there, `absent` says why: it was erased, or it is left out for whoever reads this.
"""

from collections.abc import Iterator

from devicelog.canonical import Json

NOT_SIGNED = "not signed"
NOT_RECORDED = "not recorded"


def signature(made: Json, absent: str) -> str:
    """Printed name, time, meaning, and whether it stands."""
    name = made["name"] if made["name"] is not None else absent
    clock = "" if made["clock"] in ("synced", "rtc") else f", clock: {made['clock']}"
    wrong = f", {made['failures']} wrong PINs before" if made["failures"] else ""
    under = f"; recorded under {made['recorded_under']}" if made["recorded_under"] is not None else ""
    told = (
        f"{made['meaning']}, {made['at']}{clock}: {name} ({made['person']}, {made['role']}), with a PIN{wrong}; "
        f"ledger entry {made['entry']}{under}"
    )
    if made["faults"]:
        return f"{told}; NOT VALID: {'; '.join(made['faults'])}"
    if made["standing"] != "valid":
        return f"{told}; SIGNED BEFORE THE CORRECTION, for derivation {made['derivation']}"
    return f"{told}; valid for derivation {made['derivation']}"


def signatures(session: Json, absent: str) -> Iterator[str]:
    """Every signature of a session, and whether it wants one."""
    made = session.get("signatures", ())
    for each in made:
        yield signature(each, absent)
    if made and session["wants_signature"]:
        yield "it was changed since it was signed: it wants another signature"


def amendment(made: Json, absent: str) -> str:
    """Field, old, new, who, when, why."""

    def of(key: str, otherwise: str) -> str:
        return str(made[key]) if made[key] is not None else absent if made["erased"] else otherwise

    who = f"{made['by']} ({made['role']}, auth: {made['auth']})"
    return (
        f"{made['number']}. {made['field']}: {of('old', NOT_RECORDED)} -> {of('new', NOT_RECORDED)}; {made['at']} by "
        f"{who}; reason: {of('reason', absent)}"
    )


def explanation(made: Json, absent: str) -> str:
    """Which finding, who, when, what was said."""
    where = f" in {made['zone']}" if made["zone"] else ""
    who = f"{made['by']} ({made['role']}, auth: {made['auth']})"
    reason = made["reason"] if made["reason"] is not None else absent
    return f"{made['rule']}{where}: {reason}; {made['at']} by {who}"
