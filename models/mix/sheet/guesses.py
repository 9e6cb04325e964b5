"""A spec in the making: a table's columns, and the guess behind each."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from models.mix.frames import Floats
from models.mix.sheet.cells import blank, real
from models.mix.sheet.naming import Name, taken_apart


@dataclass(frozen=True)
class Guess:
    """One column: the `role` it was given and why. `sure` where name and cells say it plainly."""

    column: str
    role: str
    why: str
    sure: bool = True


@dataclass(frozen=True)
class TableColumn:
    """A column with its name taken apart."""

    name: str
    cells: pd.Series

    @cached_property
    def parts(self) -> Name:
        """The words of its name."""
        return taken_apart(self.name)

    @cached_property
    def numbers(self) -> Floats:
        """Its cells as numbers, NaN where there is none."""
        return real(self.cells)

    @cached_property
    def is_numeric(self) -> bool:
        """Whether every cell that is not empty is a finite number."""
        empty = blank(self.cells)
        return bool((~empty).any()) and bool(np.isfinite(self.numbers[~empty]).all())

    @cached_property
    def has_blanks(self) -> bool:
        """Whether a cell is empty."""
        return bool(blank(self.cells).any())

    @cached_property
    def filled(self) -> Floats:
        """Its numbers, 0 where there is none."""
        out: Floats = np.nan_to_num(self.numbers, nan=0.0, posinf=0.0, neginf=0.0)
        return out

    @property
    def is_flat(self) -> bool:
        """Whether all its numbers are the same."""
        return float(np.ptp(self.filled)) == 0.0

    @property
    def counts_rows(self) -> bool:
        """Whole numbers that rise by one from row to row."""
        if not self.is_numeric or self.has_blanks or len(self.numbers) < 3:
            return False
        return bool((np.diff(self.numbers) == 1).all())


@dataclass
class Draft:
    """What is known of a table so far.

    `left` are the columns without a role yet; `key` holds dates and series, a row each; `sold` the
    outcome.
    """

    columns: dict[str, TableColumn]
    name: str
    left: dict[str, TableColumn] = field(init=False)
    key: pd.DataFrame = field(init=False)
    sold: Floats = field(default_factory=lambda: np.zeros(0))
    guesses: dict[str, Guess] = field(default_factory=dict)
    panel: dict[str, Any] = field(default_factory=dict)
    drivers: list[dict[str, Any]] = field(default_factory=list)
    ignored: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.left = dict(self.columns)
        self.key = pd.DataFrame(index=range(len(next(iter(self.columns.values())).cells)))

    def waiting(self) -> list[TableColumn]:
        """Columns without a role, as a list that may be taken from."""
        return list(self.left.values())

    def say(self, column: TableColumn, role: str, why: str, *, sure: bool = True) -> None:
        """Give a column its role."""
        self.guesses[column.name] = Guess(column.name, role, why, sure)
        self.left.pop(column.name, None)

    def leave_out(self, column: TableColumn, kind: str, why: str, *, sure: bool = True) -> None:
        """Leave a column out; `kind` is one of `layout.Why`."""
        self.ignored.append({"column": column.name, "why": kind})
        self.say(column, "ignored", why, sure=sure)
