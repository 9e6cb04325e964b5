import io
from dataclasses import FrozenInstanceError, replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from forecasting import forecast

FRAMES = ("volume", "revenue", "components", "fit", "steps", "checks")


def parquet(result):
    made = []
    for name in FRAMES:
        buffer = io.BytesIO()
        getattr(result, name).to_parquet(buffer, index=False)
        made.append(buffer.getvalue())
    return made


def series_means(result, period="week"):
    rows = result.volume[(result.volume["level"] == "series") & (result.volume["period"] == period)]
    keyed = rows.assign(mean=rows["mean"].astype(float))
    return keyed.pivot_table("mean", "date_day", ["territory_id", "product_id"])


def status(result, check, subject="volume"):
    """Of a check by name; of the one named `subject` where there are several."""
    found = result.checks[result.checks["check_name"] == check].set_index("subject")["status"]
    return found[subject] if subject in found else found.drop("net_revenue", errors="ignore").item()


@pytest.fixture(scope="module")
def weekly(company):
    return company(11)


@pytest.fixture(scope="module")
def result(weekly):
    return forecast(weekly.inputs, 13, seed=1)


@pytest.fixture(scope="module")
def daily(company):
    made = company(12, grain="day", periods=250, territories=2, products=1, horizon_weeks=4)
    return made, forecast(made.inputs, 4, seed=1)


def test_frames_have_the_columns_of_the_contract_in_key_order(result):
    assert list(result.volume.columns) == [
        *("period", "date_day", "level", "territory_id", "product_id", "sales_channel"),
        "measure",
        *("mean", "p025", "p10", "p50", "p90", "p975"),
    ]
    names = list(result.volume.columns)
    assert list(result.revenue.columns) == [*(n for n in names if n != "measure"), "units"]
    key = ["date_day", "territory_id", "product_id", "sales_channel"]
    assert list(result.components.columns) == [*key, "component", "value", "net_revenue"]
    assert list(result.fit.columns) == [*key, "actual", "fitted"]
    assert list(result.steps.columns) == [*key, "measure", "step", "value"]
    volume = result.volume
    series = volume[(volume["level"] == "series") & (volume["period"] == "week")]
    for measure in ("units", "net_revenue"):
        own = result.steps[result.steps["measure"] == measure]
        pd.testing.assert_frame_equal(
            own[key].reset_index(drop=True), series[key].reset_index(drop=True)
        )
    assert (result.steps["value"].map(type) == Decimal).all()
    assert list(result.checks.columns) == [
        *("check_name", "subject", "severity", "status", "figure", "threshold", "text")
    ]
    for frame, by in (
        (result.components, [*key, "component"]), (result.fit, key),
        (result.steps, [*key, "measure"]),
    ):  # fmt: skip
        pd.testing.assert_frame_equal(frame, frame.sort_values(by, ignore_index=True))
    with pytest.raises(FrozenInstanceError):
        result.volume = None


def test_the_naive_of_net_revenue_is_of_the_revenue_that_was_sold(weekly, result):
    last = weekly.inputs.ledger.set_index("date_day").loc[weekly.inputs.last_day.isoformat()]
    sold = last.set_index(["territory_id", "product_id"])["net_revenue"]
    naive = result.steps[result.steps["measure"] == "net_revenue"]
    own = naive.set_index(["territory_id", "product_id"])["value"].astype(float)
    np.testing.assert_allclose(own, sold.reindex(own.index), atol=0.0051)


def test_sums_intervals_and_signs_hold_in_daily_and_weekly_results(result, daily):
    for made in (result, daily[1]):
        for check in ("totals_equal_parts", "finite_and_not_negative", "quantiles_rise"):
            assert status(made, check) == "pass"
    assert set(daily[1].volume["period"]) == {"day", "week", "horizon"}
    assert set(result.volume["period"]) == {"week", "horizon"}
    total = result.volume[result.volume["level"] == "total"].set_index("period")
    weeks, horizon = total.loc["week"], total.loc["horizon"]
    assert horizon["mean"] == weeks["mean"].sum()
    # Its interval is its own: weeks that miss apart make up for each other.
    assert horizon["p90"] - horizon["p10"] < (weeks["p90"] - weeks["p10"]).sum()


def test_components_sum_to_the_mean(result, daily):
    for made, period in ((result, "week"), (daily[1], "day")):
        parts = made.components.pivot_table(
            "value", "date_day", ["territory_id", "product_id"], aggfunc="sum"
        )
        np.testing.assert_allclose(parts, series_means(made, period), atol=0.0051)


def test_net_revenue_is_the_units_at_their_net_price_in_every_sum(result, daily):
    keys = ["period", "date_day", "level", "territory_id", "product_id", "sales_channel"]
    for made in (result, daily[1]):
        for check in ("totals_equal_parts", "finite_and_not_negative", "quantiles_rise"):
            assert status(made, check, "revenue") == "pass"
        assert made.settings["measure"] == "units"
        pd.testing.assert_frame_equal(made.revenue[keys], made.volume[keys])
        assert (made.revenue["units"] == made.volume["mean"]).all()
        # The company sells at 3.00 a unit, whatever runs.
        assert (made.revenue["mean"] == 3 * made.volume["mean"]).all()
        for bound in ("p10", "p90"):
            pair = (frame[bound].astype(float) for frame in (made.revenue, made.volume))
            np.testing.assert_allclose(next(pair), 3 * next(pair), rtol=0.01, atol=0.2)
        parts = made.components
        np.testing.assert_allclose(parts["net_revenue"], 3 * parts["value"], atol=1e-3)
        beaten = made.checks.set_index(["check_name", "subject"]).loc[
            ("backtest_wape", "net_revenue")
        ]
        assert beaten["status"] == "pass"
        assert "total net revenue" in beaten["text"]


def test_without_units_the_volume_is_the_net_revenue(weekly):
    ledger = weekly.inputs.ledger.assign(units=np.nan)
    made = forecast(replace(weekly.inputs, ledger=ledger), 4)
    assert set(made.volume["measure"]) == {"net_revenue"}
    assert (made.revenue["mean"] == made.volume["mean"]).all()
    assert made.revenue["units"].isna().all()
    assert (made.components["net_revenue"] == made.components["value"]).all()
    assert "net_price" not in set(made.checks["check_name"])


def test_promotions_that_cut_the_price_of_all_series_move_net_revenue_less_than_units(company):
    """The plan then moves the price too, and the waterfall says by how much."""
    made = company(13, periods=150, territories=1, products=2, lift=0.5, noise=0.03).inputs
    cut = made.drivers[made.drivers["driver"] == "price_cut"].set_index("date_day")["exposure"]
    price = 3 * (1 - made.ledger["date_day"].map(cut).to_numpy())
    sold = made.ledger.assign(net_revenue=(made.ledger["units"] * price).round(2))
    weeks = sorted(made.plan["date_day"].unique())
    busy = (made.plan["driver"] == "price_cut") & made.plan["date_day"].isin(weeks[2:5])
    calm = made.plan["exposure"].where(made.plan["driver"] != "price_cut", 0.0)
    plan = made.plan.assign(exposure=calm.mask(busy, 0.2))
    result = forecast(replace(made, ledger=sold, plan=plan), 6)
    assert result.settings["price_follows_plan"]
    total = (result.revenue["level"] == "total") & (result.revenue["period"] == "week")
    rows = result.revenue[total].astype({"mean": float, "units": float})
    planned = plan[plan["driver"] == "price_cut"].set_index("date_day")["exposure"]
    paid = rows["mean"] / rows["units"]
    np.testing.assert_allclose(paid, 3 * (1 - rows["date_day"].map(planned)), rtol=0.03)
    parts = result.components.groupby("component")[["value", "net_revenue"]].sum()
    assert parts.loc["net_price", "value"] == 0
    assert parts.loc["net_price", "net_revenue"] < 0
    whole = (result.revenue["level"] == "series") & (result.revenue["period"] == "week")
    series = result.revenue[whole]["mean"].astype(float)
    assert parts["net_revenue"].sum() == pytest.approx(series.sum(), abs=0.01)


def test_the_same_seed_gives_the_same_bytes_whatever_the_order_of_rows(weekly, result):
    mixed = {
        name: getattr(weekly.inputs, name).sample(frac=1, random_state=3)
        for name in ("ledger", "drivers", "plan", "territories", "products")
    }
    again = forecast(replace(weekly.inputs, **mixed), 13, seed=1)
    assert parquet(again) == parquet(result)
    assert (again.settings, again.diagnostics) == (result.settings, result.diagnostics)


def test_another_seed_draws_other_paths(weekly, result):
    other = forecast(weekly.inputs, 13, seed=2)
    assert (other.volume["p025"] != result.volume["p025"]).any()
    np.testing.assert_allclose(series_means(other), series_means(result), rtol=0.01)


def test_four_times_the_sales_is_four_times_the_forecast(weekly, result):
    more = weekly.inputs.ledger.assign(units=weekly.inputs.ledger["units"] * 4)
    scaled = forecast(replace(weekly.inputs, ledger=more), 13, seed=1)
    np.testing.assert_allclose(series_means(scaled), 4 * series_means(result), atol=0.05)


def test_nothing_after_the_last_day_changes_the_forecast(weekly, result):
    inputs = weekly.inputs
    later = [pd.Timestamp(inputs.last_day) + timedelta(weeks=k) for k in (1, 2)]
    leaked = replace(
        inputs,
        ledger=pd.concat(
            [inputs.ledger, inputs.ledger.tail(2).assign(date_day=later, units=[1e9, np.nan])]
        ),
        drivers=pd.concat([inputs.drivers, inputs.drivers.tail(2).assign(date_day=later)]),
    )
    assert parquet(forecast(leaked, 13, seed=1)) == parquet(result)


def test_a_promotion_in_the_plan_raises_the_days_it_runs(company):
    made = company(13, periods=120, territories=1, products=1, lift=0.4).inputs
    weeks = sorted(made.plan["date_day"].unique())
    promotion = made.plan["kind"] == "promotion"
    calm = made.plan.assign(exposure=made.plan["exposure"].where(~promotion, 0.0))
    busy = calm.assign(
        exposure=calm["exposure"].mask(promotion & calm["date_day"].isin(weeks[2:5]), 0.2)
    )
    without, with_plan = (
        series_means(forecast(replace(made, plan=p), 13)).to_numpy().ravel() for p in (calm, busy)
    )
    lift = with_plan / without - 1
    # The true effect of the promotion is 40 per cent of a week without one.
    assert lift[2:5].mean() == pytest.approx(0.4, abs=0.1)
    np.testing.assert_allclose(np.delete(lift, [2, 3, 4]), 0, atol=1e-3)


def test_media_that_ran_when_sales_were_low_never_lower_the_forecast(company):
    made = company(14, periods=120, territories=1, products=1).inputs
    units = made.ledger["units"].to_numpy()
    tv = made.drivers["driver"] == "tv"
    against = made.drivers.assign(
        exposure=made.drivers["exposure"].mask(tv, np.r_[units.max() - units, units][: len(tv)])
    )
    plan = made.plan.assign(exposure=made.plan["exposure"].where(made.plan["kind"] != "media", 0.0))
    more = plan.assign(exposure=plan["exposure"].mask(plan["kind"] == "media", units.max()))
    without, with_media = (
        series_means(forecast(replace(made, drivers=against, plan=p), 4)).to_numpy()
        for p in (plan, more)
    )
    assert (with_media >= without - 0.01).all()


def test_intervals_hold_the_truth_at_about_their_nominal_rate(company):
    hits: dict[tuple[str, int], list[bool]] = {}
    for seed in range(1, 13):
        made = company(seed, territories=1, products=2, carry=0.0)
        volume = forecast(made.inputs, 13, seed=seed).volume
        for level, truth in (
            ("series", np.concatenate([made.future[("T0", p)] for p in ("P0", "P1")])),
            ("total", sum(made.future.values())),
        ):
            rows = volume[(volume["level"] == level) & (volume["period"] == "week")]
            rows = rows.sort_values(["product_id", "date_day"])
            for nominal, low, high in ((80, "p10", "p90"), (95, "p025", "p975")):
                inside = (truth >= rows[low].astype(float)) & (truth <= rows[high].astype(float))
                hits.setdefault((level, nominal), []).extend(inside.tolist())
    for (level, nominal), inside in hits.items():
        # A level error is shared by the weeks of a window: two independent looks in each.
        looks, rate = 24, np.mean(inside)
        low, high = binom.ppf([0.005, 0.995], looks, nominal / 100) / looks
        assert low <= rate <= high, f"{level} {nominal} %: {rate:.3f} not in {low:.2f}..{high:.2f}"


def test_one_observation_zeros_and_a_newcomer_are_forecast_simply_and_named(weekly):
    ledger = weekly.inputs.ledger
    last = pd.Timestamp(weekly.inputs.last_day)
    one = ledger[(ledger["date_day"] == last) & (ledger["territory_id"] == "T0")].head(1)
    none = ledger[(ledger["product_id"] == "P0") & (ledger["territory_id"] == "T1")]
    both = pd.concat(
        [ledger, one.assign(product_id="new"), none.assign(product_id="dead", units=0.0)]
    )
    made = forecast(replace(weekly.inputs, ledger=both), 13)
    models = {s["product_id"]: s["model"] for s in made.diagnostics["series"]}
    assert (models["new"], models["dead"]) == ("recent_mean (new history)", "zero")
    named = made.checks[made.checks["check_name"] == "short_history"]["subject"]
    assert sorted(named) == ["T0 / new / shop", "T1 / dead / shop"]
    means = series_means(made)
    assert (means[("T1", "dead")] == 0).all()
    np.testing.assert_allclose(means[("T0", "new")], float(one["units"].iloc[0]), rtol=0.1)
    assert status(made, "totals_equal_parts") == "pass"


def test_a_rare_series_that_never_sold_after_any_origin_is_forecast(weekly):
    ledger = weekly.inputs.ledger
    one = ledger[(ledger["product_id"] == "P0") & (ledger["territory_id"] == "T0")]
    sells = one["date_day"].isin(sorted(one["date_day"])[::-1][20:44:4])
    rare = one[sells].assign(product_id="rare", units=2.0, net_revenue=6.0)
    made = forecast(replace(weekly.inputs, ledger=pd.concat([ledger, rare])), 4)
    # Who says "nothing" was never wrong there, and is believed.
    assert (series_means(made)[("T0", "rare")] < 0.1).all()


def test_a_ledger_of_one_line_is_forecast_with_a_warning(weekly):
    made = forecast(replace(weekly.inputs, ledger=weekly.inputs.ledger.tail(1)), 4)
    assert set(made.checks["check_name"]) >= {"short_history", "backtest_wape"}
    assert status(made, "backtest_wape") == "warn"
    wide = made.volume.iloc[0]
    assert 0 <= wide["p025"] < wide["mean"] < wide["p975"]


def test_without_drivers_plan_or_country_there_is_still_a_forecast(weekly):
    bare = replace(
        weekly.inputs,
        drivers=weekly.inputs.drivers.iloc[:0],
        plan=weekly.inputs.plan.iloc[:0],
        territories=weekly.inputs.territories.assign(country_code=None),
    )
    made = forecast(bare, 4)
    assert {"level", "season"} <= set(made.components["component"])
    assert not made.components["component"].str.contains(":").any()
    assert status(made, "finite_and_not_negative") == "pass"


def test_returns_larger_than_sales_do_not_make_a_negative_forecast(weekly):
    ledger = weekly.inputs.ledger
    returned = ledger.assign(units=np.where(ledger["product_id"] == "P0", -5.0, ledger["units"]))
    noisy = returned.assign(units=returned["units"] + np.arange(len(returned)) % 3)
    made = forecast(replace(weekly.inputs, ledger=noisy), 4)
    assert status(made, "finite_and_not_negative") == "pass"
    assert (series_means(made)[("T0", "P0")] < 1).all()


def test_hostile_names_pass_through_as_text(weekly):
    names = {"T0": "'; DROP TABLE x; --", "T1": "<b>_delim_trend"}
    frames = {
        name: getattr(weekly.inputs, name).replace({"territory_id": names})
        for name in ("ledger", "drivers", "plan", "territories")
    }
    frames["drivers"] = frames["drivers"].replace({"driver": {"tv": "trend_lower"}})
    made = forecast(replace(weekly.inputs, **frames), 2)
    assert set(made.volume["territory_id"]) == {*names.values(), "all"}
    assert "media:trend_lower" in set(made.components["component"])


def test_a_lost_distributor_is_named_and_the_fit_before_it_is_at_what_was_sold_then(weekly):
    ledger = weekly.inputs.ledger
    lost = (ledger["territory_id"] == "T0") & (ledger["product_id"] == "P1")
    after = ledger["date_day"] >= ledger["date_day"].max() - pd.Timedelta(weeks=24)
    units = ledger["units"].where(~(lost & after), ledger["units"] * 0.4)
    made = forecast(replace(weekly.inputs, ledger=ledger.assign(units=units)), 13)
    (check,) = made.checks[made.checks["check_name"] == "history_level_shift"].itertuples()
    assert "T0 / P1 / shop" in check.text
    fit = made.fit[(made.fit["territory_id"] == "T0") & (made.fit["product_id"] == "P1")]
    early = fit[fit["date_day"] < fit["date_day"].max() - pd.Timedelta(weeks=30)]
    assert early["fitted"].mean() == pytest.approx(early["actual"].mean(), rel=0.05)
    late = fit[fit["date_day"] > fit["date_day"].max() - pd.Timedelta(weeks=20)]
    assert late["fitted"].mean() == pytest.approx(late["actual"].mean(), rel=0.15)
    ahead = series_means(made)[("T0", "P1")].mean()
    assert ahead == pytest.approx(late["actual"].mean(), rel=0.25)
