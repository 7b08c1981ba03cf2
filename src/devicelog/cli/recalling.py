"""A recall as text and as a table, and in a file of its own. What was found is desk/recall.py's."""

from pathlib import Path

from devicelog.canonical import Json
from devicelog.cli.common import table
from devicelog.desk.recall import COLUMNS
from devicelog.errors import StoreUnusable, UsageProblem
from devicelog.packages.tables import cell

_SHOWN = ("session", "opened_at", "client_ref", "client", "visit", "cartridge", "serial", "how")


def text_of(found: Json) -> str:
    """For people; the column of codes only where there are any."""
    shown = [key for key in _SHOWN if key != "client" or any(row["client"] for row in found["sessions"])]
    rows = [shown, *([_short(key, row[key]) for key in shown] for row in found["sessions"])]
    said = "" if found["item"] is None else f", item {found['item']}"
    head = f"Lot {found['lot']}{said}: {len(found['sessions'])} rows, {found['clients']} clients"
    return "\n".join([head, *table(rows)]) + "\n"


def csv_of(found: Json) -> str:
    """One line a row, under COLUMNS; what a spreadsheet would take for a formula stands behind an apostrophe."""
    lines = [",".join(COLUMNS), *(",".join(cell(row[key]) for key in COLUMNS) for row in found["sessions"])]
    return "".join(f"{line}\r\n" for line in lines)


def write_new(target: Path, text: str) -> None:
    """Write a file that only its owner reads. Raises UsageProblem where it is there already, StoreUnusable."""
    try:
        with target.open("x", encoding="utf-8", newline="") as file:
            target.chmod(0o600)
            file.write(text)
    except FileExistsError as error:
        raise UsageProblem(f"{target} is there already: nothing is written over it") from error
    except OSError as error:
        raise StoreUnusable(f"{target} cannot be written: {error.strerror or error}") from error


def _short(key: str, value: object) -> str:
    if value is None:
        return "-"
    return str(value)[:16].replace("T", " ") if key == "opened_at" else str(value)
