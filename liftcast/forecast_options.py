"""Options of forecasts of many series, and whose file an error is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from warehouse.errors import printable

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
    from forecasting.errors import ForecastError

    try:
        yield
    except ForecastError as error:
        text = str(error)
        of_plan = plan is not None and text.startswith(("The plan", "The future plan"))
        file = plan if of_plan else history
        raise type(error)(f"{printable(file)}: {text}") from error
