"""`checkpoint show | sign | key | witness`: the signed head of this ledger, and how it leaves the device."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from devicelog.cli.common import (
    command_line,
    data_dir_option,
    default_data_dir,
    json_option,
    legible,
    print_json,
    reading,
    witness_key_option,
)

if TYPE_CHECKING:
    from devicelog.canonical import Json


def _performed(data_dir: Path, request: "Json") -> "Json | int":
    """The answer, or the exit code of a refusal, which is told."""
    from devicelog.recorder.acts import perform

    reply = perform(data_dir, request)
    if not reply.pop("ok"):
        click.echo(f"error: {reply['error']}", err=True)
        return int(reply["exit_code"])
    return reply


@click.command()
@click.option("--qr", is_flag=True, help="As a QR code too: a photo of it is an outside witness.")
@data_dir_option
@json_option
def show(qr: bool, data_dir: Path | None, as_json: bool) -> int:
    """The newest signed head of the ledger. Keep a copy of it outside this device: on paper, in a mail, on a stick."""
    from devicelog.errors import NotFound
    from devicelog.packages.report.qr import in_letters
    from devicelog.store.heads import leaves, newest_checkpoint, pin_of

    with reading(data_dir) as evidence:
        held, entries, pin = newest_checkpoint(evidence), len(leaves(evidence)), pin_of(evidence)
    if held is None or pin is None:
        none = NotFound("nothing is signed here yet:")
        none.command = ("checkpoint", "sign")
        raise none
    note = held.note.decode()
    if as_json:
        document = {"size": held.size, "entries": entries, "note": note, "log": pin.log}
        print_json({"schema": "devicelog.checkpoint/1", **document})
        return 0
    click.echo(note, nl=False)
    if qr:
        click.echo()
        click.echo(in_letters(note), nl=False)
    later = entries - held.size
    click.echo(f"{held.size} entries are signed" + (f"; {later} came later" if later else ", which is all"), err=True)
    return 0


@click.command()
@data_dir_option
@json_option
def sign(data_dir: Path | None, as_json: bool) -> int:
    """Have the ledger's head signed as it is now. A timer does this at the end of the day."""
    reply = _performed(data_dir or default_data_dir(), {"do": "checkpoint"})
    if isinstance(reply, int):
        return reply
    if as_json:
        print_json({"schema": "devicelog.checkpoint/1", **reply})
        return 0
    click.echo(f"{reply['size']} entries are signed")
    click.echo("a copy outside this device makes it count: " + command_line("checkpoint", "show", data_dir=data_dir))
    return 0


@click.command()
@click.option("--to", "target", type=click.Path(path_type=Path), metavar="FILE", help="Write it there.")
@click.option("--qr", is_flag=True, help="As a QR code too.")
@data_dir_option
def key(target: Path | None, qr: bool, data_dir: Path | None) -> int:
    """The birth certificate of this ledger: its keys, for an auditor to pin. Makes the keys where there are none.

    Take it from here on the day the device is put to use, and keep it elsewhere: a key that comes with what is to be
    checked proves nothing.
    """
    from devicelog.errors import StoreUnusable
    from devicelog.ledger.sshsig import fingerprint
    from devicelog.packages.report.qr import in_letters
    from devicelog.store.heads import first_of, pin_of

    reply = _performed(data_dir or default_data_dir(), {"do": "commission"})
    if isinstance(reply, int):
        return reply
    with reading(data_dir) as evidence:
        pin, entry = pin_of(evidence), first_of(evidence, "log.commissioned")
    if pin is None or entry is None:
        raise StoreUnusable("the keys were made and are not in the ledger; try again")
    if target is not None:
        try:
            with target.open("x", encoding="ascii") as file:
                file.write(pin.text())
        except OSError as error:
            if not isinstance(error, FileExistsError):
                raise StoreUnusable(f"{target} cannot be written: {error.strerror}. Name another") from error
            click.echo(f"error: {target} exists; nothing was written over it", err=True)
            return 2
        click.echo(f"the birth certificate of {pin.log} is in {target}: keep it elsewhere")
    else:
        click.echo(pin.text(), nl=False)
    if qr:
        click.echo(in_letters(pin.text()), nl=False)
    click.echo(f"fingerprint of the key that signs bags: {fingerprint(pin.bags)}", err=True)
    if entry.body["signer"] == "same user":
        click.echo(
            "the keys are of the same user as the recorder: whoever writes the database can use them (docs/signer.md)",
            err=True,
        )
    return 0


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@witness_key_option
@data_dir_option
def witness(file: Path, witness_keys: tuple[Path, ...], data_dir: Path | None) -> int:
    """Advance a witness file, on a USB stick, to the newest signed head; begin it where there is none.

    It advances only with a proof that all it held is still in the ledger. Exit 3: it is not, and the file stays as it
    is. Signatures that were added to the file elsewhere are taken into the database where a --witness-key verifies
    them. Exit 3: one says that it is of such a key, and is not.
    """
    from devicelog.cli.outside import witness_keys as keys_in
    from devicelog.errors import EvidenceDamaged
    from devicelog.recorder.witnessing import advanced

    vkeys = [each.text() for each in keys_in(witness_keys)]
    data_dir = data_dir or default_data_dir()
    reply = _performed(data_dir, {"do": "checkpoint"})
    if isinstance(reply, int):
        return reply
    before, after = advanced(data_dir, file)
    without_key: set[str] = set()
    wrong: set[str] = set()
    for step in after.steps if before is None else before.steps:
        if len(step.note.signatures) > 1:
            taken = _performed(data_dir, {"do": "cosigned", "note": step.note.data().decode(), "vkeys": vkeys})
            if isinstance(taken, int):
                return taken
            if taken["new"]:
                click.echo(f"taken over: {taken['new']} signature of {', '.join(taken['names'])}")
            without_key.update(taken["without_key"])
            wrong.update(taken["wrong"])
    for name in sorted(without_key):
        click.echo(f"not taken over: no key was given for {legible(name)} (--witness-key)")
    held = 0 if before is None else before.head.size
    click.echo(f"{file}: holds {after.head.size} entries; before: {held or 'nothing'}")
    click.echo("to have it signed on another computer: devicelog checkpoint cosign FILE --key DIR --name NAME")
    if wrong:
        names = ", ".join(map(legible, sorted(wrong)))
        raise EvidenceDamaged(
            f"{file} was changed: a signature says it is of {names}, and is not of the key. It was left"
        )
    return 0
