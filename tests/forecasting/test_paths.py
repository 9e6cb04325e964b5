import numpy as np
import pandas as pd
import pytest

from forecasting.curve import Curve
from forecasting.paths import dependence, draw
from forecasting.series import Calendar, Series

KNOWN, AHEAD = 140, 14
DAYS = pd.date_range("2023-01-02", periods=KNOWN + AHEAD, freq="D")
LAID = Calendar("day", DAYS[:KNOWN], DAYS[KNOWN:])


def curve(residual, *, level=100.0, model="prophet_multiplicative", slope_change=0.0):
    n = len(residual)
    return Curve(
        model=model,
        fitted=np.full(n, level),
        expected=np.full(AHEAD, level),
        residual=np.asarray(residual, dtype=float),
        level_known=np.full(n, level),
        level_ahead=np.full(AHEAD, level),
        refit=np.zeros((AHEAD, n)),
        slope_change=slope_change,
        change_rate=0.1,
        components={},
    )


def drawn(curves, seed=3, width=1.0):
    series = [Series("T", f"P{i}", 0, c.fitted) for i, c in enumerate(curves)]
    shared = dependence(curves, AHEAD, LAID, seed)
    return list(draw(series, curves, LAID, shared, seed=seed, width=width)), shared


def noise(seed, scale=0.05):
    return scale * np.random.default_rng(seed).normal(size=KNOWN)


def test_paths_centre_on_the_forecast_and_spread_like_the_residuals():
    residual = noise(1)
    (paths,), _ = drawn([curve(residual)])
    np.testing.assert_allclose(paths.mean(axis=0), 100)
    assert paths.std() == pytest.approx(100 * residual.std(), rel=0.03)


def test_weekdays_keep_their_own_noise():
    residual = noise(2)
    sundays = DAYS[:KNOWN].dayofweek == 6
    residual[sundays] = 0.0
    (paths,), _ = drawn([curve(residual - residual.mean() * ~sundays)])
    ahead = DAYS[KNOWN:].dayofweek == 6
    assert paths[:, ahead].std() < 0.1 * paths[:, ~ahead].std()


def test_series_that_moved_together_move_together_ahead():
    residual = noise(4)
    (a, b), shared = drawn([curve(residual), curve(residual)])
    np.testing.assert_array_equal(a, b)
    assert shared.correlation == pytest.approx(1.0)
    # The total's spread is twice the series', where independence would make it 1.41 times.
    assert (a + b).std() == pytest.approx(2 * a.std())


def test_independent_series_partly_cancel():
    (a, b), shared = drawn([curve(noise(5)), curve(noise(6))])
    assert (a + b).std() == pytest.approx(np.hypot(a.std(), b.std()), rel=0.15)
    assert shared.correlation < 0.45


def test_a_width_scales_deviations_and_nothing_falls_below_zero():
    (narrow,), _ = drawn([curve(noise(7))])
    (wide,), _ = drawn([curve(noise(7))], width=2.0)
    np.testing.assert_allclose(wide - 100, 2 * (narrow - 100), atol=1e-9)
    (deep,), _ = drawn([curve(noise(8, scale=2.0))])
    assert deep.min() == 0.0


def test_uncertainty_of_the_trend_grows_with_the_horizon():
    (paths,), _ = drawn([curve(np.zeros(KNOWN), slope_change=1.0)])
    spread = paths.std(axis=0)
    assert (np.diff(spread) > 0).all()


def test_what_the_noise_did_to_the_fit_is_in_the_paths():
    sure = curve(noise(9))
    weights = np.full((AHEAD, KNOWN), 1 / KNOWN)
    unsure = Curve(**{**vars(sure), "refit": weights * 5})
    (a,), _ = drawn([sure])
    (b,), _ = drawn([unsure])
    assert b.sum(axis=1).std() > 1.2 * a.sum(axis=1).std()


@pytest.mark.parametrize("residual", [[0.0], [0.0, 0.1]])
def test_a_series_of_one_sale_borrows_the_spread_of_the_others(residual):
    young = curve(residual, model="recent_mean")
    (_, paths), shared = drawn([curve(noise(10)), young])
    assert shared.borrowed_spread == pytest.approx(0.05, rel=0.2)
    assert paths.std() / 100 == pytest.approx(shared.borrowed_spread, rel=0.3)
    (alone,), _ = drawn([young])
    assert alone.std() / 100 > 0.3


@pytest.mark.parametrize("length", [KNOWN - 1, KNOWN + 1, 365, 378, 384])
def test_a_history_of_any_number_of_days_can_be_drawn_from(length):
    residual = 0.05 * np.random.default_rng(13).normal(size=length)
    (paths,), _ = drawn([curve(residual)])
    assert paths.std() == pytest.approx(100 * residual.std(), rel=0.1)


def test_a_series_keeps_its_paths_when_another_is_added():
    (alone,), _ = drawn([curve(noise(11), slope_change=1.0)])
    (first, _), _ = drawn([curve(noise(11), slope_change=1.0), curve(0 * noise(12))])
    np.testing.assert_array_equal(alone, first)
