"""The numbers a forecast came by, one step after the other: what each is worth can be told later.

`naive`, as if nothing had been estimated; `mix`, of candidates; `corrected` for errors at earlier
origins, before levels were made to agree, where they were. The mean of the forecast itself is the
last step, and stands in its own table.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecasting.candidates.naive import SeasonalNaive
from forecasting.grid import Floats
from forecasting.media import Media
from forecasting.race import NAIVE, Race, Told
from forecasting.volume import decimals

if TYPE_CHECKING:
    from forecasting.framed import At

#: Columns beside those of the series.
COLUMNS = ("ds", "step", "value")


def naive_of(race: Race, told: Told, media: Media | None = None) -> Floats:
    """(S, H) the seasonal naive of what was sold, media and all, after the race's own origin.

    A race of history without what drivers brought has a naive of that; nobody would forecast sales
    by it.
    """
    if media is None and NAIVE in told.forecasts and told.raced.all():
        return told.forecasts[NAIVE]
    window = race.window(told.cut)
    past = 0.0 if media is None else media.past[:, : window.grid.known]
    return _naive_after(race, told.cut, window.grid.y + past)


def _naive_after(race: Race, cut: int, sold: Floats) -> Floats:
    """(S, H) the seasonal naive of `sold` (S, T), periods up to an origin."""
    own = race.window(cut)
    window = replace(own, grid=replace(own.grid, y=sold))
    # What is closed is read from what was raced, as the forecast has it.
    window.__dict__["closed"] = own.closed
    return SeasonalNaive().forecast(window)


def release_steps(  # noqa: PLR0917
    keys: pd.DataFrame,
    race: Race,
    told: Told,
    media: Media | None,
    measure: str,
    revenue: Floats | None = None,
) -> pd.DataFrame:
    """date_day, `keys`, measure, step, value (DECIMAL(18,2)) of a lake's forecast: its naive.

    Args:
        revenue: (S, T) net revenue of history, where units are raced: it has a naive of its own,
            by the same rule. None: there is none beside what is raced.
    """
    naives = {measure: naive_of(race, told, media)}
    if revenue is not None:
        naives["net_revenue"] = _naive_after(race, told.cut, revenue)
    dates = race.grid.dates[race.grid.known :].to_numpy()
    tables = []
    for name, naive in naives.items():
        cents = np.rint(naive * 100).astype(np.int64)
        S, H = cents.shape
        frame = keys.loc[keys.index.repeat(H)].reset_index(drop=True)
        tables.append(frame.assign(
            date_day=np.tile(dates, S), measure=name, step="naive",
            value=pd.Series(decimals(cents.ravel()), dtype=object),
        ))  # fmt: skip
    key = ["date_day", *keys.columns, "measure"]
    whole = pd.concat(tables, ignore_index=True)
    return whole.sort_values(key, ignore_index=True)[[*key, "step", "value"]]


def steps_table(keys: pd.DataFrame, race: Race, at: At, media: Media | None) -> pd.DataFrame:
    """Series columns, ds, step, value (two digits): the steps before the forecast's mean."""
    told = {"naive": naive_of(race, at.told, media)}
    steps = {"mix": at.mix}
    if at.reconciliation["method"] != "bottom_up":
        steps["corrected"] = at.alone
    for name, value in steps.items():
        told[name] = value if media is None else media.on(value, at.told.shut)
    S, H = at.mean.shape
    ahead = race.grid.dates[race.grid.known :].to_numpy()
    frame = keys.loc[keys.index.repeat(H * len(told))].reset_index(drop=True)
    return frame.assign(
        ds=np.tile(ahead, S * len(told)),
        step=np.tile(np.repeat(np.array(list(told), dtype=object), H), S),
        value=np.round(np.stack(list(told.values()), axis=1), 2).ravel() + 0.0,
    )
