"""Gates of an estimate: whether the sampler arrived, and whether the answer can be right."""

from __future__ import annotations

import numpy as np
from scipy.stats import binom, norm
from statsmodels.stats.diagnostic import acorr_ljungbox
from statsmodels.stats.stattools import durbin_watson

from models.mix.frames import Floats
from models.mix.gates.gate import Row, row
from models.mix.gates.holdout import Holdout
from models.mix.panel import Panel
from models.mix.posterior import Posterior
from models.mix.result import Estimate

#: Share of diverging draws from which the estimate is refused.
MOST_DIVERGENT = 0.01
#: Overlap of prior and posterior from which the data say nothing.
PRIOR_OVERLAP = 0.9


def estimate_gates(estimate: Estimate) -> list[Row]:
    """Whether the optimiser and the sampler arrived, and whether the answer makes sense."""
    mode, draws = estimate.mode, estimate.draws
    r_hat, effective = float(draws.r_hat.max()), float(draws.effective.min())
    rows = [
        row(
            "optimiser_converged",
            "model",
            "fail",
            mode.distance < 0.1,
            mode.distance,
            0.1,
            f"The optimiser stopped {mode.distance:.2g} posterior standard deviations from the "
            "mode; beyond 0.1 the estimate is not the model's: look for a driver or control of "
            "extreme values.",
        ),
        row(
            "sampler_converged",
            "model",
            "fail",
            r_hat <= 1.01,
            r_hat,
            1.01,
            f"Largest R-hat {r_hat:.3f}; above 1.01 the chains disagree and intervals are rough: "
            "raise sampling.draws and sampling.warmup.",
        ),
        row(
            "effective_draws",
            "model",
            "fail",
            effective >= 400,
            effective,
            400,
            f"Least effective draws {effective:.0f}; below 400 interval ends are rough: raise "
            "sampling.draws.",
        ),
    ]
    rows += [_divergences(estimate), *_informed(estimate)]
    baseline = next(share for share in estimate.shares if share.kind == "baseline")
    negative = float((baseline.mean < 0).mean())
    for name, severity, threshold in (
        ("baseline_negative", "warn", 0.05),
        ("baseline_plausible", "fail", 0.5),
    ):
        rows.append(
            row(
                name,
                "baseline",
                severity,
                negative <= threshold,
                negative,
                threshold,
                f"The baseline is negative in {negative:.0%} of the cells; drivers cannot bring "
                "more than is sold: a control or collinear driver takes too much credit; leave it "
                "out, or give it a narrower prior.",
            )
        )
    return rows + _exact(estimate)


def _divergences(estimate: Estimate) -> Row:
    draws = estimate.draws
    count = draws.theta.shape[0] * draws.theta.shape[1]
    share = draws.divergences / count
    return row(
        "sampler_divergences",
        "model",
        "fail" if share > MOST_DIVERGENT else "warn",
        draws.divergences == 0,
        share,
        0.0,
        f"{draws.divergences} of {count} draws diverged: there the posterior is too steep to walk. "
        f"Above {MOST_DIVERGENT:.0%} the intervals are not the model's: look for drivers that "
        "cannot be told apart, or narrow their priors.",
    )


def overlap(mean: float, sd: float) -> float:
    """Area that a normal density shares with the standard normal, 0 to 1."""
    at = np.linspace(-8.0, 8.0, 1601)
    step = float(at[1] - at[0])
    return float(np.minimum(norm.pdf(at), norm.pdf(at, mean, sd)).sum() * step)


def sizes(posterior: Posterior, theta: Floats) -> dict[tuple[str, str], Floats]:
    """Log of the size of every driver of a known sign in prior sds, like theta without its last
    axis: its own part and the level it shares with others."""
    drivers, problem = posterior.response.drivers, posterior.problem
    out = {}
    for d, entry in enumerate(posterior.response.entries):
        if not entry.sign:
            continue
        parts = [int(drivers.table[d, 4])]
        if drivers.pooled[d] > 0:
            parts.append(int(drivers.level_at))
        spread = problem.spreads[parts]
        out[entry.driver.kind, entry.driver.name] = theta[..., parts] @ (
            spread / np.linalg.norm(spread)
        )
    return out


def _informed(estimate: Estimate) -> list[Row]:
    """Whether data moved or narrowed what was believed of the size of each driver."""
    rows = []
    for (kind, name), values in sizes(estimate.posterior, estimate.draws.flat).items():
        figure = overlap(float(values.mean()), max(float(values.std()), 1e-9))
        rows.append(
            row(
                "driver_informed",
                f"{kind} {name}",
                "warn",
                figure < PRIOR_OVERLAP,
                figure,
                PRIOR_OVERLAP,
                f"Prior and posterior of the size of {kind} {name} overlap by {figure:.0%}; from "
                f"{PRIOR_OVERLAP:.0%} the data say nothing about this driver and its figures are "
                "the prior's: vary its spend, or test it.",
            )
        )
    return rows


def _exact(estimate: Estimate) -> list[Row]:
    """What publication relies on: finite figures, and cells that sum to the outcome."""
    panel, shares = estimate.panel, estimate.shares
    broken = sum(
        int((~np.isfinite(values)).sum())
        for share in shares
        for values in (share.mean, share.p05, share.p95, share.totals)
    )
    gap = float(np.abs(sum(share.mean for share in shares) - panel.outcome).max())
    tick = 10.0**-panel.decimals
    return [
        row(
            "results_finite",
            "model",
            "fail",
            broken == 0,
            float(broken),
            0.0,
            f"{broken} figures of the result are not finite numbers; look for a driver or control "
            "of extreme values.",
        ),
        row(
            "contributions_sum_to_outcome",
            "model",
            "fail",
            gap < 0.5 * tick * len(shares),
            gap,
            0.5 * tick * len(shares),
            f"Before rounding contributions miss the outcome by at most {gap:.2g} in a cell; the "
            "published ones sum exactly, the residual takes the rounding. A larger gap is a fault "
            "of the program: report it.",
        ),
    ]


def residual_gates(whitened: Floats) -> tuple[list[Row], dict[str, float]]:
    """Autocorrelation left after the AR(1) part, (G, T), by statsmodels."""
    dates = whitened.shape[1]
    lags = max(1, min(14, dates // 5))
    each = [
        float(acorr_ljungbox(series, lags=[lags])["lb_pvalue"].iloc[0]) if series.any() else 1.0
        for series in whitened
    ]
    # The least of several p-values is small by luck: Bonferroni.
    figure = min(1.0, min(each) * len(each))
    rows = [
        row(
            "residual_autocorrelation",
            "model",
            "warn",
            figure >= 0.01,
            figure,
            0.01,
            f"Ljung-Box p-value {figure:.3g} over {lags} lags (least of {len(each)} territories, "
            "corrected); below 0.01 residuals still depend on their past, so intervals may be too "
            "narrow: a season, holiday or event may be missing.",
        )
    ]
    watson = float(np.mean([durbin_watson(series) for series in whitened if series.any()] or [2.0]))
    return rows, {"durbin_watson": watson, "ljung_box_p": figure}


def fit_gates(
    panel: Panel, residual: Floats, holdout: Holdout | None
) -> tuple[list[Row], dict[str, float]]:
    """Fit in the window, and out of it against a seasonal naive.

    Args:
        residual: (G, T) in currency. holdout: error of the model and of the naive, dates held out.
    """
    actual = panel.outcome
    total, error = actual.sum(axis=0), residual.sum(axis=0)
    movement = float(((total - total.mean()) ** 2).sum())
    r2 = 1.0 - float((error**2).sum()) / movement if movement > 0 else 1.0
    wape = float(np.abs(error).sum() / np.abs(total).sum())
    figures = {"r2": r2, "wape": wape}
    rows = [
        row(
            "fit_r2",
            "model",
            "warn",
            r2 >= 0.5,
            r2,
            0.5,
            f"The model explains {r2:.0%} of the movement of the total outcome in the window. "
            "Below half, something that moves it is not among the drivers and controls.",
        )
    ]
    if holdout is None:
        return rows, figures
    figures |= {
        "holdout_wape": holdout.error,
        "holdout_naive_wape": holdout.naive,
        "holdout_coverage": holdout.coverage,
        "holdout_dates": holdout.dates,
    }
    # So few inside have a chance of one in a hundred where intervals are right. Series of one date
    # share their luck, so a date counts once.
    least = float(binom.ppf(0.01, holdout.dates, 0.9)) / holdout.dates
    rows += [
        row(
            "holdout_error",
            "model",
            "warn",
            holdout.error <= holdout.naive,
            holdout.error,
            holdout.naive,
            f"Fitted without the last {holdout.dates} dates the model misses their outcome by "
            f"{holdout.error:.1%} a date, a seasonal naive by {holdout.naive:.1%}. Where the naive "
            "is nearer, a driver of demand is missing: look for one in the residuals.",
        ),
        row(
            "holdout_coverage",
            "model",
            "warn",
            holdout.coverage >= least,
            holdout.coverage,
            least,
            f"Of the last {holdout.dates} dates {holdout.coverage:.0%} of the cells lie in their "
            "90 % interval when the model has not seen them. Below the threshold, which right "
            "intervals miss once in a hundred, the level has moved or intervals are too narrow: "
            "add what changed, or try the baseline `local_level`.",
        ),
    ]
    return rows, figures
