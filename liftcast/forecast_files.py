"""The folder a forecast of plain CSV files is written to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from liftcast.mix_files import write_figures, write_table
from warehouse.errors import LiftcastError, printable
from warehouse.files import appearing

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.framed import FrameForecast
    from forecasting.longframe import LaidOut
    from forecasting.scenarios import ScenarioResult


_CENTS = {
    "mean",
    "p025",
    "p10",
    "p50",
    "p90",
    "p975",
    "mean_against",
    "mean_plan",
    "actual",
    "ahead",
}


#: Of the 255 that file systems take; folders beside it have names with something before and after.
_LONGEST_NAME = 220
_STEPS = "steps.csv"
_SCENARIO_TEXT = ["plan", "against", "level", "key", "driver", "period"]


def free(folder: Path) -> None:
    """Refuse, before any work, a folder that stands already or cannot be made.

    Raises:
        LiftcastError: there is something at the place, or no folder can be made there.
    """
    remedy = "Give another --out"
    try:
        stands = folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))
        above = folder.absolute().parent
        while not above.exists():
            above = above.parent
    except OSError as error:
        raise LiftcastError(
            f"the folder cannot be made ({error.strerror})", where=printable(folder, 200),
            remedy=remedy,
        ) from error  # fmt: skip
    if stands:
        raise LiftcastError(
            "the folder stands already", where=printable(folder), remedy=f"{remedy}, or remove it"
        )
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK, effective_ids=True):
        raise LiftcastError(
            "the folder cannot be made", where=printable(folder),
            expected="a place in a folder that may be written",
            got=f"{printable(above)}, a {'folder of others' if above.is_dir() else 'file'}",
            remedy=remedy,
        )  # fmt: skip
    if len(os.fsencode(folder.name)) > _LONGEST_NAME:
        raise LiftcastError(
            "the name of the folder is too long", where=printable(folder, 200),
            expected=f"at most {_LONGEST_NAME} bytes", remedy=remedy,
        )  # fmt: skip


def write_forecast(folder: Path, laid: LaidOut, made: FrameForecast) -> None:
    """forecast.csv, totals.csv, explain.csv, steps.csv and facts.json, all or nothing."""
    names = list(laid.keys.columns)
    tables = {
        "forecast.csv": (made.forecast, [*names, "model"]),
        "totals.csv": (made.totals, ["level", "key", "period"]),
        "explain.csv": (made.explain, [*names, "part"]),
        _STEPS: (made.steps, [*names, "step"]),
    }
    with whole_folder(folder) as place:
        write_tables(place, tables)
        write_figures(place / "facts.json", made.facts)


def write_tables(place: Path, tables: Mapping[str, tuple[pd.DataFrame, list[str]]]) -> None:
    """Files of a folder: name -> table, and its columns that hold text from outside."""
    for name, (frame, text) in tables.items():
        _table(place / name, frame, text)


def write_scores(folder: Path, scores: pd.DataFrame) -> None:
    """scores.csv."""
    steps = ["" if number != number else int(number) for number in scores["step"].astype(float)]  # noqa: PLR0124 - NaN
    with whole_folder(folder) as place:
        _table(place / "scores.csv", scores.assign(step=steps), ["model", "made_of"])


def write_scenario(folder: Path, made: ScenarioResult) -> None:
    """scenario.csv and facts.json."""
    with whole_folder(folder) as place:
        _table(place / "scenario.csv", made.table, _SCENARIO_TEXT)
        write_figures(place / "facts.json", made.facts)


def whole_folder(folder: Path) -> AbstractContextManager[Path]:
    """A new folder that appears when all of it is written."""
    free(folder)
    if folder.is_dir():
        folder.rmdir()
    return appearing(folder)


def _table(path: Path, frame: pd.DataFrame, text: list[str]) -> None:
    import pandas as pd

    columns = {}
    for name in frame.columns:
        values = frame[name]
        if pd.api.types.is_datetime64_any_dtype(values):
            columns[name] = values.dt.strftime("%Y-%m-%d").tolist()
        elif name in _CENTS or (name == "value" and path.name == _STEPS):
            # Money and pieces with two digits: sums of what is written are exact.
            columns[name] = [Decimal(f"{v:.2f}") if v == v else "" for v in values]  # noqa: PLR0124
        else:
            columns[name] = values.tolist()
    write_table(path, columns, text)
