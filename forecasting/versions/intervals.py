"""Whether locked intervals held what came: by series and date, at a close."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from forecasting.calibrating import QUANTILES
from forecasting.grid import Bools, Floats
from forecasting.scoring import quantile_loss
from forecasting.versions.tables import cents

#: Per series: dates judged, how many were inside, the loss of the quantiles, absolute actuals.
FIGURES = ("cells", "inside_80", "inside_95", "quantile_loss", "absolute_judged")
_DAY = np.timedelta64(1, "D")


def held(
    told: pd.DataFrame, sold: pd.DataFrame, series: Sequence[str], after: date
) -> pd.DataFrame:
    """One row a series: `FIGURES`, in the version's own dates.

    cells: dates whose interval is more than a point at zero, as that of a closed day is; inside_80
    and inside_95: those whose actual is between p10 and p90, p025 and p975, bounds included.
    quantile_loss: that of `scoring`, summed over dates; what was sold and not forecast counts with
    quantiles of zero. A ledger by days is summed to the version's weeks or months; of a coarser
    ledger, or of one with other dates, nothing can be told: no row.

    Args:
        told: a version's rows of a period: series columns, ds, quantiles.
        sold: actuals of the dates it covers: series columns, ds, actual.
        after: the day after the last one that `sold` can hold; a week that goes on is left out.
    """
    names = list(series)
    days = np.sort(told["ds"].unique()).astype("datetime64[D]")
    dates = np.sort(sold["ds"].unique()).astype("datetime64[D]")
    daily = len(dates) > 1 and (dates[1:] - dates[:-1]).min() == _DAY
    step = (days[1:] - days[:-1]).min() if len(days) > 1 else None
    coarser = step is not None and (
        len(dates) == 1 or (len(dates) > 1 and (dates[1:] - dates[:-1]).min() > step)
    )
    if coarser or not (daily or np.isin(dates, days).all()):
        return pd.DataFrame(columns=[*names, *FIGURES])
    if daily and step is not None and days[-1] + step > np.datetime64(after):
        told = told[told["ds"] < pd.Timestamp(days[-1])]
        sold = sold[sold["ds"] < pd.Timestamp(days[-1])]
    at = np.searchsorted(days, sold["ds"].to_numpy().astype("datetime64[D]"), side="right") - 1
    summed = (
        sold[names]
        .assign(ds=days[at].astype("datetime64[ns]"), actual=np.array(cents(sold["actual"])) / 100)
        .groupby([*names, "ds"], as_index=False)["actual"].sum()
    )  # fmt: skip
    bounds = {name: np.array(cents(told[name])) / 100 for name in QUANTILES}
    both = told[[*names, "ds"]].assign(**bounds).merge(summed, on=[*names, "ds"], how="outer")
    judged = both["p975"].to_numpy() > 0
    both = both.fillna(dict.fromkeys([*QUANTILES, "actual"], 0.0))
    actual = both["actual"].to_numpy()
    figures = {
        "cells": judged,
        "inside_80": judged & _between(actual, both["p10"], both["p90"]),
        "inside_95": judged & _between(actual, both["p025"], both["p975"]),
        "quantile_loss": quantile_loss(actual, {name: both[name].to_numpy() for name in QUANTILES}),
        "absolute_judged": np.abs(actual),
    }
    return both[names].assign(**figures).groupby(names, as_index=False)[list(FIGURES)].sum()


def _between(actual: Floats, low: pd.Series, high: pd.Series) -> Bools:
    """Where an actual lies in an interval, its bounds included."""
    return np.asarray((actual >= low.to_numpy()) & (actual <= high.to_numpy()))
