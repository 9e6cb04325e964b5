"""
### publish: marts, page and workbook

**Owner** data engineering

**Inputs** assets `mix_results` and `forecast_results`, of one release

**Outputs** `published/<run_id>/`, then the pointer `published/current`; asset `publication`

Runs when both results are new. Builds the marts in the warehouse, so it waits for the slot of pool
`warehouse_writer`; readers see the old publication, whole, until the pointer swaps.

**When it fails** yesterday's publication stays. A red *fail* check is listed in the log with its
figure; results of two releases wait, through retries, for the late one. `docs/runbooks/publish.md`
"""

from datetime import timedelta

from airflow.sdk import Metadata, dag, task
from schedule_defaults import (
    FOLLOWER,
    FORECAST_RESULTS,
    MIX_RESULTS,
    PUBLICATION,
    RETRIES,
    WAREHOUSE_WRITER,
    lake,
    say,
)


@dag(schedule=[MIX_RESULTS, FORECAST_RESULTS], default_args=RETRIES, doc_md=__doc__, **FOLLOWER)
def publish():
    @task(pool=WAREHOUSE_WRITER, outlets=[PUBLICATION], execution_timeout=timedelta(hours=1))
    def publish_marts():
        """Build, check, write beside, swap the pointer."""
        from liftcast import pipeline

        facts = pipeline.publish(lake(), progress=say)
        yield Metadata(PUBLICATION, {key: facts[key] for key in ("run_id", "release_id")})

    publish_marts()


publish()
