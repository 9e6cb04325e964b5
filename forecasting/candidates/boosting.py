"""Boosted trees over all series (LightGBM through mlforecast): their settings, rows and limits."""

from __future__ import annotations

import importlib
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecasting.candidates.protocol import Window
from forecasting.errors import ForecastError
from forecasting.grid import FISCAL, Bools, Floats
from forecasting.signals import Singles

#: The signal that numbers the series, a category to the trees.
SERIES = "series"


@dataclass(frozen=True)
class Trees:
    """Settings of LightGBM, and the rows it learns from; chosen on shops that no benchmark judges.

    `most_rows`: of more, a sample: effects are pooled, and time goes with rows. `half_life_years`
    of what a row weighs (None: all the same). `random_splits`: splits at random places (Geurts,
    Ernst and Wehenkel 2006), so that none fits one date's shock.
    """

    objective: str = "l1"
    trees: int = 200
    rate: float = 0.12
    leaves: int = 31
    least_rows: int = 100
    random_splits: bool = True
    rows_a_tree: float = 0.8
    ridge: float = 5.0
    half_life_years: float | None = 1.5
    most_rows: int = 120_000


def rows_of(window: Window, settings: Trees) -> tuple[Bools, Floats]:
    """(S, T) rows to learn from, and what each weighs; rows kept for mlforecast alone weigh 0."""
    grid = window.grid
    use = np.isfinite(window.log_sales)
    weight = use * 1.0
    if settings.half_life_years is not None:
        age = grid.known - np.arange(grid.known)
        weight = weight * 0.5 ** (age / (settings.half_life_years * grid.year))
    kept = use.copy()
    if use.sum() > settings.most_rows:
        draw = np.random.default_rng([window.seed, 13]).random(use.shape)
        kept &= draw < settings.most_rows / use.sum()
    kept[:, -1] = True  # mlforecast goes on from the last row of a series: all need the same
    return kept, weight


def fitted_trees(  # noqa: PLR0917
    window: Window,
    settings: Trees,
    names: list[str],
    signals: Singles,
    kept: Bools,
    target: Floats,
    weight: Floats,
) -> Any:
    """mlforecast's forecaster with LightGBM fitted to `target` (S, T) by `signals` (F, S, T).

    Raises:
        ForecastError: LightGBM cannot be loaded.
    """
    try:
        lightgbm = importlib.import_module("lightgbm")
    except OSError as error:
        raise ForecastError(
            f"LightGBM cannot be loaded ({error}): install the GNU OpenMP library, on Debian "
            "with `apt-get install libgomp1`."
        ) from error
    grid = window.grid
    row, at = np.nonzero(kept)
    train = pd.DataFrame(signals[:, row, at].T, columns=names)
    dates = grid.dates if grid.freq != FISCAL else pd.RangeIndex(len(grid.dates))
    train.insert(0, "unique_id", row)
    train.insert(1, "ds", dates[at])
    train.insert(2, "y", target[kept])
    train.insert(3, "weight", weight[kept])
    s = settings
    model = lightgbm.LGBMRegressor(
        n_estimators=s.trees, learning_rate=s.rate, num_leaves=s.leaves,
        min_child_samples=s.least_rows, subsample=s.rows_a_tree, subsample_freq=1,
        colsample_bytree=0.5, reg_lambda=s.ridge, extra_trees=s.random_splits,
        random_state=window.seed, n_jobs=1, deterministic=True, force_col_wise=True, verbose=-1,
        **({"objective": s.objective} | _limited(window, names, train["y"])),
    )  # fmt: skip
    mlforecast = importlib.import_module("mlforecast")
    # Fiscal periods are counted on by their number.
    freq = grid.freq if grid.freq != FISCAL else 1
    forecaster = mlforecast.MLForecast(models={"trees": model}, freq=freq)
    given = {"categorical_feature": [SERIES]} if SERIES in names else {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Found null values")
        forecaster.fit(
            train, static_features=[], dropna=False, weight_col="weight", validate_data=False,
            models_fit_kwargs={"trees": given},
        )  # fmt: skip
    return forecaster


def asked(forecaster: Any, names: list[str], signals: Singles) -> Floats:
    """What the trees say of `signals` (F, S, N): (S, N)."""
    trees = forecaster.models_["trees"]
    frame = pd.DataFrame(signals.reshape(len(names), -1).T, columns=names)
    told = trees.predict(frame[list(trees.feature_name_)])
    return np.asarray(told, dtype=float).reshape(signals.shape[1:])


def _limited(window: Window, names: list[str], y: pd.Series) -> dict[str, Any]:
    """Settings that hold the signs of plan columns; none where there are no signs.

    More of the regression's forecast is more, and more of a column has its sign. LightGBM refuses
    limits with absolute loss: Fair's loss is as good as absolute beyond the usual error.
    """
    signs = {f"p{i}": column.sign for i, column in enumerate(window.grid.columns)}
    if not any(signs.values()):
        return {}
    signs["base"] = 1
    return {
        "objective": "fair",
        "fair_c": max(float((y - y.median()).abs().median()), 1e-3),
        "monotone_constraints": [signs.get(name, 0) for name in names],
    }
