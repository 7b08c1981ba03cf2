"""The command line: which commands there are, and what becomes of an error. Commands load when they are called.

stdout is data, stderr is messages. Nothing below here prints a traceback at a person.
"""

import errno
import importlib
import os
import sys

import click

# Where each command is, and its help in one line: a list of commands shall not import them all.
_COMMANDS = {
    "demo": ("devicelog.cli.record:demo", "Record a session with a simulated pen: no hardware needed."),
    "record": ("devicelog.cli.record:record", "Record one session from a pen."),
    "mark": ("devicelog.cli.record:mark", "Make a mark in the session that is being recorded."),
    "sessions": ("devicelog.cli.sessions:sessions", "What was recorded: list, read, correct, get the data out."),
    "practitioners": ("devicelog.cli.practitioners:practitioners", "Who works here: ids, roles, PINs."),
    "clients": (
        "devicelog.cli.clients:clients",
        "Treated persons: what is held on one, describe, export, erase it, how long it is kept.",
    ),
    "visits": ("devicelog.cli.visits:visits", "Visits: who is here, what is planned, what is allowed beforehand."),
    "courses": ("devicelog.cli.courses:courses", "Courses: several treatments of one client for one indication."),
    "cartridges": (
        "devicelog.cli.cartridges:cartridges",
        "Cartridges: scan one for a visit, open a box, recall a lot.",
    ),
    "stock": ("devicelog.cli.topicals:stock", "Topicals in stock: product, lot, expiry, ingredients."),
    "topicals": (
        "devicelog.cli.topicals:topicals",
        "Topicals that were used: before, during or after the needling.",
    ),
    "screening": (
        "devicelog.cli.screening:screening",
        "Screening: questions before needling, answers, a word for a yes.",
    ),
    "consent": ("devicelog.cli.consents:consent", "Consent and aftercare: who signed for what, of a visit."),
    "anaesthetic": ("devicelog.cli.consents:anaesthetic", "Topical anaesthetics: which, put on when, off when."),
    "scores": ("devicelog.cli.outcomes:scores", "Scores of the result: MASI, mMASI, GAIS, melanin index."),
    "events": ("devicelog.cli.outcomes:events", "Adverse events, and what followed."),
    "replay": (
        "devicelog.cli.check:replay",
        "Derive a session again from its evidence and compare.",
    ),
    "verify": (
        "devicelog.cli.check:verify",
        "Check the database against itself and every signature it holds; or a package or bag at PATH.",
    ),
    "checkpoint": (
        "devicelog.cli.checkpoint:checkpoint",
        "Checkpoints: the signed head of a log, and what others witnessed of it.",
    ),
    "export": (
        "devicelog.cli.export:export",
        "Hand out sessions as evidence that can be checked without us, and as readable files.",
    ),
    "db": ("devicelog.cli.db:db", "Check the database file, bring it up to date, make it anew from its evidence."),
    "pens": (
        "devicelog.cli.pens:pens",
        "Pens: list the ports, ask who is there, lend a port, calibrate, test, simulate.",
    ),
    "plans": ("devicelog.cli.catalogue:plans", "Plans: the intended depth, zone by zone."),
    "zones": ("devicelog.cli.catalogue:zones", "Zones: where on the body a session is recorded."),
    "rules": ("devicelog.cli.rules:rules", "Rules: what a session is judged by."),
    "version": ("devicelog.cli.version:version", "What is installed: devicelog, its engine, Python, SQLite."),
}


class _LazyGroup(click.Group):
    """A group that imports a command's module when the command is asked for."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in _COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:  # with a suggestion, which click has for commands that are loaded
            raise click.NoSuchCommand(error.command_name, possibilities=_COMMANDS, ctx=ctx) from None


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """The flight recorder of a microneedling pen.

    Records what a pen reports, checks it against a plan, and shows later that the record follows from it. It is not a
    medical device and gives no treatment advice.
    """


def run(args: list[str] | None = None) -> int:
    """Run one command and return the exit code of docs/commands.md."""
    try:
        result = cli.main(args, prog_name="devicelog", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except (BrokenPipeError, SystemExit):  # the latter is click's answer to the former
        # whoever read us has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno == errno.EIO:  # the terminal is gone: what was to be done is done
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        return _told(error)
    except Exception as error:  # noqa: BLE001 the one place where everything else becomes a sentence
        return _told(error)
    return result if isinstance(result, int) else 0


def _told(error: Exception) -> int:
    from devicelog.errors import DevicelogError
    from firmware_bridge.errors import PenError, ProfileError

    exit_code = {PenError: 4, ProfileError: 2, PermissionError: 5}
    if isinstance(error, DevicelogError):
        from devicelog.cli.common import program

        click.echo(f"error: {error.said(program())}", err=True)
        return error.exit_code
    for kind, code in exit_code.items():
        if isinstance(error, kind):
            click.echo(f"error: {error}", err=True)
            return code
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        click.echo("error: what was asked for could not be written: no space left where it was to go", err=True)
        return 5
    if os.environ.get("DEVICELOG_DEBUG"):
        import traceback

        traceback.print_exc()
    click.echo(f"unexpected error: {type(error).__name__}: {error}. Set DEVICELOG_DEBUG=1 to see where.", err=True)
    return 1
