"""The table of totals: every level by period, week, fiscal period and horizon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from forecasting.calibrating import QUANTILES
from forecasting.grid import Floats
from forecasting.hierarchy import Way, groups_of
from forecasting.longframe import LaidOut
from forecasting.periods import FiscalPeriod, FiscalSpan, Span, fiscal_spans, sums_of


class Summed(Protocol):
    """What a table of totals is made of: means (S, H) in cents, paths (PATHS, H) of each sum, and
    quantiles of each series over the horizon and over spans of it."""

    @property
    def mean(self) -> Floats: ...
    @property
    def sums(self) -> Mapping[tuple[str, str], Floats]: ...
    @property
    def series_horizon(self) -> Floats: ...
    @property
    def series_spans(self) -> Mapping[Span, Floats]: ...


@dataclass(frozen=True)
class Sums:
    """What is summed: `levels` of series columns between total and series (None: each on its own),
    fiscal periods, and how levels are made to agree (None: `auto` where all series race, else
    bottom-up; see `forecasting.hierarchy`)."""

    levels: tuple[tuple[str, ...], ...] | None = None
    calendar: tuple[FiscalPeriod, ...] = ()
    way: Way | None = None

    def spans(self, laid: LaidOut) -> list[Span]:
        """Spans of more than one period that series are summed over."""
        found = [*sums_of(laid.grid)[-1:], *(f.ahead for f in self.fiscal(laid))]
        return list(dict.fromkeys(found))

    def fiscal(self, laid: LaidOut) -> list[FiscalSpan]:
        return fiscal_spans(self.calendar, laid.grid) if self.calendar else []


def totals_table(laid: LaidOut, at: Summed, sums: Sums) -> pd.DataFrame:
    """level, key, first and last ds, mean, quantiles; with fiscal periods also their name
    (`period`), what of it is `actual` and what `ahead`, and a `status`."""
    dates = laid.grid.dates
    known = laid.grid.known
    levels = list(QUANTILES.values())
    fiscal = sums.fiscal(laid)
    rows: list[dict[str, Any]] = []

    def row(
        key: tuple[str, str], span: Span, mean: float, q: Sequence[float] | Floats,
        whole: tuple[FiscalSpan, float] | None = None,
    ) -> None:  # fmt: skip
        first, last = dates[known + span[0]], dates[known + span[1]]
        more: dict[str, Any] = {}
        actual = 0.0
        if whole is not None:
            own, actual = whole
            first = dates[own.behind[0]] if own.behind else first
            more = {"period": own.name, "actual": actual, "ahead": round(mean, 2),
                    "status": own.status}  # fmt: skip
        rows.append(
            {"level": key[0], "key": key[1], "ds": first, "ds_last": last,
             "mean": round(actual + mean, 2),
             **dict(zip(QUANTILES, np.round(actual + np.asarray(q), 2), strict=True)), **more}
        )  # fmt: skip

    for key, members in groups_of(laid.keys, sums.levels).items():
        paths = at.sums[key]
        mean = at.mean[members].sum(axis=0)
        cells = about(np.quantile(paths, levels, axis=0), paths.mean(axis=0), mean)
        for h in range(laid.grid.ahead):
            row(key, (h, h), float(mean[h]), cells[:, h])
        for span in sums_of(laid.grid):
            row(key, span, *_summed(mean, paths, span))
        for own in fiscal:
            row(
                key, own.ahead, *_summed(mean, paths, own.ahead), (own, _actual(laid, own, members))
            )
    for number, name in enumerate(laid.grid.ids):
        one = ("series", name)
        whole = (0, laid.grid.ahead - 1)
        row(one, whole, float(at.mean[number].sum()), at.series_horizon[number])
        for own in fiscal:
            told = float(at.mean[number, own.ahead[0] : own.ahead[1] + 1].sum())
            q = at.series_spans[own.ahead][number]
            row(one, own.ahead, told, q, (own, _actual(laid, own, np.array([number]))))
    table = pd.DataFrame(rows)
    if fiscal:
        table["period"] = table["period"].fillna("")
        table["status"] = table["status"].fillna("")
    return table


def _summed(mean: Floats, paths: Floats, span: Span) -> tuple[float, Floats]:
    some = paths[:, span[0] : span[1] + 1].sum(axis=1)
    told = float(mean[span[0] : span[1] + 1].sum())
    return told, about(np.quantile(some, list(QUANTILES.values())), some.mean(), told)


def _actual(laid: LaidOut, own: FiscalSpan, members: Any) -> float:
    """What history has of a fiscal period, to the cent."""
    if own.behind is None:
        return 0.0
    part = laid.grid.y[members, own.behind[0] : own.behind[1] + 1]
    return round(float(np.nansum(part)), 2)


def about(quantiles: Floats, centre: Any, mean: Any) -> Floats:
    """Quantiles of paths moved so that the paths' mean is the sum of the means."""
    return np.asarray(np.maximum(quantiles - centre + mean, 0.0))
