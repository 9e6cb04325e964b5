"""The fixed linear part: levels, trend, seasons, holidays, and drivers without transforms."""

from __future__ import annotations

from dataclasses import dataclass

import holidays as calendars
import numpy as np
import numpy.typing as npt
import pandas as pd

from models.mix.design.echo import ECHOES, echoed
from models.mix.frames import Floats
from models.mix.panel import Driver, Panel
from models.mix.spec import EffectPrior, MixSpec, Prior

YEAR_DAYS = 365.25
#: Days of window a yearly season of this order needs: less window, less season.
SEASON_ORDERS = ((1.5 * YEAR_DAYS, 5), (YEAR_DAYS, 3), (0.5 * YEAR_DAYS, 1))
#: Days between moves of a local level.
LEVEL_DAYS = 28

#: Prior on the log of each pooled width, in shares of the mean outcome (per year for trends).
WIDTH_PRIORS = {
    "trend": Prior(centre=np.log(0.15), spread=0.7),
    "territory": Prior(centre=np.log(0.05), spread=0.7),
    "season": Prior(centre=np.log(0.10), spread=0.7),
    "weekday": Prior(centre=np.log(0.10), spread=0.7),
    "holiday": Prior(centre=np.log(0.10), spread=0.7),
    "promotion": Prior(centre=np.log(0.02), spread=0.7),
    # Most promotions have little of an echo; some have much.
    "echo": Prior(centre=np.log(0.005), spread=1.2),
}


@dataclass(frozen=True)
class Column:
    """One column of the linear part: what it belongs to and how wide its Gaussian prior is.

    `width` is the prior sd, or its multiple of the pooled width of `group` where that is named.
    `unit` is what one unit of the column is in the input's own unit. `echo` are the dates since the
    driver ran whose sales the column moves; none: the dates when it runs.
    """

    kind: str
    driver: str
    width: float
    group: str | None = None
    unit: float = 1.0
    echo: tuple[int, int] | None = None

    def of(self, exposure: Floats) -> Floats:
        """The column, (S, T), of a linear driver's exposure against what counts as none of it."""
        values: Floats = exposure / self.unit
        return values if self.echo is None else echoed(values, self.echo)


@dataclass(frozen=True)
class Design:
    """Columns that do not depend on nonlinear parameters.

    `shared` (P, S, T) has one coefficient for all series, `own` (K, S, T) one for each.
    """

    shared: Floats
    columns: tuple[Column, ...]
    own: Floats
    own_columns: tuple[Column, ...]

    def of(self, kind: str, driver: str | None = None) -> npt.NDArray[np.int64]:
        """Indices of the shared columns of a kind (and driver)."""
        return _indices(self.columns, kind, driver)

    def own_of(self, kind: str, driver: str | None = None) -> npt.NDArray[np.int64]:
        """Indices of the own columns of a kind (and driver)."""
        return _indices(self.own_columns, kind, driver)


def _indices(columns: tuple[Column, ...], kind: str, driver: str | None) -> npt.NDArray[np.int64]:
    return np.array(
        [i for i, c in enumerate(columns) if c.kind == kind and driver in (None, c.driver)],
        dtype=np.int64,
    )


def build_design(panel: Panel, linear: tuple[Driver, ...], spec: MixSpec) -> Design:
    """Every fixed column over the panel's window; `linear` are drivers without transforms."""
    count, dates = len(panel.territories), len(panel.dates)
    years = _years(panel)
    ones = np.ones((count, dates))
    level = (Column("baseline", "level", 10.0), ones)
    blocks: list[tuple[Column, Floats]] = [] if count > 1 else [level]
    own: list[tuple[Column, Floats]] = []
    if count > 1:
        own = [level, (Column("baseline", "slope", 1.0, "territory"), ones * years)]
    blocks += _trend(panel, years, spec) + _season(panel, spec)
    if panel.grain == "day":
        blocks += _weekday(panel)
    if spec.baseline.holidays:
        blocks += _holidays(panel)
    for driver in linear:
        values, unit = linear_exposure(panel, driver, spec)
        width, group = spec.control_width, None
        if driver.kind not in ("control", "price"):
            width = spec.promotion_width
            if count > 1:
                own.append((Column(driver.kind, driver.name, 1.0, "promotion", unit), values))
        effect = spec.of(driver.kind, driver.name).effect
        if effect is not None:
            width = effect_width(panel, driver, effect, values, spec)
        blocks.append((Column(driver.kind, driver.name, width, group, unit), values))
        whole = driver.per_head - window_offset(driver, panel, spec)
        for since in _echoes(driver, panel, spec):
            column = Column(driver.kind, driver.name, 1.0, "echo", unit, since)
            blocks.append((column, column.of(whole)[:, -dates:]))
    return Design(
        shared=_stacked(blocks, count, dates),
        columns=tuple(column for column, _ in blocks),
        own=_stacked(own, count, dates),
        own_columns=tuple(column for column, _ in own),
    )


def _stacked(blocks: list[tuple[Column, Floats]], count: int, dates: int) -> Floats:
    return np.array([values for _, values in blocks]).reshape(len(blocks), count, dates)


def window_exposure(panel: Panel, driver: Driver) -> Floats:
    """Exposure per head over the window, (S, T)."""
    return driver.per_head[:, driver.per_head.shape[1] - len(panel.dates) :]


def window_offset(driver: Driver, panel: Panel, spec: MixSpec) -> Floats:
    """What counts as none of a driver, (S, 1): zero, or its median over the window."""
    values = window_exposure(panel, driver)
    if spec.of(driver.kind, driver.name).reference == "median":
        return np.median(values, axis=1, keepdims=True)
    return np.zeros((len(values), 1))


def linear_exposure(panel: Panel, driver: Driver, spec: MixSpec) -> tuple[Floats, float]:
    """A linear driver's column (S, T), and what one unit of it is in the driver's own unit.

    Against its median where that counts as none of it (a price, a control: its contribution is of
    its departures), in units of its sd; else in units of its usual size while it runs.
    """
    values = window_exposure(panel, driver) - window_offset(driver, panel, spec)
    if spec.of(driver.kind, driver.name).reference == "median":
        unit = float(values.std())
    else:
        running = values[values != 0]
        unit = float(np.abs(running).mean()) if running.size else 1.0
    return values / unit, unit


def _echoes(driver: Driver, panel: Panel, spec: MixSpec) -> tuple[tuple[int, int], ...]:
    """The dates around a linear driver's own whose sales it may move."""
    asked = spec.of(driver.kind, driver.name).echo
    # A few dozen promoted weeks do not tell four echoes from noise: by the week they are asked for.
    usual = driver.kind == "promotion" and panel.grain == "day"
    return ECHOES[panel.grain] if (usual if asked is None else asked) else ()


def effect_width(
    panel: Panel, driver: Driver, effect: EffectPrior, values: Floats, spec: MixSpec
) -> float:
    """Prior sd of a signless driver's coefficient from a belief on share, roi or coefficient."""
    if effect.on == "coefficient":
        return effect.median / panel.scale
    share = effect.median
    if effect.on == "roi":
        total = float(panel.outcome.sum())
        share = effect.median * driver.spend_cents / 100 / (spec.value_per_unit * total)
    weight = panel.size[:, None] / (panel.size.sum() * len(panel.dates))
    usual = abs(float((weight * values).sum()))
    return share / max(usual, 1e-9)


def _years(panel: Panel) -> Floats:
    days = (panel.dates - panel.dates[0]).days.to_numpy(dtype=np.float64)
    out: Floats = (days - days.mean()) / YEAR_DAYS
    return out


def _shared(panel: Panel, values: Floats) -> Floats:
    return np.broadcast_to(values, (len(panel.territories), len(values))).copy()


def _trend(panel: Panel, years: Floats, spec: MixSpec) -> list[tuple[Column, Floats]]:
    blocks = [(Column("baseline", "trend", 0.5), _shared(panel, years))]
    length = len(panel.dates) * panel.days
    if spec.baseline.trend == "local_level":
        steps = max(0, int(length // LEVEL_DAYS) - 1)
        for at in np.linspace(years[0], years[-1], steps + 2)[1:-1]:
            ramp = np.clip((years - at) * YEAR_DAYS / LEVEL_DAYS, 0.0, 1.0)
            width = float(np.sqrt(LEVEL_DAYS / YEAR_DAYS))
            blocks.append((Column("baseline", "trend", width, "trend"), _shared(panel, ramp)))
        return blocks
    knots = max(0, int(length // spec.baseline.knot_days) - 1)
    knots = min(spec.baseline.most_knots, knots)
    for knot in np.linspace(years[0], years[-1], knots + 2)[1:-1]:
        hinge = np.maximum(years - knot, 0.0)
        blocks.append((Column("baseline", "trend", 1.0, "trend"), _shared(panel, hinge)))
    return blocks


def _season(panel: Panel, spec: MixSpec) -> list[tuple[Column, Floats]]:
    order = spec.baseline.season_order
    if order is None:
        length = len(panel.dates) * panel.days
        order = next((order for needed, order in SEASON_ORDERS if length >= needed), 0)
        # Twelve months hold six waves; five would leave no freedom.
        order = min(order, 3) if panel.grain == "month" else order
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
    last = _last_day(panel)
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


def _last_day(panel: Panel) -> pd.Timestamp:
    last = panel.dates[-1]
    if panel.grain == "month":
        return last + pd.DateOffset(months=1) - pd.Timedelta(days=1)
    return last + pd.Timedelta(days=int(panel.days) - 1)


def _calendar(country: str, years: range) -> calendars.HolidayBase:
    # English names where there are any: one holiday has one name and one effect in all countries.
    return calendars.country_holidays(country, years=years, language="en_US")


def _holidays(panel: Panel) -> list[tuple[Column, Floats]]:
    calendar = holiday_calendar(panel)
    countries = np.array([country or "" for country in panel.countries])
    blocks = []
    for name, rows in calendar.groupby("holiday", sort=True):
        dummy = np.zeros((len(panel.territories), len(panel.dates)))
        at = panel.dates.searchsorted(pd.DatetimeIndex(rows["date_day"]), side="right") - 1
        for where, country in zip(at, rows["country_code"], strict=True):
            dummy[countries == country, where] = 1.0
        blocks.append((Column("holiday", str(name), 1.0, "holiday"), dummy))
    return blocks
