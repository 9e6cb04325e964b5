"""What a unit brings: net revenue over units by series and period, and its forecast.

Net revenue is forecast as units x net price, on every sample path: one race, one waterfall, and
more units planned mean more revenue at that price. The net price of a series is the level of its
last weeks; promotions of the plan move it only where that forecast revenue better at earlier
origins (docs/decisions/0022-net-revenue-as-units-times-net-price.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.calibrating import PATHS, Calibration, calibration_of, draw
from forecasting.grid import Floats
from forecasting.race import Told
from forecasting.signals import HALF_LIFE_YEARS, LEVEL_AROUND, OWN_RIDGE
from forecasting.weighing import WORTH

#: Share of the units moved that returns must leave for sums of a window to tell a price.
LEAST_NET = 0.5
#: Usual weeks at the longer window's price that every window gets: few sales say little.
DRAWN = 0.5
#: Log of how far a plain period's price may lie from the year's median: a quarter to four times it.
MOST_AWAY = 1.4
#: Log of the most that promotions may move a price: to 37 % or to 272 % of the usual.
MOST_MOVED = 1.0
#: Origins at most from which the price's own error is read.
ORIGINS = 8
#: Shocks of the price are drawn apart from those of the units.
_STREAM = 5


@dataclass(frozen=True)
class Takings:
    """What S series sold and took in T periods, NaN before the first sale.

    Attributes:
        keys: territory_id, product_id, sales_channel of each series.
        units, revenue: (S, T), returns below zero.
        depth: (C, S, T + H) promotions that ran and are planned, by their depth.
        week, year: periods of a week and of a year.
    """

    keys: pd.DataFrame
    units: Floats
    revenue: Floats
    depth: Floats
    week: int
    year: int

    @property
    def without_units(self) -> npt.NDArray[np.bool_]:
        """(S,) series that took money in the last year and moved no unit: fees, services."""
        units, revenue = self._last(self.year)
        return np.asarray(~units.any(axis=1) & (revenue.sum(axis=1) > 0))

    @property
    def free(self) -> npt.NDArray[np.bool_]:
        """(S,) series that moved units in the last year and took nothing, or less."""
        units, revenue = self._last(self.year)
        return np.asarray((units.sum(axis=1) > 0) & (revenue.sum(axis=1) <= 0))

    @cached_property
    def plain(self) -> npt.NDArray[np.bool_]:
        """(S, T) periods that sold at a price like the last year's median: no free goods, no
        rebate booked alone, no fee without units."""
        units, revenue = np.nan_to_num(self.units), np.nan_to_num(self.revenue)
        paid = np.where(units != 0, revenue, 0.0) / np.where(units != 0, units, 1.0)
        paid = np.where(paid > 0, paid, np.nan)
        last = paid[:, -self.year :]
        told = np.isfinite(last).any(axis=1)
        median = np.full(len(paid), np.nan)
        median[told] = np.nanmedian(last[told], axis=1)
        away = np.abs(np.log(paid) - np.log(median)[:, None])
        return np.asarray(away <= MOST_AWAY)  # not true of what is not told

    def _last(self, width: int) -> tuple[Floats, Floats]:
        known = slice(-width, None)
        return np.nan_to_num(self.units[:, known]), np.nan_to_num(self.revenue[:, known])

    def at(self, known: int) -> Takings:
        """As it stood after `known` periods."""
        return Takings(
            self.keys, self.units[:, :known], self.revenue[:, :known], self.depth, self.week,
            self.year,
        )  # fmt: skip


def prices(takings: Takings, ahead: int, *, planned: bool) -> Floats:
    """(S, H) net price of the periods after what is known, never below zero.

    Half the last four weeks', half the last quarter's sum of revenue over sum of units in periods
    of a usual price; free goods, rebates and revenue in periods without units count as in the last
    year, so that one booked this week is not taken for every week's. A series that tells no price
    has its product's (of its sales channel, else of all), without one zero.

    Args:
        planned: promotions move it, as they did within eight weeks around (a log regression, each
            series' effects drawn to the pooled; units weigh by their square root).
    """
    level, shape = _level_and_shape(takings, ahead, planned=planned)
    return level * shape


def _level_and_shape(takings: Takings, ahead: int, *, planned: bool) -> tuple[Floats, Floats]:
    """(S, 1) net price without promotions, and (S, H) what those planned make of it."""
    known = takings.units.shape[1]
    shape = np.ones((len(takings.keys), known + ahead))
    if planned and len(takings.depth):
        moved = np.einsum("cst,sc->st", takings.depth[:, :, : known + ahead], _effects(takings))
        shape = np.exp(np.clip(moved, -MOST_MOVED, MOST_MOVED))
    units = np.nan_to_num(takings.units) * shape[:, :known]
    revenue = np.nan_to_num(takings.revenue)
    year = slice(-takings.year, None)
    usual = _ratio(revenue[:, year], units[:, year])
    usual = np.where(np.isfinite(usual), usual, _ratio(revenue, units))
    for columns in (["product_id", "sales_channel"], ["product_id"]):
        usual = np.where(np.isfinite(usual), usual, _of_peers(takings, columns, revenue, units))
    usual = np.maximum(np.nan_to_num(usual), 0.0)
    level = _recent(takings, revenue, units)
    level = np.where(np.isfinite(level), np.nan_to_num(level), usual)
    return np.maximum(level, 0.0)[:, None], shape[:, known:]


def _recent(takings: Takings, revenue: Floats, units: Floats) -> Floats:
    """(S,) price of the last weeks, with free goods, rebates and fees as the year had them; NaN
    where it cannot be told."""
    year = slice(-takings.year, None)
    plain = takings.plain
    paid, sold = np.where(plain, revenue, 0.0), np.where(plain, units, 0.0)
    usual, net = _ratio(paid[:, year], sold[:, year]), units[:, year].sum(axis=1)
    tells = np.isfinite(usual) & np.isfinite(_ratio(revenue[:, year], units[:, year]))
    usual, net = np.where(tells, usual, 0.0), np.where(tells, net, 1.0)
    seen = np.isfinite(takings.units[:, year]).sum(axis=1)
    some = DRAWN * takings.week * np.abs(sold[:, year]).sum(axis=1) / np.maximum(seen, 1)
    level = np.zeros(len(usual))
    for weeks in (4, 13):
        width = weeks * takings.week
        r, u = paid[:, -width:], sold[:, -width:]
        here = np.isfinite(_ratio(r, u)) & (some > 0)
        total = np.where(here, u.sum(axis=1) + some, 1.0)
        level += 0.5 * np.where(here, (r.sum(axis=1) + some * usual) / total, usual)
    share = sold[:, year].sum(axis=1) / net
    rest = (revenue - paid)[:, year].sum(axis=1) / net
    return np.asarray(np.where(tells, level * share + rest, np.nan))


def _ratio(revenue: Floats, units: Floats) -> Floats:
    """(S,) sum of revenue over sum of units; NaN where returns leave too few of them."""
    net, moved = units.sum(axis=1), np.abs(units).sum(axis=1)
    tells = (net > 0) & (net >= LEAST_NET * moved)
    return np.asarray(np.where(tells, revenue.sum(axis=1) / np.where(tells, net, 1.0), np.nan))


def _of_peers(takings: Takings, columns: list[str], revenue: Floats, units: Floats) -> Floats:
    """(S,) the last year's price of the series that share these columns and tell one."""
    tells = np.isfinite(_ratio(revenue[:, -takings.year :], units[:, -takings.year :]))
    revenue, units = revenue * tells[:, None], units * tells[:, None]
    group = takings.keys.groupby(columns).ngroup().to_numpy()
    year = slice(-takings.year, None)
    sums = [np.zeros((group.max() + 1, values[:, year].shape[1])) for values in (revenue, units)]
    for total, values in zip(sums, (revenue, units), strict=True):
        np.add.at(total, group, values[:, year])
    return np.asarray(_ratio(sums[0], sums[1])[group])


def _effects(takings: Takings) -> Floats:
    """(S, C) what a promotion's depth of one does to the log of the net price."""
    known = takings.units.shape[1]
    units, revenue = np.nan_to_num(takings.units), np.nan_to_num(takings.revenue)
    use = takings.plain & (units > 0)
    log = np.log(np.where(use, revenue, 1.0) / np.where(use, units, 1.0))
    age = known - 1 - np.arange(known)
    weight = np.where(use, np.sqrt(np.maximum(units, 0.0)), 0.0)
    weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1e-9)
    weight *= use.sum(axis=1, keepdims=True) * 0.5 ** (age / (HALF_LIFE_YEARS * takings.year))
    reach = LEVEL_AROUND * takings.week
    # Beside the level of their time: a price list that moves is no promotion.
    answer = np.where(use, log - _around(log, weight, reach), 0.0)
    columns = np.stack(
        [one[:, :known] - _around(one[:, :known], weight, reach) for one in takings.depth], axis=2
    )
    spread = np.sqrt(np.einsum("stc,st->c", np.square(columns), weight) / max(weight.sum(), 1e-9))
    columns /= np.where(spread > 1e-9, spread, 1.0)
    gram = np.einsum("stc,st,std->scd", columns, weight, columns)
    moment = np.einsum("stc,st->sc", columns, weight * answer)
    one = np.eye(columns.shape[2])
    pooled = np.linalg.solve(gram.sum(axis=0) + 1e-3 * one, moment.sum(axis=0))
    drawn = moment + OWN_RIDGE * pooled
    own = np.linalg.solve(gram + OWN_RIDGE * one, drawn[:, :, None])[:, :, 0]
    return np.asarray(np.where(spread > 1e-9, own / np.where(spread > 1e-9, spread, 1.0), 0.0))


def _around(values: Floats, weight: Floats, reach: int) -> Floats:
    """Weighted mean of the periods up to `reach` to either side."""
    at = np.arange(values.shape[1])
    low, high = np.maximum(at - reach, 0), np.minimum(at + reach + 1, values.shape[1])

    def summed(cells: Floats) -> Floats:
        total = np.concatenate([np.zeros((len(cells), 1)), np.cumsum(cells, axis=1)], axis=1)
        return np.asarray(total[:, high] - total[:, low])

    return np.asarray(summed(values * weight) / np.maximum(summed(weight), 1e-9))


def saved_by_plan(takings: Takings, told: Mapping[int, Floats]) -> float:
    """Share of the absolute error of revenue by series and week that promotions in the price save
    at past origins; NaN where nothing tells.

    Args:
        told: origin as periods before the end -> (S, H) units forecast from there; NaN: none.
    """
    if not len(takings.depth):
        return float("nan")
    errors = {False: 0.0, True: 0.0}
    for cut, units in told.items():
        known = takings.units.shape[1] - cut
        actual = takings.revenue[:, known : known + units.shape[1]]
        seen = np.isfinite(actual) & np.isfinite(units)
        for planned in errors:
            price = prices(takings.at(known), units.shape[1], planned=planned)
            gap = np.where(seen, np.nan_to_num(units) * price - np.nan_to_num(actual), 0.0)
            errors[planned] += float(np.abs(_weekly(gap, takings.week)).sum())
    return 1 - errors[True] / errors[False] if errors[False] > 0 else float("nan")


def _weekly(values: Floats, week: int) -> Floats:
    whole = values.shape[1] // week * week
    return np.asarray(values[:, :whole].reshape(len(values), -1, week).sum(axis=2))


@dataclass(frozen=True)
class NetPrice:
    """The net price of S series in H periods ahead.

    Attributes:
        mean: (S, H), in the reporting currency a unit.
        usual: (S, H), the same without what promotions of the plan do to it; where they do
            nothing, that of the last weeks with theirs.
        saved: what they saved of the error of revenue at past origins; NaN: nothing tells.
        beside: (S, H) mean revenue of series that move no units.
        calibration: of its own error.
    """

    takings: Takings
    mean: Floats
    usual: Floats
    saved: float
    beside: Floats
    calibration: Calibration

    @property
    def follows_plan(self) -> bool:
        """Whether promotions of the plan move it."""
        return self.saved > WORTH

    def revenue(self, units: Floats) -> Floats:
        """(S, H) net revenue of `units` (S, H), in whole cents."""
        return np.round(np.maximum(units, 0.0) * self.mean + self.beside, 2)

    def on_paths(
        self, units: npt.NDArray[np.float32], rows: npt.NDArray[np.intp], seed: int
    ) -> npt.NDArray[np.float32]:
        """Paths (rows, P, H) of net revenue: those of units, each at a net price of its own.

        Where revenue comes without units, periods of the last year drawn anew.
        """
        shut = np.zeros(self.mean.shape, dtype=bool)
        kinds = np.full(len(self.mean), "regular")
        told = Told(0, kinds, {}, shut, ~shut[:, 0], np.zeros(len(kinds), dtype=bool))
        out = units * draw(self.mean, told, self.calibration, rows, seed, stream=_STREAM)
        for place, row in enumerate(rows):
            if self.beside[row].any():
                out[place] += self._beside(int(row), seed)
        return out

    def _beside(self, row: int, seed: int) -> Floats:
        past = np.nan_to_num(self.takings.revenue[row, -self.takings.year :])
        picked = np.random.default_rng([seed, 4, row]).integers(
            0, len(past), (PATHS, self.beside.shape[1])
        )
        paths = np.maximum(past, 0.0)[picked]
        return np.asarray(paths * (self.beside[row] / max(float(paths.mean()), 1e-9)))


def net_price(takings: Takings, told: Mapping[int, Floats], ahead: int, cut: int = 0) -> NetPrice:
    """The net price from an origin, `cut` periods before the end; nothing after it is looked at
    but the promotions that ran.

    Args:
        told: units forecast at origins whose horizons lie before it (see `saved_by_plan`), by
            periods before the end of `takings`.
    """
    known = takings.units.shape[1] - cut
    then = takings.at(known)
    saved = saved_by_plan(then, {origin - cut: units for origin, units in told.items()})
    level, shape = _level_and_shape(then, ahead, planned=saved > WORTH)
    usual = np.repeat(level, ahead, axis=1)
    recent = np.maximum(np.nan_to_num(then.revenue[:, -13 * then.week :]).mean(axis=1), 0.0)
    beside = np.where(then.without_units, recent, 0.0)[:, None] * np.ones(ahead)
    errors = _errors(then, ahead, planned=saved > WORTH)
    kinds = np.full(len(takings.keys), "regular")
    calibration = calibration_of(errors, np.exp(errors), kinds)
    return NetPrice(then, usual * shape, usual, saved, beside, calibration)


def _errors(takings: Takings, ahead: int, *, planned: bool) -> Floats:
    """(K, S, H) logs of the net price that came over what was forecast of it, at past origins."""
    known = takings.units.shape[1]
    step = max(ahead, known // (ORIGINS + 1), 1)
    cuts: Sequence[int] = range(step, known - 4 * takings.week + 1, step)
    cuts = list(cuts)[:ORIGINS] or ([known // 2] if known > 1 else [])
    out = np.full((max(len(cuts), 1), len(takings.keys), ahead), np.nan)
    for place, cut in enumerate(cuts):
        price = prices(takings.at(known - cut), ahead, planned=planned)
        later = slice(known - cut, known - cut + ahead)
        units, revenue = takings.units[:, later], takings.revenue[:, later]
        width = units.shape[1]
        use = (units > 0) & (revenue > 0) & (price[:, :width] > 0)
        ratio = np.where(use, revenue, 1.0) / np.where(use, units * price[:, :width], 1.0)
        out[place, :, :width][use] = np.log(ratio)[use]
    return out
