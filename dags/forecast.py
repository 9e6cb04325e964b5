"""
### forecast: the next weeks of volume and net revenue

**Owner** sales planning

**Inputs** asset `mix_results`; the release in `inputs/current`, its attribution

**Outputs** `results/forecast/run_id=<id>/`, asset `forecast_results`

Runs after each attribution, that is weekly: media and promotions are as that has them. Reads
Parquet and the stored estimate, never the warehouse file.

**When it fails** nothing is lost: the last result and publication stand. A failed check names its
figure and threshold and is not retried; anything else is. `docs/runbooks/forecast.md`
"""

from datetime import timedelta

from airflow.sdk import Metadata, dag, task
from schedule_defaults import FOLLOWER, FORECAST_RESULTS, MIX_RESULTS, RETRIES, lake, say


@dag(schedule=[MIX_RESULTS], default_args=RETRIES, doc_md=__doc__, **FOLLOWER)
def forecast():
    @task(outlets=[FORECAST_RESULTS], execution_timeout=timedelta(hours=3))
    def project_volume():
        """Forecast volume and net revenue from the current release and the known plan."""
        from liftcast import pipeline

        facts = pipeline.forecast(lake(), progress=say)
        yield Metadata(FORECAST_RESULTS, {key: facts[key] for key in ("run_id", "release_id")})

    project_volume()


forecast()
