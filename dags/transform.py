"""
### transform: build the warehouse, release model inputs

**Owner** data engineering

**Inputs** asset `raw_landed`; `raw/` in the lake

**Outputs** `warehouse.duckdb`; once a week, or when released history was restated, a release in
`inputs/` and asset `model_inputs`

Runs after each landing. `build` holds the one slot of pool `warehouse_writer`. `release_inputs` is
skipped (pink) on days without a new release: that is a good day, not a failure.

**When it fails** a dbt test names the table and the rows that broke it; the last release and the
publication stand. Mend the source, land it again or clear `build`. `docs/runbooks/transform.md`
"""

from datetime import timedelta

from airflow.sdk import Metadata, dag, task
from airflow.sdk.exceptions import AirflowSkipException
from schedule_defaults import (
    FOLLOWER,
    MODEL_INPUTS,
    RAW_LANDED,
    RETRIES,
    WAREHOUSE_WRITER,
    lake,
    say,
)


@dag(schedule=[RAW_LANDED], default_args=RETRIES, doc_md=__doc__, **FOLLOWER)
def transform():
    @task(pool=WAREHOUSE_WRITER, execution_timeout=timedelta(hours=1))
    def build() -> dict:
        """One dbt build over the landed files; a release when it is due."""
        from liftcast import pipeline

        return pipeline.transform(lake(), release="weekly", progress=say)

    @task(outlets=[MODEL_INPUTS], execution_timeout=timedelta(minutes=2))
    def release_inputs(facts: dict):
        """Announce the release to the estimators."""
        if not facts["released"]:
            raise AirflowSkipException("No week has closed since the last release.")
        yield Metadata(MODEL_INPUTS, {"release_id": facts["release_id"]})

    release_inputs(build())


transform()
