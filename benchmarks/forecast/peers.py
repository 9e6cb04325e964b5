"""Others' forecasts of the same window, each as its documentation shows it."""

from __future__ import annotations

import warnings
from dataclasses import replace

import lightgbm
import numpy as np
import pandas as pd
from mlforecast import MLForecast
from mlforecast.lag_transforms import RollingMean
from mlforecast.target_transforms import GlobalSklearnTransformer
from prophet import Prophet
from sklearn.preprocessing import FunctionTransformer
from statsforecast import StatsForecast
from statsforecast.models import AutoARIMA, AutoETS

from forecasting.candidates import Window
from forecasting.candidates.naive import SeasonalNaive
from forecasting.grid import Floats
from forecasting.quiet import quiet_libraries


def _frames(window: Window) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Long frames with the holiday's kinds as columns of their own, none of them text."""
    out = []
    for long in (window.train, window.future):
        frame = long.copy()
        for number, column in enumerate(window.grid.columns):
            if column.is_categorical:
                for code in range(1, len(column.levels)):
                    frame[f"p{number}_{code}"] = (frame[f"p{number}"] == code) * 1.0
                frame = frame.drop(columns=f"p{number}")
        out.append(frame)
    varies = out[0].drop(columns=["unique_id", "ds", "y"]).std() > 0
    dropped = list(varies.index[~varies])
    return out[0].drop(columns=dropped), out[1].drop(columns=dropped)


def _shape(window: Window, answer: pd.DataFrame, name: str) -> Floats:
    ordered = answer.set_index(["unique_id", "ds"]).sort_index()[name]
    grid = window.grid
    index = pd.MultiIndex.from_product([grid.ids, grid.dates[grid.known :]])
    return ordered.reindex(index).to_numpy(dtype=float).reshape(len(grid.ids), grid.ahead)


def seasonal_naive(window: Window) -> Floats:
    return SeasonalNaive().forecast(window)


def lightgbm_alone(window: Window) -> Floats:
    """mlforecast's own way: lags beyond the horizon, calendar, plan, log of sales.

    It takes no gaps: a shop's missing days (refurbishments) are days without sales and plan.
    """
    grid = window.grid
    whole = replace(grid, y=np.nan_to_num(grid.y), plan=np.nan_to_num(grid.plan))
    train, future = _frames(Window(whole, window.seed))
    h = window.grid.ahead
    model = lightgbm.LGBMRegressor(
        n_estimators=500, learning_rate=0.05, num_leaves=63, verbose=-1, n_jobs=1, random_state=0
    )
    log = GlobalSklearnTransformer(FunctionTransformer(np.log1p, np.expm1))
    forecaster = MLForecast(
        {"lightgbm": model}, freq="D", lags=[h, h + 7, h + 14, 364],
        lag_transforms={h: [RollingMean(28), RollingMean(91)]},
        date_features=["dayofweek", "day", "month", "dayofyear"], target_transforms=[log],
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        forecaster.fit(train, static_features=[], dropna=False)
        told = forecaster.predict(h, X_df=future)
    return np.maximum(_shape(window, told, "lightgbm"), 0.0)


def _prophet(window: Window, planned: bool) -> Floats:
    train, future = _frames(window)
    columns = [c for c in train.columns if c.startswith("p")] if planned else []
    out = []
    with quiet_libraries():
        for name in window.grid.ids:
            model = Prophet(uncertainty_samples=0)
            for column in columns:
                model.add_regressor(column)
            model.fit(train[train["unique_id"] == name])
            out.append(model.predict(future[future["unique_id"] == name])["yhat"].to_numpy())
            model.stan_backend.cleanup()
    return np.maximum(np.array(out), 0.0)


def prophet_default(window: Window) -> Floats:
    return _prophet(window, planned=False)


def prophet_plan(window: Window) -> Floats:
    return _prophet(window, planned=True)


def auto_ets(window: Window) -> Floats:
    train, _ = _frames(window)
    model = StatsForecast([AutoETS(season_length=7)], freq="D", n_jobs=1)
    told = model.forecast(df=train[["unique_id", "ds", "y"]], h=window.grid.ahead)
    return np.maximum(_shape(window, told, "AutoETS"), 0.0)


def auto_arima_plan(window: Window) -> Floats:
    train, future = _frames(window)
    model = StatsForecast([AutoARIMA(season_length=7)], freq="D", n_jobs=1)
    told = model.forecast(df=train, h=window.grid.ahead, X_df=future)
    return np.maximum(_shape(window, told, "AutoARIMA"), 0.0)


PEERS = {
    "seasonal naive": seasonal_naive,
    "LightGBM alone": lightgbm_alone,
    "Prophet default": prophet_default,
    "Prophet with plan": prophet_plan,
    "AutoETS": auto_ets,
}
