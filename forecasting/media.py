"""What drivers bring to the series of a forecast, past and planned, beside what is raced.

Attribution and forecast then tell one story: history is raced without what a fitted mix model
credits to its drivers, and what it predicts of the plan (carry-over from history, saturation and
signs kept) is added to that forecast. `mix_media` makes it of a mix result.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.candidates.protocol import Window
from forecasting.explaining import explained
from forecasting.grid import Bools, Floats, Grid


@dataclass(frozen=True)
class Media:
    """Parts of S series by D drivers, in the forecast's unit.

    Attributes:
        drivers: (kind, driver) of each part.
        past: (S, T) what all of them brought in history; NaN before the mix's window.
        ahead: (D, S, H) mean of what they bring in the horizon.
        swings: (R, C, H) joint draws of all drivers' sum by series of the mix, less its mean and
            less what the same draw takes from history.
        cells: (S,) the series of the mix that each series is part of.
        share: (S,) forecast units of a series per unit of outcome of its series of the mix.
        notes: what a reader must know.
        weeks: (H,) of a mix by the week beside a daily forecast: the week that a day is in.
        pace: (C, H) with them: the day's usual share of its week, by series of the mix.
    """

    drivers: tuple[tuple[str, str], ...]
    past: Floats
    ahead: Floats
    swings: npt.NDArray[np.float32]
    cells: npt.NDArray[np.int64]
    share: Floats
    notes: tuple[str, ...]
    weeks: npt.NDArray[np.int64] | None = None
    pace: Floats | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the parts in an explanation, as `media:tv`."""
        return tuple(f"{kind}:{driver}" for kind, driver in self.drivers)

    def only(self, rows: npt.NDArray[np.intp]) -> Media:
        """Of some of the series."""
        return replace(
            self,
            past=self.past[rows],
            ahead=self.ahead[:, rows],
            cells=self.cells[rows],
            share=self.share[rows],
        )

    def without(self, grid: Grid) -> Grid:
        """The grid with what drivers brought taken out of its history."""
        return replace(grid, y=grid.y - self.past)

    def parts(self, shut: Bools) -> Floats:
        """(D, S, H): `ahead`, and nothing in periods that are closed; what a mix says of a week is
        then on its open days."""
        return np.asarray(self.ahead * self._open(shut))

    def _open(self, shut: Bools) -> Floats:
        """(S, H) factor of each period: 0 where closed, else 1; more where other days of the same
        week of the mix are closed."""
        if self.weeks is None or self.pace is None:
            return np.where(shut, 0.0, 1.0)
        pace = self.pace[self.cells]
        first = np.flatnonzero(np.diff(self.weeks, prepend=self.weeks[0] - 1))
        whole, kept = (np.add.reduceat(one, first, axis=1) for one in (pace, pace * ~shut))
        lifted = np.where(kept > 0, whole / np.where(kept > 0, kept, 1.0), 0.0)
        days = np.diff(np.append(first, len(self.weeks)))
        return np.asarray(np.where(shut, 0.0, np.repeat(lifted, days, axis=1)))

    def on(self, base: Floats, shut: Bools) -> Floats:
        """A forecast (S, H) without drivers, with them; never below zero."""
        return np.asarray(np.maximum(base + self.parts(shut).sum(axis=0), 0.0))

    def on_paths(
        self,
        paths: npt.NDArray[np.float32],
        rows: npt.NDArray[np.intp],
        shut: Bools,
        seed: int,
    ) -> npt.NDArray[np.float32]:
        """Paths (rows, P, H) of some of the series, with one joint draw of the mix in each."""
        count, (draws, _, ahead) = paths.shape[1], self.swings.shape
        order = np.random.default_rng([seed, 3]).permutation(draws)
        picked = np.resize(order, count)
        out = np.empty_like(paths)
        open_days = self._open(shut)
        for place, row in enumerate(rows):
            swing = self.swings[picked, self.cells[row]] * self.share[row]
            moved = open_days[row] * (swing + self.ahead[:, row].sum(axis=0))
            out[place] = np.maximum(paths[place] + moved.reshape(count, ahead), 0.0)
        return out


def explained_with(  # noqa: PLR0917
    media: Media | None,
    window: Window,
    base: Floats,
    mean: Floats,
    shut: Bools,
    earlier: Floats,
) -> pd.DataFrame:
    """Rows `row`, `ds`, `part`, `value` as `explained`, with a part a driver and `floor`, what
    the floor at zero adds; they sum to the mean.

    Args:
        window: that was raced. base, mean: (S, H) the forecast without and with the drivers.
        earlier: (S, H) what the mix is corrected by for errors at earlier origins.
    """
    if media is None:
        return explained(window, mean, earlier)
    parts = media.parts(shut)
    lifted = np.maximum(-(base + parts.sum(axis=0)), 0.0)
    # What rounding to cents moves goes where the rest of the race's answer goes.
    own = explained(window, mean - parts.sum(axis=0) - lifted, earlier)
    dates = window.grid.dates[window.grid.known :]
    tables = [own]
    for name, values in zip((*media.labels, "floor"), (*parts, lifted), strict=True):
        rounded = np.round(values, 6) + 0.0
        kept = np.flatnonzero(np.abs(rounded).max(axis=1) > 0)
        tables.append(
            pd.DataFrame(
                {
                    "row": np.repeat(kept, len(dates)),
                    "ds": np.tile(dates.to_numpy(), len(kept)),
                    "part": name,
                    "value": rounded[kept].ravel(),
                }
            )
        )
    whole = pd.concat([table for table in tables if len(table)], ignore_index=True)
    return whole.sort_values(["row", "ds"], kind="stable", ignore_index=True)
