"""The first rows of a mapping's inputs, as Parquet files that stand in for the inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from ingestion import connectors, quoting
from ingestion.connectors import files
from ingestion.connectors.addresses import addresses
from ingestion.extract import ROW_NUMBER, Extract
from ingestion.mapping import (
    ApiInput,
    DatabaseInput,
    FileInput,
    LoadedMapping,
    QueryInput,
    Writing,
)
from warehouse.errors import LiftcastError, printable

ROWS = 1_000
# Other tables are held against all territories, not against the first thousand.
TERRITORY_ROWS = 100_000


@dataclass(frozen=True)
class Sampled:
    """An input's first rows.

    Args:
        said: what a run will read or ask for.
        path: Parquet of the rows; None where they were not read.
        numbers: the line or row each of them has in the input.
        problem: why it cannot be read.
    """

    said: str
    columns: tuple[str, ...] = ()
    path: Path | None = None
    numbers: tuple[int, ...] = ()
    notices: tuple[str, ...] = ()
    problem: str = ""

    @property
    def rows(self) -> int:
        return len(self.numbers)


@dataclass
class Sampler:
    """Reads inputs into a folder.

    Args:
        connect: ask databases (for all their rows) and platforms (for the last day) too.
    """

    mapping: LoadedMapping
    folder: Path
    connect: bool = False
    _territories: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        spec = self.mapping.spec
        feeding = {table.from_ for table in spec.tables if table.table == "territories"}
        queries = " ".join(spec.queries[name].sql for name in feeding & set(spec.queries) if name)
        named = {name for name in spec.inputs if name in queries}
        self._territories = frozenset(name for name in feeding | named if name)

    def sampled(self, name: str) -> Sampled:
        """The first rows of an input; the problem in words where it cannot be read."""
        declared = self.mapping.spec.inputs[name]
        said = told(declared)
        if isinstance(declared, QueryInput) or (
            not self.connect and not isinstance(declared, FileInput)
        ):
            return Sampled(said)
        scratch = self.folder / f"of_{name}"
        scratch.mkdir()
        limit = TERRITORY_ROWS if name in self._territories else ROWS
        try:
            return self._kept(said, name, self._extract(name, scratch, limit), limit)
        except LiftcastError as error:
            return Sampled(said, problem=str(error))

    def _extract(self, name: str, scratch: Path, limit: int) -> Extract:
        declared = self.mapping.spec.inputs[name]
        if isinstance(declared, FileInput):
            return files.read_files(
                addresses(self.mapping, name),
                declared,
                scratch,
                name=name,
                source=self.mapping.spec.source,
                limit=limit,
            )
        today = datetime.now(UTC).date()
        return connectors.extract(
            self.mapping,
            name,
            scratch,
            start=today - timedelta(days=1),
            end=today,
            state={},
            say=lambda _: None,
        )

    def _kept(self, said: str, name: str, found: Extract, limit: int) -> Sampled:
        path = self.folder / f"{name}.parquet"
        columns = ", ".join(map(quoting.name, found.columns))
        every = " UNION ALL BY NAME ".join(f"(FROM ({part.scan}))" for part in found.parts)
        with duckdb.connect() as engine:
            engine.execute(f"CREATE TABLE head AS FROM ({every}) LIMIT {limit}")
            engine.execute(
                f"COPY (SELECT {columns} FROM head ORDER BY rowid) "  # noqa: S608
                f"TO {quoting.text(str(path))} (FORMAT parquet)"
            )
            rows = engine.execute(f"SELECT {ROW_NUMBER} FROM head ORDER BY rowid").fetchall()  # noqa: S608
        if len(found.parts) > 1:
            said = f"{said}: {len(found.parts)} files"
        numbers = tuple(int(row[0]) for row in rows)
        return Sampled(said, found.columns, path, numbers, found.notices)


def stand_in(declared: Writing, path: Path) -> FileInput:
    """An input of the sampled rows, written as the input they are from."""
    writing = {name: getattr(declared, name) for name in declared.model_fields_set}
    own = {name: value for name, value in writing.items() if name in Writing.model_fields}
    return FileInput(path=str(path), format="parquet", **own)


def told(declared: FileInput | DatabaseInput | ApiInput | QueryInput) -> str:
    """What a run will read or ask for; secrets stay `${VAR}`."""
    if isinstance(declared, FileInput):
        return f"reads {printable(declared.path, 200)}"
    if isinstance(declared, DatabaseInput):
        what = f"the table {declared.table}" if declared.table else "a query"
        where = declared.url or f"the connection {declared.connection}"
        since = f", rows at or above the last {declared.cursor}" if declared.cursor else ""
        return printable(f"asks for {what} at {where}{since}", 300)
    if isinstance(declared, ApiInput):
        accounts = ", ".join(declared.accounts)
        return printable(
            f"asks {declared.platform} for the reports of {accounts}, the last "
            f"{declared.pull_days} days again",
            300,
        )
    return "selects from other inputs"


def problems_of(inputs: Mapping[str, Sampled]) -> list[str]:
    """Why inputs cannot be read."""
    return [one.problem for one in inputs.values() if one.problem]
