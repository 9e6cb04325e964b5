"""Reference sources are landed once a session; their raw files are read without our code."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from ingestion import LandingReport, land
from warehouse import Lake, Settings
from warehouse.settings import PROJECT


@dataclass(frozen=True)
class Landed:
    """A shipped source in a lake of its own."""

    lake: Lake
    report: LandingReport

    @cached_property
    def kept_and_rejected(self) -> dict[str, tuple[int, int]]:
        return {t.table: (t.rows_kept, t.rows_rejected) for t in self.report.tables}

    @cached_property
    def tables(self) -> duckdb.DuckDBPyConnection:
        """The landed tables, each under its own name."""
        connection = duckdb.connect()
        for table in self.report.tables:
            files = self.lake.raw / table.table / "*/*/*.parquet"
            connection.execute(
                f"create table {table.table} as "
                f"from read_parquet('{files}', hive_partitioning=false)"
            )
        return connection

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.tables.execute(sql).fetchall()

    def frame(self, sql: str) -> pd.DataFrame:
        return self.tables.execute(sql).df()

    def one(self, sql: str) -> Any:
        """The only cell of a select."""
        ((cell,),) = self.query(sql)
        return cell


@pytest.fixture(scope="session")
def land_source(
    tmp_path_factory: pytest.TempPathFactory, reference_data: Path
) -> Callable[[str], Landed]:
    """Land a shipped mapping, `sources/<name>.yml`; once, however often it is asked for."""
    landed: dict[str, Landed] = {}

    def land_once(name: str) -> Landed:
        if name not in landed:
            lake = Lake.at(tmp_path_factory.mktemp(name) / "lake")
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("LIFTCAST_REFERENCE_DATA", str(reference_data))
                mapping = PROJECT / "sources" / f"{name}.yml"
                report = land(lake, mapping, run_id="20250101T000000-00000000", settings=Settings())
            landed[name] = Landed(lake, report)
        return landed[name]

    return land_once


@pytest.fixture(scope="session")
def raw_rows(reference_data: Path) -> Callable[[str], list[dict[str, str]]]:
    """Rows of a reference file as the csv module reads them, every cell text."""

    def read(path: str) -> list[dict[str, str]]:
        content = (reference_data / path).read_bytes()
        text = (gzip.decompress(content) if path.endswith(".gz") else content).decode("utf-8-sig")
        return list(csv.DictReader(text.splitlines()))

    return read
