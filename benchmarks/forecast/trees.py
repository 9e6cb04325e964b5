"""LightGBM alone through mlforecast, with mlforecast's own (conformal) intervals."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any, Literal

import lightgbm
import numpy as np
import pandas as pd
from judging import Answer
from mlforecast import MLForecast
from mlforecast.lag_transforms import RollingMean
from mlforecast.target_transforms import GlobalSklearnTransformer, LocalStandardScaler
from mlforecast.utils import PredictionIntervals
from peers import frames, in_shape
from sklearn.preprocessing import FunctionTransformer

from forecasting.calibrating import QUANTILES
from forecasting.candidates import Window

#: Days before and after a day whose plan is a signal of the day.
AROUND = (-7, -3, -2, -1, 1, 2, 3, 7)


@dataclass(frozen=True)
class Settings:
    """What a practitioner would try.

    `lags`: of sales: at least a horizon ago, or from yesterday on with forecasts fed back, or none.
    `closed`: days as zeros, or filled by the last open day and not learned from. `scaled`: each
    shop's log sales to mean 0 and deviation 1. `ids`: the shop as a category. `around`: the plan of
    days before and after.
    """

    lags: Literal["beyond", "recursive", "none"] = "beyond"
    closed: Literal["zero", "filled"] = "zero"
    scaled: bool = False
    ids: bool = False
    around: bool = False
    windows: int = 2
    model: dict[str, Any] = field(
        default_factory=lambda: {"n_estimators": 500, "learning_rate": 0.05, "num_leaves": 63}
    )


def answer(window: Window, asked: dict[str, Any], intervals: bool = True) -> Answer:
    """A shop's missing days (refurbishments) are days without sales and plan.

    Args:
        asked: fields of Settings.
        intervals: False: the mean alone, five times.
    """
    settings = Settings(**asked)
    train, future = frames(window, filled=True)
    h = window.grid.ahead
    opened = f"p{len(window.grid.columns) - 1}"
    if settings.around:
        train, future = _with_around(train, future)
    given: dict[str, Any] = {"static_features": [], "dropna": False}
    if settings.ids:
        for frame in (train, future):
            frame["shop"] = frame["unique_id"].astype("category")
        future = future.drop(columns="shop")
        given["static_features"] = ["shop"]
    if settings.closed == "filled":
        train["weight"] = ((train[opened] > 0) & (train["y"] > 0)) * 1.0
        sold = train["y"].where(train["weight"] > 0)
        train["y"] = sold.groupby(train["unique_id"]).transform(lambda y: y.ffill().bfill())
        train["y"] = train["y"].fillna(0.0)
        given["weight_col"] = "weight"
    if intervals:
        given["prediction_intervals"] = PredictionIntervals(n_windows=settings.windows, h=h)
    forecaster = _forecaster(settings, h)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        forecaster.fit(train, **given)
        level = [80, 95] if intervals else None
        told = forecaster.predict(h, X_df=future, level=level)
    mean = in_shape(window, told, "lightgbm")
    if not intervals:
        return Answer(mean, dict.fromkeys(QUANTILES, mean))
    columns = {
        "p025": "lightgbm-lo-95", "p10": "lightgbm-lo-80", "p50": "lightgbm",
        "p90": "lightgbm-hi-80", "p975": "lightgbm-hi-95",
    }  # fmt: skip
    return Answer(mean, {key: in_shape(window, told, name) for key, name in columns.items()})


def _forecaster(settings: Settings, h: int) -> MLForecast:
    model = lightgbm.LGBMRegressor(
        **({"verbose": -1, "n_jobs": 1, "random_state": 0} | settings.model)
    )
    transforms: list[Any] = [GlobalSklearnTransformer(FunctionTransformer(np.log1p, np.expm1))]
    if settings.scaled:
        transforms.append(LocalStandardScaler())
    lags: dict[str, Any] = {}
    if settings.lags == "beyond":
        lags = {
            "lags": [h, h + 7, h + 14, 364],
            "lag_transforms": {h: [RollingMean(28), RollingMean(91)]},
        }
    elif settings.lags == "recursive":
        lags = {
            "lags": [1, 7, 14, 28],
            "lag_transforms": {1: [RollingMean(7), RollingMean(28)], 7: [RollingMean(28)]},
        }
    return MLForecast(
        {"lightgbm": model}, freq="D", date_features=["dayofweek", "day", "month", "dayofyear"],
        target_transforms=transforms, **lags,
    )  # fmt: skip


def _with_around(train: pd.DataFrame, future: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The plan of days around each day; beyond the plan's end nothing is known."""
    known = len(train) // train["unique_id"].nunique()
    whole = pd.concat([train, future]).sort_values(["unique_id", "ds"], kind="stable")
    plan = [name for name in whole if str(name).startswith("p")]
    shops = whole.groupby("unique_id", sort=False)[plan]
    for step in AROUND:
        near = shops.shift(-step)
        whole[[f"{name}_{'before' if step < 0 else 'after'}{abs(step)}" for name in plan]] = near
    past = whole.groupby("unique_id").cumcount() < known
    return whole[past].reset_index(drop=True), whole[~past].drop(columns="y").reset_index(drop=True)
