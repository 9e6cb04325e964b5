"""The source mapping: how a foreign file becomes rows of the raw contracts.

A mapping is YAML (see `sources/README.md`). Every scalar is read as text, so that the country
`NO` stays Norway and a territory `007` keeps its zeros.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from ingestion import plain_yaml
from ingestion.contracts import CONTRACTS, Contract, codes
from ingestion.wording import did_you_mean, quoted
from warehouse.errors import SourceError, printable

SOURCE_NAME = r"^[a-z][a-z0-9_]{0,40}$"
_MAX_BYTES = 2_000_000
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Cell = Annotated[
    str, BeforeValidator(_as_text), WithJsonSchema({"type": ["string", "number", "boolean"]})
]
Condition = Literal["present", "not_zero"] | list[Cell]
Missing = Literal["zero", "null", "error"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class FileMapping(_Strict):
    """One CSV file, plain or gzipped, UTF-8."""

    path: str = Field(
        min_length=1, description="relative to the mapping's folder; ${VAR:-default} is filled in"
    )
    delimiter: str = Field(",", min_length=1, max_length=1, description="between the cells")
    date_format: str = Field("%Y-%m-%d", description="strptime format of the file's dates")
    na_values: tuple[Cell, ...] = Field((), description="texts that mean an empty cell")

    @field_validator("delimiter")
    @classmethod
    def _delimiter_is_no_quote(cls, value: str) -> str:
        if value in '"\n\r\0':
            raise ValueError("a delimiter cannot be a quote or a line end")
        return value


class Unpivot(_Strict):
    """One output row for each input row: wide to long."""

    set_: dict[str, Cell] = Field({}, alias="set", description="contract column: constant")
    columns: dict[str, str] = Field({}, description="contract column: source column")


class TableMapping(_Strict):
    """Rows of one contract table, from a file or written inline."""

    table: str = Field(description="contract table", json_schema_extra={"enum": list(CONTRACTS)})
    from_: str | None = Field(None, alias="from", description="name under `files`")
    records: tuple[dict[str, Cell], ...] | None = Field(None, description="inline rows")
    columns: dict[str, str] = Field({}, description="contract column: source column")
    constants: dict[str, Cell] = Field({}, description="contract column: the same in every row")
    unpivot: tuple[Unpivot, ...] = Field((), description="one output row per entry and input row")
    multiply: dict[str, Annotated[tuple[str, ...], Field(min_length=2)]] = Field(
        {}, description="contract column: source columns multiplied exactly, 6 places kept"
    )
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
            raise ValueError("give either `from` (a file) or `records` (inline rows)")
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
            for name in ("columns", "unpivot", "multiply", "where", "distinct")
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
                "columns", "constants", "multiply", "templates", "offset_days",
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
        fixed = Counter(
            name
            for place in ("columns", "constants", "multiply", "templates", "offset_days")
            for name in getattr(self, place)
        )
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


class SourceMapping(_Strict):
    """One source: its files and the tables they fill."""

    version: int = Field(description="of this format", json_schema_extra={"const": 1})
    source: str = Field(pattern=SOURCE_NAME, description="name; a folder in the lake")
    description: str = Field("", description="one line for people")
    reporting_currency: str | None = Field(None, description="ISO 4217 code to report in")
    files: dict[str, FileMapping] = Field({}, description="files by name")
    tables: tuple[TableMapping, ...] = Field(min_length=1, description="what the files fill")

    @field_validator("version")
    @classmethod
    def _version_is_known(cls, value: int) -> int:
        if value != 1:
            raise ValueError("this release reads version 1")
        return value

    @field_validator("reporting_currency")
    @classmethod
    def _currency_exists(cls, value: str | None) -> str | None:
        if value is not None and value not in codes.currencies():
            raise ValueError(f"{quoted(value)} is not an ISO 4217 currency code")
        return value

    @model_validator(mode="after")
    def _files_exist(self) -> SourceMapping:
        for number, table in enumerate(self.tables):
            if table.from_ is not None and table.from_ not in self.files:
                raise ValueError(
                    f"tables.{number}.from: there is no file {quoted(table.from_)} under `files`"
                    f"{did_you_mean(table.from_, self.files)}"
                )
        return self


@dataclass(frozen=True)
class LoadedMapping:
    """A mapping with the folder its paths are relative to and the SHA-256 of its bytes."""

    spec: SourceMapping
    folder: Path
    hash: str

    def path_of(self, file: str) -> Path:
        """The path of a file, `${VAR:-default}` filled in from the environment.

        Raises:
            SourceError: a variable is not set and has no default.
        """

        def fill(match: re.Match[str]) -> str:
            value = os.environ.get(match[1]) or match[2]
            if value is None:
                raise SourceError(
                    f"the environment variable {match[1]} is not set",
                    where=f"{self.spec.source}, files.{printable(file)}.path",
                    remedy=f"Set {match[1]}, or write ${{{match[1]}:-DEFAULT}} in the mapping",
                )
            return value

        path = _VARIABLE.sub(fill, self.spec.files[file].path)
        return self.folder / path


def load_mapping(path: str | Path) -> LoadedMapping:
    """Read and check a source mapping.

    Raises:
        SourceError: the file cannot be read, is not YAML, or a key is wrong (named).
    """
    path = Path(path)
    where = printable(path)
    try:
        with path.open("rb") as handle:
            content = handle.read(_MAX_BYTES + 1)
    except OSError as error:
        raise SourceError(
            f"the source mapping cannot be read ({error.strerror})",
            where=where,
            remedy="Give the path of a mapping, such as sources/robyn.yml",
        ) from error
    if len(content) > _MAX_BYTES:
        raise SourceError(
            "the source mapping is too big",
            where=where,
            expected=f"at most {_MAX_BYTES:,} bytes",
            remedy="Put the rows in a CSV file and name it under `files`",
        )
    return LoadedMapping(
        spec=parse_mapping(content, where),
        folder=path.resolve().parent,
        hash=hashlib.sha256(content).hexdigest(),
    )


def parse_mapping(content: bytes, where: str) -> SourceMapping:
    """Check the bytes of a mapping; `where` names it in errors.

    Raises:
        SourceError: not YAML, or a key is wrong (named).
    """
    remedy = "See sources/README.md for the keys of a mapping"
    try:
        tree = plain_yaml.parse(content)
    except plain_yaml.NotPlainError as error:
        line = f", line {error.line}" if error.line else ""
        raise SourceError(
            f"the source mapping is not valid YAML: {printable(error)}",
            where=f"{where}{line}",
            remedy=remedy,
        ) from error
    if not isinstance(tree, dict):
        raise SourceError(
            "the source mapping is empty or not a mapping of keys",
            where=where,
            expected="the keys version, source, files, tables",
            remedy=remedy,
        )
    try:
        return SourceMapping.model_validate(tree)
    except ValidationError as error:
        raise SourceError(_first_problem(error), where=where, remedy=remedy) from error


def _first_problem(error: ValidationError) -> str:
    problems = error.errors()
    # A misspelt key is also a missing one; the misspelling is what helps.
    first = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    key = ".".join(printable(part) for part in first["loc"])
    last = str(first["loc"][-1]) if first["loc"] else ""
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = f"the key is not known{did_you_mean(last, _known_keys())}"
    elif first["type"] == "missing":
        message = "the key is missing"
    elif "input" in first and isinstance(first["input"], str):
        message = f"{message[:1].lower()}{message[1:]}; got {quoted(first['input'])}"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    # Pydantic's own message may quote foreign text.
    return f"{key}: {printable(message, 400)}{more}" if key else printable(message, 400) + more


def _known_keys() -> list[str]:
    return [
        field.alias or name
        for model in (SourceMapping, FileMapping, TableMapping, Unpivot)
        for name, field in model.model_fields.items()
    ]


def json_schema() -> dict[str, Any]:
    """JSON Schema of a mapping, for editors; kept as `sources/mapping.schema.json`."""
    schema = SourceMapping.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema
