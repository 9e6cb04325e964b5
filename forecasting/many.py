"""Many series: a frame in parts that are forecast apart, and the sums that stay whole.

A part holds some hundred series, dealt by a hash of their names, so that parts are alike and where
a series comes in a file does not matter. What is learned (pooled effects and trees, weights,
calibration) is learned within a part. Shocks that series share are the same in every part, their
own go by their number in the frame: sums of paths over parts are paths of the sum, and totals keep
intervals of their own. Memory is that of a part; which process or machine makes it, and when, does
not matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.calibrating import QUANTILES
from forecasting.candidates import Candidate
from forecasting.errors import ForecastError
from forecasting.framed import (
    FrameForecast,
    explain_table,
    facts_of,
    forecast_at,
    forecast_frame,
    forecast_table,
    race_of,
)
from forecasting.grid import Floats
from forecasting.hierarchy import groups_of
from forecasting.longframe import LaidOut
from forecasting.media import Media
from forecasting.periods import Span
from forecasting.race import Progress
from forecasting.reconciling import MINT_MOST
from forecasting.steps import steps_table
from forecasting.totals import Sums, totals_table

#: Series that are forecast together in one race, where a frame is not said to be cut.
WHOLE_MOST = 1200
#: Series of a part, where a frame has more.
PART_MOST = 500
Label = tuple[str, str]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Task:
    """A part to be forecast: complete in itself, and fit to be sent to another process.

    Attributes:
        number: of the part.
        rows: (s,) its series' numbers in the frame, rising.
        laid: those series of the frame.
        groups: sums of the frame that have series here -> rows of the part.
        spans: of the horizon, that each series is summed over.
    """

    number: int
    rows: Rows
    laid: LaidOut
    groups: dict[Label, Rows]
    spans: tuple[Span, ...]
    seed: int
    country: str | None
    media: Media | None
    candidates: tuple[Candidate, ...] | None = None


@dataclass(frozen=True)
class Part:
    """A part's forecast. `forecast`, `explain` and `steps` are its tables, series in the order of
    `rows`; `sums` the paths (PATHS, H) of its share in each sum; the rest as in `framed.At`."""

    number: int
    rows: Rows
    forecast: pd.DataFrame
    explain: pd.DataFrame
    steps: pd.DataFrame
    mean: Floats
    series_horizon: Floats
    series_spans: dict[Span, Floats]
    sums: dict[Label, Floats]
    facts: dict[str, Any]


@dataclass(frozen=True)
class Whole:
    """What a table of totals needs of all parts (`totals.Summed`)."""

    mean: Floats
    sums: Mapping[Label, Floats]
    series_horizon: Floats
    series_spans: dict[Span, Floats]


def dealt(ids: Sequence[str], most: int = PART_MOST) -> list[Rows]:
    """Row numbers of parts of at most `most` series, as equal in size as can be."""
    if most < 1:
        raise ForecastError(f"A part of {most} series: give 1 or more.")
    order = sorted(range(len(ids)), key=lambda row: (_hash(ids[row]), row))
    parts = -(-len(ids) // most)
    return [np.sort(part) for part in np.array_split(np.array(order, dtype=np.intp), parts)]


def parts_of(ids: Sequence[str], most: int | None) -> list[Rows]:
    """`dealt`, where `most` None is one part up to WHOLE_MOST series, else parts of PART_MOST."""
    return dealt(ids, most or (max(len(ids), 1) if len(ids) <= WHOLE_MOST else PART_MOST))


def _hash(name: str) -> bytes:
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _at_once(series: int) -> str:
    """How levels of so many series can be made to agree otherwise."""
    told = f"race them all at once with parts of {series} (--chunk {series}; about 1 GB of memory "
    told += "for 500 daily series of some years)"
    if series > MINT_MOST:
        told += f", which top_down can: MinT takes at most {MINT_MOST:,} series and sums"
    return told


@dataclass
class Tasks:
    """The parts of a frame; each is cut out of it when it is asked for.

    Args:
        most: series of a part; None: one part up to WHOLE_MOST series, else parts of PART_MOST.

    Raises:
        ForecastError: levels are to be reconciled across more than one part.
    """

    laid: LaidOut
    sums: Sums = field(default_factory=Sums)
    seed: int = 0
    country: str | None = None
    media: Media | None = None
    most: int | None = None
    candidates: tuple[Candidate, ...] | None = None
    rows: list[Rows] = field(init=False)

    def __post_init__(self) -> None:
        series = len(self.laid.grid.ids)
        self.rows = parts_of(self.laid.grid.ids, self.most)
        if len(self.rows) > 1 and self.sums.way not in {None, "bottom_up"}:
            raise ForecastError(
                f"Levels of {series} series that are forecast in {len(self.rows)} parts agree "
                f"bottom-up only, and {self.sums.way} was asked for: leave it out, or "
                f"{_at_once(series)}."
            )
        self._groups = groups_of(self.laid.keys, self.sums.levels)
        self._spans = tuple(self.sums.spans(self.laid))

    def __len__(self) -> int:
        return len(self.rows)

    def task(self, number: int) -> Task:
        rows = self.rows[number]
        place = {int(row): at for at, row in enumerate(rows)}
        groups = {
            label: np.array([place[int(r)] for r in own if int(r) in place], dtype=np.intp)
            for label, own in self._groups.items()
        }
        laid = replace(
            self.laid,
            grid=self.laid.grid.only(rows),
            keys=self.laid.keys.iloc[rows].reset_index(drop=True),
            notes=(),
        )
        return Task(
            number, rows, laid, {label: own for label, own in groups.items() if len(own)},
            self._spans, self.seed, self.country,
            None if self.media is None else self.media.only(rows), self.candidates,
        )  # fmt: skip

    def whole(
        self, rows: Iterable[tuple[Rows, Floats, Floats, dict[Span, Floats]]], sums: Any
    ) -> Whole:
        """Means and quantiles of all series, from each part's."""
        S, H, Q = len(self.laid.grid.ids), self.laid.grid.ahead, len(QUANTILES)
        mean, horizon = np.empty((S, H)), np.empty((S, Q))
        spans = {span: np.empty((S, Q)) for span in self._spans}
        for own, part_mean, part_horizon, part_spans in rows:
            mean[own], horizon[own] = part_mean, part_horizon
            for span, bounds in spans.items():
                bounds[own] = part_spans[span]
        return Whole(mean, sums, horizon, spans)

    def totals(self, whole: Whole) -> pd.DataFrame:
        """The table of totals of the whole frame, from what its parts sum to."""
        return totals_table(self.laid, whole, self.sums)

    def facts(self, parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """What a reader is told of the whole: means over parts, weighed by series of a kind."""
        told = dict(parts[0])
        kinds = sorted({kind for one in parts for kind in one["kinds"]})
        told["series"] = len(self.laid.grid.ids)
        told["parts"] = len(parts)
        told["kinds"] = {k: sum(one["kinds"].get(k, 0) for one in parts) for k in kinds}
        told["weights"] = {k: mean_weights(parts, k) for k in kinds}
        told["error_shares"] = {
            name: round(float(np.mean([one["error_shares"][name] for one in parts])), 6)
            for name in parts[0]["error_shares"]
        }
        for name, value in parts[0].items():
            if name not in {"notes", "assumed", "origins", "media"} and isinstance(value, list):
                told[name] = [item for one in parts for item in one[name]]
        told["reconciliation"] = {
            "method": "bottom_up",
            "levels": list(dict.fromkeys(level for level, _ in self._groups)),
            "why": f"{len(parts)} parts are forecast apart, and their sums are summed",
        }
        told["notes"] = [*self.laid.notes, *(() if self.media is None else self.media.notes)]
        told["assumed"] = [vars(one) for one in self.laid.assumed]
        return told


def mean_weights(parts: Sequence[dict[str, Any]], kind: str) -> dict[str, float]:
    """Weights of a kind of series, the mean over parts by how many they have of it."""
    total: dict[str, float] = {}
    series = 0
    for one in parts:
        own = one["weights"].get(kind, {})
        count = one["kinds"].get(kind, 0) if own else 0
        series += count
        for name, weight in own.items():
            total[name] = total.get(name, 0.0) + weight * count
    return {name: round(value / series, 6) for name, value in total.items()} if series else {}


def forecast_part(task: Task, progress: Progress | None = None) -> Part:
    """Forecast the series of a part; the same task gives the same tables, wherever it is made."""
    laid = task.laid
    if task.media is not None:
        laid = replace(laid, grid=task.media.without(laid.grid))
    race = race_of(laid.grid, task.seed, task.country, task.candidates, progress)
    at = forecast_at(race, 0, task.groups, spans=task.spans, media=task.media, numbers=task.rows)
    return Part(
        number=task.number,
        rows=task.rows,
        forecast=forecast_table(laid, at),
        explain=explain_table(laid, race, at, task.media),
        steps=steps_table(laid.keys, race, at, task.media),
        mean=at.mean,
        series_horizon=at.series_horizon,
        series_spans={span: at.series_spans[span] for span in task.spans},
        sums={label: paths for label, paths in at.sums.items() if label in task.groups},
        facts=facts_of(laid, race, at, task.media),
    )


def joined(tasks: Tasks, parts: Sequence[Part]) -> FrameForecast:
    """The whole of all parts, in the frame's order of series."""
    parts = sorted(parts, key=lambda part: part.number)
    sums: dict[Label, Floats] = {}
    for part in parts:
        for label, paths in part.sums.items():
            sums[label] = sums[label] + paths if label in sums else paths
    whole = tasks.whole(((p.rows, p.mean, p.series_horizon, p.series_spans) for p in parts), sums)
    return FrameForecast(
        forecast=_in_order(tasks, [part.forecast for part in parts]),
        totals=tasks.totals(whole),
        explain=_in_order(tasks, [part.explain for part in parts]),
        steps=_in_order(tasks, [part.steps for part in parts]),
        facts=tasks.facts([part.facts for part in parts]),
    )


def _in_order(tasks: Tasks, tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    names = list(tasks.laid.keys.columns)
    number = pd.Series(range(len(tasks.laid.keys)), index=pd.MultiIndex.from_frame(tasks.laid.keys))
    frame = pd.concat(tables, ignore_index=True)
    order = number.reindex(pd.MultiIndex.from_frame(frame[names])).to_numpy()
    return frame.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)


Run = Callable[[Iterator[Task]], Iterable[Part]]


def forecast_many(
    laid: LaidOut,
    *,
    seed: int = 0,
    country: str | None = None,
    progress: Progress | None = None,
    media: Media | None = None,
    sums: Sums | None = None,
    most: int | None = None,
    candidates: tuple[Candidate, ...] | None = None,
    run: Run | None = None,
) -> FrameForecast:
    """Forecast a frame of any size; one part is `forecast_frame`, to the byte.

    Args:
        most: series of a part (`Tasks`).
        run: makes parts of tasks, in any order and place (`forecasting.distributed`); None: here,
            one after another.

    Raises:
        ForecastError: see `Tasks` and `forecast_frame`.
    """
    tasks = Tasks(laid, sums or Sums(), seed, country, media, most, candidates)
    if len(tasks) == 1:
        return forecast_frame(
            laid, seed=seed, country=country, candidates=candidates, progress=progress,
            media=media, sums=sums,
        )  # fmt: skip
    todo = (tasks.task(number) for number in range(len(tasks)))
    made = run(todo) if run is not None else (forecast_part(one, progress) for one in todo)
    return joined(tasks, list(made))
