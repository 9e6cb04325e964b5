"""What a forecast is made of, series by series and period by period; the parts sum to the mean."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecasting.candidates.protocol import Window
from forecasting.candidates.regression import log_effects
from forecasting.grid import Floats


def explained(window: Window, mean: Floats, earlier: Floats) -> pd.DataFrame:
    """Rows `row` (of the grid), `ds`, `part`, `value`, in the target's unit.

    The log-linear regression is shared out by logarithmic means (Ang 2004), so its parts are exact:
    `level` is what would be sold without season and plan, each plan column counts from none of it
    (a category: from its commonest). `closed` is what a closure takes; `other_models` what the rest
    of the mix says beside the regression; `earlier_errors` what the mix is corrected by for errors
    at earlier origins. A series the regression cannot read has, but for that, a level only.

    Args:
        earlier: (S, H) that correction.
    """
    grid = window.grid
    known, H = grid.known, grid.ahead
    logs, effects = log_effects(window)
    groups, zero = window.groups
    names = list(dict.fromkeys(groups))
    shut = window.closed[:, known:]
    parts: dict[str, Floats] = {name: np.zeros((len(mean), H)) for name in names}
    regression = np.where(np.isfinite(logs), np.exp(np.nan_to_num(logs)), 0.0)
    terms = {
        name: sum(
            np.nan_to_num(effects[:, [k]]) * (window.design[:, known:, k] - zero[k])
            for k, group in enumerate(groups)
            if group == name
        )
        for name in names
        if name != "level"
    }
    moved = sum(terms.values(), np.zeros((len(mean), H)))
    level = np.where(np.isfinite(logs), np.exp(np.nan_to_num(logs) - moved), 0.0)
    gap = np.where(np.abs(moved) < 1e-9, 1.0, moved)
    middle = np.where(np.abs(moved) < 1e-9, level, (regression - level) / gap)
    parts["level"] = level
    for name, values in terms.items():
        parts[name] = values * middle
    earlier = np.where(shut, 0.0, earlier)
    readable = np.isfinite(logs).all(axis=1)
    parts["level"][~readable] = (mean - earlier)[~readable]
    parts["earlier_errors"] = earlier
    total = sum(parts.values(), np.zeros((len(mean), H)))
    left = mean - total
    parts["closed"] = np.where(shut, left, 0.0)
    parts["other_models"] = np.where(shut, 0.0, left)
    tables = []
    for name, values in parts.items():
        rounded = np.round(values, 6) + 0.0
        kept = np.abs(rounded).max(axis=1) > 0
        if not kept.any():
            continue
        rows = np.flatnonzero(kept)
        tables.append(
            pd.DataFrame(
                {
                    "row": np.repeat(rows, H),
                    "ds": np.tile(grid.dates[known:].to_numpy(), len(rows)),
                    "part": name,
                    "value": rounded[rows].ravel(),
                }
            )
        )
    if not tables:
        return pd.DataFrame({"row": [], "ds": [], "part": [], "value": []})
    order = {name: number for number, name in enumerate(parts)}
    frame = pd.concat(tables, ignore_index=True)
    frame["_order"] = frame["part"].map(order)
    return frame.sort_values(["row", "ds", "_order"], ignore_index=True).drop(columns="_order")
