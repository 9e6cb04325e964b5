"""Checks of an estimate: what must stop a publication and what a reader must be told."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from statsmodels.stats.diagnostic import acorr_ljungbox
from statsmodels.stats.outliers_influence import variance_inflation_factor
from statsmodels.stats.stattools import durbin_watson

from models.mix.baseline import window_exposure
from models.mix.frames import Floats
from models.mix.holdout import Holdout, hold_out
from models.mix.panel import Driver, Panel
from models.mix.posterior import Posterior
from models.mix.problem import Problem
from models.mix.result import Estimate

COLUMNS = ["check_name", "subject", "severity", "status", "figure", "threshold", "text"]
LEAK_CORRELATION = 0.9
PAIR_CORRELATION = 0.9
VARIANCE_INFLATION = 10.0
ROWS_PER_PARAMETER = 10.0
CALENDAR_FIT = 0.4

Row = tuple[str, str, str, str, float, float, str]


def row(  # noqa: PLR0917
    name: str, subject: str, severity: str, passed: bool, figure: float, threshold: float, text: str
) -> Row:
    """One line of the checks table; a check that does not pass has its severity for status."""
    return (name, subject, severity, "pass" if passed else severity, figure, threshold, text)


def checks_frame(rows: list[Row]) -> pd.DataFrame:
    """The checks table, sorted by check and subject."""
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame = frame.astype({"figure": np.float64, "threshold": np.float64})
    return frame.sort_values(["check_name", "subject"], ignore_index=True)


def input_checks(panel: Panel, parameters: int) -> list[Row]:
    """What the data alone say: leaking controls, collinear media, idle drivers, little data."""
    rows = []
    outcome = _standardise(panel.relative).ravel()
    for driver in panel.drivers:
        if driver.kind != "control":
            continue
        name = driver.name
        figure = float(np.mean(_standardise(driver.exposure).ravel() * outcome))
        rows.append(
            row(
                "control_leaks_outcome",
                name,
                "warn",
                abs(figure) < LEAK_CORRELATION,
                figure,
                LEAK_CORRELATION,
                f"Control {name} moves with net revenue (correlation {figure:.2f}). At 0.9 and "
                "above it is likely a consequence of sales or of the same demand and takes credit "
                "from media: leave it out or say why it causes sales.",
            )
        )
    for driver in panel.drivers:
        level = float(np.ptp(driver.exposure, axis=1).max())
        rows.append(
            row(
                "driver_varies",
                f"{driver.kind} {driver.name}",
                "warn",
                driver.varies,
                level,
                0.0,
                f"Exposure of {driver.kind} {driver.name} moves by at most {level:.6g}. A driver "
                "that never moves cannot be told from the baseline: it is left out of the model "
                "and reported with a contribution of zero, whatever was spent on it.",
            )
        )
        if driver.negative_cells:
            rows.append(
                row(
                    "exposure_not_negative",
                    f"{driver.kind} {driver.name}",
                    "warn",
                    False,
                    float(driver.negative_cells),
                    0.0,
                    f"{driver.negative_cells} cells of {driver.kind} {driver.name} have negative "
                    "exposure (credits?); they were read as zero exposure, spend is kept.",
                )
            )
    observations = panel.ticks.size
    ratio = observations / parameters
    rows.append(
        row(
            "data_per_parameter",
            "model",
            "warn",
            ratio >= ROWS_PER_PARAMETER,
            ratio,
            ROWS_PER_PARAMETER,
            f"{observations} observations for {parameters} parameters; below 10 each the priors "
            "decide much of the answer: a longer window or fewer drivers would help.",
        )
    )
    return rows + _collinearity(
        panel, [d for d in panel.drivers if d.varies and d.kind != "control"]
    )


def demand_checks(posterior: Posterior) -> list[Row]:
    """How much of each driver's exposure the calendar explains: such a driver follows demand."""
    design = posterior.design
    calendar = [i for i, c in enumerate(design.columns) if c.kind in ("baseline", "holiday")]
    columns = design.shared[calendar].reshape(len(calendar), -1).T
    columns = np.column_stack([columns, np.ones(len(columns))])
    rows = []
    for entry in posterior.response.entries:
        driver = entry.driver
        exposure = window_exposure(posterior.panel, driver)
        own = exposure - exposure.mean(axis=1, keepdims=True)
        # Levels soak up territory means; the share explained is of the movement in time.
        left = own.ravel() - columns @ np.linalg.lstsq(columns, own.ravel(), rcond=None)[0]
        figure = 1.0 - float(left @ left) / float((own**2).sum())
        rows.append(
            row(
                "driver_follows_calendar",
                f"{driver.kind} {driver.name}",
                "warn",
                figure < CALENDAR_FIT,
                figure,
                CALENDAR_FIT,
                f"Trend, season, weekday and holidays explain {figure:.0%} of the movement of "
                f"{driver.kind} {driver.name}. A driver bought when demand is high is credited "
                "with demand that no table shows: read its upper half with care, or test it.",
            )
        )
    return rows


def _collinearity(panel: Panel, drivers: list[Driver]) -> list[Row]:
    if len(drivers) < 2:
        return []
    x = np.stack([_standardise(window_exposure(panel, d)).ravel() for d in drivers], axis=1)
    correlation = (x.T @ x) / len(x)
    rows = []
    for i, driver in enumerate(drivers):
        with warnings.catch_warnings(), np.errstate(divide="ignore"):
            # Perfect collinearity gives an infinite factor: that is the finding, not a fault.
            warnings.simplefilter("ignore")
            figure = min(float(variance_inflation_factor(x, i)), 1e6)
        rows.append(
            row(
                "driver_collinearity",
                f"{driver.kind} {driver.name}",
                "warn",
                figure < VARIANCE_INFLATION,
                figure,
                VARIANCE_INFLATION,
                f"Variance inflation of {driver.kind} {driver.name} is {figure:.1f}; from 10 its "
                "effect cannot be told from the others': read their sum, or vary them apart.",
            )
        )
        for j in range(i + 1, len(drivers)):
            pair = float(correlation[i, j])
            if abs(pair) >= PAIR_CORRELATION:
                names = f"{driver.kind} {driver.name} and {drivers[j].kind} {drivers[j].name}"
                rows.append(
                    row(
                        "driver_pair_correlation",
                        names,
                        "warn",
                        False,
                        pair,
                        PAIR_CORRELATION,
                        f"Exposure of {names} moves together (correlation {pair:.2f}): their split "
                        "is the prior's, only their sum is the data's.",
                    )
                )
    return rows


def estimate_checks(estimate: Estimate) -> list[Row]:
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
    for i, (kind, name, part) in enumerate(estimate.posterior.names):
        if part in ("share", "coefficient"):
            figure = float(draws.flat[:, i].std())
            rows.append(
                row(
                    "driver_informed",
                    f"{kind} {name}",
                    "warn",
                    figure < 0.9,
                    figure,
                    0.9,
                    f"The posterior of {kind} {name} is {figure:.2f} times as wide as its prior; "
                    "near 1 the data say nothing about this driver.",
                )
            )
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
                "more than is sold: a control or collinear driver takes too much credit.",
            )
        )
    return rows


def judge(problem: Problem, estimate: Estimate) -> tuple[pd.DataFrame, dict[str, float]]:
    """Every check of an estimate, and its figures."""
    panel, posterior, draws = estimate.panel, estimate.posterior, estimate.draws
    rows = input_checks(panel, problem.parameters)
    rows += demand_checks(posterior)
    rows += estimate_checks(estimate)
    found = posterior.at(draws.flat.mean(axis=0))[1]
    sigma = posterior.prior_sds(draws.flat.mean(axis=0))[2]
    residual_rows, residual_figures = residual_checks(found.residual / sigma)
    holdout = hold_out(problem, posterior, estimate.mode.theta, estimate.seed)
    fit_rows, fit_figures = fit_checks(panel, estimate.shares[-1].mean, holdout)
    figures = {
        "observations": int(panel.ticks.size),
        "parameters": problem.parameters,
        "log_posterior": estimate.mode.value,
        "mode_distance": estimate.mode.distance,
        "draws": int(draws.theta.shape[0] * draws.theta.shape[1]),
        "divergences": draws.divergences,
        "r_hat_max": float(draws.r_hat.max()),
        "ess_min": float(draws.effective.min()),
        "gradients": draws.steps,
        "sigma": sigma * panel.scale,
        "residual_rho": posterior.noise.rho,
        "residual_white": posterior.noise.white,
        "residual_common": posterior.noise.common,
        "people_source": panel.people_source,
        **residual_figures,
        **fit_figures,
    }
    return checks_frame(rows + residual_rows + fit_rows), figures


def residual_checks(whitened: Floats) -> tuple[list[Row], dict[str, float]]:
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


def fit_checks(
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
            f"The model explains {r2:.0%} of the movement of total net revenue in the window.",
        )
    ]
    if holdout is not None:
        model, naive, dates = holdout.error, holdout.naive, holdout.dates
        figures |= {
            "holdout_wape": model,
            "holdout_naive_wape": naive,
            "holdout_coverage": holdout.coverage,
            "holdout_dates": dates,
        }
        rows.append(
            row(
                "holdout_error",
                "model",
                "warn",
                model <= naive,
                model,
                naive,
                f"Fitted without the last {dates} dates the model misses their net revenue by "
                f"{model:.1%} a date, a seasonal naive by {naive:.1%}.",
            )
        )
    return rows, figures


def _standardise(values: Floats) -> Floats:
    centred = values - values.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    flat = spread <= 1e-12 * (1.0 + np.abs(values).max())
    out: Floats = np.where(flat, 0.0, centred / np.where(flat, 1.0, spread))
    return out
