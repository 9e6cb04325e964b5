from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.candidates.boosting import Trees
from forecasting.candidates.lagged import LAGGED, LaggedTrees
from forecasting.candidates.naive import RecentMean
from forecasting.candidates.pooled import PooledTrees
from forecasting.candidates.prophets import ProphetPlan
from forecasting.candidates.protocol import Window
from forecasting.candidates.regression import LogOls, log_effects
from forecasting.candidates.statespace import StateSpace
from forecasting.errors import PlanError
from forecasting.longframe import lay_out
from forecasting.scenarios import compare_plans
from forecasting.sign_limits import held

H, DAYS = 14, 252
SIGNS = {"promo": "+", "price": "-"}
TREES = PooledTrees(settings=Trees(trees=60, least_rows=10))
LAGS = LaggedTrees(settings=replace(LAGGED, trees=60, rate=0.2, least_rows=5))


def odd_shops(seed=2):
    """Promotions come when little is sold and prices are high when much is: wrong signs appear."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2025-01-06", periods=DAYS + H)
    frames = []
    for number in range(4):
        shock = 0.2 * rng.standard_normal(len(dates))
        promo = (shock + 0.15 * rng.standard_normal(len(dates)) < -0.1).astype(int)
        price = np.round(np.exp(0.2 * shock + 0.05 * rng.standard_normal(len(dates))), 3)
        units = np.round(np.exp(5 + shock + 0.05 * rng.standard_normal(len(dates))))
        frames.append(
            pd.DataFrame(
                {"shop": f"s{number}", "day": dates, "units": units, "promo": promo, "price": price}
            )
        )
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def history_and_plan():
    frame = odd_shops()
    first = frame["day"].max() - pd.Timedelta(days=H - 1)
    return frame[frame["day"] < first], frame[frame["day"] >= first].drop(columns="units")


def laid(history, plan, signs=SIGNS):
    return lay_out(
        history, plan, series=["shop"], date="day", target="units", horizon=H, signs=signs
    )


def _more(plan, seed):
    """A plan with more promotion on some days and lower prices on others."""
    rng = np.random.default_rng(seed)
    promo = np.maximum(plan["promo"], rng.random(len(plan)) < 0.5).astype(int)
    return plan.assign(
        promo=promo, price=plan["price"] * np.where(rng.random(len(plan)) < 0.5, 0.9, 1)
    )


@pytest.mark.parametrize(
    "candidate", [LogOls(), TREES, LAGS, ProphetPlan(), StateSpace("sarimax")],
    ids=lambda c: c.name,
)  # fmt: skip
def test_more_promotion_and_lower_prices_lower_no_forecast_of_any_day(candidate, history_and_plan):
    """Every series and day, though history shows the opposite signs."""
    history, plan = history_and_plan
    plan = plan[plan["shop"].isin(history["shop"])]
    if candidate.speed == "slow":
        history, plan = (f[f["shop"] == "s0"] for f in (history, plan))
    free = log_effects(Window(laid(history, plan, {}).grid, 0))[1]
    assert (free[:, 7] < 0).all()  # the promotion's, as history has it
    few = candidate.forecast(Window(laid(history, plan.assign(promo=0)).grid, 0))
    much = candidate.forecast(Window(laid(history, _more(plan.assign(promo=0), 5)).grid, 0))
    assert (much >= few).all()


def test_a_difference_and_its_whole_interval_have_the_sign(history_and_plan):
    history, plan = history_and_plan
    made = compare_plans(
        {"few": laid(history, plan.assign(promo=0)), "much": laid(history, plan.assign(promo=1))},
        candidates=(RecentMean(), LogOls(), TREES),
    )
    told = made.table[made.table["driver"] == "plan:promo"]
    assert (told[["mean", "p025", "p10", "p50", "p90", "p975"]] >= 0).all(axis=None)
    # The interval is not a point at zero: a small effect of the right sign is still possible.
    assert (told.loc[told["level"] == "total", "p975"] > 0).all()


def test_right_signs_of_history_are_left_as_they_are(history_and_plan):
    history, plan = history_and_plan
    right = {"promo": "-", "price": "+"}
    limited = log_effects(Window(laid(history, plan, {**right, "promo": "-"}).grid, 0))
    grid = laid(history, plan, {}).grid
    # Without the first day of a promotion, which a column with a sign does not have.
    assert limited[1].shape[1] < log_effects(Window(grid, 0))[1].shape[1]
    assert (limited[1][:, 7] < 0).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_what_is_held_is_the_nearest_that_holds(seed, rows):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((9, 5))
    metric = root.T @ root + 0.1 * np.eye(5)
    limits = rng.standard_normal((rows, 5))
    start = rng.standard_normal((3, 5))
    found = held(start, np.linalg.inv(metric), limits)
    assert (found @ limits.T >= -1e-6).all()

    def far(b, a):
        return float((b - a) @ metric @ (b - a))

    for before, after in zip(start, found, strict=True):
        for other in after + 0.3 * rng.standard_normal((40, 5)):
            if (limits @ other >= 0).all():
                assert far(after, before) <= far(other, before) + 1e-6


@pytest.mark.parametrize(
    ("signs", "told"),
    [({"prom": "+"}, "'prom', which is no plan"), ({"promo": "up"}, "expected +")],
)
def test_a_sign_that_means_nothing_is_refused(signs, told, history_and_plan):
    with pytest.raises(PlanError, match=told.replace("+", r"\+")):
        laid(*history_and_plan, signs)


def test_a_column_of_texts_has_no_sign(history_and_plan):
    history, plan = (
        f.assign(promo=np.where(f["promo"] == 1, "on", "off")) for f in history_and_plan
    )
    with pytest.raises(PlanError, match="which holds texts"):
        laid(history, plan)
