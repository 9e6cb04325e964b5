"""Everything a landing must know before it writes: inputs read, rows shaped and validated."""

# ruff: noqa: S608 - names and texts from outside pass through `quoting`

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion import drift, quoting
from ingestion.contracts import CONTRACTS, Contract
from ingestion.extract import ROW_NUMBER, Extract
from ingestion.extracting import extracts_of
from ingestion.mapping import LoadedMapping, TableMapping, Writing
from ingestion.quarantine import Origin, first_reasons
from ingestion.shaping import Relation, Shape, shape
from ingestion.validation import TERRITORIES, Strictness, Validated, validate
from ingestion.workshop import Workshop, table_of
from warehouse.errors import SourceError, printable
from warehouse.lake import Lake
from warehouse.settings import Settings

_REASONS_SHOWN = 3
_RECORDS = "(records)"


@dataclass(frozen=True)
class Prepared:
    """One table, ready to land.

    Args:
        found: its rows in the workshop, sorted apart.
        origins: parts of inputs by the number that rows carry (`_origin`).
        merge: rows are added to what has landed.
        covers: first and last day that its inputs speak for wholly.
        stateful: an input will not bring these rows again.
    """

    contract: Contract
    found: Validated
    origins: Mapping[int, Origin]
    merge: bool = False
    covers: tuple[date, date] | None = None
    stateful: bool = False

    @property
    def file_hash(self) -> str:
        """SHA-256 of the file the rows are from; of several, of their hashes."""
        hashes = sorted({origin.hash for origin in self.origins.values()})
        return (
            hashes[0]
            if len(hashes) == 1
            else hashlib.sha256("\n".join(hashes).encode()).hexdigest()
        )


@dataclass(frozen=True)
class Preparation:
    """All tables of a source, in the order of the contracts, and what people should know.

    Args:
        columns: source columns by input.
        states: what each input asked to be given next time.
    """

    tables: tuple[Prepared, ...]
    notices: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    states: Mapping[str, Mapping[str, Any]]


def prepare(
    workshop: Workshop,
    lake: Lake,
    mapping: LoadedMapping,
    settings: Settings,
    say: Callable[[str], None],
    *,
    start: date | None = None,
    end: date | None = None,
    states: Mapping[str, Mapping[str, Any]] | None = None,
    columns_before: Mapping[str, tuple[str, ...]] | None = None,
) -> Preparation:
    """Read every input of a mapping once, shape and validate every table. Writes to scratch only.

    Args:
        start, end: the window that inputs are asked for, where they can be asked by day.
        states: by input, what it asked to be given.
        columns_before: source columns by input at the last landing.

    Raises:
        SourceError: an input or the mapping is wrong, or a file changed meanwhile.
    """
    spec = mapping.spec
    extracts = extracts_of(
        mapping, workshop.folder, settings, say, start=start, end=end, states=states or {}
    )
    notices = [text for extract in extracts.values() for text in extract.notices]
    notices += [
        f"{part.label}: there is a header and no row"
        for extract in extracts.values()
        for part in extract.parts
        if not part.rows
    ]
    notices += drift.drift_notices(mapping, extracts, columns_before or {})
    tables = list(dict.fromkeys(table.table for table in spec.tables))
    known = _landed_territories(lake, spec.source, own="territories" not in tables)
    table_of(workshop, TERRITORIES, _list_of(sorted(known or ()), "territory_id"))
    inline = _Inline(workshop, mapping)
    prepared: dict[str, Prepared] = {}
    # Territories first: every other table is held against them.
    for name in sorted(tables, key=lambda table: table != "territories"):
        say(f"{spec.source}: checking {name}")
        entries = [table for table in spec.tables if table.table == name]
        table = _prepare(
            workshop, mapping, entries, extracts, inline, territories=known is not None
        )
        if name == "territories":
            known = (known or frozenset()) | _column(workshop, table.found.kept)
            table_of(workshop, TERRITORIES, _list_of(sorted(known), "territory_id"))
        prepared[name] = table
        notices += _dated_ahead(workshop, table)
    for extract in extracts.values():
        for part in extract.parts:
            part.check_unchanged()
    return Preparation(
        tuple(prepared[name] for name in CONTRACTS if name in prepared),
        tuple(notices),
        {name: extract.columns for name, extract in extracts.items()},
        {name: extract.state for name, extract in extracts.items() if extract.state},
    )


def _prepare(
    workshop: Workshop,
    mapping: LoadedMapping,
    entries: list[TableMapping],
    extracts: Mapping[str, Extract],
    inline: _Inline,
    *,
    territories: bool,
) -> Prepared:
    shapes: list[Shape] = []
    origins: dict[int, Origin] = {}
    for entry in entries:
        if entry.from_ is None:
            relation, parts = inline.relation(entry, len(origins))
        else:
            declared = mapping.spec.inputs[entry.from_]
            writing = declared if isinstance(declared, Writing) else Writing()
            relation, parts = relation_of(workshop, extracts[entry.from_], writing, len(origins))
        origins |= parts
        shapes.append(shape(entry, relation))
    contract = entries[0].contract
    strictness = Strictness(
        _today(),
        sorted({column for entry in entries for column in entry.allow_negative}),
        territories,
    )
    used = [extracts[entry.from_] for entry in entries if entry.from_ is not None]
    covers = [extract.covers for extract in used]
    return Prepared(
        contract,
        validate(workshop, contract, shapes, strictness),
        origins,
        merge=any(entry.mode == "merge" for entry in entries),
        covers=_overlap(covers) if len(used) == len(entries) else None,
        stateful=any(extract.state for extract in extracts.values()),
    )


def relation_of(
    workshop: Workshop, extract: Extract, writing: Writing, first: int
) -> tuple[Relation, dict[int, Origin]]:
    """An extract as one relation, its parts numbered from `first`."""
    wanted = list(extract.columns)
    described = []
    for part in extract.parts:
        rows = workshop.engine.execute(f"describe {part.scan}").fetchall()
        found = [(str(row[0]), str(row[1])) for row in rows if row[0] != ROW_NUMBER]
        by_name = dict(found)
        # DuckDB tells `A` from `a` by a suffix; then the order says which is which.
        in_order = by_name.keys() != set(wanted)
        described.append(found if in_order else [(name, by_name[name]) for name in wanted])
    columns = list(zip(*described, strict=True)) if wanted else []
    types = [
        kinds[0][1] if len({kind for _, kind in kinds}) == 1 else "VARCHAR" for kinds in columns
    ]
    origins, branches = {}, []
    for number, (part, names) in enumerate(zip(extract.parts, described, strict=True), first):
        cells = ", ".join(
            f"{quoting.name(name)} as c{n}"
            if kind == types[n]
            else f"cast({quoting.name(name)} as varchar) as c{n}"
            for n, (name, kind) in enumerate(names)
        )
        rows = f"select {cells}{', ' if cells else ''}{ROW_NUMBER} from ({part.scan})"
        origins[number] = Origin(part.hash, extract.columns, rows)
        branches.append(f"select *, {number} as _origin from ({rows})")
    label = extract.parts[0].label
    sql = " union all ".join(branches)
    return Relation(label, sql, extract.columns, tuple(types), writing), origins


class _Inline:
    """Inline rows of a mapping, as tables of text in the workshop."""

    def __init__(self, workshop: Workshop, mapping: LoadedMapping) -> None:
        self._workshop, self._mapping, self._count = workshop, mapping, 0

    def relation(self, entry: TableMapping, first: int) -> tuple[Relation, dict[int, Origin]]:
        records = entry.records or ()
        given = list(dict.fromkeys(name for record in records for name in record))
        columns = {f"c{n}": [r.get(name) for r in records] for n, name in enumerate(given)}
        table = pa.table(
            {
                **{key: pa.array(cells, pa.string()) for key, cells in columns.items()},
                ROW_NUMBER: pa.array(range(1, len(records) + 1), pa.int64()),
            }
        )
        path = self._workshop.folder / f"records_{self._count}.parquet"
        self._count += 1
        pq.write_table(table, path, compression="none")
        rows = f"from read_parquet({quoting.text(str(path))})"
        origin = Origin(self._mapping.hash, tuple(given), f"select * {rows}")
        label = f"{self._mapping.spec.source}, records of {entry.table}"
        sql = f"select *, {first} as _origin {rows}"
        return Relation(label, sql, tuple(given), ("VARCHAR",) * len(given)), {first: origin}


def _overlap(covers: list[tuple[date, date] | None]) -> tuple[date, date] | None:
    """Days that every input speaks for."""
    known = [days for days in covers if days is not None]
    if not known or len(known) < len(covers):
        return None
    first, last = max(days[0] for days in known), min(days[1] for days in known)
    return (first, last) if first <= last else None


def _today() -> date:
    return datetime.now(UTC).date()


def _landed_territories(lake: Lake, source: str, own: bool) -> frozenset[str] | None:
    """Territories that stand in the lake; its own only where the source no longer brings any."""
    known: set[str] = set()
    for file in sorted(lake.raw.glob("territories/source=*/date_day=all/part.parquet")):
        whose = file.parent.parent.name.removeprefix("source=")
        if whose == "_contract" or (whose == source and not own):
            continue
        try:
            # One file, not a data set: the folders' names are not to become columns.
            column = pq.ParquetFile(file).read(columns=["territory_id"])["territory_id"]
        except (OSError, pa.ArrowInvalid, KeyError):
            continue
        known.update(column.to_pylist())
    return frozenset(known) or None


def _list_of(values: list[str], name: str) -> str:
    return f"select unnest([{quoting.texts(values)}]::varchar[]) as {name}"


def _column(workshop: Workshop, table: str) -> frozenset[str]:
    rows = workshop.engine.execute(f"select distinct territory_id from {table}").fetchall()
    return frozenset(row[0] for row in rows)


def _dated_ahead(workshop: Workshop, table: Prepared) -> list[str]:
    contract = table.contract
    if not contract.actual or contract.partition is None:
        return []
    # A week is dated by its first day, so only a later one has not begun.
    ahead = workshop.count(
        f"select count(*) from {table.found.kept} where {quoting.name(contract.partition)} "
        f"> date '{_today() + timedelta(days=1)}'"
    )
    return [f"{contract.table}: {ahead} rows are dated after today"] if ahead else []


def refuse_too_many_bad_rows(
    workshop: Workshop, table: Prepared, source: str, share: float, where_rejected: str
) -> None:
    """Fail the source when a table lost more than `share` of its rows, or all of them.

    One bad row is borne by a table of any size, unless `share` is zero.

    Raises:
        SourceError: with the first reasons.
    """
    rejected, read = table.found.rows_rejected, table.found.rows_read
    borne = max(1, int(share * read)) if share else 0
    if rejected <= borne and (table.found.rows_kept or not rejected):
        return
    first = first_reasons(workshop, table.found.rejected, _REASONS_SHOWN)
    more = f" | and {rejected - len(first)} more" if rejected > len(first) else ""
    raise SourceError(
        f"{rejected:,} of {read:,} rows were rejected",
        where=f"{source}, table {table.contract.table}",
        expected=f"at most {share:.1%}",
        got=printable(" | ".join(first) + more, 1000),
        remedy=(
            f"Mend the file or its mapping (the rejected rows lie in {where_rejected}), or raise "
            "LIFTCAST_BAD_ROW_SHARE; what was landed before stays"
        ),
    )
