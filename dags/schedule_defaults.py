"""What the five schedules share: assets, the writer's pool, retries, and how a task finds its lake.

Listed in `.airflowignore`: it holds no DAG. Nothing heavy is imported here at module level.
"""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, Connection, ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.exceptions import AirflowNotFoundException

if TYPE_CHECKING:
    from warehouse import Lake

RAW_LANDED = Asset("raw_landed")
MODEL_INPUTS = Asset("model_inputs")
MIX_RESULTS = Asset("mix_results")
FORECAST_RESULTS = Asset("forecast_results")
PUBLICATION = Asset("publication")

say = logging.getLogger("liftcast").info  # progress of a stage, into the task's log

# DuckDB has one writer and shuts readers out while it writes: whatever opens
# warehouse.duckdb queues in this one-slot pool (`airflow pools set warehouse_writer 1 ...`).
WAREHOUSE_WRITER = "warehouse_writer"

# 1, 2 and 4 minutes: long enough for a late file or a busy warehouse. A person who waits at a
# terminal (`make demo`) sets LIFTCAST_TASK_RETRIES=0 to see the error at once.
RETRIES: dict[str, Any] = {
    "retries": int(os.environ.get("LIFTCAST_TASK_RETRIES", "3")),
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=15),
    "retry_policy": ExceptionRetryPolicy(
        rules=[
            RetryRule(
                exception="warehouse.errors.CheckFailedError",
                action=RetryAction.FAIL,
                reason="the same data give the same verdict: a person has to look",
            )
        ]
    ),
}

SCHEDULE: dict[str, Any] = {
    "start_date": datetime(2015, 1, 1, tzinfo=UTC),
    "catchup": False,
    "max_active_runs": 1,
    "tags": ["liftcast"],
}
# The clock starts only when somebody turns `ingest` on; what follows it by assets is ready.
FOLLOWER = SCHEDULE | {"is_paused_upon_creation": False}


def places() -> tuple[Lake, list[Path]]:
    """Lake and source mappings: connection `liftcast_lake`, else `LIFTCAST_LAKE`, `_SOURCES`."""
    from liftcast.airflow_home import read_connection

    try:
        extra = Connection.get("liftcast_lake").extra_dejson
    except AirflowNotFoundException:
        extra = {}
    return read_connection(extra)


def lake() -> Lake:
    """The lake this deployment works on."""
    return places()[0]


def lend_connections(source: str) -> None:
    """Put the Airflow connections that a mapping names where ingestion looks: the environment.

    Only of this task's process, and never over what the deployment has set there itself.
    """
    from liftcast.airflow_home import connections_of

    for name in connections_of(source):
        key = f"AIRFLOW_CONN_{name.upper()}"
        if key not in os.environ:
            os.environ[key] = Connection.get(name).get_uri()
