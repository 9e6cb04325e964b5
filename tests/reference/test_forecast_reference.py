"""The forecast on public data, last window held out; each test prints its figures (pytest -s)."""

import numpy as np
import pandas as pd
import pytest

from forecasting import ForecastInputs, forecast

pytestmark = pytest.mark.reference

NO_HOLIDAYS = pd.DataFrame({"date_day": [], "holiday": [], "country_code": []})


def wape(actual, expected):
    return float(np.abs(actual - expected).sum() / np.abs(actual).sum())


def inputs_of(ledger, drivers, last, grain):
    drivers = drivers.assign(spend=0.0)
    territories = sorted(ledger["territory_id"].unique())
    return ForecastInputs(
        ledger=ledger[ledger["date_day"] <= last].assign(
            product_id="everything", sales_channel="shop", units=np.nan
        ),
        drivers=drivers[drivers["date_day"] <= last],
        plan=drivers[drivers["date_day"] > last].assign(product_id=None),
        holidays=NO_HOLIDAYS,
        territories=pd.DataFrame({"territory_id": territories, "country_code": "DE"}),
        products=pd.DataFrame({"product_id": ["everything"]}),
        grain=grain,
        currency="EUR",
        last_day=last.date(),
    )


def held_out(made, days):
    rows = made.volume[(made.volume["level"] == "series") & (made.volume["period"] == "day")]
    return rows.merge(days, on=["date_day", "territory_id"])


def test_robyn_weekly_revenue_is_forecast_better_than_last_year_again(reference_data):
    weeks = pd.read_csv(reference_data / "mix" / "robyn_weekly.csv", parse_dates=["DATE"])
    weeks = weeks.rename(columns={"DATE": "date_day", "revenue": "net_revenue"})
    bought = weeks.melt("date_day", ["tv_S", "ooh_S", "print_S", "facebook_S", "search_S"])
    drivers = bought.rename(columns={"variable": "driver", "value": "exposure"})
    drivers = drivers.assign(kind="media", territory_id="DE")
    last = weeks["date_day"].iloc[-14]
    made = forecast(inputs_of(weeks.assign(territory_id="DE"), drivers, last, "week"), 13)
    total = made.volume[(made.volume["level"] == "total") & (made.volume["period"] == "week")]
    revenue = weeks["net_revenue"].to_numpy()
    error = wape(revenue[-13:], total["mean"].to_numpy(dtype=float))
    naive = wape(revenue[-13:], revenue[-65:-52])
    inside = (revenue[-13:] >= total["p025"].to_numpy(float)) & (
        revenue[-13:] <= total["p975"].to_numpy(float)
    )
    print(
        f"\nRobyn, 13 weeks: WAPE {error:.3f}, seasonal naive {naive:.3f}, in 95 % {inside.sum()}"
    )
    assert set(made.volume["measure"]) == {"net_revenue"}
    assert error < naive
    assert error < 0.20
    assert inside.sum() >= 10


def test_rossmann_shops_with_their_plan_stay_within_the_documented_error(reference_data):
    days = pd.read_csv(
        reference_data / "retail" / "rossmann_train_odd_stores.csv.gz",
        parse_dates=["Date"],
        dtype={"StateHoliday": str},
    )
    days = days[days["Store"].isin([1, 3, 5])].rename(columns={"Date": "date_day"})
    days = days.assign(
        territory_id="shop " + days["Store"].astype(str), net_revenue=days["Sales"].astype(float)
    )
    base = days[["date_day", "territory_id"]].assign(kind="promotion")
    drivers = pd.concat(
        [
            base.assign(driver="promo", exposure=days["Promo"].astype(float)),
            base.assign(driver="closed", exposure=1.0 - days["Open"]),
        ]
    )
    last = days["date_day"].max() - pd.Timedelta(days=42)
    both = held_out(forecast(inputs_of(days, drivers, last, "day"), 6), days)
    error = wape(both["Sales"], both["mean"].astype(float))
    blind = held_out(forecast(inputs_of(days, drivers.iloc[:0], last, "day"), 6), days)
    without_plan = wape(blind["Sales"], blind["mean"].astype(float))
    year_ago = days.assign(date_day=days["date_day"] + pd.Timedelta(days=364))
    again = both.merge(year_ago, on=["date_day", "territory_id"], suffixes=("", "_year_ago"))
    naive = wape(again["Sales"], again["Sales_year_ago"])
    opened = both[both["Open"] == 1]
    inside = (
        (opened["Sales"] >= opened["p10"].astype(float))
        & (opened["Sales"] <= opened["p90"].astype(float))
    ).mean()
    print(
        f"\nRossmann, 3 shops, 42 days: WAPE {error:.3f}, without plan {without_plan:.3f}, "
        f"seasonal naive {naive:.3f}, open days in 80 % {inside:.2f}"
    )
    assert len(both) == 3 * 42
    # The same day a year ago is no bar to set here: this chain's promotions ran in the same weeks
    # in both years, so the naive carries the plan too.
    assert error < 0.8 * without_plan
    # docs/reference/forecast.md states this bound: Prophet with plan is known at 0.12 to 0.17.
    assert error < 0.18
    assert 0.6 <= inside <= 0.97
