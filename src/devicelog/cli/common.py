"""What several commands share: the data directory, the database to read, JSON on stdout."""

import json
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from devicelog.packages.whole import WholeEvidence

F = TypeVar("F", bound=Callable[..., Any])
A_PERSON = (
    "warning: the client code looks like a name with a date of birth. Use a code that only the clinic can read, such "
    "as P-117: "
)


class Number(click.FloatRange):
    """A number in a range. Click's own lets `nan` through, which is below nothing and above nothing."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and "," in value:
            self.fail(f"{value!r} has a comma: it is written with a point, as 1.5.", param, ctx)
        number = super().convert(value, param, ctx)
        if number != number:
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


class _Directory(click.Path):
    """A path that was given: an empty one, as an unset shell variable gives it, would be the current directory."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not str(value):
            self.fail("the name of the directory is empty.", param, ctx)
        return super().convert(value, param, ctx)


SYSTEM_DIR = Path("/var/lib/devicelog")


def default_data_dir(suffix: str = "") -> Path:
    """The system's directory if it can be written, else the user's own."""
    system = SYSTEM_DIR.with_name(SYSTEM_DIR.name + suffix)
    if os.access(system, os.W_OK):
        return system
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / f"devicelog{suffix}"


def data_dir_option(command: F) -> F:
    """`--data-dir DIR`, or DEVICELOG_DATA_DIR."""
    return click.option(
        "--data-dir",
        type=_Directory(path_type=Path),
        envvar="DEVICELOG_DATA_DIR",
        help="Where the database is. Default: /var/lib/devicelog if writable, else your own data directory.",
    )(command)


def witness_key_option(command: F) -> F:
    """`--witness-key FILE`, as often as there are witnesses."""
    return click.option(
        "--witness-key",
        "witness_keys",
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="FILE",
        help="The key of a witness. Without it nothing is believed of that witness.",
    )(command)


def json_option(command: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="One object instead of text.")(command)


def print_json(value: Any) -> None:
    """One object on stdout, the same bytes for the same value."""
    click.echo(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False))


def legible(name: str) -> str:
    """A name that nobody has checked: nothing in it that a terminal would obey, and not long."""
    return name if name.isprintable() and len(name) <= 80 else repr(name[:80])


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table, its columns aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


@contextmanager
def reading(data_dir: Path | None) -> "Iterator[WholeEvidence]":
    """The database to read; a session that was left open is closed first, and that is said."""
    from devicelog.packages.whole import WholeEvidence
    from devicelog.recorder.recovery import recover, told
    from devicelog.store.lock import WriterLock

    data_dir = data_dir or default_data_dir()
    interrupted = recover(data_dir)
    if interrupted is not None:
        click.echo(told(interrupted), err=True)
    _only_packages(data_dir)
    with WholeEvidence(data_dir) as evidence:
        left = evidence.open_stream()
        if left is not None and not WriterLock(data_dir).held():
            click.echo(
                f"{left['id']} was cut off, and cannot be closed here, where nothing can be written: it is shown as "
                "far as it is on disk",
                err=True,
            )
        yield evidence


@contextmanager
def undone_when_stopped(words: str) -> "Iterator[None]":
    """A Ctrl-C or SIGTERM inside is an exception, so that what was half written is taken away; says `words` then."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"interrupted: {words}", err=True)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _only_packages(data_dir: Path) -> None:
    """Raises NotFound where the database is gone and its packages are not, and says what can be done."""
    from devicelog.errors import NotFound
    from devicelog.packages.sealing import FOLDER
    from devicelog.store.database import FILE_NAME

    packages = data_dir / FOLDER
    if not (data_dir / FILE_NAME).exists() and any(packages.glob("*.package.zip")):
        gone = NotFound(
            f"there is no database in {data_dir}, and its packages are in {packages}. A new one is made of them in a "
            "directory that you name (docs/recovery.md):"
        )
        gone.command = ("db", "rebuild", "--from", str(packages), "--data-dir", f"{data_dir}-new")
        raise gone


def command_line(*words: str, data_dir: Path | None) -> str:
    """A command to type next, with the data directory where it is not the default one."""
    where = () if data_dir is None or data_dir == default_data_dir() else ("--data-dir", str(data_dir))
    return shlex.join((*program(), *words, *where))


def program() -> tuple[str, ...]:
    """How to call this program from here: by its name where the shell finds it, else by its path."""
    if shutil.which("devicelog"):
        return ("devicelog",)
    called = Path(sys.argv[0])
    return (str(called),) if called.name == "devicelog" else (sys.executable, "-m", "devicelog")
