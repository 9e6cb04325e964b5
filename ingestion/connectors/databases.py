"""Rows of a database, at any SQLAlchemy address, a chunk at a time and with bounded memory.

One read-only transaction, a server-side cursor where the database has one. With `cursor`, only rows
at or above the highest value that has landed are asked for, and rows where it is empty each time:
several rows may share a value, and nothing may be left behind. Landing merges them by their key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from ingestion.connectors.engines import engine_of, failure
from ingestion.connectors.scratch import TextWriter, file_literal
from ingestion.connectors.secrets import Secrets
from ingestion.connectors.values import Column
from ingestion.extract import ROW_NUMBER, Extract, Part
from ingestion.mapping import DatabaseInput, LoadedMapping
from ingestion.wording import did_you_mean, listed, quoted
from warehouse.errors import LiftcastError, SourceError, printable

_KINDS: dict[str, Callable[[str], Any]] = {
    "whole": int,
    "decimal": Decimal,
    "date": date.fromisoformat,
    "time": datetime.fromisoformat,
    "text": str,
}


def extract(
    mapping: LoadedMapping,
    name: str,
    scratch: Path,
    *,
    start: date | None,
    end: date | None,
    state: Mapping[str, Any],
    say: Callable[[str], None],
) -> Extract:
    """Rows of a table, view or query.

    Args:
        start, end: not used: a database is not asked by day, landing keeps to the window.
        state: `{"cursor": text, "kind": ...}` of the last landing, or empty.

    Raises:
        SourceError: no way to the database, it refuses, a table or column is not there, a value
            is bytes. No secret is in its text.
    """
    declared = mapping.spec.databases[name]
    label = f"{mapping.spec.source}, {printable(name, 60)}"
    what = declared.table or "query"
    where = f"{label} ({printable(what, 60)})"
    secrets = Secrets()
    engine = engine_of(mapping, name, secrets)
    try:
        with engine.connect() as link:
            statement = _statement(link, declared, where, state)
            say(f"{mapping.spec.source}: asking {printable(name)}")
            rows = declared.chunk_rows
            # Fetched as they are asked for: the whole result is in nobody's memory.
            streaming = {"stream_results": True, "max_row_buffer": rows, "yield_per": rows}
            result = link.execution_options(**streaming).execute(statement)
            found = _read(result, declared, scratch / f"{name}.parquet", where, state=state)
    except LiftcastError:
        raise
    except (sa.exc.SQLAlchemyError, engine.dialect.loaded_dbapi.Error) as error:
        # The driver's error is not chained: its own text is not cleaned.
        raise failure(error, where, secrets) from None
    finally:
        engine.dispose()
    names, part, newest = found
    notices = () if part.rows or state else (f"{where}: there is no row",)
    return Extract(name, names, (part,), state=newest, notices=notices)


def _statement(
    link: sa.Connection, declared: DatabaseInput, where: str, state: Mapping[str, Any]
) -> sa.Executable:
    origin: sa.FromClause | sa.TextClause
    if declared.table is not None:
        schema, table = _table(link, declared, where)
        origin = sa.table(table, schema=schema)
    else:
        query = _plain((declared.query or "").strip().rstrip(";"))
        if declared.cursor is None or "cursor" not in state:
            return sa.text(query)
        # The query is the mapping's author's own; it reads in a read-only transaction.
        origin = sa.text(f"({query}) liftcast_query")
    statement = sa.select(sa.text("*")).select_from(origin)
    if declared.cursor is not None and "cursor" in state:
        column: sa.ColumnClause[Any] = sa.column(declared.cursor)
        since = sa.literal(_value_of(state, where))
        statement = statement.where(sa.or_(column >= since, column.is_(None)))
    return statement


def _plain(sql: str) -> str:
    """SQL in which a colon is a colon and begins no parameter."""
    return sql.replace(":", r"\:")


def _table(link: sa.Connection, declared: DatabaseInput, where: str) -> tuple[str | None, str]:
    told = declared.table or ""
    before, dot, after = told.partition(".")
    schema, table = (before, after) if dot else (None, told)
    inspector = sa.inspect(link)
    if schema and schema not in (schemas := inspector.get_schema_names()):
        raise SourceError(
            f"there is no schema {quoted(schema)}{did_you_mean(schema, schemas)}",
            where=where,
            remedy="Correct `table` in the mapping (schema.table)",
        )
    if not inspector.has_table(table, schema=schema):
        known = inspector.get_table_names(schema) + inspector.get_view_names(schema)
        raise SourceError(
            f"there is no table {quoted(table)}{did_you_mean(table, known)}",
            where=where,
            expected="a table or view that this user may see",
            remedy="Correct `table` in the mapping (schema.table), or grant the right to read it",
        )
    if declared.cursor is not None:
        _has(declared.cursor, [c["name"] for c in inspector.get_columns(table, schema)], where)
    return schema, table


def _has(cursor: str, columns: Sequence[str], where: str) -> None:
    if cursor not in columns:
        raise SourceError(
            f"there is no column {quoted(cursor)}{did_you_mean(cursor, columns)}",
            where=where,
            got=f"the columns {listed(columns, 30)}",
            remedy="Correct `cursor` in the mapping",
        )


def _read(
    result: sa.CursorResult[Any],
    declared: DatabaseInput,
    path: Path,
    where: str,
    *,
    state: Mapping[str, Any],
) -> tuple[tuple[str, ...], Part, dict[str, Any]]:
    names = tuple(result.keys())
    twice = sorted({column for column in names if names.count(column) > 1})
    if twice:
        raise SourceError(
            f"the query gives {listed(twice)} more than once",
            where=where,
            remedy="Name its columns with AS",
        )
    columns = [Column(column, where) for column in names]
    if declared.cursor is not None:
        _has(declared.cursor, names, where)
    newest = _Newest(names.index(declared.cursor) if declared.cursor else None, where, state)
    with TextWriter(path, names) as writer:
        for chunk in result.partitions(declared.chunk_rows):
            first = writer.rows + 1
            values = list(zip(*chunk, strict=True))
            newest.see(values)
            texts = [column.texts(v, first) for column, v in zip(columns, values, strict=True)]
            writer.write(texts, np.arange(first, first + len(chunk), dtype=np.int64))
    digest = hashlib.sha256("\n".join(names).encode())
    for column in columns:
        digest.update(column.digest)
    typed = ", ".join(column.sql(f"c{n}") for n, column in enumerate(columns))
    scan = f"SELECT {typed}, {ROW_NUMBER} FROM read_parquet({file_literal(path)})"  # noqa: S608
    return names, Part(where, digest.hexdigest(), scan, writer.rows), newest.state


class _Newest:
    """The highest cursor value seen, as the state that the next landing starts from."""

    def __init__(self, position: int | None, where: str, state: Mapping[str, Any]) -> None:
        self._position = position
        self._where = where
        self._value: Any = _value_of(state, where) if position is not None and state else None

    def see(self, values: Sequence[Sequence[Any]]) -> None:
        if self._position is None or not values:
            return
        present = [value for value in values[self._position] if value is not None]
        try:
            highest = max(map(_comparable, present), default=None)
            if highest is not None and (self._value is None or highest > self._value):
                self._value = highest
        except TypeError:
            raise SourceError(
                "the values of the cursor cannot be compared with one another",
                where=self._where,
                expected="one kind: dates, times, whole numbers or text",
                remedy="Choose another column as `cursor`; if its type has changed, delete what "
                "the lake keeps of this cursor and land all rows again",
            ) from None
        if highest is not None:
            _kind_of(highest, self._where)

    @property
    def state(self) -> dict[str, Any]:
        if self._value is None:
            return {}
        text = self._value.isoformat() if isinstance(self._value, date) else str(self._value)
        return {"cursor": text, "kind": _kind_of(self._value, self._where)}


def _comparable(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    return value


def _kind_of(value: Any, where: str) -> str:
    if isinstance(value, datetime):
        return "time"
    if isinstance(value, date):
        return "date"
    if isinstance(value, int) and not isinstance(value, bool):
        return "whole"
    if isinstance(value, Decimal) and value.is_finite():
        return "decimal"
    if isinstance(value, str):
        return "text"
    raise SourceError(
        "the cursor is of a kind that does not grow",
        where=where,
        expected="dates, times, whole numbers or text",
        got=type(value).__name__,
        remedy="Choose another column as `cursor`",
    )


def _value_of(state: Mapping[str, Any], where: str) -> Any:
    if "cursor" not in state:
        return None
    try:
        return _KINDS[state["kind"]](state["cursor"])
    except (KeyError, ValueError, ArithmeticError, TypeError):
        raise SourceError(
            "what the lake keeps of this cursor cannot be read",
            where=where,
            got=quoted(dict(state)),
            remedy="Delete it, and land all rows again: merging changes nothing that is equal",
        ) from None
