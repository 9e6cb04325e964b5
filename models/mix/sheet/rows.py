"""Rows of a wide table: which date and series each is of, checked.

An error names table, row, column, expected, got and what to do. Rows are named by the table's
index: a reader sets it to the file's line numbers.
"""

from __future__ import annotations

import difflib
from itertools import pairwise

import numpy as np
import pandas as pd

from models.errors import (
    DateGapError,
    DuplicateKeyError,
    EmptyFrameError,
    MissingColumnError,
    NotFiniteError,
    UnknownTerritoryError,
)
from models.mix.frames import Floats, next_date
from models.mix.sheet.cells import blank, listed, plain, real
from models.mix.sheet.days import grain_of, month_starts, read_days
from models.mix.sheet.layout import PanelColumns

#: Name of the one territory of a table without territories.
EVERYWHERE = "all"


class Rows:
    """A table whose columns have a meaning: `key` (date_day, territory_id[, product_id]) by row,
    `grain`, how dates are `written`, and `notes` on what was read in a particular way.

    Raises:
        ModelInputError: one of its subclasses, at once.
    """

    key: pd.DataFrame
    grain: str
    written: dict[pd.Timestamp, str]

    def __init__(self, table: pd.DataFrame, columns: PanelColumns, name: str) -> None:
        self.table, self.columns, self.name = table, columns, name
        self.notes: list[str] = []
        self._columns_there()
        self._names()
        self._dates()
        self._every_cell_once()
        self._even_dates()

    def row(self, at: int) -> str:
        """A row as errors name it."""
        return f"row {plain(self.table.index[at])}"

    def cell(self, at: int) -> str:
        """Date and series of a row, in words."""
        row = self.key.iloc[at]
        parts = [str(row["date_day"].date())]
        parts += [
            plain(row[column])
            for column in self.series()
            if not (column == "territory_id" and self.columns.territory is None)
        ]
        return ", ".join(parts)

    def series(self) -> list[str]:
        """Columns of the key that name a series."""
        return [str(column) for column in self.key if column != "date_day"]

    def numbers(self, column: str, *, zero: bool = False) -> Floats:
        """A column as finite numbers; an empty cell is 0 where `zero`."""
        cells = self.table[column]
        found = real(cells)
        bad = ~np.isfinite(found)
        if zero and self.columns.empty_cells == "zero" and bad.any():
            empty = bad & blank(cells)
            found, bad = np.where(empty, 0.0, found), bad & ~empty
        if bad.any():
            at = int(np.argmax(bad))
            empty_cell = bool(blank(cells.iloc[[at]])[0])
            got = "an empty cell" if empty_cell else repr(plain(cells.iloc[at]))
            zeros = (
                " Write 0 where nothing ran, or `empty_cells: zero` in the spec."
                if zero and empty_cell
                else " Correct the cell."
            )
            others = int(bad.sum()) - 1
            raise NotFiniteError(
                f"{self.name}, {self.row(at)}, column {plain(column)!r}: expected a finite number, "
                f"as 1234.5; got {got}{f' (and {others} cells more)' if others else ''}.{zeros}"
            )
        return found

    def _columns_there(self) -> None:
        have = [str(column) for column in self.table.columns]
        twice = sorted({column for column in have if have.count(column) > 1})
        read = self.columns.columns()
        for column in twice:
            if column in read:
                raise DuplicateKeyError(
                    f"{self.name} has the column {plain(column)!r} {have.count(column)} times; "
                    "expected once. Rename or remove the others."
                )
        for column, place in read.items():
            if column not in have:
                close = difflib.get_close_matches(column, have, 1)
                meant = f" Did you mean {plain(close[0])!r}?" if close else ""
                raise MissingColumnError(
                    f"{self.name} lacks the column {plain(column)!r} that the spec names at "
                    f"{place}; it has {listed(have)}.{meant} Correct the spec or the table."
                )
        if self.table.empty:
            raise EmptyFrameError(
                f"{self.name} has a header but no rows; expected one row a date. Export it again."
            )
        known = set(read) | {one.column for one in self.columns.ignored}
        if unknown := [column for column in have if column not in known]:
            self.notes.append(
                f"columns that the spec does not name are not read: {listed(unknown)}"
            )

    def _names(self) -> None:
        key = {}
        for field, column in (
            ("territory_id", self.columns.territory),
            ("product_id", self.columns.product),
        ):
            if column is None:
                if field == "territory_id":
                    key[field] = np.full(len(self.table), EVERYWHERE, dtype=object)
                continue
            cells = self.table[column].astype(str).str.strip()
            empty = (cells.eq("") | self.table[column].isna()).to_numpy()
            if empty.any():
                raise UnknownTerritoryError(
                    f"{self.name}, {self.row(int(np.argmax(empty)))}, column {plain(column)!r}: "
                    "expected a name; got an empty cell. Fill it in or remove the row."
                )
            key[field] = cells.to_numpy(dtype=object)
        self.key = pd.DataFrame(key)

    def _dates(self) -> None:
        column = self.columns.date
        found = read_days(self.table[column], self.columns.date_format)
        if isinstance(found, int):
            form = self.columns.date_format or "a date, as 2025-01-31"
            raise DateGapError(
                f"{self.name}, {self.row(found)}, column {plain(column)!r}: expected {form}; got "
                f"{plain(self.table[column].iloc[found])!r}. Correct the cell, or say in the spec "
                "how dates are written (panel.date_format)."
            )
        if found.also:
            both = " or ".join([found.format, *found.also])
            raise DateGapError(
                f"{self.name}, column {plain(column)!r}: {plain(self.table[column].iloc[0])!r} can "
                f"be read as {both}. Say which in the spec: panel.date_format."
            )
        if found.format != "%Y-%m-%d":
            self.notes.append(f"dates are read as {found.format}")
        days = found.days
        grain = self.columns.grain or grain_of(days)
        if grain is None:
            self._mixed(days)
        self.grain = str(grain)
        at = month_starts(days) if grain == "month" else days
        self.written = dict(zip(at, days.strftime("%Y-%m-%d"), strict=True))
        self.key.insert(0, "date_day", at)

    def _mixed(self, days: pd.DatetimeIndex) -> None:
        dates = np.sort(days.unique().to_numpy())
        steps = np.diff(dates).astype("timedelta64[D]").astype(int)
        counts = pd.Series(steps).value_counts().head(4)
        told = ", ".join(f"{step} days ({count} times)" for step, count in counts.items())
        raise DateGapError(
            f"{self.name}, column {plain(self.columns.date)!r}: expected one step (each day, "
            f"each week or each month); got {len(dates)} dates, {told or 'no two'} apart. Keep one "
            "grain in a file and fill missing dates with zeros, or say panel.grain in the spec."
        )

    def _every_cell_once(self) -> None:
        twice = self.key.duplicated()
        if not twice.any():
            return
        at = int(np.argmax(twice))
        same = (self.key == self.key.iloc[at]).all(axis=1).to_numpy()
        first = int(np.argmax(same))
        named = [self.columns.date, self.columns.territory, self.columns.product]
        key = ", ".join(plain(column) for column in named if column)
        missing = [
            f"panel.{field}"
            for field in ("territory", "product")
            if not getattr(self.columns, field)
        ]
        also = f" If the table has several series, name their columns ({', '.join(missing)})."
        raise DuplicateKeyError(
            f"{self.name}, {self.row(at)}: {self.cell(at)} stands already in {self.row(first)}; "
            f"expected each {key} once. Remove one or add them up.{also if missing else ''}"
        )

    def _even_dates(self) -> None:
        days = self.key["date_day"]
        dates = pd.DatetimeIndex(np.sort(days.unique()))
        for before, after in pairwise(dates):
            due = next_date(before, self.grain)
            if due == after:
                continue
            at = int(np.argmax((days == after).to_numpy()))
            what = "is missing" if after > due else "lies between two dates"
            wrong = due if after > due else after
            raise DateGapError(
                f"{self.name}, {self.row(at)}, column {plain(self.columns.date)!r}: expected "
                f"{due.date()} after {before.date()} (each {self.grain}); got {after.date()}: "
                f"{wrong.date()} {what}. Keep one grain, and fill missing dates with zeros."
            )
        counts = self.key.groupby(self.series(), sort=True).size()
        short = counts[counts < len(dates)]
        if short.empty:
            return
        name = short.index[0]
        own = name if isinstance(name, tuple) else (name,)
        mine = (self.key[self.series()] == list(own)).all(axis=1)
        lacks = dates.difference(pd.DatetimeIndex(days[mine]))[0]
        raise DateGapError(
            f"{self.name}: {', '.join(plain(part) for part in own)} has {counts[name]} of "
            f"{len(dates)} dates and lacks {lacks.date()}; every territory (and product) needs "
            "every date. Add rows with zeros, or leave that territory out."
        )
