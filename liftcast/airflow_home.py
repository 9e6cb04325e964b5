"""Airflow's home: the environment, database, pool and connection its processes run with.

Airflow itself is only ever started as a subprocess; nothing here imports it.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from warehouse import Lake, LiftcastError, Settings
from warehouse.settings import PROJECT

CONNECTION = "AIRFLOW_CONN_LIFTCAST_LAKE"


def connection(lake: Path, sources: Sequence[Path]) -> str:
    return json.dumps({"conn_type": "generic", "extra": {"lake": str(lake), "sources": os.pathsep.join(map(str, sources))}})


def read_connection(extra: Mapping[str, Any]) -> tuple[Lake, list[Path]]:
    from liftcast.pipeline import source_paths

    listed = extra.get("sources") or ""
    return Lake.at(extra.get("lake") or Settings().lake), source_paths([s for s in listed.split(os.pathsep) if s])


def environment(home: Path, lake: Path, sources: Sequence[Path], port: int = 8080) -> dict[str, str]:
    address = f"http://127.0.0.1:{port}"
    return dict(os.environ) | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": address,
        CONNECTION: connection(lake, sources),
        "DO_NOT_TRACK": "1",
    }
