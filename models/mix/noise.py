"""Structure of the residual: AR(1) in time, common shocks across territories, own widths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from statsmodels.regression.linear_model import yule_walker

from models.mix.panel import Floats


@dataclass(frozen=True)
class Noise:
    """Residual covariance up to sigma^2: AR(1) in time (x) exchangeable territories (x) widths.

    `rho` is the autocorrelation, `common` the correlation between any two territories at one
    date, `width` (G,) the standard deviation of each territory relative to sigma.
    """

    rho: float
    common: float
    width: Floats

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
        """Quasi-difference (G, T, ...) so that residuals become independent, sd sigma.

        The first date is kept (Prais and Winsten, 1954).
        """
        x = self._spread(self._divide(x))
        out = x.copy()
        out[:, 0] *= np.sqrt(1.0 - self.rho**2)
        out[:, 1:] -= self.rho * x[:, :-1]
        return out

    def transpose(self, e: Floats) -> Floats:
        """The transpose of `whiten`, for gradients; e is (G, T)."""
        out = e.copy()
        out[:, 0] *= np.sqrt(1.0 - self.rho**2)
        out[:, :-1] -= self.rho * e[:, 1:]
        return self._divide(self._spread(out))

    def log_root(self, dates: int) -> float:
        """log |W| of the whitening matrix W over `dates` dates and all territories."""
        count = len(self.width)
        ar = 0.5 * count * np.log(1.0 - self.rho**2)
        spread = -0.5 * dates * (
            (count - 1) * np.log(1.0 - self.common) + np.log(1.0 + (count - 1) * self.common)
        )
        return float(ar + spread - dates * np.log(self.width).sum())


def plain_noise(territories: int) -> Noise:
    """Independent residuals of one width: where estimation starts."""
    return Noise(rho=0.0, common=0.0, width=np.ones(territories))


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
        np.mean([yule_walker(row, order=1, method="mle", result_object=False)[0][0] if row.any() else 0.0 for row in unit])
    )
    common = 0.0
    if count > 1:
        shared = float(unit.mean(axis=0).var()) / float(unit.var(axis=1).mean() + 1e-300)
        common = (count * shared - 1.0) / (count - 1)
    return Noise(
        rho=float(np.clip(rho, -0.5, 0.95)), common=float(np.clip(common, 0.0, 0.95)), width=width
    )
