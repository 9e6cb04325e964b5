"""What a run would land, told before it runs: every problem of every mapping, and its first rows.

The first rows of each input go through the same preparation as in a landing, in a lake that is
thrown away: the real one is only looked at for its territories.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingestion import workshop
from ingestion.mapping import LoadedMapping, QueryInput, TableMapping, Writing, load_mapping
from ingestion.preparing import Prepared, prepare
from ingestion.problems import column_problems, origins, spelling_problems, unset_variables
from ingestion.sampling import Sampled, Sampler, problems_of, stand_in, told
from ingestion.shaping import mapped_columns
from ingestion.wording import listed, quoted
from warehouse.errors import LiftcastError, printable
from warehouse.lake import Lake
from warehouse.settings import Settings

_REASONS_SHOWN = 5


@dataclass(frozen=True)
class InputCheck:
    """One input of a mapping.

    Args:
        said: what a run will read or ask for.
        columns: its columns; empty where it was not read.
        rows: rows looked at; None where it was not read.
    """

    name: str
    said: str
    columns: tuple[str, ...]
    rows: int | None


@dataclass(frozen=True)
class TableCheck:
    """One table of a mapping, by the first rows of its inputs.

    Args:
        origins: contract column: where its values come from, in words, one for each entry.
        not_mapped: columns of its inputs that no table of the mapping uses.
        rows_kept, rows_rejected: of the rows looked at; None where they were not judged.
        reasons: why rows were rejected, the first ones.
    """

    table: str
    origins: Mapping[str, str]
    not_mapped: tuple[str, ...]
    rows_kept: int | None
    rows_rejected: int | None
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class MappingReport:
    """A mapping, looked through.

    Args:
        source: its name; empty where the file is no mapping.
        problems: what keeps it from landing, a sentence each; empty: it can land.
        notices: what a person should know.
    """

    path: Path
    source: str
    problems: tuple[str, ...]
    notices: tuple[str, ...] = ()
    inputs: tuple[InputCheck, ...] = ()
    tables: tuple[TableCheck, ...] = ()


def check(
    paths: Sequence[Path],
    *,
    lake: Lake | None = None,
    connect: bool = False,
    settings: Settings | None = None,
) -> list[MappingReport]:
    """Look through mappings without landing anything. Nothing is written to the lake.

    Args:
        paths: mappings.
        lake: whose territories are known; None: none are.
        connect: ask databases (for all their rows) and platforms (for the last day) as well.
        settings: `bad_row_share` and `memory_limit` are used.

    Returns:
        A report for each path, in order; what is wrong stands in it and is not raised.
    """
    found = [_checked(Path(path), lake, connect, settings or Settings()) for path in paths]
    by_source: dict[str, list[Path]] = {}
    for report in found:
        if report.source:
            by_source.setdefault(report.source, []).append(report.path)
    return [
        replace(
            report,
            problems=(
                *report.problems,
                *(
                    f"the source {quoted(report.source)} is also that of {printable(other)}: "
                    "each mapping needs a name of its own"
                    for other in by_source.get(report.source, ())
                    if other != report.path
                ),
            ),
        )
        for report in found
    ]


def _checked(path: Path, lake: Lake | None, connect: bool, settings: Settings) -> MappingReport:
    problems = spelling_problems(path)
    if problems:
        return MappingReport(path, "", tuple(problems))
    mapping = load_mapping(path)
    spec = mapping.spec
    unset = unset_variables(spec)
    problems = [
        f"{name}: the environment variable {variable} is not set"
        for name, variables in unset.items()
        for variable in variables
    ]
    with tempfile.TemporaryDirectory(prefix="liftcast-check-") as folder:
        sampler = Sampler(mapping, Path(folder), connect)
        samples = {
            name: Sampled(told(declared)) if name in unset else sampler.sampled(name)
            for name, declared in spec.inputs.items()
        }
        problems += problems_of(samples)
        for table in spec.tables:
            sample = samples.get(table.from_ or "")
            if sample is not None and sample.path is not None:
                problems += column_problems(table, sample.columns)
        judge = _Judge(mapping, samples, lake, Path(folder), settings)
        tables = tuple(judge.table(name) for name in dict.fromkeys(t.table for t in spec.tables))
    return MappingReport(
        path,
        spec.source,
        tuple(dict.fromkeys([*problems, *judge.problems])),
        tuple(dict.fromkeys([*(n for s in samples.values() for n in s.notices), *judge.notices])),
        tuple(
            InputCheck(name, one.said, one.columns, None if one.path is None else one.rows)
            for name, one in samples.items()
        ),
        tables,
    )


def _is_named(name: str, sql: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", sql) is not None


class _Judge:
    """Holds the first rows of each table against its contract."""

    def __init__(
        self,
        mapping: LoadedMapping,
        samples: Mapping[str, Sampled],
        lake: Lake | None,
        folder: Path,
        settings: Settings,
    ) -> None:
        self._mapping, self._samples, self._settings = mapping, samples, settings
        self._lake = Lake.at(folder / "lake")
        self._lake.raw.mkdir(parents=True)
        if lake is not None and (lake.raw / "territories").is_dir():
            (self._lake.raw / "territories").symlink_to(lake.raw / "territories")
        self.problems: list[str] = []
        self.notices: list[str] = []

    def table(self, name: str) -> TableCheck:
        """A table by the first rows of its inputs."""
        entries = [table for table in self._mapping.spec.tables if table.table == name]
        found: dict[str, str] = {}
        for entry in entries:
            for column, origin in origins(entry, self._columns(entry)).items():
                both = found.get(column, origin)
                found[column] = both if both == origin else f"{both}; {origin}"
        bare = TableCheck(name, found, self._not_mapped(entries), None, None, ())
        if not all(map(self._is_readable, entries)):
            return bare
        try:
            return self._judged(bare, entries)
        except LiftcastError as error:
            self.problems.append(str(error))
            return bare

    def _columns(self, entry: TableMapping) -> tuple[str, ...]:
        if entry.from_ is None:
            return tuple(dict.fromkeys(name for record in entry.records or () for name in record))
        return self._samples[entry.from_].columns

    def _not_mapped(self, entries: Sequence[TableMapping]) -> tuple[str, ...]:
        """Columns that no table of the mapping uses, of inputs that no query reads."""
        spec = self._mapping.spec
        queries = " ".join(query.sql for query in spec.queries.values())
        idle: dict[str, None] = {}
        for name in dict.fromkeys(entry.from_ for entry in entries if entry.from_):
            if not _is_named(name, queries):
                columns = self._samples[name].columns
                used = {
                    column
                    for table in spec.tables
                    if table.from_ == name
                    for column in mapped_columns(table, columns)
                }
                idle.update(dict.fromkeys(one for one in columns if one not in used))
        return tuple(idle)

    def _is_readable(self, entry: TableMapping) -> bool:
        """Whether an entry's rows were read and its columns are there."""
        if entry.from_ is None:
            return True
        declared = self._mapping.spec.inputs[entry.from_]
        if isinstance(declared, QueryInput):
            return all(
                sample.path is not None
                for name, sample in self._samples.items()
                if _is_named(name, declared.sql)
                and not isinstance(self._mapping.spec.inputs[name], QueryInput)
            )
        sample = self._samples[entry.from_]
        return sample.path is not None and not column_problems(entry, sample.columns)

    def _judged(self, bare: TableCheck, entries: Sequence[TableMapping]) -> TableCheck:
        spec = self._mapping.spec
        places = [
            table
            for table in spec.tables
            if table.table == "territories" and self._is_readable(table)
        ]
        tables = tuple(entries) if bare.table == "territories" else (*places, *entries)
        stands = {
            name: stand_in(declared, sample.path)
            for name, declared in spec.inputs.items()
            if isinstance(declared, Writing) and (sample := self._samples[name]).path is not None
        }
        update = {"files": stands, "databases": {}, "apis": {}, "tables": tables}
        mapping = replace(self._mapping, spec=spec.model_copy(update=update))
        with workshop.opened(self._lake, spec.source, self._settings) as shop:
            prepared = prepare(shop, self._lake, mapping, self._settings, lambda _: None)
            table = next(t for t in prepared.tables if t.contract.table == bare.table)
            reasons = self._reasons(shop, table, entries)
        rejected, read = table.found.rows_rejected, table.found.rows_read
        # A handful of rows says nothing of a share; a query may have lost its partners.
        if rejected > max(1, int(self._settings.bad_row_share * read)):
            self.problems.append(
                f"{bare.table}: {rejected:,} of the first {read:,} rows would be rejected: "
                f"{' | '.join(reasons[:3])}"
            )
        if any(entry.from_ in spec.queries for entry in entries):
            self.notices.append(
                f"the queries {listed(spec.queries)} saw the first rows of their inputs only: "
                "joined, they may give fewer rows than in a run"
            )
        return replace(
            bare, rows_kept=table.found.rows_kept, rows_rejected=rejected, reasons=tuple(reasons)
        )

    def _reasons(
        self, shop: workshop.Workshop, table: Prepared, entries: Sequence[TableMapping]
    ) -> list[str]:
        """The first reasons, with the row's place in the input itself."""
        rows = shop.engine.execute(
            f'select _origin, _row_number, "column", reason from {table.found.rejected} '  # noqa: S608
            f"order by _origin, _row_number, _step limit {_REASONS_SHOWN}"
        ).fetchall()
        said = []
        for origin, number, column, reason in rows:
            # A stand-in has one part, so that parts are numbered as entries are.
            sample = self._samples.get(entries[origin].from_ or "")
            known = sample is not None and 0 < number <= len(sample.numbers)
            row = sample.numbers[number - 1] if sample is not None and known else number
            said.append(f"row {row}, {column}: {printable(reason, 300)}")
        return said
