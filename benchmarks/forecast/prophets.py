"""Prophet a shop, with the quantiles of its own samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from judging import Answer
from peers import frames
from prophet import Prophet

from forecasting.calibrating import QUANTILES
from forecasting.candidates import Window
from forecasting.grid import Floats
from forecasting.quiet import quiet_libraries


@dataclass(frozen=True)
class Settings:
    """`planned`: the plan as regressors. `opened`: closed days are not learned from, as Prophet's
    documentation has it for days that are not measured. `log`: of sales. `yearly`: Fourier terms of
    the year whatever the length of history. `country`: its holidays beside the plan's."""

    planned: bool = False
    opened: bool = False
    multiplicative: bool = False
    log: bool = False
    yearly: int | None = None
    country: str | None = None
    samples: int = 1000


def answer(window: Window, asked: dict[str, Any]) -> Answer:
    """Args: `asked`: fields of Settings."""
    settings = Settings(**asked)
    train, future = frames(window)
    shops = {str(name): frame for name, frame in train.groupby("unique_id")}
    ahead = {str(name): frame for name, frame in future.groupby("unique_id")}
    columns = [c for c in train.columns if c.startswith("p")] if settings.planned else []
    opened = f"p{len(window.grid.columns) - 1}"
    means: list[Floats] = []
    quantiles: list[Floats] = []
    with quiet_libraries():
        for name in window.grid.ids:
            known, then = shops[name], ahead[name]
            if settings.opened:
                known = known[(known[opened] > 0) & (known["y"] > 0)]
            if settings.log:
                known = known.assign(y=np.log1p(known["y"]))
            used = [c for c in columns if not settings.opened or known[c].nunique() > 1]
            model = Prophet(
                uncertainty_samples=settings.samples,
                seasonality_mode="multiplicative" if settings.multiplicative else "additive",
                yearly_seasonality=settings.yearly or "auto",
            )
            if settings.country:
                model.add_country_holidays(settings.country)
            for column in used:
                model.add_regressor(column)
            model.fit(known, seed=0)
            if settings.samples:
                # One set of draws tells the quantiles; `predict` would draw another for its own.
                drawn = model.predictive_samples(then)["yhat"]
                found = np.quantile(drawn, list(QUANTILES.values()), axis=1)
                model.uncertainty_samples = 0
            mean = model.predict(then)["yhat"].to_numpy(dtype=float)
            if not settings.samples:
                found = np.repeat(mean[None], len(QUANTILES), axis=0)
            means.append(np.expm1(mean) if settings.log else mean)
            quantiles.append(np.expm1(found) if settings.log else found)
            model.stan_backend.cleanup()
    by_level = np.stack(quantiles, axis=1)
    return Answer(np.array(means), dict(zip(QUANTILES, by_level, strict=True)))
