"""Quantile functions of errors: what is read at some origins holds at others."""

import numpy as np
from scipy.stats import norm

from forecasting.calibrating import calibration_of
from forecasting.dispersion import P


def test_errors_that_last_a_whole_window_are_not_judged_by_themselves():
    """Each series has its own size of error, the same on all days of a window: four numbers a
    series. In units of its own mean, each of them would be near one, and a new one is not."""
    inside = {0.8: [], 0.95: []}
    for seed in range(100, 108):
        rng = np.random.default_rng(seed)
        size = rng.lognormal(np.log(0.1), 0.5, (40, 1))

        def errors(windows, rng=rng, size=size):
            return rng.standard_normal((windows, 40, 1)) * size * np.ones((windows, 40, 27))

        seen = errors(4)
        found = calibration_of(seen, np.exp(seen), np.full(40, "regular"))
        new = np.abs(errors(200) / found.usual[None, :, None])
        for level, held in inside.items():
            edge = np.interp((1 + level) / 2, P, found.functions["regular"][0])
            held.append((new <= edge).mean())
    assert 0.76 < np.mean(inside[0.8]) < 0.84
    assert np.mean(inside[0.95]) > 0.90


def test_a_series_beside_the_sample_is_known_by_its_own_errors_all_the_same():
    rng = np.random.default_rng(3)
    seen = rng.standard_normal((3, 20, 28)) * 0.1
    seen[:, 0] *= 4
    raced = np.ones((3, 20), dtype=bool)
    raced[:, 0] = False
    seen[1:, 0] = np.nan  # forecast at one origin only
    found = calibration_of(seen, np.exp(seen), np.full(20, "regular"), raced)
    without = calibration_of(seen[:, 1:], np.exp(seen[:, 1:]), np.full(19, "regular"))
    # Its errors move nobody's quantiles, but its own unit.
    np.testing.assert_allclose(
        found.functions["regular"], without.functions["regular"], rtol=0.05, atol=0.02
    )
    assert found.usual[0] > 1.5 * np.median(found.usual[1:])


def test_of_few_errors_intervals_are_wider_and_of_many_they_are_not():
    """One series with three windows of six months: eighteen errors that go together."""
    inside = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        errors = 0.1 * (rng.standard_normal((4, 1, 1)) + rng.standard_normal((4, 1, 6)))
        found = calibration_of(errors[:3], np.exp(errors[:3]), np.array(["regular"]))
        edge = found.usual[0] * np.interp(0.9, P, found.functions["regular"][0])
        inside.append((np.abs(errors[3]) <= edge).mean())
    assert 0.74 < np.mean(inside) < 0.86
    rng = np.random.default_rng(9)
    errors = 0.1 * rng.standard_normal((4, 100, 42))
    found = calibration_of(errors, np.exp(errors), np.full(100, "regular"))
    edge = found.usual * np.interp(0.9, P, found.functions["regular"][0])
    new = np.abs(0.1 * rng.standard_normal((400, 100)))
    assert 0.79 < (new <= edge).mean() < 0.815


def test_a_guess_stays_as_wide_as_it_was_meant():
    """Short series that no earlier origin tells of, beside many that are told of."""
    rng = np.random.default_rng(5)
    seen = 0.1 * rng.standard_normal((3, 30, 28))
    seen[:, 20:] = np.nan
    kinds = np.where(np.arange(30) < 20, "regular", "short")
    found = calibration_of(seen, np.exp(seen), kinds)
    guess = 1.25 * norm.ppf(P)
    np.testing.assert_allclose(
        found.functions["short"][0], np.quantile(np.r_[guess, -guess], P), atol=1e-9
    )
    # Ten errors of one window are few, and no path may outweigh all the others.
    seen[0, 20, :10] = 0.1 * rng.standard_normal(10)
    few = calibration_of(seen, np.exp(seen), kinds)
    assert np.exp(few.usual[20] * few.functions["short"][0].max()) < 10
