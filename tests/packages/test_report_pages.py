"""The page as a browser prints it."""

import re
import subprocess

from devicelog.packages.report.html import html_report
from tests.oracles import needed
from tests.packages.reports import CHECKPOINT, codes_on, facts, long_session

_QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-pdf-header-footer"),
)


def test_it_prints_on_two_pages_and_its_checkpoint_is_read_from_them(tmp_path):
    page, paper = tmp_path / "report.html", tmp_path / "report.pdf"
    page.write_text(html_report(facts(*long_session())), "utf-8")
    command = [needed("chromium"), *_QUIET, f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={paper}"]
    subprocess.run([*command, page.as_uri()], capture_output=True, timeout=60, check=True)
    told = subprocess.run([needed("pdfinfo"), paper], capture_output=True, text=True, check=True).stdout
    assert "(A4)" in told
    assert int(re.search(r"Pages: +(\d+)", told)[1]) <= 2
    assert codes_on(paper.read_bytes(), tmp_path) == [CHECKPOINT.encode()]
