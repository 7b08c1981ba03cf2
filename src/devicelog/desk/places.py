"""Where something at the desk belongs: the visit that was named, the one that is open, or the session being recorded.

Not responsible for opening or closing visits (visits.py).
"""

from dataclasses import dataclass

from devicelog.canonical import Json
from devicelog.clinic.cartridges import Place
from devicelog.clinic.visits import of_client, parts_of
from devicelog.clinical.plan import suggest
from devicelog.errors import NotFound, UsageProblem
from devicelog.ledger.entries import Entry
from devicelog.store.evidence import Evidence
from devicelog.store.matters import matters, without
from devicelog.store.reading import StreamRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A place with its client. `recording`: its session is being recorded now; `ended`: its visit was closed."""

    place: Place
    client_ref: str | None
    recording: bool
    ended: bool


def place_of(evidence: Evidence, request: Json) -> Found:
    """From `visit` or `session` of a request, or neither where only one can be meant. Raises NotFound, UsageProblem."""
    visit, session = request.get("visit"), request.get("session")
    if not isinstance(visit, str | None) or not isinstance(session, str | None) or (visit and session):
        raise UsageProblem("name a visit (--visit) or a session (--session), not both")
    row = evidence.open_stream()
    running = row if row is not None and row["kind"] == "session" else None
    if session is not None:
        return _of_session(evidence, evidence.stream(session), running)
    if visit is None and running is not None:
        return _of_session(evidence, running, running)
    return _of_visit(evidence, _only(evidence) if visit is None else visit, running)


def visit_of(evidence: Evidence, stream: str) -> str | None:
    """The visit that a session is a part of."""
    return parts_of(matters(evidence, stream, "visit.joined", "visit.left")).get(stream)


def entries_at(evidence: Evidence, name: str, type_: str) -> list[Entry]:
    """The entries of this type about a session, or about a visit and the sessions that are its parts, oldest first:
    one may have been begun without a visit."""
    joined = matters(evidence, name, "visit.joined", "visit.left")
    parts = parts_of(joined)
    gone = {str(entry.body["stream"]) for entry in joined if entry.body["visit"] == name} - parts.keys()
    found = {
        entry.seq: entry
        for each in (name, *parts)
        for entry in own_matters(evidence, each, type_)
        if entry.body["stream"] not in gone
    }
    return [found[seq] for seq in sorted(found)]


def own_matters(evidence: Evidence, name: str, *types: str) -> list[Entry]:
    """The entries of these types about a session or a visit that are about its client, too, oldest first."""
    if name.startswith("v-"):
        opened = matters(evidence, name, "visit.opened")
        ref = opened[-1].body["client_ref"] if opened else None
    else:
        try:
            ref = evidence.stream(name)["client_ref"]
        except NotFound:  # one that was on paper has one client for good
            return matters(evidence, name, *types)
    return of_client(matters(evidence, name, *types), ref)


def _open(evidence: Evidence) -> list[str]:
    return without(evidence, "visit.opened", "visit.closed", "v")


def _only(evidence: Evidence) -> str:
    names = _open(evidence)
    if len(names) != 1:
        there = f"{len(names)} visits are open ({', '.join(names)})" if names else "no visit is open"
        raise NotFound(f"{there}, and no session is being recorded: name where it belongs, --visit V or --session S")
    return names[0]


def _of_session(evidence: Evidence, row: StreamRow, running: StreamRow | None) -> Found:
    stream = str(row["id"])
    if row["kind"] != "session":
        raise UsageProblem(f"{stream} is a time outside a session: nobody was treated in it that is known")
    visit = visit_of(evidence, stream)
    return Found(
        place=Place(visit=visit, stream=stream),
        client_ref=row["client_ref"] if evidence.client_kept(row["client_ref"] or "") else None,
        recording=running is not None and running["id"] == stream,
        ended=visit is not None and bool(matters(evidence, visit, "visit.closed")),
    )


def _of_visit(evidence: Evidence, name: str, running: StreamRow | None) -> Found:
    opened = matters(evidence, name, "visit.opened")
    if not opened:
        raise NotFound(f"there is no visit {name!r}.{suggest(name, _open(evidence))}")
    now = str(running["id"]) if running is not None and visit_of(evidence, str(running["id"])) == name else None
    ref = opened[-1].body["client_ref"]
    return Found(
        place=Place(visit=name, stream=now),
        client_ref=ref if ref is not None and evidence.client_kept(ref) else None,
        recording=now is not None,
        ended=bool(matters(evidence, name, "visit.closed")),
    )
