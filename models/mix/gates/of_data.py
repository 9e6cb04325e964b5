"""Gates that the data alone decide, before anything is estimated."""

from __future__ import annotations

import warnings

import numpy as np
from statsmodels.stats.outliers_influence import variance_inflation_factor

from models.mix.design.baseline import window_exposure
from models.mix.frames import Floats
from models.mix.gates.gate import Row, row
from models.mix.panel import Driver, Panel
from models.mix.posterior import Posterior

LEAK_CORRELATION = 0.9
PAIR_CORRELATION = 0.9
VARIANCE_INFLATION = 10.0
ROWS_PER_PARAMETER = 10.0
CALENDAR_FIT = 0.4
#: Share of a driver's spend that may fall on cells without exposure (late invoices, fees).
UNSEEN_SPEND = 0.05


def data_gates(panel: Panel, parameters: int) -> list[Row]:
    """What the data alone say: leaking controls, collinear media, idle drivers, little data."""
    rows = []
    outcome = standardise(panel.relative).ravel()
    for driver in panel.drivers:
        if driver.kind != "control":
            continue
        name = driver.name
        figure = float(np.mean(standardise(driver.exposure).ravel() * outcome))
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
                "and reported with a contribution of zero, whatever was spent on it. Vary it, or "
                "leave it out.",
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
                    "exposure (credits?); they were read as zero exposure, spend is kept. Correct "
                    "them at the source.",
                )
            )
        rows += _unseen_spend(driver, panel)
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


def _unseen_spend(driver: Driver, panel: Panel) -> list[Row]:
    """Money on dates and in territories where nothing was seen of the driver."""
    spent = float(np.abs(driver.spend).sum())
    if spent <= 0:
        return []
    seen = driver.exposure[:, driver.exposure.shape[1] - len(panel.dates) :] != 0
    figure = float((np.abs(driver.spend) * ~seen).sum()) / spent
    return [
        row(
            "spend_without_exposure",
            f"{driver.kind} {driver.name}",
            "fail" if figure >= 1.0 else "warn",
            figure <= UNSEEN_SPEND,
            figure,
            UNSEEN_SPEND,
            f"{figure:.0%} of the spend of {driver.kind} {driver.name} falls on dates and "
            "territories without exposure: no outcome can be credited to it. Land the missing "
            "exposure, or book the spend on the dates it ran.",
        )
    ]


def demand_gates(posterior: Posterior) -> list[Row]:
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
    x = np.stack([standardise(window_exposure(panel, d)).ravel() for d in drivers], axis=1)
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


def standardise(values: Floats) -> Floats:
    centred = values - values.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    flat = spread <= 1e-12 * (1.0 + np.abs(values).max())
    out: Floats = np.where(flat, 0.0, centred / np.where(flat, 1.0, spread))
    return out
