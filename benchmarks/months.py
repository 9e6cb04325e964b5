"""The forecast of months: simulated series, what then came is known.

    python benchmarks/months.py [--seeds 2]

Frames of 8 series with a yearly season of their own kind, a level that wanders and grows, and
scatter; six months ahead of 30, 42 and 54. Beside the forecast stands the same month of last year.
"""

from __future__ import annotations

import argparse
import sys
from itertools import product

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
    """WAPE of the forecast and of last year's month; shares of months in both intervals."""
    frame = sales(known, case, seed)
    first = frame["day"].unique()[known]
    laid = lay_out(
        frame[frame["day"] < first], None,
        series=["shop"], date="day", target="units", horizon=AHEAD,
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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=2)
    asked = parser.parse_args()
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
