"""Options that the commands of a forecast share, and whose file an error is about."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from liftcast.threads import one_thread
from warehouse.errors import LiftcastError, printable

HistoryOption = Annotated[
    Path, typer.Option("--history", help="CSV: one row a series and day, week or month.")
]
PlanOption = Annotated[
    Path | None,
    typer.Option("--plan", help="CSV of the periods to come: plan columns, which history has too."),
]
SeriesOption = Annotated[
    str, typer.Option("--series", help="Columns that tell series apart, separated by commas.")
]
DateOption = Annotated[str, typer.Option("--date", help="Column of dates.")]
TargetOption = Annotated[str, typer.Option("--target", help="Column to forecast.")]
HorizonOption = Annotated[int, typer.Option("--horizon", help="Periods ahead.")]
OutOption = Annotated[Path, typer.Option("--out", help="Folder to write into; a new one.")]
GapsOption = Annotated[
    Literal["error", "zero", "unknown"],
    typer.Option("--gaps", help="What a missing period of a series is."),
]
CountryOption = Annotated[
    str | None,
    typer.Option("--country", help="Country code whose public holidays Prophet knows, as DE."),
]
SeedOption = Annotated[int, typer.Option(min=0, help="The same seed gives the same files.")]
MixOption = Annotated[
    Path | None,
    typer.Option(
        "--mix", help="Folder of `liftcast mix fit`: media and promotions as it credits them."
    ),
]
MixPlanOption = Annotated[
    Path | None,
    typer.Option(
        "--mix-plan",
        help="CSV with the columns of the mix's panel by its dates, after those it was fitted on: "
        "for a mix by the week beside a daily history.",
    ),
]
LakeOption = Annotated[
    Path | None,
    typer.Option("--lake", help="Folder that everything a run makes lies under [lake/]."),
]
WorkersOption = Annotated[
    int, typer.Option("--workers", min=1, max=64, help="Processes that forecast parts.")
]
ChunkOption = Annotated[
    int | None,
    typer.Option(
        "--chunk",
        min=1,
        help="Series of a part, which learn from each other. Without: all of up to 1,200 series "
        "are one part, of more each part is 500.",
    ),
]


@contextmanager
def naming(history: Path, plan: Path | None) -> Iterator[None]:
    """Errors about the two tables of a forecast say which file it is."""
    from forecasting.errors import ForecastError, HorizonError, RuleError

    try:
        yield
    except (HorizonError, RuleError):
        raise
    except ForecastError as error:
        text = str(error)
        if text.startswith("The fiscal calendar"):
            raise
        of_plan = plan is not None and text.startswith(("The plan", "The future plan"))
        file = plan if of_plan else history
        raise type(error)(f"{printable(file)}: {text}") from error


def country_known(code: str | None) -> str | None:
    """A country code as the calendars of holidays write it.

    Raises:
        LiftcastError: they know no such country.
    """
    import holidays

    if code is None:
        return None
    known = holidays.list_supported_countries(include_aliases=True)
    found = code.strip().upper()
    if found not in known:
        raise LiftcastError(
            "no holidays are known of this country",
            where="--country",
            expected="an ISO 3166 code, as DE",
            got=printable(code, 40),
            remedy="Leave it out to forecast without holidays",
        )
    return found


def prepare() -> None:
    """Settings of the libraries that forecast; call before numpy is loaded."""
    one_thread()
    # Nixtla's libraries otherwise warn at each call that ids will be a column.
    os.environ.setdefault("NIXTLA_ID_AS_COL", "1")
