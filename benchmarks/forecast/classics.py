"""statsforecast's models of a series each, with its own intervals (`level`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from judging import Answer
from peers import frames, in_shape
from statsforecast import StatsForecast
from statsforecast.models import AutoARIMA, AutoETS, SeasonalNaive

from forecasting.candidates import Window

MODELS = {
    "SeasonalNaive": SeasonalNaive(season_length=7),
    "AutoETS": AutoETS(season_length=7),
    "AutoARIMA": AutoARIMA(season_length=7),
}


def answer(window: Window, asked: dict[str, Any]) -> Answer:
    """A gap in a series is filled with days without sales, for these models count days.

    Args:
        asked: `name` of the model; `planned`: the plan as regressors.
    """
    name = asked["name"]
    train, future = frames(window, filled=True)
    if asked.get("planned"):
        given: dict[str, Any] = {"df": train, "X_df": future}
    else:
        given = {"df": train[["unique_id", "ds", "y"]]}
    forecaster = StatsForecast([MODELS[name]], freq="D", n_jobs=1)
    told = forecaster.forecast(h=window.grid.ahead, level=[80, 95], **given)
    columns = {
        "p025": f"{name}-lo-95", "p10": f"{name}-lo-80", "p50": name,
        "p90": f"{name}-hi-80", "p975": f"{name}-hi-95",
    }  # fmt: skip
    found = {key: in_shape(window, told, column) for key, column in columns.items()}
    assert all(np.isfinite(values).all() for values in found.values())
    return Answer(found["p50"], found)
