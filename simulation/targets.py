"""What management asks for and allows: quotas, budgets, contests, commission plans."""

from datetime import date, timedelta

import numpy as np
import pandas as pd

from simulation.markets import PARENT, REPORTING_CURRENCY, Stage
from simulation.response import Array
from simulation.sellers import COMMISSION, SalesForce
from simulation.streams import Streams
from simulation.tables import COLUMNS


def periods(stage: Stage, length: str) -> list[tuple[date, date]]:
    """First and last day of the quarters (Q) or months (M) that begin in the window or at it."""
    spans = pd.period_range(stage.first_day, stage.last_day, freq=length)
    return [(span.start_time.date(), span.end_time.date()) for span in spans]


def quota_table(
    streams: Streams, stage: Stage, force: SalesForce, trade_share: Array, unit_eur: float
) -> pd.DataFrame:
    """Raw `quotas`: of each seller and quarter, in the territory held on the quarter's first day.

    A quota is the plain trade of the territory, divided among its sellers, and some ambition. Who
    moves in the middle of a quarter keeps the quota of its beginning.
    """
    where = force.place(stage.days)
    rng = streams("quotas")
    rows = []
    for first, last in periods(stage, "Q"):
        day = max((first - stage.first_day).days, 0)
        ambition = rng.uniform(0.95, 1.2, len(force.sellers))
        for index, seller in enumerate(force.sellers):
            place = where[day, index]
            if place < 0:
                continue
            peers = max(int((where[day] == place).sum()), 1)
            eur = ambition[index] * stage.size[place] * trade_share[place] * 91.0 / peers
            territory = stage.territories[place]
            rate = stage.rate_micros[day, place] / 1e6
            rows.append({
                "starts_on": first, "ends_on": last, "seller_id": seller.seller_id,
                "territory_id": territory.territory_id, "units": float(round(eur / unit_eur)),
                "revenue": float(round(eur / rate, -2)), "currency_code": territory.currency_code,
            })  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS["quotas"]))


def budget_table(
    streams: Streams, stage: Stage, spend: dict[tuple[str, str], float], unit_eur: float
) -> pd.DataFrame:
    """Raw `budgets` by quarter in EUR: sales by territory, and spend by kind and channel.

    `spend` is what is meant to be spent over the window by (kind, channel); no channel is "".
    The second half of the window has a revised version beside the first.
    """
    rng = streams("budgets")
    spans = periods(stage, "Q")
    growth = 1.0 + 0.01 * np.arange(len(spans))
    rows = []
    for version, of_quarters in (
        ("plan", range(len(spans))),
        ("revised", range(len(spans) // 2, len(spans))),
    ):
        for number in of_quarters:
            first, last = spans[number]
            days = (last - first).days + 1
            head = {"budget_id": version, "starts_on": first, "ends_on": last,
                    "currency_code": REPORTING_CURRENCY}  # fmt: skip
            for place, name in enumerate(stage.names):
                amount = 1.4 * stage.size[place] * days * growth[number] * rng.uniform(0.95, 1.1)
                rows.append({**head, "kind": "sales", "territory_id": name,
                             "units": float(round(amount / unit_eur)),
                             "amount": float(round(amount, -3))})  # fmt: skip
            for (kind, channel), eur in spend.items():
                amount = eur * days / stage.days * rng.uniform(0.95, 1.1)
                rows.append({**head, "kind": kind, "channel": channel or None,
                             "territory_id": PARENT,
                             "amount": float(round(amount, -2))})  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS["budgets"]))


def contest_table(streams: Streams, stage: Stage, products: list[str]) -> pd.DataFrame:
    """Raw `sales_contests`: two a year, each of a month, one metric and one product."""
    rng = streams("contests")
    rows = []
    spans = [span for span in periods(stage, "M") if span[0].month in (3, 9)]
    for number, (first, last) in enumerate(spans):
        territory = stage.territories[int(rng.integers(stage.width))]
        metric = ("units", "revenue", "new_accounts", "margin")[number % 4]
        target = {"units": 200.0, "revenue": 20_000.0, "new_accounts": 3.0, "margin": 8_000.0}
        rows.append({
            "contest_id": f"contest-{first:%Y%m}", "contest_name": f"{first:%B} contest",
            "territory_id": territory.territory_id if number % 2 else None,
            "product_id": products[int(rng.integers(len(products)))],
            "starts_on": first, "ends_on": last, "metric": metric, "target": target[metric],
            "prize_cost": float(rng.integers(4, 12) * 250), "currency_code": REPORTING_CURRENCY,
        })  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS["sales_contests"]))


def incentive_table(stage: Stage, force: SalesForce) -> pd.DataFrame:
    """Raw `incentive_plans`: commission from the first sale, more from full attainment."""
    start = date(stage.first_day.year, 1, 1) - timedelta(days=366)
    rows: list[dict[str, object]] = []
    kinds = sorted({seller.kind for seller in force.sellers})
    for kind in kinds:
        head = {"plan_id": kind, "plan_name": kind.replace("_", " "), "seller_kind": kind,
                "starts_on": start}  # fmt: skip
        rows.append({**head, "basis": "revenue", "from_attainment_pct": 0.0,
                     "rate_pct": COMMISSION[kind]})  # fmt: skip
        if kind == "employee":
            rows.append({**head, "basis": "revenue", "from_attainment_pct": 1.0,
                         "rate_pct": 1.5 * COMMISSION[kind], "cap": 20_000.0,
                         "currency_code": REPORTING_CURRENCY})  # fmt: skip
    rows.append({"plan_id": "management", "plan_name": "management", "seller_kind": "employee",
                 "starts_on": start, "basis": "quota_attainment", "from_attainment_pct": 1.0,
                 "amount": 5_000.0, "cap": 5_000.0,
                 "currency_code": REPORTING_CURRENCY})  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS["incentive_plans"]))
