"""Whether calibrations and checks of pens are what they say: their place, documents, pen and sessions."""

from devicelog.canonical import Json, parse_canonical
from devicelog.ledger.entries import PEN_DOCUMENTS, RECORDER, Entry
from devicelog.store.report import Report, Stream


def check_pens(
    entries: list[Entry], streams: dict[str, Stream], documents: dict[str, bytes], report: Report
) -> set[str]:
    """Adds what is wrong to the report; returns the documents that calibrations and checks name."""
    named: set[str] = set()
    for entry in entries:
        if entry.type not in PEN_DOCUMENTS:
            continue
        where = f"ledger entry {entry.seq} ({entry.type})"
        report.problems += [f"{where} {fault}" for fault in _place_faults(entry, streams)]
        if (own := PEN_DOCUMENTS[entry.type]) not in entry.body["documents"]:
            report.problems.append(f"{where} does not name its {own} document")
        for name, digest in entry.body["documents"].items():
            named.add(digest)
            if digest not in documents:
                report.problems.append(f"the {name} document of {where} is missing: {digest}")
            elif name != "profile":
                report.problems += _certificate_faults(where, entry, documents[digest])
    return named


def _place_faults(entry: Entry, streams: dict[str, Stream]) -> list[str]:
    """It stands right behind its span, which a person opened: by this it is found again."""
    body, span = entry.body, streams.get(entry.body["span"])
    faults = [f"names {stream}, which there is not" for stream in body["sessions"] if stream not in streams]
    if span is None:
        return [f"names {body['span']}, which there is not", *faults]
    if span.closing is None or span.closing.seq + 1 != entry.seq:
        faults.append(f"does not follow the end of {body['span']}, in which it was measured")
    elif span.closing.body["pen_serial"] != body["pen"]["serial"]:
        faults.append(f"is of another pen than {body['span']}, in which it was measured")
    if span.opening.values["actor"]["role"] == RECORDER.role:
        faults.append(f"names {body['span']}, which was not opened to measure a pen")
    return faults


def _certificate_faults(where: str, entry: Entry, data: bytes) -> list[str]:
    try:
        said = parse_canonical(data)
    except ValueError:
        return []  # its hash is wrong, and that is told already
    wanted: Json = {"serial": entry.body["pen"]["serial"]}
    wanted |= {key: entry.body[key] for key in _IN_BOTH if key in entry.body}
    return [
        f"the document of {where} has another {key} than the entry"
        for key, value in wanted.items()
        if said.get(key) != value
    ]


_IN_BOTH = ("tolerance_um", "residual_um", "gauge_set", "expires")
