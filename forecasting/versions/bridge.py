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
    both = old.table[[*keys, "period", "mean", "final"]].merge(
        new.table[[*keys, "period", "mean", "final"]], on=keys, how="outer",
        suffixes=("_old", "_new"), indicator=True,
    )  # fmt: skip
    both["period"] = both["period_new"].fillna(both["period_old"])
    common = both["_merge"] == "both"
    gone, begun = both[both["_merge"] == "left_only"], both[both["_merge"] == "right_only"]
    passed = (gone["ds"] <= pd.Timestamp(new.as_of)).to_numpy()
    shared = both[common]
    parts: list[tuple[str, pd.DataFrame, list[int]]] = []

    def add(step: str, rows: pd.DataFrame, values: Sequence[int]) -> None:
        parts.append((step, rows, list(values)))

    kept = both[both["_merge"] != "right_only"]
    add("old", kept, cents(kept["final_old"]))
    add("passed", gone[passed], [-c for c in cents(gone[passed]["final_old"])])
    add("ended", gone[~passed], [-c for c in cents(gone[~passed]["final_old"])])
    for step, values in _walk(shared, keys, between):
        add(step, shared, values)
    add("begun", begun, cents(begun["mean_new"]))
    there = both[both["_merge"] != "left_only"]
    add("override", there, _less(cents(there["final_new"]), cents(there["mean_new"])))
    add("override", shared, _less(cents(shared["mean_old"]), cents(shared["final_old"])))
    add("new", there, cents(there["final_new"]))
    return _summed(parts, list(series))


def _less(one: list[int], other: list[int]) -> list[int]:
    return [a - b for a, b in zip(one, other, strict=True)]


def _walk(shared: pd.DataFrame, keys: list[str], between: Between) -> list[tuple[str, list[int]]]:
    """Steps of the statistical number on shared cells, joined where a stop is not known."""
    start, end = cents(shared["mean_old"]), cents(shared["mean_new"])
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
    steps: list[tuple[str, list[int]]] = []
    names: list[str] = []
    last = start
    for name, stop in zip(("model", "data", "plan"), stops[1:], strict=True):
        names.append(name)
        if stop is not None:
            step, values = _JOINED[tuple(names)], _less(stop, last)
            # What is the same moves nothing: what moved has another cause, which nobody recorded.
            steps.append(("unexplained" if same.get(step) and any(values) else step, values))
            names, last = [], stop
    return steps


def _at(
    table: pd.DataFrame | None, shared: pd.DataFrame, keys: list[str], what: str
) -> list[int] | None:
    """Means of a forecast between, on the shared cells."""
    if table is None:
        return None
    found = shared[keys].merge(table[[*keys, "mean"]], on=keys, how="left")["mean"]
    missing = found.isna().to_numpy()
    if missing.any():
        row = shared.iloc[int(missing.argmax())]
        raise VersionError(
            f"The forecast with the {what} lacks {int(missing.sum())} of {len(missing)} rows that "
            f"both versions have, the first {', '.join(shown(row[k]) for k in keys[:-1])} on "
            f"{row['ds'].date()}: run it to the old version's last day."
        )
    return cents(found)


def uncovered(table: pd.DataFrame, one: pd.DataFrame, two: pd.DataFrame, keys: list[str]) -> int:
    """How many rows that tables `one` and `two` share are missing in `table`."""
    shared = one[keys].merge(two[keys], on=keys)
    return int((shared.merge(table[keys], on=keys, how="left", indicator=True)["_merge"]
                == "left_only").sum())  # fmt: skip


def _summed(parts: list[tuple[str, pd.DataFrame, list[int]]], series: list[str]) -> pd.DataFrame:
    frames = [
        rows[["period", *series]].assign(step=step, amount=pd.Series(values, rows.index, object))
        for step, rows, values in parts
    ]
    whole = pd.concat(frames, ignore_index=True)
    keys = ["step", "period", *series]
    out = (
        whole.groupby(keys, sort=False, dropna=False)["amount"]
        .agg(lambda values: sum(values.tolist()))
        .reset_index()
    )
    place = {step: number for number, step in enumerate(ORDER)}
    out["at"] = out["step"].map(place)
    out = out.sort_values(["at", "period", *series], kind="stable", ignore_index=True)
    out = out.drop(columns="at")
    return out.assign(amount=exact(amounts(out["amount"])))


def totals(steps: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """A bridge summed by step and some of its columns, in the order of the steps."""
    return steps.groupby(["step", *by], sort=False)["amount"].agg(_sum).reset_index()


def _sum(values: pd.Series) -> Decimal:
    return sum(values, Decimal("0.00"))
