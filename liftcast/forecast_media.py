"""A stored mix fit beside a forecast's history and plan: which rows and columns are its."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from forecasting.days import local_days
from liftcast.mix_planning import open_result, plan_inputs, spec_of
from models.mix.sheet.days import read_days
from warehouse.errors import LiftcastError, printable

if TYPE_CHECKING:
    from forecasting.longframe import LaidOut
    from forecasting.media import Media
    from models.mix.result import MixResult
    from models.mix.sheet.layout import SpecFile

Note = Callable[[str], None]


@dataclass(frozen=True)
class StoredMix:
    """A fit as `liftcast mix fit` wrote it, and which column is what in its panel."""

    result: MixResult
    spec: SpecFile
    file: Path

    def columns(self) -> set[str]:
        """Columns of a plan that the mix answers for: of drivers that are taken out of history."""
        from forecasting.mix_media import TAKEN

        told = [driver for driver in self.spec.panel.drivers if driver.kind in TAKEN]
        found = {driver.exposed for driver in told}
        return found | {name for d in told for name in (d.spend, d.frequency) if name}


def stored_mix(path: Path) -> StoredMix:
    """The fit in a folder.

    Raises:
        LiftcastError: there is none that this version reads.
    """
    result, file = open_result(path)
    return StoredMix(result, spec_of(file, None), file)


def media_for(  # noqa: PLR0917
    mix: StoredMix,
    laid: LaidOut,
    told: tuple[pd.DataFrame, pd.DataFrame | None],
    date: str,
    note: Note,
    own: pd.DataFrame | None = None,
) -> Media:
    """What the mix's drivers bring to a frame's series; the plan holds the columns of its panel.

    Args:
        told: history and plan of the frame, cells as text.
        date: their column of dates.
        own: the columns of the mix's panel, as the panel has them, on each of its dates after its
            window; else they are columns of history and plan.

    Raises:
        LiftcastError, ModelInputError, ForecastError: mix, history and plan do not go together.
    """
    from forecasting.mix_media import media_of, refuse_unfit

    history, plan = told
    panel = mix.result.estimate.panel
    first, last = panel.dates[-1], laid.grid.dates[-1]
    cells = _cells(mix, laid.keys).to_numpy()
    # Of one date or two nobody could tell the grain: it is the panel's.
    columns = mix.spec.panel.model_copy(update={"grain": panel.grain})
    spec = mix.spec.model_copy(update={"panel": columns})
    if own is not None:
        inputs = plan_inputs(_ahead(own, mix, first, last), spec, "--mix-plan", note)
        return media_of(mix.result, inputs, laid.grid, cells)
    if panel.grain == "week" and laid.grid.freq == "D":
        raise LiftcastError(
            "the mix is by the week and the history by the day",
            where=printable(mix.file),
            expected="--mix-plan with the columns of its panel, by its weeks: those since "
            f"{first.date()} that history holds, and those of the horizon, the last one whole",
            remedy="Give --mix-plan; which days a week's numbers are of is then told by what "
            "is sold on them",
        )
    if plan is None:
        raise LiftcastError(
            "the mix needs a plan",
            where=printable(mix.file),
            expected="--plan with the columns of its panel, on each date of the horizon",
            remedy="Give --plan, with 0 where nothing will run",
        )
    refuse_unfit(panel, laid.grid, laid.grid.dates[laid.grid.known - 1])
    tables = []
    for name, table in (("history", history), ("plan", plan)):
        days = local_days(table[date])
        here = (days > first) & (days <= last)
        if name == "history" and not here.any():
            continue
        shown = table.assign(**{date: days.dt.strftime("%Y-%m-%d")})
        tables.append(_of_panel(mix, shown[here.to_numpy()], laid, date, name))
    # Dates of history and plan are read already, however the panel writes its own.
    columns = columns.model_copy(update={"date_format": "%Y-%m-%d"})
    spec = mix.spec.model_copy(update={"panel": columns})
    inputs = plan_inputs(pd.concat(tables), spec, "the plan of the mix's drivers", note)
    return media_of(mix.result, inputs, laid.grid, cells)


def _ahead(
    own: pd.DataFrame, mix: StoredMix, first: pd.Timestamp, last: pd.Timestamp
) -> pd.DataFrame:
    """Rows of a plan of the mix after its window, up to a day."""
    name = mix.spec.panel.date
    if name not in own:
        raise LiftcastError(
            f"the plan of the mix has no column {printable(name, 60)}",
            where="--mix-plan",
            expected="the columns of the mix's panel",
            got=", ".join(printable(column, 40) for column in list(own.columns)[:12]),
            remedy="Write it as `liftcast mix predict --plan` takes it",
        )
    if own.empty:
        return own
    form = mix.spec.panel.date_format
    found = read_days(own[name], form)
    if isinstance(found, int):
        raise LiftcastError(
            "a date cannot be read", where=f"--mix-plan, {_row(own.index[found])}",
            expected=form or "a date as 2025-01-31", got=printable(own[name].iloc[found], 40),
        )  # fmt: skip
    return own[(found.days > first) & (found.days <= last)]


@dataclass(frozen=True)
class PastMedia:
    """What a mix says at past origins of a frame: of each as if history ended there.

    Args:
        laid: the frame without the mix's columns.
        history: as it was read, cells as text: the plan of a past horizon is what ran in it.
        own: as `media_for` takes it.
    """

    mix: StoredMix
    laid: LaidOut
    history: pd.DataFrame
    date: str
    own: pd.DataFrame | None = None

    def judged(self, cuts: Sequence[int], note: Note) -> list[int]:
        """Those of the origins (periods before the end) that came after all the mix was fitted on.

        Raises:
            LiftcastError: there is none; the message names those it cannot judge.
        """
        panel, grid = self.mix.result.estimate.panel, self.laid.grid
        last = panel.dates[-1]
        if panel.grain == "week" and grid.freq == "D":  # its last day
            last += pd.Timedelta(days=6)
        origin = {cut: grid.dates[grid.known - 1 - cut] for cut in cuts}
        left = ", ".join(str(origin[cut].date()) for cut in cuts if origin[cut] < last)
        kept = [cut for cut in cuts if origin[cut] >= last]
        if not kept:
            raise LiftcastError(
                f"the mix cannot judge any of these origins: {left}",
                where=printable(self.mix.file),
                expected=f"a mix fitted on nothing after {origin[min(cuts)].date()}",
                got=f"one fitted up to {last.date()}, which knows what it would forecast",
                remedy="Fit a mix on the history up to an origin, and give that",
            )
        if left:
            note(f"not judged, because the mix was fitted up to {last.date()}: {left}")
        return kept

    def at(self, cut: int) -> tuple[LaidOut, Media]:
        """The frame as it was known at an origin, and what the mix's drivers bring to it."""
        known = replace(self.laid, grid=self.laid.grid.at(cut))
        days = local_days(self.history[self.date])
        before = (days <= known.grid.dates[known.grid.known - 1]).to_numpy()
        told = self.history[before], self.history[~before]
        return known, media_for(self.mix, known, told, self.date, lambda _: None, self.own)


def _places(mix: StoredMix) -> list[str]:
    """Columns of the panel that tell its series apart."""
    told = mix.spec.panel
    return [name for name in (told.territory, told.product) if name]


def _cells(mix: StoredMix, keys: pd.DataFrame) -> pd.Series:
    """Number of the mix's series that each series of the frame is part of."""
    panel, places = mix.result.estimate.panel, _places(mix)
    lacking = [name for name in places if name not in keys]
    if lacking:
        raise LiftcastError(
            f"the series are not told apart by {printable(lacking[0], 60)}, as the mix's panel is",
            where=printable(mix.file),
            expected=f"--series with {', '.join(printable(name, 60) for name in places)}",
            got=", ".join(printable(name, 60) for name in keys.columns),
            remedy="Add it to --series, or fit the mix without it",
        )
    known = {}
    for at, pair in enumerate(zip(panel.territories, panel.products, strict=True)):
        wanted = (mix.spec.panel.territory, mix.spec.panel.product)
        known[tuple(p for p, w in zip(pair, wanted, strict=True) if w)] = at
    told = [tuple(str(row[name]) for name in places) for _, row in keys.iterrows()]
    strange = [one for one in told if one not in known]
    if strange:
        raise LiftcastError(
            "a series of the history is not in the mix's panel",
            where=printable(mix.file),
            expected=f"one of its {len(known)} series",
            got=printable(" / ".join(strange[0]), 120),
            remedy="Fit the mix with it, or leave it out of the history",
        )
    return pd.Series([known[one] for one in told], dtype="int64")


def _of_panel(
    mix: StoredMix, table: pd.DataFrame, laid: LaidOut, date: str, name: str
) -> pd.DataFrame:
    """A table's rows as the mix's panel has them: once a date and series of the mix."""
    told, places = mix.spec.panel, _places(mix)
    sold = told.outcome.column
    wanted = [c for c in told.columns() if c in table and c not in {date, told.date, sold}]
    here = table[[date, *wanted]].rename(columns={date: told.date})
    if all(place in here for place in places) and places:
        ours = laid.keys[places].drop_duplicates()
        here = here.rename_axis("_row").reset_index().merge(ours, on=places).set_index("_row")
    here = here.drop_duplicates()
    key = [told.date, *(place for place in places if place in here)]
    twice = here.duplicated(key, keep=False)
    if twice.any():
        rows = here[twice].groupby(key, sort=False).nunique().iloc[0]
        column = str(rows.index[int((rows > 1).to_numpy().argmax())])
        day = here.loc[twice, told.date].iloc[0]
        raise LiftcastError(
            f"the {name}'s {printable(column, 60)} differs between series that are one series of "
            "the mix",
            where=f"{printable(day, 20)}, {_row(here[twice].index[0])}",
            expected=f"the same value in all rows of one {' and '.join(key)}",
            got=", ".join(printable(v, 20) for v in here.loc[twice, column].unique()[:3]),
            remedy="Write the whole amount in each of these rows, or fit the mix by these series",
        )
    return here


def _row(label: object) -> str:
    return f"row {label}"


def without_columns(table: pd.DataFrame, taken: set[str]) -> pd.DataFrame:
    """A history or plan without the columns that the mix answers for."""
    return table[[column for column in table.columns if column not in taken]]
