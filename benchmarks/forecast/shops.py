"""Rossmann's shops (public reference data) as grids, and their closures as planned."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from forecasting.grid import Floats, Grid
from forecasting.longframe import LaidOut, lay_out

#: Shops are drawn by this seed: the first hundred are judged, the others are for tuning.
SEED = 2015
PLAN = ["Promo", "SchoolHoliday", "StateHoliday", "Open"]
#: A longer closure inside history is a refurbishment.
LONGEST_CLOSURE = 6


def root() -> Path:
    return Path(os.environ.get("LIFTCAST_REFERENCE_DATA", "../shared/data"))


def table() -> pd.DataFrame:
    """All shop-days, sorted by shop and day."""
    days = pd.read_csv(
        root() / "retail/rossmann_train_odd_stores.csv.gz",
        dtype={"StateHoliday": str},
        parse_dates=["Date"],
    )
    return days.sort_values(["Store", "Date"], ignore_index=True)


def sample(days: pd.DataFrame, count: int, judged: bool = True) -> pd.DataFrame:
    """Days of some shops with a whole history and no long closure.

    Args:
        judged: of the hundred that are judged, else of those kept for tuning.
    """
    whole = days.groupby("Store")["Date"].transform("size") == days["Date"].nunique()
    kept = days[whole]
    shut = kept["Open"].eq(0)
    runs = shut.groupby([kept["Store"], (~shut).cumsum()]).sum().groupby("Store").max()
    shops = np.random.default_rng(SEED).permutation(runs.index[runs <= LONGEST_CLOSURE])
    picked = shops[:100][:count] if judged else shops[100:][:count]
    return kept[kept["Store"].isin(picked)]


def laid(days: pd.DataFrame, horizon: int) -> LaidOut:
    """The days as a grid, with the plan as it ran and none after the end."""
    return lay_out(
        days, None, series=["Store"], date="Date", target="Sales", horizon=horizon,
        gaps="unknown", plan_columns=PLAN,
    )  # fmt: skip


def laid_with_kinds(count: int, horizon: int) -> LaidOut:
    """Some shops kept for tuning, by type, assortment and shop."""
    stores = pd.read_csv(root() / "retail/rossmann_store.csv")
    stores = stores[["Store", "StoreType", "Assortment"]]
    days = sample(table(), count, judged=False).merge(stores, on="Store")
    return lay_out(
        days, None, series=["StoreType", "Assortment", "Store"], date="Date", target="Sales",
        horizon=horizon, gaps="unknown", plan_columns=PLAN,
    )  # fmt: skip


def planned_closures(grid: Grid, cut: int) -> Floats:
    """(C, S, T + H) the plan at an origin with closures as they could be planned there.

    Closed on the weekdays and kinds of holiday on which the shop was closed nine times of ten
    before the origin; on kinds of holiday that it has met less than three times (Christmas), where
    the chain was. Every other day of the horizon is open.
    """
    then = grid.at(cut)
    plan = then.plan.copy()
    opened, holiday = plan[PLAN.index("Open")], plan[PLAN.index("StateHoliday")]
    known = then.known
    weekday = np.broadcast_to(then.dates.dayofweek.to_numpy(), holiday.shape)
    past = opened[:, :known].copy()
    ahead = np.ones((len(then.ids), then.ahead))
    for kinds, values, from_chain in (
        (weekday, range(7), False),
        (holiday, np.unique(holiday[np.isfinite(holiday)])[1:], True),
    ):
        for value in values:
            met = np.where(kinds[:, :known] == value, past, np.nan)
            times = np.isfinite(met).sum(axis=1)
            share = np.nansum(met, axis=1) / np.maximum(times, 1)
            shut = (times >= 3) & (share <= 0.1)
            if from_chain and times.sum() >= 3 and np.nanmean(met) <= 0.1:
                shut |= times < 3
            ahead[shut[:, None] & (kinds[:, known:] == value)] = 0.0
    opened[:, known:] = ahead
    return plan
