"""How the rows of an input become rows of one contract table."""

from __future__ import annotations

from collections import Counter
from string import Formatter
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from ingestion.contracts import CONTRACTS, Contract
from ingestion.mapping.inputs import Cell, Strict
from ingestion.wording import did_you_mean, quoted
from warehouse.errors import printable

Condition = Literal["present", "not_zero"] | list[Cell]
Missing = Literal["zero", "null", "error"]
Drift = Literal["evolve", "freeze", "discard"]


class Lookup(Strict):
    """A source column whose values are replaced, value by value."""

    from_: str = Field(alias="from", description="source column")
    values: dict[str, Cell] = Field(description="value found: value landed")
    other: Literal["keep", "null", "error"] = Field(
        "error", description="what a value not listed becomes"
    )


class Unpivot(Strict):
    """One output row for each input row: wide to long."""

    set_: dict[str, Cell] = Field({}, alias="set", description="contract column: constant")
    columns: dict[str, str] = Field({}, description="contract column: source column")


# Keys that give a contract column its value; each column has one of them.
ORIGINS = ("columns", "constants", "multiply", "add", "lookup", "templates", "offset_days")


class TableMapping(Strict):
    """Rows of one contract table, from an input or written inline."""

    table: str = Field(description="contract table", json_schema_extra={"enum": list(CONTRACTS)})
    from_: str | None = Field(None, alias="from", description="name of an input")
    records: tuple[dict[str, Cell], ...] | None = Field(None, description="inline rows")
    columns: dict[str, str] = Field({}, description="contract column: source column")
    constants: dict[str, Cell] = Field({}, description="contract column: the same in every row")
    unpivot: tuple[Unpivot, ...] = Field((), description="one output row per entry and input row")
    multiply: dict[str, Annotated[tuple[str, ...], Field(min_length=2)]] = Field(
        {}, description="contract column: source columns multiplied exactly, 6 places kept"
    )
    add: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] = Field(
        {},
        description="contract column: source columns added exactly, one after a minus taken away; "
        "an empty cell counts as zero unless all are empty",
    )
    lookup: dict[str, Lookup] = Field({}, description="contract column: values replaced")
    templates: dict[str, str] = Field(
        {}, description="contract column: text with {contract_column} filled in"
    )
    offset_days: dict[str, tuple[str, Annotated[int, Field(ge=-36600, le=36600)]]] = Field(
        {}, description="contract column: [contract date column, days added]"
    )
    where: dict[str, Condition] = Field(
        {}, description="source column: present, not_zero, or the values to keep"
    )
    distinct: bool = Field(False, description="equal rows count once")
    allow_negative: tuple[str, ...] = Field((), description="columns in which credits pass")
    missing: dict[str, Missing] = Field(
        {}, description="what an empty cell means: zero, null or error"
    )
    mode: Literal["replace", "merge"] = Field(
        "replace",
        description="replace: the rows of a day are all there is of it; merge: they are added to "
        "what has landed, and a row of the same key is replaced",
    )
    drift: Drift = Field(
        "discard",
        description="source columns nobody mapped: evolve keeps them in _extra, discard leaves "
        "them out, freeze refuses a file whose columns have changed",
    )

    @property
    def contract(self) -> Contract:
        return CONTRACTS[self.table]

    @field_validator("table")
    @classmethod
    def _table_has_a_contract(cls, value: str) -> str:
        if value not in CONTRACTS:
            raise ValueError(f"there is no table {quoted(value)}{did_you_mean(value, CONTRACTS)}")
        return value

    @model_validator(mode="after")
    def _keys_fit_together(self) -> TableMapping:
        if (self.from_ is None) == (self.records is None):
            raise ValueError("give either `from` (an input) or `records` (inline rows)")
        if self.records is not None:
            self._records_are_plain(self.records)
        self._columns_exist()
        self._one_origin_each()
        self._templates_are_plain()
        contract = self.contract
        for name, (start, _) in self.offset_days.items():
            for date in (name, start):
                if date not in contract.columns or contract.type_of(date) != "DATE":
                    raise ValueError(f"offset_days.{name}: {quoted(date)} is not a date column")
        for name in self.allow_negative:
            if name not in contract.signed_by_choice:
                raise ValueError(
                    f"allow_negative: {quoted(name)} is none of the columns that refuse negative "
                    f"values ({', '.join(contract.signed_by_choice) or 'none here'})"
                )
        for name, meaning in self.missing.items():
            if meaning == "zero" and not contract.is_number(name):
                raise ValueError(f"missing.{name}: zero is for numbers only")
            if meaning == "null" and name in contract.required:
                raise ValueError(f"missing.{name}: the column may not be empty in {self.table}")
        return self

    def _records_are_plain(self, records: tuple[dict[str, str], ...]) -> None:
        if not records:
            raise ValueError("records: there is no row")
        used = [
            name
            for name in ("columns", "unpivot", "multiply", "add", "lookup", "where", "distinct")
            if getattr(self, name)
        ]
        if used:
            raise ValueError(f"{used[0]} works on a file's columns and cannot stand with records")

    def _columns_exist(self) -> None:
        known = self.contract.columns
        for place, names in self._named():
            for name in names:
                if name not in known:
                    raise ValueError(
                        f"{place}: {self.table} has no column {quoted(name)}"
                        f"{did_you_mean(name, known)}"
                    )

    def _named(self) -> list[tuple[str, list[str]]]:
        places = [
            (place, list(getattr(self, place)))
            for place in (
                "columns", "constants", "multiply", "add", "lookup", "templates", "offset_days",
                "allow_negative", "missing",
            )
        ]  # fmt: skip
        for number, entry in enumerate(self.unpivot):
            places.append((f"unpivot.{number}.set", list(entry.set_)))
            places.append((f"unpivot.{number}.columns", list(entry.columns)))
        for number, record in enumerate(self.records or ()):
            places.append((f"records.{number}", list(record)))
        return places

    def _one_origin_each(self) -> None:
        fixed = Counter(name for place in ORIGINS for name in getattr(self, place))
        entries: list[tuple[str, list[str]]] = [("", [])]
        entries += [
            (f"unpivot.{number}: ", [*entry.set_, *entry.columns])
            for number, entry in enumerate(self.unpivot)
        ]
        entries += [
            (f"records.{number}: ", list(record))
            for number, record in enumerate(self.records or ())
        ]
        for place, names in entries:
            counted = fixed + Counter(names)
            twice = [name for name, count in counted.items() if count > 1]
            if twice:
                raise ValueError(f"{place}{quoted(twice[0])} is given twice; give it once")

    def _templates_are_plain(self) -> None:
        for name, template in self.templates.items():
            fields = template_fields(template)
            for field in fields:
                if field not in self.contract.columns or field in self.templates:
                    raise ValueError(
                        f"templates.{name}: {{{printable(field)}}} is not a column of "
                        f"{self.table} with a value of its own"
                        f"{did_you_mean(field, self.contract.columns)}"
                    )
            if not fields:
                raise ValueError(f"templates.{name}: there is no {{column}}; use constants")


def template_fields(template: str) -> list[str]:
    """Contract columns named in a template.

    Raises:
        ValueError: braces do not pair, or hold more than a name.
    """
    fields = []
    for _, field, form, conversion in Formatter().parse(template):
        if field is None:
            continue
        if form or conversion or not field.isidentifier():
            raise ValueError(f"{{{printable(field)}}} must be the plain name of a column")
        fields.append(field)
    return fields
