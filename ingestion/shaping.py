"""From a file's columns to a contract's columns, still as text."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from string import Formatter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ingestion.contracts import Contract
from ingestion.mapping import TableMapping, Unpivot, Writing
from ingestion.reading import TEXT
from ingestion.wording import did_you_mean, listed, quoted
from warehouse.errors import SourceError

ISO = "%Y-%m-%d"
NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
_PLACES = Decimal("0.000001")


@dataclass(frozen=True)
class Cells:
    """Rows of an input as text."""

    label: str
    hash: str
    cells: pd.DataFrame
    row_numbers: np.ndarray[Any, Any]


def shape(table: TableMapping, file: Cells, spec: Writing) -> pd.DataFrame:
    """Rows of a contract table as text.

    Returns:
        One text column for each contract column (null: empty), `_row_number` (line in the
        file) and `_line` (position in `file.cells`), in the file's order.

    Raises:
        SourceError: a source column is missing (named, with the nearest found), or a required
            contract column has no origin.
    """
    source = _Cells(file, spec)
    _check_origins(table, file)
    lines = _kept_lines(table, source)
    parts = [
        _entry(table, entry, source, lines)
        for entry in (table.unpivot or (Unpivot.model_validate({"set": {}, "columns": {}}),))
    ]
    frame = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
    # Entry by entry is the mapping's order; the file's order keeps lines together.
    frame = frame.sort_values("_line", kind="stable", ignore_index=True)
    return _finish(table, frame, spec.date_format)


def shape_records(table: TableMapping) -> pd.DataFrame:
    """Inline rows as text, numbered from 1 in the mapping's order."""
    records = table.records or ()
    frame = pd.DataFrame(index=range(len(records)))
    for name in table.contract.columns:
        constant = table.constants.get(name)
        cells = [(record.get(name, constant) or "").strip() or None for record in records]
        frame[name] = pd.array(pa.array(cells, pa.string()), dtype=TEXT)
    frame["_row_number"] = np.arange(1, len(frame) + 1)
    frame["_line"] = np.arange(len(frame))
    return _finish(table, frame, ISO)


class _Cells:
    """Cells of a file, trimmed, with `na_values` as null."""

    def __init__(self, file: Cells, spec: Writing) -> None:
        self.file = file
        self._empty = ["", *spec.na_values]
        self._seen: dict[str, pd.Series] = {}

    def __getitem__(self, column: str) -> pd.Series:
        if column not in self._seen:
            trimmed = self.file.cells[column].str.strip()
            self._seen[column] = trimmed.mask(trimmed.isin(self._empty))
        return self._seen[column]


def _check_origins(table: TableMapping, file: Cells) -> None:
    found = list(file.cells.columns)
    wanted = {**table.columns}
    for entry in table.unpivot:
        wanted |= {f"unpivot {name}": column for name, column in entry.columns.items()}
    for name, factors in table.multiply.items():
        wanted |= {f"multiply {name} {factor}": factor for factor in factors}
    wanted |= {f"where {column}": column for column in table.where}
    for column in wanted.values():
        if column not in found:
            raise _no_column(column, table, file)
    origins = {
        *table.columns, *table.constants, *table.multiply, *table.templates, *table.offset_days,
        *(name for entry in table.unpivot for name in (*entry.set_, *entry.columns)),
        *(name for name, meaning in table.missing.items() if meaning == "zero"),
        *(name for name in found if _maps_by_name(table, name)),
    }  # fmt: skip
    for name in table.contract.required:
        if name not in origins:
            raise _no_column(name, table, file)


def _maps_by_name(table: TableMapping, name: str) -> bool:
    """A column of the same name maps to itself; a number that unpivot would repeat does not."""
    contract = table.contract
    return name in contract.columns and not (table.unpivot and contract.is_number(name))


def _no_column(column: str, table: TableMapping, file: Cells) -> SourceError:
    found = list(file.cells.columns)
    return SourceError(
        f"there is no column {quoted(column)}, which {table.table} needs"
        f"{did_you_mean(column, found)}",
        where=file.label,
        got=f"the columns {listed(found, 30)}",
        remedy="Correct the file's header, or map the column in the source mapping",
    )


def _kept_lines(table: TableMapping, source: _Cells) -> np.ndarray:
    keep = np.ones(len(source.file.cells), dtype=bool)
    for column, condition in table.where.items():
        cells = source[column]
        if condition == "present":
            passes = cells.notna()
        elif condition == "not_zero":
            # Text that is no number stays: the contract rejects it where it is seen.
            is_zero = cells.str.fullmatch(r"[+-]?(?:0+(?:\.0*)?|\.0+)(?:[eE][+-]?[0-9]+)?")
            passes = cells.notna() & ~is_zero.fillna(False)
        else:
            passes = cells.isin(list(condition))
        keep &= passes.to_numpy(dtype=bool)
    return np.flatnonzero(keep)


def _entry(table: TableMapping, entry: Unpivot, source: _Cells, lines: np.ndarray) -> pd.DataFrame:
    contract = table.contract
    columns = {**table.columns, **entry.columns}
    constants = {**table.constants, **entry.set_}
    taken = {
        *columns, *constants, *table.multiply, *table.templates, *table.offset_days,
        *(name for other in table.unpivot for name in (*other.set_, *other.columns)),
    }  # fmt: skip
    frame = pd.DataFrame(index=range(len(lines)))
    for name in contract.columns:
        if name in constants:
            cells = pd.Series(_repeat(constants[name].strip() or None, len(lines)))
        elif name in columns:
            cells = source[columns[name]].iloc[lines]
        elif name in table.multiply:
            factors = [source[factor].iloc[lines] for factor in table.multiply[name]]
            cells = _product(factors)
        elif name not in taken and name in source.file.cells and _maps_by_name(table, name):
            cells = source[name].iloc[lines]
        else:
            cells = pd.Series(_repeat(None, len(lines)))
        frame[name] = cells.array
    frame["_row_number"] = source.file.row_numbers[lines]
    frame["_line"] = lines
    return frame


def _repeat(text: str | None, times: int) -> pd.api.extensions.ExtensionArray:
    return pd.array(pa.repeat(pa.scalar(text, pa.string()), times), dtype=TEXT)


def _product(factors: list[pd.Series]) -> pd.Series:
    """Exact products to 6 places; text that is no number is passed on for the contract to name."""
    numeric = np.logical_and.reduce(
        [factor.str.fullmatch(NUMBER).fillna(False).to_numpy(dtype=bool) for factor in factors]
    )
    results: list[str | None] = []
    with localcontext() as context:
        context.prec, context.rounding = 60, ROUND_HALF_EVEN
        for good, *texts in zip(numeric, *factors, strict=True):
            if good:
                product = Decimal(1)
                for text in texts:
                    product *= Decimal(text)
                # Beyond a contract's range there are no places to keep.
                exact = product.quantize(_PLACES) if abs(product) < Decimal("1e40") else product
                results.append(f"{exact:f}" if exact is not product else str(product))
            elif any(text is None or text is pd.NA for text in texts):
                results.append(None)
            else:
                results.append(" x ".join(texts))
    return pd.Series(pd.array(pa.array(results, pa.string()), dtype=TEXT))


def _finish(table: TableMapping, frame: pd.DataFrame, date_format: str) -> pd.DataFrame:
    contract = table.contract
    for name, meaning in table.missing.items():
        if meaning == "zero":
            frame[name] = frame[name].fillna("0")
    if date_format != ISO:
        for name in _dates(contract):
            if name not in table.constants:
                frame[name] = _as_iso(frame[name], date_format)
    for name, (start, days) in table.offset_days.items():
        frame[name] = _shifted(frame[start], days)
    for name, template in table.templates.items():
        frame[name] = _filled(frame, template)
    if table.distinct:
        frame = frame.drop_duplicates(list(contract.columns), ignore_index=True)
    return frame


def _dates(contract: Contract) -> list[str]:
    return [name for name in contract.columns if contract.type_of(name) == "DATE"]


def parsed_days(cells: pd.Series, date_format: str = ISO) -> pd.Series:
    """Days (datetime64) of date texts; NaT where a text is no possible date."""
    texts = cells.astype(object)
    days = pd.to_datetime(texts, format=date_format, exact=True, errors="coerce", utc=False)
    if date_format == ISO:
        # Pandas takes 2025-1-5 for ISO; a contract does not.
        days = days.where(cells.str.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fillna(False))
    return days


def _iso_text(days: pd.Series) -> pd.Series:
    return pd.Series(pd.array(days.dt.strftime(ISO).astype(object), dtype=TEXT), index=days.index)


def _as_iso(cells: pd.Series, date_format: str) -> pd.Series:
    days = parsed_days(cells, date_format)
    if days.dt.tz is not None:
        days = days.dt.tz_localize(None)
    return _iso_text(days).where(days.notna().to_numpy(), cells)


def _shifted(cells: pd.Series, days: int) -> pd.Series:
    """Dates moved by whole days; text that is no date stays, for the contract to name."""
    dates = parsed_days(cells)
    moved = _iso_text(dates + pd.Timedelta(days=days))
    return moved.where(dates.notna().to_numpy(), cells)


def _filled(frame: pd.DataFrame, template: str) -> pd.Series:
    """A template with the row's own values; null where one of them is."""
    filled = pd.Series(_repeat("", len(frame)), index=frame.index)
    for literal, field, _, _ in Formatter().parse(template):
        filled = filled + literal
        if field is not None:
            filled = filled + frame[field]
    return filled
