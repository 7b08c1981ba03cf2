"""What a rule says where a part of what the clinic recorded could not be read when the session was opened. Pure.

Such a part reads as if nothing had been recorded, and the document `clinic` names it under `unread`. Nothing that looks
at it passes then. What was found all the same stands, but for what was found because nothing was there.
"""

from collections.abc import Sequence

from devicelog.canonical import Json
from devicelog.rules.rule import Outcome, Rule, not_assessable

# what these find is that something is not there, or not enough of it
_ABSENCE = frozenset({"consent.missing", "cartridge.missing", "passes.short", "label.pigment"})


def as_read(rule: Rule, facts: Json, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
    """The outcomes of a rule; those that rest on what could not be read are not assessable."""
    unread = (facts.get("clinic") or {}).get("unread")
    if not unread:
        return outcomes
    looked_at = {path.removeprefix("clinic.").split(".")[0] for path in rule.inputs if path.startswith("clinic.")}
    if "before_unsure" in looked_at:
        looked_at.add("before")
    if not looked_at & set(unread):
        return outcomes
    return [
        outcome
        if outcome.result == "found" and rule.id not in _ABSENCE
        else not_assessable("what the clinic recorded could not be read when it was opened", outcome.zone)
        for outcome in outcomes
    ]
