"""Options of `liftcast forecast run` that say what is summed: levels and fiscal periods."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from warehouse.errors import LiftcastError, printable

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.longframe import LaidOut
    from forecasting.periods import FiscalPeriod
    from forecasting.totals import Sums

#: Fiscal periods ahead that a history dated by them may ask for.
MOST_PERIODS = 130
Way = Literal["auto", "bottom_up", "top_down", "mint_shrink"]
LevelsOption = Annotated[
    str | None,
    typer.Option("--levels", help="Sums between total and series, as territory;territory,product."),
]
ReconcileOption = Annotated[
    Way | None,
    typer.Option(
        "--reconcile",
        help="How levels are made to agree [auto up to 80 series, else bottom_up].",
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
    from forecasting.totals import Sums

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
    sums = Sums(asked, fiscal_periods(calendar, *laid.grid.dates[[0, -1]]), way)
    sums.fiscal(laid)
    return sums


def fiscal_periods(
    calendar: str | None, first: pd.Timestamp, last: pd.Timestamp
) -> tuple[FiscalPeriod, ...]:
    """The periods of a file, or from `first` to `last` of a rule.

    Raises:
        LiftcastError, ForecastError: no such file, a faulty one, no such rule.
    """
    from forecasting.periods import calendar_of_frame, calendar_of_rule
    from liftcast.mix_files import read_csv

    if calendar is None:
        return ()
    path = Path(calendar)
    if path.suffix or path.exists():
        return tuple(calendar_of_frame(read_csv(path).frame))
    return tuple(calendar_of_rule(calendar, first, last))


def periods_of_history(
    calendar: str | None, dates: pd.Series, horizon: int
) -> tuple[FiscalPeriod, ...]:
    """Fiscal periods from a history's first date (cells as text) to its horizon's end, whatever
    its grain."""
    import pandas as pd

    from forecasting.days import local_days

    days = local_days(dates).dropna()
    if calendar is None or days.empty:
        return ()
    # No period of a rule is longer than six weeks, and none ahead is left out.
    reach = pd.Timedelta(days=42 * (min(max(horizon, 1), MOST_PERIODS) + 1))
    return fiscal_periods(calendar, days.min(), days.max() + reach)
