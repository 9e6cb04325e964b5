"""The spec file: which column of a table is what, and the settings of the model.

A spec file has two sections, `panel:` (`PanelColumns`) and `model:` (`MixSpec`).
`SpecFile.model_json_schema()` is its JSON schema.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, ValidationError, model_validator

from models.errors import ModelInputError
from models.mix.spec import MixSpec

Kind = Literal["media", "organic", "promotion", "price", "publicity", "seller", "agency"]
Why = Literal[
    "index",
    "date_part",
    "truth",
    "leak",
    "mediator",
    "constant",
    "text",
    "second_measure",
    "unrecognised",
]


class SpecFileError(ModelInputError):
    """The spec file cannot be used; the message says where, what and what to do."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)


class Outcome(_Section):
    """What is sold.

    Attributes:
        column: of the table.
        kind: `revenue` (money), `units` or `leads`.
        value_per_unit: money that one unit is worth, a number or a column (weighted by outcome),
            so that ROI is in money; revenue is worth itself.
        currency: its name in outputs.
    """

    column: str
    kind: Literal["revenue", "units", "leads"] = "revenue"
    value_per_unit: PositiveFloat | str | None = None
    currency: str | None = None


class DriverColumn(_Section):
    """One driver and its columns.

    Attributes:
        name: as in outputs; where neither `exposure` nor `spend` is given, the column of exposure.
        kind: media, organic, promotion, price, publicity, seller, agency.
        exposure: column of what people met (impressions, clicks, reach, depth, calls); not given:
            spend stands for it.
        frequency: column of how often those reached met it, where exposure is reach: reach brings
            by the curve of frequency.
        spend: column of money spent; without it there is no ROI.
        unit: of exposure. `depth`, `index`, `price` and `mentions` mean the same in a small and a
            large territory; all other units are shared by population.
    """

    name: str
    kind: Kind
    exposure: str | None = None
    frequency: str | None = None
    spend: str | None = None
    unit: str | None = None

    @property
    def exposed(self) -> str:
        """The column that exposure is read from."""
        return self.exposure or self.spend or self.name

    @property
    def measured_in(self) -> str:
        """The unit of exposure."""
        if self.unit:
            return self.unit
        if self.exposed == self.spend:
            return "spend"
        usual = {"promotion": "depth", "price": "price"}
        return usual.get(self.kind, "exposure")

    @model_validator(mode="after")
    def _frequency_of_reach(self) -> DriverColumn:
        if self.frequency and not self.exposure:
            raise ValueError("frequency goes with reach: name the column of reach as exposure")
        return self


class Ignored(_Section):
    """A column that is not read, and why."""

    column: str
    why: Why


class PanelColumns(_Section):
    """Which column of a table is what.

    Attributes:
        date: column of dates, one a row in every territory (and product).
        date_format: as Python writes it (`%d.%m.%Y`); not given: whichever reads every date.
        grain: day, week or month.
        territory, product: columns; without territory all rows are of one.
        population: column, the same in all rows of a territory.
        country: two-letter code, or the column that holds one: public holidays get effects.
        drivers: what is done to sell.
        controls: columns of what else moves sales.
        events: columns that name an event, or nothing (empty, na, none, 0); each name is a holiday
            with an effect of its own.
        empty_cells: whether an empty cell of a driver is an `error`, or `zero`: nothing ran. The
            outcome, prices and controls never have empty cells.
        ignored: columns that are not read.
    """

    date: str
    outcome: Outcome
    drivers: tuple[DriverColumn, ...] = Field(min_length=1)
    grain: Literal["day", "week", "month"] | None = None
    date_format: str | None = None
    territory: str | None = None
    product: str | None = None
    population: str | None = None
    country: str | None = None
    controls: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    empty_cells: Literal["error", "zero"] = "error"
    ignored: tuple[Ignored, ...] = ()

    @model_validator(mode="after")
    def _one_name_once(self) -> PanelColumns:
        names = [driver.name for driver in self.drivers] + list(self.controls)
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{twice[0]!r} names two drivers or controls: each name once")
        bought = [driver.exposed for driver in self.drivers] + list(self.controls)
        if self.outcome.column in bought:
            raise ValueError(f"{self.outcome.column!r} is the outcome and cannot drive itself")
        return self

    def columns(self) -> dict[str, str]:
        """Every column that is read, and the place in the spec that names it."""
        out = {self.date: "panel.date", self.outcome.column: "panel.outcome.column"}
        if isinstance(self.outcome.value_per_unit, str):
            out[self.outcome.value_per_unit] = "panel.outcome.value_per_unit"
        for field in ("territory", "product", "population"):
            if getattr(self, field) is not None:
                out[getattr(self, field)] = f"panel.{field}"
        for at, driver in enumerate(self.drivers):
            for field, column in (
                ("exposure" if driver.exposure else "name", driver.exposed),
                ("frequency", driver.frequency),
                ("spend", driver.spend),
            ):
                if column is not None:
                    out.setdefault(column, f"panel.drivers[{at}].{field}")
        for field in ("controls", "events"):
            for at, column in enumerate(getattr(self, field)):
                out.setdefault(column, f"panel.{field}[{at}]")
        return out


class SpecFile(_Section):
    """A whole spec file."""

    panel: PanelColumns
    model: MixSpec = MixSpec()


def read_spec(text: str, name: str) -> SpecFile:
    """A spec file from its text.

    Args:
        text: YAML. name: of the file, for errors.

    Raises:
        SpecFileError: no YAML, or not of the schema: file, path in it, expected, got, what to do.
    """
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        why = getattr(error, "problem", None) or type(error).__name__
        raise SpecFileError(
            f"{name}{where}: this is not YAML ({why}); expected the sections panel: and model:. "
            "Correct the line, or write a new file with `liftcast mix spec new`."
        ) from error
    if not isinstance(found, dict):
        raise SpecFileError(
            f"{name}: expected the sections panel: and model:; got "
            f"{'nothing' if found is None else type(found).__name__}. Write a new file with "
            "`liftcast mix spec new`."
        )
    try:
        # Reading as JSON would: lists for tuples, numbers for numbers, nothing guessed.
        return SpecFile.model_validate(
            {"model": {}} | found if found.get("model") is None else found
        )
    except ValidationError as error:
        raise SpecFileError(_told(error, name)) from error


def _told(error: ValidationError, name: str) -> str:
    """Every fault of a spec file: its path, expected, got, what to do."""
    faults = []
    for one in error.errors()[:5]:
        path = _path(one["loc"])
        got = _short(one["input"])
        kind = one["type"]
        if kind == "extra_forbidden":
            known = _fields_beside(one["loc"])
            close = difflib.get_close_matches(str(one["loc"][-1]), known, 1)
            meant = f" Did you mean {close[0]!r}?" if close else ""
            faults.append(
                f"{path}: there is no such setting; expected one of {', '.join(sorted(known))}."
                f"{meant} Correct or remove it."
            )
        elif kind == "missing":
            faults.append(f"{path}: this setting is missing; add it.")
        else:
            said = one["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
            faults.append(f"{path}: expected {said}; got {got}. Correct it.")
    more = error.error_count() - len(faults)
    rest = f" And {more} more." if more > 0 else ""
    return (
        f"{name}: " + " ".join(faults) + rest + " (`liftcast mix spec schema` has every setting.)"
    )


def _path(loc: Iterable[int | str]) -> str:
    out = ""
    for part in loc:
        if isinstance(part, int):
            out += f"[{part}]"
        elif part not in ("constrained-float", "float", "str"):
            out += f".{_plain(part)}" if out else _plain(part)
    return out or "the file"


def _plain(text: object, limit: int = 60) -> str:
    raw = str(text)
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in raw)
    return safe if len(safe) <= limit else safe[: limit - 3] + "..."


def _short(value: Any) -> str:
    if isinstance(value, dict | list | tuple):
        return f"a {'mapping' if isinstance(value, dict) else 'list'} of {len(value)}"
    return _plain(repr(value))


def _fields_beside(loc: tuple[int | str, ...]) -> list[str]:
    """Names of the settings where an unknown one was met."""
    at: type[BaseModel] = SpecFile
    by_name: dict[str, type[BaseModel]] = {}
    for part in loc[:-1]:
        if isinstance(part, int) or part in by_name:
            continue
        step = _model_of(at, part)
        at = step or at
    return list(at.model_fields)


def _model_of(model: type[BaseModel], field: str) -> type[BaseModel] | None:
    info = model.model_fields.get(field)
    if info is None:
        return None
    waiting: list[Any] = [info.annotation]
    while waiting:
        one = waiting.pop()
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one
        waiting += getattr(one, "__args__", ())
    return None
