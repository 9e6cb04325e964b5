from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecasting.candidates.boosting import Trees
from forecasting.candidates.naive import RecentMean, SeasonalNaive
from forecasting.candidates.pooled import PooledTrees
from forecasting.candidates.regression import LogOls
from forecasting.errors import PlanError
from forecasting.longframe import lay_out
from forecasting.many import forecast_many
from forecasting.race import field_of_candidates
from forecasting.rounding import rounded_to
from forecasting.scenarios import PLANNED, compare_plans, split_of

H, DAYS = 14, 280
PROMO, PRICE = 0.30, -1.2
QUICK = (
    SeasonalNaive(), RecentMean(), LogOls(), PooledTrees(settings=Trees(trees=40, least_rows=20)),
)  # fmt: skip


def shops(count=6, seed=1):
    """Sales whose logs gain PROMO from a promotion and PRICE times the log of price."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2024-01-01", periods=DAYS + H)
    frames = []
    for shop in range(count):
        promo = (rng.random(len(dates) // 7 + 1) < 0.4).astype(int).repeat(7)[: len(dates)]
        price = np.exp(0.1 * rng.standard_normal(len(dates) // 14 + 1)).repeat(14)[: len(dates)]
        opened = (dates.dayofweek != 6).astype(int)
        log = 5 + 0.2 * shop + PROMO * promo + PRICE * np.log(price)
        log = log + 0.08 * rng.standard_normal(len(dates))
        frames.append(
            pd.DataFrame(
                {"region": "north" if shop < 3 else "south", "shop": f"s{shop}", "day": dates,
                 "units": np.round(np.exp(log) * opened), "promo": promo,
                 "price": np.round(price, 4), "open": opened}
            )
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def history_and_plan():
    frame = shops()
    first = frame["day"].max() - pd.Timedelta(days=H - 1)
    return frame[frame["day"] < first], frame[frame["day"] >= first].drop(columns="units")


def laid(history, plan):
    return lay_out(history, plan, series=["region", "shop"], date="day", target="units", horizon=H)


@pytest.fixture(scope="module")
def made(history_and_plan):
    history, plan = history_and_plan
    plan = plan.assign(promo=0, price=1.0)
    north = plan["region"] == "north"
    more = plan.assign(
        promo=north.astype(int), price=np.where(plan["shop"] == "s0", 0.9, plan["price"])
    )
    plans = {"as_is": plan, "again": plan.copy(), "more": more[list(more.columns[::-1])]}
    return compare_plans(
        {name: laid(history, one) for name, one in plans.items()}, candidates=QUICK
    ).table


def _whole(table, **where):
    rows = table[(table["ds"] == table["ds"].min()) & (table["ds_last"] == table["ds_last"].max())]
    for name, value in where.items():
        rows = rows[rows[name] == value]
    return rows


def test_identical_plans_differ_by_exactly_nothing(made):
    same = made[made["plan"] == "again"]
    assert len(same) > 0
    assert (same[["mean", "p025", "p10", "p50", "p90", "p975"]] == 0).all(axis=None)
    assert (same["mean_against"].dropna() == same["mean_plan"].dropna()).all()


def test_a_column_that_does_not_differ_gets_nothing_and_an_untouched_series_too(made):
    more = made[made["plan"] == "more"]
    quantiles = ["mean", "p025", "p975"]
    assert (more.loc[more["driver"] == "plan:open", quantiles] == 0).all(axis=None)
    south = more[(more["key"] == "south") | more["key"].str.startswith("south /")]
    assert len(south) > 0
    assert (south[quantiles] == 0).all(axis=None)
    priced = more[(more["driver"] == "plan:price") & (more["level"] == "series")]
    assert (priced.loc[priced["key"] != "north / s0", quantiles] == 0).all(axis=None)
    assert (priced.loc[priced["key"] == "north / s0", "mean"] >= 0).all()


def test_parts_sum_to_the_difference_and_members_to_totals_to_the_cent(made):
    more = made[made["plan"] == "more"].assign(
        cents=lambda t: [Decimal(f"{v:.2f}") for v in t["mean"]]
    )
    span = ["level", "key", "ds", "ds_last"]
    parts = more[more["driver"] != "all"].groupby(span)["cents"].sum()
    whole = more[more["driver"] == "all"].set_index(span)["cents"]
    assert (parts.sort_index() == whole.sort_index()).all()
    both = more.dropna(subset=["mean_plan"])
    gap = [Decimal(f"{b:.2f}") - Decimal(f"{a:.2f}")
           for a, b in zip(both["mean_against"], both["mean_plan"], strict=True)]  # fmt: skip
    assert gap == both["cents"].tolist()
    series = more[more["level"] == "series"].groupby(["driver", "ds", "ds_last"])["cents"].sum()
    for level in ("total", "region"):
        told = more[more["level"] == level].groupby(["driver", "ds", "ds_last"])["cents"].sum()
        assert (told.sort_index() == series.sort_index()).all()


def test_the_difference_is_the_known_effect_and_narrower_than_sales(made):
    """A promotion in the north: exp(0.30) - 1 of its sales, and 12 % a tenth off the price."""
    promo = _whole(made, plan="more", driver="plan:promo", level="region", key="north").iloc[0]
    whole = _whole(made, plan="more", driver="all", level="region", key="north").iloc[0]
    known = np.expm1(PROMO) * whole["mean_against"]
    # Price moves one of the three shops, and promotion and price multiply there.
    assert promo["mean"] == pytest.approx(known, rel=0.10)
    assert promo["p025"] < promo["p10"] < promo["mean"] < promo["p90"] < promo["p975"]
    assert promo["p025"] < 1.03 * known < promo["p975"]
    assert promo["p90"] - promo["p10"] < 0.35 * promo["mean"]


def test_plans_with_different_columns_are_refused(history_and_plan):
    history, plan = history_and_plan
    one = laid(history, plan)
    with pytest.raises(PlanError, match=r"the same columns \('price'\)"):
        compare_plans({"a": one, "b": laid(history, plan.drop(columns="price"))})
    with pytest.raises(PlanError, match="two or more"):
        compare_plans({"a": one})


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5])
def test_a_split_sums_to_the_last_plan_less_the_first(count):
    split = split_of(count)
    rng = np.random.default_rng(count)
    sales = rng.random(len(split.plans))
    full = max(range(len(split.plans)), key=lambda v: len(split.plans[v]))
    assert split.plans[0] == ()
    assert len(split.plans[full]) == count
    np.testing.assert_allclose((split.parts @ sales).sum(), sales[full] - sales[0], atol=1e-12)
    # Columns that only add up get what each adds.
    worth = rng.random(count)
    added = np.array([sum(worth[c] for c in some) for some in split.plans])
    np.testing.assert_allclose(split.parts @ added, worth, atol=1e-12)


@given(
    arrays(np.float64, (4, 5), elements=st.floats(-1e9, 1e9)),
    arrays(np.int64, (5,), elements=st.integers(-3, 3)),
)
def test_rounded_parts_sum_exactly_and_stay_near(parts, off):
    whole = np.rint(parts.sum(axis=0)).astype(np.int64) + off
    cents = rounded_to(whole, parts)
    assert (cents.sum(axis=0) == whole).all()
    assert (np.abs(cents - parts) < 8).all()
    zero = np.zeros((4, 5))
    assert (rounded_to(np.zeros(5, dtype=np.int64), zero) == 0).all()


def test_in_parts_sums_are_whole_and_the_first_plan_is_that_of_run(history_and_plan):
    history, plan = history_and_plan
    more = plan.assign(promo=1)
    field = (SeasonalNaive(), RecentMean(), LogOls())
    found = {"as_is": laid(history, plan), "more": laid(history, more)}
    cut = compare_plans(found, candidates=field, most=2)
    assert cut.facts["parts"] == 3 and list(cut.facts["weights"]) == ["regular"]
    table = cut.table
    assert table["key"][table["level"] == "series"].drop_duplicates().tolist() == list(
        found["as_is"].grid.ids
    )
    everything = _whole(table, level="series")
    for driver, rows in everything.groupby("driver"):
        total = _whole(table, level="total", driver=driver).iloc[0]
        assert round(rows["mean"].sum(), 2) == total["mean"]
        # Shocks that shops share are shared over parts: narrower than all at their ends at once.
        if driver not in {"plan:price", "plan:open"}:
            ends = rows["p90"].sum() - rows["p10"].sum()
            assert 0.2 * ends < total["p90"] - total["p10"] < ends
    alone = forecast_many(found["as_is"], candidates=field, most=2).forecast
    told = everything[everything["driver"] == "all"]["mean_against"].to_numpy()
    means = alone.groupby("shop", sort=False)["mean"].sum().to_numpy()
    np.testing.assert_allclose(told, means, atol=0.005)


def test_of_every_candidate_it_is_said_whether_its_plan_s_effects_are_the_regression_s():
    """Whose are not has no draw of effects: a new candidate is one or the other by decision."""
    without = {
        "seasonal_naive", "recent_mean", "lightgbm_lags", "croston_sba", "tsb", "analog_launch",
        "ets",
    }  # fmt: skip
    assert {one.name for one in field_of_candidates()} == PLANNED | without
    assert not PLANNED & without
