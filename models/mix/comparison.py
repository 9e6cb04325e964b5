"""Two or more estimates side by side: engines, settings or runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from models.errors import MissingColumnError, ModelInputError
from models.mix.result import MixResult

_KEY = ["kind", "driver"]
_FIGURES = ("share", "share_p05", "share_p95", "roi", "roi_p05", "roi_p95")
_DIAGNOSTICS = (
    *("engine", "observations", "parameters", "r2", "wape"),
    *("holdout_wape", "holdout_naive_wape", "holdout_coverage", "holdout_dates"),
    *("max_r_hat", "min_effective", "divergences"),
)


def compare(results: Mapping[str, MixResult]) -> pd.DataFrame:
    """A row a driver: its share and ROI with 90 % intervals in every result, and how they agree.

    Args:
        results: by the name their columns begin with, two or more.

    Returns:
        kind, driver, `<name>_share`, `_share_p05`, `_share_p95`, `_roi`, `_roi_p05`, `_roi_p95`
        for each; `gap` (greatest less least share), `overlap` (what the share's intervals have in
        common, as a part of what they span together), `is_apart` (two intervals do not meet). A
        driver that a result lacks is empty there.
    """
    return compare_summaries({name: result.summary() for name, result in results.items()})


def compare_summaries(summaries: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The same from summary frames, for instance of files.

    Raises:
        ModelInputError: fewer than two, a column that lacks, or a driver twice.
    """
    if len(summaries) < 2:
        raise ModelInputError(
            f"There is {len(summaries)} result to compare; expected two or more, each under a name "
            "of its own."
        )
    parts = []
    for name, frame in summaries.items():
        missing = [column for column in (*_KEY, *_FIGURES) if column not in frame]
        if missing:
            raise MissingColumnError(
                f"The summary of {name} lacks the column {missing[0]!r}; give the one that a fit "
                "of the mix model writes."
            )
        part = frame[[*_KEY, *_FIGURES]].copy()
        part[list(_FIGURES)] = part[list(_FIGURES)].apply(pd.to_numeric, errors="coerce")
        again = part.loc[part.duplicated(_KEY), "driver"].tolist()
        if again:
            raise ModelInputError(f"The summary of {name} holds the driver {again[0]!r} twice.")
        parts.append(part.set_index(_KEY).add_prefix(f"{name}_"))
    out = pd.concat(parts, axis=1).sort_index()

    def figures(column: str) -> Any:
        return out[[f"{name}_{column}" for name in summaries]].to_numpy(dtype=np.float64)

    share, low, high = figures("share"), figures("share_p05"), figures("share_p95")
    several = np.isfinite(share).sum(axis=1) > 1
    share, low, high = (np.where(several[:, None], x, 0.0) for x in (share, low, high))
    gap = np.nanmax(share, axis=1) - np.nanmin(share, axis=1)
    common = np.nanmin(high, axis=1) - np.nanmax(low, axis=1)
    span = np.nanmax(high, axis=1) - np.nanmin(low, axis=1)
    out["gap"] = np.where(several, gap, np.nan)
    overlap = np.divide(np.maximum(common, 0.0), span, out=np.ones_like(span), where=span > 0)
    out["overlap"] = np.where(several, overlap, np.nan)
    out["is_apart"] = several & (common < 0)
    return out.reset_index()


def compare_diagnostics(figures: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """figure, and its value in every result: fit, holdout and convergence."""
    rows = [
        {"figure": one, **{name: found.get(one) for name, found in figures.items()}}
        for one in _DIAGNOSTICS
        if any(found.get(one) is not None for found in figures.values())
    ]
    return pd.DataFrame(rows, columns=["figure", *figures])
