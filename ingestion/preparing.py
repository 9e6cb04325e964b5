"""Everything a landing must know before it writes: files read, rows shaped and validated."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion import partitions
from ingestion.contracts import CONTRACTS, Contract
from ingestion.extract import ROW_NUMBER, Extract
from ingestion.extracting import extract
from ingestion.mapping import LoadedMapping, TableMapping, Writing
from ingestion.reading import TEXT
from ingestion.shaping import Cells, shape, shape_records
from ingestion.validation import Validated, validate
from warehouse.errors import SourceError, printable
from warehouse.lake import Lake

_REASONS_SHOWN = 3
_RECORDS = "(records)"


@dataclass(frozen=True)
class Prepared:
    """One table, ready to land.

    Args:
        kept: typed contract columns, `_row_number` and `_file_hash`.
        rejected: `row_number`, `column`, `reason`, `original` and `_file_hash`.
        file_hash: SHA-256 of the file the rows are from; of several, of their hashes.
    """

    contract: Contract
    kept: pd.DataFrame
    rejected: pd.DataFrame
    file_hashes: tuple[str, ...]

    @property
    def read(self) -> int:
        return len(self.kept) + len(self.rejected)

    @property
    def file_hash(self) -> str:
        if len(self.file_hashes) == 1:
            return self.file_hashes[0]
        return hashlib.sha256("\n".join(self.file_hashes).encode()).hexdigest()


@dataclass(frozen=True)
class Preparation:
    """All tables of a source, in the order of the contracts, and what people should know."""

    tables: tuple[Prepared, ...]
    notices: tuple[str, ...]


def prepare(lake: Lake, mapping: LoadedMapping, say: Callable[[str], None]) -> Preparation:
    """Read every file of a mapping once, shape and validate every table. Writes nothing.

    Raises:
        SourceError: a file or the mapping is wrong, or a file changed meanwhile.
    """
    spec = mapping.spec
    files: dict[str, Cells] = {}
    extracts: dict[str, Extract] = {}
    scratch = lake.scratch / f"landing-{spec.source}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        for name in dict.fromkeys(table.from_ for table in spec.tables if table.from_):
            say(f"{spec.source}: reading {printable(name)}")
            extracts[name] = extract(mapping, name, scratch, say=say)
            files[name] = _cells(extracts[name])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)

    notices = [
        f"{part.label}: there is a header and no row"
        for found in extracts.values()
        for part in found.parts
        if not part.rows
    ]
    known = _landed_territories(lake, spec.source, own="territories" not in _tables_of(mapping))
    prepared: dict[str, Prepared] = {}
    # Territories first: every other table is held against them.
    for name in sorted(_tables_of(mapping), key=lambda table: table != "territories"):
        say(f"{spec.source}: checking {name}")
        table = _prepare_table(name, mapping, files, known)
        if name == "territories":
            known = (known or frozenset()) | set(table.kept["territory_id"])
        prepared[name] = table
        notices += _dated_ahead(table)

    for found in extracts.values():
        for part in found.parts:
            part.check_unchanged()
    ordered = tuple(prepared[name] for name in CONTRACTS if name in prepared)
    return Preparation(ordered, tuple(notices))


def _cells(extract: Extract) -> Cells:
    names = ", ".join('"' + name.replace('"', '""') + '"' for name in extract.columns)
    every = " union all ".join(
        f"(select {names}, {ROW_NUMBER} from ({p.scan}))" for p in extract.parts
    )
    with duckdb.connect() as engine:
        table = engine.sql(f"select cast(columns(*) as varchar) from ({every})").to_arrow_table()
    frame = table.to_pandas(types_mapper=lambda _: TEXT)
    numbers = frame.pop(ROW_NUMBER).astype("int64").to_numpy()
    hashes = [part.hash for part in extract.parts]
    whole = (
        hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()
    )
    return Cells(extract.parts[0].label, whole, frame, numbers)


def _tables_of(mapping: LoadedMapping) -> list[str]:
    return list(dict.fromkeys(table.table for table in mapping.spec.tables))


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


def _prepare_table(
    name: str,
    mapping: LoadedMapping,
    files: dict[str, Cells],
    territories: frozenset[str] | None,
) -> Prepared:
    entries = [table for table in mapping.spec.tables if table.table == name]
    shaped, originals, hashes = [], {}, {}
    for number, entry in enumerate(entries):
        rows, cells, file_hash = _shape_entry(entry, mapping, files)
        origin = f"{entry.from_ or _RECORDS}#{number}"
        originals[origin], hashes[origin] = cells, file_hash
        shaped.append(rows.assign(_file=origin))
    text = pd.concat(shaped, ignore_index=True)
    found = validate(
        CONTRACTS[name],
        text,
        today=_today(),
        allow_negative=sorted({column for entry in entries for column in entry.allow_negative}),
        territories=territories,
    )
    return Prepared(
        CONTRACTS[name],
        found.kept.assign(_file_hash=found.kept["_file"].map(hashes)).drop(columns="_file"),
        _with_originals(found, originals, hashes),
        tuple(sorted(set(hashes.values()))),
    )


def _shape_entry(
    entry: TableMapping, mapping: LoadedMapping, files: dict[str, Cells]
) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    if entry.from_ is None:
        cells = pd.DataFrame(list(entry.records or ()), dtype=object)
        return shape_records(entry), cells, mapping.hash
    file = files[entry.from_]
    spec = mapping.spec.inputs[entry.from_]
    writing = spec if isinstance(spec, Writing) else Writing()
    return shape(entry, file, writing), file.cells, file.hash


def _with_originals(
    found: Validated, originals: dict[str, pd.DataFrame], hashes: dict[str, str]
) -> pd.DataFrame:
    rejected = found.rejected.assign(original="", _file_hash=found.rejected["_file"].map(hashes))
    for origin, rows in rejected.groupby("_file", sort=False):
        texts = partitions.original_text(originals[str(origin)], rows["_line"])
        rejected.loc[rows.index, "original"] = texts
    return rejected.drop(columns=["_file", "_line"])


def _dated_ahead(table: Prepared) -> list[str]:
    contract = table.contract
    if not contract.actual or contract.partition is None:
        return []
    # A week is dated by its first day, so only a later one has not begun.
    ahead = int((table.kept[contract.partition] > _today() + timedelta(days=1)).sum())
    return [f"{contract.table}: {ahead} rows are dated after today"] if ahead else []


def refuse_too_many_bad_rows(
    table: Prepared, source: str, share: float, where_rejected: str
) -> None:
    """Fail the source when a table lost more than `share` of its rows, or all of them.

    One bad row is borne by a table of any size, unless `share` is zero.

    Raises:
        SourceError: with the first reasons.
    """
    rejected, read = len(table.rejected), table.read
    borne = max(1, int(share * read)) if share else 0
    if rejected <= borne and (table.kept.size or not rejected):
        return
    first = [
        f"row {row.row_number}, {row.column}: {row.reason}"
        for row in table.rejected.head(_REASONS_SHOWN).itertuples()
    ]
    more = f" | and {rejected - len(first)} more" if rejected > len(first) else ""
    raise SourceError(
        f"{rejected:,} of {read:,} rows were rejected",
        where=f"{source}, table {table.contract.table}",
        expected=f"at most {share:.1%}",
        got=" | ".join(first) + more,
        remedy=(
            f"Mend the file or its mapping (the rejected rows lie in {where_rejected}), or raise "
            "LIFTCAST_BAD_ROW_SHARE; what was landed before stays"
        ),
    )
