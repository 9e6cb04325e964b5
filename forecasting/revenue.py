"""Net revenue of a release's forecast: its tables, its waterfall, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.checks import Check
from forecasting.correcting import mix_at
from forecasting.grid import Floats
from forecasting.inputs import ForecastInputs
from forecasting.net_price import NetPrice, Takings, net_price
from forecasting.plan import Exposures
from forecasting.proof import record_checks
from forecasting.race import Race
from forecasting.record import Past, priced, record_of
from forecasting.series import Calendar, Sold, sold_of
from forecasting.volume import COLUMNS, Sums
from forecasting.weighing import WORTH

#: Kinds of drivers that may move a net price.
_PRICED = ("promotion", "price")
#: Parts of net revenue that no part of units is: what promotions do to the net price, and what
#: comes without units.
NET_PRICE, WITHOUT_UNITS = "net_price", "without_units"
_SHOWN = 5


def takings_of(inputs: ForecastInputs, laid: Calendar, sold: Sold, drivers: Exposures) -> Takings:
    """Units and net revenue of each series, and the promotions of its territory."""
    numbers = [n for n, (kind, _) in enumerate(drivers.drivers) if kind in _PRICED]
    places = list(sold.keys["territory_id"])
    depth = [
        np.stack([drivers.by_territory[place][:, number] for place in places]) for number in numbers
    ]
    known = len(laid.history)
    moved = [one for one in depth if np.ptp(one[:, :known]) > 0]
    return Takings(
        keys=sold.keys,
        units=sold.y,
        revenue=sold_of(inputs, laid, "net_revenue").y,
        depth=np.array(moved).reshape(len(moved), len(places), len(laid.index)),
        week=laid.per_week,
        year=laid.per_year,
    )


def units_told(
    race: Race, cuts: Sequence[int], weights: dict[str, dict[str, float]], added: Floats
) -> dict[int, Floats]:
    """Origin -> (S, H) units forecast there, with what a mix result brings (`added`, S x T); NaN:
    not forecast."""
    out = {}
    for cut in cuts:
        told = race.before(0, cut)
        start = race.grid.known - cut
        mean = mix_at(race, told, weights, cuts, 0).mean
        brought = np.nan_to_num(added[:, start : start + race.grid.ahead])
        out[cut] = np.where(told.raced[:, None], np.maximum(mean + brought, 0.0), np.nan)
    return out


def tables_of(  # noqa: PLR0917
    keys: pd.DataFrame,
    mean: Floats,
    paths: Iterable[tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]],
    laid: Calendar,
    price: NetPrice | None,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables `volume` and `revenue`, of the same paths. Without a `price` the volume is net
    revenue, and both say the same."""
    volume = Sums(keys, _cents(mean), laid)
    money = None if price is None else Sums(keys, _cents(price.revenue(mean)), laid)
    for rows, drawn in paths:
        volume.add(rows, drawn)
        if price is not None and money is not None:
            money.add(rows, price.on_paths(drawn, rows, seed))
    table = volume.frame()
    measure = "net_revenue" if money is None else "units"
    # Both are sorted by the same key.
    revenue = (
        table.assign(units=None) if money is None else money.frame().assign(units=table["mean"])
    )
    return table.assign(measure=measure)[list(COLUMNS)], revenue


def _cents(amounts: Floats) -> npt.NDArray[np.int64]:
    return np.rint(amounts * 100).astype(np.int64)


def with_revenue(
    parts: pd.DataFrame, mean: Floats, price: NetPrice | None, dates: pd.DatetimeIndex
) -> pd.DataFrame:
    """An explanation (`row`, `ds`, `part`, `value`) with each part's `net_revenue`: the part at the
    net price of its series. These sum to the mean net revenue.

    Where promotions move the price, parts are at the price without them, and `net_price` is what
    they take off or add; `without_units` is revenue that no units bring.
    """
    if price is None:
        return parts.assign(net_revenue=parts["value"])
    whole = price.revenue(mean)
    own = whole - price.beside
    unit = np.where(mean > 0, own / np.where(mean > 0, mean, 1.0), price.usual)
    if price.follows_plan:
        unit = price.usual
    row, at = parts["row"].to_numpy(dtype=int), dates.get_indexer(pd.DatetimeIndex(parts["ds"]))
    out = parts.assign(net_revenue=parts["value"].to_numpy(dtype=float) * unit[row, at])
    tables = [out]
    more = {NET_PRICE: own - mean * unit, WITHOUT_UNITS: price.beside}
    for name, values in more.items():
        rounded = np.round(values, 6) + 0.0
        kept = np.flatnonzero(np.abs(rounded).max(axis=1) > 0)
        if len(kept):
            tables.append(
                pd.DataFrame(
                    {
                        "row": np.repeat(kept, len(dates)),
                        "ds": np.tile(dates.to_numpy(), len(kept)),
                        "part": name,
                        "value": 0.0,
                        "net_revenue": rounded[kept].ravel(),
                    }
                )
            )
    return pd.concat([table for table in tables if len(table)], ignore_index=True)


def price_checks(price: NetPrice, names: Sequence[str]) -> Iterator[Check]:
    """How net revenue is made, and the series whose net price is none."""
    saved, worth = price.saved, f"({price.saved:+.1%} of its error there)"
    if not np.isfinite(saved):
        plan = "no promotion of the plan moves it, as no past origin tells what they do to it"
    elif price.follows_plan:
        plan = f"promotions of the plan move it, as that was better at past origins {worth}"
    else:
        plan = (
            f"promotions of the plan do not move it, as that was no better at past origins {worth}"
        )
    text = f"Net revenue is units at each series' net price of the last weeks; {plan}."
    yield Check("net_price", "net_revenue", "warn", "pass", saved, WORTH, text)
    told = {
        "free_goods": (price.takings.free, "moved units in the last year and took nothing for "
                       "them, or less: their net revenue is forecast as none"),
        "revenue_without_units": (price.takings.without_units, "took money in the last year "
                                  "without units: their net revenue goes on as in the last "
                                  "quarter"),
    }  # fmt: skip
    for name, (found, words) in told.items():
        series = [name for name, one in zip(names, found, strict=True) if one]
        if series:
            more = f" and {len(series) - _SHOWN} more" if len(series) > _SHOWN else ""
            text = f"{len(series)} series {words} ({'; '.join(series[:_SHOWN])}{more})."
            yield Check.warn(name, "net_revenue", text, float(len(series)))


def past_revenue_checks(
    past: Past | None, takings: Takings, race: Race, cuts: Sequence[int], added: Floats
) -> Iterator[Check]:
    """The record of net revenue at the newest past origin, with prices known before it."""
    if past is None:
        yield from record_checks(None, revenue=True)
        return
    ahead = race.grid.ahead
    older = [cut for cut in cuts if cut >= past.cut + ahead]
    told: Mapping[int, Floats] = units_told(race, older, past.weights, added)
    then = net_price(takings, told, ahead, past.cut)
    record = record_of(priced(past, then, takings, race.seed), takings.week)
    yield from record_checks(record, credited=bool(np.nan_to_num(added).any()), revenue=True)
