"""The volume forecast of one release: fit every series, draw them together, sum, and check."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecasting import curve as curve_settings
from forecasting.backtest import Origin, OriginScore, origins, score, width_of
from forecasting.checks import Check, check_frame
from forecasting.curve import Curve, fit_curve, quiet_libraries
from forecasting.fallback import fallback_reason, simple_curve
from forecasting.inputs import ForecastInputs, ForecastResult, cleaned
from forecasting.paths import BLOCK_WEEKS, PATHS, dependence, draw, stream
from forecasting.plan import Exposures, exposures
from forecasting.proof import backtest_checks, table_checks
from forecasting.public_holidays import holiday_dates
from forecasting.regressors import HALF_LIFE_DAYS, PRIOR_SCALE, regressors
from forecasting.series import Calendar, Series, build_series, calendar, measure_of
from forecasting.volume import volume_frame

Progress = Callable[[int, int, str], None]
NOW = Origin(cut=0, ahead=0)
# Prophet's optimiser is a process of its own, so two threads keep two cores busy; threads also
# work where the caller may not start worker processes.
WORKERS = 2


@dataclass(frozen=True)
class _Known:
    """All that is the same for every series."""

    laid: Calendar
    drivers: Exposures
    holidays: dict[str, pd.DataFrame]
    origins: tuple[Origin, ...]
    seed: int


@dataclass(frozen=True)
class _Fitted:
    now: Curve
    past: tuple[Curve | None, ...]
    reason: str | None


def forecast(
    inputs: ForecastInputs,
    horizon_weeks: int = 13,
    seed: int = 0,
    progress: Progress | None = None,
) -> ForecastResult:
    """Forecast volume by territory x product, with the known plan, and its sums with intervals.

    The measure is units (pieces) where every ledger row has them, else net revenue in the
    reporting currency; per day or week for `horizon_weeks` 7-day blocks after `inputs.last_day`.
    `progress(done, of, name)` is called in this thread after each series. The same inputs and seed
    give the same frames.

    Raises a `ForecastError` (a ValueError) for input outside its contract. Method and sources:
    docs/reference/forecast.md.
    """
    given = cleaned(inputs, horizon_weeks)
    laid = calendar(given, int(horizon_weeks))
    measure = measure_of(given.ledger)
    series = build_series(given, laid)
    territories = sorted({s.territory_id for s in series})
    drivers = exposures(given, laid, territories)
    dates, checks = holiday_dates(given, laid, territories)
    known = _Known(laid, drivers, dates, tuple(origins(laid)), int(seed))
    fitted = _fit_all(series, known, progress)

    scores = _scores(series, fitted, known)
    width = width_of(scores)
    curves = [f.now for f in fitted]
    shared = dependence(curves, len(laid.future), laid, known.seed)
    paths = draw(series, curves, laid, shared, seed=known.seed, width=width)
    volume = volume_frame(series, paths, laid, measure)

    checks += drivers.checks
    checks += _fallback_checks(series, fitted)
    checks += backtest_checks(scores, laid)
    checks += table_checks(volume)
    return ForecastResult(
        volume=volume,
        components=_components(series, curves, volume, laid),
        fit=_fit_frame(series, curves, laid),
        checks=check_frame(checks),
        settings=_settings(given, laid, measure, horizon_weeks, known),
        diagnostics=_diagnostics(series, fitted, scores, width, shared.correlation),
    )


def _fit_all(series: Sequence[Series], known: _Known, progress: Progress | None) -> list[_Fitted]:
    fitted = []
    with quiet_libraries(), ThreadPoolExecutor(WORKERS) as pool:
        # map keeps the order of the series, whichever finishes first.
        for done, one in enumerate(pool.map(lambda s: _fit_one(s, known), series), start=1):
            fitted.append(one)
            if progress is not None:
                progress(done, len(series), series[done - 1].name)
    return fitted


def _fit_one(one: Series, known: _Known) -> _Fitted:
    past = tuple(
        _curve_at(one, origin, known) if origin.known(one, known.laid) > 0 else None
        for origin in known.origins
    )
    return _Fitted(_curve_at(one, NOW, known), past, fallback_reason(one.y, known.laid))


def _curve_at(one: Series, origin: Origin, known: _Known) -> Curve:
    laid = known.laid
    end = len(laid.history) - origin.cut
    ahead = origin.ahead or len(laid.future)
    y = one.y[: end - one.start]
    if fallback_reason(y, laid) is not None:
        return simple_curve(y, ahead, laid)
    raw = known.drivers.window(one.territory_id, end, ahead)
    x = regressors(raw, known.drivers.drivers, one.start, end, laid.step_days)
    dates = laid.index[one.start : end + ahead]
    optimiser = stream(known.seed, one.territory_id, one.product_id, str(origin.cut))
    return fit_curve(
        y,
        dates,
        x,
        holiday_dates=known.holidays[one.territory_id],
        laid=laid,
        seed=int(optimiser.integers(1, 2**31 - 1)),
    )


def _scores(
    series: Sequence[Series], fitted: Sequence[_Fitted], known: _Known
) -> list[OriginScore]:
    """Oldest origin first, so that each is judged at a width learned before it."""
    scores: list[OriginScore] = []
    for number in reversed(range(len(known.origins))):
        on_sale, curves = [], []
        for one, fit in zip(series, fitted, strict=True):
            curve = fit.past[number]
            if curve is not None:
                on_sale.append(one)
                curves.append(curve)
        if on_sale:
            origin = known.origins[number]
            scores.append(
                score(origin, on_sale, curves, known.laid, earlier=scores, seed=known.seed)
            )
    return scores


def _fallback_checks(series: Sequence[Series], fitted: Sequence[_Fitted]) -> Iterator[Check]:
    for one, fit in zip(series, fitted, strict=True):
        if fit.reason is not None:
            text = f"{one.name} is forecast by {fit.now.model}, not by Prophet: {fit.reason}."
            yield Check.warn("short_history", one.name, text, float(len(one.y)))


def _components(
    series: Sequence[Series], curves: Sequence[Curve], volume: pd.DataFrame, laid: Calendar
) -> pd.DataFrame:
    """Parts sum to the mean; `floor` is what the floor at zero adds, where it adds anything."""
    native = volume[(volume["level"] == "series") & (volume["period"] == laid.grain)]
    means = {
        key: rows["mean"].to_numpy(dtype=float)
        for key, rows in native.groupby(["territory_id", "product_id"])
    }
    tables = []
    for one, curve in zip(series, curves, strict=True):
        parts = dict(curve.components)
        lifted = means[(one.territory_id, one.product_id)] - curve.expected
        if np.abs(lifted).max() > 0.0051:
            parts["floor"] = lifted
        for name, values in parts.items():
            tables.append(
                pd.DataFrame(
                    {
                        "date_day": laid.future,
                        "territory_id": one.territory_id,
                        "product_id": one.product_id,
                        "component": name,
                        # Adding 0.0 makes a negative zero a zero.
                        "value": np.round(values, 6) + 0.0,
                    }
                )
            )
    frame = pd.concat(tables, ignore_index=True)
    key = ["date_day", "territory_id", "product_id", "component"]
    return frame.sort_values(key, ignore_index=True)


def _fit_frame(series: Sequence[Series], curves: Sequence[Curve], laid: Calendar) -> pd.DataFrame:
    tables = [
        pd.DataFrame(
            {
                "date_day": laid.history[one.start :],
                "territory_id": one.territory_id,
                "product_id": one.product_id,
                "actual": np.round(one.y, 6),
                "fitted": np.round(np.maximum(curve.fitted, 0.0), 6) + 0.0,
            }
        )
        for one, curve in zip(series, curves, strict=True)
    ]
    frame = pd.concat(tables, ignore_index=True)
    return frame.sort_values(["date_day", "territory_id", "product_id"], ignore_index=True)


def _settings(
    given: ForecastInputs, laid: Calendar, measure: str, horizon_weeks: int, known: _Known
) -> dict[str, Any]:
    return {
        "model": "prophet",
        "measure": measure,
        "currency": given.currency,
        "grain": laid.grain,
        "horizon_weeks": int(horizon_weeks),
        "first_forecast_day": laid.future[0].date().isoformat(),
        "seed": known.seed,
        "paths": PATHS,
        "block_weeks": BLOCK_WEEKS,
        "half_life_days": HALF_LIFE_DAYS,
        "prior_scale": dict(PRIOR_SCALE),
        "holiday_prior_scale": curve_settings.HOLIDAY_SCALE,
        "season_prior_scale": curve_settings.SEASON_SCALE,
        "changepoint_prior_scale": curve_settings.CHANGEPOINT_SCALE,
        "sloping_trend": curve_settings.uses_slope(len(laid.history), laid),
        "yearly_season": curve_settings.uses_year(len(laid.history), laid),
        "drivers": [f"{kind}:{driver}" for kind, driver in known.drivers.drivers],
        "plan_assumed": sorted(f"{kind}:{driver}" for kind, driver in known.drivers.assumed),
    }


def _diagnostics(
    series: Sequence[Series],
    fitted: Sequence[_Fitted],
    scores: Sequence[OriginScore],
    width: float,
    correlation: float,
) -> dict[str, Any]:
    def number(value: float) -> float | None:
        return round(value, 6) if np.isfinite(value) else None

    return {
        "series": [
            {
                "territory_id": one.territory_id,
                "product_id": one.product_id,
                "model": fit.now.model,
                "observations": len(one.y),
                "reason": fit.reason,
            }
            for one, fit in zip(series, fitted, strict=True)
        ],
        "origins": [
            {
                "periods_before_end": s.origin.cut,
                "periods_ahead": s.origin.ahead,
                "series": s.series,
                "wape": number(s.wape),
                "naive_wape": number(s.naive_wape),
                "bias": number(s.bias),
                "inside_80": number(s.inside_80),
                "inside_95": number(s.inside_95),
            }
            for s in scores
        ],
        "interval_width": number(width),
        "residual_correlation": number(correlation),
    }
