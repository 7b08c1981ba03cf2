"""`rules list | show`: what a session is judged by: every rule of today, what it says, and where its limit is from."""

from typing import TYPE_CHECKING

import click

from devicelog.cli.common import json_option, print_json, table

if TYPE_CHECKING:
    from devicelog.canonical import Json
    from devicelog.rules.rule import Rule


@click.group()
def rules() -> None:
    """Rules: what a session is judged by. Which ones found something: `sessions show`."""


@rules.command("list")
@json_option
def list_rules(as_json: bool) -> None:
    """Every rule that a session of today is judged by, in the order in which they are shown."""
    from devicelog.rules.table import RULES

    told = [_told(rule) for rule in RULES]
    if as_json:
        print_json({"schema": "devicelog.rules-listed/1", "rules": told})
        return
    rows = [("rule", "version", "severity", "alarm", "override", "finds")]
    for row in told:
        allowed = "yes" if row["overridable"] else "-"
        rows.append((row["id"], str(row["version"]), row["severity"], row["alarm"] or "-", allowed, row["message"]))
    click.echo("\n".join(table(rows)))
    click.echo()
    click.echo("alarm: said while it is recorded. override: with a reason, what it finds becomes a notice.")
    click.echo("Where a limit is from: `rules show ID`")


@rules.command("show")
@click.argument("rule", metavar="ID")
@json_option
def show_rule(rule: str, as_json: bool) -> None:
    """One rule: what it looks at, its numbers and their source."""
    from devicelog.clinical.plan import suggest
    from devicelog.errors import NotFound
    from devicelog.rules.table import RETIRED, RULES

    known = {each.id: each for each in RULES}
    if rule not in known:
        raise NotFound(f"there is no rule {rule!r}; `devicelog rules list` shows them.{suggest(rule, known)}")
    told = _told(known[rule])
    told["before"] = sorted(each.version for each in RETIRED if each.id == rule)
    if as_json:
        print_json({"schema": "devicelog.rule/1", **told})
        return
    click.echo(f"{told['id']}, version {told['version']}: {told['message']}")
    click.echo(f"  severity    {told['severity']}")
    click.echo(f"  alarm       {told['alarm'] or 'none: only the end can tell'}")
    how = "with a reason, what it finds becomes a notice" if told["overridable"] else "cannot be overridden"
    click.echo(f"  override    {how}")
    click.echo(f"  source      {told['source']}")
    for name, value in told["parameters"].items():
        click.echo(f"  {name:<10}  {', '.join(map(str, value)) if isinstance(value, list) else value}")
    click.echo(f"  looks at    {', '.join(told['inputs'])}")
    click.echo(f"  judges      {' and '.join(told['streams'])}")
    if told["before"]:
        click.echo(f"  before      version {', '.join(map(str, told['before']))}: sessions of its day keep it")


def _told(rule: "Rule") -> "Json":
    return {**rule.document(), "alarm": rule.alarm, "overridable": rule.overridable}
