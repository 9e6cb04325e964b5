"""From release frames to arrays: everything is checked here, before any fitting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.errors import (
    DateGapError,
    DuplicateKeyError,
    EmptyFrameError,
    MissingColumnError,
    NotFiniteError,
    UnknownKindError,
    UnknownTerritoryError,
)
from models.mix.spec import DRIVER_KINDS, MixInputs

Floats = npt.NDArray[np.float64]
Cents = npt.NDArray[np.int64]

GRAIN_DAYS = {"day": 1, "week": 7}
#: Units that mean the same in a small and a large territory; all others grow with its size.
INTENSIVE_UNITS = frozenset({"depth", "mentions"})
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Driver:
    """One driver: `exposure` (G, T) as landed, `per_head` the same relative to the territory."""

    kind: str
    name: str
    exposure: Floats
    per_head: Floats
    spend_cents: int
    negative_cells: int

    @property
    def varies(self) -> bool:
        """Whether exposure moves in time in any territory: without that nothing is learned."""
        reach = float(np.abs(self.per_head).max())
        return reach > 0 and float(np.ptp(self.per_head, axis=1).max()) > 1e-9 * reach


@dataclass(frozen=True)
class Panel:
    """A release as arrays, territory by date (G, T), both sorted.

    `outcome_cents` is net revenue in whole cents. `size` (G,), mean 1, is what a territory usually
    sells; `scale` is currency per unit of size and date, so that
    `outcome = size[:, None] * scale * relative`. `people` (G,), mean 1, is what exposure is shared
    by: population where every territory has one, else size.
    """

    dates: pd.DatetimeIndex
    territories: tuple[str, ...]
    countries: tuple[str | None, ...]
    grain: str
    currency: str
    outcome_cents: Cents
    size: Floats
    people: Floats
    people_source: str
    scale: float
    drivers: tuple[Driver, ...]
    controls: tuple[tuple[str, Floats], ...]
    holidays: pd.DataFrame

    @property
    def relative(self) -> Floats:
        """Net revenue per unit of size, in units of its mean, (G, T)."""
        return self.outcome_cents / 100.0 / (self.size[:, None] * self.scale)

    @property
    def days(self) -> int:
        """Days a date stands for."""
        return GRAIN_DAYS[self.grain]


def read_panel(release: MixInputs) -> Panel:
    """Check a release's frames and lay them out as arrays.

    Raises:
        ModelInputError: one of its subclasses, with the frame, the place and what to do.
    """
    if release.grain not in GRAIN_DAYS:
        raise UnknownKindError(
            f"The release's grain is {release.grain!r}; the mix model knows 'day' and 'week'."
        )
    outcome = _frame(release.outcome, "outcome", ("date_day", "territory_id", "net_revenue"))
    _unique(outcome, "outcome", ["date_day", "territory_id"])
    dates = _window(outcome, release.grain)
    names = tuple(sorted(outcome["territory_id"].unique()))
    cents = _cents(outcome, "outcome", "net_revenue")
    laid = _grid(outcome, "outcome", dates, names, {"cents": cents})
    grid: Cents = laid["cents"].astype(np.int64)

    territories = _frame(release.territories, "territories", ("territory_id",), dated=False)
    _unique(territories, "territories", ["territory_id"])
    size, people, source, countries = _territories(territories, names, grid)
    # A window of net returns would turn every sign round: scale by size of movement instead.
    total = float(grid.sum()) / 100
    if total <= 0:
        total = float(np.abs(grid).sum()) / 100
    scale = total / (size.sum() * len(dates))
    if scale <= 0:
        raise EmptyFrameError(
            "The frame outcome holds only zeros in net_revenue; there is nothing to attribute: "
            "check that sales were landed for the window."
        )
    return Panel(
        dates=dates,
        territories=names,
        countries=countries,
        grain=release.grain,
        currency=release.currency,
        outcome_cents=grid,
        size=size,
        people=people,
        people_source=source,
        scale=scale,
        drivers=_drivers(release.drivers, dates, names, people),
        controls=_controls(release.controls, dates, names),
        holidays=_holidays(release.holidays),
    )


def _frame(
    frame: pd.DataFrame, name: str, columns: Sequence[str], *, dated: bool = True
) -> pd.DataFrame:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise MissingColumnError(
            f"The frame {name} lacks the column {missing[0]!r} (it has: "
            f"{', '.join(map(str, frame.columns)) or 'none'}); add it as docs/architecture.md says."
        )
    if frame.empty:
        raise EmptyFrameError(
            f"The frame {name} has no rows; land data for the window before attributing."
        )
    frame = frame.reset_index(drop=True)
    absent = frame["territory_id"].isna()
    if absent.any():
        raise UnknownTerritoryError(
            f"The frame {name} has no territory_id in row {int(np.argmax(absent))}; name one."
        )
    frame = frame.assign(territory_id=frame["territory_id"].astype(str))
    if dated:
        days = pd.to_datetime(frame["date_day"], errors="coerce").astype("datetime64[ns]")
        if days.isna().any():
            row = int(np.argmax(days.isna()))
            raise DateGapError(
                f"The frame {name} has {frame['date_day'].iloc[row]!r} for a date in row {row}; "
                "expected a calendar day."
            )
        frame = frame.assign(date_day=days.dt.normalize())
    return frame


def _unique(frame: pd.DataFrame, name: str, key: list[str]) -> None:
    twice = frame.duplicated(key)
    if twice.any():
        place = _place(frame, int(np.argmax(twice)), key)
        raise DuplicateKeyError(
            f"The frame {name} holds {place} more than once; keep one row a key ({', '.join(key)})."
        )


def _place(frame: pd.DataFrame, row: int, key: Sequence[str]) -> str:
    cells = frame.iloc[row]
    return ", ".join(
        f"{column} {cells[column].date()}"
        if column == "date_day"
        else f"{column} {cells[column]!r}"
        for column in key
    )


def _window(outcome: pd.DataFrame, grain: str) -> pd.DatetimeIndex:
    dates = pd.DatetimeIndex(np.sort(outcome["date_day"].unique()))
    steps = np.diff(dates.to_numpy()) / np.timedelta64(1, "D")
    wrong = np.flatnonzero(steps != GRAIN_DAYS[grain])
    if wrong.size:
        first = int(wrong[0])
        raise DateGapError(
            f"The frame outcome goes from {dates[first].date()} to {dates[first + 1].date()}; "
            f"with grain {grain!r} the next date must be {GRAIN_DAYS[grain]} day(s) later: fill "
            "the missing dates with zeros."
        )
    return dates


def _grid(
    frame: pd.DataFrame,
    what: str,
    dates: pd.DatetimeIndex,
    territories: tuple[str, ...],
    values: dict[str, npt.NDArray[np.generic]],
) -> dict[str, npt.NDArray[np.generic]]:
    """Lay columns out as (G, T); every date of the window once in every territory."""
    row = pd.Index(territories).get_indexer(pd.Index(frame["territory_id"]))
    column = dates.get_indexer(pd.DatetimeIndex(frame["date_day"]))
    if (row < 0).any():
        raise UnknownTerritoryError(
            f"The frame {what} names the territory "
            f"{frame['territory_id'].iloc[int(np.argmin(row))]!r}, which has no outcome."
        )
    if (column < 0).any():
        day = frame["date_day"].iloc[int(np.argmin(column))].date()
        raise DateGapError(
            f"The frame {what} has {day}, which is not a date of the outcome "
            f"({dates[0].date()} to {dates[-1].date()}); cut it to the outcome's dates."
        )
    seen = np.zeros((len(territories), len(dates)), dtype=bool)
    seen[row, column] = True
    if not seen.all():
        g, t = np.argwhere(~seen)[0]
        raise DateGapError(
            f"The frame {what} lacks {dates[t].date()} in territory {territories[g]!r}; every "
            "territory needs every date of the outcome: fill with zeros."
        )
    grids = {}
    for key, cells in values.items():
        grid = np.zeros(seen.shape, dtype=cells.dtype)
        grid[row, column] = cells
        grids[key] = grid
    return grids


def _numbers(frame: pd.DataFrame, name: str, column: str) -> Floats:
    numbers = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64)
    bad = ~np.isfinite(numbers)
    if bad.any():
        row = int(np.argmax(bad))
        key = [c for c in ("date_day", "territory_id", "kind", "driver", "control") if c in frame]
        raise NotFiniteError(
            f"The frame {name} has {frame[column].iloc[row]!r} in {column} at "
            f"{_place(frame, row, key)}; expected a finite number."
        )
    return numbers


def _cents(frame: pd.DataFrame, name: str, column: str) -> Cents:
    """Money as whole cents: exact for Decimals, nearest cent for floats."""
    numbers = _numbers(frame, name, column)
    if frame[column].dtype == object:
        return np.array(
            [
                int(Decimal(value).quantize(_CENT, ROUND_HALF_EVEN).scaleb(2))
                for value in frame[column]
            ],
            dtype=np.int64,
        )
    return np.rint(numbers * 100).astype(np.int64)


def _territories(
    frame: pd.DataFrame, names: tuple[str, ...], outcome_cents: Cents
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
    size = np.abs(outcome_cents).mean(axis=1).astype(np.float64)
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
    drivers: pd.DataFrame, dates: pd.DatetimeIndex, names: tuple[str, ...], people: Floats
) -> tuple[Driver, ...]:
    columns = ("date_day", "territory_id", "kind", "driver", "exposure", "exposure_unit", "spend")
    frame = _frame(drivers, "drivers", columns)
    unknown = set(frame["kind"]) - set(DRIVER_KINDS)
    if unknown:
        raise UnknownKindError(
            f"The frame drivers has the kind {sorted(map(str, unknown))[0]!r}; expected one of "
            f"{', '.join(DRIVER_KINDS)}."
        )
    _unique(frame, "drivers", ["date_day", "territory_id", "kind", "driver"])
    exposure = _numbers(frame, "drivers", "exposure")
    frame = frame.assign(_exposure=exposure, _cents=_cents(frame, "drivers", "spend"))
    out = []
    # Sorted by name: the order of the rows must not change a result.
    for (kind, name), rows in frame.groupby(["kind", "driver"], sort=True):
        values = {
            "exposure": rows["_exposure"].to_numpy(),
            "spend": rows["_cents"].to_numpy(),
        }
        grids = _grid(rows, f"drivers ({kind} {name})", dates, names, values)
        raw = grids["exposure"].astype(np.float64)
        kept = np.maximum(raw, 0.0)
        units = set(rows["exposure_unit"].astype(str))
        out.append(
            Driver(
                kind=str(kind),
                name=str(name),
                exposure=kept,
                per_head=kept if units <= INTENSIVE_UNITS else kept / people[:, None],
                spend_cents=int(grids["spend"].sum()),
                negative_cells=int((raw < 0).sum()),
            )
        )
    return tuple(out)


def _controls(
    controls: pd.DataFrame | None, dates: pd.DatetimeIndex, names: tuple[str, ...]
) -> tuple[tuple[str, Floats], ...]:
    if controls is None or controls.empty:
        return ()
    frame = _frame(controls, "controls", ("date_day", "territory_id", "control", "value"))
    _unique(frame, "controls", ["date_day", "territory_id", "control"])
    frame = frame.assign(_value=_numbers(frame, "controls", "value"))
    out = []
    for name, rows in frame.groupby("control", sort=True):
        grids = _grid(rows, f"controls ({name})", dates, names, {"v": rows["_value"].to_numpy()})
        out.append((str(name), grids["v"].astype(np.float64)))
    return tuple(out)


def _holidays(holidays: pd.DataFrame | None) -> pd.DataFrame:
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
