"""A small company whose sales are made from known parts, as the frames of a release."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from forecasting import ForecastInputs

START = "2023-01-02"


@dataclass(frozen=True)
class Company:
    """`inputs` as known on the last day; `future`: what then sold, (territory, product) -> (h,)."""

    inputs: ForecastInputs
    future: dict[tuple[str, str], np.ndarray]


def _noise(rng: np.random.Generator, periods: int, carry: float) -> np.ndarray:
    shocks = rng.normal(size=periods)
    made = np.zeros(periods)
    for t in range(periods):
        before = made[t - 1] if t else shocks[0]
        made[t] = carry * before + np.sqrt(1 - carry**2) * shocks[t]
    return made


def make_company(
    seed: int,
    *,
    grain: str = "week",
    periods: int = 110,
    territories: int = 2,
    products: int = 2,
    horizon_weeks: int = 13,
    lift: float = 0.4,
    noise: float = 0.1,
    carry: float = 0.3,
) -> Company:
    """Level x season x (1 + lift x promotion + media) x (1 + noise, partly common to all)."""
    rng = np.random.default_rng(seed)
    step = 7 if grain == "week" else 1
    total = periods + horizon_weeks * 7 // step
    days = pd.date_range(START, periods=total, freq=f"{step}D")
    common = _noise(rng, total, carry)
    ledger, drivers, future = [], [], {}
    for g in range(territories):
        place = {"date_day": days, "territory_id": f"T{g}"}
        promoted = np.repeat(rng.uniform(size=total) < 0.25, 14 // step)[:total].astype(float)
        media = np.abs(rng.normal(size=total)) * 1e4
        drivers.append(
            pd.DataFrame(place).assign(
                kind="media", driver="tv", exposure=media, spend=np.round(media / 100, 2)
            )
        )
        drivers.append(
            pd.DataFrame(place).assign(
                kind="promotion", driver="price_cut", exposure=0.2 * promoted, spend=0.0
            )
        )
        for p in range(products):
            season = 1 + 0.2 * np.sin(2 * np.pi * days.dayofyear / 365.25 + p)
            if grain == "day":
                season = season * (1 + 0.2 * (days.dayofweek == 5))
            shock = noise * (np.sqrt(0.4) * common + np.sqrt(0.6) * _noise(rng, total, carry))
            effect = 1 + lift * promoted + 0.05 * np.log1p(media / 1e4)
            sold = np.round(
                np.maximum(100 * (1 + p) * np.asarray(season) * effect * (1 + shock), 0)
            )
            future[(f"T{g}", f"P{p}")] = sold[periods:]
            ledger.append(
                pd.DataFrame(place).assign(
                    product_id=f"P{p}", sales_channel="shop", units=sold, net_revenue=3 * sold
                )
            )
    last = days[periods - 1]
    sales, ran = pd.concat(ledger, ignore_index=True), pd.concat(drivers, ignore_index=True)
    inputs = ForecastInputs(
        ledger=sales[sales["date_day"] <= last],
        drivers=ran[ran["date_day"] <= last],
        plan=ran[ran["date_day"] > last].assign(product_id=None),
        holidays=pd.DataFrame({"date_day": [], "holiday": [], "country_code": []}),
        territories=pd.DataFrame(
            {"territory_id": [f"T{g}" for g in range(territories)], "country_code": "DE"}
        ),
        products=pd.DataFrame({"product_id": [f"P{p}" for p in range(products)]}),
        grain=grain,
        currency="EUR",
        last_day=last.date(),
    )
    return Company(inputs, future)


@pytest.fixture(scope="session")
def company() -> Callable[..., Company]:
    return make_company
