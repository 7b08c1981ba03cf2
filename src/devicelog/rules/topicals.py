"""Rules of what was put on the skin. What of it went in nobody measures, and nothing here says so."""

from collections.abc import Iterable

from devicelog.canonical import Json
from devicelog.rules.rule import Outcome, asked_nothing, found, not_applicable, passed

_NONE = "no topical was recorded before the session opened"


def ascorbic(facts: Json, parameters: Json) -> list[Outcome]:
    """A topical with ascorbic acid, by its ingredients or its name: what the desk said of it (`ascorbic`), which knows
    more names; by the words here where it said nothing."""
    clinic = facts.get("clinic")
    if clinic is None:
        return [asked_nothing(facts)]
    topicals = clinic["topicals"]
    if not topicals:
        return [not_applicable(_NONE)]
    has = [row["ascorbic"] if "ascorbic" in row else _names(row, parameters["words"]) for row in topicals]
    told = [row for row, it_has in zip(topicals, has, strict=True) if it_has]
    if told:
        return [found({"products": [{key: row[key] for key in ("product", "lot", "when")} for row in told]})]
    if None in has:
        return [not_applicable("not of every topical the ingredients were recorded")]
    return [passed()]


def _names(topical: Json, words: Iterable[str]) -> bool | None:
    """None where its name does not say, and no ingredients do."""
    ingredients = topical["ingredients"] or ""
    text = ingredients if isinstance(ingredients, str) else " ".join(ingredients)
    text = f"{topical['product']} {text}".casefold()
    return any(word in text for word in words) or (False if ingredients else None)


def no_lot(facts: Json, _parameters: Json) -> list[Outcome]:
    """A topical that cannot be traced."""
    clinic = facts.get("clinic")
    if clinic is None:
        return [asked_nothing(facts)]
    topicals = clinic["topicals"]
    without = [row["product"] for row in topicals if not row["lot"]]
    if without:
        return [found({"products": without})]
    return [passed() if topicals else not_applicable(_NONE)]
