"""Where a source's rows come from: files, databases, advertising platforms, queries over them."""

from __future__ import annotations

import codecs as text_codecs
import re
from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from ingestion.contracts import codes
from ingestion.wording import quoted
from warehouse.errors import printable

ISO = "%Y-%m-%d"
_NO_ENCODINGS = {"idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined"}


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Cell = Annotated[
    str, BeforeValidator(_as_text), WithJsonSchema({"type": ["string", "number", "boolean"]})
]
Whole = Annotated[int, Field(ge=1)]


class Strict(BaseModel):
    # An error of pydantic's own would quote what was given, and so what must not be read.
    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True
    )


class Writing(Strict):
    """How numbers, dates and empty cells are written in an input's cells.

    What is not declared is not guessed: `1,234` and `03/04/2025` are errors until somebody says
    what they mean.
    """

    decimal: Literal[".", ","] = Field(".", description="decimal mark of numbers")
    thousands: Literal["", ",", ".", " ", "'"] = Field(
        "", description="mark between thousands; empty: none"
    )
    date_format: str = Field(
        ISO,
        min_length=1,
        description="strptime format of dates and times; or epoch_days, epoch_seconds",
    )
    time_zone: str = Field("UTC", description="IANA zone that times without an offset are in")
    na_values: tuple[Cell, ...] = Field((), description="texts that mean an empty cell")

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        if value not in codes.time_zones():
            raise ValueError(f"{quoted(value)} is not an IANA time zone")
        return value

    @model_validator(mode="after")
    def _marks_differ(self) -> Writing:
        if self.thousands == self.decimal:
            raise ValueError("decimal and thousands cannot be the same mark")
        return self


class FileInput(Writing):
    """One file, or every file that a pattern matches."""

    path: str = Field(
        min_length=1,
        description="relative to the mapping's folder, absolute, or any fsspec address; may hold "
        "* and ?; ${VAR:-default} is filled in",
    )
    format: Literal["csv", "tsv", "jsonl", "parquet", "xlsx"] | None = Field(
        None, description="default: by the file's name"
    )
    compression: Literal["none", "gzip", "bz2", "xz", "zstd", "zip"] | None = Field(
        None, description="default: by the file's first bytes"
    )
    encoding: str = Field("utf-8", description="of text files; a byte order mark is fine")
    delimiter: str | None = Field(
        None, min_length=1, max_length=1, description="between the cells; csv: comma, tsv: tab"
    )
    sheet: Cell | None = Field(None, description="sheet of a workbook; default: its only one")

    @field_validator("encoding")
    @classmethod
    def _encoding_is_known(cls, value: str) -> str:
        try:
            # Not all of Python's codecs are of text, and some are no encoding of files.
            known = text_codecs.lookup(value).name not in _NO_ENCODINGS and bool(
                "".encode(value) + b"-"
            )
        except (LookupError, UnicodeError, ValueError):
            known = False
        if not known:
            raise ValueError(
                f"{quoted(value)} is not an encoding; use utf-8, utf-16, latin-1 or cp1252"
            )
        return value

    @field_validator("delimiter")
    @classmethod
    def _delimiter_is_no_quote(cls, value: str | None) -> str | None:
        if value is not None and value in '"\n\r\0':
            raise ValueError("a delimiter cannot be a quote or a line end")
        return value


_VARIABLE = r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"
_DEFAULT = r"\$\{[A-Za-z_][A-Za-z0-9_]*:-([^}]*)\}"
_SECRET_NAME = re.compile(r"(?i)pass|pwd|secret|token|private_?key|credential")
_LITERAL = (
    "a secret stands in the mapping; write ${VARIABLE} (without a default) and set that in the "
    "environment, or use `connection`"
)


def _holds_secret(url: str) -> bool:
    """Whether an address has a password, or a parameter like one, that is not only `${VAR}`."""
    if any(_holds_secret(told) for told in re.findall(_DEFAULT, url) if "://" in told):
        return True
    template = re.sub(_DEFAULT, "1", re.sub(_VARIABLE, "0", url))
    parts = urlsplit(template.partition("://")[2].join(("//", "")))
    user, at, _ = parts.netloc.rpartition("@")
    # A password may hold @ and / that should have been escaped: look at all before the last @.
    unescaped = bool(parts.netloc) and "@" in template and not at
    password = user.partition(":")[2]
    named = [(key, value) for key, value in parse_qsl(parts.query) if _SECRET_NAME.search(key)]
    inside = re.search(r"(?i)(?:pwd|password)(?:=|%3D)(?!0(?:;|%3B|&|$))", template)
    return (
        unescaped
        or password not in ("", "0")
        or any(value != "0" for _, value in named)
        or inside is not None
    )


class DatabaseInput(Writing):
    """Rows of a database, at any SQLAlchemy address."""

    url: str | None = Field(
        None, description="SQLAlchemy address; secrets only as ${VAR}, never written out"
    )
    connection: str | None = Field(None, description="Airflow connection, instead of a url")
    table: str | None = Field(None, min_length=1, description="table or view, schema.table")
    query: str | None = Field(None, min_length=1, description="a select, instead of a table")
    cursor: str | None = Field(
        None, description="column that grows with each change: only rows at or above its last value"
    )
    chunk_rows: Whole = Field(100_000, description="rows fetched at a time")
    timeout_seconds: Whole = Field(
        1800, description="longest the database may work on one statement, where it can be told"
    )

    @model_validator(mode="after")
    def _one_of_each(self) -> DatabaseInput:
        if (self.url is None) == (self.connection is None):
            raise ValueError("give either `url` or `connection`")
        if (self.table is None) == (self.query is None):
            raise ValueError("give either `table` or `query`")
        # Here, not at the key: an error of a key quotes its value.
        if self.url is not None and _holds_secret(self.url):
            raise ValueError(f"url: {_LITERAL}")
        return self


class ApiInput(Writing):
    """Reports of an advertising platform over HTTP."""

    platform: Literal["google_ads", "meta", "linkedin", "tiktok"] = Field(
        description="whose report: its addresses, paging and shape are known"
    )
    base_url: str | None = Field(None, description="default: the platform's own; ${VAR} is filled")
    token_url: str | None = Field(
        None, description="where a refresh token is traded; default: the platform's own"
    )
    version: Cell | None = Field(
        None, description="version of the platform's interface; default: in sources/README.md"
    )
    accounts: tuple[Cell, ...] = Field(min_length=1, description="accounts to report on")
    level: Literal["campaign", "ad_group", "ad"] = Field(
        "campaign", description="what a row is about, besides the day"
    )
    conversions: tuple[Cell, ...] = Field(
        ("omni_purchase",), description="Meta: action types that count as conversions"
    )
    credentials: dict[str, str] = Field(
        {}, description="name: ${VAR}; or connection: an Airflow connection"
    )
    first_day: str | None = Field(None, description="first day ever pulled, 2025-01-31")
    pull_days: Whole = Field(
        28, description="days pulled again each time: platforms restate what they reported"
    )
    page_rows: Whole = Field(1000, description="rows asked for at a time")

    @field_validator("first_day")
    @classmethod
    def _first_day_is_a_date(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                date.fromisoformat(value)
            except ValueError:
                raise ValueError("is not a date such as 2025-01-31") from None
        return value

    @model_validator(mode="after")
    def _secrets_are_variables(self) -> ApiInput:
        for key, value in self.credentials.items():
            if key != "connection" and not re.fullmatch(_VARIABLE, value):
                raise ValueError(f"credentials.{printable(key)}: {_LITERAL}")
        for key in ("base_url", "token_url"):
            if (given := getattr(self, key)) and _holds_secret(given):
                raise ValueError(f"{key}: {_LITERAL}")
        return self


class QueryInput(Writing):
    """A select over the other inputs of the mapping, each a table of text under its name.

    DuckDB runs it with no access to files or network. Where the result has `_row_number`, rows
    are traced by it; else they are numbered as they come.
    """

    sql: str = Field(min_length=1, description="a select")


Input = FileInput | DatabaseInput | ApiInput | QueryInput
