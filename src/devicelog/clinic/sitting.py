"""What the desk said of one session: its document `clinic`, what was entered since, and the text of its visit. Pure.

The document is what was known when the session opened; the entries are those of the desk that name its stream, before
and after the seal. A value that is None here was there and is not held any more: erased, or not in what is read.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from devicelog.canonical import Json, parse_canonical
from devicelog.clinic.visits import of_client
from devicelog.ledger.entries import Entry

NOT_RECORDED = "not recorded"
DETAILS = ("born", "age_verified", "phototype", "name", "contact")
EVENT = ("type", "severity", "onset", "outcome", "reported", "seen", "words")

Texts = Callable[[str], str | None]  # the text behind a commitment, or None where it is not held


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """`clinic`: the document, None for a session that has none. `entries`: of the desk, with this stream, in order."""

    clinic: Json | None
    entries: Sequence[Entry]
    texts: Texts
    client_ref: str | None  # whose session it is, as last corrected: what was entered of another person is not shown
    corrected: bool = False  # from whom it was opened for: the consents of the document are not this person's

    def consent(self, what: str) -> Json | None:
        """The newest of this kind: `given`, `signed`, `at`, `by`; None where nobody entered one."""
        known = [] if self.corrected else self._listed("consents")
        rows = [*known, *({**e.body["told"], **_when(e)} for e in self._of("consent.recorded"))]
        found = [row for row in rows if row["what"] == what]
        return {key: found[-1].get(key) for key in ("given", "signed", "at", "by")} if found else None

    def anaesthetics(self) -> list[Json]:
        """Product, on and off. Said again with the same product and time on, it takes the place of what was said."""
        rows = [*self._listed("anaesthetic"), *(entry.body["told"] for entry in self._of("anaesthetic.noted"))]
        return list({(row["product"], row["on_at"]): dict(row) for row in rows}.values())

    def topicals(self) -> list[Json]:
        """Product, lot, expiry, ingredients, when, patch test; in the order of entering."""
        keys = ("product", "lot", "expires", "ingredients", "when", "patch_test")
        rows = [*self._listed("topicals"), *(entry.body["told"] for entry in self._of("topical.noted"))]
        return [{key: row.get(key) for key in keys} for row in rows]

    def cartridges(self) -> list[Json]:
        """Those of the visit when it opened, then those fitted in it; each with `entered`: before or since."""
        rows = [{**row, "fitted": "before"} for row in self._listed("cartridges")]
        for entry in self._of("cartridge.fitted"):
            told = {key: value for key, value in entry.body["told"].items() if key != "scan"}
            allowed = bool(entry.body["private"])
            rows.append({**told, "overridden": allowed, "at": entry.values["at"], "fitted": "since"})
        return rows

    def events(self) -> list[Json]:
        """Adverse events as last followed: `event`, `at`, `by`, and the words of EVENT, which are personal."""
        found: dict[str, Json] = {}
        for entry in self._of("event.recorded", "event.followed"):
            name = entry.body["told"]["event"]
            held = self._private(entry)
            words = {key: held.get(key) if held else None for key in EVENT}
            first = found.get(name, {"event": name, **_when(entry), "followed": 0})
            followed = first["followed"] + (entry.type == "event.followed")
            found[name] = {**first, **words, "followed": followed, "erased": held is None}
        return list(found.values())

    def asked(self) -> list[Json]:
        """What was answered since it opened: `questionnaire`, `result`, `same_as`, `at`, `by` and `answers`."""
        rows = []
        for entry in self._of("screening.answered"):
            held = self._private(entry)
            rows.append({**entry.body["told"], **_when(entry), "answers": held and held.get("answers")})
        return rows

    def joined(self) -> bool:
        """Whether the visit left a private text with this session: what of the client was known at its opening."""
        return any(entry.body["private"] for entry in self._of("visit.joined"))

    def known(self) -> Json | None:
        """That text: `rows` of suitability, perhaps `words`, `client` and `overrides`. None: none, or not held."""
        with_text = [entry for entry in self._of("visit.joined") if entry.body["private"]]
        return self._private(with_text[-1]) if with_text else None

    def explained(self) -> list[Json]:
        """Words that were given to findings since: `rule`, `zone`, `at`, `by`, `reason`."""
        return [
            {**entry.body["told"], **_when(entry), "reason": self._text(entry)}
            for entry in self._of("finding.explained", "override.given")
        ]

    def _of(self, *types: str) -> Iterable[Entry]:
        return (entry for entry in of_client(self.entries, self.client_ref) if entry.type in types)

    def _listed(self, key: str) -> list[Json]:
        rows: list[Json] = self.clinic.get(key, []) if self.clinic else []
        return rows

    def _text(self, entry: Entry) -> str | None:
        return self.texts(entry.body["private"][0]) if entry.body["private"] else None

    def _private(self, entry: Entry) -> Json | None:
        """The values of its private text. One that is no values was not written by us, and says nothing."""
        text = self._text(entry)
        if text is None:
            return None
        try:
            values = parse_canonical(text.encode())
        except ValueError:
            return None
        return values if isinstance(values, dict) else None


def recorded(value: object) -> object:
    """The value, or that it was not recorded."""
    return NOT_RECORDED if value is None else value


def _when(entry: Entry) -> Json:
    return {"at": entry.values["at"], "by": entry.values["actor"]["id"]}
