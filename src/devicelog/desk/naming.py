"""Texts that go into entries and documents, which nothing can take back: no client may be named in one.

Not responsible for private texts, which are kept apart and can be erased.
"""

from collections.abc import Iterable

from devicelog.errors import UsageProblem
from devicelog.sessions import looks_like_a_person, names_code
from devicelog.store.evidence import Evidence

_FOR_EVER = "it goes into the ledger for ever, where nobody may be named"


def check_nobody_named(evidence: Evidence, texts: Iterable[tuple[str, str | None]], *codes: str) -> None:
    """Refuses texts, each with what it is called, that name a client. `codes`: of clients that are not known yet.

    A client's code as a word of its own; a name with a date of birth, where the text is of several words: a lot may
    have letters and a date in it. Raises UsageProblem, which does not repeat the text.
    """
    known = {code.casefold() for code in (*evidence.client_codes(), *codes)}
    for what, text in texts:
        if text is None:
            continue
        folded = text.casefold()
        if any(code in folded and names_code(text, code) for code in known):
            raise UsageProblem(f"the {what} has a client's code in it: {_FOR_EVER}. Leave the code out")
        if " " in text.strip() and looks_like_a_person(text):
            raise UsageProblem(f"the {what} looks like a name with a date of birth: {_FOR_EVER}. Leave them out")
