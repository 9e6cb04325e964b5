"""What the forecast takes and gives: frames of one release in, frozen frames out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from forecasting.errors import (
    BadValueError,
    DuplicateKeyError,
    EmptyLedgerError,
    ForecastError,
    HorizonError,
    MissingColumnError,
)

MAX_HORIZON_WEEKS = 156
MIN_YEAR, MAX_YEAR = 1900, 2200


@dataclass(frozen=True)
class ForecastInputs:
    """Frames of one release (`docs/architecture.md`); none is changed.

    `ledger`: date_day, territory_id, product_id, sales_channel, net_revenue (reporting currency),
    units (pieces; null when the ledger has none). `drivers`: date_day, territory_id, kind, driver,
    exposure (in `exposure_unit`), spend. `plan`: date_day, territory_id, kind, driver, product_id,
    exposure, spend, after `last_day`. `holidays`: date_day, holiday, country_code. `territories`:
    territory_id, country_code. `products`: product_id. `grain` is day or week; `last_day` is the
    last day (or the first or last day of the last week) that is known; later rows of the ledger
    and of the drivers are not looked at.
    """

    ledger: pd.DataFrame
    drivers: pd.DataFrame
    plan: pd.DataFrame
    holidays: pd.DataFrame
    territories: pd.DataFrame
    products: pd.DataFrame
    grain: str
    currency: str
    last_day: date


@dataclass(frozen=True)
class ForecastResult:
    """Frames of `results/forecast` (`docs/architecture.md`), rows sorted by key.

    `volume`: mean and quantiles per period, level, territory, product, DECIMAL(18,2) as `Decimal`.
    `revenue`: net revenue likewise, and the mean `units` of each row (None without units).
    `components`: parts of the forecast per native period. `fit`: actual and fitted history.
    `steps`: the seasonal naive per native period and series, DECIMAL(18,2) as `Decimal`.
    `checks`: check_name, subject, severity, status, figure, threshold, text. `date_day` is
    datetime64[ns] at midnight. `settings` says what was chosen, `diagnostics` what was measured;
    both hold JSON values only.
    """

    volume: pd.DataFrame
    revenue: pd.DataFrame
    components: pd.DataFrame
    fit: pd.DataFrame
    steps: pd.DataFrame
    checks: pd.DataFrame
    settings: Mapping[str, Any]
    diagnostics: Mapping[str, Any]


_KEYS: dict[str, tuple[str, ...]] = {
    "ledger": ("date_day", "territory_id", "product_id", "sales_channel"),
    "drivers": ("date_day", "territory_id", "kind", "driver"),
    "plan": ("date_day", "territory_id", "kind", "driver", "product_id"),
    "holidays": ("date_day", "holiday", "country_code"),
    "territories": ("territory_id",),
    "products": ("product_id",),
}
_NUMBERS: dict[str, tuple[str, ...]] = {
    "ledger": ("net_revenue", "units"),
    "drivers": ("exposure", "spend"),
    "plan": ("exposure", "spend"),
}
_NULLABLE = {
    ("ledger", "units"),
    ("plan", "exposure"),
    ("plan", "spend"),
    ("plan", "product_id"),
}
_ALSO = {"territories": ("country_code",)}
# A holiday landed twice is one holiday; for every other frame a repeated key means double counting.
_REPEATABLE = {"holidays"}


def cleaned(inputs: ForecastInputs, horizon_weeks: int) -> ForecastInputs:
    """Check every frame against its contract and return typed, sorted copies of what is used.

    Raises a `ForecastError` whose sentence names frame, row (1 is the first), column, what was
    found and what to do.
    """
    whole = isinstance(horizon_weeks, (int, np.integer)) and not isinstance(horizon_weeks, bool)
    if not whole or not 1 <= horizon_weeks <= MAX_HORIZON_WEEKS:
        raise HorizonError(
            f"The horizon must be a whole number of weeks from 1 to {MAX_HORIZON_WEEKS}, "
            f"not {horizon_weeks!r}: ask for the weeks you need, 13 for a quarter."
        )
    if inputs.grain not in ("day", "week"):
        raise BadValueError(f"The grain must be 'day' or 'week', not {inputs.grain!r}.")
    last_day = pd.Timestamp(inputs.last_day)
    if pd.isna(last_day):
        raise BadValueError("last_day is empty; give the last day the ledger is complete for.")
    frames = {name: _frame(name, getattr(inputs, name)) for name in _KEYS}
    for name in ("ledger", "drivers"):
        frames[name] = frames[name][frames[name]["date_day"] <= last_day].reset_index(drop=True)
    frames["plan"] = frames["plan"][frames["plan"]["date_day"] > last_day].reset_index(drop=True)
    if frames["ledger"].empty:
        raise EmptyLedgerError(
            f"The ledger has no sale up to {last_day.date()}: land sales before forecasting."
        )
    return ForecastInputs(
        grain=inputs.grain,
        currency=inputs.currency,
        last_day=last_day.normalize().date(),
        **frames,
    )


def _frame(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    keys, numbers, also = _KEYS[name], _NUMBERS.get(name, ()), _ALSO.get(name, ())
    if not isinstance(frame, pd.DataFrame):
        raise ForecastError(f"{name} must be a pandas DataFrame, not {type(frame).__name__}.")
    missing = [c for c in (*keys, *numbers, *also) if c not in frame.columns]
    if missing:
        raise MissingColumnError(
            f"{name} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)} "
            f"(it has {', '.join(map(str, frame.columns)) or 'none'}): add what is missing."
        )
    out = pd.DataFrame(index=pd.RangeIndex(len(frame)))
    for column in (*keys, *also):
        cells = frame[column].reset_index(drop=True)
        nullable = (name, column) in _NULLABLE or column in also
        out[column] = (
            _dates(name, cells) if column == "date_day" else _texts(name, column, cells, nullable)
        )
    for column in numbers:
        cells = frame[column].reset_index(drop=True)
        out[column] = _numbers(name, column, cells, (name, column) in _NULLABLE)
    if name not in _REPEATABLE:
        _reject_repeats(name, out, list(keys))
    return out.sort_values(list(keys), kind="stable", ignore_index=True)


def _dates(name: str, cells: pd.Series) -> pd.Series:
    found = pd.to_datetime(cells, errors="coerce", format="ISO8601")
    if getattr(found.dt, "tz", None) is not None:
        found = found.dt.tz_localize(None)
    wrong = found.isna() | ~found.dt.year.between(MIN_YEAR, MAX_YEAR)
    _reject(name, "date_day", cells, wrong, f"a date between {MIN_YEAR} and {MAX_YEAR}")
    return found.dt.normalize().astype("datetime64[ns]")


def _texts(name: str, column: str, cells: pd.Series, nullable: bool) -> pd.Series:
    empty = cells.isna() | (cells.astype(str).str.strip() == "")
    if not nullable:
        _reject(name, column, cells, empty, "a value")
    return cells.astype(str).where(~empty, "")


def _numbers(name: str, column: str, cells: pd.Series, nullable: bool) -> pd.Series:
    # Decimals arrive as objects; booleans would pass as 0 and 1 and mean nothing here.
    flags = cells.map(lambda v: isinstance(v, (bool, np.bool_)))
    found = pd.to_numeric(cells, errors="coerce").astype(float)
    wrong = (found.isna() & cells.notna()) | np.isinf(found) | flags
    _reject(name, column, cells, wrong, "a finite number")
    if not nullable:
        _reject(name, column, cells, found.isna(), "a number")
    return found


def _reject(name: str, column: str, cells: pd.Series, wrong: pd.Series, wanted: str) -> None:
    if wrong.any():
        row = int(np.flatnonzero(wrong.to_numpy())[0])
        raise BadValueError(
            f"{name} row {row + 1}, column {column}: expected {wanted}, found "
            f"{cells.iloc[row]!r} ({int(wrong.sum())} such rows): correct the source and land it "
            f"again."
        )


def _reject_repeats(name: str, frame: pd.DataFrame, keys: list[str]) -> None:
    repeated = frame.duplicated(keys, keep="first")
    if repeated.any():
        row = int(np.flatnonzero(repeated.to_numpy())[0])
        key = ", ".join(
            f"{k}={v.date() if isinstance(v, pd.Timestamp) else v}"
            for k, v in frame.loc[row, keys].items()
        )
        raise DuplicateKeyError(
            f"{name} row {row + 1} repeats the key {key} ({int(repeated.sum())} such rows): "
            f"every key may appear once."
        )
