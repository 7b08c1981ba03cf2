"""A plan by its name: a file, a plan that the clinic adopted, or a shipped one."""

from pathlib import Path
from typing import TYPE_CHECKING

from devicelog.cli.common import default_data_dir

if TYPE_CHECKING:
    from devicelog.clinical.plan import Plan


def plan_named(data_dir: Path | None, name: str) -> "Plan":
    """The plan of this name. No clinic's own has the id of a shipped one. Raises NotFound, UsageProblem."""
    from devicelog.clinical.data import list_plans, load_plan
    from devicelog.desk.adopting import adopted_plans
    from devicelog.store.database import FILE_NAME, check_existing
    from devicelog.store.evidence import Evidence

    data_dir = data_dir or default_data_dir()
    shipped = name.endswith(".toml") or any(plan.id == name for plan in list_plans())
    if not shipped and check_existing(data_dir):
        with Evidence(data_dir / FILE_NAME) as evidence:
            own = adopted_plans(evidence)
        return own[name] if name in own else load_plan(name, own)
    return load_plan(name)
