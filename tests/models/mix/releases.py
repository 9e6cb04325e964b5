"""A small company with a past to fit and a future to plan, for the tests of planning."""

import dataclasses
import datetime
from decimal import Decimal

import numpy as np
import pandas as pd

from models.mix import MixInputs

DATES, HELD = 104, 10
FIRST = datetime.date(2023, 1, 2)


def release(dates=DATES, seed=3, drivers=("tv", "radio"), territories=("north", "south")):
    """Media with carry-over, a coupon, a price control; noise that remembers; by territory."""
    rng = np.random.default_rng(seed)
    days = [FIRST + datetime.timedelta(days=7 * t) for t in range(dates)]
    outcome, rows, controls = [], [], []
    swing = np.zeros(dates)
    for t in range(1, dates):
        swing[t] = 0.8 * swing[t - 1] + rng.normal(0, 250)
    for g, territory in enumerate(territories):
        sold = 9000.0 / (1 + g) + 8 * np.arange(dates) + swing + rng.normal(0, 150, dates)
        for name in drivers:
            spend = rng.gamma(2.0, 200.0, dates).round(2)
            carried = np.zeros(dates)
            for t in range(dates):
                carried[t] = 0.6 * spend[t] + 0.4 * (carried[t - 1] if t else spend[:4].mean())
            sold += 1800.0 / (1 + g) * carried / (carried + 500)
            rows += [
                (d, territory, "media", name, x, "spend", Decimal(f"{x:.2f}"))
                for d, x in zip(days, spend, strict=True)
            ]
        depth = 0.2 * (rng.uniform(size=dates) < 0.2)
        sold += 4000 * depth
        rows += [
            (d, territory, "promotion", "coupon", x, "depth", Decimal(0))
            for d, x in zip(days, depth, strict=True)
        ]
        price = rng.normal(10, 1, dates)
        sold -= 150 * (price - 10)
        controls += [(d, territory, "price", x) for d, x in zip(days, price, strict=True)]
        outcome += [(d, territory, Decimal(f"{x:.2f}")) for d, x in zip(days, sold, strict=True)]
    key = ["date_day", "territory_id"]
    return MixInputs(
        outcome=pd.DataFrame(outcome, columns=[*key, "net_revenue"]),
        drivers=pd.DataFrame(
            rows, columns=[*key, "kind", "driver", "exposure", "exposure_unit", "spend"]
        ),
        controls=pd.DataFrame(controls, columns=[*key, "control", "value"]),
        territories=pd.DataFrame({"territory_id": list(territories), "country_code": "DE"}),
        grain="week",
        currency="EUR",
    )


def split(whole, held=HELD):
    """The release up to the last `held` dates, and those without an outcome."""
    cut = sorted(whole.outcome["date_day"].unique())[-held]

    def part(frame, past):
        return frame[(frame["date_day"] < cut) if past else (frame["date_day"] >= cut)]

    names = ("outcome", "drivers", "controls")
    past = {name: part(getattr(whole, name), True) for name in names}
    future = {name: part(getattr(whole, name), False) for name in names[1:]}
    empty = whole.outcome.iloc[:0]
    return (
        dataclasses.replace(whole, **past),
        dataclasses.replace(whole, **future, outcome=empty),
    )
