"""What people said while a session ran, besides where they were: end-points, overrides, changes. Pure.

Facts for the rules to read, in the order in which they were marked. Not responsible for what a change does to spans and
limits (derive.py).
"""

from dataclasses import dataclass, field

from devicelog.canonical import Json
from devicelog.records import Mark

_OF_CARTRIDGE = ("identity", "lot", "expires", "serial", "used_before", "overridden")  # each None where it is not known


@dataclass(slots=True)
class Told:
    """The lists of one stream."""

    endpoints: list[Json] = field(default_factory=list)
    overrides: list[Json] = field(default_factory=list)
    cartridge_changes: list[Json] = field(default_factory=list)
    operators: list[Json] = field(default_factory=list)
    plan_changes: list[Json] = field(default_factory=list)

    def take(self, mark: Mark, record: int, at_us: int, *, seen_in: str | None) -> None:
        """Take a mark of any kind. `at_us`: since the stream's first record; `seen_in`: the zone of an end-point."""
        when: Json = {"record": record, "at_us": at_us}
        match mark.kind:
            case "endpoint":
                self.endpoints.append({"zone": seen_in, "grade": mark.grade, **when})
            case "override":
                self.overrides.append({"rule": mark.rule, "zone": mark.zone, **when, "actor": mark.actor})
            case "cartridge":
                known = {key: getattr(mark, key) for key in _OF_CARTRIDGE}
                self.cartridge_changes.append({"cartridge": mark.cartridge, **known, **when})
            case "operator":
                self.operators.append({"practitioner": mark.practitioner, **when})
            case "plan":
                self.plan_changes.append(
                    {
                        "zone": mark.zone,
                        "depth_min_um": mark.depth_min_um,
                        "depth_max_um": mark.depth_max_um,
                        "passes_min": mark.passes_min,
                        "passes_max": mark.passes_max,
                        **when,
                        "actor": mark.actor,
                    }
                )
            case _:
                pass

    def documents(self) -> Json:
        """The lists by the names that the facts give them."""
        return {
            "endpoints": list(self.endpoints),
            "overrides": list(self.overrides),
            "cartridge_changes": list(self.cartridge_changes),
            "operators": list(self.operators),
            "plan_changes": list(self.plan_changes),
        }
