"""The DAG folder as Airflow parses it: in a process and a home of its own, read back as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from liftcast import airflow_home
from warehouse.settings import PROJECT

# Every name the DAGs take from the SDK is loaded before the clock starts: Airflow's own import is
# not theirs.
PARSE = """
import json, sys, time
import airflow.sdk as sdk
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.serialization.serialized_objects import DagSerialization
for name in set(sdk.__all__) - {"lineage", "macros"}:
    getattr(sdk, name)
folder = sys.argv[1]
before, loaded = time.process_time(), set(sys.modules)
bag = BundleDagBag(folder, bundle_path=folder, bundle_name="dags")
seconds = time.process_time() - before
def task(t):
    outlets = [o.name for o in t.outlets]
    mapped = t.partial_kwargs if hasattr(t, "partial_kwargs") else {}
    return {
        "pool": t.pool, "retries": t.retries, "backoff": t.retry_exponential_backoff,
        "timeout": t.execution_timeout.total_seconds() if t.execution_timeout else None,
        "trigger_rule": str(getattr(t.trigger_rule, "value", t.trigger_rule)),
        "outlets": outlets, "mapped": bool(mapped),
        "not_retried": [r.exception for r in t.retry_policy.rules] if t.retry_policy else [],
    }
def dag(d):
    asset = d.timetable.asset_condition if hasattr(d.timetable, "asset_condition") else None
    return {
        "tasks": {t.task_id: task(t) for t in d.tasks},
        "cron": getattr(d.timetable, "expression", None),
        "timetable": type(d.timetable).__name__,
        "assets": sorted(a.name for a in asset.objects) if asset else [],
        "all_assets": type(asset).__name__ == "AssetAll",
        "max_active_runs": d.max_active_runs, "catchup": d.catchup,
        "paused": d.is_paused_upon_creation, "doc_md": d.doc_md,
        "params": {name: d.params.get_param(name).schema for name in d.params},
        "serialises": bool(DagSerialization.serialize_dag(d)),
        "file": d.fileloc,
    }
print("\\n" + json.dumps({
    "errors": bag.import_errors, "seconds": seconds,
    "files": {s.file: s.duration.total_seconds() for s in bag.dagbag_stats},
    "loaded": sorted({m.split(".")[0] for m in set(sys.modules) - loaded}),
    "dags": {d.dag_id: dag(d) for d in bag.dags.values()},
}))
"""


@pytest.fixture(scope="session")
def airflow_env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment of an Airflow with a home, a lake and no source of its own."""
    root = tmp_path_factory.mktemp("airflow")
    return airflow_home.environment(root / "home", root / "lake", [])


@pytest.fixture(scope="session")
def parsed(airflow_env: dict[str, str]) -> dict[str, Any]:
    """What Airflow makes of `dags/`: import errors, seconds, modules loaded, facts of each DAG."""
    done = subprocess.run(
        [sys.executable, "-c", PARSE, str(airflow_home.DAGS)],
        env=airflow_env,
        cwd=Path(airflow_env["AIRFLOW_HOME"]).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="session")
def dags(parsed: dict[str, Any]) -> dict[str, Any]:
    return parsed["dags"]


@pytest.fixture(scope="session")
def project() -> Path:
    return PROJECT
