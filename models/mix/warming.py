"""Compile the model's kernels for this machine, so that the first estimate need not wait.

python -m models.mix.warming
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.mix.model import MixModel
from models.mix.panel import MixInputs
from models.mix.spec import MixSpec, Sampling

_DATES = 30


def tiny_inputs() -> MixInputs:
    """Two territories, one medium and one control: enough to touch every kernel."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=_DATES, freq="7D")
    cells = pd.MultiIndex.from_product([["a", "b"], days], names=["territory_id", "date_day"])
    keys = cells.to_frame(index=False)
    spend = rng.gamma(2.0, 1.0, len(keys)).round(2)
    return MixInputs(
        outcome=keys.assign(net_revenue=(100 + 10 * rng.standard_normal(len(keys))).round(2)),
        drivers=keys.assign(
            kind="media", driver="tv", exposure=spend, exposure_unit="spend", spend=spend
        ),
        controls=keys.assign(control="rain", value=rng.standard_normal(len(keys))),
        territories=pd.DataFrame({"territory_id": ["a", "b"]}),
        grain="week",
        currency="EUR",
    )


def tiny_experiment() -> pd.DataFrame:
    """A test that withheld the medium in one territory for four weeks."""
    return pd.DataFrame(
        {
            "experiment_id": ["e"],
            "driver": ["tv"],
            "territory_id": ["a"],
            "starts_on": [pd.Timestamp("2024-03-04")],
            "ends_on": [pd.Timestamp("2024-03-31")],
            "effect": [40.0],
            "effect_se": [20.0],
            "contrast": ["all"],
        }
    )


if __name__ == "__main__":
    short = Sampling(starts=1, chains=2, warmup=20, draws=20, longer=1)
    fit = MixModel(MixSpec(sampling=short)).fit(tiny_inputs(), experiments=tiny_experiment())
    fit.curves()
    MixModel(MixSpec(engine="statsmodels")).fit(tiny_inputs())
