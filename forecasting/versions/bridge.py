"""Why a version says something else than the one before: steps that sum, exactly.

The statistical change on cells that both versions have is walked in one order:

    old  --model-->  new code, old data, old plan  --data-->  new code and data, old plan
         --plan-->  new

The two forecasts between were made with the new version, or are known to equal their neighbour
because code, data or plan are the same. Where one is neither, its two steps are one, named so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.versions.errors import VersionError
from forecasting.versions.tables import amounts, cents, exact
from forecasting.versions.wording import shown

#: Steps in the order they are shown; data, model and plan may come joined.
ORDER = (
    "old", "passed", "ended", "model", "model and data", "model, data and plan", "data",
    "data and plan", "plan", "unexplained", "begun", "override", "new",
)  # fmt: skip
_JOINED = {
    ("model",): "model", ("data",): "data", ("plan",): "plan",
    ("model", "data"): "model and data", ("data", "plan"): "data and plan",
    ("model", "data", "plan"): "model, data and plan",
}  # fmt: skip

#: Numbers of rows; whole cents.
Rows = npt.NDArray[np.intp]
Amounts = npt.NDArray[Any]


@dataclass(frozen=True)
class Side:
    """A version in a bridge: `table` has the series columns, ds, period, mean, final (Decimal)."""

    name: str
    as_of: date
    table: pd.DataFrame


@dataclass(frozen=True)
class Between:
    """What is known of the way from the old to the new statistical number.

    `old_data`: new code on old data and old plan; `old_plan`: new code on new data and old plan;
    both tables as `version_table` gives them, or None. `same_code`, `same_data`, `same_plan`: the
    versions are proved to share it.
    """

    old_data: pd.DataFrame | None = None
    old_plan: pd.DataFrame | None = None
    same_code: bool = False
    same_data: bool = False
    same_plan: bool = False


def bridge(old: Side, new: Side, series: Sequence[str], between: Between) -> pd.DataFrame:
    """Steps from the old version's final number to the new one's.

    One row a step, fiscal period and series: step, period, series columns, amount (Decimal). In
    each period and series, and so in every sum, old + steps = new.

    - passed: dates the old version forecast and the new one knows; ended: what else only the old
      one has (series no longer forecast, a shorter horizon).
    - model, data, plan: see above; data includes what weights learn from it.
    - unexplained: a change where code, data or plan is proved the same and cannot be its cause.
    - begun: statistical numbers only the new version has (a longer horizon, new series).
    - override: what overrides add in the new version less what they added in the old one.

    Raises:
        VersionError: a forecast between lacks cells that both versions have.
    """
    keys = [*series, "ds"]
    one, two = Cents.of(old.table), Cents.of(new.table)
    both = _rows(old.table, keys, "_old").merge(
        _rows(new.table, keys, "_new"), on=keys, how="outer"
    )
    at_old, at_new = (both[name].fillna(-1).to_numpy(dtype=np.int64) for name in ("_old", "_new"))
    in_old, in_new = at_old >= 0, at_new >= 0
    period = np.where(
        in_new, new.table["period"].to_numpy()[at_new], old.table["period"].to_numpy()[at_old]
    )
    gone = in_old & ~in_new
    passed = gone & (both["ds"] <= pd.Timestamp(new.as_of)).to_numpy()
    common = np.flatnonzero(in_old & in_new)
    parts: list[tuple[str, Rows, Amounts]] = []

    def add(step: str, rows: Rows, values: Amounts) -> None:
        parts.append((step, rows, values))

    for step, some, sign in (("old", in_old, 1), ("passed", passed, -1),
                             ("ended", gone & ~passed, -1)):  # fmt: skip
        rows = np.flatnonzero(some)
        add(step, rows, sign * one.final[at_old[rows]])
    ends = one.mean[at_old[common]], two.mean[at_new[common]]
    for step, values in _walk(both[keys].iloc[common], keys, between, *ends):
        add(step, common, values)
    begun, there = np.flatnonzero(in_new & ~in_old), np.flatnonzero(in_new)
    add("begun", begun, two.mean[at_new[begun]])
    add("override", there, (two.final - two.mean)[at_new[there]])
    add("override", common, (one.mean - one.final)[at_old[common]])
    add("new", there, two.final[at_new[there]])
    return _summed(both[list(series)].assign(period=period), parts)


@dataclass(frozen=True)
class Cents:
    """Amounts of a table in whole cents, by row."""

    mean: Amounts
    final: Amounts

    @classmethod
    def of(cls, table: pd.DataFrame) -> Cents:
        return cls(*(np.array(cents(table[name]), dtype=np.int64) for name in ("mean", "final")))


def _rows(table: pd.DataFrame, keys: list[str], name: str) -> pd.DataFrame:
    """Keys of a table and the number of the row that each is in."""
    return table[keys].assign(**{name: np.arange(len(table))})


def _walk(
    shared: pd.DataFrame, keys: list[str], between: Between, start: Amounts, end: Amounts
) -> list[tuple[str, Amounts]]:
    """Steps of the statistical number on shared cells, joined where a stop is not known."""
    first = _at(between.old_data, shared, keys, "old data")
    second = _at(between.old_plan, shared, keys, "old plan")
    if first is None and between.same_code:
        first = start
    if second is None and between.same_plan:
        second = end
    if between.same_data:
        first, second = (second if first is None else first), (first if second is None else second)
    stops = [start, first, second, end]
    same = {"model": between.same_code, "data": between.same_data, "plan": between.same_plan}
    steps: list[tuple[str, Amounts]] = []
    names: list[str] = []
    last = start
    for name, stop in zip(("model", "data", "plan"), stops[1:], strict=True):
        names.append(name)
        if stop is not None:
            step, values = _JOINED[tuple(names)], stop - last
            # What is the same moves nothing: what moved has another cause, which nobody recorded.
            steps.append(("unexplained" if same.get(step) and values.any() else step, values))
            names, last = [], stop
    return steps


def _at(
    table: pd.DataFrame | None, shared: pd.DataFrame, keys: list[str], what: str
) -> Amounts | None:
    """Means of a forecast between, on the shared cells."""
    if table is None:
        return None
    found = shared.merge(_rows(table, keys, "_row"), on=keys, how="left")["_row"]
    missing = found.isna().to_numpy()
    if missing.any():
        row = shared.iloc[int(missing.argmax())]
        raise VersionError(
            f"The forecast with the {what} lacks {int(missing.sum())} of {len(missing)} rows that "
            f"both versions have, the first {', '.join(shown(row[k]) for k in keys[:-1])} on "
            f"{row['ds'].date()}: run it to the old version's last day."
        )
    means = np.array(cents(table["mean"]), dtype=np.int64)
    return np.asarray(means[found.to_numpy(dtype=np.int64)])


def uncovered(table: pd.DataFrame, one: pd.DataFrame, two: pd.DataFrame, keys: list[str]) -> int:
    """How many rows that tables `one` and `two` share are missing in `table`."""
    shared = one[keys].merge(two[keys], on=keys)
    return int((shared.merge(table[keys], on=keys, how="left", indicator=True)["_merge"]
                == "left_only").sum())  # fmt: skip


def _summed(cells: pd.DataFrame, parts: list[tuple[str, Rows, Amounts]]) -> pd.DataFrame:
    """Amounts by step, period and series, in the order of the steps.

    Args:
        cells: series columns and period of each row that amounts are given by.
    """
    names = ["period", *(name for name in cells.columns if name != "period")]
    groups = cells.groupby(names, sort=True)
    number = np.asarray(groups.ngroup(), dtype=np.intp)
    first = cells[names].iloc[np.unique(number, return_index=True)[1]].reset_index(drop=True)
    sums: dict[str, tuple[Amounts, npt.NDArray[np.bool_]]] = {}
    for step, rows, values in parts:
        total = _added(number[rows], values, len(first))
        there = np.bincount(number[rows], minlength=len(first)) > 0
        if step in sums:
            total, there = total + sums[step][0], there | sums[step][1]
        sums[step] = total, there
    frames = [
        first[there].assign(step=step, amount=exact(amounts(total[there].tolist())).to_numpy())
        for step, (total, there) in sorted(sums.items(), key=lambda one: ORDER.index(one[0]))
        if there.any()
    ]
    return pd.concat(frames, ignore_index=True)[["step", *names, "amount"]]


def _added(group: Rows, values: Amounts, count: int) -> Amounts:
    """Sums by group, exact: whole cents, in Python's own numbers where they could be too large."""
    most = int(np.abs(values).max(initial=0)) * max(len(values), 1)
    out = np.zeros(count, dtype=np.int64 if most < 2**62 else object)
    np.add.at(out, group, values.astype(out.dtype))
    return out


def totals(steps: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """A bridge summed by step and some of its columns, in the order of the steps."""
    return steps.groupby(["step", *by], sort=False)["amount"].agg(_sum).reset_index()


def _sum(values: pd.Series) -> Decimal:
    return sum(values, Decimal("0.00"))
