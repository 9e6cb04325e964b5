import numpy as np
import pandas as pd
import pytest

from forecasting.net_price import Takings, net_price, prices, saved_by_plan
from forecasting.series import KEYS
from forecasting.weighing import WORTH

WEEKS, AHEAD = 104, 6


def takings(units, revenue, depth=None, keys=None):
    units, revenue = np.atleast_2d(units), np.atleast_2d(revenue)
    keys = keys or [("N", f"P{row}", "web") for row in range(len(units))]
    depth = np.zeros((0, len(units), units.shape[1] + AHEAD)) if depth is None else depth
    return Takings(pd.DataFrame(keys, columns=list(KEYS)), units, revenue, depth, 1, 52)


def promoted(seed, lift):
    """A price of 10, cut by a quarter on one week in four, when `lift` times as much is sold."""
    rng = np.random.default_rng(seed)
    depth = 0.25 * (rng.uniform(size=(1, 3, WEEKS + AHEAD)) < 0.25)
    units = rng.uniform(80, 120, (3, WEEKS)) * np.where(depth[0, :, :WEEKS] > 0, lift, 1)
    revenue = units * 10 * (1 - depth[0, :, :WEEKS]) * rng.uniform(0.99, 1.01, units.shape)
    return takings(units, revenue, depth)


def test_a_price_is_revenue_over_units_of_the_last_weeks_half_a_month_half_a_quarter():
    units = np.full(WEEKS, 10.0)
    revenue = np.r_[np.full(WEEKS - 4, 20.0), np.full(4, 30.0)]
    (price,) = prices(takings(units, revenue), AHEAD, planned=False)
    assert len(set(price)) == 1
    # 3 in the last four weeks, 2.31 in the last thirteen; a little of the year's beside each.
    assert price[0] == pytest.approx((3 + 30 / 13) / 2, abs=0.06)


def test_free_goods_returns_and_periods_without_units_count_as_the_year_had_them():
    units = np.tile([10.0, -2.0, 4.0, 0.0], WEEKS // 4)
    revenue = np.tile([60.0, -12.0, 0.0, 6.0], WEEKS // 4)
    (price,) = prices(takings(units, revenue), AHEAD, planned=False)
    np.testing.assert_allclose(price, 54 / 12, rtol=0.03)


def test_a_rebate_booked_at_the_end_of_a_quarter_counts_as_one_of_the_year():
    units = np.full(WEEKS, 100.0)
    revenue = np.full(WEEKS, 1000.0)
    units[12::13], revenue[12::13] = 0.0, -1300.0
    made = takings(units, revenue)
    year = revenue[-52:].sum() / units[-52:].sum()
    # The last week books the rebate of thirteen; the week before has had none for twelve.
    for known in (WEEKS, WEEKS - 1):
        price = prices(made.at(known), AHEAD, planned=False)
        np.testing.assert_allclose(price, year, rtol=0.03)


def test_one_great_credit_note_does_not_make_the_price_of_a_quarter():
    units, revenue = np.full(WEEKS, 100.0), np.full(WEEKS, 1000.0)
    revenue[-2] = -9000.0
    (price,) = prices(takings(units, revenue), AHEAD, planned=False)
    np.testing.assert_allclose(price, 10 * 51 / 52 - 9000 / 5200, rtol=0.01)


def test_a_series_that_tells_no_price_has_its_product_s_and_without_one_none():
    units = np.array([np.full(WEEKS, 5.0), np.full(WEEKS, 5.0), np.tile([5.0, -6.0], 52)])
    revenue = np.array([np.full(WEEKS, 50.0), np.full(WEEKS, 20.0), np.tile([9.0, -9.0], 52)])
    keys = [("N", "tea", "web"), ("N", "tea", "shop"), ("S", "tea", "shop")]
    own = prices(takings(units, revenue, keys=keys), AHEAD, planned=False)[:, 0]
    np.testing.assert_allclose(own, [10, 4, 4])
    lone = prices(takings(units[2], revenue[2]), AHEAD, planned=False)
    assert (lone == 0).all()


def test_more_money_returned_than_taken_is_no_negative_price():
    made = takings(np.full(WEEKS, 5.0), np.full(WEEKS, -10.0))
    assert (prices(made, AHEAD, planned=False) == 0).all()
    assert made.free.tolist() == [True]


def test_a_planned_promotion_lowers_the_price_by_what_it_did():
    made = promoted(1, 1.5)
    price = prices(made, AHEAD, planned=True)
    on = made.depth[0, :, WEEKS:] > 0
    assert on.any() and (~on).any()
    np.testing.assert_allclose(price[on], 7.5, rtol=0.03)
    np.testing.assert_allclose(price[~on], 10.0, rtol=0.03)


def test_the_plan_moves_the_price_only_where_that_was_better_at_past_origins():
    made = promoted(2, 1.5)
    cuts = (AHEAD, 2 * AHEAD)
    later = {cut: slice(WEEKS - cut, WEEKS - cut + AHEAD) for cut in cuts}
    knowing = {cut: made.units[:, at] for cut, at in later.items()}
    assert saved_by_plan(made, knowing) > 0.5
    assert net_price(made, knowing, AHEAD).follows_plan
    # Units forecast without the promotion's lift: the lower price would be taken off twice.
    lifted = promoted(2, 1 / 0.75)
    blind = dict.fromkeys(cuts, np.full((3, AHEAD), 100.0))
    price = net_price(lifted, blind, AHEAD)
    assert price.saved < WORTH
    assert not price.follows_plan
    assert (price.mean == price.usual).all()


def test_revenue_that_comes_without_units_goes_on_beside_them():
    units = np.array([np.full(WEEKS, 10.0), np.zeros(WEEKS)])
    fee = np.random.default_rng(3).uniform(0, 20, WEEKS)
    made = net_price(takings(units, np.array([3 * units[0], fee])), {}, AHEAD)
    assert made.takings.without_units.tolist() == [False, True]
    revenue = made.revenue(np.array([np.full(AHEAD, 11.0), np.zeros(AHEAD)]))
    np.testing.assert_allclose(revenue[0], 33)
    np.testing.assert_allclose(revenue[1], fee[-13:].mean(), atol=0.01)
    paths = made.on_paths(np.zeros((2, 600, AHEAD), dtype=np.float32), np.array([0, 1]), 1)
    assert (paths[0] == 0).all()
    low, high = np.quantile(paths[1], [0.1, 0.9])
    assert 0 < low < revenue[1, 0] < high


def test_every_path_is_its_units_at_a_net_price_with_an_error_of_its_own():
    rng = np.random.default_rng(4)
    units = rng.uniform(90, 110, (2, WEEKS))
    steady = net_price(takings(units, 5 * units), {}, AHEAD)
    paths = rng.uniform(50, 150, (2, 600, AHEAD)).astype(np.float32)
    rows = np.array([0, 1])
    np.testing.assert_allclose(steady.on_paths(paths, rows, 1), 5 * paths, rtol=2e-3)
    moving = 5 * units * np.exp(rng.normal(0, 0.2, units.shape))
    shaky = net_price(takings(units, moving), {}, AHEAD).on_paths(paths, rows, 1) / paths
    assert 0.1 < np.log(shaky).std() < 0.3
    assert abs(np.corrcoef(shaky[0, :, 0], paths[0, :, 0])[0, 1]) < 0.2


@pytest.mark.parametrize("cut", [AHEAD, 20])
def test_nothing_after_an_origin_moves_the_price_from_there(cut):
    made = promoted(5, 1.5)
    later = made.revenue.copy()
    later[:, WEEKS - cut :] *= 9
    other = takings(made.units, later, made.depth)
    one, two = (net_price(each, {}, AHEAD, cut) for each in (made, other))
    np.testing.assert_array_equal(one.mean, two.mean)
    np.testing.assert_array_equal(one.calibration.usual, two.calibration.usual)
