"""Signs that effects of plan columns must have: a promotion never takes sales, say.

Estimates that break one are moved to the nearest that hold, near in the regression's own metric:
with G the weighted normal matrix, the b with (b - b0)' G (b - b0) least and C b >= 0. Its dual is
a non-negative least squares problem (Lawson and Hanson 1974, chapter 23).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import nnls

from forecasting.errors import RuleError
from forecasting.grid import Floats, Grid, PlanColumn

SIGNS = {"+": 1, "-": -1}
#: How far inside its limits, in logs, what is moved comes to lie: rounding breaks none.
MARGIN = 1e-7


def with_signs(columns: Sequence[PlanColumn], signs: Mapping[str, str]) -> tuple[PlanColumn, ...]:
    """The columns with their signs.

    Raises:
        RuleError: a sign for no plan column, for one of texts, or that is neither + nor -.
    """
    names = [column.name for column in columns]
    for name, sign in signs.items():
        if name not in names:
            raise RuleError(
                f"There is a sign for {name[:60]!r}, which is no plan column: they are "
                f"{', '.join(repr(n[:60]) for n in names) or 'none'}."
            )
        if sign not in SIGNS:
            raise RuleError(f"The sign of {name[:60]!r} is {sign[:20]!r}: expected + or -.")
        if columns[names.index(name)].is_categorical:
            raise RuleError(
                f"There is a sign for {name[:60]!r}, which holds texts: more and less are for "
                "numbers. Give a column of 0 and 1."
            )
    return tuple(replace(c, sign=SIGNS.get(signs.get(c.name, ""), 0)) for c in columns)


def limits_of(grid: Grid, design: Floats, groups: Sequence[str]) -> Floats:
    """(m, P): rows C of C b >= 0; of a column that is worth different things on different
    weekdays, one row each."""
    rows = []
    for number, column in enumerate(grid.columns):
        own = [k for k, group in enumerate(groups) if group == f"plan:{number}"]
        if column.sign == 0 or not own:
            continue
        first, *more = own
        # A step of the column moves the standardised one by this much where there are weekdays.
        values = design[:, : grid.known, first]
        step = float(values.max() - values.min()) if more else 1.0
        for k in [None, *more]:
            row = np.zeros(design.shape[2])
            row[first] = column.sign * step
            if k is not None:
                row[k] = column.sign
            rows.append(row)
    return np.array(rows).reshape(len(rows), design.shape[2])


def held(effects: Floats, inverse: Floats, limits: Floats) -> Floats:
    """`effects` (..., P) moved to the nearest that hold; `inverse` (P, P) of the metric."""
    flat = effects.reshape(-1, effects.shape[-1])
    broken = np.flatnonzero((flat @ limits.T < 0).any(axis=1))
    if len(broken) == 0:
        return effects
    across = inverse @ limits.T  # (P, m)
    inner = limits @ across
    root = np.linalg.cholesky(inner + 1e-10 * np.trace(inner) * np.eye(len(limits)))
    out = flat.copy()
    for place in broken:
        short = np.linalg.solve(root, limits @ flat[place] - MARGIN)
        moved = nnls(root.T, -short)[0]
        out[place] = flat[place] + across @ moved
    return out.reshape(effects.shape)
