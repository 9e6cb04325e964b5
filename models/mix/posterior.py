"""The posterior of the nonlinear parameters, with everything linear integrated out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, lapack, solve_triangular
from scipy.special import expit

from models.mix.baseline import WIDTH_PRIORS, Design
from models.mix.noise import Noise
from models.mix.panel import Driver, Floats, Panel
from models.mix.spec import MixSpec, Prior
from models.mix.transforms import NO_EXPOSURE, adstock, adstock_slope, hill

_TINY_ALPHA = 1e-6


@dataclass(frozen=True)
class Curve:
    """A driver's nonlinear parameters at one draw.

    `share` is the driver's share of total net revenue: the coefficient is chosen so. It is
    positive but for publicity. `half` is in units of mean exposure, `effects` (G,) multiply the
    effect in each territory.
    """

    alpha: float
    share: float
    half: float
    shape: float
    effects: Floats


@dataclass(frozen=True)
class Terms:
    """What the linear part looks like at one draw."""

    coefficients: Floats  # posterior mean (P,)
    root: Floats  # lower Cholesky factor of the posterior precision (P, P)
    prior_sd: Floats  # (P,)
    sigma: float


@dataclass(frozen=True)
class _Collapsed:
    """The linear part integrated out: log likelihood, and what its gradient needs.

    `residual` (N,) whitened, at the conditional mean; `ratio` (P,) posterior over prior variance;
    `units` (P,) conditional mean in prior sds.
    """

    value: float
    sigma: float
    residual: Floats
    ratio: Floats
    units: Floats


class Posterior:
    """log p(theta | outcome) up to a constant, and its gradient.

    theta is standardised: each entry has a N(0, 1) prior and maps to log k, log s, logit alpha,
    log share, log sigma or the log of a pooled prior width. With r the outcome less nonlinear
    drivers and Z the linear part with prior covariance S, r ~ N(0, Z S Z' + sigma^2 Omega); Omega
    is `noise`. Cost is O(N P + P^3) a gradient.

    Args:
        panel: the release as arrays.
        saturating: media and organic drivers; publicity: drivers whose effect may be negative.
        design: the linear part; noise: the residual's structure.
        dates: use only the first `dates` dates (for a holdout).
    """

    def __init__(
        self,
        panel: Panel,
        saturating: tuple[Driver, ...],
        publicity: tuple[Driver, ...],
        design: Design,
        *,
        noise: Noise,
        spec: MixSpec,
        dates: int | None = None,
    ) -> None:
        dates = dates or len(panel.dates)
        self.panel, self.design, self.noise = panel, design, noise
        self.saturating, self.publicity = saturating, publicity
        self.exposures = [
            np.ascontiguousarray(d.per_head[:, :dates]) / d.per_head.mean()
            for d in (*saturating, *publicity)
        ]
        self.stacked = np.array(self.exposures).reshape(-1, len(panel.territories), dates)
        self._idle = bool((self.stacked == 0).any())
        self.outcome = panel.relative[:, :dates]
        self.weight = np.repeat(panel.size[:, None], dates, axis=1) / (panel.size.sum() * dates)
        self._flat_weight = self.weight.ravel()
        columns = design.matrix.shape[2]
        whitened = noise.whiten(design.matrix[:, :dates])
        self.whitened = np.ascontiguousarray(whitened.reshape(-1, columns))
        self.gram = self.whitened.T @ self.whitened
        self.log_root = noise.log_root(dates)
        # Over many territories their differences average out of every total: one effect will do.
        self.pooled = 2 <= len(panel.territories) <= spec.most_territory_effects
        media, events = 4 * len(saturating), 3 * len(publicity)
        places = len(panel.territories) * len(self.exposures) if self.pooled else 0
        self._media = slice(0, media)
        self._publicity = slice(media, media + events)
        self._territory = slice(media + events, media + events + places)
        self._sigma = media + events + places
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
        count = len(self.saturating)
        for driver, exposure, share in zip(
            self.saturating, self.exposures[:count], shares, strict=True
        ):
            usual = _usual(exposure, carry)
            centre, spread = spec.half_saturation.centre, spec.half_saturation.spread
            priors += [
                carry,
                Prior(centre + np.log(usual), spread),
                spec.shape,
                Prior(spec.driver_share.centre + np.log(share), spec.driver_share.spread),
            ]
            parts = ("alpha", "half_saturation", "shape", "share")
            names += [(driver.kind, driver.name, part) for part in parts]
        widths = []
        for driver, exposure in zip(self.publicity, self.exposures[count:], strict=True):
            usual = _usual(exposure, carry)
            # Coverage may hurt, so its share has a sign; `publicity_width` of net revenue at
            # usual exposure is this share over the window.
            widths.append(spec.publicity_width / usual)
            half = spec.publicity_half_saturation
            priors += [carry, Prior(half.centre + np.log(usual), half.spread), Prior(0.0, 1.0)]
            for part in ("alpha", "half_saturation", "share"):
                names.append((driver.kind, driver.name, part))
        self._publicity_width = np.array(widths, dtype=np.float64)
        if self.pooled:
            for driver in (*self.saturating, *self.publicity):
                for territory in self.panel.territories:
                    priors.append(Prior(0.0, spec.territory_spread))
                    names.append((driver.kind, driver.name, f"territory_effect {territory}"))
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
        alphas, shares, halves, shapes, effects = self._unpack(self.centres + self.spreads * theta)
        return Curve(
            alpha=float(alphas[driver]),
            share=float(shares[driver]),
            half=float(halves[driver]),
            shape=float(shapes[driver]),
            effects=effects[driver],
        )

    def response(self, theta: Floats, driver: int) -> tuple[Floats, Floats]:
        """Contribution of a driver (G, T), and its ceiling (G,) at full saturation.

        Both are in units of `panel.scale` per unit of size.
        """
        curve = self.curve(theta, driver)
        carried = adstock(self.exposures[driver], curve.alpha)
        shaped = curve.effects[:, None] * hill(carried, curve.half, curve.shape)
        scale = curve.share / float((self.weight * shaped).sum())
        return scale * shaped, scale * curve.effects

    def residual(self, theta: Floats) -> Floats:
        """Outcome less every nonlinear driver, (G, T)."""
        left = self.outcome.copy()
        for driver in range(len(self.exposures)):
            left -= self.response(theta, driver)[0]
        return left

    def _scales(self, theta: Floats) -> tuple[float, Floats]:
        raw = self.centres + self.spreads * theta
        first = self._sigma
        sd = self._widths.copy()
        for group, members in enumerate(self._members):
            sd[members] *= np.exp(raw[first + 1 + group])
        return float(np.exp(raw[first])), sd

    def with_noise(self, noise: Noise, theta: Floats) -> float:
        """Log likelihood of another residual structure at theta, sigma refitted to it.

        Sigma by MacKay's (1992) fixed point: what is left over by its degrees of freedom.
        """
        white = noise.whiten(self.residual(theta)).ravel()
        columns = self.design.matrix.shape[2]
        dates = self.outcome.shape[1]
        z = noise.whiten(self.design.matrix[:, :dates]).reshape(-1, columns)
        gram, moment = z.T @ z, z.T @ white
        sigma, sd = self._scales(theta)
        value = -np.inf
        for _ in range(4):
            root, failed = lapack.dpotrf(gram / sigma**2 + np.diag(sd**-2), lower=1)
            if failed:
                return -np.inf
            beta = lapack.dpotrs(root, moment / sigma**2, lower=1)[0]
            ratio = np.diag(lapack.dpotri(root, lower=1)[0]) / sd**2
            squares = max(float(white @ white - 2 * moment @ beta + beta @ gram @ beta), 0.0)
            value = (
                -0.5 * (squares / sigma**2 + float(((beta / sd) ** 2).sum()))
                - white.size * np.log(sigma)
                - float(np.log(np.diag(root)).sum())
                + noise.log_root(dates)
            )
            sigma = np.sqrt(squares / max(white.size - len(sd) + float(ratio.sum()), 1.0)) + 1e-12
        return float(value)

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
        count, every = len(self.saturating), len(self.exposures)
        raw = self.centres + self.spreads * theta
        alphas, shares, halves, shapes, effects = self._unpack(raw)
        carried = np.empty_like(self.stacked)
        for driver in range(every):
            carried[driver] = adstock(self.stacked[driver], alphas[driver])
        safe = np.maximum(carried, NO_EXPOSURE)
        logs = np.log(safe)
        logs -= np.log(halves)[:, None, None]
        filled = expit(shapes[:, None, None] * logs)
        if self._idle:
            filled *= carried > NO_EXPOSURE
        shaped = filled * effects[:, :, None]
        flat = shaped.reshape(every, -1)
        means = flat @ self._flat_weight
        scales = shares / means
        left = self.outcome - (scales @ flat).reshape(self.outcome.shape)

        linear = self._collapse(left, theta)
        if linear is None:
            return -np.inf, np.zeros_like(theta)
        pull = self.noise.transpose(linear.residual.reshape(left.shape) / linear.sigma**2).ravel()
        credit = (flat @ pull) / means
        push = scales[:, None] * (pull - credit[:, None] * self._flat_weight)
        slope = np.zeros_like(raw)
        each = push * flat
        bend = each * (1.0 - filled.reshape(every, -1))
        by_level = bend / safe.reshape(every, -1)
        along = np.zeros(every)
        for driver in range(every):
            steep = adstock_slope(self.stacked[driver], carried[driver], alphas[driver])
            along[driver] = by_level[driver] @ steep.ravel()
        along *= shapes * alphas * (1.0 - alphas)
        by_half = -shapes * bend.sum(axis=1)
        by_shape = shapes * np.einsum("dn,dn->d", bend, logs.reshape(every, -1))
        media = [along[:count], by_half[:count], by_shape[:count], (shares * credit)[:count]]
        slope[self._media] = np.stack(media, axis=1).ravel()
        events = [along[count:], by_half[count:], credit[count:] * self._publicity_width]
        slope[self._publicity] = np.stack(events, axis=1).ravel()
        if self.pooled:
            slope[self._territory] = each.reshape(shaped.shape).sum(axis=2).ravel()
        first = self._sigma
        squares = float(linear.residual @ linear.residual) / linear.sigma**2
        free = linear.residual.size - len(linear.ratio) + float(linear.ratio.sum())
        slope[first] = squares - free
        shrink = linear.ratio + linear.units**2 - 1.0
        for group, members in enumerate(self._members):
            slope[first + 1 + group] = float(shrink[members].sum())
        return linear.value - 0.5 * float(theta @ theta), self.spreads * slope - theta

    def _collapse(self, left: Floats, theta: Floats) -> _Collapsed | None:
        """Integrate the linear part out of what the drivers leave, (G, T); None if it overflows."""
        sigma, sd = self._scales(theta)
        white = self.noise.whiten(left).ravel()
        precision = self.gram / sigma**2
        precision[np.diag_indices_from(precision)] += sd**-2
        root, failed = lapack.dpotrf(precision, lower=1)
        if failed:
            return None
        beta = lapack.dpotrs(root, (white @ self.whitened) / sigma**2, lower=1)[0]
        residual = white - self.whitened @ beta
        # r' V^-1 r = |r - Z b|^2 / sigma^2 + b' S^-1 b at the conditional mean b.
        squares = float(residual @ residual) / sigma**2 + float(((beta / sd) ** 2).sum())
        value = (
            -0.5 * squares
            - white.size * (np.log(sigma) + 0.5 * np.log(2 * np.pi))
            - float(np.log(np.diag(root)).sum())
            - float(np.log(sd).sum())
            + self.log_root
        )
        ratio = np.diag(lapack.dpotri(root, lower=1)[0]) / sd**2
        return _Collapsed(float(value), sigma, residual, ratio, beta / sd)

    def _unpack(self, raw: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """alpha, share, half-saturation, shape (D,), territory effects (D, G) of every driver."""
        media = raw[self._media].reshape(-1, 4)
        publicity = raw[self._publicity].reshape(-1, 3)
        alphas = expit(np.concatenate([media[:, 0], publicity[:, 0]]))
        alphas = np.clip(alphas, _TINY_ALPHA, 1.0 - _TINY_ALPHA)
        halves = np.exp(np.concatenate([media[:, 1], publicity[:, 1]]))
        shapes = np.concatenate([np.exp(media[:, 2]), np.ones(len(publicity))])
        shares = np.concatenate([np.exp(media[:, 3]), publicity[:, 2] * self._publicity_width])
        effects = np.ones((len(shares), len(self.panel.territories)))
        if self.pooled:
            effects = np.exp(raw[self._territory].reshape(effects.shape))
        return alphas, shares, halves, shapes, effects


def _usual(exposure: Floats, carry: Prior) -> float:
    """Exposure a driver has while it runs, in units of its mean: bursts are larger than 1."""
    running = adstock(exposure, float(expit(carry.centre)))
    return float((running**2).mean() / running.mean() ** 2)


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
