"""The volume forecast of one release: the race on its ledger, with the mix's media in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.calibrating import PATHS, Calibration, calibrate, draw
from forecasting.candidates.boosting import Trees
from forecasting.candidates.lagged import LAGGED
from forecasting.candidates.regression import LEAST, smearing
from forecasting.checks import Check, check_frame
from forecasting.correcting import mix_at
from forecasting.grid import Floats, Grid
from forecasting.inputs import ForecastInputs, ForecastResult, cleaned
from forecasting.laying import grid_of
from forecasting.media import Media, explained_with
from forecasting.net_price import NetPrice, net_price
from forecasting.plan import Driver, exposures
from forecasting.proof import record_checks, table_checks
from forecasting.public_holidays import holiday_dates
from forecasting.race import Race, Told, field_of_candidates
from forecasting.record import Record, past_of, record_of
from forecasting.revenue import (
    past_revenue_checks,
    price_checks,
    tables_of,
    takings_of,
    units_told,
    with_revenue,
)
from forecasting.series import KEYS, Calendar, Sold, calendar, measure_of, sold_of
from forecasting.signals import course_signals
from forecasting.steps import release_steps
from forecasting.weighing import weights_at

if TYPE_CHECKING:
    from models.mix.result import MixResult

Progress = Callable[[str], None]
BLOCK = 200
#: A release has fewer series than a chain's history in a CSV: fewer trees tell as much of them.
TREES = Trees(trees=120, rate=0.12)
LAGGED_TREES = replace(LAGGED, trees=60, rate=0.2, leaves=31)


@dataclass(frozen=True)
class _Made:
    """The forecast in arrays: `base` before what the mix result adds, `earlier` what of it is a
    correction for errors at earlier origins, `mean` in cents."""

    race: Race
    told: Told
    weights: dict[str, dict[str, float]]
    cuts: list[int]
    base: Floats
    earlier: Floats
    mean: Floats
    models: list[str]
    calibration: Calibration
    media: Media | None

    def paths(self) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]]:
        """Sample paths (rows, P, H) of all series, by blocks of them."""
        for rows in self.race.grid.blocks(BLOCK):
            paths = draw(self.base, self.told, self.calibration, rows, self.race.seed)
            if self.media is not None:
                paths = self.media.on_paths(paths, rows, self.told.shut, self.race.seed)
            yield rows, paths


def forecast(
    inputs: ForecastInputs,
    horizon_weeks: int = 13,
    seed: int = 0,
    progress: Progress | None = None,
    mix: MixResult | None = None,
) -> ForecastResult:
    """Forecast volume and net revenue by territory x product x sales channel, and their sums, with
    intervals.

    Volume is units (pieces) where every ledger row has them, and net revenue then is these at the
    net price of each series; else net revenue in the reporting currency is both. Per day or week
    for `horizon_weeks` 7-day blocks after `inputs.last_day`. The same inputs and seed give the same
    frames.

    Args:
        progress: told in words what is being done.
        mix: fitted on the same release: what its drivers brought is taken out of history, and what
            it predicts of the plan is added. None: drivers are columns of the race.

    Raises a `ForecastError` (a ValueError) for input outside its contract. Method and sources:
    docs/reference/forecast.md.
    """
    given = cleaned(inputs, horizon_weeks)
    laid = calendar(given, int(horizon_weeks))
    measure = measure_of(given.ledger)
    sold = sold_of(given, laid)
    places = sorted(set(sold.keys["territory_id"]))
    known = places if mix is None else sorted({*places, *mix.estimate.panel.territories})
    drivers = exposures(given, laid, known)
    holidays, checks = holiday_dates(given, laid, places)
    checks += drivers.checks
    media: Media | None = None
    credited: frozenset[Driver] = frozenset()
    if mix is not None:
        # The mix's modules compile: only who needs them waits.
        parts = import_module("forecasting.mix_release")
        media, credited, check = parts.media_of_release(
            mix, inputs, sold, drivers, grid_of(sold, laid, drivers, {})
        )
        checks.append(check)
    grid = grid_of(sold, laid, drivers, holidays, credited)
    made = _make(grid if media is None else media.without(grid), int(seed), progress, media)

    added = np.zeros(grid.y.shape) if media is None else media.past
    past = past_of(made.race, made.cuts, added)
    record = None if past is None else record_of(past, laid.per_week)
    takings = takings_of(given, laid, sold, drivers) if measure == "units" else None
    price, money = None, None
    if takings is not None:
        money = takings.revenue
        told = units_told(made.race, made.cuts, made.weights, added)
        price = net_price(takings, told, grid.ahead)
        checks += price_checks(price, sold.names)
        checks += past_revenue_checks(past, takings, made.race, made.cuts, added)
    volume, revenue = tables_of(sold.keys, made.mean, made.paths(), laid, price, made.race.seed)
    checks += _simple(sold, made)
    checks += _dirty(sold, made)
    checks += record_checks(record, credited=media is not None)
    checks += table_checks(volume)
    checks += table_checks(revenue, "revenue")
    return ForecastResult(
        volume=volume,
        revenue=revenue,
        components=_components(sold, made, price),
        fit=_fit(sold, made, added, laid),
        steps=release_steps(sold.keys, made.race, made.told, media, measure, money),
        checks=check_frame(checks),
        settings={
            "model": "race",
            "measure": measure,
            "currency": given.currency,
            "grain": laid.grain,
            "horizon_weeks": int(horizon_weeks),
            "first_forecast_day": laid.future[0].date().isoformat(),
            "seed": int(seed),
            "paths": PATHS,
            "candidates": [one.name for one in made.race.candidates],
            "plan_columns": [column.name for column in grid.columns],
            "price_follows_plan": price is not None and price.follows_plan,
            "plan_assumed": sorted(f"{kind}:{driver}" for kind, driver in drivers.assumed),
            "from_the_mix": [] if media is None else list(media.labels),
        },
        diagnostics=_diagnostics(sold, made, record, grid),
    )


def _make(grid: Grid, seed: int, progress: Progress | None, media: Media | None) -> _Made:
    field = field_of_candidates(TREES, LAGGED_TREES)
    race = Race(grid, seed, candidates=field, progress=progress)
    weights, cuts = weights_at(race, 0)
    told = race.at(0, whole=True)
    mixed = mix_at(race, told, weights, cuts)
    base = mixed.mean
    # Cents once, here: every sum is a sum of these.
    mean = np.round(base if media is None else media.on(base, told.shut), 2)
    calibration = calibrate(race, cuts, weights, told)
    return _Made(
        race, told, weights, cuts, mean if media is None else base, mixed.mean - mixed.alone, mean,
        mixed.models, calibration, media,
    )  # fmt: skip


def _simple(sold: Sold, made: _Made) -> Iterator[Check]:
    """A warning for each series too short, too rare or too dead for the race."""
    for row, name in enumerate(sold.names):
        model, kind = made.models[row], str(made.told.kinds[row])
        if model == "zero" or "history)" in model:
            seen = int(np.isfinite(sold.y[row]).sum())
            text = f"{name} is forecast by {model}, not by the race: {seen} periods since its " + (
                "first sale, none sold in the last year." if kind == "zero" else "first sale."
            )
            yield Check.warn("short_history", name, text, float(seen))


#: Said of what was found in history, by kind.
_FOUND = {
    "level_shift": "have a shift of level: history before it is brought to the level after it",
    "stock_out": "have periods that look like a stock-out: nothing is learned from them",
    "stopped": "have sold nothing for so long that they are forecast to sell nothing",
    "outlier": "have periods far from all that is usual: nothing is learned from them",
}


def _dirty(sold: Sold, made: _Made) -> Iterator[Check]:
    """A warning for each kind of dirt in history, with the series and days it was found at."""
    grid = made.race.grid
    found = made.race.window(0).cleaned.found
    for kind, text in _FOUND.items():
        those = [one for one in found if one.kind == kind]
        if those:
            series = list(dict.fromkeys(sold.names[one.row] for one in those))
            places = "; ".join(
                f"{sold.names[one.row]} from {grid.dates[one.first].date()}" for one in those[:5]
            )
            more = f" and {len(those) - 5} more" if len(those) > 5 else ""
            yield Check.warn(
                f"history_{kind}", "history", f"{len(series)} series {text} ({places}{more}).",
                float(len(those)),
            )  # fmt: skip


def _components(sold: Sold, made: _Made, price: NetPrice | None) -> pd.DataFrame:
    """Parts sum to the mean, of volume and of net revenue."""
    grid = made.race.grid
    parts = explained_with(
        made.media, made.race.window(0), made.base, made.mean, made.told.shut, made.earlier
    )
    parts = with_revenue(parts, made.mean, price, grid.dates[grid.known :])
    names = {f"plan:{number}": column.name for number, column in enumerate(grid.columns)}
    keys = sold.keys.loc[parts["row"].astype(int)].reset_index(drop=True)
    frame = keys.assign(
        date_day=parts["ds"].to_numpy(),
        component=parts["part"].map(lambda part: names.get(part, part)).to_numpy(),
        value=parts["value"].to_numpy(dtype=float),
        net_revenue=np.round(parts["net_revenue"].to_numpy(dtype=float), 6) + 0.0,
    )
    key = ["date_day", *KEYS, "component"]
    return frame[[*key, "value", "net_revenue"]].sort_values(key, ignore_index=True)


def _fit(sold: Sold, made: _Made, added: Floats, laid: Calendar) -> pd.DataFrame:
    """History: `fitted` is the regression with the level of its time, and what the mix credits;
    for a series too short for one, the mean."""
    window = made.race.window(0)
    grid, known = window.grid, window.grid.known
    course = course_signals(window.log_sales, window.design, grid, window.limits)
    # What was moved to the level of the end is told at the level it was sold at.
    log = course.fitted[:, :known] + course.around - window.cleaned.moved
    fitted = np.exp(np.minimum(log, 50.0)) * smearing(window)
    count = np.isfinite(grid.y).sum(axis=1)
    mean = np.nan_to_num(grid.y).sum(axis=1) / np.maximum(count, 1)
    short = np.isfinite(window.log_sales).sum(axis=1) < LEAST
    fitted = np.where(short[:, None], np.maximum(mean, 0.0)[:, None], fitted)
    fitted = np.where(window.closed[:, :known], 0.0, fitted)
    # Logs know no day without a sale: in sum the fit is what was sold.
    seen = np.isfinite(grid.y)
    whole = np.where(seen, fitted, 0.0).sum(axis=1) / np.maximum(count, 1)
    fitted *= (np.maximum(mean, 0.0) / np.where(whole > 0, whole, 1.0))[:, None]
    fitted += np.nan_to_num(added)
    row, at = np.nonzero(np.isfinite(sold.y))
    frame = sold.keys.loc[row].reset_index(drop=True)
    frame = frame.assign(
        date_day=laid.history[at],
        actual=np.round(sold.y[row, at], 6),
        fitted=np.round(np.maximum(fitted[row, at], 0.0), 6) + 0.0,
    )
    key = ["date_day", *KEYS]
    return frame[[*key, "actual", "fitted"]].sort_values(key, ignore_index=True)


def _diagnostics(sold: Sold, made: _Made, record: Record | None, grid: Grid) -> dict[str, Any]:
    def number(value: float) -> float | None:
        return round(value, 6) if np.isfinite(value) else None

    told = None
    if record is not None:
        told = {
            name: number(value) if isinstance(value, float) else value
            for name, value in asdict(record).items()
            if name not in ("first", "last")
        } | {"first": str(record.first.date()), "last": str(record.last.date())}
    return {
        "series": [
            {
                **{name: str(value) for name, value in zip(KEYS, key, strict=True)},
                "model": made.models[row],
                "kind": str(made.told.kinds[row]),
                "observations": int(np.isfinite(sold.y[row]).sum()),
            }
            for row, key in enumerate(sold.keys.itertuples(index=False))
        ],
        "weights": made.weights,
        "origins": [str(grid.dates[grid.known - 1 - cut].date()) for cut in made.cuts],
        "record": told,
        "error_shares": asdict(made.calibration.shares),
    }
