"""One gradient-boosted model over all series, with the plan (LightGBM through mlforecast)."""

from __future__ import annotations

import importlib
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecasting.candidates.protocol import Speed, Window
from forecasting.candidates.regression import smearing
from forecasting.errors import ForecastError
from forecasting.grid import FISCAL, Bools, Floats
from forecasting.signals import (
    Course,
    Singles,
    calendar_signals,
    course_signals,
    plan_signals,
    recent_level,
)

#: Rows the trees learn from; of more, a sample: effects are pooled, and time goes with rows.
MOST_ROWS = 120_000
#: Columns of a training frame that are no signals.
_ROW = frozenset({"unique_id", "ds", "y", "weight"})
#: Half life of what a row weighs, in years.
HALF_LIFE_YEARS = 1.5
#: Short seasons (weeks) that the trees are asked about again, for the level they leave.
LEVEL_SEASONS = 26
#: Series asked at once.
BLOCK = 200


@dataclass(frozen=True)
class Trees:
    """Settings of LightGBM; chosen on shops that no benchmark judges."""

    objective: str = "l1"
    trees: int = 400
    rate: float = 0.06
    leaves: int = 31
    least_rows: int = 100
    #: Splits at random places (Geurts, Ernst and Wehenkel 2006): no split fits one date's shock.
    random_splits: bool = True


@dataclass(frozen=True)
class _Learned:
    """The trees; (S, 1) the level of the last weeks beside them, and from median to mean."""

    forecaster: Any
    level: Floats
    smear: Floats


class PooledTrees:
    """Boosted trees on what the regression leaves of log sales, over all series at once.

    A row is a period of a series: the plan on the days before and after, its runs, the calendar
    and the series' own effects. No lag of sales is used, so no forecast feeds on a forecast. The
    level that goes on is what regression and trees together leave of the last weeks: beside the
    regression alone, weeks before Christmas would count as a new level.
    """

    speed: Speed = "pooled"
    kinds = frozenset({"regular", "short"})

    def __init__(self, name: str = "lightgbm", settings: Trees | None = None) -> None:
        self.name = name
        self.settings = settings or Trees()

    def forecast(self, window: Window) -> Floats:
        grid, z = window.grid, window.log_sales
        names, signals, course = _signals(window)
        known = grid.known
        use = np.isfinite(z)
        if use.sum() < 5 * self.settings.least_rows:
            return np.full((len(grid.ids), grid.ahead), np.nan)
        if self.name not in window.learned:
            window.learned[self.name] = self._learn(window, names, signals, course)
        learned = window.learned[self.name]
        ahead = np.ones((len(grid.ids), grid.ahead), dtype=bool)
        future = _frame(window, names, signals[:, :, known:], ahead, known)
        # No lag of sales is among the signals, so all periods are told at once: mlforecast's own
        # predict would go step by step.
        trees = learned.forecaster.models_["trees"]
        told = trees.predict(future[list(trees.feature_name_)])
        extra = np.asarray(told, dtype=float).reshape(ahead.shape)
        log = course.fitted[:, known:] + learned.level + extra
        return window.shut(np.exp(log) * learned.smear)

    def _learn(
        self, window: Window, names: list[str], signals: Singles, course: Course
    ) -> _Learned:
        grid, z = window.grid, window.log_sales
        known = grid.known
        use = np.isfinite(z)
        weight = np.where(
            use, 0.5 ** ((known - np.arange(known)) / (HALF_LIFE_YEARS * grid.year)), 0
        )
        kept = use.copy()
        if use.sum() > MOST_ROWS:
            draw = np.random.default_rng([window.seed, 13]).random(use.shape)
            kept &= draw < MOST_ROWS / use.sum()
        kept[:, -1] = True  # mlforecast goes on from the last row of a series: all need the same
        train = _frame(window, names, signals[:, :, :known], kept, 0)
        left = z - course.fitted[:, :known]
        train.insert(2, "y", np.nan_to_num(left - course.around)[kept])
        train.insert(3, "weight", weight[kept])
        forecaster = self._fit(window, train)
        start = max(known - LEVEL_SEASONS * grid.season, 0)
        trees = forecaster.models_["trees"]
        for row in range(0, len(z), BLOCK):
            rows = slice(row, row + BLOCK)
            seen = signals[:, rows, start:known]
            told = trees.predict(
                pd.DataFrame(seen.reshape(len(names), -1).T, columns=names)[
                    list(trees.feature_name_)
                ]
            )
            left[rows, start:] -= np.asarray(told).reshape(seen.shape[1:])
        recent = left[:, start:]
        return _Learned(forecaster, recent_level(recent, grid)[:, None], smearing(window, recent))

    def _fit(self, window: Window, train: pd.DataFrame) -> Any:
        try:
            lightgbm = importlib.import_module("lightgbm")
        except OSError as error:
            raise ForecastError(
                f"LightGBM cannot be loaded ({error}): install the GNU OpenMP library, on Debian "
                "with `apt-get install libgomp1`."
            ) from error
        s = self.settings
        limited = _limited(window, [str(c) for c in train if c not in _ROW], train["y"])
        model = lightgbm.LGBMRegressor(
            n_estimators=s.trees, learning_rate=s.rate, num_leaves=s.leaves,
            min_child_samples=s.least_rows, subsample=0.8, subsample_freq=1, colsample_bytree=0.5,
            reg_lambda=5.0, extra_trees=s.random_splits, random_state=window.seed, n_jobs=1,
            deterministic=True, force_col_wise=True, verbose=-1,
            **({"objective": s.objective} | limited),
        )  # fmt: skip
        mlforecast = importlib.import_module("mlforecast")
        forecaster = mlforecast.MLForecast(models={"trees": model}, freq=_freq(window))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Found null values")
            forecaster.fit(
                train, static_features=[], dropna=False, weight_col="weight", validate_data=False
            )
        return forecaster


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
        "fair_c": max(float(y.abs().median()), 1e-3),
        "monotone_constraints": [signs.get(name, 0) for name in names],
    }


def _freq(window: Window) -> str | int:
    """What mlforecast counts on by; fiscal periods by their number."""
    return window.grid.freq if window.grid.freq != FISCAL else 1


def _signals(window: Window) -> tuple[list[str], Singles, Course]:
    grid = window.grid
    names, plan = plan_signals(grid, window.closed)
    calendar_names, calendar = calendar_signals(grid)
    course = course_signals(window.log_sales, window.design, grid, window.limits)
    shape = (len(calendar), len(grid.ids), len(grid.dates))
    signals = np.concatenate([plan, np.broadcast_to(calendar[:, None, :], shape), course.signals])
    return [*names, *calendar_names, *course.names], signals, course


def _frame(
    window: Window, names: list[str], signals: Singles, kept: Bools, start: int
) -> pd.DataFrame:
    grid = window.grid
    ids = np.arange(len(grid.ids))
    row, at = np.nonzero(kept)
    frame = pd.DataFrame(signals[:, row, at].T, columns=names)
    frame.insert(0, "unique_id", ids[row])
    dates = grid.dates if grid.freq != FISCAL else pd.RangeIndex(len(grid.dates))
    frame.insert(1, "ds", dates[start:][at])
    return frame
