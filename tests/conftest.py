"""Fixtures every room's tests share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


def _reference_folder() -> Path:
    named = os.environ.get("LIFTCAST_REFERENCE_DATA")
    return Path(named) if named else PROJECT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Folder of the public reference data sets (read only)."""
    return _reference_folder()


def _postgres_programs() -> Path | None:
    """Folder of PostgreSQL's `initdb` and `postgres`, of the newest version there is."""
    found = shutil.which("initdb")
    if found and shutil.which("postgres"):
        return Path(found).resolve().parent
    folders = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((f.parent for f in folders), key=lambda f: float(f.parent.name), default=None)


@pytest.fixture(scope="session")
def postgres_programs() -> Path:
    """Folder of PostgreSQL's programs; tests that need it are marked `postgres`."""
    folder = _postgres_programs()
    assert folder is not None
    return folder


def _missing() -> dict[str, str]:
    """Markers whose tests cannot run here, and what to do about it."""
    missing = {}
    if not _reference_folder().is_dir():
        missing["reference"] = (
            f"no folder {_reference_folder()}; set LIFTCAST_REFERENCE_DATA to the reference data "
            "to run them"
        )
    if _postgres_programs() is None:
        missing["postgres"] = "no PostgreSQL server; `apt-get install postgresql` to run them"
    return missing


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests whose data or server are missing, and put the longest first.

    Files are handed to test processes in this order; a long one at the end would run alone.
    """
    for marker in _missing():
        left_out = [item for item in items if marker in item.keywords]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if marker not in item.keywords]
    # Names backwards: the two files that start an Airflow come last of the end-to-end ones. They
    # had better not begin at the same time.
    items.sort(key=lambda item: item.path.name, reverse=True)
    items.sort(key=lambda item: "e2e" not in item.keywords)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one visible line what was left out; test processes side by side say it once."""
    for marker, why in _missing().items():
        terminalreporter.write_line(f"Tests marked {marker} were deselected: {why}.")
