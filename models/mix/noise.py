"""Structure of the residual: memory in time, common shocks across territories, own widths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.signal import lfilter
from scipy.special import expit, logit
from statsmodels.regression.linear_model import yule_walker

from models.mix.panel import Floats


@dataclass(frozen=True)
class Noise:
    """Residual covariance up to sigma^2: time (x) exchangeable territories (x) widths.

    In time the residual is a swing that fades by `rho` a date plus white noise, which together
    are ARMA(1, 1) with moving average -rho * `white`: `white` 0 is a pure AR(1), `white` near 1
    pure noise. `common` is the correlation between any two territories at one date, `width` (G,)
    the standard deviation of each territory relative to sigma.
    """

    rho: float
    white: float
    common: float
    width: Floats

    @property
    def _first(self) -> float:
        """Weight of the first date: one over the stationary standard deviation."""
        average = -self.rho * self.white
        variance = (1 + 2 * self.rho * average + average**2) / (1 - self.rho**2)
        return float(1.0 / np.sqrt(variance))

    def _spread(self, x: Floats) -> Floats:
        """Remove the common shock: symmetric root of the inverse exchangeable correlation."""
        count = x.shape[0]
        mean = x.mean(axis=0, keepdims=True)
        own = 1.0 / np.sqrt(1.0 - self.common)
        shared = 1.0 / np.sqrt(1.0 + (count - 1) * self.common)
        out: Floats = own * x + (shared - own) * mean
        return out

    def _divide(self, x: Floats) -> Floats:
        out: Floats = x / self.width.reshape((-1,) + (1,) * (x.ndim - 1))
        return out

    def whiten(self, x: Floats) -> Floats:
        """Filter (G, T, ...) so that residuals become independent with standard deviation sigma.

        The first date is kept (Prais and Winsten, 1954); after it the filter is the ARMA's inverse.
        """
        x = self._spread(self._divide(x))
        out: Floats = lfilter([1.0, -self.rho], [1.0, -self.rho * self.white], x, axis=1)
        out[:, 0] *= self._first
        return out

    def transpose(self, e: Floats) -> Floats:
        """The transpose of `whiten`, for gradients; e is (G, T)."""
        back = e[:, ::-1].copy()
        back[:, -1] *= self._first
        back = lfilter([1.0, -self.rho], [1.0, -self.rho * self.white], back, axis=1)
        return self._divide(self._spread(back[:, ::-1]))

    def log_root(self, dates: int) -> float:
        """log |W| of the whitening matrix W over `dates` dates and all territories."""
        count = len(self.width)
        spread = (
            -0.5
            * dates
            * ((count - 1) * np.log(1.0 - self.common) + np.log(1.0 + (count - 1) * self.common))
        )
        return float(count * np.log(self._first) + spread - dates * np.log(self.width).sum())


def plain_noise(territories: int) -> Noise:
    """Independent residuals of one width: where estimation starts."""
    return Noise(rho=0.0, white=0.0, common=0.0, width=np.ones(territories))


def residual_noise(residual: Floats) -> Noise:
    """Moments of residuals (G, T): Yule-Walker rho, mean cross-correlation, shrunken widths.

    Widths are shrunk towards one width with the weight of ten dates, so that a short window does
    not trust a lucky territory.
    """
    count, dates = residual.shape
    variance = residual.var(axis=1)
    pooled = float(variance.mean()) + 1e-300
    width = np.sqrt((dates * variance + 10 * pooled) / (dates + 10) / pooled)
    unit = residual / width[:, None]
    rho = float(
        np.mean(
            [
                yule_walker(row, order=1, method="mle", result_object=False)[0][0]
                for row in unit
                if row.any()
            ]
            or [0.0]
        )
    )
    common = 0.0
    if count > 1:
        shared = float(unit.mean(axis=0).var()) / float(unit.var(axis=1).mean() + 1e-300)
        common = (count * shared - 1.0) / (count - 1)
    return Noise(
        rho=float(np.clip(rho, -0.5, 0.95)),
        white=0.0,
        common=float(np.clip(common, 0.0, 0.95)),
        width=width,
    )


def likeliest_noise(start: Noise, log_likelihood: Callable[[Noise], float]) -> Noise:
    """The rho, white and common of greatest likelihood, from `start`, its widths kept.

    With the linear part integrated out this is restricted maximum likelihood (Patterson and
    Thompson, 1971): it does not mistake what trend and season have absorbed for short memory.
    """
    shared = len(start.width) > 1

    def noise(x: Floats) -> Noise:
        rho, white, common = -0.5 + 1.48 * expit(x[0]), 0.98 * expit(x[1]), 0.0
        if shared:
            common = 0.95 * expit(x[2])
        return Noise(float(rho), float(white), float(common), start.width)

    def loss(x: Floats) -> float:
        # A weak pull to the middle keeps flat directions (white noise has any rho) in bounds.
        return -log_likelihood(noise(x)) + 0.02 * float(x @ x)

    first = [
        logit(np.clip((start.rho + 0.5) / 1.48, 0.05, 0.95)),
        logit(np.clip(start.white / 0.98, 0.05, 0.95)),
        logit(np.clip(start.common / 0.95, 0.01, 0.95)),
    ]
    x0 = np.array(first if shared else first[:2])
    steps = np.vstack([x0, x0 + np.diag([1.0, 1.5, 1.0][: len(x0)])])
    options = {"initial_simplex": steps, "maxfev": 70, "xatol": 0.03, "fatol": 0.02}
    return noise(minimize(loss, x0, method="Nelder-Mead", options=options).x)
