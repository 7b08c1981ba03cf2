"""Judges of packages and bags that have to be prepared before they can be asked."""

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="session")
def bagit() -> Iterator[Any]:
    """The Library of Congress's own; it looks for its version in a module that Python no longer has."""
    stand_in = ModuleType("pkg_resources")
    stand_in.DistributionNotFound = LookupError  # type: ignore[attr-defined]
    stand_in.get_distribution = {}.__getitem__  # type: ignore[attr-defined]
    before = sys.modules.get("pkg_resources")
    sys.modules["pkg_resources"] = stand_in
    try:
        import bagit

        yield bagit
    finally:
        del sys.modules["pkg_resources"]
        if before is not None:
            sys.modules["pkg_resources"] = before
