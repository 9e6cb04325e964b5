"""
### attribute: what each driver brought

**Owner** marketing science

**Inputs** asset `model_inputs`; the release in `inputs/current`

**Outputs** `results/mix/run_id=<id>/` and `results/journeys/run_id=<id>/`, asset `mix_results`

Runs on each release, that is weekly. Reads Parquet only, never the warehouse file.

**When it fails** nothing is lost: the last result and publication stand. A failed check names its
figure and threshold and is not retried; anything else is. `docs/runbooks/attribute.md`
"""

from datetime import timedelta

from airflow.sdk import Metadata, dag, task
from schedule_defaults import FOLLOWER, MIX_RESULTS, MODEL_INPUTS, RETRIES, lake, say


@dag(schedule=[MODEL_INPUTS], default_args=RETRIES, doc_md=__doc__, **FOLLOWER)
def attribute():
    @task(outlets=[MIX_RESULTS], execution_timeout=timedelta(hours=3))
    def estimate_mix():
        """Estimate the marketing mix and journeys on the current release."""
        from liftcast import pipeline

        facts = pipeline.attribute(lake(), progress=say)
        yield Metadata(MIX_RESULTS, {key: facts[key] for key in ("run_id", "release_id")})

    estimate_mix()


attribute()
