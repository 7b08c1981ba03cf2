"""`python -m tests.requirements`: write docs/requirements.md anew from the table and the markers of the tests."""

import sys

from tests.requirements.table import REQUIREMENTS
from tests.requirements.trace import PAGE, BadMarker, marked, page_of, problems


def main() -> int:
    """Write the page. 1 when table and markers do not fit together; then nothing is written."""
    try:
        found = marked()
    except BadMarker as error:
        print(error, file=sys.stderr)
        return 1
    told = problems(REQUIREMENTS, found)
    for line in told:
        print(line, file=sys.stderr)
    if not told:
        PAGE.write_text(page_of(REQUIREMENTS, found), "utf-8")
    return 1 if told else 0


if __name__ == "__main__":
    raise SystemExit(main())
