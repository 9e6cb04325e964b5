"""
### ingest: land every source

**Owner** data engineering

**Inputs** the files that the source mappings name (connection `liftcast_lake`, key `sources`)

**Outputs** `raw/`, `quarantine/`, `manifest/`; asset `raw_landed` once all are tried and one landed

Daily at 06:00 UTC, for the day that ended at midnight. One mapped task a source: a broken one turns
red, and the run with it, while the others land and move on. Landing a day twice changes nothing.

**When it fails** open the red `land` task: its last line names source, row, column and remedy. Mend
the file or its mapping, then clear that task. `docs/runbooks/ingest.md`, `connectors.md`
"""

from datetime import timedelta
from pathlib import Path

from airflow.sdk import (
    CronDataIntervalTimetable,
    Param,
    TriggerRule,
    dag,
    get_current_context,
    task,
)
from schedule_defaults import RAW_LANDED, RETRIES, SCHEDULE, lake, lend_connections, places, say

A_DATE = {"type": ["null", "string"], "format": "date"}


@dag(
    schedule=CronDataIntervalTimetable("0 6 * * *", timezone="UTC"),
    default_args=RETRIES,
    doc_md=__doc__,
    is_paused_upon_creation=True,
    params={
        "everything": Param(
            False, type="boolean", description="land all dates; overrides the dates below"
        ),
        "date_from": Param(None, **A_DATE, description="first date; default: the data interval"),
        "date_to": Param(None, **A_DATE, description="last date, included; default likewise"),
    },
    **SCHEDULE,
)
def ingest():
    @task(execution_timeout=timedelta(minutes=2))
    def sources() -> list[str]:
        """Source mappings of this deployment."""
        return [str(path) for path in places()[1]]

    @task(execution_timeout=timedelta(hours=1), map_index_template="{{ source_name }}")
    def land(source: str, params=None, dag_run=None) -> dict:
        """Land one source."""
        from liftcast import airflow_home, pipeline

        get_current_context()["source_name"] = Path(source).stem
        interval = (dag_run.data_interval_start, dag_run.data_interval_end)
        lend_connections(source)
        days = airflow_home.days_to_land(params, interval, dag_run.run_after)
        return pipeline.ingest(lake(), Path(source), **days, progress=say)

    @task(
        outlets=[RAW_LANDED],
        trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS,
        execution_timeout=timedelta(minutes=2),
    )
    def landed() -> None:
        """Tell the next schedule that there is something new."""

    @task(trigger_rule=TriggerRule.ONE_FAILED, retries=0, execution_timeout=timedelta(minutes=2))
    def not_all_landed() -> None:
        """Turn the run red when a source failed; skipped on a good day."""
        raise RuntimeError("A source did not land: see the red task `land` for which and why.")

    land.expand(source=sources()) >> [landed(), not_all_landed()]


ingest()
