"""The past forecast from before it: scores by model, and what each step to the forecast added."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecasting.candidates import Candidate
from forecasting.errors import HorizonError
from forecasting.framed import At, forecast_at, race_of
from forecasting.grid import Bools, Floats, Grid
from forecasting.hierarchy import Levels, groups_of, levels_of
from forecasting.longframe import LaidOut
from forecasting.media import Media
from forecasting.race import NAIVE, Progress, Race
from forecasting.scoring import coverage, mase, naive_scale, quantile_loss
from forecasting.totals import Sums
from forecasting.weighing import alone_at, mixed

#: Steps of a forecast, each on top of the one before; `reconciled` and `with_media` where asked.
STEPS = (NAIVE, "best_single", "mix", "corrected", "reconciled", "with_media")
#: An origin (periods before the end) -> the frame as it was known there without the columns of a
#: mix result, and what that result says of it.
MediaAt = Callable[[int], tuple[LaidOut, Media]]


def cuts_judged(grid: Grid, origins: int) -> list[int]:
    """Past origins, one horizon apart, as periods before the end of history; the newest first.

    Raises:
        HorizonError: history is too short for one.
    """
    least = max(2 * grid.season, 8)
    cuts = [grid.ahead * (k + 1) for k in range(origins)]
    cuts = [cut for cut in cuts if grid.known - cut >= least]
    if not cuts:
        raise HorizonError(
            f"A backtest of {grid.ahead} periods needs at least {grid.ahead + least} periods of "
            f"history; there are {grid.known}. Give a shorter horizon."
        )
    return cuts


def backtest_frame(
    laid: LaidOut,
    *,
    origins: int = 4,
    seed: int = 0,
    country: str | None = None,
    candidates: Sequence[Candidate] | None = None,
    progress: Progress | None = None,
    sums: Sums | None = None,
    media: MediaAt | None = None,
    cuts: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Scores of every step and of every candidate at past origins, one horizon apart.

    At each origin, candidates are weighed and intervals set by origins before it alone.

    Args:
        sums: levels and how they are made to agree: the step `reconciled`. None: it is not asked.
        media: the step `with_media`; its forecast is a race of its own at each origin.
        cuts: origins to judge (`cuts_judged`); None: the last `origins`.

    Raises:
        HorizonError: history is too short for one origin.
    """
    cuts = cuts_judged(laid.grid, origins) if cuts is None else cuts
    race = race_of(laid.grid, seed, country, candidates, progress)
    hierarchy: Levels | None = None
    if sums is not None:
        hierarchy = levels_of(groups_of(laid.keys, sums.levels), len(laid.keys))
    way = None if sums is None else sums.way
    rows: list[dict[str, Any]] = []
    for cut in cuts:
        at = forecast_at(race, cut, {}, hierarchy, way)
        own = None
        if media is not None:
            known, brought = media(cut)
            beside = race_of(brought.without(known.grid), seed, country, candidates, progress)
            own = forecast_at(beside, 0, {}, hierarchy, way, media=brought)
        rows += scores_at(race, at, own, reconciled=hierarchy is not None)
    return pd.DataFrame(rows).astype({"step": "Int64"})


@dataclass(frozen=True)
class _Judged:
    """What came after an origin (S, H), where it was observed, and what errors are scaled by."""

    actual: Floats
    seen: Bools
    scale: Floats
    naive: Floats


def scores_at(
    race: Race, at: At, own: At | None = None, *, reconciled: bool = False
) -> list[dict[str, Any]]:
    """One row a model at one origin, steps first; errors over observed periods.

    wape, bias (sum F - A over sum A), mase (scaled by the in-sample seasonal naive), wape_total (of
    the chain by period), fva (share of the naive's WAPE saved); of a step also its number, and
    what it added: WAPE of the step before less its own, where both tell. The last step has the
    intervals of the forecast: wql (weighted quantile loss over 5 quantiles), coverage on open
    periods.

    Args:
        own: the forecast with media of the same origin.
    """
    cut = at.cut
    actual = race.actual(cut)
    told = at.told.forecasts
    scale = naive_scale(race.grid.at(cut).y, race.grid.naive_season)
    judged = _Judged(actual, np.isfinite(actual), scale, told[NAIVE])
    single = alone_at(race, cut, at.weights)
    steps = {
        NAIVE: told[NAIVE], "best_single": mixed(at.told, single)[0], "mix": at.mix,
        "corrected": at.alone,
    }  # fmt: skip
    if reconciled:
        steps["reconciled"] = at.mean
    if own is not None:
        steps["with_media"] = own.mean
    origin = race.grid.dates[race.grid.known - cut - 1].date()
    base: dict[str, Any] = {"origin": origin, "horizon": race.grid.ahead}
    last = list(steps)[-1]
    rows: list[dict[str, Any]] = []
    before: Floats | None = None
    for name, forecast in (steps | {n: f for n, f in told.items() if n != NAIVE}).items():
        use = judged.seen & np.isfinite(forecast)
        if not use.any():
            continue
        row = base | _scores(judged, name, forecast, use)
        if name in steps:
            row["step"] = list(steps).index(name) + 1
            if before is not None:
                both = use & np.isfinite(before)
                row["added"] = _wape(actual, before, both) - _wape(actual, forecast, both)
            before = forecast
        if name == "best_single":
            row["made_of"] = ", ".join(
                f"{kind}: {one}" for kind, shares in single.items() for one in shares
            )
        if name == last:
            row |= _intervals(judged, own or at)
        rows.append(row)
    return rows


def _scores(judged: _Judged, name: str, forecast: Floats, use: Bools) -> dict[str, Any]:
    actual = judged.actual
    wape, against = _wape(actual, forecast, use), _wape(actual, judged.naive, use)
    sold = float(actual[use].sum())
    gap = np.where(use, forecast - actual, 0.0)
    return {
        "model": name,
        "step": None,
        "added": np.nan,
        "series": int(use.any(axis=1).sum()),
        "wape": wape,
        "fva": 1 - wape / against if against else np.nan,
        "bias": float(gap.sum()) / sold if sold else np.nan,
        "wape_total": float(np.abs(gap.sum(axis=0)).sum()) / sold if sold > 0 else np.nan,
        "mase": mase(actual, forecast, use, judged.scale),
        **dict.fromkeys(
            ("wql", "coverage_80", "coverage_95", "total_in_80", "total_in_95"), np.nan
        ),
        "made_of": "",
    }


def _intervals(judged: _Judged, at: At) -> dict[str, float]:
    actual, seen, q = judged.actual, judged.seen, at.quantiles
    open_seen = seen & ~at.told.shut
    size = float(np.abs(actual[seen]).sum())
    out = {
        "wql": float(quantile_loss(actual, q)[seen].sum()) / size if size else np.nan,
        "coverage_80": coverage(actual, q["p10"], q["p90"], open_seen),
        "coverage_95": coverage(actual, q["p025"], q["p975"], open_seen),
    }
    if seen.all():
        total = actual.sum()
        least, low, _, high, most = at.horizon
        out["total_in_80"] = float(low <= total <= high)
        out["total_in_95"] = float(least <= total <= most)
    return out


def _wape(actual: Floats, forecast: Floats, use: Bools) -> float:
    size = float(np.abs(actual[use]).sum())
    return float(np.abs(actual - forecast)[use].sum() / size) if size else np.nan
