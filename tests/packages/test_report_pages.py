"""The page as a browser prints it. Chromium is started once."""

import re
import subprocess
from pathlib import Path

import pytest

from devicelog.packages.report.html import html_report
from tests.oracles import needed
from tests.packages.reports import CHECKPOINT, codes_on, facts, long_session

_QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-pdf-header-footer"),
)


@pytest.fixture(scope="module")
def printed(tmp_path_factory) -> Path:
    """The report of half an hour in four zones, on paper."""
    folder = tmp_path_factory.mktemp("printed")
    page, paper = folder / "report.html", folder / "report.pdf"
    page.write_text(html_report(facts(*long_session())), "utf-8")
    command = [needed("chromium"), *_QUIET, f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={paper}"]
    subprocess.run([*command, page.as_uri()], capture_output=True, timeout=60, check=True)
    return paper


@pytest.mark.xdist_group("chromium")
def test_it_is_two_pages_of_a4_at_most(printed):
    told = subprocess.run([needed("pdfinfo"), printed], capture_output=True, text=True, check=True).stdout
    assert int(re.search(r"Pages: +(\d+)", told)[1]) <= 2
    assert "A4" in told


@pytest.mark.xdist_group("chromium")
def test_the_checkpoint_is_read_from_the_picture_of_the_page(printed, tmp_path):
    assert CHECKPOINT.encode() in codes_on(printed.read_bytes(), tmp_path)
