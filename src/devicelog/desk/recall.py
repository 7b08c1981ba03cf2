"""A recall: every session in which a cartridge of a lot may have been used, and whose it was. Reads only.

It would rather name one too many, and says how each is known. Codes of clients are given only where they are asked for.
"""

from devicelog.canonical import Json, parse_canonical
from devicelog.clinic.cartridges import Cartridges, Fit, lots_named, same_text
from devicelog.clinical.plan import suggest
from devicelog.desk.cartridges import cartridges_known
from devicelog.errors import UsageProblem
from devicelog.store.evidence import Evidence
from devicelog.store.matters import of_type
from devicelog.store.projection import is_imported
from devicelog.store.reading import StreamRow

COLUMNS = (
    *(
        "session",
        "opened_at",
        "clock",
        "client_ref",
        "client",
        "visit",
        "cartridge",
        "identity",
        "maker",
        "item",
        "lot",
    ),
    *("expires", "serial", "box", "fitted_at", "how", "entry"),
)


def recall(evidence: Evidence, *, lot: str, item: str | None, with_codes: bool) -> Json:
    """`sessions` (one row each time a cartridge and a session meet, by COLUMNS), `boxes` of the lot and what is left in
    them, `elsewhere`: sessions of other devices, which are not looked through. Raises UsageProblem, EvidenceDamaged."""
    if not lot.strip():
        raise UsageProblem("the lot is empty")
    known = cartridges_known(evidence)
    streams = {str(row["id"]): row for row in evidence.streams()}
    found: list[Json] = []
    for fit in known.fits:
        if same_text(fit.told["lot"], lot) and (item is None or same_text(fit.told["item"], item)):
            found += _of_fit(fit, known, streams)
    found += _late(evidence, lot, item)
    found.sort(key=lambda row: (row["opened_at"] or row["fitted_at"], row["session"] or "", row["entry"]))
    if with_codes:
        found = [{**row, "client": evidence.client_code(row["client_ref"])} for row in found]
    boxes = [
        {**{key: value for key, value in box.told.items() if key != "scan"}, "left": box.left, "opened_at": box.at}
        for box in known.boxes
        if same_text(box.told["lot"], lot) and (item is None or same_text(box.told["item"], item))
    ]
    told = [fit.told for fit in known.fits] + [box.told for box in known.boxes]
    lots = sorted({each["lot"] for each in told if each["lot"]})
    return {
        "lot": lot,
        "item": item,
        "sessions": found,
        "clients": len({row["client_ref"] for row in found if row["client_ref"] is not None}),
        "boxes": boxes,
        "elsewhere": sum(is_imported(row) for row in streams.values()),
        "suggestion": "" if found or boxes else suggest(lot, lots).strip(),
    }


def _of_fit(fit: Fit, known: Cartridges, streams: dict[str, StreamRow]) -> list[Json]:
    """One row for each session; one without a session where there is none yet."""
    sessions: list[tuple[str | None, str]] = [*known.sessions_of(fit)]
    visit = fit.place.visit or known.visit_of.get(fit.place.stream or "")
    rows = []
    for stream, how in sessions or [(None, "fitted, no session")]:
        row = streams.get(stream or "")
        told = {
            key: fit.told[key] for key in ("cartridge", "identity", "maker", "item", "lot", "expires", "serial", "box")
        }
        rows.append(
            {
                "session": stream,
                "opened_at": None if row is None else row["opened_at"],
                "clock": fit.clock if row is None else row["clock"],
                "client_ref": fit.client_ref if row is None else row["client_ref"],
                "client": None,
                "visit": visit,
                **told,
                "fitted_at": fit.at,
                "how": how,
                "entry": fit.seq,
            }
        )
    return rows


def _late(evidence: Evidence, lot: str, item: str | None) -> list[Json]:
    """Sessions that were on paper, where the lot stands in what was entered of them."""
    rows: list[Json] = []
    withdrawn = {entry.body["told"]["session"] for entry in of_type(evidence, "session.withdrawn")}
    for entry in of_type(evidence, "session.entered"):
        body = entry.body
        documents = [parse_canonical(evidence.document(digest)) for digest in body["documents"].values()]
        named = [each for document in documents for each in lots_named(document) if same_text(each, lot)]
        if named:
            rows.append(
                {
                    **dict.fromkeys(COLUMNS),
                    "session": body["told"]["session"],
                    "opened_at": body["told"]["day"],
                    "clock": "as told",
                    "client_ref": body["client_ref"],
                    "visit": body["visit"],
                    "identity": "lot only",
                    "lot": named[0],
                    "item": None,
                    "fitted_at": entry.values["at"],
                    "how": "late entry"
                    + (", withdrawn" if body["told"]["session"] in withdrawn else "")
                    + ("" if item is None else "; which item is not known"),
                    "entry": entry.seq,
                }
            )
    return rows
