"""The judges that are not ours: programs that tests ask, and what to do where one is missing."""

import os
import shutil

import pytest

PACKAGES = {
    "openssl": "openssl",
    "ssh-keygen": "openssh-client",
    "sha256sum": "coreutils",
    "unzip": "unzip",
    "pdftotext": "poppler-utils",
    "pdftoppm": "poppler-utils",
    "pdfinfo": "poppler-utils",
    "chromium": "chromium",
    "sqlite3": "sqlite3",
}


def needed(name: str) -> str:
    """The path of a program. Where it is missing the test skips and names the line that installs it; with
    ORACLES=required, as in the project's own checks, it fails."""
    path = shutil.which(name)
    if path is not None:
        return path
    words = f"{name} is missing: sudo apt install {PACKAGES[name]}"
    if os.environ.get("ORACLES") == "required":
        pytest.fail(words)
    pytest.skip(words)
