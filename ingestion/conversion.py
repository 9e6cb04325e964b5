"""From text to the types of a contract, column by column, naming every cell that does not fit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ingestion.contracts import Contract
from ingestion.contracts.contract import ARROW_TYPES
from ingestion.shaping import NUMBER, parsed_days
from ingestion.wording import quoted

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)

_PLACES = Decimal("0.000001")
_MONEY_LIMIT = Decimal(10) ** 12
_BIGINT_DIGITS = 18
_NOT_FINITE = r"(?i)[+-]?(?:nan|inf|infinity)"

# What a converter returns: values (null where bad or empty) and a reason for each bad position.
Converted = tuple[pa.Array, dict[int, str]]


def convert(contract: Contract, text: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give every contract column its type.

    Args:
        contract: the table's contract.
        text: contract columns as text, null where empty; index 0..n-1.

    Returns:
        The typed frame (null where a cell does not fit), and the misfits: `position`, `column`,
        `reason`, in contract column order.
    """
    typed: dict[str, Any] = {}
    misfits: list[tuple[int, str, str]] = []
    for name in contract.columns:
        type_name = contract.type_of(name)
        values, reasons = _CONVERTERS[type_name](text[name])
        typed[name] = pd.Series(pd.array(values, dtype=pd.ArrowDtype(ARROW_TYPES[type_name])))
        misfits += [(position, name, reason) for position, reason in reasons.items()]
    return pd.DataFrame(typed), pd.DataFrame(misfits, columns=["position", "column", "reason"])


def _matches(cells: pd.Series, pattern: str) -> np.ndarray:
    return cells.str.fullmatch(pattern).fillna(False).to_numpy(dtype=bool)


def _not_numbers(cells: pd.Series, numeric: np.ndarray) -> dict[int, str]:
    misfits = np.flatnonzero(cells.notna().to_numpy(dtype=bool) & ~numeric).tolist()
    infinite = _matches(cells.iloc[misfits], _NOT_FINITE)
    return {
        position: f"{quoted(cell)} is not a "
        + ("finite number" if endless else "number (such as 1234.50)")
        for position, cell, endless in zip(misfits, cells.iloc[misfits], infinite, strict=True)
    }


def _decimals(cells: pd.Series) -> Converted:
    """Money: exact to 6 places, further places rounded half to even."""
    numeric = _matches(cells, NUMBER)
    reasons = _not_numbers(cells, numeric)
    values: list[Decimal | None] = []
    with localcontext() as context:
        context.prec, context.rounding = 60, ROUND_HALF_EVEN
        for position, (good, cell) in enumerate(zip(numeric, cells, strict=True)):
            value = Decimal(cell) if good else None
            # Rounded before the second look: 999999999999.9999999 becomes the limit.
            if value is not None and abs(value) <= _MONEY_LIMIT:
                value = value.quantize(_PLACES)
            if value is not None and abs(value) >= _MONEY_LIMIT:
                reasons[position] = f"{quoted(cell)} is out of range (below 10^12)"
                value = None
            values.append(value)
    return pa.array(values, ARROW_TYPES["DECIMAL(18,6)"]), reasons


def _doubles(cells: pd.Series) -> Converted:
    numeric = _matches(cells, NUMBER)
    reasons = _not_numbers(cells, numeric)
    values = np.full(len(cells), np.nan)
    values[numeric] = cells[numeric].to_numpy(dtype=object).astype(float)
    endless = np.flatnonzero(numeric & ~np.isfinite(values)).tolist()
    for position, cell in zip(endless, cells.iloc[endless], strict=True):
        reasons[position] = f"{quoted(cell)} is out of range"
    # -0.0 would be another content than 0.0 for the same number.
    return pa.array(values + 0.0, mask=~np.isfinite(values)), reasons


def _whole(cells: pd.Series) -> Converted:
    digits = _matches(cells, r"[+-]?[0-9]+(?:\.0*)?")
    reasons = {
        position: reason.replace("a number (such as 1234.50)", "a whole number")
        for position, reason in _not_numbers(cells, digits).items()
    }
    values: list[int | None] = []
    for position, (good, cell) in enumerate(zip(digits, cells, strict=True)):
        # Long digit strings are refused before int() would labour on them.
        short = good and len(cell.split(".")[0].lstrip("+-0")) <= _BIGINT_DIGITS
        values.append(int(cell.split(".")[0]) if short else None)
        if good and not short:
            reasons[position] = f"{quoted(cell)} is out of range"
    return pa.array(values, ARROW_TYPES["BIGINT"]), reasons


def _days(cells: pd.Series) -> Converted:
    days = parsed_days(cells)
    sound = days.between(pd.Timestamp(FIRST_DAY), pd.Timestamp(LAST_DAY)).to_numpy(dtype=bool)
    wrong = np.flatnonzero(cells.notna().to_numpy(dtype=bool) & ~sound).tolist()
    reasons = {
        position: f"{quoted(cell)} is not a possible date (such as 2025-12-31, "
        f"or as `date_format` says; years {FIRST_DAY.year} to {LAST_DAY.year})"
        for position, cell in zip(wrong, cells.iloc[wrong], strict=True)
    }
    return pa.array(days.where(sound).to_numpy("datetime64[D]"), pa.date32()), reasons


def _moments(cells: pd.Series) -> Converted:
    times = pd.to_datetime(cells.astype(object), format="ISO8601", utc=True, errors="coerce")
    wrong = np.flatnonzero(cells.notna().to_numpy(dtype=bool) & times.isna().to_numpy()).tolist()
    reasons = {
        position: f"{quoted(cell)} is not a possible time (such as 2025-12-31T18:30:00Z)"
        for position, cell in zip(wrong, cells.iloc[wrong], strict=True)
    }
    naive = times.dt.tz_localize(None).to_numpy("datetime64[us]")
    return pa.array(naive, pa.timestamp("us")), reasons


def _texts(cells: pd.Series) -> Converted:
    return pa.array(cells, pa.string()), {}


_CONVERTERS: dict[str, Callable[[pd.Series], Converted]] = {
    "DECIMAL(18,6)": _decimals,
    "DOUBLE": _doubles,
    "BIGINT": _whole,
    "DATE": _days,
    "TIMESTAMP": _moments,
    "VARCHAR": _texts,
}
