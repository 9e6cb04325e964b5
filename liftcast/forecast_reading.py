"""History and plan of a forecast: their files read, checked and laid out as a frame."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from liftcast.forecast_rules import NO_RULES, PlanRules
from liftcast.forecast_sums import periods_of_history
from liftcast.long_files import apart, is_large
from liftcast.speaking import Say
from warehouse.errors import LiftcastError, printable

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.longframe import LaidOut
    from forecasting.media import Media
    from liftcast.forecast_media import PastMedia


@dataclass(frozen=True)
class Asked:
    """What a command was told of its two files.

    `series`: names separated by commas; `wished`: plan columns of history, None: the plan's.
    """

    history: Path
    plan: Path | None
    series: str
    date: str
    target: str
    horizon: int
    gaps: Literal["error", "zero", "unknown"]
    rules: PlanRules = NO_RULES
    wished: list[str] | None = None


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


def inputs_of(
    history: Path, plans: tuple[Path | None, Path | None], laid: LaidOut, target: str
) -> dict[str, object]:
    """What a forecast was made of, for a version that is kept of it.

    Args:
        plans: of the series, and of a mix in a file of its own.
    """
    from warehouse.files import sha256_file
    from warehouse.runlog import code_version

    first = laid.grid.dates[laid.grid.known]
    hashes = [None if plan is None else sha256_file(plan) for plan in plans]
    planned = hashes[0]
    if hashes[1] is not None:  # of two files: a version's plan moves when one of them does
        planned = hashlib.sha256(" ".join(map(str, hashes)).encode()).hexdigest()
    return {
        "history_sha256": sha256_file(history),
        "plan_sha256": planned,
        "code_version": code_version(),
        "target": target,
        # The last day of the last period that is known.
        "as_of": str((first - timedelta(days=1)).date()),
    }


def _tables(asked: Asked, note: Say) -> Tables:
    from liftcast.long_files import read_large
    from liftcast.mix_files import read_csv

    history, plan = asked.history, asked.plan
    # Of a large history, read in blocks, these columns stay text.
    keys = [*names_of(asked.series), asked.date]
    table = read_large(history, keys) if is_large(history) else read_csv(history)
    told: pd.DataFrame | None = None
    if plan is not None:
        planned = read_csv(plan)
        told = planned.frame
        for text in planned.notes:
            note(f"{plan.name}: {text}")
    for text in table.notes:
        note(f"{history.name}: {text}")
    return Tables(table.frame, told)


def _laid(tables: Tables, asked: Asked, note: Say) -> LaidOut:
    import pandas as pd

    from forecasting.longframe import lay_out

    known = asked.date in tables.history
    dates = tables.history[asked.date] if known else pd.Series(dtype=str)
    laid = lay_out(
        tables.history,
        tables.plan,
        series=names_of(asked.series),
        date=asked.date,
        target=asked.target,
        horizon=asked.horizon,
        gaps=asked.gaps,
        plan_columns=asked.wished,
        assume=asked.rules.assume,
        signs=asked.rules.signs,
        calendar=periods_of_history(asked.rules.calendar, dates, asked.horizon),
    )
    for text in laid.notes:
        note(text)
    return laid


def lay_out_files(asked: Asked, note: Say) -> LaidOut:
    """History and plan from their files, checked and laid out; what a reader is told is noted."""
    return _laid(_tables(asked, note), asked, note)


def laid_and_notes(asked: Asked) -> tuple[LaidOut, list[str]]:
    """`lay_out_files`, with its notes; fit for a process of its own."""
    said: list[str] = []
    return lay_out_files(asked, said.append), said


def lay_out_with_mix(
    mix: Path | None, asked: Asked, note: Say, own: Path | None = None
) -> tuple[LaidOut, Media | None]:
    """The frame laid out, and what a fit's drivers bring to it; their columns are not raced.

    Args:
        own: the mix's plan in a file of its own, by its dates.
    """
    own_plan = _own_plan(mix, own, note)
    if mix is None and is_large(asked.history):
        laid, said = apart(laid_and_notes, asked)
        for text in said:
            note(text)
        return laid, None
    tables = _tables(asked, note)
    if mix is None:
        return _laid(tables, asked, note), None
    from liftcast.forecast_media import media_for, stored_mix, without_columns

    fit = stored_mix(mix)
    taken = fit.columns()
    left = None if tables.plan is None else without_columns(tables.plan, taken)
    laid = _laid(Tables(without_columns(tables.history, taken), left), asked, note)
    media = media_for(fit, laid, tables, asked.date, note, own_plan)
    for text in media.notes:
        note(text)
    return laid, media


def _own_plan(mix: Path | None, own: Path | None, note: Say) -> pd.DataFrame | None:
    from liftcast.mix_files import read_csv

    if own is None:
        return None
    if mix is None:
        raise LiftcastError("--mix-plan is of a mix", where="--mix-plan", expected="--mix as well")
    read = read_csv(own)
    for text in read.notes:
        note(f"{own.name}: {text}")
    return read.frame


def lay_out_past(
    mix: Path | None, asked: Asked, note: Say, own: Path | None = None
) -> tuple[LaidOut, PastMedia | None]:
    """The frame of a backtest, all its plan columns raced; and what a fit says at its origins."""
    own_plan = _own_plan(mix, own, note)
    if mix is None:
        return lay_out_files(asked, note), None
    from liftcast.forecast_media import PastMedia, stored_mix, without_columns

    fit, tables = stored_mix(mix), _tables(asked, note)
    taken = fit.columns()
    left = None if tables.plan is None else without_columns(tables.plan, taken)
    wished = None if asked.wished is None else [n for n in asked.wished if n not in taken]
    without = Tables(without_columns(tables.history, taken), left)
    signs = {name: sign for name, sign in asked.rules.signs.items() if name not in taken}
    plain = replace(asked, wished=wished, rules=replace(asked.rules, signs=signs))
    beside = PastMedia(
        fit, _laid(without, plain, lambda _: None), tables.history, asked.date, own_plan
    )
    return _laid(tables, asked, note), beside
