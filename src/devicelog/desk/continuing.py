"""Going on after a power cut or with another pen: the visit of the newest session, made of it where it was of none."""

from devicelog.canonical import Json, parse_canonical
from devicelog.clinic.visits import Visit
from devicelog.desk.entering import done, enter, new_id
from devicelog.desk.visits import visit_of_session
from devicelog.desk.who import actor_of
from devicelog.errors import BadTransition, NotFound
from devicelog.ledger.entries import Entry
from devicelog.recorder.access import Access
from devicelog.recorder.acts import Act
from devicelog.store.evidence import Evidence
from devicelog.store.projection import is_imported
from devicelog.store.reading import StreamRow
from devicelog.store.transaction import Transaction


def visit_to_continue(evidence: Evidence) -> tuple[StreamRow, Visit | None]:
    """The newest session here, and its visit, if it has one. Raises NotFound, BadTransition where it cannot go on."""
    rows = [row for row in evidence.streams() if row["kind"] == "session" and not is_imported(row)]
    if not rows:
        raise NotFound(
            "there is no session to go on with: `devicelog visits open` or `devicelog record --client CODE ...`"
        )
    row = rows[-1]
    if row["closed_seq"] is None:
        raise BadTransition(f"{row['id']} is still being recorded")
    if row["client_ref"] is None or evidence.client_kept(row["client_ref"]) is None:
        raise BadTransition(f"the client of {row['id']} was erased: begin another session with --client CODE")
    visit = visit_of_session(evidence, row["id"])
    if visit is not None and visit.closed is not None:
        raise BadTransition(
            f"{visit.id}, of which {row['id']} is, is closed ({visit.closed}): `devicelog visits open` "
            "opens another one"
        )
    return row, visit


def visit_continue(access: Access, request: Json) -> Json:
    """Act: the visit that the next session belongs to. `by`. Where the newest session is of none, one is made of it."""
    with Evidence(access.path) as evidence:
        actor = actor_of(evidence, request, "desk")
        row, visit = visit_to_continue(evidence)
        if visit is not None:
            return {"visit": visit.id, "after": row["id"], "made": False}
        opening = evidence.entry(row["no"])
        names = opening.body["documents"]
        documents = {name: evidence.document(names[name]) for name in ("plan", "limits") if name in names}
        indication = str(parse_canonical(documents["plan"])["indication"])
    name = new_id("v")

    def make(transaction: Transaction) -> Entry:
        told = {"practitioner": row["practitioner"], "indication": indication}
        about: Json = {"actor": actor, "visit": name, "client_ref": row["client_ref"]}
        enter(transaction, "visit.opened", told=told, documents=documents, **about)
        return enter(transaction, "visit.joined", told={}, stream=row["id"], **about)

    done(access, make)
    return {"visit": name, "after": row["id"], "made": True}


ACTS: dict[str, Act] = {"visit.continue": visit_continue}
