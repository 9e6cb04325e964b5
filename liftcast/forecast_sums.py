"""Options of `liftcast forecast run` that say what is summed: levels and fiscal periods."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from warehouse.errors import LiftcastError, printable

if TYPE_CHECKING:
    from forecasting.longframe import LaidOut
    from forecasting.periods import FiscalPeriod
    from forecasting.totals import Sums

Way = Literal["auto", "bottom_up", "top_down", "mint_shrink"]
LevelsOption = Annotated[
    str | None,
    typer.Option("--levels", help="Sums between total and series, as territory;territory,product."),
]
ReconcileOption = Annotated[
    Way | None,
    typer.Option(
        "--reconcile",
        help="How levels are made to agree [auto up to 100 series, else bottom_up].",
    ),
]
FiscalOption = Annotated[
    str | None,
    typer.Option(
        "--fiscal-calendar",
        help="CSV of period, starts_on, ends_on; or months, or a rule as 445:2026-02-01.",
    ),
]


def sums_asked(laid: LaidOut, levels: str | None, way: Way | None, calendar: str | None) -> Sums:
    """What the options ask for.

    Raises:
        LiftcastError: an empty level.
        ForecastError: a calendar that does not hold the horizon, a level of no series column.
    """
    from forecasting.hierarchy import groups_of
    from forecasting.periods import calendar_of_frame, calendar_of_rule
    from forecasting.totals import Sums
    from liftcast.mix_files import read_csv

    asked = None
    if levels is not None:
        asked = tuple(
            tuple(name.strip() for name in level.split(",")) for level in levels.split(";")
        )
        if not all(all(level) for level in asked):
            raise LiftcastError(
                "an empty level",
                where=printable(levels),
                expected="series columns, as territory;territory,product",
            )
    groups_of(laid.keys, asked)
    periods: tuple[FiscalPeriod, ...] = ()
    if calendar is not None:
        path = Path(calendar)
        if path.suffix or path.exists():
            periods = tuple(calendar_of_frame(read_csv(path).frame))
        else:
            periods = tuple(calendar_of_rule(calendar, *laid.grid.dates[[0, -1]]))
    sums = Sums(asked, periods, way)
    sums.fiscal(laid)
    return sums
