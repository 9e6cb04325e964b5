"""Fixtures every room's tests share."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

from liftcast import airflow_home

PROJECT = Path(__file__).resolve().parent.parent


def _reference_folder() -> Path:
    named = os.environ.get("LIFTCAST_REFERENCE_DATA")
    return Path(named) if named else PROJECT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Folder of the public reference data sets (read only)."""
    return _reference_folder()


Shared = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Shared:
    """Make a folder once for all test processes; whoever comes second waits."""
    root = tmp_path_factory.getbasetemp()
    root = root if worker_id == "master" else root.parent

    def once(name: str, make: Callable[[Path], None]) -> Path:
        folder, half = root / name, root / f"{name}.half"
        with (root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.is_dir():
                shutil.rmtree(half, ignore_errors=True)
                make(half)
                half.rename(folder)
        return folder

    return once


@pytest.fixture(scope="session")
def prepare_airflow(shared: Shared) -> Callable[[Path, Mapping[str, str]], None]:
    """`airflow_home.prepare` on a copy of a database that was made once: ten seconds each.

    Nothing of the home it was made in is in it: no connection, no key, no path.
    """

    def make(home: Path) -> None:
        airflow_home.prepare(home, airflow_home.environment(home, home / "lake", []))

    def prepare(home: Path, env: Mapping[str, str]) -> None:
        made = shared("airflow_home", make)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("airflow.db", "prepared"):
            shutil.copyfile(made / name, home / name)
        airflow_home.prepare(home, env)

    return prepare


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
    if find_spec("pyspark") is None or shutil.which("java") is None:
        missing["spark"] = (
            "no PySpark or no Java; `pip install -c constraints.txt -e '.[spark]'` and `apt-get "
            "install default-jre-headless` to run them"
        )
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
