"""A proposed spec as YAML text, the reason for each line beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from models.mix.sheet.cells import plain
from models.mix.sheet.guesses import Guess
from models.mix.sheet.layout import DriverColumn, PanelColumns, read_spec
from models.mix.sheet.proposal import Proposal

_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,}\Z")
Because = Callable[[str], str]
_WORDS_OF_YAML = {"yes", "no", "on", "off", "true", "false", "null"}


def spec_text(proposal: Proposal, source: str) -> str:
    """The proposal as the text of a spec file; what is not sure is marked `look:`.

    Args:
        source: the table's name, for the first line.
    """
    text = "\n".join(_lines(proposal, source)) + "\n"
    # A proposal that could not be read as it was meant would be a trap.
    assert read_spec(text, "the proposal") == proposal.spec
    return text


def scalar(value: object) -> str:
    """A value as YAML that reads back as the same."""
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    text = str(value)
    if _BARE.match(text) and text.lower() not in _WORDS_OF_YAML:
        return text
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _lines(proposal: Proposal, source: str) -> Iterator[str]:
    told = {guess.column: guess for guess in proposal.guesses}

    def because(column: str) -> str:
        guess = told.get(column)
        return f"  # {_reason(guess)}" if guess else ""

    panel = proposal.spec.panel
    yield f"# Proposed from the columns of {plain(source, 100)}. Read it through before you fit;"
    yield "# `look:` marks what names and cells do not say plainly."
    yield "panel:"
    yield from _keys(panel, because)
    yield from _outcome(panel, because)
    if panel.empty_cells != "error":
        yield f"  empty_cells: {panel.empty_cells}  # an empty cell of a driver: nothing ran"
    yield "  drivers:"
    for driver in panel.drivers:
        yield from _driver(driver, because)
    for field in ("controls", "events"):
        columns = getattr(panel, field)
        if columns:
            yield f"  {field}:"
            for column in columns:
                yield f"    - {scalar(column)}{because(column)}"
    if panel.ignored:
        yield "  ignored:"
        for one in panel.ignored:
            yield f"    - {{column: {scalar(one.column)}, why: {one.why}}}{because(one.column)}"
    yield "# What is not said here has the defaults of docs/reference/mix.md; see what they imply"
    yield "# with `liftcast mix priors`."
    yield "model: {}"


def _keys(panel: PanelColumns, because: Because) -> Iterator[str]:
    yield f"  date: {scalar(panel.date)}{because(panel.date)}"
    if panel.date_format:
        yield f"  date_format: {scalar(panel.date_format)}"
    if panel.grain:
        yield f"  grain: {panel.grain}"
    for field in ("territory", "product", "population", "country"):
        column = getattr(panel, field)
        if column is not None:
            yield f"  {field}: {scalar(column)}{because(column)}"
    if panel.country is None:
        yield "  # country: US  # its public holidays would get effects"


def _outcome(panel: PanelColumns, because: Because) -> Iterator[str]:
    yield "  outcome:"
    yield f"    column: {scalar(panel.outcome.column)}{because(panel.outcome.column)}"
    yield f"    kind: {panel.outcome.kind}"
    worth = panel.outcome.value_per_unit
    if worth is not None:
        yield f"    value_per_unit: {scalar(worth)}{because(str(worth))}"
    elif panel.outcome.kind != "revenue":
        yield "    # value_per_unit: 1.0  # money that a unit is worth, for ROI in money"


def _driver(driver: DriverColumn, because: Because) -> Iterator[str]:
    yield f"    - name: {scalar(driver.name)}{because(driver.name)}"
    yield f"      kind: {driver.kind}"
    for field in ("spend", "exposure", "frequency", "unit"):
        value = getattr(driver, field)
        if value is None:
            continue
        why = because(value) if field in ("exposure", "frequency") and value != driver.name else ""
        yield f"      {field}: {scalar(value)}{why}"


def _reason(guess: Guess) -> str:
    # A line break in a reason would end the comment and begin YAML.
    said = "".join(c if c.isprintable() else " " for c in guess.why)
    return said if guess.sure else f"look: {said}"
