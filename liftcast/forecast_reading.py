"""History and plan of a forecast: their files read, checked and laid out as a frame."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from liftcast.forecast_rules import NO_RULES, PlanRules
from liftcast.forecast_sums import periods_of_history
from liftcast.long_files import apart, is_large
from warehouse.errors import LiftcastError, printable

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.longframe import LaidOut
    from forecasting.media import Media

Say = Callable[[str], None]


class Tables(NamedTuple):
    """History and plan as they were read, cells as text."""

    history: pd.DataFrame
    plan: pd.DataFrame | None


def names_of(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise LiftcastError(
            "an empty column name",
            where=printable(text),
            expected="names separated by commas, as shop,product",
        )
    return names


def folder_hash(folder: Path) -> str:
    """SHA-256 of the files of a folder, by name."""
    from warehouse.files import sha256_file

    files = sorted(file for file in folder.iterdir() if file.is_file())
    lines = "".join(f"{sha256_file(file)} {file.name}\n" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def inputs_of(history: Path, plan: Path | None, laid: LaidOut, target: str) -> dict[str, object]:
    """What a forecast was made of, for a version that is kept of it."""
    from warehouse.files import sha256_file
    from warehouse.runlog import code_version

    first = laid.grid.dates[laid.grid.known]
    return {
        "history_sha256": sha256_file(history),
        "plan_sha256": sha256_file(plan) if plan is not None else None,
        "code_version": code_version(),
        "target": target,
        # The last day of the last period that is known.
        "as_of": str((first - timedelta(days=1)).date()),
    }


def _tables(
    history: Path, plan: Path | None, note: Say, keys: Sequence[str] | None = None
) -> Tables:
    """`keys`: columns that are text or dates: a large history is then read in blocks."""
    from liftcast.long_files import read_large
    from liftcast.mix_files import read_csv

    large = keys is not None and is_large(history)
    table = read_large(history, keys or []) if large else read_csv(history)
    told: pd.DataFrame | None = None
    if plan is not None:
        planned = read_csv(plan)
        told = planned.frame
        for text in planned.notes:
            note(f"{plan.name}: {text}")
    for text in table.notes:
        note(f"{history.name}: {text}")
    return Tables(table.frame, told)


def _laid(  # noqa: PLR0917 - as the options
    tables: Tables,
    series: str,
    date: str,
    target: str,
    horizon: int,
    gaps: Literal["error", "zero", "unknown"],
    note: Say,
    wished: list[str] | None = None,
    rules: PlanRules = NO_RULES,
) -> LaidOut:
    import pandas as pd

    from forecasting.longframe import lay_out

    dates = tables.history[date] if date in tables.history else pd.Series(dtype=str)
    calendar = periods_of_history(rules.calendar, dates, horizon)
    laid = lay_out(
        tables.history,
        tables.plan,
        series=names_of(series),
        date=date,
        target=target,
        horizon=horizon,
        gaps=gaps,
        plan_columns=wished,
        assume=rules.assume,
        signs=rules.signs,
        calendar=calendar,
    )
    for text in laid.notes:
        note(text)
    return laid


def lay_out_files(  # noqa: PLR0917 - as the options
    history: Path,
    plan: Path | None,
    series: str,
    date: str,
    target: str,
    horizon: int,
    gaps: Literal["error", "zero", "unknown"],
    note: Say,
    wished: list[str] | None = None,
    rules: PlanRules = NO_RULES,
) -> LaidOut:
    """History and plan from their files, checked and laid out; what a reader is told is noted."""
    tables = _tables(history, plan, note, [*names_of(series), date])
    return _laid(tables, series, date, target, horizon, gaps, note, wished, rules)


def laid_and_notes(  # noqa: PLR0917 - as the options
    history: Path,
    plan: Path | None,
    series: str,
    date: str,
    target: str,
    horizon: int,
    gaps: Literal["error", "zero", "unknown"],
    rules: PlanRules,
) -> tuple[LaidOut, list[str]]:
    """`lay_out_files`, with its notes; fit for a process of its own."""
    said: list[str] = []
    laid = lay_out_files(
        history, plan, series, date, target, horizon, gaps, said.append, rules=rules
    )
    return laid, said


def lay_out_with_mix(  # noqa: PLR0917 - as the options
    mix: Path | None,
    history: Path,
    plan: Path | None,
    series: str,
    date: str,
    target: str,
    horizon: int,
    gaps: Literal["error", "zero", "unknown"],
    note: Say,
    rules: PlanRules = NO_RULES,
) -> tuple[LaidOut, Media | None]:
    """The frame laid out, and what a fit's drivers bring to it; their columns are not raced."""
    if mix is None and is_large(history):
        laid, said = apart(
            laid_and_notes, history, plan, series, date, target, horizon, gaps, rules
        )
        for text in said:
            note(text)
        return laid, None
    tables = _tables(history, plan, note, [*names_of(series), date])
    asked = (series, date, target, horizon, gaps, note, None, rules)
    if mix is None:
        return _laid(tables, *asked), None
    from liftcast.forecast_media import media_for, stored_mix, without_columns

    fit = stored_mix(mix)
    taken = fit.columns()
    left = None if tables.plan is None else without_columns(tables.plan, taken)
    laid = _laid(Tables(without_columns(tables.history, taken), left), *asked)
    media = media_for(fit, laid, tables, date, note)
    for text in media.notes:
        note(text)
    return laid, media
