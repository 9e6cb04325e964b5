"""Simple forecasts for series a curve cannot be fitted to; each has a name and is reported."""

import numpy as np

from forecasting.curve import Curve
from forecasting.series import Calendar, Floats

LEAST_OBSERVATIONS = 30
LEAST_NONZERO = 10
# With fewer observations than this the spread of a series is not its own to tell.
LEAST_FOR_SPREAD = 14


def fallback_reason(y: Floats, laid: Calendar) -> str | None:
    """Why this series gets a simple forecast, or None when a curve can be fitted."""
    if not np.any(y):
        return "every sale is zero"
    if len(y) < LEAST_OBSERVATIONS:
        return f"{len(y)} observations, fewer than {LEAST_OBSERVATIONS}"
    if np.count_nonzero(y) < LEAST_NONZERO:
        return f"{np.count_nonzero(y)} periods with sales, fewer than {LEAST_NONZERO}"
    if len(y) > laid.per_year and not np.any(y[-laid.per_year :]):
        return "no sale in the last 52 weeks"
    if np.ptp(y) == 0:
        return "every observation is the same"
    return None


def simple_curve(y: Floats, ahead: int, laid: Calendar) -> Curve:
    """`zero` without sales in the last 52 weeks; `weekday_mean` over the last 4 weeks for daily
    series of at least two weeks; else `recent_mean` over the last 13 weeks."""
    n = len(y)
    weights = np.zeros((n + ahead, n))
    if not np.any(y[-laid.per_year :]):
        name = "zero"
    elif laid.grain == "day" and n >= 14:
        name = "weekday_mean"
        # Ages count back from the end of history, so that equal remainders are equal weekdays.
        recent = np.arange(n)[max(0, n - 28) :]
        for row in range(n + ahead):
            same = recent[(recent - row) % 7 == 0]
            weights[row, same] = 1 / len(same)
    else:
        name = "recent_mean"
        weights[:, -13 * laid.per_week :] = 1 / min(n, 13 * laid.per_week)
    curve = weights @ y
    mean = float(np.abs(y).mean())
    level = np.full(n + ahead, mean if mean > 0 else 1.0)
    used = float(np.trace(weights[:n]))
    correction = np.sqrt(n / max(n - used, 1.0))
    expected = curve[n:]
    trend = np.full(ahead, float(expected.mean()))
    return Curve(
        model=name,
        fitted=curve[:n],
        expected=expected,
        residual=(y - curve[:n]) / level[:n] * correction,
        level_known=level[:n],
        level_ahead=level[n:],
        refit=weights[n:],
        slope_change=0.0,
        change_rate=0.0,
        components={"trend": trend, "season": expected - trend},
    )
