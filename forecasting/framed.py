"""The forecast of a long frame: race, mix, intervals, sums, explanation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.calibrating import PATHS, QUANTILES, Calibration, calibrate, draw
from forecasting.candidates import Candidate
from forecasting.cleaning import named
from forecasting.correcting import mix_at
from forecasting.grid import Floats, Grid
from forecasting.hierarchy import Levels, Way, groups_of, levels_of, reconcile
from forecasting.longframe import LaidOut
from forecasting.media import Media, explained_with
from forecasting.periods import Span
from forecasting.race import Progress, Race, Told, cuts_before
from forecasting.steps import steps_table
from forecasting.totals import Sums, about, totals_table
from forecasting.weighing import weights_at

BLOCK = 200
TOTAL = ("total", "")


@dataclass(frozen=True)
class FrameForecast:
    """`forecast`: series columns, ds, mean, quantiles, model. `totals`: sums with intervals of
    their own. `explain`: parts of each mean. `steps`: the numbers before it (`forecasting.steps`).
    `facts`: weights, origins, notes."""

    forecast: pd.DataFrame
    totals: pd.DataFrame
    explain: pd.DataFrame
    steps: pd.DataFrame
    facts: dict[str, Any]


@dataclass(frozen=True)
class At:
    """A forecast at one origin, in arrays. `mix`: of candidates, before it is corrected; `alone`:
    before levels agree; `base`: before what a mix result adds, as raced. `correction`: (S,)."""

    cut: int
    mix: Floats
    alone: Floats
    base: Floats
    mean: Floats
    models: list[str]
    quantiles: dict[str, Floats]
    sums: dict[tuple[str, str], Floats]
    horizon: Floats
    series_horizon: Floats
    series_spans: dict[Span, Floats]
    told: Told
    weights: dict[str, dict[str, float]]
    correction: Floats
    calibration: Calibration
    reconciliation: dict[str, Any]


def forecast_frame(
    laid: LaidOut,
    *,
    seed: int = 0,
    country: str | None = None,
    candidates: Sequence[Candidate] | None = None,
    progress: Progress | None = None,
    media: Media | None = None,
    sums: Sums | None = None,
) -> FrameForecast:
    """Forecast every series of a frame for its horizon.

    The same frame and seed give the same tables. Method: docs/reference/forecast.md.

    Args:
        media: what a mix result says of the frame: taken out of history before the race, added to
            the forecast after it.
        sums: levels, fiscal periods, and how levels are made to agree.
    """
    whole = laid
    if media is not None:
        laid = replace(laid, grid=media.without(laid.grid), notes=(*laid.notes, *media.notes))
    sums = sums or Sums()
    race = race_of(laid.grid, seed, country, candidates, progress)
    groups = groups_of(laid.keys, sums.levels)
    levels = levels_of(groups, len(laid.keys))
    at = forecast_at(race, 0, groups, levels, sums.way, sums.spans(laid), media)
    return FrameForecast(
        forecast=forecast_table(laid, at),
        # What a period had already is what was sold, media and all.
        totals=totals_table(whole, at, sums),
        explain=explain_table(laid, race, at, media),
        steps=steps_table(laid.keys, race, at, media),
        facts=facts_of(laid, race, at, media),
    )


def facts_of(laid: LaidOut, race: Race, at: At, media: Media | None) -> dict[str, Any]:
    """What a reader is told beside the tables: weights, origins, kinds, what was assumed."""
    earlier = cuts_before(laid.grid, 0)
    return {
        "freq": laid.grid.freq,
        "series": len(laid.grid.ids),
        "horizon": laid.grid.ahead,
        "seed": race.seed,
        "paths": PATHS,
        "origins": [str(laid.grid.dates[laid.grid.known - 1 - c].date()) for c in earlier],
        "weights": at.weights,
        "kinds": {k: int((at.told.kinds == k).sum()) for k in sorted(set(at.told.kinds))},
        "error_shares": vars(at.calibration.shares),
        "media": [] if media is None else list(media.labels),
        "reconciliation": at.reconciliation,
        "signs": {c.name: "+" if c.sign > 0 else "-" for c in laid.grid.columns if c.sign},
        "assumed": [vars(one) for one in laid.assumed],
        "found": named(race.window(0).cleaned, laid.grid),
        "notes": list(laid.notes),
    }


def race_of(
    grid: Grid,
    seed: int,
    country: str | None,
    candidates: Sequence[Candidate] | None,
    progress: Progress | None,
) -> Race:
    """The race of a grid; `candidates` None: everybody."""
    if candidates is None:
        return Race(grid, seed, country, progress=progress)
    return Race(grid, seed, country, candidates, progress)


def forecast_at(  # noqa: PLR0917
    race: Race,
    cut: int,
    groups: dict[tuple[str, str], npt.NDArray[np.intp]],
    hierarchy: Levels | None = None,
    way: Way | None = None,
    spans: Sequence[Span] = (),
    media: Media | None = None,
    numbers: npt.NDArray[np.intp] | None = None,
) -> At:
    """The mix at an origin, weighed and calibrated by earlier origins.

    Args:
        groups: (level, key) -> rows to sum; the total always is.
        hierarchy: sums that are forecast themselves, and made to agree with the series `way`.
        spans: of the horizon, that each series is summed over.
        media: what is added to a race of history without it.
        numbers: (S,) the series' numbers in the frame that this one is a part of.
    """
    weights, cuts = weights_at(race, cut)
    told = race.at(cut, whole=True)
    mix = mix_at(race, told, weights, cuts)
    models = mix.models
    # Cents once, here: every sum below is a sum of these.
    alone = base = np.round(mix.mean, 2)
    reconciliation: dict[str, Any] = {"method": "bottom_up"}
    if hierarchy is not None:
        agreed = reconcile(race, cut, weights, mix.mean, told, hierarchy, way)
        base, reconciliation = agreed.mean, agreed.facts
        if agreed.method != "bottom_up":
            models = [m if m == "zero" else f"{m}, {agreed.method}" for m in models]
    mean = base if media is None else np.round(media.on(base, told.shut), 2)
    calibration = calibrate(race, cuts, weights, told)
    S, H = mean.shape
    found = {name: np.empty((S, H)) for name in QUANTILES}
    sums = {label: np.zeros((PATHS, H)) for label in {TOTAL: (), **groups}}
    wanted = {span: np.empty((S, len(QUANTILES))) for span in [*spans, (0, H - 1)]}
    member = {label: set(map(int, rows)) for label, rows in groups.items() if label != TOTAL}
    levels = list(QUANTILES.values())
    for rows in race.grid.blocks(BLOCK):
        paths = draw(base, told, calibration, rows, race.seed, numbers)
        if media is not None:
            paths = media.on_paths(paths, rows, told.shut, race.seed)
        cells = np.quantile(paths, levels, axis=1)
        for number, name in enumerate(QUANTILES):
            found[name][rows] = cells[number]
        for (first, last), bounds in wanted.items():
            whole = paths[:, :, first : last + 1].sum(axis=2, dtype=np.float64)
            centre = mean[rows, first : last + 1].sum(axis=1)
            bounds[rows] = about(np.quantile(whole, levels, axis=1), whole.mean(axis=1), centre).T
        sums[TOTAL] += paths.sum(axis=0, dtype=np.float64)
        for label, own in member.items():
            here = [place for place, row in enumerate(rows) if int(row) in own]
            if here:
                sums[label] += paths[here].sum(axis=0, dtype=np.float64)
    total = sums[TOTAL].sum(axis=1)
    grand = about(np.quantile(total, levels), total.mean(), mean.sum())
    return At(
        cut, np.round(mix.alone, 2), alone, base, mean, models, found, sums, grand,
        wanted[0, H - 1], wanted, told, weights, mix.correction, calibration, reconciliation,
    )  # fmt: skip


def forecast_table(laid: LaidOut, at: At) -> pd.DataFrame:
    """Series columns, ds, mean, quantiles, model: one row a series and period ahead."""
    S, H = at.mean.shape
    frame = _keys(laid, H)
    frame["ds"] = np.tile(laid.grid.dates[laid.grid.known :].to_numpy(), S)
    frame["mean"] = at.mean.ravel()
    for name in QUANTILES:
        frame[name] = np.round(at.quantiles[name], 2).ravel()
    frame["model"] = np.repeat(np.array(at.models, dtype=object), H)
    return frame


def _keys(laid: LaidOut, times: int) -> pd.DataFrame:
    return laid.keys.loc[laid.keys.index.repeat(times)].reset_index(drop=True)


def explain_table(laid: LaidOut, race: Race, at: At, media: Media | None) -> pd.DataFrame:
    """Series columns, ds, part, value; the parts of a series and period sum to its mean."""
    parts = explained_with(media, race.window(0), at.base, at.mean, at.told.shut, at.alone - at.mix)
    names = {f"plan:{i}": f"plan:{c.name}" for i, c in enumerate(laid.grid.columns)}
    parts["part"] = parts["part"].map(lambda part: names.get(part, part))
    keys = laid.keys.loc[parts["row"].astype(int)].reset_index(drop=True)
    return pd.concat([keys, parts[["ds", "part", "value"]].reset_index(drop=True)], axis=1)
