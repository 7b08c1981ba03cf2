"""Cartridges at the desk: one is scanned for a visit, a box is opened. What is refused says what lets it go on.

A serial number that was fitted elsewhere wants a reason; a lot never does. Nothing here stops a recording.
"""

from collections.abc import Iterable, Sequence

from devicelog.barcodes.reading import parse_scan
from devicelog.barcodes.scan import Scan, settled, typed
from devicelog.canonical import Json
from devicelog.clinic.cartridges import ENTRIES, Box, Cartridges, Fit, Place, fits_of, rows, same_text
from devicelog.clinical.plan import suggest
from devicelog.desk.asked import whole_of
from devicelog.desk.days import local_day
from devicelog.desk.entering import done, enter, new_id
from devicelog.desk.naming import check_nobody_named
from devicelog.desk.places import Found, entries_at, place_of, visit_of
from devicelog.desk.who import actor_of
from devicelog.errors import BadTransition, NotFound, UsageProblem
from devicelog.ledger.entries import Actor, Entry
from devicelog.recorder.access import Access
from devicelog.recorder.acts import Act
from devicelog.recorder.clock import RecorderClock
from devicelog.sessions import check_reason
from devicelog.store.evidence import Evidence
from devicelog.store.matters import matters, of_type
from devicelog.store.transaction import Transaction

MOST_NEEDLES, MOST_LENGTH_UM, MOST_COUNT = 200, 20_000, 10_000  # slips of a key, not limits from medicine
_NOT_ATTESTED = (
    "nobody attested that it was new and its pack intact (--attest yes): the record says so. A lot tells no cartridge "
    "from the others of its box"
)


def cartridges_known(evidence: Evidence) -> Cartridges:
    """All that the ledger says of them. Raises EvidenceDamaged."""
    return Cartridges.of(of_type(evidence, *ENTRIES))


def cartridges_near(evidence: Evidence, scan: Scan, place: Place, *, box: str | None) -> Cartridges:
    """Of all that, what bears on this one being fitted here: its lot, its serial number, its box and the visits of
    these. After ten years it is a few entries of many. Raises EvidenceDamaged."""
    found: dict[int, Entry] = {}

    def add(entries: Iterable[Entry]) -> None:
        found.update({entry.seq: entry for entry in entries if entry.type in ENTRIES})

    for key in ("lot", "serial"):
        if (text := getattr(scan, key)) is not None:
            add(of_type(evidence, "cartridge.fitted", "box.opened", told=(key, text)))
    boxes = {entry.body["told"]["box"] for entry in found.values()} | {box}
    for name in boxes:
        if name is not None:
            add(matters(evidence, name))
    same = [
        fit for fit in fits_of(found.values()) if scan.serial is not None and same_text(fit.told["serial"], scan.serial)
    ]
    for where in {place, *(fit.place for fit in same)}:
        add(_around(evidence, where))
    return Cartridges.of([found[seq] for seq in sorted(found)])


def cartridges_of(evidence: Evidence, name: str) -> list[Json]:
    """The cartridges of a visit, or of a session without one, as the document `clinic` has them."""
    return rows(fits_of(entries_at(evidence, name, "cartridge.fitted")))


def fitted_as(evidence: Evidence, cartridge: str, *, visit: str | None) -> Json:
    """What a mark says of a cartridge that is put on now, by the names of records.Mark; empty where nobody fitted it.

    `visit`: where that is, as long as no session is being recorded. Raises EvidenceDamaged.
    """
    fits = fits_of(matters(evidence, cartridge, "cartridge.fitted"))
    if not fits:
        return {}
    running = evidence.open_stream()
    stream = str(running["id"]) if running is not None and running["kind"] == "session" else None
    place = Place(visit=visit if stream is None else visit_of(evidence, stream), stream=stream)
    near = {entry.seq: entry for fit in fits for entry in _around(evidence, fit.place)}
    near |= {entry.seq: entry for entry in _around(evidence, place)}
    all_near = Cartridges.of([near[seq] for seq in sorted(near) if near[seq].type in ENTRIES])
    own = [fit for fit in fits if all_near.where(fit.place) == all_near.where(place)]
    told = fits[-1].told
    elsewhere = all_near.elsewhere(told, place) if told["serial"] is not None else [f for f in fits if f not in own]
    used = max(len(elsewhere), own[-1].told["used_before"] or 0 if own else 0)
    known = {
        **{key: told[key] for key in ("identity", "lot", "expires")},
        "serial": told["serial"] is not None,
        "used_before": used if used or told["identity"] == "serial" else None,
        "overridden": bool(own) and own[-1].allowed,
    }
    return {key: value for key, value in known.items() if value is not None}


def _around(evidence: Evidence, place: Place) -> list[Entry]:
    """The entries about a place: of its session, and of the visit that this is a part of."""
    stream = place.stream
    visit = place.visit or (visit_of(evidence, stream) if stream else None)
    return [entry for name in (stream, visit) if name is not None for entry in matters(evidence, name)]


def boxes_told(known: Cartridges) -> list[Json]:
    """Each box with what is left in it, oldest first."""
    return [_shown(box.told) | {"used": box.used, "left": box.left, "at": box.at, "by": box.by} for box in known.boxes]


def fits_told(known: Cartridges, fits: Sequence[Fit]) -> list[Json]:
    """Each time a cartridge was fitted, and where."""
    return [
        _shown(fit.told)
        | {"overridden": fit.allowed, "at": fit.at, "clock": fit.clock, "by": fit.by, "entry": fit.seq}
        | {"visit": fit.place.visit or known.visit_of.get(fit.place.stream or ""), "session": fit.place.stream}
        for fit in fits
    ]


def told_of(evidence: Evidence, name: str) -> Json:
    """A cartridge or a box: `id`, `pack` (what was printed on it), `box` and `fitted`. Raises NotFound."""
    known = cartridges_known(evidence)
    boxes = [box for box in boxes_told(known) if box["box"] == name]
    fits = [fit for fit in known.fits if name in (fit.told["cartridge"], fit.told["box"])]
    if not boxes and not fits:
        ids = [fit.told["cartridge"] for fit in known.fits] + [box.told["box"] for box in known.boxes]
        raise NotFound(
            f"there is no cartridge or box {name!r}; `devicelog cartridges list` shows those there are."
            f"{suggest(name, ids)}"
        )
    pack = boxes[0] if boxes else _shown(fits[0].told)
    of = boxes or [box for box in boxes_told(known) if box["box"] == fits[0].told["box"]]
    return {"id": name, "pack": pack, "box": of[0] if of else None, "fitted": fits_told(known, fits)}


def _shown(told: Json) -> Json:
    return {key: value for key, value in told.items() if key != "scan"}


_TYPED_BESIDE = ("expires", "needles", "length_um", "attested")  # what a code does not always say


def fit_cartridge(access: Access, request: Json) -> Json:
    """From `code`, or what was typed (`lot`, `expires`, `serial`, `maker`, `item`); `visit` or `session`; perhaps
    `needles`, `length_um`, `attested`, `reason`; `by`. Answers with the fit; `again`: the trigger was pulled twice.
    """
    scan, stamp = _scan(request), RecorderClock().stamp()
    reason = request.get("reason")
    reason = None if reason is None else check_reason(str(reason))
    with Evidence(access.path) as evidence:
        actor = actor_of(evidence, request, "desk" if reason is None else "override")
        found = place_of(evidence, request)
        check_nobody_named(evidence, _typed(request))
        known = cartridges_near(evidence, scan, found.place, box=_box_named(request))
    told = _told(request, scan, known)
    before = known.again(told, found.place, stamp)
    if before is not None:
        if more := [key for key in _TYPED_BESIDE if told[key] not in (None, before.told[key])]:
            said = ", ".join(f"{key} {told[key]}, was {before.told[key]}" for key in more)
            raise BadTransition(
                f"this code was entered a moment ago as {before.told['cartridge']}, and differs: {said}. Nothing was "
                "entered now: ten seconds later it is another cartridge of the same code; what was left out is said by "
                "`devicelog sessions amend`"
            )
        return _answer(before.told, before.seq, found, again=True, warnings=[])
    used = known.elsewhere(told, found.place) if told["identity"] == "serial" else []
    if used and reason is None:
        raise BadTransition(_used(told, used, known))
    told["used_before"] = len(used) if told["identity"] == "serial" else None
    entry = done(access, lambda transaction: _fit(transaction, actor, found, told, reason if used else None))
    return _answer(told, entry.seq, found, again=False, warnings=_warnings(told, found, known, used, stamp, reason))


def _fit(transaction: Transaction, actor: Actor, found: Found, told: Json, reason: str | None) -> Entry:
    return enter(
        transaction,
        "cartridge.fitted",
        actor=actor,
        told=told,
        stream=found.place.stream,
        visit=found.place.visit,
        client_ref=found.client_ref,
        private=() if reason is None else (reason,),
    )


def open_box(access: Access, request: Json) -> Json:
    """From `code` or what was typed, `count`, perhaps `needles` and `length_um`; `by`. The code of a box or of one
    cartridge in it: what counts is its lot."""
    scan = _scan(request)
    if scan.lot is None:
        raise UsageProblem("a box is counted by its lot, and this code names none: add --lot LOT")
    told: Json = {
        "box": new_id("b"),
        **_printed(scan),
        "count": whole_of(request, "count", MOST_COUNT, wanted=True),
        "needles": whole_of(request, "needles", MOST_NEEDLES),
        "length_um": whole_of(request, "length_um", MOST_LENGTH_UM),
    }
    del told["serial"]
    stamp = RecorderClock().stamp()
    with Evidence(access.path) as evidence:
        actor = actor_of(evidence, request, "desk")
        check_nobody_named(evidence, _typed(request))
        near = cartridges_near(evidence, scan, Place(), box=None)
        same = [box for box in near.boxes if same_text(box.told["lot"], told["lot"]) and box.left]
    entry = done(access, lambda transaction: enter(transaction, "box.opened", actor=actor, told=told))
    warnings = [f"{box.told['box']} of the same lot is open and should hold {box.left} more" for box in same]
    return {**told, "entry": entry.seq, "warnings": warnings + expiry_words(told["expires"], stamp)}


ACTS: dict[str, Act] = {"fit_cartridge": fit_cartridge, "open_box": open_box}


# --- one request ------------------------------------------------------------------------------------------------------


def _scan(request: Json) -> Scan:
    words = {key: request.get(key) for key in ("code", "lot", "expires", "serial", "maker", "item")}
    if not all(isinstance(value, str | None) for value in words.values()):
        raise UsageProblem("a cartridge is scanned or typed: code, lot, expires, serial, maker and item are texts")
    code = words.pop("code")
    if code is None:
        return typed(**words)
    if words["maker"] is not None or words["item"] is not None:
        raise UsageProblem("maker and item stand in the code: they are typed only without one")
    return settled(parse_scan(code), lot=words["lot"], serial=words["serial"], expires=words["expires"])


def _typed(request: Json) -> list[tuple[str, str | None]]:
    """What a person typed of it; what a code says is the pack's."""
    return [(key, request.get(key)) for key in ("lot", "serial", "maker", "item")]


def _printed(scan: Scan) -> Json:
    return {
        "scan": scan.raw or None,
        "maker": scan.maker,
        "item": scan.item,
        "lot": scan.lot,
        "expires": scan.expires,
        "serial": scan.serial,
    }


def _told(request: Json, scan: Scan, known: Cartridges) -> Json:
    """What the entry will tell. Raises UsageProblem."""
    if scan.lot is None and scan.serial is None:
        raise UsageProblem(
            "this names neither lot nor serial number, and could never be recalled: scan the other code of the pack, "
            "or add what is printed there, --lot LOT [--serial SERIAL]"
        )
    attested = request.get("attested")
    if not isinstance(attested, bool | None):
        raise UsageProblem("attested is yes or no: was it new, its pack intact?")
    told = _printed(scan)
    box = known.box_of(told) if _box_named(request) is None else _box(known, _box_named(request))
    of_box = box.told if box is not None else {"needles": None, "length_um": None}
    return {
        "cartridge": known.known(told) or new_id("x"),
        "identity": "lot only" if scan.serial is None else "serial",
        **told,
        "needles": whole_of(request, "needles", MOST_NEEDLES) or of_box["needles"],
        "length_um": whole_of(request, "length_um", MOST_LENGTH_UM) or of_box["length_um"],
        "box": None if box is None else box.told["box"],
        "attested": attested,
        "used_before": None,
    }


def _box_named(request: Json) -> str | None:
    box = request.get("box")
    if not isinstance(box, str | None):
        raise UsageProblem("a box is named by its id")
    return box


def _box(known: Cartridges, name: str | None) -> Box:
    found = [box for box in known.boxes if box.told["box"] == name]
    if not found:
        raise NotFound(f"there is no box {name!r}. `devicelog cartridges list` shows those there are")
    return found[0]


# --- what is said of it -----------------------------------------------------------------------------------------------


def _answer(told: Json, seq: int, found: Found, *, again: bool, warnings: list[str]) -> Json:
    place = {"visit": found.place.visit, "session": found.place.stream, "recording": found.recording}
    return {**_shown(told), **place, "entry": seq, "again": again, "warnings": warnings}


def _used(told: Json, used: list[Fit], known: Cartridges) -> str:
    """Why it is refused, and what lets it go on."""
    newest = used[-1]
    where = known.where(newest.place)
    at_once = " That visit is open now: is it in two pens at once?" if where in known.open_visits else ""
    return (
        f"the cartridge with serial number {told['serial']} was fitted before: {newest.at[:16].replace('T', ' ')}Z in "
        f"{where} by {newest.by} (ledger entry {newest.seq}; {_places(used)} elsewhere).{at_once} A cartridge is for "
        "one sitting, and not for the same client again (FDA). Take a new one; if this one is right, say why: "
        "--reason TEXT"
    )


def _places(used: list[Fit]) -> str:
    return "once" if len(used) == 1 else f"{len(used)} times"


def _warnings(
    told: Json, found: Found, known: Cartridges, used: list[Fit], stamp: Json, reason: str | None
) -> list[str]:
    warnings = [f"it was fitted before, {_places(used)} elsewhere; entered with the reason given"] if used else []
    if reason is not None and not used:
        warnings.append("the reason was not needed and was not kept")
    if told["identity"] == "lot only" and not told["attested"]:
        warnings.append(_NOT_ATTESTED if told["attested"] is None else "attested: NOT new, or its pack not intact")
    if told["lot"] is None:
        warnings.append("no lot: a recall of its lot will not find it")
    box = next((box for box in known.boxes if box.told["box"] == told["box"]), None)
    if told["identity"] == "lot only":
        warnings += _box_words(told, box)
    if found.ended:
        warnings.append(f"{found.place.visit} is closed: entered afterwards")
    return warnings + expiry_words(told["expires"], stamp)


def _box_words(told: Json, box: Box | None) -> list[str]:
    if box is None:
        return [f"no opened box of lot {told['lot']} is known: it is counted against none (`cartridges box`)"]
    if box.left == 0:
        return [
            f"box {box.told['box']} of {box.told['count']} was used up with {box.used} fitted: was another one opened "
            "(`cartridges box`), or this one used before?"
        ]
    return []


def expiry_words(expires: str | None, stamp: Json) -> list[str]:
    """What is to be said of it at this moment (`at` and `clock`). Not a stop: the rules find it in the record."""
    if expires is None:
        return ["no expiry date is recorded"]
    day = local_day(stamp)
    if day is None:
        return [f"whether it has expired ({expires}) is not known: the clock of this computer is {stamp['clock']}"]
    return [f"EXPIRED on {expires}; today is {day}"] if expires < day else []
