"""From a fitted mix model to what its drivers bring to the series of a forecast."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.errors import MediaError
from forecasting.grid import Floats, Grid
from forecasting.media import Media
from forecasting.mix_weeks import DAYS, WEEK, weeks_of
from models.mix.attribution import drawn_shares
from models.mix.frames import next_date
from models.mix.panel import MixInputs, Panel
from models.mix.planning.horizon import read_horizon
from models.mix.result import Estimate, MixResult

#: Kinds of driver that are taken out of history and added by plan. Prices and controls stay in
#: history: they count against their median there, and the race has them as plan columns.
TAKEN = ("media", "organic", "promotion", "publicity", "seller", "agency")
#: Of what was sold on a date, drivers take at most this share: what is left must have a logarithm.
MOST_TAKEN = 0.9
_GRAINS = {"D": "day", "W": "week", "M": "month"}


def media_of(result: MixResult, plan: MixInputs, grid: Grid, cells: npt.NDArray[np.int64]) -> Media:
    """What the drivers of a mix result bring to the series of a grid.

    History: a date's contribution is split between the series of a territory (or product) by what
    each sold on that date, so each gives up the same share of its sales, at most nine tenths.
    Horizon: the mix's own prediction of the plan, split by what each sold in its last year. Draws:
    where drivers brought more in history, the forecast without them starts lower by the mean of
    that; the draws of the horizon are counted against it. A mix by the week and a history by the
    day: `forecasting.mix_weeks`.

    Args:
        result: fitted on the grid's history, or on the first part of it.
        plan: drivers and controls of every date after the mix's window up to the horizon's end.
        grid: history and horizon, in the mix's grain, or by the day where that is the week.
        cells: (S,) number of the mix's series that each series of the grid is part of.

    Raises:
        MediaError: the mix is of another grain, or knows sales after the history's end.
        ModelInputError: the plan lacks drivers or dates of the mix.
    """
    estimate = result.estimate
    panel = estimate.panel
    daily, weeks = grid, None
    if panel.grain == "week" and grid.freq == "D":
        weeks = weeks_of(grid, panel.dates[0], cells, len(panel.territories))
        grid = weeks.grid
    refuse_unfit(panel, grid, daily.dates[daily.known - 1])
    drivers, history, drift = _credited(estimate)
    future, swings, notes = _predicted(estimate, plan, drivers, drift)
    follows = next_date(panel.dates[-1], panel.grain)
    later = np.flatnonzero(grid.dates >= follows)
    if not len(later) or grid.dates[later[0]] != follows or future.shape[2] != len(later):
        last = grid.dates[-1].date()
        raise MediaError(
            f"The plan of the mix's drivers has {future.shape[2]} dates from {follows.date()} on, "
            f"the forecast needs {len(later)} up to {last}: give the drivers on each of its dates, "
            "zero where nothing will run."
        )
    whole = np.full((len(panel.territories), len(grid.dates)), np.nan)
    inside = grid.dates.get_indexer(panel.dates)
    whole[:, inside[inside >= 0]] = history[:, inside >= 0]
    whole[:, later] = future.sum(axis=0)
    sold = np.zeros((len(panel.territories), grid.known))
    np.add.at(sold, cells, np.nan_to_num(grid.y))
    outcome = _outcome(panel, grid, sold, inside)
    taken, told = _fractions(whole[:, : grid.known], outcome, grid)
    share = _share(grid, sold, outcome, cells)
    if weeks is not None:
        # Dates of the prediction begin with the week after the window.
        at = weeks.ahead - later[0]
        ahead = (future[:, :, at] * weeks.pace)[:, cells] * share[None, :, None]
        swings = (swings[:, :, at] * weeks.pace).astype(np.float32)
        return Media(
            drivers, daily.y * taken[cells][:, weeks.past], ahead, swings, cells, share,
            (*notes, *told), weeks.ahead, weeks.pace,
        )  # fmt: skip
    ahead = future[:, :, -grid.ahead :][:, cells] * share[None, :, None]
    return Media(
        drivers=drivers,
        past=grid.y * taken[cells],
        ahead=ahead,
        swings=swings[:, :, -grid.ahead :],
        cells=cells,
        share=share,
        notes=(*notes, *told),
    )


def refuse_unfit(panel: Panel, grid: Grid, end: pd.Timestamp) -> None:
    """Refuse a mix that does not go with a history that ends on `end`."""
    grain = _GRAINS.get(grid.freq[0], "fiscal period")
    if grain != panel.grain:
        raise MediaError(
            f"The mix model is by the {panel.grain}, the history by the {grain}: sum the history "
            f"to the mix's grain, or fit the mix by the {grain}."
        )
    if panel.dates[-1] > grid.dates[grid.known - 1] or _last_day(panel, grid) > end:
        raise MediaError(
            f"The mix model was fitted on sales up to {panel.dates[-1].date()}, after the "
            f"history's end ({end.date()}): it knows what is to be forecast. Fit it on the same "
            "history, or give the history up to then."
        )
    common = grid.dates[: grid.known].intersection(panel.dates)
    if not len(common):
        raise MediaError(
            f"No date of the mix model ({panel.dates[0].date()} to {panel.dates[-1].date()}) is "
            f"one of the history ({grid.dates[0].date()} to {end.date()}): date both the same way."
        )


def _last_day(panel: Panel, grid: Grid) -> pd.Timestamp:
    """The last day of the mix's window, as the history is dated."""
    of_week = pd.Timedelta(days=DAYS - 1) if grid.freq == WEEK else pd.Timedelta(0)
    return panel.dates[-1] + of_week


def _credited(estimate: Estimate) -> tuple[tuple[tuple[str, str], ...], Floats, Floats]:
    """Drivers that are taken out; their sum in the window (C, T); and by how much each draw of
    that differs from its mean, per date (R, C)."""
    found = [one for one in estimate.shares if one.kind in TAKEN]
    if not found:
        raise MediaError(
            f"The mix model credits no driver of the kinds {', '.join(TAKEN)}: there is nothing "
            "to take over from it. Forecast without --mix."
        )
    history = np.sum([one.mean for one in found], axis=0)
    draws = np.sum([one.by_series for one in found], axis=0)
    drift = (draws - history.sum(axis=1)) / history.shape[1]
    return tuple((one.kind, one.driver) for one in found), history, drift


def _predicted(
    estimate: Estimate, plan: MixInputs, drivers: tuple[tuple[str, str], ...], drift: Floats
) -> tuple[Floats, npt.NDArray[np.float32], tuple[str, ...]]:
    """Means (D, C, F) and swings (R, C, F) over the F dates after the window, as `mix.predict`."""
    horizon = read_horizon(estimate, plan)
    drawn = replace(estimate.drawn, states=horizon.states(estimate))
    shape = (len(horizon.panel.territories), len(horizon.panel.dates))
    means = np.zeros((len(drivers), *shape))
    swings = np.zeros((len(drawn.theta), *shape), dtype=np.float32)
    place = {key: at for at, key in enumerate(drivers)}
    for one, cells in drawn_shares(horizon.posterior, drawn):
        at = place.get((one.kind, one.driver))
        if at is not None:
            means[at] = one.mean
            swings += cells
    swings -= (means.sum(axis=0) + drift[:, :, None]).astype(np.float32)
    return means, swings, horizon.notes


def _outcome(panel: Panel, grid: Grid, sold: Floats, inside: npt.NDArray[np.intp]) -> Floats:
    """(C, T) outcome of the mix by date of the grid; after its window what the series sold, in the
    outcome's unit by the ratio of the window's last year."""
    out = np.full(sold.shape, np.nan)
    out[:, inside[inside >= 0]] = panel.outcome[:, inside >= 0]
    there = np.flatnonzero(np.isfinite(out[0]))
    last = there[-_year(grid) :]
    base = sold[:, last].sum(axis=1)
    ratio = out[:, last].sum(axis=1) / np.where(base > 0, base, np.nan)
    after = np.arange(sold.shape[1]) > there[-1]
    out[:, after] = np.nan_to_num(ratio)[:, None] * sold[:, after]
    return out


def _fractions(brought: Floats, outcome: Floats, grid: Grid) -> tuple[Floats, tuple[str, ...]]:
    """(C, T) of what was sold, the part that drivers brought; and what has to be told of it."""
    notes: list[str] = []
    known = np.isfinite(outcome)
    there = known & (outcome > 0)
    part = np.where(there, brought / np.where(there, outcome, 1.0), 0.0)
    over = part > MOST_TAKEN
    if over.any():
        kept = np.maximum(brought - MOST_TAKEN * outcome, 0.0)[over].sum() / brought[there].sum()
        notes.append(
            f"on {int(over.sum())} of {int(there.sum())} dates the mix credits drivers with more "
            f"than {MOST_TAKEN:.0%} of what was sold: {MOST_TAKEN:.0%} is taken out there "
            f"({kept:.1%} of what they brought stays in the forecast without them)"
        )
    part = np.clip(part, 1 - 1 / (1 - MOST_TAKEN), MOST_TAKEN)
    if not known[0].all():
        first = grid.dates[int(known[0].argmax())].date()
        notes.append(
            f"history before {first}, where the mix's window begins, is not used: what drivers "
            "brought there is not known"
        )
    return np.where(known, part, np.nan), tuple(notes)


def _share(grid: Grid, sold: Floats, outcome: Floats, cells: npt.NDArray[np.int64]) -> Floats:
    """(S,) units of a series per unit of its cell's outcome, by the last year."""
    recent = grid.y[:, -_year(grid) :]
    count = np.isfinite(recent).sum(axis=1)
    weight = np.maximum(np.nan_to_num(recent).sum(axis=1), 0.0) / np.maximum(count, 1)
    whole = np.zeros(len(sold))
    np.add.at(whole, cells, weight)
    last = np.flatnonzero(np.isfinite(outcome[0]))[-_year(grid) :]
    worth = outcome[:, last].sum(axis=1)
    ratio = sold[:, last].sum(axis=1) / np.where(worth > 0, worth, np.nan)
    return np.asarray(np.nan_to_num(ratio)[cells] * weight / np.where(whole > 0, whole, 1.0)[cells])


def _year(grid: Grid) -> int:
    """Periods of a year, in whole weeks where there are any."""
    return 52 * grid.season if grid.season > 1 else grid.year
