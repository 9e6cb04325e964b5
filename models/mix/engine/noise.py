"""Structure of the residual: memory in time, common shocks across series, own widths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit
from statsmodels.regression.linear_model import yule_walker

from models.mix.engine.compiling import compiled
from models.mix.frames import Floats


@compiled
def filter_dates(x: Floats, rho: float, average: float, first: float, width: Floats) -> Floats:
    """Whiten (K, S, T) in time: the inverse of an ARMA(1, 1) filter, its first date kept."""
    out = np.empty_like(x)
    for k in range(x.shape[0]):
        for s in range(x.shape[1]):
            before, last = 0.0, 0.0
            for t in range(x.shape[2]):
                now = x[k, s, t] / width[s]
                last = now - rho * before + average * last
                before = now
                out[k, s, t] = last
            out[k, s, 0] *= first
    return out


@compiled
def filter_back(e: Floats, rho: float, average: float, first: float, width: Floats) -> Floats:
    """The transpose of `filter_dates`."""
    out = np.empty_like(e)
    for k in range(e.shape[0]):
        for s in range(e.shape[1]):
            before, last = 0.0, 0.0
            for t in range(e.shape[2] - 1, -1, -1):
                now = e[k, s, t] * (first if t == 0 else 1.0)
                last = now - rho * before + average * last
                before = now
                out[k, s, t] = last / width[s]
    return out


@dataclass(frozen=True)
class Noise:
    """Residual covariance up to sigma^2: time (x) exchangeable series (x) widths.

    In time the residual is a swing that fades by `rho` a date plus white noise, which together
    are ARMA(1, 1) with moving average -rho * `white`: `white` 0 is a pure AR(1), `white` near 1
    pure noise. `common` is the correlation between any two series at one date, `width` (S,)
    the standard deviation of each series relative to sigma.
    """

    rho: float
    white: float
    common: float
    width: Floats

    @property
    def first(self) -> float:
        """Weight of the first date: one over the stationary standard deviation."""
        average = -self.rho * self.white
        variance = (1 + 2 * self.rho * average + average**2) / (1 - self.rho**2)
        return float(1.0 / np.sqrt(variance))

    def whiten(self, x: Floats) -> Floats:
        """Filter (..., S, T) in time and by width, so that what remains is white in time.

        The first date is kept (Prais and Winsten, 1954); after it the filter is the ARMA's inverse.
        Common shocks are left in: the linear part holds them as columns.
        """
        return self._each(filter_dates, x)

    def transpose(self, e: Floats) -> Floats:
        """The transpose of `whiten`, for gradients."""
        return self._each(filter_back, e)

    def _each(self, run: Callable[..., Floats], x: Floats) -> Floats:
        stacked = np.ascontiguousarray(x).reshape(-1, *x.shape[-2:])
        out = run(stacked, self.rho, self.rho * self.white, self.first, self.width)
        return out.reshape(x.shape)

    def log_root(self, dates: int) -> float:
        """log |W| of the filter over `dates` dates and all series."""
        return float(len(self.width) * np.log(self.first) - dates * np.log(self.width).sum())


def plain_noise(series: int) -> Noise:
    """Independent residuals of one width: where estimation starts."""
    return Noise(rho=0.0, white=0.0, common=0.0, width=np.ones(series))


def residual_noise(residual: Floats) -> Noise:
    """Moments of residuals (S, T): Yule-Walker rho, mean cross-correlation, shrunken widths.

    Widths are shrunk towards one width with the weight of ten dates, so that a short window does
    not trust a lucky series.
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


def likeliest_noise(start: Noise, log_likelihood: Callable[[Noise], float], dates: int) -> Noise:
    """The rho, white and common of greatest likelihood, from `start`, its widths kept.

    With the linear part integrated out this is restricted maximum likelihood (Patterson and
    Thompson, 1971): it does not mistake what trend and season have absorbed for short memory.
    Common shocks stay where they are worth their parameter (Schwarz, 1978): without them an
    estimate of many series takes a third of the time.
    """
    alone = _likeliest(start, log_likelihood, shared=False)
    series = len(start.width)
    if series == 1:
        return alone
    both = _likeliest(start, log_likelihood, shared=True)
    gain = log_likelihood(both) - log_likelihood(alone)
    return both if gain > 0.5 * np.log(series * dates) else alone


def _likeliest(start: Noise, log_likelihood: Callable[[Noise], float], *, shared: bool) -> Noise:
    """The best of all structures with, or without, common shocks."""

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
