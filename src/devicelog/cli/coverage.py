"""What a check of the database covered: counts, and who outside held how much of it. Values in, sentences out."""

from collections.abc import Sequence
from datetime import UTC, datetime

from devicelog.canonical import Json
from devicelog.store.report import Report, Witnessed


def coverage_document(report: Report, only: str | None, behind: Sequence[str] = ()) -> Json:
    """The `coverage` of `verify --json`. `behind`: the sessions with a correction that is not beside their package."""
    outside = newest_witness(report)
    return {
        "entries": report.entries,
        "streams": 1 if only else report.streams,
        "chunks": report.chunks,
        "records": report.records,
        "documents": report.documents,
        "packages_read": report.packages,
        "packages_beside": report.copies,
        "packages_missing": sorted(report.no_copy),
        "private_texts_missing": report.unexplained,
        "chunks_not_yet_in_the_ledger": report.uncommitted_chunks,
        "erased_private_payloads": report.erased,
        "corrections_not_beside_their_packages": list(behind),
        "head": report.head,
        "signed_entries": report.signed,
        "witnessed": [each.document() for each in report.witnessed],
        "outside_witness": outside and outside.document(),
    }


def newest_witness(report: Report) -> Witnessed | None:
    """The witness who held the most; of several the one with the latest time."""
    return max(report.witnessed, key=lambda each: (each.size, each.time_s or 0), default=None)


def coverage_text(report: Report, only: str | None, now_s: int, behind: Sequence[str] = ()) -> str:
    """For a person, below the problems. `now_s`: seconds since 1970, by this computer's clock. `behind`: as above."""
    lines = [
        f"checked {report.entries} ledger entries, {report.documents} documents, {report.chunks} chunks with "
        f"{report.records} records" + (f" of {only}" if only else f" in {report.streams} streams")
    ]
    if report.copies:
        lines.append(f"{report.copies} packages beside the database are those that the ledger names")
    if report.no_copy:
        few, more = sorted(report.no_copy)[:3], len(report.no_copy) - 3
        lines.append(
            f"packages that are not there: {', '.join(few)}{f' and {more} more' if more > 0 else ''}. Should the "
            "database be lost, these sessions do not come back"
        )
    if report.unexplained:
        lines.append(
            f"{report.unexplained} private texts are missing, and no entry says that they were erased: they were "
            "deleted by hand, or never came back with a package"
        )
    if report.packages:
        lines.append(f"{report.packages} packages were read: the records of these sessions are in them alone")
    if report.uncommitted_chunks:
        lines.append(f"{report.uncommitted_chunks} chunks of the open session are not yet named by the ledger")
    if report.erased:
        lines.append(f"{report.erased} private texts (client codes, notes) were erased; their commitments stand")
    if behind:
        lines.append(
            f"a correction is in the ledger and not yet beside the package, or that cannot be read: {', '.join(behind)}"
            ". `devicelog sessions seal --all` puts it there"
        )
    lines += _signed(report, only, now_s)
    lines.append(f"newest entry: {report.head or 'none'}")
    return "\n".join(lines)


def _signed(report: Report, only: str | None, now_s: int) -> list[str]:
    lines = []
    if report.signed:
        rest = report.entries - report.signed
        more = f"; {rest} came later and are not signed yet" if rest else ", which is all"
        lines.append(f"signed by this device: the first {report.signed} entries{more}")
    else:
        lines.append("signed by this device: nothing")
    for each in report.witnessed:
        when = "" if each.time_s is None else f" at {_time(each.time_s)}, {_age(now_s - each.time_s)}"
        lines.append(f"outside witness: {each.name} held the first {each.size} entries{when}")
    newest = newest_witness(report)
    if newest is None:
        lines.append(
            "outside witness: none. Whoever owns this device could have written all of it anew and signed it; a "
            "checkpoint that somebody else holds (`devicelog checkpoint show`) is what shows that."
        )
    elif newest.size < report.entries:
        lines.append(
            f"entries {newest.size} to {report.entries - 1} are vouched for by this device alone: whoever owns it "
            "could have written them anew"
        )
    if only and newest is not None and report.last is not None:
        lines.append(_of(only, newest, report.last))
    return lines


def _of(only: str, newest: Witnessed, last: int) -> str:
    if last < newest.size:
        return f"every entry of {only} was held outside by {newest.name}"
    return (
        f"{only} has entries that nobody outside held: its newest is number {last}, and {newest.name} held those up to "
        f"{newest.size - 1}"
    )


def _age(seconds: int) -> str:
    """How long ago, in words; a witness whose clock is ahead of this one is told as such."""
    if seconds < 0:
        return "which this computer's clock calls the future"
    days = seconds // 86_400
    return f"{days} days ago" if days != 1 else "1 day ago"


def _time(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
