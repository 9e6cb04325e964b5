"""A spec proposed from a table's own columns, with what was guessed and why."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from models.errors import DuplicateKeyError, EmptyFrameError, MissingColumnError
from models.mix.sheet.cells import listed, plain
from models.mix.sheet.guesses import Draft, Guess, TableColumn
from models.mix.sheet.layout import PanelColumns, SpecFile
from models.mix.sheet.proposed_drivers import find_others, find_paid
from models.mix.sheet.proposed_keys import (
    find_date,
    find_outcome,
    find_population,
    find_series,
    leave_out_made,
)


@dataclass(frozen=True)
class Proposal:
    """A spec that validates, and the guess behind every column in the table's order."""

    spec: SpecFile
    guesses: tuple[Guess, ...]


def propose(
    table: pd.DataFrame,
    name: str = "the table",
    *,
    outcome: str | None = None,
    date: str | None = None,
) -> Proposal:
    """Propose what each column of a wide table is.

    Args:
        table: cells as text or numbers. name: of the table, for errors.
        outcome, date: columns that are known; else names and cells say.

    Raises:
        MissingColumnError: no date, outcome or driver can be told, or a named column is not there.
        DuplicateKeyError: a column's name occurs twice, or rows share a date without a territory.
        EmptyFrameError: no rows.
    """
    name = plain(name, 120)
    labels = [str(label) for label in table.columns]
    if table.empty:
        raise EmptyFrameError(f"{name} has no rows; expected one row a date. Export it again.")
    if twice := sorted({label for label in labels if labels.count(label) > 1}):
        raise DuplicateKeyError(
            f"{name} has the column {plain(twice[0])!r} {labels.count(twice[0])} times; expected "
            "each name once. Rename or remove the others."
        )
    for option, told in (("--outcome", outcome), ("--date", date)):
        if told is not None and told not in labels:
            raise MissingColumnError(
                f"{name} lacks the column {plain(told)!r} of {option}; it has {listed(labels)}. "
                f"Correct {option}."
            )
    draft = Draft({label: TableColumn(label, table[label]) for label in table.columns}, name)
    find_date(draft, date)
    leave_out_made(draft, outcome)
    find_series(draft)
    find_outcome(draft, outcome)
    find_population(draft)
    find_paid(draft)
    find_others(draft)
    if not draft.drivers:
        raise MissingColumnError(
            f"{name}: no column can be told to be a driver (spend, impressions, promotion, calls); "
            f"it has {listed(labels)}. Rename columns, as spend_tv, or write the spec by hand "
            "(`liftcast mix spec schema`)."
        )
    panel = draft.panel | {"drivers": draft.drivers, "ignored": draft.ignored}
    order = {label: at for at, label in enumerate(labels)}
    return Proposal(
        SpecFile(panel=PanelColumns.model_validate(panel)),
        tuple(sorted(draft.guesses.values(), key=lambda guess: order[guess.column])),
    )
