"""The source mapping: how foreign rows become rows of the raw contracts.

A mapping is YAML (see `sources/README.md`). Every scalar is read as text, so that the country
`NO` stays Norway and a territory `007` keeps its zeros.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from pydantic import Field, field_validator, model_validator

from ingestion.contracts import codes
from ingestion.mapping.inputs import ApiInput, DatabaseInput, FileInput, Input, QueryInput, Strict
from ingestion.mapping.tables import TableMapping
from ingestion.wording import did_you_mean, quoted

SOURCE_NAME = r"^[a-z][a-z0-9_]{0,40}$"
INPUT_NAME = r"[a-z][a-z0-9_]{0,40}"


class SourceMapping(Strict):
    """One source: its files and the tables they fill."""

    version: int = Field(description="of this format", json_schema_extra={"const": 1})
    source: str = Field(pattern=SOURCE_NAME, description="name; a folder in the lake")
    description: str = Field("", description="one line for people")
    reporting_currency: str | None = Field(None, description="ISO 4217 code to report in")
    files: dict[str, FileInput] = Field({}, description="files by name")
    databases: dict[str, DatabaseInput] = Field({}, description="databases by name")
    apis: dict[str, ApiInput] = Field({}, description="advertising platforms by name")
    queries: dict[str, QueryInput] = Field({}, description="selects over other inputs, by name")
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

    @property
    def inputs(self) -> dict[str, Input]:
        """Every input by name; queries last, as they read the others."""
        return {**self.files, **self.databases, **self.apis, **self.queries}

    @model_validator(mode="after")
    def _inputs_exist(self) -> SourceMapping:
        kinds = (self.files, self.databases, self.apis, self.queries)
        counted = Counter(name for kind in kinds for name in kind)
        for name, count in counted.items():
            if count > 1:
                raise ValueError(f"there are two inputs with the name {quoted(name)}")
            if not re.fullmatch(INPUT_NAME, name):
                raise ValueError(f"the input's name {quoted(name)} is not of a-z, 0-9 and _")
        for number, table in enumerate(self.tables):
            if table.from_ is not None and table.from_ not in counted:
                raise ValueError(
                    f"tables.{number}.from: there is no input {quoted(table.from_)}"
                    f"{did_you_mean(table.from_, counted)}"
                )
            source = self.databases.get(table.from_ or "")
            if source is not None and source.cursor is not None and table.mode != "merge":
                raise ValueError(
                    f"tables.{number}.mode: an input with a cursor brings changed rows only, so "
                    "that `mode: merge` is needed"
                )
        return self


def json_schema() -> dict[str, Any]:
    """JSON Schema of a mapping, for editors; kept as `sources/mapping.schema.json`."""
    schema = SourceMapping.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema
