"""What is said of a code or an id that is new here: meant, or a slip. Nothing is refused for it."""

from pathlib import Path

import click

from devicelog.cli.common import default_data_dir, reading
from devicelog.clinical.keys import suggest
from devicelog.store.database import FILE_NAME
from devicelog.store.evidence import Evidence


def say_new(data_dir: Path | None, *, client: str | None = None, practitioner: str | None = None) -> None:
    """Say on stderr that this client was never here, or that this practitioner is not on the clinic's list."""
    if not ((data_dir or default_data_dir()) / FILE_NAME).exists():
        return
    with reading(data_dir) as evidence:
        said = [] if client is None else _client(evidence, client)
        said += [] if practitioner is None else _practitioner(evidence, practitioner)
    for words in said:
        click.echo(f"note: {words}", err=True)


def _client(evidence: Evidence, code: str) -> list[str]:
    from devicelog.sessions import check_client_code, looks_like_a_person
    from devicelog.store.clients import clients

    code = check_client_code(code)
    if looks_like_a_person(code) or evidence.client_ref(code) is not None:
        return []
    near = [known.code for known in clients(evidence) if known.code and _bare(known.code) == _bare(code)]
    return [f"{code} is a new client" + (f": {near[0]} is known. Another one?" if near else "")]


def _practitioner(evidence: Evidence, person: str) -> list[str]:
    """Nothing where the clinic has no list."""
    from devicelog.desk.who import people_of

    people = people_of(evidence)
    if not people.by_id or people.get(person) is not None:
        return []
    known = [each.id for each in people.by_id.values() if each.retired is None]
    return [f"{person} is not registered; `devicelog practitioners list` shows who is.{suggest(person, known)}"]


def _bare(code: str) -> str:
    return "".join(letter for letter in code.casefold() if letter.isalnum())
