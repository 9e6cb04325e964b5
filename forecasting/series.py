"""The calendar of a forecast and the series of a ledger: territory x product x sales channel."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.errors import MixedGrainError
from forecasting.inputs import ForecastInputs

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calendar:
    """Native periods of history and horizon; `per_week` native periods make one week block."""

    grain: str
    history: pd.DatetimeIndex
    future: pd.DatetimeIndex

    @property
    def step_days(self) -> int:
        return 7 if self.grain == "week" else 1

    @property
    def per_week(self) -> int:
        return 1 if self.grain == "week" else 7

    @property
    def per_year(self) -> int:
        """52 whole weeks, so that a year ago is the same day of the week."""
        return 52 * self.per_week

    @property
    def index(self) -> pd.DatetimeIndex:
        return pd.DatetimeIndex([*self.history, *self.future])


#: What tells series apart.
KEYS = ("territory_id", "product_id", "sales_channel")


@dataclass(frozen=True)
class Sold:
    """`keys`: the `KEYS` of each series, sorted; `y` (S, T): NaN before its first sale, then zero
    where nothing was sold."""

    keys: pd.DataFrame
    y: Floats

    @property
    def names(self) -> tuple[str, ...]:
        """A name a series, for people."""
        return tuple(" / ".join(row) for row in self.keys.itertuples(index=False))


def calendar(inputs: ForecastInputs, horizon_weeks: int) -> Calendar:
    """Lay out history and horizon.

    Daily: the horizon starts the day after `last_day`, whatever its weekday; weeks are the 7-day
    blocks from there, so none is partial. Weekly: history weeks start on the ledger's own day, and
    the horizon goes on from the last week that starts on or before `last_day`.
    """
    last = pd.Timestamp(inputs.last_day)
    days = inputs.ledger["date_day"]
    first = days.min()
    if inputs.grain == "day":
        history = pd.date_range(first, last, freq="D")
        future = pd.date_range(last + pd.Timedelta(days=1), periods=7 * horizon_weeks, freq="D")
        return Calendar("day", history, future)
    offbeat = (days - first).dt.days % 7 != 0
    if offbeat.any():
        raise MixedGrainError(
            f"The ledger of a weekly lake has {days[offbeat].iloc[0].date()}, not a whole number "
            f"of weeks after its first week {first.date()}: sum it to weeks that start on a "
            f"{first.day_name()}."
        )
    history = pd.date_range(first, last, freq="7D")
    future = pd.date_range(history[-1] + pd.Timedelta(days=7), periods=horizon_weeks, freq="7D")
    return Calendar("week", history, future)


def measure_of(ledger: pd.DataFrame) -> str:
    """What is raced: `units` when every ledger row has them, else `net_revenue`. One measure for
    the whole lake, because pieces and money must not meet in one total."""
    return "units" if ledger["units"].notna().all() else "net_revenue"


def sold_of(inputs: ForecastInputs, laid: Calendar, measure: str | None = None) -> Sold:
    """The ledger by series and period; days without a sale after a series' first are zero.

    Args:
        measure: units or net_revenue; None: what is raced (`measure_of`).
    """
    measure = measure or measure_of(inputs.ledger)
    sums = inputs.ledger.groupby([*KEYS, "date_day"])[measure].sum().reset_index()
    keys = sums[list(KEYS)].drop_duplicates(ignore_index=True)
    places = pd.Series(range(len(keys)), index=pd.MultiIndex.from_frame(keys))
    row = places.reindex(pd.MultiIndex.from_frame(sums[list(KEYS)])).to_numpy(dtype=int)
    at = ((sums["date_day"] - laid.history[0]).dt.days // laid.step_days).to_numpy()
    y = np.zeros((len(keys), len(laid.history)))
    y[row, at] = sums[measure].to_numpy(dtype=float)
    first = np.full(len(keys), len(laid.history))
    np.minimum.at(first, row, at)
    y[np.arange(y.shape[1]) < first[:, None]] = np.nan
    return Sold(keys, y)
