"""Fixtures every room's tests share."""

from __future__ import annotations

import os
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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the reference tests, with one visible line, where the data are missing."""
    if _reference_folder().is_dir():
        return
    kept = [item for item in items if "reference" not in item.keywords]
    left_out = [item for item in items if "reference" in item.keywords]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter:
            reporter.write_line(
                f"{len(left_out)} reference tests deselected: no folder {_reference_folder()}; "
                "set LIFTCAST_REFERENCE_DATA to the reference data to run them."
            )
