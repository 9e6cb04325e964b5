"""Touches, conversions and identities of plain files, as relations that paths are built from."""

# ruff: noqa: S608 - names and texts from outside pass through `quoted`

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from warehouse.errors import LiftcastError, printable

#: Columns each file may have: those it must have first. Others are ignored.
TOUCH_COLUMNS = ("occurred_at", "channel"), (
    "person_id", "account_id", "campaign_id", "territory_id", "touchpoint_id",
)  # fmt: skip
CONVERSION_COLUMNS = ("converted_at",), (
    "person_id", "account_id", "conversion_id", "kind", "value", "currency", "lead_at",
    "opportunity_at",
)  # fmt: skip
IDENTITY_COLUMNS = ("person_id", "customer_id"), ("merged_at",)
#: Moments outside are no moments: a clock that was never set, a number taken for a date.
FIRST_MOMENT, LAST_MOMENT = "timestamp '1900-01-01'", "timestamp '2200-01-01'"
_GLOB = frozenset("*?[]{}")
_NO_CAMPAIGN, _NO_TERRITORY = "(no campaign) ", "(no territory)"


@dataclass(frozen=True)
class Table:
    """A file as SQL.

    Attributes:
        sql: what to read from.
        kinds: SQL type by column, names in small letters.
        name: what errors call it.
    """

    sql: str
    kinds: dict[str, str]
    name: str

    @property
    def is_parquet(self) -> bool:
        """Whether it is Parquet, and not CSV."""
        return self.sql.startswith("read_parquet")


@dataclass
class LeftOut:
    """Rows that lead to nothing, by reason, and one example of each."""

    rows: list[tuple[str, int, str]] = field(default_factory=list)

    def add(self, reason: str, count: int, example: object = "") -> None:
        """Remember a reason where it has rows."""
        if count:
            self.rows.append((reason, int(count), "" if example is None else str(example)))


def quoted(text: object) -> str:
    """A text as SQL."""
    return "'" + str(text).replace("'", "''") + "'"


def open_table(
    connection: duckdb.DuckDBPyConnection, path: Path, columns: tuple[tuple[str, ...], ...]
) -> Table:
    """A CSV or Parquet file, its columns checked and nothing of it read yet.

    Raises:
        LiftcastError: no such file, neither CSV nor Parquet, a column lacks or stands twice.
    """
    name = printable(path)
    if not path.is_file():
        raise LiftcastError(
            "there is no such file", where=name, expected="a CSV or Parquet file",
            got="a folder" if path.is_dir() else "nothing", remedy="Check the path",
        )  # fmt: skip
    if _GLOB & set(str(path)):
        raise LiftcastError(
            "the name holds a mark that stands for several files",
            where=name, expected="a path without * ? [ ] { }", remedy="Rename the file or folder",
        )  # fmt: skip
    with path.open("rb") as handle:
        head = handle.read(4)
    if not head:
        raise LiftcastError(
            "the file is empty", where=name, expected="a header and rows", remedy="Export it again"
        )
    if head == b"PAR1":
        sql = f"read_parquet({quoted(path)}, hive_partitioning = false)"
    else:
        sql = (
            f"read_csv({quoted(path)}, all_varchar = true, header = true, "
            "max_line_size = 1000000, hive_partitioning = false)"
        )
    try:
        found = connection.execute(f"describe select * from {sql}").fetchall()
    except duckdb.Error as error:
        raise LiftcastError(
            "this is neither a CSV nor a Parquet file",
            where=name,
            got=printable(str(error).splitlines()[0], 200),
            remedy="Export it again as CSV (UTF-8, a header, commas) or Parquet",
        ) from error
    kinds: dict[str, str] = {}
    for column, kind in ((str(row[0]).casefold(), str(row[1])) for row in found):
        base = column.removesuffix("_1")
        if column in kinds or (base in kinds and base != column and base in sum(columns, ())):
            raise LiftcastError(
                f"the column {printable(base)} stands twice", where=name,
                remedy="Keep the one that is meant",
            )  # fmt: skip
        kinds[column] = kind
    missing = [column for column in columns[0] if column not in kinds]
    if missing:
        raise LiftcastError(
            f"the column {missing[0]} is missing",
            where=name,
            expected=", ".join(columns[0]),
            got=printable(", ".join(kinds) or "none", 200),
            remedy="Rename or add it",
        )
    if "person_id" not in kinds and "account_id" not in kinds:
        raise LiftcastError(
            "nothing says whose a row is", where=name, expected="person_id or account_id",
            got=printable(", ".join(kinds), 200), remedy="Rename or add one of them",
        )  # fmt: skip
    return Table(sql, kinds, name)


def moment(table: Table, column: str, zone: str, *, ends_day: bool = False) -> str:
    """A column as a moment in UTC, null where it is none.

    A text or a time with an offset keeps it; without one it is local time of `zone`, which the
    session has. A day alone is its first moment there, or with `ends_day` its last.
    """
    kind = table.kinds[column]
    cell = f'"{column}"'
    if kind == "DATE":
        found = f"timezone('UTC', cast({cell} as timestamptz))"
        if ends_day:
            found = f"timezone('UTC', cast({cell} + 1 as timestamptz)) - interval 1 microsecond"
    elif kind == "VARCHAR":
        found = f"timezone('UTC', try_cast(trim({cell}) as timestamptz))"
        if ends_day:
            found = (
                f"case when length(trim({cell})) <= 10 then timezone('UTC', "
                f"cast(try_cast(trim({cell}) as date) + 1 as timestamptz)) "
                f"- interval 1 microsecond else {found} end"
            )
    elif kind.startswith("TIMESTAMP WITH TIME ZONE"):
        found = f"timezone('UTC', {cell})"
    elif kind.startswith("TIMESTAMP"):
        # Most logs are in UTC: half a hundred million conversions of zone less.
        found = (
            f"cast({cell} as timestamp)"
            if zone == "UTC"
            else f"timezone('UTC', cast(cast({cell} as timestamp) as timestamptz))"
        )
    else:
        raise LiftcastError(
            f"the column {column} is no moment", where=table.name,
            expected="a time, or a text such as 2024-05-31 14:05:00", got=kind.lower(),
            remedy="Convert it when you export",
        )  # fmt: skip
    return f"case when {found} >= {FIRST_MOMENT} and {found} < {LAST_MOMENT} then {found} end"


def text(table: Table, column: str) -> str:
    """A column as text, null where it is empty or there is no such.

    Spaces around a text are no part of it. Ids in Parquet are taken as they are: machines wrote
    them, and to look at every one of half a hundred million takes seconds.
    """
    if column not in table.kinds:
        return "cast(null as varchar)"
    if table.is_parquet and column in ("person_id", "account_id"):
        return f"nullif(cast(\"{column}\" as varchar), '')"
    return f"nullif(trim(cast(\"{column}\" as varchar)), '')"


def touch_view(table: Table, grain: str, direct: str | None, zone: str) -> str:
    """SQL of touches: touchpoint_id, person_id, account_id, occurred_at, name, is_direct."""
    channel = text(table, "channel")
    name = {
        "channel": channel,
        "campaign": f"coalesce({text(table, 'campaign_id')}, {quoted(_NO_CAMPAIGN)} || {channel})",
        "territory": f"coalesce({text(table, 'territory_id')}, {quoted(_NO_TERRITORY)})",
    }[grain]
    is_direct = f"coalesce({channel} = {quoted(direct)}, false)" if direct else "false"
    return (
        f"select {text(table, 'touchpoint_id')} as touchpoint_id, "
        f"{text(table, 'person_id')} as person_id, {text(table, 'account_id')} as "
        f"account_id, {moment(table, 'occurred_at', zone)} as occurred_at, {name} as name, "
        f"{is_direct} as is_direct from {table.sql}"
    )


def conversion_view(table: Table, zone: str) -> str:
    """SQL of conversions: person_id, account_id, conversion_id, kind, converted_at, amount, ..."""

    def optional(column: str) -> str:
        known = column in table.kinds
        return moment(table, column, zone) if known else "cast(null as timestamp)"

    value = text(table, "value")
    return (
        f"select {text(table, 'person_id')} as person_id, {text(table, 'account_id')} as "
        f"account_id, {text(table, 'conversion_id')} as conversion_id, "
        f"coalesce({text(table, 'kind')}, 'conversion') as kind, "
        f"{moment(table, 'converted_at', zone, ends_day=True)} as converted_at, "
        f'cast("converted_at" as varchar) as written_at, {value} as written_value, '
        f"try_cast({value} as decimal(18, 2)) as value, {text(table, 'currency')} as currency, "
        f"{optional('lead_at')} as lead_at, {optional('opportunity_at')} as opportunity_at "
        f"from {table.sql}"
    )


def one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    """The only row of a query."""
    row = connection.execute(query).fetchone()
    assert row is not None
    return row
