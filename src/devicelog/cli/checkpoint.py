"""`checkpoint`: signed heads of a log, and their witnesses. What is here needs no database; heads.py has the rest."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.common import json_option, print_json
from devicelog.cli.heads import key, show, sign, witness
from devicelog.cli.importing import continue_log

if TYPE_CHECKING:
    from devicelog.ledger.note import VerifierKey
    from devicelog.ledger.witness import WitnessFile

_MAX_PIN_BYTES = 4096


@click.group()
def checkpoint() -> None:
    """Checkpoints: the signed head of a log, and what others witnessed of it."""


for _command in (show, sign, key, witness, continue_log):
    checkpoint.add_command(_command)


@checkpoint.command("witness-key")
@click.option(
    "--key", "directory", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Its directory."
)
@click.option("--name", required=True, metavar="NAME", help="The witness's name, as a domain of yours: no spaces.")
@json_option
def witness_key(directory: Path, name: str, as_json: bool) -> None:
    """Print the public key of a witness, which is made at first: on the auditor's computer, never on the device.

    Give the printed line to whoever checks exports. Exit 2: the key there has another name. 5: others can read it, or
    what it cosigned cannot be told.
    """
    from devicelog.ledger.cosigning import Witness

    vkey = Witness(directory, name).verifier_key().text()
    if as_json:
        print_json({"schema": "devicelog.witness_key/1", "vkey": vkey})
    else:
        click.echo(vkey)


@checkpoint.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--key", "directory", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Its directory."
)
@click.option("--name", required=True, metavar="NAME", help="The witness's name, as `witness-key` was told.")
@click.option("--pin", type=click.Path(path_type=Path), metavar="FILE", help="The log's birth certificate, if at hand.")
@json_option
def cosign(file: Path, directory: Path, name: str, pin: Path | None, as_json: bool) -> None:
    """Cosign the newest checkpoint in a witness file, as it came from the device on a stick.

    Only if everything that this key cosigned before is still in it. The time is that of this computer's clock. Exit 3:
    the file is damaged, or its log was rolled back, forked or exchanged; nothing is cosigned then, and the file stays
    as it is. 6: no such file, or no key.
    """
    import time

    from devicelog.ledger.cosigning import Witness
    from devicelog.ledger.state_file import replace_durably

    vkey = None if pin is None else _pinned(pin)
    read = _witness_file(file)
    done = Witness(directory, name).cosign(read, int(time.time()), vkey=vkey)
    if not done.again:
        replace_durably(file, done.file.data())
    if done.first and vkey is None:
        click.echo(
            f"note: this key never saw {done.head.log} before, and nothing vouched for the log's own key. Compare it "
            f"with the birth certificate that the clinic holds: {read.vkey.text()}",
            err=True,
        )
    if as_json:
        facts = {"log": done.head.log, "entries": done.head.size, "root": done.head.root.hex(), "again": done.again}
        print_json({"schema": "devicelog.cosigned/1", "first": done.first, **facts})
    else:
        what = "was cosigned already" if done.again else "cosigned"
        click.echo(f"{what}: {done.head.log}, {done.head.size} entries, root {done.head.root.hex()}")


def _witness_file(path: Path) -> "WitnessFile":
    from devicelog.errors import EvidenceDamaged
    from devicelog.ledger.witness import MAX_BYTES, WitnessFile

    try:
        return WitnessFile.parse(_read(path, MAX_BYTES))
    except ValueError as error:
        raise EvidenceDamaged(f"{path} is not a witness file, or is damaged: {error}") from error


def _pinned(path: Path) -> "VerifierKey":
    from devicelog.errors import UsageProblem
    from devicelog.ledger.pin import Pin

    try:
        return Pin.parse(_read(path, _MAX_PIN_BYTES).decode()).checkpoints
    except ValueError as error:
        raise UsageProblem(f"{path}: {error}") from error


def _read(path: Path, most: int) -> bytes:
    from devicelog.errors import NotFound, StoreUnusable

    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}") from error
    except OSError as error:
        raise StoreUnusable(f"{path} cannot be read: {error.strerror}") from error
