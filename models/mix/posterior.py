"""The posterior of the nonlinear parameters, with everything linear integrated out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from models.mix.baseline import WIDTH_PRIORS, Design
from models.mix.noise import Noise
from models.mix.panel import Driver, Floats, Panel
from models.mix.spec import MixSpec, Prior
from models.mix.transforms import NO_EXPOSURE, adstock, adstock_slope, hill

_TINY_ALPHA = 1e-6


@dataclass(frozen=True)
class Curve:
    """A driver's nonlinear parameters at one draw.

    `share` is the driver's share of total net revenue: the coefficient is chosen so. For
    publicity, which does not saturate, `half` and `shape` are None and share may be negative.
    """

    alpha: float
    share: float
    half: float | None = None
    shape: float | None = None


@dataclass(frozen=True)
class Terms:
    """What the linear part looks like at one draw."""

    coefficients: Floats  # posterior mean (P,)
    root: Floats  # lower Cholesky factor of the posterior precision (P, P)
    prior_sd: Floats  # (P,)
    sigma: float


class Posterior:
    """log p(theta | outcome) up to a constant, and its gradient.

    theta is standardised: each entry has a N(0, 1) prior and maps to log k, log s, logit alpha,
    log share, log sigma or the log of a pooled prior width. With r the outcome less nonlinear
    drivers and Z the linear part with prior covariance S, r ~ N(0, Z S Z' + sigma^2 Omega); Omega
    is `noise`. Cost is O(N P + P^3) a gradient.

    Args:
        panel: the release as arrays.
        saturating: media and organic drivers; publicity: drivers with carry-over only.
        design: the linear part; noise: the residual's structure.
        dates: use only the first `dates` dates (for a holdout).
    """

    def __init__(
        self,
        panel: Panel,
        saturating: tuple[Driver, ...],
        publicity: tuple[Driver, ...],
        design: Design,
        noise: Noise,
        spec: MixSpec,
        dates: int | None = None,
    ) -> None:
        dates = dates or len(panel.dates)
        self.panel, self.design, self.noise = panel, design, noise
        self.saturating, self.publicity = saturating, publicity
        self.exposures = [
            np.ascontiguousarray(d.per_size[:, :dates]) / d.per_size.mean()
            for d in (*saturating, *publicity)
        ]
        self.outcome = panel.relative[:, :dates]
        self.weight = np.repeat(panel.size[:, None], dates, axis=1) / (panel.size.sum() * dates)
        columns = design.matrix.shape[2]
        whitened = noise.whiten(design.matrix[:, :dates])
        self.whitened = np.ascontiguousarray(whitened.reshape(-1, columns))
        self.gram = self.whitened.T @ self.whitened
        self.log_root = noise.log_root(dates)
        self.centres, self.spreads, self.names = self._priors(spec)
        groups = [column.group for column in design.columns]
        self._members = [
            np.array([i for i, g in enumerate(groups) if g == group]) for group in design.groups
        ]
        self._widths = np.array([column.width for column in design.columns])

    def _priors(self, spec: MixSpec) -> tuple[Floats, Floats, list[tuple[str, str, str]]]:
        carry = spec.adstock_day if self.panel.grain == "day" else spec.adstock_week
        shares = prior_shares(self.saturating, spec.media_share)
        priors: list[Prior] = []
        names: list[tuple[str, str, str]] = []
        for driver, exposure, share in zip(self.saturating, self.exposures, shares, strict=False):
            running = adstock(exposure, 1.0 / (1.0 + np.exp(-carry.centre)))
            # Exposure the driver has while it runs, in units of its mean: bursts are larger.
            usual = float((running**2).mean() / running.mean() ** 2)
            centre, spread = spec.half_saturation.centre, spec.half_saturation.spread
            priors += [
                carry,
                Prior(centre + np.log(usual), spread),
                spec.shape,
                Prior(spec.driver_share.centre + np.log(share), spec.driver_share.spread),
            ]
            parts = ("alpha", "half_saturation", "shape", "share")
            names += [(driver.kind, driver.name, part) for part in parts]
        for driver in self.publicity:
            priors += [carry, Prior(0.0, 1.0)]
            names += [(driver.kind, driver.name, part) for part in ("alpha", "share")]
        self._publicity_width = []
        for exposure in self.exposures[len(self.saturating) :]:
            running = adstock(exposure, 1.0 / (1.0 + np.exp(-carry.centre)))
            usual = float((running**2).mean() / running.mean() ** 2)
            # `publicity_width` of net revenue at usual exposure is this share over the window.
            self._publicity_width.append(spec.publicity_width / usual)
        priors.append(Prior(np.log(0.1), 1.0))
        names.append(("residual", "residual", "sigma"))
        for group in self.design.groups:
            priors.append(WIDTH_PRIORS[group])
            names.append(("baseline", group, "prior_width"))
        return (
            np.array([p.centre for p in priors]),
            np.array([p.spread for p in priors]),
            names,
        )

    @property
    def size(self) -> int:
        """Number of nonlinear parameters."""
        return len(self.centres)

    def curve(self, theta: Floats, driver: int) -> Curve:
        """Parameters of the driver at position `driver` (saturating first, then publicity)."""
        raw = self.centres + self.spreads * theta
        if driver < len(self.saturating):
            alpha, half, shape, share = raw[4 * driver : 4 * driver + 4]
            return Curve(_expit(alpha), float(np.exp(share)), np.exp(half), np.exp(shape))
        at = driver - len(self.saturating)
        alpha, share = raw[4 * len(self.saturating) + 2 * at :][:2]
        return Curve(_expit(alpha), float(share) * self._publicity_width[at])

    def response(self, theta: Floats, driver: int) -> Floats:
        """Contribution of a driver (G, T), in units of `panel.scale` per unit of size."""
        curve = self.curve(theta, driver)
        carried = adstock(self.exposures[driver], curve.alpha)
        if curve.half is not None and curve.shape is not None:
            carried = hill(carried, curve.half, curve.shape)
        out: Floats = curve.share * carried / float((self.weight * carried).sum())
        return out

    def ceiling(self, theta: Floats, driver: int) -> float:
        """What a saturating driver would bring at full saturation, per unit of size and date."""
        curve = self.curve(theta, driver)
        if curve.half is None or curve.shape is None:
            return float("inf")
        carried = adstock(self.exposures[driver], curve.alpha)
        return curve.share / float((self.weight * hill(carried, curve.half, curve.shape)).sum())

    def residual(self, theta: Floats) -> Floats:
        """Outcome less every nonlinear driver, (G, T)."""
        left = self.outcome.copy()
        for driver in range(len(self.exposures)):
            left -= self.response(theta, driver)
        return left

    def _scales(self, theta: Floats) -> tuple[float, Floats]:
        raw = self.centres + self.spreads * theta
        first = len(raw) - len(self._members) - 1
        sd = self._widths.copy()
        for group, members in enumerate(self._members):
            sd[members] *= np.exp(raw[first + 1 + group])
        return float(np.exp(raw[first])), sd

    def terms(self, theta: Floats) -> Terms:
        """Gaussian posterior of the linear coefficients given theta."""
        sigma, sd = self._scales(theta)
        white = self.noise.whiten(self.residual(theta)).ravel()
        precision = self.gram / sigma**2 + np.diag(sd**-2)
        factor = cho_factor(precision, lower=True)
        mean = cho_solve(factor, self.whitened.T @ white / sigma**2)
        return Terms(mean, np.tril(factor[0]), sd, sigma)

    def draw_linear(self, theta: Floats, rng: np.random.Generator) -> Floats:
        """One draw of the linear coefficients given theta, (P,)."""
        terms = self.terms(theta)
        noise = rng.standard_normal(len(terms.coefficients))
        draw: Floats = terms.coefficients + solve_triangular(
            terms.root, noise, lower=True, trans="T"
        )
        return draw

    def value_and_gradient(self, theta: Floats) -> tuple[float, Floats]:
        """log posterior and its exact gradient; (-inf, 0) where it overflows."""
        with np.errstate(all="ignore"):
            value, gradient = self._value_and_gradient(theta)
        if not np.isfinite(value) or not np.isfinite(gradient).all():
            return -np.inf, np.zeros_like(theta)
        return value, gradient

    def _value_and_gradient(self, theta: Floats) -> tuple[float, Floats]:
        count = len(self.saturating)
        raw = self.centres + self.spreads * theta
        left = self.outcome.copy()
        kept = []
        for driver, exposure in enumerate(self.exposures):
            curve = self.curve(theta, driver)
            alpha = min(max(curve.alpha, _TINY_ALPHA), 1 - _TINY_ALPHA)
            carried = adstock(exposure, alpha)
            shaped = carried
            if curve.half is not None and curve.shape is not None:
                shaped = hill(carried, curve.half, curve.shape)
            mean = float((self.weight * shaped).sum())
            left -= (curve.share / mean) * shaped
            kept.append((curve, alpha, carried, shaped, mean))

        sigma, sd = self._scales(theta)
        variance = sigma**2
        white = self.noise.whiten(left).ravel()
        precision = self.gram / variance + np.diag(sd**-2)
        try:
            root = np.linalg.cholesky(precision)
        except np.linalg.LinAlgError:
            return -np.inf, np.zeros_like(theta)
        moment = self.whitened.T @ white / variance
        covariance = cho_solve((root, True), np.eye(len(sd)))
        beta = covariance @ moment
        unexplained = white - self.whitened @ beta
        # r' V^-1 r = (|r - Z b|^2 / sigma^2) + b' S^-1 b at the conditional mean b.
        fit = float(unexplained @ unexplained) / variance + float(((beta / sd) ** 2).sum())
        value = (
            -0.5 * fit
            - 0.5 * white.size * np.log(variance)
            - float(np.log(np.diag(root)).sum())
            - float(np.log(sd).sum())
            + self.log_root
            - 0.5 * white.size * np.log(2 * np.pi)
            - 0.5 * float(theta @ theta)
        )

        pull = self.noise.transpose(unexplained.reshape(left.shape) / variance)
        slope = np.zeros_like(raw)
        for driver, (curve, alpha, carried, shaped, mean) in enumerate(kept):
            credit = float((pull * shaped).sum()) / mean
            push = (curve.share / mean) * (pull - credit * self.weight)
            steep = adstock_slope(self.exposures[driver], carried, alpha) * (alpha * (1 - alpha))
            if driver < count and curve.half is not None and curve.shape is not None:
                seen = carried > NO_EXPOSURE
                safe = np.where(seen, carried, 1.0)
                bend = np.where(seen, push * shaped * (1 - shaped), 0.0)
                slope[4 * driver : 4 * driver + 4] = (
                    curve.shape * float((bend * steep / safe).sum()),
                    -curve.shape * float(bend.sum()),
                    curve.shape * float((bend * np.log(safe / curve.half)).sum()),
                    curve.share * credit,
                )
            else:
                at = 4 * count + 2 * (driver - count)
                slope[at] = float((push * steep).sum())
                slope[at + 1] = credit * self._publicity_width[driver - count]
        first = len(raw) - len(self._members) - 1
        trace = white.size - len(sd) + float((np.diag(covariance) / sd**2).sum())
        slope[first] = float(unexplained @ unexplained) / variance - trace
        shrink = np.diag(covariance) / sd**2 + (beta / sd) ** 2 - 1.0
        for group, members in enumerate(self._members):
            slope[first + 1 + group] = float(shrink[members].sum())
        return float(value), self.spreads * slope - theta


def prior_shares(drivers: tuple[Driver, ...], media_share: float) -> Floats:
    """Prior median share of net revenue a driver: half split by spend, half equally."""
    count = len(drivers)
    spend = np.array([max(d.spend_cents, 0) for d in drivers], dtype=np.float64)
    equal = np.full(count, 1.0 / max(count, 1))
    if spend.sum() <= 0:
        return media_share * equal
    paid = spend > 0
    # Spend splits only what the paid drivers' equal parts add up to: organic ones keep theirs.
    by_spend = np.where(paid, equal.sum() * paid.mean() * spend / spend.sum(), equal)
    out: Floats = media_share * 0.5 * (by_spend + equal)
    return out


def _expit(value: float) -> float:
    return float(1.0 / (1.0 + np.exp(-value)))
