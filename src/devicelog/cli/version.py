"""`devicelog version`."""

import json
import platform

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One object instead of text.")
def version(as_json: bool) -> None:
    """What is installed: devicelog, its engine, Python, SQLite."""
    import sqlite3

    from devicelog import __version__
    from devicelog.pipeline import ENGINE
    from firmware_bridge.frames import PROTOCOL_MAJOR, PROTOCOL_MINOR

    facts = {
        "schema": "devicelog.version/1",
        "devicelog": __version__,
        "engine": ENGINE,
        "protocol": f"{PROTOCOL_MAJOR}.{PROTOCOL_MINOR}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2, sort_keys=True))
    else:
        words = ", ".join(f"{name} {value}" for name, value in facts.items() if name not in ("schema", "devicelog"))
        click.echo(f"devicelog {__version__} ({words})")
