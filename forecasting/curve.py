"""One series' forecast curve by Prophet, with what its intervals need.

Prophet finds the curve (maximum a posteriori); its own design matrix then gives the linearised
effect of an error in history on the forecast, from which `paths` draws parameter uncertainty.
"""

import importlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecasting.regressors import Regressors
from forecasting.series import Calendar, Floats

CHANGEPOINT_SCALE = 0.05
SEASON_SCALE = 1.0
HOLIDAY_SCALE = 0.2
YEARLY_ORDER = 6
# A year, and a quarter of it a second time.
YEARLY_NEEDS_DAYS = 455
# A slope read from less than a year and a half says more about the season than about growth.
TREND_NEEDS_DAYS = 547
# Share of the mean level below which the level no longer scales noise and effects.
LEAST_LEVEL = 0.05


@dataclass(frozen=True)
class Curve:
    """Fit and forecast of one series; n known periods, h ahead, in the measure's own unit.

    `expected` (h) before the floor at zero. `residual` (n) is relative to `level_known` (n), and
    noise ahead is relative to `level_ahead` (h). `refit` (h, n): change of the forecast for a unit
    of error in each known period. `slope_change`: mean absolute change of slope per period, and
    `change_rate` such changes per period. `components`: name -> (h), summing to `expected`.
    """

    model: str
    fitted: Floats
    expected: Floats
    residual: Floats
    level_known: Floats
    level_ahead: Floats
    refit: Floats
    slope_change: float
    change_rate: float
    components: Mapping[str, Floats]


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep Prophet's and cmdstanpy's per-fit chatter out of the caller's log."""
    names = ("prophet", "prophet.models", "prophet.plot", "cmdstanpy")
    loggers = [logging.getLogger(n) for n in names]
    before = [(lg, lg.level, lg.disabled) for lg in loggers]
    for lg in loggers:
        lg.disabled = True
    try:
        importlib.import_module("prophet")
        for lg in loggers:
            lg.disabled = True
        yield
    finally:
        for lg, level, disabled in before:
            lg.setLevel(level)
            lg.disabled = disabled


def uses_year(known_periods: int, laid: Calendar) -> bool:
    """A yearly season is fitted from 455 days (a year and a quarter) of history on."""
    return known_periods * laid.step_days >= YEARLY_NEEDS_DAYS


def uses_slope(known_periods: int, laid: Calendar) -> bool:
    """A piecewise linear trend is fitted from 547 days on, a constant level before."""
    return known_periods * laid.step_days >= TREND_NEEDS_DAYS


def fit_curve(
    y: Floats,
    dates: pd.DatetimeIndex,
    x: Regressors,
    *,
    holiday_dates: pd.DataFrame,
    laid: Calendar,
    seed: int,
) -> Curve:
    """Fit Prophet to the first len(y) of `dates` and forecast the rest.

    Multiplicative (season, holidays and effects are shares of the level) for a series that is
    never negative and mostly positive, else additive. Source of the model: Taylor and Letham
    (2018), Forecasting at scale, The American Statistician 72(1).
    """
    n = len(y)
    multiplicative = bool(y.min() >= 0 and (y > 0).mean() >= 0.5)
    growing = uses_slope(n, laid)
    model = importlib.import_module("prophet").Prophet(
        growth="linear" if growing else "flat",
        n_changepoints=min(25, n // 10) if growing else 0,
        changepoint_prior_scale=CHANGEPOINT_SCALE,
        yearly_seasonality=YEARLY_ORDER if uses_year(n, laid) else False,
        weekly_seasonality=3 if laid.grain == "day" else False,
        daily_seasonality=False,
        seasonality_mode="multiplicative" if multiplicative else "additive",
        seasonality_prior_scale=SEASON_SCALE,
        holidays=_seen(holiday_dates, dates[:n]),
        holidays_prior_scale=HOLIDAY_SCALE,
        uncertainty_samples=0,
    )
    frame = pd.DataFrame({"ds": dates})
    for column, scale in enumerate(x.prior_scale):
        # Numbered, because a driver's own name may be any text and Prophet reserves some.
        model.add_regressor(f"x{column}", prior_scale=float(scale), standardize=False)
        frame[f"x{column}"] = x.values[:, column]
    model.fit(frame.iloc[:n].assign(y=y), seed=seed)
    if model.stan_backend is not None:
        model.stan_backend.cleanup()
    return _curve(model, frame, y, x, multiplicative=multiplicative, growing=growing)


def _seen(holiday_dates: pd.DataFrame, known: pd.DatetimeIndex) -> pd.DataFrame | None:
    """Holidays that happened in history, under numbered names; others have no effect to learn."""
    names = sorted(holiday_dates.loc[holiday_dates["ds"].isin(known), "holiday"].unique())
    if not names:
        return None
    number = {name: f"h{i:03d}" for i, name in enumerate(names)}
    kept = holiday_dates[holiday_dates["holiday"].isin(names)]
    return kept.assign(holiday=kept["holiday"].map(number))


def _curve(
    model: Any,
    frame: pd.DataFrame,
    y: Floats,
    x: Regressors,
    *,
    multiplicative: bool,
    growing: bool,
) -> Curve:
    n = len(y)
    placed = model.setup_dataframe(frame.copy())
    features, scales, groups, _ = model.make_all_seasonality_features(placed)
    X = features.to_numpy(dtype=float)
    t = placed["t"].to_numpy(dtype=float)
    beta = np.asarray(model.params["beta"], dtype=float).ravel()
    A, slopes = _trend_design(model, t, growing)
    trend = A @ slopes
    effect = X @ beta
    curve = trend * (1 + effect) if multiplicative else trend + effect
    J = np.hstack([A * (1 + effect)[:, None], X * trend[:, None]] if multiplicative else [A, X])
    scale = float(model.y_scale)
    sigma = max(float(np.asarray(model.params["sigma_obs"]).ravel()[0]), 1e-6)
    changes = A.shape[1] - 2 if growing else 0
    prior = np.concatenate(
        [
            np.full(A.shape[1] - changes, 1 / 25),
            # Variance of the Laplace prior of a change of slope.
            np.full(changes, 1 / (2 * CHANGEPOINT_SCALE**2)),
            1 / np.square(np.asarray(scales, dtype=float)),
        ]
    )
    information = J[:n].T @ J[:n]
    solved = np.linalg.solve(information + sigma**2 * np.diag(prior), J[:n].T)
    freedom = min(float(np.trace(solved @ J[:n])), 0.9 * n)
    level = trend * scale if multiplicative else np.full(len(t), float(np.abs(y).mean()))
    level = np.maximum(level, LEAST_LEVEL * max(float(np.abs(y).mean()), 1e-9))
    fitted = curve[:n] * scale
    residual = (y - fitted) / level[:n] * np.sqrt(n / (n - freedom))
    step = float(np.diff(t[:n]).mean())
    deltas = np.abs(slopes[2:]) if changes else np.zeros(0)
    return Curve(
        model="prophet_multiplicative" if multiplicative else "prophet_additive",
        fitted=fitted,
        expected=curve[n:] * scale,
        residual=residual,
        level_known=level[:n],
        level_ahead=level[n:],
        refit=J[n:] @ solved,
        slope_change=float(deltas.mean()) * step * scale if changes else 0.0,
        change_rate=changes * step,
        components=_components(
            (X * beta)[n:],
            trend[n:] * scale,
            groups,
            x,
            beta=beta,
            unit=(trend[n:] if multiplicative else np.ones(len(t) - n)) * scale,
        ),
    )


def _trend_design(model: Any, t: Floats, growing: bool) -> tuple[Floats, Floats]:
    """Columns [1] or [t, 1, (t - s_j)+] and their coefficients: Prophet's piecewise trend."""
    intercept = float(np.asarray(model.params["m"]).ravel()[0])
    if not growing:
        return np.ones((len(t), 1)), np.array([intercept])
    slope = float(np.asarray(model.params["k"]).ravel()[0])
    deltas = np.asarray(model.params["delta"], dtype=float).ravel()
    at = np.asarray(model.changepoints_t, dtype=float)
    ramps = np.maximum(t[:, None] - at[None, :], 0)
    design = np.column_stack([t, np.ones(len(t)), ramps])
    return design, np.concatenate([[slope, intercept], deltas])


def _components(
    terms: Floats,
    trend: Floats,
    groups: pd.DataFrame,
    x: Regressors,
    *,
    beta: Floats,
    unit: Floats,
) -> dict[str, Floats]:
    """Parts of the forecast: regressors count from no exposure, so the trend is the level that
    would be sold without them."""

    def part(*names: str) -> Floats:
        columns = np.zeros(terms.shape[1], dtype=bool)
        for name in names:
            if name in groups:
                columns |= groups[name].to_numpy(dtype=bool)
        total: Floats = terms[:, columns].sum(axis=1) * unit
        return total

    parts = {"season": part("yearly", "weekly"), "holiday": part("holidays")}
    base = trend
    for column, (kind, driver) in enumerate(x.drivers):
        own = groups[f"x{column}"].to_numpy(dtype=bool)
        at_zero = float(beta[own][0]) * x.zero[column] * unit
        parts[f"{kind}:{driver}"] = part(f"x{column}") - at_zero
        base = base + at_zero
    return {"trend": base, **parts}
