"""PyMC-Marketing with the settings of its quickstart, sampled by nutpie.

GeometricAdstock(l_max=8), LogisticSaturation, two yearly Fourier modes, the panel's controls and a
running number `t` as the quickstart has it (scaled to 1 at the end of the window, as the class asks
for), all priors and scalings its defaults; 4 chains of 1000 + 1000. Territories are its `dims`.
"""

from __future__ import annotations

from importlib.metadata import version

import numpy as np
import pandas as pd
from handing import Clock, Handed, bounds, diagnostics, fewer, hand_back, handed, predictions
from pymc_marketing.mmm import MMM, GeometricAdstock, LogisticSaturation

SETTINGS = {"chains": 4, "tune": 1000, "draws": 1000, "nuts_sampler": "nutpie"}
MODES, LAGS = 2, 8


def with_trend(files: Handed, rows: pd.DataFrame) -> pd.DataFrame:
    """The columns the model reads, with `t`: 0 at the first fitted date, 1 at the last."""
    first, last = files.panel["date"].min(), files.panel["date"].max()
    told = rows[[*files.key, *files.media, *files.controls]].copy()
    told["t"] = (rows["date"] - first) / (last - first)
    return told


def main() -> None:
    files = handed()
    settings = fewer(SETTINGS, files.quick)
    territory = "territory" in files.key
    model = MMM(
        date_column="date",
        channel_columns=files.media,
        control_columns=[*files.controls, "t"],
        target_column="revenue",
        adstock=GeometricAdstock(l_max=LAGS),
        saturation=LogisticSaturation(),
        yearly_seasonality=MODES,
        dims=("territory",) if territory else None,
    )
    rows = with_trend(files, files.panel)
    model.fit(rows, files.panel["revenue"], progressbar=False, random_seed=0, **settings)

    posterior = model.idata["posterior"].dataset
    cells = model.data.get_channel_contributions(original_scale=True)
    over = [name for name in ("date", "territory") if name in cells.dims]
    totals = cells.sum(over).stack(sample=("chain", "draw")).transpose("channel", "sample")
    free = {name.name for name in model.model.free_RVs}
    told = diagnostics({name: posterior[name].to_numpy() for name in posterior if name in free})
    stats = model.idata["sample_stats"].dataset
    told["divergences"] = int(stats["diverging"].sum())
    contributions = [
        bounds(totals.sel(channel=name).to_numpy(), driver=name) for name in files.media
    ]
    clock = Clock()
    with clock:
        ahead = with_trend(files, files.holdout)
        drawn = model.sample_posterior_predictive(
            ahead,
            extend_idata=False,
            include_last_observations=True,
            var_names=["y"],
            progressbar=False,
            random_seed=0,
        )["y"]
        mean = drawn.mean("sample") * model.get_scales_as_xarray()["target_scale"]
        predicted = mean.to_series().rename("predicted").reset_index()
        predicted = ahead[files.key].merge(predicted, on=files.key, validate="one_to_one")
    hand_back(
        files,
        {
            "contributions": contributions,
            "media": bounds(totals.sum("channel").to_numpy()),
            "diagnostics": told,
            "holdout": predictions(ahead, files.key, np.asarray(predicted["predicted"])),
            "beyond": {"wall": clock.wall, "cpu": clock.cpu},
            "versions": {name: version(name) for name in ("pymc-marketing", "pymc", "nutpie")},
            "settings": settings | {"lags": LAGS, "yearly_seasonality": MODES, "trend": "t"},
        },
    )


if __name__ == "__main__":
    main()
