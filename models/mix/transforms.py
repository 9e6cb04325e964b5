"""Carry-over and saturation of exposure, with their derivatives."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter
from scipy.special import expit

from models.mix.panel import Floats

#: Exposure below this (in units of its mean) counts as none: its logarithm is not taken.
NO_EXPOSURE = 1e-9


def adstock(exposure: Floats, alpha: float) -> Floats:
    """Geometric carry-over with normalised weights, along the last axis.

    a_t = (1 - alpha) * sum_l alpha^l * x_(t-l), over every earlier date of the window; exposure
    before the window counts as zero. Source: Broadbent (1979), One Way TV Advertisements Work.
    """
    out: Floats = lfilter([1.0 - alpha], [1.0, -alpha], exposure, axis=-1)
    return out


def adstock_slope(exposure: Floats, carried: Floats, alpha: float) -> Floats:
    """d adstock / d alpha, given `carried` = adstock(exposure, alpha)."""
    change = -exposure
    change[..., 1:] += carried[..., :-1]
    out: Floats = lfilter([1.0], [1.0, -alpha], change, axis=-1)
    return out


def hill(carried: Floats, half: float, shape: float) -> Floats:
    """Saturation a^s / (a^s + k^s): 0 without exposure, 1/2 at a = k, below 1 always.

    Source: Hill (1910); for media Jin, Wang, Sun, Chan and Koehler (2017), Bayesian Methods for
    Media Mix Modeling with Carryover and Shape Effects.
    """
    seen = carried > NO_EXPOSURE
    logs = np.log(np.where(seen, carried, 1.0) / half)
    return np.where(seen, expit(shape * logs), 0.0)
