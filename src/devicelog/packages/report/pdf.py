"""The report as PDF/A-2a and PDF/UA-1, by typst (the extra `pdf`), of which this is the only importer.

The same facts give the same bytes: fonts are those that typst brings, and the time in the file is when the session was
opened. All text goes as data into a template that never changes. Not responsible for what is said (facts.py).
"""

import json
from dataclasses import asdict
from datetime import datetime
from importlib import resources

from devicelog.errors import UsageProblem
from devicelog.packages.report import letters, qr, svg
from devicelog.packages.report.facts import ReportFacts


def pdf_report(facts: ReportFacts) -> bytes:
    """The whole file. Raises UsageProblem where the extra is not installed."""
    try:
        import typst
    except ImportError:
        raise UsageProblem("PDF needs typst, which is not installed: pip install devicelog[pdf]") from None
    template = resources.files(__package__).joinpath("report.typ").read_bytes()
    data: bytes = typst.compile(
        template,
        format="pdf",
        ignore_system_fonts=True,
        sys_inputs={"facts": json.dumps(_data(facts), sort_keys=True)},
        pdf_standards=["a-2a", "ua-1"],
        timestamp=_opened_s(facts),
    )
    return data


def _opened_s(facts: ReportFacts) -> int:
    return int(datetime.fromisoformat(facts.opened_at).timestamp())


def _data(facts: ReportFacts) -> dict[str, object]:
    """What the template reads, with every character that its fonts lack replaced and listed."""
    code = qr.drawn(facts.checkpoint, qr.SAYS) if facts.checkpoint else None
    drawings = {"plot": svg.drawn(facts.plot, facts.plot_says), "qr": code}
    words = {"qr_says": qr.SAYS, "checkpoint_says": qr.beside(code), "box": letters.BOX}
    shown, replaced = letters.shown({**asdict(facts), **drawings, **words})
    return {**shown, "replaced": replaced}
