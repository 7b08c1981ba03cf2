"""What an inspection takes from one derived record: findings, checks that could not run, time on the skin. Pure."""

from dataclasses import dataclass

from devicelog.canonical import Json
from devicelog.words.findings import said

USE = ("counter.jump", "counter.fell", "activity.no_session")  # the pen worked, and nobody recorded it in a session
CLOCK = "clock.unsure"
_MARK = ("rule", "zone", "record", "at_us", "actor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One finding, without its detail. `said`: its sentence, of the rules of USE alone; of others it is not needed.

    `override`: when the override came that the finding names, in its words; None: it names none. `override_record`: the
    record of that mark; None: it was no mark.
    """

    rule: str
    severity: str
    said: str | None
    zone: str | None
    override: str | None
    override_record: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """Of one stream. `contact_us`: time on the skin; `contact_unknown_us`: motor on, contact not known. `clock_steps`:
    how often the wall clock was set while it was recorded. `overrides`: its marks, each `rule`, `zone`, `record`,
    `at_us` and `actor`; None: derived by an engine that knew none."""

    findings: tuple[Found, ...]
    not_assessable: int
    contact_us: int
    contact_unknown_us: int
    clock_steps: int
    overrides: tuple[Json, ...] | None

    @property
    def needled(self) -> bool:
        """Whether the pen was on the skin, or may have been."""
        return bool(self.contact_us or self.contact_unknown_us)

    def severities(self) -> Json:
        """How many findings of each severity."""
        counted: Json = {}
        for found in self.findings:
            counted[found.severity] = counted.get(found.severity, 0) + 1
        return counted


def read_derived(derived: Json) -> Derived:
    """Of a derived record. Raises ValueError where it is not laid out as one."""
    try:
        facts = derived["facts"]
        zones, clock, marks = facts["zones"], facts.get("clock") or {}, facts.get("overrides")
        return Derived(
            findings=tuple(map(_found, derived["findings"])),
            not_assessable=sum(row["result"] == "not assessable" for row in derived["assessments"]),
            contact_us=sum(zone["contact_us"] for zone in zones),
            contact_unknown_us=sum(zone["contact_unknown_us"] for zone in zones),
            clock_steps=max(0, len(clock.get("readings", ())) - 1),
            overrides=None if marks is None else tuple({key: mark[key] for key in _MARK} for mark in marks),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a derived record: {error!r}") from error


def _found(row: Json) -> Found:
    detail = row.get("detail") or {}
    # Of a cartridge and of answers the finding tells that an entry gave a reason, and not which.
    entered = "with a reason" if detail.get("overridden") or detail.get("result") == "word given" else None
    return Found(
        rule=row["rule"],
        severity=row["severity"],
        said=said(row) if row["rule"] in USE else None,
        zone=row.get("zone"),
        override=detail.get("override", entered),
        override_record=detail.get("override_record"),
    )
