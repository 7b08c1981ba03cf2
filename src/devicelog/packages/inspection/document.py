"""An inspection as plain values, `devicelog.inspection/1`: every figure that its page shows. Pure.

Figures about sessions are of those that were opened in the days; they add up to how many those are. No client, no
reference to one and no text that a person wrote is in it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from devicelog.canonical import Json
from devicelog.packages.inspection.findings import CLOCK, USE
from devicelog.packages.inspection.listening import listening_document
from devicelog.packages.inspection.overrides import overrides_document
from devicelog.packages.inspection.streams import Late, Stream
from devicelog.packages.inspection.times import UNSURE, Stamp, when_us
from devicelog.packages.inspection.walk import Walk, known

SCHEMA = "devicelog.inspection/1"
MODES = ("real", "demo", "test", "unknown")


def document(walk: Walk, *, signed: int | None, keys: Json | None) -> Json:
    """All of it, of a walk that is over and whose derived records are read.

    `signed`: how many entries the checkpoint is over that was made for this export; None: there is none. `keys`:
    `fingerprint` and `signer` of the keys; None: there are none.
    """
    within = walk.within()
    sessions = [stream for stream in within if stream.session]
    spans = [stream for stream in within if not stream.session]
    return {
        "schema": SCHEMA,
        "from": walk.days.first,
        "to": walk.days.last,
        "log": _log(walk, signed, keys),
        "period": _period(walk),
        "sessions": _sessions(walk, sessions),
        "late": [_late(walk, late) for late in walk.streams.late if _shown(walk, late)],
        "imported": _imported(walk),
        "findings": _findings(walk, within),
        "unattributed": _unattributed(walk, spans),
        "use": list(_use(walk, within)),
        "clock": _clock(walk, within),
        "overrides": overrides_document(walk.overrides, days=walk.days, sessions=sessions, derived=walk.derived),
        "signed": walk.signatures.document(walk.days, {stream.id for stream in sessions}),
        "amended": _in_order(walk, "session.amended", "finding.explained"),
        "people": _in_order(walk, "person.added", "person.changed", "person.retired", "pin.set", "pin.refused"),
        "paper": [row for row in walk.paper if row["at"] in walk.days or row["day"] in walk.days],
        "adverse": _in_order(walk, "event.recorded", "event.followed"),
        "adopted": _in_order(walk, "limits.adopted", "plan.adopted"),
        "pens": {
            "measured": _in_order(walk, "pen.calibrated", "pen.checked"),
            "updated": walk.events.get("pen.updated", []),
        },
        "erased": walk.events.get("private.erased", []),
        "retention": walk.events.get("retention.set", []),
        "exports": walk.events.get("export.made", []),
        "rebuilt": walk.events.get("database.rebuilt", []),
        "listening": listening_document(walk.listening, days=walk.days, newest=walk.newest),
    }


def _log(walk: Walk, signed: int | None, keys: Json | None) -> Json:
    return {
        "id": walk.log,
        "entries": walk.entries,
        "signed": signed,
        "first": _stamp(walk.first),
        "newest": _stamp(walk.newest),
        "keys": keys,
        "predecessor": _predecessor(walk.predecessor),
    }


def _predecessor(continued: Json | None) -> Json | None:
    if continued is None:
        return None
    known_us, us = when_us(continued["last_at"] or ""), when_us(continued["at"])
    gap = None if known_us is None or us is None else (us - known_us) // 1_000_000
    told = {key: continued[key] for key in ("predecessor", "size", "root", "witness", "last_at", "seq", "at", "clock")}
    return {**told, "gap_s": gap}


def _period(walk: Walk) -> Json:
    return {
        "entries": sum(walk.types.values()),
        "oldest": _stamp(walk.oldest_in),
        "newest": _stamp(walk.newest_in),
        "types": [{"type": name, "n": n, "known": known(name)} for name, n in sorted(walk.types.items())],
        "clocks": [{"clock": name, "n": n} for name, n in sorted(walk.clocks.items())],
        "unsure_elsewhere": walk.unsure_elsewhere,
    }


def _sessions(walk: Walk, sessions: list[Stream]) -> Json:
    return {
        "total": len(sessions),
        "statuses": _by_mode(sessions, lambda stream: stream.status),
        "verdicts": _by_mode(sessions, lambda stream: stream.verdict or "none yet"),
        "practitioners": _by_mode(sessions, lambda stream: stream.by or ""),
        "endings": _by_mode(sessions, lambda stream: stream.cause or "none yet"),
        "unsigned": sum(stream.signed is None for stream in sessions),
        "voided": [],
        "with_late_entries": sum(stream.late > 0 for stream in sessions),
        "unsealed": sum(not stream.sealed for stream in sessions),
        "released": sum(stream.released for stream in sessions),
        "erased": sum(stream.erased for stream in sessions),
        "ended_here": [
            stream.id
            for stream in walk.streams.by_id.values()
            if stream.session
            and stream.closing
            and stream.closing.at in walk.days
            and stream.opened_at not in walk.days
        ],
        "underivable": [stream.id for stream in sessions if stream.derived and walk.derived.get(stream.id) is None],
        "list": [_line(walk, stream) for stream in sessions],
    }


def _line(walk: Walk, stream: Stream) -> Json:
    derived = walk.derived.get(stream.id)
    return {
        "seq": stream.no,
        "id": stream.id,
        "opened_at": stream.opened_at,
        "closed_at": None if stream.closing is None else stream.closing.at,
        "status": stream.status,
        "verdict": stream.verdict,
        "mode": stream.mode,
        "practitioner": stream.by,
        "pen_serial": stream.pen_serial,
        "clock": stream.clock,
        "findings": None if derived is None else derived.severities(),
        "not_assessable": None if derived is None else derived.not_assessable,
        "late": stream.late,
        "signed": stream.signed,
        "sealed": stream.sealed,
        "released": stream.released,
        "erased": stream.erased,
    }


def _by_mode(streams: Iterable[Stream], what: Callable[[Stream], str]) -> list[Json]:
    """How many of each, apart by mode: real ones stand apart from those of simulated pens."""
    counted: dict[str, Counter[str]] = {}
    for stream in streams:
        counted.setdefault(what(stream), Counter())[stream.mode] += 1
    return [{"what": name, "n": n.total(), "modes": _modes(n)} for name, n in sorted(counted.items())]


def _modes(counted: Counter[str]) -> list[Json]:
    others = sorted(counted.keys() - set(MODES))
    return [{"mode": mode, "n": counted[mode]} for mode in (*MODES, *others) if counted[mode]]


def _shown(walk: Walk, late: Late) -> bool:
    """A late entry belongs here where it was made in these days, or its session was opened in them."""
    stream = walk.streams.by_id.get(late.stream)
    return late.stamp.at in walk.days or (stream is not None and stream.opened_at in walk.days)


def _late(walk: Walk, late: Late) -> Json:
    stream = walk.streams.by_id.get(late.stream)
    return {
        **late.stamp.document(),
        "stream": late.stream,
        "type": late.type,
        "by": late.by,
        "auth": late.auth,
        "after_us": late.after_us,
        "opened_at": None if stream is None else stream.opened_at,
    }


def _imported(walk: Walk) -> Json:
    told = ("id", "log", "opened_at", "closed_at", "status", "verdict", "mode", "practitioner", "pen_serial")
    rows = [{key: row.get(key) for key in told} for row in walk.streams.imported]
    return {"total": len(rows), "list": [row for row in rows if row["opened_at"] in walk.days]}


def _findings(walk: Walk, within: Sequence[Stream]) -> list[Json]:
    """By rule and severity: how many findings, in how many sessions and spans, and those of each mode."""
    counted: dict[tuple[str, str], Counter[str]] = {}
    sessions: dict[tuple[str, str], set[str]] = {}
    spans: dict[tuple[str, str], set[str]] = {}
    for stream in within:
        derived = walk.derived.get(stream.id)
        for found in derived.findings if derived else ():
            key = (found.rule, found.severity)
            counted.setdefault(key, Counter())[stream.mode] += 1
            (sessions if stream.session else spans).setdefault(key, set()).add(stream.id)
    return [
        {
            "rule": key[0],
            "severity": key[1],
            "n": n.total(),
            "sessions": len(sessions.get(key, ())),
            "spans": len(spans.get(key, ())),
            "modes": _modes(n),
        }
        for key, n in sorted(counted.items())
    ]


def _unattributed(walk: Walk, spans: Sequence[Stream]) -> Json:
    needled = [(span, derived) for span in spans if (derived := walk.derived.get(span.id)) and derived.needled]
    calibrations = sum(span.by is not None for span in spans)
    return {
        "total": len(spans),
        "by_a_person": calibrations,
        "underivable": [span.id for span in spans if span.derived and walk.derived.get(span.id) is None],
        "interrupted": sum(span.status == "interrupted" for span in spans),
        "needled": [
            {
                "seq": span.no,
                "id": span.id,
                "opened_at": span.opened_at,
                "closed_at": None if span.closing is None else span.closing.at,
                "mode": span.mode,
                "pen_serial": span.pen_serial,
                "by": span.by,
                "clock": span.clock,
                "contact_us": derived.contact_us,
                "contact_unknown_us": derived.contact_unknown_us,
            }
            for span, derived in needled
        ],
    }


def _use(walk: Walk, within: Iterable[Stream]) -> Iterator[Json]:
    for stream in within:
        derived = walk.derived.get(stream.id)
        for found in derived.findings if derived else ():
            if found.rule in USE:
                yield {
                    "stream": stream.id,
                    "opened_at": stream.opened_at,
                    "mode": stream.mode,
                    "rule": found.rule,
                    "says": found.said,
                }


def _clock(walk: Walk, within: Iterable[Stream]) -> Json:
    read = [(stream, derived) for stream in within if (derived := walk.derived.get(stream.id))]
    return {
        "unsure_entries": sum(walk.clocks[word] for word in UNSURE),
        "sessions_elsewhere": [
            stream.id
            for stream in walk.streams.by_id.values()
            if stream.session and stream.clock in UNSURE and stream.opened_at not in walk.days
        ],
        "unsure_streams": [
            stream.id for stream, derived in read if any(found.rule == CLOCK for found in derived.findings)
        ],
        "steps": walk.steps,
        "steps_in_streams": [
            {"stream": stream.id, "n": derived.clock_steps} for stream, derived in read if derived.clock_steps
        ],
    }


def _in_order(walk: Walk, *types: str) -> list[Json]:
    every = [{"type": type_, **event} for type_ in types for event in walk.events.get(type_, [])]
    return sorted(every, key=lambda event: int(event["seq"]))


def _stamp(stamp: Stamp | None) -> Json | None:
    return None if stamp is None else stamp.document()
