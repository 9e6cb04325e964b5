"""From release frames to arrays: everything is checked here, before any fitting."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from models.errors import (
    DateGapError,
    EmptyFrameError,
    MissingColumnError,
    UnknownKindError,
    UnknownTerritoryError,
)
from models.mix.frames import (
    GRAIN_DAYS,
    Floats,
    Ticks,
    checked,
    grid,
    next_date,
    numbers,
    ticks,
    unique,
    window,
)
from models.mix.spec import DRIVER_KINDS

#: Units that mean the same in a small and a large territory; all others grow with its size.
INTENSIVE_UNITS = frozenset({"depth", "mentions", "index", "price"})
_DRIVER_COLUMNS = ("date_day", "territory_id", "kind", "driver", "exposure", "exposure_unit")
#: Days of the window whose mean stands for exposure before it.
_BEGINNING_DAYS = 28


@dataclass(frozen=True)
class MixInputs:
    """The frames of one release that the mix model reads (columns: docs/architecture.md).

    Money may be Decimal or float, dates anything pandas reads as a date. `grain` is `day`, `week`
    or `month`; `currency` names the unit of the outcome; the outcome's column is `net_revenue`
    whatever is sold. `outcome` and `drivers` may have a `product_id`: then every territory's every
    product is a series, and drivers without product touch all of them. `drivers` may begin before
    the outcome does. `decimals`: of the outcome, kept exactly.
    """

    outcome: pd.DataFrame
    drivers: pd.DataFrame
    territories: pd.DataFrame
    grain: str
    currency: str
    controls: pd.DataFrame | None = None
    holidays: pd.DataFrame | None = None
    decimals: int = 2


@dataclass(frozen=True)
class Driver:
    """One driver: `exposure` (S, B + T) as landed, `per_head` the same relative to the territory.

    The first B dates lie before the window. `spend` (S, T) in currency, `spend_cents` its exact
    total. `start` (S,) is the exposure per head before all of them. `frequency`, where exposure is
    reach, is how often those reached met it, (S, B + T).
    """

    kind: str
    name: str
    exposure: Floats
    per_head: Floats
    start: Floats
    spend: Floats
    spend_cents: int
    negative_cells: int = 0
    frequency: Floats | None = None

    @property
    def varies(self) -> bool:
        """Whether exposure moves in time in any series: without that nothing is learned."""
        reach = float(np.abs(self.per_head).max())
        return reach > 0 and float(np.ptp(self.per_head, axis=1).max()) > 1e-9 * reach

    def cut(self, dates: int, whole: int) -> Driver:
        """The driver over the first `dates` of `whole` dates."""
        keep = self.exposure.shape[1] - whole + dates
        return replace(
            self,
            exposure=self.exposure[:, :keep],
            per_head=self.per_head[:, :keep],
            spend=self.spend[:, :dates],
            frequency=None if self.frequency is None else self.frequency[:, :keep],
        )


@dataclass(frozen=True)
class Panel:
    """A release as arrays, series by date (S, T), both sorted.

    A series is a territory, or a product in it. `ticks` is the outcome in units of 10^-decimals.
    `size` (S,), mean 1, is what a series usually sells; `scale` is the outcome per unit of size and
    date, so that `outcome = size[:, None] * scale * relative`. `people` (S,), mean 1, is what
    exposure is shared by: population where every territory has one, else size. `span` is the dates
    of the panel that this one was cut from.
    """

    dates: pd.DatetimeIndex
    territories: tuple[str, ...]
    products: tuple[str, ...]
    countries: tuple[str | None, ...]
    grain: str
    currency: str
    ticks: Ticks
    decimals: int
    size: Floats
    people: Floats
    people_source: str
    scale: float
    drivers: tuple[Driver, ...]
    holidays: pd.DataFrame
    span: pd.DatetimeIndex | None = None

    @cached_property
    def outcome(self) -> Floats:
        """The outcome in its own unit, (S, T)."""
        out: Floats = self.ticks / 10.0**self.decimals
        return out

    @cached_property
    def relative(self) -> Floats:
        """The outcome per unit of size, in units of its mean, (S, T)."""
        out: Floats = self.outcome / (self.size[:, None] * self.scale)
        return out

    @property
    def money(self) -> Floats:
        """What a relative unit is worth in each series, (S,)."""
        out: Floats = self.size * self.scale
        return out

    @property
    def days(self) -> float:
        """Days a date stands for."""
        return GRAIN_DAYS[self.grain]

    @property
    def has_products(self) -> bool:
        """Whether series are products in territories."""
        return any(self.products)

    def cut(self, dates: int) -> Panel:
        """The panel over its first dates, its scale and sizes kept."""
        whole = len(self.dates)
        return replace(
            self,
            span=self.dates if self.span is None else self.span,
            dates=self.dates[:dates],
            ticks=self.ticks[:, :dates],
            drivers=tuple(driver.cut(dates, whole) for driver in self.drivers),
        )


def read_panel(release: MixInputs) -> Panel:
    """Check a release's frames and lay them out as arrays.

    Raises:
        ModelInputError: one of its subclasses, with the frame, the place and what to do.
    """
    if release.grain not in GRAIN_DAYS:
        raise UnknownKindError(
            f"The release's grain is {release.grain!r}; the mix model knows 'day', 'week' and "
            "'month'."
        )
    outcome = checked(release.outcome, "outcome", ("date_day", "territory_id", "net_revenue"))
    products = "product_id" in outcome
    key = ["territory_id", "product_id"] if products else ["territory_id"]
    unique(outcome, "outcome", ["date_day", *key])
    dates = window(outcome["date_day"], "outcome", release.grain)
    series = _series(outcome, products)
    cells = ticks(outcome, "outcome", "net_revenue", release.decimals)
    laid = grid(outcome, "outcome", dates, series, {"ticks": cells})
    whole: Ticks = laid["ticks"].astype(np.int64)

    territories = checked(release.territories, "territories", ("territory_id",), dated=False)
    unique(territories, "territories", ["territory_id"])
    names = tuple(str(t) for t in series.get_level_values(0))
    size, people, source, countries = _territories(territories, names, whole)
    # A window of net returns would turn every sign round: scale by size of movement instead.
    total = float(whole.sum(dtype=np.float64))  # ticks of many decimals would overflow
    if total <= 0:
        total = float(np.abs(whole).sum(dtype=np.float64))
    scale = total / 10.0**release.decimals / (size.sum() * len(dates))
    if scale <= 0:
        raise EmptyFrameError(
            "The frame outcome holds only zeros in net_revenue; there is nothing to attribute: "
            "check that sales were landed for the window."
        )
    drivers = read_drivers(release, dates, series, people)
    return Panel(
        dates=dates,
        territories=names,
        products=tuple(str(p) for p in series.get_level_values(1))
        if products
        else ("",) * len(names),
        countries=countries,
        grain=release.grain,
        currency=release.currency,
        ticks=whole,
        decimals=release.decimals,
        size=size,
        people=people,
        people_source=source,
        scale=scale,
        drivers=drivers,
        holidays=read_holidays(release.holidays),
    )


def read_drivers(
    release: MixInputs, dates: pd.DatetimeIndex, series: pd.Index, people: Floats
) -> tuple[Driver, ...]:
    """Drivers and controls of a release over `dates`, whether or not it has an outcome there.

    Args:
        series: of territories, or of (territory, product), in the panel's order.
    """
    drivers = _drivers(release, dates, series, people)
    return drivers + _controls(release.controls, dates, series)


def _series(outcome: pd.DataFrame, products: bool) -> pd.Index:
    if not products:
        names: pd.Index = pd.Index(np.sort(outcome["territory_id"].unique()))
        return names
    pairs = outcome[["territory_id", "product_id"]].drop_duplicates()
    out: pd.Index = pd.MultiIndex.from_frame(pairs.sort_values(["territory_id", "product_id"]))
    return out


def _territories(
    frame: pd.DataFrame, names: tuple[str, ...], outcome: Ticks
) -> tuple[Floats, Floats, str, tuple[str | None, ...]]:
    unknown = sorted(set(names) - set(frame["territory_id"]))
    if unknown:
        raise UnknownTerritoryError(
            f"The outcome has territory {unknown[0]!r}, which the frame territories lacks; land it."
        )
    rows = frame.set_index("territory_id").loc[list(names)]
    population = (
        pd.to_numeric(rows["population"], errors="coerce").to_numpy(dtype=np.float64)
        if "population" in rows
        else np.full(len(names), np.nan)
    )
    size = np.abs(outcome).mean(axis=1).astype(np.float64)
    # A territory that never sold still needs a size: a thousandth of the mean.
    size = np.maximum(size, 1e-3 * size.mean() + 1e-12)
    people, source = population, "population"
    if not (np.isfinite(population) & (population > 0)).all():
        people, source = size, "outcome"
    countries: tuple[str | None, ...] = (
        tuple(None if pd.isna(c) else str(c).upper() for c in rows["country_code"])
        if "country_code" in rows
        else (None,) * len(names)
    )
    return size / size.mean(), people / people.mean(), source, countries


def _drivers(
    release: MixInputs, dates: pd.DatetimeIndex, series: pd.Index, people: Floats
) -> tuple[Driver, ...]:
    frame = checked(release.drivers, "drivers", (*_DRIVER_COLUMNS, "spend"))
    unknown = set(frame["kind"]) - set(DRIVER_KINDS)
    if unknown:
        raise UnknownKindError(
            f"The frame drivers has the kind {sorted(map(str, unknown))[0]!r}; expected one of "
            f"{', '.join(DRIVER_KINDS)}."
        )
    products = "product_id" in frame
    key = ["date_day", "territory_id", *(["product_id"] if products else []), "kind", "driver"]
    unique(frame, "drivers", key)
    frame = frame.assign(
        _exposure=numbers(frame, "drivers", "exposure"), _cents=ticks(frame, "drivers", "spend")
    )
    early = frame["date_day"] < dates[0]
    if (frame["_cents"][early] != 0).any():
        frame.loc[early, "_cents"] = 0  # money spent before the window is not of the window
    out = []
    # Sorted by name: the order of the rows must not change a result.
    for (kind, name), rows in frame.groupby(["kind", "driver"], sort=True):
        what = f"drivers ({kind} {name})"
        reach = window(rows["date_day"], what, release.grain)
        _meets(reach, dates, what, release.grain)
        spread = _spread(rows, series, products)
        values = {
            "exposure": spread["_exposure"].to_numpy(),
            "cents": spread["_cents"].to_numpy(),
        }
        often = "frequency" in spread and bool(spread["frequency"].notna().any())
        if often:
            values["frequency"] = np.maximum(numbers(spread, what, "frequency"), 0.0)
        if reach[-1] > dates[-1]:
            reach = reach[reach <= dates[-1]]
        laid = grid(spread, what, reach if len(reach) > len(dates) else dates, series, values)
        raw = laid["exposure"].astype(np.float64)
        # Prices and indices may be negative; what is bought or done cannot be.
        kept = raw if kind in ("price", "control") else np.maximum(raw, 0.0)
        intensive = set(rows["exposure_unit"].astype(str)) <= INTENSIVE_UNITS
        per_head = kept if intensive else kept / people[:, None]
        cents = laid["cents"][:, raw.shape[1] - len(dates) :].astype(np.int64)
        begun = max(1, round(_BEGINNING_DAYS / GRAIN_DAYS[release.grain]))
        # Products of a territory share its spend: by size would need theirs, so equally.
        share = _product_share(
            series, "product_id" in rows and bool(rows["product_id"].ne("").all())
        )
        out.append(
            Driver(
                kind=str(kind),
                name=str(name),
                exposure=kept,
                per_head=per_head,
                start=per_head[:, :begun].mean(axis=1),
                spend=cents / 100.0 * share[:, None],
                spend_cents=int(rows["_cents"].sum()),
                negative_cells=int((raw < kept).sum()),
                frequency=laid["frequency"].astype(np.float64) if often else None,
            )
        )
    return tuple(out)


def _meets(reach: pd.DatetimeIndex, dates: pd.DatetimeIndex, what: str, grain: str) -> None:
    """Dates before the window must lead up to it without a gap and on the same weekday."""
    if reach[0] < dates[0] and dates[0] not in reach:
        raise DateGapError(
            f"The frame {what} begins on {reach[0].date()}, and its dates do not meet the first "
            f"date of the outcome, {dates[0].date()} ({grain}): use the same dates."
        )
    if reach[0] > dates[0] or reach[-1] < dates[-1]:
        day = dates[0] if reach[0] > dates[0] else next_date(reach[-1], grain)
        raise DateGapError(
            f"The frame {what} lacks {day.date()}, a date of the outcome ({dates[0].date()} to "
            f"{dates[-1].date()}); fill with zeros where it did not run."
        )


def _spread(rows: pd.DataFrame, series: pd.Index, products: bool) -> pd.DataFrame:
    """Rows without product stand for every product of their territory."""
    if not isinstance(series, pd.MultiIndex):
        return rows
    if products and rows["product_id"].ne("").all():
        return rows
    pairs = series.to_frame(index=False)
    return rows.drop(columns="product_id", errors="ignore").merge(pairs, on="territory_id")


def _product_share(series: pd.Index, own: bool) -> Floats:
    if not isinstance(series, pd.MultiIndex) or own:
        return np.ones(len(series))
    counts = series.get_level_values(0).value_counts()
    out: Floats = 1.0 / counts.loc[series.get_level_values(0)].to_numpy(dtype=np.float64)
    return out


def _controls(
    controls: pd.DataFrame | None, dates: pd.DatetimeIndex, series: pd.Index
) -> tuple[Driver, ...]:
    if controls is None or controls.empty:
        return ()
    frame = checked(controls, "controls", ("date_day", "territory_id", "control", "value"))
    products = "product_id" in frame
    unique(
        frame,
        "controls",
        [c for c in ("date_day", "territory_id", "product_id", "control") if c in frame],
    )
    frame = frame.assign(_value=numbers(frame, "controls", "value"))
    out = []
    for name, rows in frame.groupby("control", sort=True):
        spread = _spread(rows, series, products)
        values = {"v": spread["_value"].to_numpy()}
        laid = grid(spread, f"controls ({name})", dates, series, values)["v"].astype(np.float64)
        nothing = np.zeros((len(series), len(dates)))
        out.append(Driver("control", str(name), laid, laid, laid[:, 0], nothing, 0))
    return tuple(out)


def read_holidays(holidays: pd.DataFrame | None) -> pd.DataFrame:
    """Landed holidays with days as days and countries in capitals; empty where there are none."""
    columns = ["date_day", "holiday", "country_code"]
    if holidays is None or holidays.empty:
        return pd.DataFrame(columns=columns)
    missing = [column for column in columns if column not in holidays.columns]
    if missing:
        raise MissingColumnError(f"The frame holidays lacks the column {missing[0]!r}; add it.")
    days = pd.to_datetime(holidays["date_day"]).astype("datetime64[ns]").dt.normalize()
    return holidays.assign(
        date_day=days, country_code=holidays["country_code"].astype(str).str.upper()
    )[columns]
