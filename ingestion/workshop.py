"""The workshop of one landing: a DuckDB database of its own in the lake's scratch folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingestion import quoting
from warehouse.files import disk_errors
from warehouse.lake import Lake
from warehouse.settings import Settings


@dataclass(frozen=True)
class Workshop:
    """An open database that spills to disk, and a folder for the Parquet files of extracts."""

    engine: duckdb.DuckDBPyConnection
    folder: Path

    def one(self, sql: str) -> tuple[object, ...]:
        """The only row of a query."""
        (row,) = self.engine.execute(sql).fetchall()
        return tuple(row)

    def count(self, sql: str) -> int:
        """The number that a query gives."""
        return int(str(self.one(sql)[0]))


def folder_of(lake: Lake, source: str) -> Path:
    return lake.scratch / f"landing-{source}"


@contextmanager
def opened(lake: Lake, source: str, settings: Settings) -> Iterator[Workshop]:
    """A workshop, empty at first and removed at the end.

    What a killed landing left is swept first; the caller holds the source's lock.

    Raises:
        LiftcastError: the disk is full.
    """
    folder = folder_of(lake, source)
    shutil.rmtree(folder, ignore_errors=True)
    with disk_errors(folder):
        folder.mkdir(parents=True)
        engine = duckdb.connect(
            str(folder / "workshop.duckdb"),
            config={
                "memory_limit": settings.memory_limit,
                "temp_directory": str(folder / "spill"),
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            },
        )
        try:
            engine.execute("set TimeZone = 'UTC'")
            # Whoever needs an order says so; without one both threads write at once.
            engine.execute("set preserve_insertion_order = false")
            # A bar of DuckDB's own would write into the terminal of whoever lands.
            engine.execute("set enable_progress_bar = false")
            yield Workshop(engine, folder)
        finally:
            engine.close()
            shutil.rmtree(folder, ignore_errors=True)


def table_of(workshop: Workshop, table: str, sql: str) -> None:
    """Make a temporary table of a select, in place of one of the same name."""
    workshop.engine.execute(f"create or replace temp table {quoting.name(table)} as {sql}")
