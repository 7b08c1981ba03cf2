"""What of a session is shown to a recipient: one place that takes out what is not, before any shape is made. Pure.

Only the convenience shapes (tables, bundle, report) are made from this. Evidence is handed over as it is or not at all:
its entries name the `client_ref`, which is the same in every session of one client.
"""

from collections.abc import Iterable
from typing import NewType

from devicelog.canonical import Json
from devicelog.clinic.personal import under_another_name, without_personal

Shown = NewType("Shown", Json)  # a session as `sessions show --json` gives it, with what is not shown set to None


def shown(session: Json, *, redacted: bool, client_called: str | None = None) -> Shown:
    """The session as this recipient may see it; the one that was given stays as it is.

    `redacted`: without the client's code, without texts that people wrote (notes, reasons, amendments, printed names)
    and without what is known of the client's person and health. `client_called`: what this recipient calls the client;
    then neither the code nor the `client_ref` is in it, and no visit and no course, redacted or not.
    """
    hidden = redacted or client_called is not None
    attribution = session["attribution"]

    def without(rows: Iterable[Json], *texts: str) -> list[Json]:
        return [{**row, **dict.fromkeys(texts)} if redacted else row for row in rows]

    told = {
        **session,
        "client": client_called if hidden else session["client"],
        "client_ref": None if client_called is not None else session["client_ref"],
        "notes": [{**note, "text": None if redacted else note["text"]} for note in session["notes"]],
        "attribution": attribution
        and {
            **attribution,
            "reason": None if redacted else attribution["reason"],
            "client_ref": None if client_called is not None else attribution["client_ref"],
        },
        "signatures": without(session.get("signatures", ()), "name"),
        "amendments": [
            {**row, "erased": row["erased"] or redacted}
            for row in without(session.get("amendments", ()), "old", "new", "reason")
        ],
        "explained": without(session.get("explained", ()), "reason"),
    }
    if (record := session.get("treatment")) is not None:
        record = without_personal(record) if redacted else record
        told["treatment"] = under_another_name(record, told["client"], told["client_ref"])
    if client_called is not None:
        told["findings"] = [_of_no_course(finding) for finding in session["findings"]]
        if clinic := session.get("clinic"):
            told["clinic"] = {**clinic, "visit": None, "course": None}
    return Shown(told)


def _of_no_course(finding: Json) -> Json:
    """The finding without the id of a course: true where there is one, for the sentence is about that."""
    detail = finding["detail"]
    return finding if not detail.get("course") else {**finding, "detail": {**detail, "course": True}}
