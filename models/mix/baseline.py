"""The linear part: levels, trend, seasons, holidays, controls and promotions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import holidays as calendars
import numpy as np
import pandas as pd
import statsmodels.api as sm

from models.mix.panel import Driver, Floats, Panel
from models.mix.spec import MixSpec, Prior

YEAR_DAYS = 365.25
#: Days of window a yearly season of this order needs: less window, less season.
SEASON_ORDERS = ((1.5 * YEAR_DAYS, 5), (YEAR_DAYS, 3), (0.5 * YEAR_DAYS, 1))
KNOT_DAYS = 182
MAX_KNOTS = 12

#: Prior on the log of each pooled width, in shares of mean net revenue (per year for trends).
WIDTH_PRIORS = {
    "trend": Prior(np.log(0.15), 0.7),
    "territory": Prior(np.log(0.05), 0.7),
    "season": Prior(np.log(0.10), 0.7),
    "weekday": Prior(np.log(0.10), 0.7),
    "holiday": Prior(np.log(0.10), 0.7),
    "promotion": Prior(np.log(0.02), 0.7),
}


@dataclass(frozen=True)
class Column:
    """One column of the linear part: what it belongs to and how wide its Gaussian prior is.

    `width` is the prior sd, or its multiple of the pooled width of `group` where that is named.
    `unit` is what one unit of the column is in the input's own unit. `territory` is set where the
    column is that territory's deviation from the shared effect.
    """

    kind: str
    driver: str
    width: float
    group: str | None = None
    unit: float = 1.0
    territory: str = ""


@dataclass(frozen=True)
class Design:
    """`matrix` (G, T, P) with its P columns, and the pooled groups it uses."""

    matrix: Floats
    columns: tuple[Column, ...]
    groups: tuple[str, ...]

    def of(self, kind: str, driver: str | None = None) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Indices of the columns of a kind (and driver)."""
        return np.array(
            [
                i
                for i, c in enumerate(self.columns)
                if c.kind == kind and (driver is None or c.driver == driver)
            ],
            dtype=np.int64,
        )


def build_design(panel: Panel, promotions: tuple[Driver, ...], spec: MixSpec) -> Design:
    """Every linear column of the model over the panel's window."""
    count, dates = len(panel.territories), len(panel.dates)
    blocks: list[tuple[Column, Floats]] = []
    for g in range(count):
        level = np.zeros((count, dates))
        level[g] = 1.0
        blocks.append((Column("baseline", "level", 10.0), level))
    blocks += _trend(panel) + _season(panel)
    if panel.grain == "day":
        blocks += _weekday(panel)
    if spec.use_holidays:
        blocks += _holidays(panel)
    for name, values in panel.controls:
        # Against the usual value: an event is usually 0, so its contribution is its own.
        centred = values - np.median(values, axis=1, keepdims=True)
        spread = float(centred.std())
        if spread > 1e-12 * (1.0 + float(np.abs(values).max())):
            column = Column("control", name, spec.control_width, unit=spread)
            blocks.append((column, centred / spread))
    for driver in promotions:
        depth = float(driver.per_head[driver.per_head > 0].mean())
        column = Column("promotion", driver.name, spec.promotion_width, unit=depth)
        blocks.append((column, driver.per_head / depth))
        if 2 <= count <= spec.most_territory_effects:
            for g, territory in enumerate(panel.territories):
                own = np.zeros((count, dates))
                own[g] = driver.per_head[g] / depth
                deviation = Column(
                    "promotion", driver.name, 1.0, "promotion", unit=depth, territory=territory
                )
                blocks.append((deviation, own))
    columns = tuple(column for column, _ in blocks)
    used = {column.group for column in columns}
    return Design(
        matrix=np.stack([values for _, values in blocks], axis=-1),
        columns=columns,
        groups=tuple(group for group in WIDTH_PRIORS if group in used),
    )


def _shared(panel: Panel, values: Floats) -> Floats:
    return np.broadcast_to(values, (len(panel.territories), len(values))).copy()


def _years(panel: Panel) -> Floats:
    days = (panel.dates - panel.dates[0]).days.to_numpy(dtype=np.float64)
    out: Floats = (days - days.mean()) / YEAR_DAYS
    return out


def _trend(panel: Panel) -> list[tuple[Column, Floats]]:
    years = _years(panel)
    blocks = [(Column("baseline", "trend", 0.5), _shared(panel, years))]
    length = len(panel.dates) * panel.days
    knots = min(MAX_KNOTS, max(0, int(length // KNOT_DAYS) - 1))
    for knot in np.linspace(years[0], years[-1], knots + 2)[1:-1]:
        hinge = np.maximum(years - knot, 0.0)
        blocks.append((Column("baseline", "trend", 1.0, "trend"), _shared(panel, hinge)))
    if len(panel.territories) > 1:
        for g in range(len(panel.territories)):
            own = np.zeros((len(panel.territories), len(years)))
            own[g] = years
            blocks.append((Column("baseline", "territory_trend", 1.0, "territory"), own))
    return blocks


def _season(panel: Panel) -> list[tuple[Column, Floats]]:
    length = len(panel.dates) * panel.days
    order = next((order for needed, order in SEASON_ORDERS if length >= needed), 0)
    # By the day of the year, so that the season does not depend on where the window starts.
    phase = 2 * np.pi * panel.dates.dayofyear.to_numpy(dtype=np.float64) / YEAR_DAYS
    blocks = []
    for h in range(1, order + 1):
        for wave in (np.sin(h * phase), np.cos(h * phase)):
            blocks.append((Column("baseline", "season", 1.0 / h, "season"), _shared(panel, wave)))
    return blocks


def _weekday(panel: Panel) -> list[tuple[Column, Floats]]:
    weekday = panel.dates.dayofweek.to_numpy()
    if len(weekday) < 14:
        return []
    return [
        (
            Column("baseline", "weekday", 1.0, "weekday"),
            _shared(panel, (weekday == day).astype(np.float64) - 1.0 / 7.0),
        )
        for day in range(7)
    ]


def holiday_calendar(panel: Panel) -> pd.DataFrame:
    """Holidays of the window by country: the landed ones, else python-holidays' calendar.

    Returns columns date_day, holiday, country_code.
    """
    wanted = {country for country in panel.countries if country}
    last = panel.dates[-1] + pd.Timedelta(days=panel.days - 1)
    found = panel.holidays
    if found.empty:
        years = range(panel.dates[0].year, last.year + 1)
        known = calendars.list_supported_countries()
        rows = [
            (pd.Timestamp(day), name.strip(), country)
            for country in sorted(wanted & set(known))
            for day, names in sorted(_calendar(country, years).items())
            for name in names.split(";")
        ]
        found = pd.DataFrame(rows, columns=["date_day", "holiday", "country_code"])
    inside = (
        found["country_code"].isin(wanted)
        & (found["date_day"] >= panel.dates[0])
        & (found["date_day"] <= last)
    )
    return found[inside]


def _calendar(country: str, years: range) -> calendars.HolidayBase:
    # English names where there are any: one holiday has one name and one effect in all countries.
    return calendars.country_holidays(country, years=years, language="en_US")


def _holidays(panel: Panel) -> list[tuple[Column, Floats]]:
    calendar = holiday_calendar(panel)
    countries = np.array([country or "" for country in panel.countries])
    blocks = []
    for name, rows in calendar.groupby("holiday", sort=True):
        dummy = np.zeros((len(panel.territories), len(panel.dates)))
        for day, country in zip(rows["date_day"], rows["country_code"], strict=True):
            at = int((day - panel.dates[0]).days // panel.days)
            dummy[countries == country, at] = 1.0
        blocks.append((Column("holiday", str(name), 1.0, "holiday"), dummy))
    return blocks


def fit_linear(
    whitened: Floats, target: Floats, prior_sd: Floats, sigma: float
) -> sm.regression.linear_model.RegressionResultsWrapper:
    """Generalised least squares with Gaussian priors, by statsmodels.

    Each prior N(0, sd^2) is one more observation "0 = coefficient / sd" of unit variance (Theil
    and Goldberger, 1961, mixed estimation), so parameters are the Gaussian posterior's mean, and
    with `scale` fixed at 1 the covariance is its covariance.

    Args:
        whitened: (N, P) columns, quasi-differenced.
        target: (N,) outcome less nonlinear drivers, quasi-differenced.
        prior_sd: (P,) prior standard deviations.
        sigma: standard deviation of a whitened residual.
    """
    rows = np.vstack([whitened / sigma, np.diag(1.0 / prior_sd)])
    values = np.concatenate([target / sigma, np.zeros(len(prior_sd))])
    return sm.OLS(values, rows).fit(cov_type="fixed scale", cov_kwds={"scale": 1.0})
