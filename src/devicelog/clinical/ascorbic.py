"""Ascorbic acid among the ingredients of a topical, by its usual names. Pure.

Why it is looked for: granulomas after needling, 15 patients in 13 papers, mostly with a motorised pen and topical
vitamin C (friedmann_2024, evidence A); in two of three patients the patch test of the serum was positive (soltani_2014,
evidence A). It says nothing of how much reached the skin, and nothing of what to do.
"""

from collections.abc import Iterable

SOURCES = ("friedmann_2024", "soltani_2014")
EVIDENCE = "A"
WARNING = (
    "has ascorbic acid (vitamin C): granulomas after needling were reported mostly with a motorised pen and topical "
    "vitamin C (friedmann_2024, soltani_2014, evidence A)"
)

# Parts of the names that labels have, in several languages: the acid itself, its salts and its esters.
_PARTS = ("ascorb", "askorb", "ascórb", "vitamin c", "vitamin-c", "vitamina c", "vitamine c", "vit c", "vit. c")
_SYNONYMS = frozenset({"e300", "e 300", "e301", "e302", "e304", "vc-ip", "vcip", "thd ascorbate", "l-aa"})


def ascorbic(texts: Iterable[str]) -> list[str]:
    """Those of these texts (ingredients, the name of a product) that name it."""
    return [text for text in texts if _named(" ".join(text.casefold().split()))]


def has_ascorbic(product: str, ingredients: Iterable[str] | None) -> bool | None:
    """Whether a topical has it by its ingredients or its name; None: its name does not say, and no ingredients do."""
    listed = list(ingredients or ())
    if ascorbic([*listed, product]):
        return True
    return False if listed else None


def _named(text: str) -> bool:
    padded = f"{text} "
    return text in _SYNONYMS or any(_at_a_word(padded, part) for part in _PARTS)


def _at_a_word(text: str, part: str) -> bool:
    """Acid names grow prefixes and endings; `vitamin c` is a word: `vitamin complex` is another."""
    if "asc" in part or "ask" in part:
        return part in text
    place = text.find(part)
    while place >= 0:
        if not text[place + len(part)].isalnum():
            return True
        place = text.find(part, place + 1)
    return False
