from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecasting import hierarchy, reconciling
from forecasting.candidates.naive import RecentMean, SeasonalNaive
from forecasting.candidates.regression import LogOls
from forecasting.errors import MissingColumnError
from forecasting.framed import forecast_frame
from forecasting.hierarchy import groups_of, levels_of, upper_grid
from forecasting.longframe import lay_out
from forecasting.periods import calendar_of_rule
from forecasting.reconciling import Reconcile, reconciled
from forecasting.totals import Sums

H, DAYS = 14, 150
QUICK = (SeasonalNaive(), RecentMean(), LogOls())
KEYS = pd.DataFrame(
    [(t, p, c) for t in ("north", "south") for p in ("soap", "tea") for c in ("shop", "web")],
    columns=["territory", "product", "channel"],
)


def company(seed=3):
    """Two territories, products and channels; promotions by product; shops shut on Sundays."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2026-01-05", periods=DAYS + H)
    weeks = len(dates) // 7 + 1
    promo = {p: (rng.random(weeks) < 0.4).repeat(7)[: len(dates)] for p in ("soap", "tea")}
    frames = []
    for territory, product, channel in KEYS.itertuples(index=False):
        shut = (dates.dayofweek == 6) & (channel == "shop")
        log = rng.normal(4, 0.3) + 0.3 * promo[product] + 0.25 * rng.standard_normal(len(dates))
        frames.append(
            pd.DataFrame(
                {"territory": territory, "product": product, "channel": channel, "day": dates,
                 "units": np.where(shut, 0.0, np.round(np.exp(log))),
                 "promo": promo[product].astype(int), "kind": np.where(shut, "shut", "open")}
            )
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def laid():
    frame = company()
    first = frame["day"].max() - pd.Timedelta(days=H - 1)
    past, later = frame[frame["day"] < first], frame[frame["day"] >= first]
    return lay_out(
        past, later.drop(columns="units"), series=list(KEYS.columns), date="day",
        target="units", horizon=H,
    )  # fmt: skip


ASKED = (("territory",), ("territory", "product"))


@pytest.fixture(scope="module", params=["bottom_up", "top_down", "mint_shrink", "auto"])
def made(laid, request):
    sums = Sums(ASKED, tuple(calendar_of_rule("months", *laid.grid.dates[[0, -1]])), request.param)
    return request.param, forecast_frame(laid, candidates=QUICK, sums=sums)


def _cents(values):
    return [Decimal(f"{value:.2f}") for value in values]


def test_all_levels_and_spans_are_exact_sums_whatever_the_way(made, laid):
    forecast = made[1].forecast.assign(cents=lambda t: _cents(t["mean"]))
    totals = made[1].totals.assign(cents=lambda t: _cents(t["mean"]))
    assert set(totals["level"]) == {"total", "territory", "territory,product", "series"}
    for _, row in totals[totals["period"] == ""].iterrows():
        inside = forecast[(forecast["ds"] >= row["ds"]) & (forecast["ds"] <= row["ds_last"])]
        columns = list(KEYS.columns) if row["level"] == "series" else row["level"].split(",")
        if row["level"] != "total":
            key = inside[columns].agg(" / ".join, axis=1)
            inside = inside[key == row["key"]]
        assert row["cents"] == sum(inside["cents"], Decimal(0))


def test_nothing_is_negative_and_what_is_shut_stays_shut(made, laid):
    forecast = made[1].forecast
    numbers = ["mean", "p025", "p10", "p50", "p90", "p975"]
    assert (forecast[numbers] >= 0).all(axis=None)
    shut = (forecast["ds"].dt.dayofweek == 6) & (forecast["channel"] == "shop")
    assert (forecast.loc[shut, numbers] == 0).all(axis=None)
    assert (forecast.loc[~shut, "mean"] > 0).all()


def test_the_way_is_named_with_what_it_was_chosen_by(made):
    way, result = made
    told = result.facts["reconciliation"]
    if way != "auto":
        assert told["method"] == way
    named = result.forecast["model"].str.contains(told["method"]).all()
    assert named == (told["method"] != "bottom_up")
    if way != "bottom_up":
        assert told["levels"] == ["total", "territory", "territory,product"]
        assert all(len(rows) >= 2 for rows in told["errors"].values())


def test_auto_that_stays_bottom_up_is_bottom_up_to_the_cent_and_says_why(laid, monkeypatch):
    monkeypatch.setattr(hierarchy, "WORTH", 0.99)
    auto, plain = (
        forecast_frame(laid, candidates=QUICK, sums=Sums(ASKED, way=way))
        for way in ("auto", "bottom_up")
    )
    pd.testing.assert_frame_equal(auto.forecast, plain.forecast)
    told = auto.facts["reconciliation"]
    assert (told["method"], told["asked"]) == ("bottom_up", "auto")
    assert (
        told["why"].startswith("no other way was better")
        and "why" not in (plain.facts["reconciliation"])
    )


def test_mint_of_too_many_says_how_many_it_takes(laid, monkeypatch):
    for module in (hierarchy, reconciling):
        monkeypatch.setattr(module, "MINT_MOST", 3)
    made = forecast_frame(laid, candidates=QUICK, sums=Sums(ASKED, way="mint_shrink"))
    told = made.facts["reconciliation"]
    assert told["method"] == "bottom_up" and "at most 3 series and sums" in told["why"]


def test_top_down_keeps_the_total_of_its_own_race_to_the_cent(laid):
    now = Reconcile(
        np.array([[10.0, 3.0], [20.0, 0.0], [30.0, 1.0]]),
        np.array([[66.0, 4.4]]),
        np.array([[False, False], [False, True], [False, False]]),
    )
    answer = reconciled(now, [], [], np.ones((1, 3)), "top_down")
    np.testing.assert_allclose(answer, [[11, 3.3], [22, 0], [33, 1.1]])


@settings(max_examples=25, deadline=None)
@given(
    arrays(np.float64, (4, 3), elements=st.floats(0, 1e4, allow_subnormal=False)),
    st.integers(0, 99),
)
def test_mint_is_never_negative_and_keeps_forecasts_that_agree_already(mean, seed):
    rng = np.random.default_rng(seed)
    summing = np.array([[1.0, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1]])
    shut = np.zeros(mean.shape, dtype=bool)
    told = 100 + 10 * rng.random((4, 30))
    past = Reconcile(told, summing @ told + 20, np.zeros(told.shape, dtype=bool))
    came = told + 30 * rng.standard_normal(told.shape)
    agreed = reconciled(
        Reconcile(mean, summing @ mean, shut), [past], [came], summing, "mint_shrink"
    )
    np.testing.assert_allclose(agreed, mean, atol=1e-6 * (1 + mean.max()))
    low = np.full((3, 3), 1.0)
    forced = reconciled(Reconcile(mean + 1, low, shut), [past], [came], summing, "mint_shrink")
    assert forced is None or (forced >= 0).all()


def test_mint_weighs_by_errors_at_earlier_origins():
    """A total that was always right pulls the members; one that was always wrong does not."""
    rng = np.random.default_rng(4)
    summing = np.ones((1, 2))
    told = np.full((2, 60), 100.0)
    came = told + 20 * rng.standard_normal(told.shape)
    now = Reconcile(np.full((2, 1), 100.0), np.array([[240.0]]), np.zeros((2, 1), dtype=bool))
    shut = np.zeros(told.shape, dtype=bool)
    sharp = Reconcile(told, summing @ came + 0.5 * rng.standard_normal((1, 60)), shut)
    blunt = Reconcile(told, summing @ came + 90 * rng.standard_normal((1, 60)), shut)
    near = reconciled(now, [sharp], [came], summing, "mint_shrink").sum()
    far = reconciled(now, [blunt], [came], summing, "mint_shrink").sum()
    assert near > 230
    assert far < 215


def test_sums_of_series_have_the_plan_of_their_members(laid):
    groups = groups_of(laid.keys, ASKED)
    levels = levels_of(groups, len(laid.keys))
    assert len(levels.names) == 1 + 2 + 4
    upper = upper_grid(laid.grid, levels)
    assert [c.name for c in upper.columns] == ["promo", "kind: shut"]
    soap = levels.names.index("territory,product north / soap")
    north = laid.keys.query("territory == 'north' and product == 'soap'").index
    np.testing.assert_array_equal(upper.plan[0, soap], laid.grid.plan[0, north[0]])
    np.testing.assert_allclose(upper.y[soap], laid.grid.y[north].sum(axis=0))
    assert set(np.unique(upper.plan[1, 0]) > 0) == {False, True}


def test_a_level_of_no_series_column_is_refused(laid):
    with pytest.raises(MissingColumnError, match="'region', which is no series column"):
        groups_of(laid.keys, [("territory",), ("region",)])
