"""How a market answers to pressure: carry-over, then diminishing returns."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
Chosen = NDArray[np.int64] | NDArray[np.bool_]

DELAY_LAGS = 28


def carry_over(exposure: Array, retention: float) -> Array:
    """Geometric adstock with weights that sum to one: a_t = (1 - r) x_t + r a_(t-1).

    `exposure` is days x territories; `retention` r in [0, 1) is the part of yesterday's pressure
    still felt today. Nothing was felt before the first day. Broadbent (1979).
    """
    felt = np.empty_like(exposure)
    yesterday = np.zeros(exposure.shape[1:])
    for day, today in enumerate(exposure):
        yesterday = (1.0 - retention) * today + retention * yesterday
        felt[day] = yesterday
    return felt


def delayed(exposure: Array, retention: float, peak: float) -> Array:
    """Adstock that is felt most `peak` days later: weights r^((l - peak)^2), summing to one.

    Jin, Wang, Sun, Chan and Koehler (2017), over 28 lags.
    """
    weights = np.power(retention, (np.arange(DELAY_LAGS, dtype=np.float64) - peak) ** 2)
    return lagged(exposure, weights)


def lagged(exposure: Array, weights: Array) -> Array:
    """Weighted sum of `exposure` over its last days, along the first axis; weights made to sum 1.

    Nothing was there before the first day.
    """
    felt = np.zeros_like(exposure)
    for lag, weight in enumerate(weights / weights.sum()):
        if lag < len(exposure):
            felt[lag:] += weight * exposure[: len(exposure) - lag]
    return felt


def hill(pressure: Array, half_saturation: float, slope: float) -> Array:
    """x^s / (x^s + k^s): one half at `half_saturation`, S-shaped when `slope` is above one."""
    raised = pressure**slope
    answer: Array = raised / (raised + half_saturation**slope)
    return answer


def exponential(pressure: Array, half_saturation: float) -> Array:
    """1 - 2^(-x / k): concave, one half at `half_saturation`."""
    return 1.0 - np.exp2(-pressure / half_saturation)


def logarithmic(pressure: Array, half_saturation: float) -> Array:
    """log2(1 + x / k) / 2: concave without a ceiling, one half at `half_saturation`."""
    answer: Array = np.log2(1.0 + pressure / half_saturation) / 2.0
    return answer
