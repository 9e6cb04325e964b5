"""The table of a version: one row a series and date, in exact decimals, with a hash of content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

import pandas as pd

from forecasting.days import local_days
from forecasting.errors import BadValueError, DuplicateKeyError, MissingColumnError
from forecasting.versions.wording import shown

QUANTILES = ("p025", "p10", "p50", "p90", "p975")
NUMBERS = ("mean", *QUANTILES)
#: Columns a version's tables have beside those of the series.
RESERVED = frozenset({
    *NUMBERS, "ds", "model", "override", "final", "period", "version", "actual", "series", "naive",
})  # fmt: skip
_CENT = Decimal("0.01")
_MOST = Decimal(10) ** 15
#: Rows that are hashed at once.
_BLOCK = 100_000


def version_table(frame: pd.DataFrame, series: Sequence[str]) -> pd.DataFrame:
    """A forecast as it is kept: series columns (text), ds, mean, quantiles, model; sorted by key.

    Numbers become `Decimal` with two places (pieces, or money in one currency), dates midnights.

    Raises:
        MissingColumnError: a column is missing, or one of the series has a reserved name.
        BadValueError: a cell is empty, no date, no number, or a mean is below zero.
        DuplicateKeyError: a series has a date twice.
    """
    names = list(series)
    taken = sorted(RESERVED & set(names))
    if taken or not names or len(set(names)) != len(names):
        raise MissingColumnError(
            f"Series columns {', '.join(map(shown, names)) or '(none)'}: give at least one, each "
            f"once, none named {', '.join(taken) or 'like a column of the version'}."
        )
    missing = [name for name in (*names, "ds", *NUMBERS) if name not in frame.columns]
    if missing:
        raise MissingColumnError(
            f"The forecast lacks {', '.join(map(shown, missing))}; it has "
            f"{', '.join(shown(name) for name in list(frame.columns)[:12])}."
        )
    if frame.empty:
        raise BadValueError("The forecast has no row: there is nothing to keep.")
    out = _keys(frame, names, "forecast")
    for name in NUMBERS:
        out[name] = exact(_amounts(frame[name], name, "forecast"))
    low = next((row for row, mean in enumerate(out["mean"]) if mean < 0), None)
    if low is not None:
        raise BadValueError(f"The forecast's mean is {out['mean'].iloc[low]} in row {low + 1}.")
    out["model"] = frame["model"].astype(str).to_numpy() if "model" in frame.columns else ""
    return _sorted(out, names, "forecast")


def naive_table(frame: pd.DataFrame, series: Sequence[str], table: pd.DataFrame) -> pd.DataFrame:
    """What the naive would have said, as it is kept: series columns, ds, naive (Decimal).

    Args:
        table: the version's own (`version_table`): rows are the same.

    Raises:
        MissingColumnError, BadValueError, DuplicateKeyError: as `version_table`, or other rows.
    """
    names = list(series)
    missing = [name for name in (*names, "ds", "naive") if name not in frame.columns]
    if missing:
        raise MissingColumnError(f"The naive's numbers lack {', '.join(map(shown, missing))}.")
    out = _keys(frame, names, "naive")
    out["naive"] = exact(_amounts(frame["naive"], "naive", "naive"))
    out = _sorted(out, names, "naive")
    keys = [*names, "ds"]
    if not out[keys].equals(table[keys].reset_index(drop=True)):
        raise BadValueError(
            f"The naive has {len(out)} rows that are not the {len(table)} of the forecast: both "
            "must tell the same series and dates."
        )
    return out


def actuals_table(
    frame: pd.DataFrame, series: Sequence[str], date: str, target: str
) -> pd.DataFrame:
    """A ledger as it is kept at a close: series columns, ds, actual (Decimal); sorted, summed.

    Raises:
        MissingColumnError, BadValueError: as `version_table`; amounts may be below zero.
    """
    names = list(series)
    asked = pd.Index([*names, date, target])
    for columns in (asked, frame.columns):
        if columns.has_duplicates:
            raise MissingColumnError(
                f"The actuals have {shown(columns[columns.duplicated()][0])} twice: series, date "
                "and target are columns of their own."
            )
    missing = [name for name in (*names, date, target) if name not in frame.columns]
    if missing:
        raise MissingColumnError(
            f"The actuals lack {', '.join(map(shown, missing))}; they have "
            f"{', '.join(shown(name) for name in list(frame.columns)[:12])}."
        )
    renamed = frame[[*names, date, target]].rename(columns={date: "ds"})
    out = _keys(renamed, names, "actuals")
    out["actual"] = exact(_amounts(frame[target], target, "actuals"))
    summed = out.groupby([*names, "ds"], sort=True)["actual"].agg(_total)
    return summed.reset_index()


def _total(values: pd.Series) -> Decimal:
    return sum(values, Decimal("0.00"))


def _keys(frame: pd.DataFrame, names: list[str], what: str) -> pd.DataFrame:
    out = pd.DataFrame(index=pd.RangeIndex(len(frame)))
    for name in names:
        cells = frame[name].reset_index(drop=True)
        empty = cells.isna() | (cells.astype(str).str.strip() == "")
        if empty.any():
            row = _row(frame.index, int(empty.to_numpy().argmax()))
            raise BadValueError(f"The {_whose(what)} {shown(name)} is empty in row {row}.")
        out[name] = cells.astype(str)
    days = local_days(frame["ds"].reset_index(drop=True))
    if days.isna().any():
        at = int(days.isna().to_numpy().argmax())
        raise BadValueError(
            f"The {_whose(what)} date is {shown(frame['ds'].iloc[at])} in row "
            f"{_row(frame.index, at)}: expected a date as 2025-01-31."
        )
    out["ds"] = days.dt.normalize().astype("datetime64[ns]")
    return out


def _whose(what: str) -> str:
    return f"{what}'" if what.endswith("s") else f"{what}'s"


def _row(index: pd.Index, at: int) -> object:
    """The line of the file where the frame was read from one, else the place in the frame."""
    return index[at] if index.name == "row" else at + 1


def _amounts(cells: pd.Series, name: str, what: str) -> list[Decimal]:
    known: dict[str, Decimal] = {}
    out: list[Decimal] = []
    for at, value in enumerate(cells):
        text = str(value).strip()
        amount = known.get(text)
        if amount is None:
            where = f"The {_whose(what)} {shown(name)} in row {_row(cells.index, at)}"
            amount = known[text] = _amount(text, where)
        out.append(amount)
    return out


def _amount(text: str, where: str) -> Decimal:
    try:
        exact = Decimal(text)
    except InvalidOperation:
        exact = Decimal("NaN")
    if not exact.is_finite() or abs(exact) >= _MOST:
        raise BadValueError(f"{where} is {shown(text)}: expected a finite number below 10^15.")
    # Adding nothing turns a negative zero into zero.
    return exact.quantize(_CENT, rounding=ROUND_HALF_EVEN) + Decimal("0.00")


def _sorted(frame: pd.DataFrame, names: list[str], what: str) -> pd.DataFrame:
    out = frame.sort_values([*names, "ds"], kind="stable", ignore_index=True)
    double = out.duplicated([*names, "ds"])
    if double.any():
        row = out[double].iloc[0]
        raise DuplicateKeyError(
            f"The {what} has {', '.join(shown(row[name]) for name in names)} twice on "
            f"{row['ds'].date()}."
        )
    return out


def content_hash(frame: pd.DataFrame, series: Sequence[str], numbers: Iterable[str]) -> str:
    """SHA-256 of a table's content: its keys and numbers as text, whatever file it lies in."""
    digest = hashlib.sha256()
    numbers = list(numbers)
    digest.update(json.dumps([list(series), numbers]).encode() + b"\n")
    # Rows are JSON lists of texts; dates and numbers need no escapes, names are escaped once each.
    columns = [_quoted(frame[name]) for name in series]
    columns.append([f'"{day}"' for day in frame["ds"].dt.strftime("%Y-%m-%d")])
    for start in range(0, len(frame), _BLOCK):
        part = [column[start : start + _BLOCK] for column in columns]
        told = [frame[name].iloc[start : start + _BLOCK] for name in numbers]
        part += [[f'"{number}"' for number in column] for column in told]
        digest.update("".join(f"[{', '.join(row)}]\n" for row in zip(*part, strict=True)).encode())
    return digest.hexdigest()


def _quoted(cells: pd.Series) -> list[str]:
    known = {cell: json.dumps(str(cell)) for cell in cells.unique()}
    return [known[cell] for cell in cells]


def exact(values: Iterable[Decimal]) -> pd.Series:
    """Amounts as a column that keeps them exact."""
    return pd.Series(list(values), dtype=object)


def cents(values: Iterable[Decimal]) -> list[int]:
    """Amounts with two places as whole cents.

    >>> cents([Decimal("19.99")])
    [1999]
    """
    return [int(value.scaleb(2)) for value in values]


def amounts(values: Iterable[int]) -> list[Decimal]:
    """Whole cents as amounts with two places.

    >>> amounts([1999])
    [Decimal('19.99')]
    """
    return [Decimal(value).scaleb(-2) for value in values]
