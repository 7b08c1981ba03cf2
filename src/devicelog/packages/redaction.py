"""What of a session is shown to a recipient: one place that takes out what is not, before any shape is made. Pure.

Only the convenience shapes (tables, bundle, report) are made from this. Evidence is handed over as it is or not at all:
its entries name the `client_ref`, which is the same in every session of one client.
"""

from collections.abc import Iterable
from typing import NewType

from devicelog.canonical import Json

Shown = NewType("Shown", Json)  # a session as `sessions show --json` gives it, with what is not shown set to None


def shown(session: Json, *, redacted: bool, client_called: str | None = None) -> Shown:
    """The session as this recipient may see it; the one that was given stays as it is.

    `redacted`: without the client's code and without texts that people wrote: notes, reasons, amendments, printed
    names. `client_called`: what
    this recipient calls the client; then neither the code nor the `client_ref` is in it, redacted or not.
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
    return Shown(told)
