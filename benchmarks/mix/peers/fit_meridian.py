"""Meridian with the settings of its getting-started notebook, on its JAX backend (the default).

Default priors (which are the notebook's: ROI log-normal(0.2, 0.9)), automatic knot selection or,
with `--knots one`, a single knot; 10 chains of 2000 + 500 + 1000. Spend is the media metric. The
holdout is its own in-model mask (`HoldoutSpec`): revenue of those dates stays out of the
likelihood, media and controls are known. Its knot selection and scaling do read that revenue, as
they do for its user; it is told more than the others. Contributions are those of the dates before
the mask.
"""

from __future__ import annotations

from importlib.metadata import version

import numpy as np
import pandas as pd
from handing import Clock, Handed, bounds, diagnostics, fewer, hand_back, handed, predictions
from meridian import backend
from meridian.analysis import analyzer
from meridian.data import data_frame_input_data_builder as builders
from meridian.model import model, spec

SETTINGS = {"n_chains": 10, "n_adapt": 2000, "n_burnin": 500, "n_keep": 1000}
#: What its sampler draws and keeps; the rest of its posterior follows from these.
FREE = (
    "knot_values",
    "sigma",
    "alpha_m",
    "ec_m",
    "eta_m",
    "slope_m",
    "roi_m",
    "gamma_c",
    "xi_c",
)
#: What its sampler draws by territory, it does not keep: these follow from that one to one.
BY_TERRITORY = ("tau_g", "beta_gm", "gamma_gc")


def inputs(files: Handed, rows: pd.DataFrame) -> object:
    """Its input data, masked dates included."""
    named = rows.rename(columns={"territory": "geo", "date": "time"})
    named["time"] = named["time"].dt.strftime("%Y-%m-%d")
    builder = builders.DataFrameInputDataBuilder(kpi_type="revenue").with_kpi(
        named, kpi_col="revenue"
    )
    if "geo" in named:
        builder = builder.with_population(named)
    builder = builder.with_controls(named, control_cols=files.controls)
    return builder.with_media(
        named,
        media_cols=files.media,
        media_spend_cols=files.media,
        media_channels=files.media,
    ).build()


def main() -> None:
    files = handed(revenue_ahead=True)
    sampling = fewer(SETTINGS, files.quick)
    by = ["territory"] if "territory" in files.key else []
    rows = pd.concat([files.panel, files.holdout], ignore_index=True)
    rows = rows.sort_values([*by, "date"], ignore_index=True)
    dates = {
        name: [f"{day:%Y-%m-%d}" for day in sorted(frame["date"].unique())]
        for name, frame in (("fitted", files.panel), ("holdout", files.holdout))
    }
    masked = spec.HoldoutSpec(spec=[spec.DateRange(dates["holdout"][0], dates["holdout"][-1])])
    one = files.knots == "one"
    settings = spec.ModelSpec(knots=1 if one else None, enable_aks=not one, holdout=masked)
    fitted = model.Meridian(input_data=inputs(files, rows), model_spec=settings)
    fitted.sample_prior(500)
    fitted.sample_posterior(**sampling, seed=0)

    posterior = fitted.inference_data.posterior
    free = (*FREE, *BY_TERRITORY) if by else FREE
    told = diagnostics({name: posterior[name].to_numpy() for name in free if name in posterior})
    stats = fitted.inference_data.sample_stats
    told["divergences"] = int(stats["diverging"].sum()) if "diverging" in stats else None
    reading = analyzer.Analyzer(
        model_context=fitted.model_context, inference_data=fitted.inference_data
    )
    totals = np.asarray(
        reading.incremental_outcome(selected_times=dates["fitted"], include_non_paid_channels=False)
    ).reshape(-1, len(files.media))
    contributions = [bounds(totals[:, c], driver=name) for c, name in enumerate(files.media)]
    clock = Clock()
    with clock:
        drawn = np.asarray(
            reading.expected_outcome(
                selected_times=dates["holdout"], aggregate_geos=False, aggregate_times=False
            )
        )
        ahead = drawn.reshape(-1, *drawn.shape[2:]).mean(axis=0).reshape(-1)
        named = list(fitted.input_data.geo.to_numpy()) if by else [None]
        index = pd.DataFrame(
            [(place, day) for place in named for day in dates["holdout"]],
            columns=["territory", "date"],
        ).assign(date=lambda told: pd.to_datetime(told["date"]))
    hand_back(
        files,
        {
            "contributions": contributions,
            "media": bounds(totals.sum(axis=1)),
            "diagnostics": told,
            "holdout": predictions(index, files.key, ahead),
            "beyond": {"wall": clock.wall, "cpu": clock.cpu},
            "versions": {name: version(name) for name in ("google-meridian", "jax")},
            "settings": sampling
            | {
                "backend": str(backend.config.get_backend().value),
                "knots": int(fitted.model_context.knot_info.n_knots),
                "enable_aks": not one,
            },
        },
    )


if __name__ == "__main__":
    main()
