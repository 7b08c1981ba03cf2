"""Entering an act at the desk: its private texts and documents are kept with its entry, in one transaction."""

import secrets
from collections.abc import Callable, Mapping, Sequence

from devicelog.canonical import Json
from devicelog.errors import NotFound
from devicelog.ledger.entries import Actor, Entry
from devicelog.recorder.access import Access
from devicelog.recorder.sealing import extend
from devicelog.store.evidence import Evidence
from devicelog.store.transaction import CLIENT_TAG, NOTE_TAG, Transaction, commitment

ID_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's


def new_id(letter: str) -> str:
    """A random id: the letter that says of what, and ten characters."""
    return f"{letter}-{''.join(secrets.choice(ID_LETTERS) for _ in range(10))}"


def enter(
    transaction: Transaction,
    type_: str,
    *,
    actor: Actor,
    told: Json,
    stream: str | None = None,
    client_ref: str | None = None,
    visit: str | None = None,
    course: str | None = None,
    private: Sequence[str] = (),
    documents: Mapping[str, bytes] | None = None,
) -> Entry:
    """Append an entry of the desk. `private`: texts, in the order that the type says; `documents`: by name.

    Raises ValueError for a client who is not known here: whoever asks looks before (`client_named`).
    """
    body: Json = {
        "stream": stream,
        "client_ref": client_ref,
        "client_commitment": _committed(transaction, client_ref),
        "visit": visit,
        "course": course,
        "told": told,
        "private": [keep_text(transaction, text) for text in private],
        "documents": {name: transaction.document(data) for name, data in (documents or {}).items()},
    }
    return transaction.entry(type_, body, actor)


def keep_text(transaction: Transaction, text: str) -> str:
    """Keep a private text with a new salt; returns the commitment to it."""
    salt = secrets.token_bytes(32)
    transaction.note(salt, text)
    return commitment(NOTE_TAG, salt, text)


def done(access: Access, action: Callable[[Transaction], Entry]) -> Entry:
    """Enter it; where it is about a session that has its package, bring it beside that, too."""
    entry = access.append(action)
    if entry.body["stream"] is not None:
        extend(access, entry.body["stream"])
    return entry


def client_named(evidence: Evidence, name: str) -> str:
    """The reference of the client with this code, or this reference, who is not erased. Raises NotFound."""
    ref = evidence.client_ref(name) or name
    if evidence.client_kept(ref) is None:
        raise NotFound("there is no client with this code. `devicelog clients list` shows those there are")
    return ref


def erased_words(what: str) -> str:
    """Why nothing is entered about a session or visit of somebody who was erased."""
    return f"the client of {what} was erased: no text about it is taken any more. What was recorded stays"


def _committed(transaction: Transaction, client_ref: str | None) -> str | None:
    if client_ref is None:
        return None
    kept = transaction.client_kept(client_ref)
    if kept is None:
        raise ValueError(f"client {client_ref} is not known here")
    return commitment(CLIENT_TAG, *kept)
