"""Driver exposure by territory over history and horizon: what ran, is planned or is assumed.

A plan row says exposure, or only spend. Spend becomes exposure at the price history paid: exposure
per unit of spend over the last 52 weeks of that driver in that territory, else in all territories.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from forecasting.checks import Check
from forecasting.inputs import ForecastInputs
from forecasting.series import Calendar, Floats

Driver = tuple[str, str]
# Drivers bought ahead and always on: a plan that stops early is a gap, not a quiet week.
ALWAYS_ON = ("media", "organic")
# A planned exposure this far above everything in history asks the fit to extrapolate.
UNSEEN_RATIO = 1.5


@dataclass(frozen=True)
class Exposures:
    """Raw exposure per territory, shape (history + horizon periods, drivers), columns `drivers`."""

    drivers: tuple[Driver, ...]
    by_territory: Mapping[str, Floats]
    assumed: frozenset[Driver]
    history_length: int
    calendar: Calendar
    checks: tuple[Check, ...] = field(default=())

    def window(self, territory: str, known: int, ahead: int) -> Floats:
        """Rows of the first `known` periods of history and the `ahead` after them.

        For a past origin the periods after it are what really ran (a plan that was kept), except
        for drivers whose future is assumed: they are assumed from that origin too, so that a
        backtest knows no more than the forecast does.
        """
        raw = self.by_territory[territory][: known + ahead].copy()
        if known < self.history_length:
            for column, driver in enumerate(self.drivers):
                if driver in self.assumed:
                    raw[known:, column] = assumption(raw[:known, column], ahead, self.calendar)
        return raw


def assumption(past: Floats, ahead: int, laid: Calendar) -> Floats:
    """Last year's same weeks; with less than 52 weeks of history the mean of the last 13 weeks."""
    year = laid.per_year
    if len(past) >= year:
        same_weeks: Floats = past[len(past) - year + np.arange(ahead) % year]
        return same_weeks
    return np.full(ahead, past[-13 * laid.per_week :].mean())


def exposures(inputs: ForecastInputs, laid: Calendar, territories: list[str]) -> Exposures:
    """Join history and plan of every driver; `checks` say what was assumed, partial or unseen."""
    history = _grid(inputs.drivers, laid, "exposure")
    spend = _grid(inputs.drivers, laid, "spend")
    planned = inputs.plan[inputs.plan["date_day"] <= _last_date(laid)]
    drivers = tuple(sorted(set(_pairs(inputs.drivers))))
    in_plan = set(_pairs(planned))
    assumed = frozenset(d for d in drivers if d not in in_plan)
    n, h = len(laid.history), len(laid.future)
    matrices = {t: np.zeros((n + h, len(drivers))) for t in territories}
    for column, driver in enumerate(drivers):
        rows = planned[(planned["kind"] == driver[0]) & (planned["driver"] == driver[1])]
        for territory in territories:
            past = history.get((territory, *driver), np.zeros(n))
            matrices[territory][:n, column] = past
            if driver in assumed:
                future = assumption(past, h, laid)
            else:
                mine = rows[rows["territory_id"] == territory]
                price = _exposure_per_spend(territory, driver, history, spend, laid)
                future = _planned(mine, driver, past, price, laid)
            matrices[territory][n:, column] = future
    checks = _checks(drivers, assumed, planned, matrices, laid)
    return Exposures(drivers, matrices, assumed, n, laid, tuple(checks))


def _last_date(laid: Calendar) -> pd.Timestamp:
    return laid.future[-1] + pd.Timedelta(days=laid.step_days - 1)


def _pairs(frame: pd.DataFrame) -> list[Driver]:
    return list(zip(frame["kind"], frame["driver"], strict=True))


def _positions(days: pd.Series, start: pd.Timestamp, laid: Calendar) -> np.ndarray:
    """Period number of each day from `start`; a day inside a week belongs to that week."""
    return ((days - start).dt.days // laid.step_days).to_numpy()


def _grid(drivers: pd.DataFrame, laid: Calendar, column: str) -> dict[tuple[str, str, str], Floats]:
    rows = drivers[drivers["date_day"] >= laid.history[0]]
    filled: dict[tuple[str, str, str], Floats] = {}
    for (territory, kind, driver), cells in rows.groupby(["territory_id", "kind", "driver"]):
        row = np.zeros(len(laid.history))
        at = _positions(cells["date_day"], laid.history[0], laid)
        inside = at < len(row)
        np.add.at(row, at[inside], cells[column].to_numpy(dtype=float)[inside])
        filled[(str(territory), str(kind), str(driver))] = row
    return filled


def _exposure_per_spend(
    territory: str,
    driver: Driver,
    history: Mapping[tuple[str, str, str], Floats],
    spend: Mapping[tuple[str, str, str], Floats],
    laid: Calendar,
) -> float:
    """0 where history never paid for the driver: its spend then says nothing about exposure."""
    for keys in ([(territory, *driver)], [k for k in history if k[1:] == driver]):
        bought = sum(history[k][-laid.per_year :].sum() for k in keys if k in history)
        paid = sum(spend[k][-laid.per_year :].sum() for k in keys if k in spend)
        if bought > 0 and paid > 0:
            return float(bought / paid)
    return 0.0


def _planned(
    rows: pd.DataFrame, driver: Driver, past: Floats, price: float, laid: Calendar
) -> Floats:
    ran = past[past > 0]
    usual = float(ran.mean()) if len(ran) else 1.0
    row = np.zeros(len(laid.future))
    at = _positions(rows["date_day"], laid.future[0], laid)
    for position, exposure, spend in zip(at, rows["exposure"], rows["spend"], strict=True):
        if not 0 <= position < len(row):
            continue
        if not np.isnan(exposure):
            row[position] += exposure
        elif driver[0] in ALWAYS_ON and price > 0 and not np.isnan(spend):
            row[position] += spend * price
        else:
            # A promotion or an event without a size is as big as they usually were.
            row[position] += usual
    return row


def _checks(
    drivers: tuple[Driver, ...],
    assumed: frozenset[Driver],
    planned: pd.DataFrame,
    matrices: Mapping[str, Floats],
    laid: Calendar,
) -> list[Check]:
    n, h = len(laid.history), len(laid.future)
    span = f"{laid.future[0].date()} to {_last_date(laid).date()}"
    how = (
        "the same weeks of last year"
        if n >= laid.per_year
        else "the mean of the last 13 weeks of history"
    )
    checks = []
    for kind, driver in sorted(assumed):
        text = f"No plan for {kind} {driver} from {span}: {how} were assumed; land a plan."
        checks.append(Check.warn("plan_assumed", f"{kind}:{driver}", text, h, 0))
    for kind, driver in sorted(set(_pairs(planned)) - assumed):
        rows = planned[(planned["kind"] == kind) & (planned["driver"] == driver)]
        covered = len(np.unique(_positions(rows["date_day"], laid.future[0], laid)))
        if covered < h:
            text = (
                f"The plan of {kind} {driver} has {covered} of {h} dates from {span}; the others "
                f"count as zero."
            )
            state = "warn" if kind in ALWAYS_ON else "pass"
            subject = f"{kind}:{driver}"
            checks.append(Check("plan_partial", subject, "warn", state, covered, h, text))
    known = {
        d: max(float(m[:n, i].max()) for m in matrices.values()) for i, d in enumerate(drivers)
    }
    for kind, driver in sorted(set(_pairs(planned))):
        if known.get((kind, driver), 0.0) <= 0:
            text = (
                f"The plan has {kind} {driver}, which never ran in history: its effect is unknown "
                f"and was left out of the forecast."
            )
            checks.append(Check.warn("plan_without_history", f"{kind}:{driver}", text))
    for column, (kind, driver) in enumerate(drivers):
        past, ahead = (
            max(float(m[rows, column].max()) for m in matrices.values())
            for rows in (slice(0, n), slice(n, None))
        )
        if past > 0 and ahead > UNSEEN_RATIO * past:
            text = (
                f"The plan of {kind} {driver} reaches {ahead / past:.1f} times the largest "
                f"exposure in history: the effect beyond it is extrapolated."
            )
            subject = f"{kind}:{driver}"
            checks.append(
                Check.warn("plan_beyond_history", subject, text, ahead / past, UNSEEN_RATIO)
            )
    return checks
