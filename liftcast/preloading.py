"""Libraries of a landing, loaded once in Airflow's scheduler.

LocalExecutor forks a process a task out of the scheduler: what the scheduler has loaded, no task
has to load. Tried without this, imports were half of the time of a day's landing. Only libraries:
this project's own modules are read anew by each task, so that a mended file counts at once.
Imported by Airflow's processes through `config/airflow_local_settings.py` in its home.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

#: What `ingestion` imports, also inside functions. None of it may start a thread: a fork takes only
#: the thread that forks.
LIBRARIES = ("duckdb", "jsonschema", "numpy", "pandas", "pandera.pandas", "pyarrow.parquet",
             "pydantic", "pydantic_settings", "yaml")  # fmt: skip


def preload(command: Sequence[str]) -> None:
    """Load the libraries if this process is `airflow scheduler`; others have no use for them.

    Args:
        command: the process's `sys.argv`.
    """
    if list(command[1:2]) == ["scheduler"]:
        # Arrow's allocator starts a thread that gives memory back; without it, it does so as it
        # goes along.
        os.environ.setdefault("JE_ARROW_MALLOC_CONF", "background_thread:false")
        for name in LIBRARIES:
            importlib.import_module(name)


preload(sys.argv)
