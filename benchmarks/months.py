"""The forecast of months: simulated series, what then came is known.

    python benchmarks/months.py [--seeds 2] [--public]

Frames of 8 series with a yearly season of their own kind, a level that wanders and grows, and
scatter; six months ahead of 30, 42 and 54. Beside the forecast stands the same month of last year.
`--public`: 30 Rossmann shops and Robyn's one series of revenue, summed to calendar months, without
any plan.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from forecasting.framed import forecast_frame
from forecasting.longframe import lay_out

SERIES, AHEAD = 8, 6
KNOWN = (30, 42, 54)
#: Size of the season (log), scatter of a month, growth a month.
CASES = ((0.1, 0.1, 0.0), (0.4, 0.1, 0.005), (0.1, 0.03, 0.01), (0.4, 0.05, 0.0))


def sales(known: int, case: tuple[float, float, float], seed: int) -> pd.DataFrame:
    """Rows shop, day, units; the last AHEAD months came later."""
    season, scatter, growth = case
    rng = np.random.default_rng([seed, known, int(10 * season), int(100 * scatter)])
    days = pd.date_range("2019-01-01", periods=known + AHEAD, freq="MS")
    shape = rng.standard_normal(12)
    shape = (shape - shape.mean()) / shape.std()
    frames = []
    for number in range(SERIES):
        own = shape + 0.3 * rng.standard_normal(12)
        level = 5 + 0.3 * number + growth * np.arange(len(days))
        level = level + 0.02 * rng.standard_normal(len(days)).cumsum()
        noise = scatter * rng.standard_normal(len(days))
        units = np.exp(level + season / 1.5 * own[days.month - 1] + noise).round(2)
        frames.append(pd.DataFrame({"shop": str(number), "day": days, "units": units}))
    return pd.concat(frames, ignore_index=True)


def judged(known: int, case: tuple[float, float, float], seed: int) -> dict[str, float]:
    return scored(sales(known, case, seed), known, AHEAD, seed)


def scored(frame: pd.DataFrame, known: int, ahead: int, seed: int = 0) -> dict[str, float]:
    """WAPE of the forecast and of last year's month; shares of months in both intervals."""
    first = np.sort(frame["day"].unique())[known]
    laid = lay_out(
        frame[frame["day"] < first], None,
        series=["shop"], date="day", target="units", horizon=ahead,
    )  # fmt: skip
    told = forecast_frame(laid, seed=seed).forecast
    actual = frame.rename(columns={"day": "ds"})
    before = actual.assign(ds=actual["ds"] + pd.DateOffset(years=1))
    both = told.merge(actual, on=["shop", "ds"])
    both = both.merge(before.rename(columns={"units": "last_year"}), on=["shop", "ds"])
    size = both["units"].sum()
    return {
        "wape": (both["mean"] - both["units"]).abs().sum() / size,
        "last_year": (both["last_year"] - both["units"]).abs().sum() / size,
        "in_80": both["units"].between(both["p10"], both["p90"]).mean(),
        "in_95": both["units"].between(both["p025"], both["p975"]).mean(),
    }


def public() -> Iterator[tuple[str, pd.DataFrame, list[tuple[int, int]]]]:
    """Name, months, and windows as months ahead and months left out at the end."""
    root = Path(os.environ.get("LIFTCAST_REFERENCE_DATA", "../shared/data"))
    days = pd.read_csv(
        root / "retail/rossmann_train_odd_stores.csv.gz",
        usecols=["Store", "Date", "Sales"], parse_dates=["Date"],
    )  # fmt: skip
    whole = days.groupby("Store")["Date"].transform("size") == days["Date"].nunique()
    shops = np.random.default_rng(2015).permutation(days.loc[whole, "Store"].unique())[-30:]
    shops_days = days[days["Store"].isin(shops)].rename(columns={"Date": "day", "Sales": "units"})
    yield "Rossmann", by_month(shops_days.assign(shop=shops_days["Store"].astype(str))), [
        (3, 0), (3, 3), (3, 6), (6, 0),
    ]  # fmt: skip
    weeks = pd.read_csv(root / "mix/robyn_weekly.csv", parse_dates=["DATE"])
    weeks = weeks.rename(columns={"DATE": "day", "revenue": "units"}).assign(shop="all")
    yield "Robyn", by_month(weeks[weeks["day"] >= "2015-12-01"]), [(6, 1), (6, 7), (6, 13)]


def by_month(frame: pd.DataFrame) -> pd.DataFrame:
    months = frame.assign(day=frame["day"].dt.to_period("M").dt.to_timestamp())
    return months.groupby(["shop", "day"], as_index=False)["units"].sum()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--public", action="store_true")
    asked = parser.parse_args()
    if asked.public:
        table = pd.DataFrame(
            {"data": name, "known": known, "ahead": ahead, **scored(months, known, ahead)}
            for name, months, windows in public()
            for ahead, left in windows
            if (known := months["day"].nunique() - left - ahead)
        )
        figures = ["wape", "last_year", "in_80", "in_95"]
        table[figures] = (100 * table[figures]).round(1)
        sys.stdout.write(table.to_string(index=False) + "\n")
        return
    rows = []
    for known, case, seed in product(KNOWN, CASES, range(asked.seeds)):
        names = dict(zip(("season", "scatter", "growth"), case, strict=True))
        rows.append({"months": known, **names, **judged(known, case, seed)})
    table = pd.DataFrame(rows)
    figures = ["wape", "last_year", "in_80", "in_95"]
    for by in (["months"], ["season", "scatter", "growth"]):
        sys.stdout.write((100 * table.groupby(by)[figures].mean()).round(1).to_string() + "\n")
    sys.stdout.write((100 * table[figures].mean()).round(1).to_string() + "\n")


if __name__ == "__main__":
    main()
