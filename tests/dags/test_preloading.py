"""What the scheduler loads for the tasks it forks: all of a landing's libraries, and no thread."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

LAND = """
import json, os, sys
sys.argv = ["airflow", sys.argv[1]]
from liftcast import preloading
threads, loaded = len(os.listdir("/proc/self/task")), set(sys.modules)
import ingestion.validation, liftcast.pipeline
from ingestion import land
from ingestion.connectors import secrets
print(json.dumps([threads, sorted({m.split(".")[0] for m in set(sys.modules) - loaded})]))
"""


def _started(command: str, project: Path) -> tuple[int, set[str]]:
    """Threads of `airflow COMMAND` after preloading, and what a landing then still imports."""
    done = subprocess.run(
        [sys.executable, "-c", LAND, command],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    threads, imported = json.loads(done.stdout)
    return threads, set(imported)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads in /proc")
def test_a_task_of_the_scheduler_imports_no_large_library(project: Path) -> None:
    threads, imported = _started("scheduler", project)
    assert threads == 1
    assert "ingestion" in imported  # the project's own code is read by each task
    assert not imported & {"duckdb", "numpy", "pandas", "pandera", "pyarrow", "pydantic", "yaml"}


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads in /proc")
def test_other_processes_of_airflow_load_nothing(project: Path) -> None:
    assert "pandas" in _started("api-server", project)[1]
