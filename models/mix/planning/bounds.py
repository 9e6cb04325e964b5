"""How far a plan may move each driver: what the user says, within what was ever observed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.errors import ModelInputError
from models.mix.frames import Floats
from models.mix.planning.outlook import Outlook

_MULTIPLES, _AMOUNTS = ("lower", "upper"), ("lower_spend", "upper_spend")
#: Upper multiple where a user lets a plan go beyond everything observed and names no bound.
_WIDE = 5.0


class BudgetError(ModelInputError):
    """A budget, goal or bound that no plan can meet; the message says what would do."""


@dataclass(frozen=True)
class Bounds:
    """Least and most spend of each driver and group in whole cents, (C, G) each.

    `observed` (C, G): the most that stays within observed exposure.
    """

    lower: np.ndarray
    upper: np.ndarray
    observed: np.ndarray


def read_bounds(outlook: Outlook, frame: pd.DataFrame | None, *, beyond_observed: bool) -> Bounds:
    """Bounds of every driver (and territory) from a frame, else none to the most observed.

    Args:
        frame: `driver`, further `kind`, `territory_id`, and `lower`, `upper` (multiples of the
            plan's spend) or `lower_spend`, `upper_spend` (currency). Later rows win, so a
            driver's general row comes first; a bound left empty is the default.
        beyond_observed: whether bounds may pass the most exposure ever observed.

    Raises:
        BudgetError: a row of a driver or territory that is not scaled, bounds that cross, are no
            numbers, or go beyond what was observed without `beyond_observed`.
    """
    cents = np.rint(outlook.spend * 100)
    observed = np.floor(cents * np.minimum(outlook.most, 1e6)[:, None])
    lower = np.zeros_like(cents)
    # A plan that itself lies beyond what was observed may stay, and is labelled.
    upper = np.maximum(observed, cents)
    if beyond_observed:
        upper = np.maximum(upper, _WIDE * cents)
    if frame is not None:
        _apply(outlook, frame, cents, lower, upper)
    upper = np.where(cents > 0, upper, 0.0)
    lower = np.where(cents > 0, lower, 0.0)
    for c, g in np.argwhere((upper > np.maximum(observed, cents)) & (not beyond_observed)):
        kind, name = outlook.labels[c]
        where = f" in {outlook.groups[g]}" if outlook.groups[g] else ""
        raise BudgetError(
            f"The upper bound of {kind} {name}{where}, {upper[c, g] / 100:,.2f}, is beyond "
            f"{observed[c, g] / 100:,.2f}, where usual exposure reaches the most ever observed; "
            "past that its curve is an assumption. Lower the bound, or allow it by "
            "beyond_observed=True (--beyond-observed): the result is then labelled."
        )
    for c, g in np.argwhere(lower > upper):
        kind, name = outlook.labels[c]
        raise BudgetError(
            f"The bounds of {kind} {name} cross: at least {lower[c, g] / 100:,.2f}, at most "
            f"{upper[c, g] / 100:,.2f}; correct them."
        )
    return Bounds(lower.astype(np.int64), upper.astype(np.int64), observed.astype(np.int64))


def _apply(
    outlook: Outlook, frame: pd.DataFrame, cents: Floats, lower: Floats, upper: Floats
) -> None:
    used = [name for name in (*_MULTIPLES, *_AMOUNTS) if name in frame]
    if "driver" not in frame or not used:
        raise BudgetError(
            "The bounds need a column driver and at least one of lower, upper (multiples of the "
            f"plan), lower_spend, upper_spend (currency); they have: {', '.join(map(str, frame))}."
        )
    kinds = [kind for kind, _ in outlook.labels]
    names = [name for _, name in outlook.labels]
    for number, row in enumerate(frame.to_dict("records"), start=1):
        rows = [
            c
            for c in range(len(names))
            if names[c] == str(row["driver"])
            and (_empty(row.get("kind")) or kinds[c] == str(row["kind"]))
        ]
        if not rows:
            raise BudgetError(
                f"Row {number} of the bounds is of the driver {row['driver']!r}, which is not "
                f"scaled here; scaled are {', '.join(names)}."
            )
        columns = list(range(len(outlook.groups)))
        if not _empty(row.get("territory_id")):
            wanted = str(row["territory_id"])
            if wanted not in outlook.groups:
                raise BudgetError(
                    f"Row {number} of the bounds is of the territory {wanted!r}; territories are "
                    "bounded on their own only where the budget is split by them "
                    "(by_territory=True, --by-territory), and only those of the model."
                )
            columns = [outlook.groups.index(wanted)]
        cells = np.ix_(rows, columns)
        for name, out, whole in (
            ("lower", lower, np.ceil),
            ("upper", upper, np.floor),
        ):
            if not _empty(row.get(name)):
                out[cells] = whole(_number(row[name], number, name) * cents[cells])
            if not _empty(row.get(f"{name}_spend")):
                amount = np.rint(_number(row[f"{name}_spend"], number, f"{name}_spend") * 100)
                if len(columns) > 1 and len(outlook.groups) > 1:
                    raise BudgetError(
                        f"Row {number} of the bounds gives {name}_spend for a driver in "
                        f"{len(columns)} territories; name the territory_id it is for."
                    )
                out[cells] = amount


def _empty(value: object) -> bool:
    return value is None or value is pd.NA or value == "" or value != value  # noqa: PLR0124 - NaN


def _number(value: object, row: int, column: str) -> float:
    try:
        found = float(str(value))
    except ValueError:
        found = np.nan
    if not np.isfinite(found) or found < 0:
        raise BudgetError(
            f"Row {row} of the bounds has {str(value)[:60]!r} in {column}; expected a number of at "
            "least 0."
        )
    return found
