"""A plan that is not there, assumed by a stated rule: never silently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from forecasting.errors import PlanError, RuleError
from forecasting.grid import Floats, PlanColumn

Rule = Literal["zero", "last", "last-year", "mean"]
RULES: tuple[Rule, ...] = ("zero", "last", "last-year", "mean")


@dataclass(frozen=True)
class Assumed:
    """A plan column whose cells were not given: how many series, which dates, by which rule."""

    column: str
    rule: str
    series: int
    cells: int
    first: str
    last: str

    @property
    def note(self) -> str:
        span = self.first if self.first == self.last else f"{self.first} to {self.last}"
        return (
            f"assumed, not planned: {self.column[:60]!r} {_SAID[self.rule]}, {self.cells} cells of "
            f"{self.series} series, {span}"
        )


_SAID = {
    "zero": "is zero",
    "last": "stays as it last was",
    "last-year": "is as a year before",
    "mean": "is its mean (of texts the commonest) of the last year",
}


def checked(assume: Mapping[str, str], known: list[str]) -> dict[str, Rule]:
    """The rules; refuses rules that do not exist, and columns that history does not have."""
    out: dict[str, Rule] = {}
    for column, word in assume.items():
        rule = next((one for one in RULES if one == word), None)
        if rule is None:
            raise RuleError(
                f"The plan of {column[:60]!r} is to be assumed by {word[:60]!r}: rules are "
                f"{', '.join(RULES)}."
            )
        if column not in known:
            raise RuleError(
                f"The plan of {column[:60]!r} is to be assumed, but history has no such plan "
                f"column; it has {', '.join(repr(str(name)[:60]) for name in known[:12])}."
            )
        out[column] = rule
    return out


def assumed(  # noqa: PLR0917
    values: Floats, column: PlanColumn, rule: Rule, dates: pd.DatetimeIndex, known: int, back: int
) -> tuple[Floats, Assumed | None]:
    """`values` (S, T + H) of a plan column with the missing cells of the horizon filled in; last
    year's period is `back` periods before.

    Raises:
        PlanError: the rule finds nothing to go by.
    """
    missing = np.isnan(values)
    missing[:, :known] = False
    if not missing.any():
        return values, None
    if rule == "zero" and column.is_categorical:
        raise PlanError(
            f"The plan of {column.name[:60]!r} is to be assumed zero, but it holds texts: take "
            "last, last-year or mean."
        )
    out = values.copy()
    if rule == "zero":
        out[missing] = 0.0
    elif rule == "mean":
        out = np.where(missing, _middle(values[:, :known][:, -back:], column)[:, None], out)
    else:
        # In order of time: what was assumed for a period serves those that go by it.
        for at in range(known, len(dates)):
            empty = missing[:, at]
            before = at - (1 if rule == "last" else back)
            if before >= 0:
                out[empty, at] = out[empty, before]
    left = np.isnan(out) & missing
    if left.any():
        when = dates[int(np.flatnonzero(left.any(axis=0))[0])].date()
        raise PlanError(
            f"The plan of {column.name[:60]!r} cannot be assumed by {rule} for "
            f"{int(left.any(axis=1).sum())} series, the first date {when}: history has no value to "
            "go by there. Give the plan, or take another rule."
        )
    days = dates[np.flatnonzero(missing.any(axis=0))]
    return out, Assumed(
        column.name, rule, int(missing.any(axis=1).sum()), int(missing.sum()),
        str(days[0].date()), str(days[-1].date()),
    )  # fmt: skip


def _middle(values: Floats, column: PlanColumn) -> Floats:
    """(S,) mean, or of categories the commonest."""
    if not column.is_categorical:
        seen = np.isfinite(values)
        count = seen.sum(axis=1)
        total = np.nan_to_num(values).sum(axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)
    counts = np.stack([(values == level).sum(axis=1) for level in range(len(column.levels))])
    return np.where(counts.any(axis=0), counts.argmax(axis=0), np.nan).astype(float)
