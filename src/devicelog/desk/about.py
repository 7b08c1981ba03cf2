"""Whom and what an act at the desk is about: a client, and the visit or the session it belongs to, which must agree."""

from dataclasses import dataclass

from devicelog.canonical import Json
from devicelog.clinic.visits import Visit
from devicelog.desk.asked import text_of
from devicelog.desk.entering import client_named, erased_words
from devicelog.desk.visits import open_visits, session_of_visit, visit_named, visit_of_session
from devicelog.errors import BadTransition, NotFound, UsageProblem
from devicelog.sessions import check_client_code
from devicelog.store.evidence import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """A client by reference; the visit, its course, and the session with whose package the entry travels; or None."""

    client_ref: str
    visit: str | None = None
    course: str | None = None
    stream: str | None = None


def about(evidence: Evidence, request: Json) -> About:
    """From `client` (a code or reference), `visit` and `session` of a request, one of them at least.

    A visit that has a session already brings it along, the newest. Raises NotFound; UsageProblem where they are of
    different clients.
    """
    named = {key: text_of(request, key) for key in ("client", "visit", "session") if request.get(key) is not None}
    if not named:
        raise UsageProblem("whom this is about is not said: name the visit with --visit or the session with --session")
    visit = visit_named(evidence, named["visit"]) if "visit" in named else None
    stream = session_of_visit(evidence, visit.id) if visit else None
    owner = visit.client_ref if visit else None
    if "session" in named:
        stream, owner = _session(evidence, named["session"])
        of_session = visit_of_session(evidence, stream)
        if visit is not None and (of_session is None or of_session.id != visit.id):
            raise UsageProblem(f"{stream} is not a part of {visit.id}: name one of them")
        visit = of_session
    if owner is not None and evidence.client_kept(owner) is None:
        raise BadTransition(erased_words(str(named.get("session") or named.get("visit"))))
    ref = client_named(evidence, check_client_code(named["client"]) if "client" in named else str(owner))
    if owner is not None and owner != ref:
        what = named.get("session") or named.get("visit")
        raise UsageProblem(f"{what} is of another client: nothing was entered. Look at the code and at the id again")
    if visit is None:
        return About(client_ref=ref, stream=stream)
    return About(client_ref=ref, visit=visit.id, course=visit.course, stream=stream)


def open_visit_of(evidence: Evidence, client_ref: str) -> Visit | None:
    """The one visit of this client that is open; None where there is none. Raises UsageProblem where several are."""
    here = open_visits(evidence, client_ref)
    if len(here) > 1:
        names = ", ".join(visit.id for visit in here)
        raise UsageProblem(f"{len(here)} visits of this client are open ({names}): say which with --visit")
    return here[0] if here else None


def _session(evidence: Evidence, prefix: str) -> tuple[str, str]:
    """Its id and its client, as last corrected."""
    row = evidence.stream(prefix)
    if row["kind"] != "session" or row["client_ref"] is None:
        raise NotFound(f"{row['id']} is no session of a client")
    return str(row["id"]), str(row["client_ref"])
