"""liftcast's own forecast of a window: everything it does, races at earlier origins included."""

from __future__ import annotations

from judging import Answer

from forecasting.calibrating import QUANTILES
from forecasting.framed import forecast_at
from forecasting.grid import Grid
from forecasting.race import Race


def answer(grid: Grid) -> Answer:
    at = forecast_at(Race(grid, seed=0), 0, {})
    quantiles = {name: at.quantiles[name] for name in QUANTILES}
    return Answer(at.mean, quantiles, at.horizon, {"weights": at.weights})
