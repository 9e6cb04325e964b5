"""Every one of 509,444 shop-days is accounted for: sold, closed, or not reported."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def rossmann(land_source: Any) -> Any:
    return land_source("rossmann")


@pytest.fixture(scope="module")
def shop_days(reference_data: Path) -> pd.DataFrame:
    path = reference_data / "retail/rossmann_train_odd_stores.csv.gz"
    return pd.read_csv(path, dtype={"Store": str, "StateHoliday": str}, parse_dates=["Date"])


def test_every_shop_day_is_sold_or_closed(rossmann: Any, shop_days: pd.DataFrame) -> None:
    assert rossmann.kept_and_rejected == {
        "sales": (422_998, 0), "controls": (192_564 + 16_192, 0), "promotions": (72 + 2_733, 0),
        "territories": (558 + 1, 0), "products": (1, 0),
    }  # fmt: skip
    closed = rossmann.one("select count(*) from controls where control = 'closed'")
    assert closed == 86_446 and 422_998 + closed == len(shop_days) == 509_444
    assert rossmann.query("select min(date_day), max(date_day) from sales") == [
        (date(2013, 1, 1), date(2015, 7, 31))
    ]


def test_turnover_of_every_shop_is_the_files(rossmann: Any, shop_days: pd.DataFrame) -> None:
    landed = dict(
        rossmann.query("select territory_id, sum(net_revenue) from sales group by territory_id")
    )
    assert landed == shop_days.groupby("Store")["Sales"].sum().to_dict()
    assert sum(landed.values()) == int(shop_days["Sales"].sum()) == 2_940_125_777
    monthly = dict(
        rossmann.query(
            "select strftime(date_day, '%Y-%m'), sum(net_revenue) from sales group by all"
        )
    )
    months = shop_days["Date"].dt.strftime("%Y-%m")
    assert monthly == shop_days.groupby(months)["Sales"].sum().to_dict()


def test_closed_days_have_no_turnover_and_a_few_open_days_neither(
    rossmann: Any, shop_days: pd.DataFrame
) -> None:
    assert (shop_days.loc[shop_days["Open"] == 0, "Sales"] == 0).all()
    assert rossmann.one("select count(*) from sales where net_revenue = 0") == 34
    assert (
        rossmann.one(
            "select count(*) from sales semi join controls on sales.date_day = controls.date_day "
            "and sales.territory_id = controls.territory_id and control in ('closed', 'no_report')"
        )
        == 0
    )


def test_controls_are_the_files_switches(rossmann: Any, shop_days: pd.DataFrame) -> None:
    landed = dict(
        rossmann.query("select control, count(*) from controls where value = 1 group by control")
    )
    assert landed == {
        "closed": (shop_days["Open"] == 0).sum(),
        "school_holiday": (shop_days["SchoolHoliday"] == 1).sum(),
        "state_holiday": (shop_days["StateHoliday"] != "0").sum(),
        "no_report": 558 * 942 - len(shop_days),
    }
    assert landed["no_report"] == 88 * 184
    new_year = "from controls where control = 'state_holiday' and date_day = date '2015-01-01'"
    assert rossmann.one(f"select count(*) {new_year}") == 558 - 17
    assert rossmann.query(
        "select count(distinct territory_id), min(date_day), max(date_day) from controls "
        "where control = 'no_report'"
    ) == [(88, date(2014, 7, 1), date(2014, 12, 31))]


def test_the_promotion_runs_monday_to_friday_in_every_shop(
    rossmann: Any, shop_days: pd.DataFrame
) -> None:
    days = shop_days.groupby("Date")["Promo"].agg(["min", "max"])
    assert (days["min"] == days["max"]).all()
    runs = rossmann.query(
        "select starts_on, ends_on from promotions where territory_id = 'all' order by starts_on"
    )
    assert len(runs) == 72
    assert {(start.weekday(), end - start) for start, end in runs} == {(0, timedelta(days=4))}
    landed = {start + timedelta(days=day) for start, _ in runs for day in range(5)}
    assert landed == {stamp.date() for stamp in days.index[days["max"] == 1]}


def test_coupons_are_mailed_anew_every_three_months(rossmann: Any, reference_data: Path) -> None:
    shops = pd.read_csv(reference_data / "retail/rossmann_store.csv", dtype={"Store": str})
    shops = shops.set_index("Store")
    rounds = rossmann.query(
        "select territory_id, starts_on, ends_on from promotions where kind = 'coupon' "
        "order by territory_id, starts_on"
    )
    taking_part = Counter(shop for shop, _, _ in rounds)
    sold = [shop for (shop,) in rossmann.query("select distinct territory_id from sales")]
    assert set(taking_part) == {shop for shop in sold if shops.loc[shop, "Promo2"] == 1}
    for (shop, _, ended), (next_shop, begins, _) in pairwise(rounds):
        assert shop != next_shop or begins == ended + timedelta(days=1)
    for shop, starts_on, _ in rounds:
        months = shops.loc[shop, "PromoInterval"].replace("Sept", "Sep").split(",")
        since = date.fromisocalendar(
            int(shops.loc[shop, "Promo2SinceYear"]), int(shops.loc[shop, "Promo2SinceWeek"]), 1
        )
        assert starts_on >= since
        assert starts_on == since or (starts_on.day == 1 and f"{starts_on:%b}" in months)
    assert min(end for _, _, end in rounds) >= date(2013, 1, 1)
    assert max(start for _, start, _ in rounds) <= date(2015, 7, 31)
