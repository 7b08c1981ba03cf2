"""The questionnaire as a versioned document, and answers to it: all of it, or none.

Not responsible for what a yes means for a session (suitability.py), nor for keeping answers: they are health data, and
the room that keeps them says where.
"""

import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from devicelog.clinical.keys import GRADES, suggest
from devicelog.errors import UsageProblem

QUESTIONNAIRE_SCHEMA = "devicelog.questionnaire/1"
ANSWERS_SCHEMA = "devicelog.answers/1"

Json = dict[str, Any]
Answers = dict[str, bool]  # by question; True is yes

_LISTS = ("fda", "extra")
_CONCERNS = ("needling", "anaesthetic")
_ANSWERED = ("person", "phototype")
_OPTIONAL = {"concerns": "needling", "answered": "person", "note": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question, and who says that it is to be asked. `answered`: by the client, or by the recorded skin type."""

    id: str
    text: str
    list: Literal["fda", "extra"]
    concerns: Literal["needling", "anaesthetic"]
    answered: Literal["person", "phototype"]
    note: str | None
    source: tuple[str, ...]
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Questionnaire:
    """Every question, what sources disagree about, and the sources by their keys: title and address."""

    id: str
    version: int
    questions: tuple[Question, ...]
    conflicts: tuple[Json, ...]
    sources: dict[str, str]

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Read screening.toml. Raises UsageProblem, naming the place, when it cannot be meant."""
        sources = {key: f"{each['title']}, {each['address']}" for key, each in values["sources"].items()}
        return cls._checked({**values, "sources": sources})

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read back what `document` gave."""
        return cls._checked(document)

    @classmethod
    def _checked(cls, values: Mapping[str, Any]) -> Self:
        if values.get("schema") != QUESTIONNAIRE_SCHEMA:
            raise UsageProblem(f"schema = {reprlib.repr(values.get('schema'))}; expected {QUESTIONNAIRE_SCHEMA!r}")
        sources, questions = dict(values["sources"]), tuple(_question(each) for each in values["questions"])
        ids = [each.id for each in questions]
        if not ids or len(set(ids)) != len(ids):
            raise UsageProblem(f"a questionnaire has questions, and each once: {ids}")
        conflicts = tuple(values["conflicts"])
        named = {key for each in questions for key in each.source}
        named |= {said["source"] for each in conflicts for said in each["says"]}
        if unknown := sorted(named - sources.keys()) + sorted({each["question"] for each in conflicts} - set(ids)):
            raise UsageProblem(f"nothing is said of {unknown[0]}")
        return cls(
            id=values["id"], version=values["version"], questions=questions, conflicts=conflicts, sources=sources
        )

    @property
    def name(self) -> str:
        """What an entry calls it: its id and version."""
        return f"{self.id}-{self.version}"

    @property
    def asked(self) -> tuple[Question, ...]:
        """The questions that a person answers."""
        return tuple(each for each in self.questions if each.answered == "person")

    def question(self, id_: str) -> Question:
        """The question of this id. Raises UsageProblem with a suggestion."""
        for each in self.questions:
            if each.id == id_:
                return each
        raise UsageProblem(f"there is no question {id_}.{suggest(id_, [each.id for each in self.asked])}")

    def document(self) -> Json:
        """The questionnaire as plain values, ready for canonical bytes."""
        questions = [{key: _plain(value) for key, value in asdict(each).items()} for each in self.questions]
        return {
            "schema": QUESTIONNAIRE_SCHEMA,
            "id": self.id,
            "version": self.version,
            "questions": questions,
            "conflicts": list(self.conflicts),
            "sources": self.sources,
        }

    def check(self, answers: Mapping[str, object]) -> Answers:
        """The answers in the order of the questions. Raises UsageProblem: one is missing, unknown, or neither yes nor
        no."""
        for id_ in answers:
            if self.question(id_).answered != "person":
                raise UsageProblem(f"{id_} is not asked: the recorded skin type answers it (`clients describe`)")
        if left := [each.id for each in self.asked if each.id not in answers]:
            raise UsageProblem(
                f"{len(left)} of {len(self.asked)} questions are not answered: {', '.join(left)}. Nothing is recorded; "
                "answer every one, or say --all-no for those that were asked and denied"
            )
        checked: Answers = {}
        for each in self.asked:
            answer = answers[each.id]
            if not isinstance(answer, bool):
                raise UsageProblem(f"{each.id} = {reprlib.repr(answer)}; expected true (yes) or false (no)")
            checked[each.id] = answer
        return checked

    def all_no_but(self, yes: Iterable[str]) -> Answers:
        """Every question asked and denied, but these. Raises UsageProblem."""
        affirmed = list(yes)
        for id_ in affirmed:
            self.question(id_)
        return self.check({each.id: False for each in self.asked} | dict.fromkeys(affirmed, True))

    def yes(self, answers: Answers) -> tuple[Question, ...]:
        """The questions that were answered with yes."""
        return tuple(each for each in self.asked if answers[each.id])


def result_of(answers: Answers) -> Literal["clear", "yes"]:
    """The one word that an entry may say of answers."""
    return "yes" if any(answers.values()) else "clear"


def _question(values: Mapping[str, Any]) -> Question:
    given = _OPTIONAL | dict(values)
    if unknown := sorted(given.keys() ^ Question.__dataclass_fields__.keys()):
        raise UsageProblem(f"question {given.get('id')!r}: {', '.join(unknown)} is missing or unknown")
    words = {"list": _LISTS, "concerns": _CONCERNS, "answered": _ANSWERED, "evidence": GRADES}
    for key, allowed in words.items():
        if given[key] not in allowed:
            raise UsageProblem(
                f"question {given['id']!r}: {key} = {given[key]!r}; expected one of {', '.join(allowed)}"
            )
    if not given["source"]:
        raise UsageProblem(f"question {given['id']!r}: source is empty")
    return Question(**given | {"source": tuple(given["source"])})


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
