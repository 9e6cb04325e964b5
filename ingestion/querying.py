"""Queries over the other inputs of a mapping, in an engine that can reach nothing else."""

# ruff: noqa: S608 - names and texts from outside pass through `quoting`

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from ingestion import quoting
from ingestion.extract import ROW_NUMBER, Extract, Part
from ingestion.mapping import QueryInput
from ingestion.wording import did_you_mean, quoted
from warehouse.errors import SourceError, printable
from warehouse.files import disk_errors
from warehouse.settings import Settings

_AT_ONCE = 50_000
_ROW_GROUP = 122_880


def tables_of(label: str, query: QueryInput, known: Mapping[str, object]) -> list[str]:
    """Inputs that a query reads.

    Raises:
        SourceError: it is not one select, or reads what is no input of the mapping.
    """
    with duckdb.connect() as engine:
        try:
            statements = engine.extract_statements(query.sql)
            found = engine.execute("select json_serialize_sql(?)", [query.sql]).fetchall()
        except duckdb.Error as error:
            raise _broken(label, error) from error
    tree = json.loads(found[0][0])
    if tree.get("error") or len(statements) != 1:
        raise SourceError(
            "the query is not a single select",
            where=label,
            got=printable(tree.get("error_message", f"{len(statements)} statements"), 200),
            remedy="Write one select over the names of the mapping's other inputs",
        )
    nodes = list(_nodes(tree))
    defined = {name for node in nodes for name in _common_tables(node)}
    named = {str(node["table_name"]) for node in nodes if node.get("type") == "BASE_TABLE"}
    wanted = sorted(named - defined)
    for name in wanted:
        if name not in known:
            raise SourceError(
                f"there is no input {quoted(name)}{did_you_mean(name, known)}",
                where=label,
                expected="names under files, databases or apis",
                remedy="Correct the query in the source mapping",
            )
    return wanted


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for child in tree.values():
            yield from _nodes(child)
    elif isinstance(tree, list):
        for child in tree:
            yield from _nodes(child)


def _common_tables(node: dict[str, Any]) -> list[str]:
    common = node.get("cte_map")
    return [entry["key"] for entry in common.get("map", [])] if isinstance(common, dict) else []


def run_query(
    label: str,
    name: str,
    query: QueryInput,
    inputs: Mapping[str, Extract],
    *,
    scratch: Path,
    settings: Settings,
    say: Callable[[str], None],
) -> Extract:
    """Run a query over inputs, each a table of text, and `_row_number`, under its name.

    The engine holds copies of the inputs; files, network, extensions and settings are shut before
    the query runs.

    Raises:
        SourceError: the query fails.
    """
    say(f"{label}: querying")
    database, target = scratch / f"query_{name}.duckdb", scratch / f"query_{name}.parquet"
    with (
        disk_errors(scratch),
        duckdb.connect(
            str(database),
            config={
                "memory_limit": settings.memory_limit,
                "temp_directory": str(scratch / "spill"),
            },
        ) as engine,
    ):
        for key, extract in inputs.items():
            every = " union all ".join(
                f"select {quoting.names(extract.columns)}, {ROW_NUMBER} from ({part.scan})"
                for part in extract.parts
            )
            engine.execute(
                f"create table {quoting.name(key)} as "
                f"select cast(columns(* exclude ({ROW_NUMBER})) as varchar), {ROW_NUMBER} "
                f"from ({every})"
            )
        engine.execute("set enable_external_access = false")
        engine.execute("set lock_configuration = true")
        try:
            rows, columns, types = _written(engine, query.sql, target)
        except duckdb.Error as error:
            if "No space left" in str(error):
                raise
            raise _broken(label, error) from error
    digest = hashlib.sha256(query.sql.encode())
    for extract in inputs.values():
        for part in extract.parts:
            digest.update(part.hash.encode())
    number = quoting.name(ROW_NUMBER)
    if ROW_NUMBER in types:
        number = f"cast({number} as bigint) as {number}"
    else:
        number = f"file_row_number + 1 as {number}"
    path = quoting.text(str(target))
    scan = (
        f"select {quoting.names(columns)}, {number} "
        f"from read_parquet({path}, file_row_number = true)"
    )
    return Extract(name, tuple(columns), (Part(label, digest.hexdigest(), scan, rows),))


def _written(
    engine: duckdb.DuckDBPyConnection, sql: str, target: Path
) -> tuple[int, list[str], list[str]]:
    rows = 0
    reader = engine.sql(sql).to_arrow_reader(_AT_ONCE)
    names = list(reader.schema.names)
    with pq.ParquetWriter(target, reader.schema, compression="lz4") as writer:
        for batch in reader:
            rows += batch.num_rows
            writer.write_batch(batch, row_group_size=_ROW_GROUP)
    return rows, [name for name in names if name != ROW_NUMBER], names


def _broken(label: str, error: Exception) -> SourceError:
    return SourceError(
        "the query fails",
        where=label,
        got=printable(str(error).split("\n")[0], 300),
        remedy="Correct the query in the source mapping; every column of an input is text",
    )
