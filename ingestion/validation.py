"""Which rows keep their contract, and for the others: which column, and why.

Sound rows are told by one pass of SQL. Only the others are looked at closely: their distinct
cells are converted one by one, and each rule they break is written down.
"""

# ruff: noqa: S608 - names and texts from outside pass through `quoting`

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion import quoting
from ingestion.ambiguity import refuse_ambiguous
from ingestion.contracts import Contract
from ingestion.contracts.contract import ARROW_TYPES
from ingestion.conversion import JOINT, convert
from ingestion.shaping import ORDER, Shape
from ingestion.wording import did_you_mean, quoted
from ingestion.workshop import Workshop, table_of

# Clocks and time zones differ, bookings are dated ahead; a year typed wrong is further off.
FUTURE_DAYS = 31
TERRITORIES = "known_territories"
_AT_ONCE = 20_000
# Looking for a nearest name takes long where thousands of names are strange.
_HINTS = 200


@dataclass(frozen=True)
class Validated:
    """Rows of one table, sorted apart in the workshop.

    Args:
        kept: name of a table: contract columns, `_origin`, `_row_number`, `_step`, `_extra`.
        rejected: name of a table, one row per rejected row: `_origin`, `_row_number`, `_step`,
            `column`, `reason` (the first column in contract order; every reason, by `; `).
    """

    kept: str
    rejected: str
    rows_kept: int
    rows_rejected: int

    @property
    def rows_read(self) -> int:
        return self.rows_kept + self.rows_rejected


@dataclass(frozen=True)
class Strictness:
    """What rows are held against beside their contract.

    Args:
        today: facts dated more than 31 days after it are rejected.
        allow_negative: columns in which credits pass.
        territories: whether the workshop's table `known_territories` holds the territories that
            may be named; False where none is known anywhere.
    """

    today: date
    allow_negative: Sequence[str] = ()
    territories: bool = False


def validate(
    workshop: Workshop, contract: Contract, shapes: Sequence[Shape], strictness: Strictness
) -> Validated:
    """Hold shaped rows against their contract. No row is lost: kept + rejected = read.

    Raises:
        SourceError: a cell has two meanings and no declared writing.
    """
    found = Validated(f"kept_{contract.table}", f"rejected_{contract.table}", 0, 0)
    engine = workshop.engine
    types = ", ".join(f"{quoting.name(n)} {contract.type_of(n)}" for n in contract.columns)
    engine.execute(
        f"create or replace temp table {found.kept} ({types}, _origin integer, "
        "_row_number bigint, _step integer, _extra varchar, _sound boolean)"
    )
    engine.execute(
        f"create or replace temp table {found.rejected} (_origin integer, _row_number bigint, "
        '_step integer, "column" varchar, reason varchar)'
    )
    columns = f"{quoting.names(contract.columns)}, {ORDER}, _extra"
    sound = _soundness(contract, strictness)
    for shape in shapes:
        engine.execute(
            f"insert into {found.kept} select {columns}, {sound} "
            f"from ({shape.finished(shape.base)})"
        )
    if workshop.count(f"select count(*) from {found.kept} where not _sound"):
        engine.execute(f"delete from {found.kept} where not _sound")
        _look_closely(workshop, found, contract, shapes, strictness)
    _reject_copies(workshop, found, contract)
    return Validated(
        found.kept,
        found.rejected,
        workshop.count(f"select count(*) from {found.kept}"),
        workshop.count(f"select count(*) from {found.rejected}"),
    )


def _soundness(contract: Contract, strictness: Strictness) -> str:
    """SQL that is true for a row that is plainly written and keeps every rule."""
    conditions = []
    for name in contract.columns:
        if name in contract.required:
            conditions.append(f"{quoting.name(name)} is not null")
        else:
            conditions.append(f"({quoting.name(name)} is not null or _e_{name})")
    conditions += [rule.predicate for rule in contract.every_rule(strictness.allow_negative)]
    conditions += [holds for _, holds, _ in _worldly(contract, strictness)]
    if contract.table == "territories":
        # Parents may stand further down in the same table.
        conditions.append("parent_id is null")
    return " and ".join(conditions)


def _worldly(contract: Contract, strictness: Strictness) -> list[tuple[str, str, str]]:
    """Rules that depend on the day and the lake: column, SQL that holds, reason."""
    found = []
    if contract.actual and contract.partition is not None:
        last = strictness.today + timedelta(days=FUTURE_DAYS)
        day = quoting.name(contract.partition)
        found.append((contract.partition, f"coalesce({day} <= date '{last}', true)",
                      "is in the future"))  # fmt: skip
    if contract.table != "territories" and "territory_id" in contract.columns:
        known = f"coalesce(territory_id in (select territory_id from {TERRITORIES}), true)"
        if strictness.territories:
            found.append(("territory_id", known, "is an unknown territory"))
    return found


def _look_closely(
    workshop: Workshop,
    found: Validated,
    contract: Contract,
    shapes: Sequence[Shape],
    strictness: Strictness,
) -> None:
    engine = workshop.engine
    engine.execute("create or replace temp sequence row_ids")
    ranked = ", ".join(f"({n}, {quoting.text(c)})" for n, c in enumerate(contract.columns))
    table_of(workshop, "contract_columns", f"select * from (values {ranked}) as t(rank, name)")
    odd = []
    for number, shape in enumerate(shapes):
        made = [*shape.moved, *shape.derived, *shape.templates]
        texts = [f"{mark}{name}" for name in made for mark in ("_t_", "_e_")]
        less = f" exclude ({quoting.names([*made, *texts])})" if made else ""
        table_of(workshop, f"odd_{number}", (
            f"select *{less}, nextval('row_ids') as _id from ({shape.finished(shape.base)}) "
            f"where not ({_soundness(contract, strictness)})"
        ))  # fmt: skip
        converted = _converted(workshop, contract, shape, f"odd_{number}", number)
        table_of(workshop, f"closely_{number}", shape.finished(converted))
        odd.append(f"closely_{number}")
    engine.execute(
        "create or replace temp table problems "
        "(_id bigint, rank integer, seq integer, cell varchar, reason varchar)"
    )
    for shape, table in zip(shapes, odd, strict=True):
        _write_misfits(workshop, contract, shape, table)
    table_of(workshop, "misfits", "select distinct _id from problems")
    if contract.table == "territories":
        own = " union ".join(
            f"select territory_id from {table} anti join misfits using (_id)" for table in odd
        )
        before = f"select territory_id from {TERRITORIES} union " if strictness.territories else ""
        table_of(workshop, "parents", f"{before}select territory_id from {found.kept} union {own}")
    for table in odd:
        _write_breaches(workshop, contract, strictness, table)
    _tell_reasons(workshop, contract)
    broken = "select distinct _id from problems"
    columns = f"{quoting.names(contract.columns)}, {ORDER}, _extra"
    for table in odd:
        engine.execute(
            f"insert into {found.kept} select {columns}, true from {table} "
            f"anti join ({broken}) using (_id)"
        )
        engine.execute(
            f'insert into {found.rejected} select {ORDER}, r."column", r.reason '
            f"from {table} join reasons r using (_id)"
        )
        engine.execute(f"drop table {table}")


def _converted(
    workshop: Workshop, contract: Contract, shape: Shape, table: str, number: int
) -> str:
    """Rows of `table` with the values that a closer look found, and its reasons (`_r_<column>`)."""
    joins, values, reasons = [], [], []
    for name, reader in shape.readers.items():
        column = quoting.name(name)
        odd = f"{column} is null and _t_{name} is not null"
        if not workshop.count(f"select count(*) from (select 1 from {table} where {odd} limit 1)"):
            reasons.append(f"null::varchar as _r_{name}")
            continue
        path = workshop.folder / f"cells_{contract.table}_{number}_{name}.parquet"
        schema = pa.schema(
            [("cell", pa.string()), ("value", ARROW_TYPES[reader.type_name]),
             ("reason", pa.string())]
        )  # fmt: skip
        with pq.ParquetWriter(path, schema, compression="none") as writer:
            for cells in _texts(workshop, f"select distinct _t_{name} from {table} where {odd}"):
                found, why = convert(reader, cells)
                bad = (cell for cell, reason in zip(cells, why, strict=True) if reason)
                refuse_ambiguous(shape.label, contract, name, reader, bad)
                writer.write_table(pa.table([cells, found, why], schema=schema))
        joins.append(
            f"left join read_parquet({quoting.text(str(path))}) as f_{name} "
            f"on o.{column} is null and o._t_{name} = f_{name}.cell"
        )
        values.append(f"coalesce(o.{column}, f_{name}.value) as {column}")
        reasons.append(f"f_{name}.reason as _r_{name}")
    replaced = f" replace ({', '.join(values)})" if values else ""
    return f"select o.*{replaced}, {', '.join(reasons)} from {table} as o {' '.join(joins)}"


def _texts(workshop: Workshop, sql: str) -> Iterator[list[str]]:
    """The texts of a query of one column, some thousand at a time."""
    for batch in workshop.engine.sql(sql).to_arrow_reader(_AT_ONCE):
        yield batch.column(0).to_pylist()


def _write_misfits(workshop: Workshop, contract: Contract, shape: Shape, table: str) -> None:
    ranks = {name: rank for rank, name in enumerate(contract.columns)}
    told = {name: f"_r_{name}" for name in shape.readers}
    told |= {name: f"_r_{start}" for name, (start, _) in shape.moved.items()}
    for name, reason in told.items():
        workshop.engine.execute(
            f"insert into problems select _id, {ranks[name]}, 0, null, {reason} "
            f"from {table} where {reason} is not null"
        )


def _write_breaches(
    workshop: Workshop, contract: Contract, strictness: Strictness, table: str
) -> None:
    """Broken rules of rows whose every cell has its type."""
    ranks = {name: rank for rank, name in enumerate(contract.columns)}
    clean = f"{table} anti join misfits using (_id)"
    engine = workshop.engine
    for name in contract.required:
        engine.execute(
            f"insert into problems select _id, {ranks[name]}, 0, null, 'is empty' from {clean} "
            f"where {quoting.name(name)} is null"
        )
    for seq, rule in enumerate(contract.every_rule(strictness.allow_negative)):
        engine.execute(
            f"insert into problems select _id, {ranks[rule.column]}, {seq}, {_shown(rule.column)}, "
            f"{quoting.text(rule.reason)} from {clean} where not {rule.predicate}"
        )
    for column, holds, reason in _worldly(contract, strictness):
        cell = _shown(column)
        if column == contract.partition:
            cell = f"cast({quoting.name(column)} as varchar)"
        engine.execute(
            f"insert into problems select _id, {ranks[column]}, 900, {cell}, "
            f"{quoting.text(reason)} from {clean} where not {holds}"
        )
    if contract.table == "territories":
        engine.execute(
            f"insert into problems select _id, {ranks['parent_id']}, 900, parent_id, "
            f"'is an unknown territory' from {clean} where parent_id is not null "
            "and parent_id not in (select territory_id from parents)"
        )


def _shown(column: str) -> str:
    return f"replace(_t_{column}, chr({ord(JOINT)}), ' x ')"


def _tell_reasons(workshop: Workshop, contract: Contract) -> None:
    """One reason a row; what came from outside is quoted so that no terminal obeys it."""
    folder = workshop.folder
    plain = "regexp_full_match(cell, '[ -~]{0,60}')"
    quotes = folder / "quotes.parquet"
    _write_pairs(
        quotes,
        (
            (cells, [quoted(cell) for cell in cells])
            for cells in _texts(workshop, f"select distinct cell from problems where not {plain}")
        ),
    )
    strange = (
        "select distinct cell from problems where reason = 'is an unknown territory' "
        f"order by cell limit {_HINTS}"
    )
    known = _known(workshop, contract)
    names = [name for cells in _texts(workshop, strange) for name in cells]
    hints = folder / "hints.parquet"
    _write_pairs(hints, [(names, [did_you_mean(n, known) for n in names])])
    table_of(workshop, "reasons", f"""
        with told as (
            select _id, rank, seq,
                case when p.cell is null then ''
                    when {plain.replace('cell', 'p.cell')} then '''' || p.cell || ''' '
                    else q.said || ' ' end
                || p.reason
                || case when p.reason = 'is an unknown territory' then coalesce(h.said, '')
                    else '' end as reason
            from problems as p
            left join read_parquet({quoting.text(str(quotes))}) as q on p.cell = q.cell
            left join read_parquet({quoting.text(str(hints))}) as h on p.cell = h.cell
        ), named as (
            select told.*, c.name, count(*) over (partition by _id) as several
            from told join contract_columns as c on c.rank = told.rank
        )
        select _id, arg_min(name, rank) as "column",
            -- One column's reason stands alone; of several, each says which column it is about.
            string_agg(case when several > 1 then name || ' ' else '' end || reason, '; '
                order by rank, seq) as reason
        from named group by _id
    """)  # fmt: skip


def _known(workshop: Workshop, contract: Contract) -> list[str]:
    """Territories that a strange name may have meant."""
    table = "parents" if contract.table == "territories" else TERRITORIES
    return [name for names in _texts(workshop, f"from {table}") for name in names]


def _write_pairs(path: object, pairs: Iterable[tuple[list[str], list[str]]]) -> None:
    schema = pa.schema([("cell", pa.string()), ("said", pa.string())])
    with pq.ParquetWriter(str(path), schema, compression="none") as writer:
        for cells, said in pairs:
            writer.write_table(pa.table([cells, said], schema=schema))


def _reject_copies(workshop: Workshop, found: Validated, contract: Contract) -> None:
    """Of two rows with one key the first stands; only where it stands is the second rejected."""
    key = quoting.names(contract.key)
    table_of(workshop, "twins", (
        f"select h from (select hash({key}) as h from {found.kept}) group by h having count(*) > 1"
    ))  # fmt: skip
    if not workshop.count("select count(*) from twins"):
        return
    same = " and ".join(
        f"{quoting.name(name)} is not distinct from first_value({quoting.name(name)}) over w"
        for name in contract.columns
    )
    table_of(workshop, "copies", f"""
        select * from (
            select rowid as _place, {ORDER}, row_number() over w as _turn,
                first_value(_row_number) over w as _first, {same} as _exact
            from {found.kept} where hash({key}) in (select h from twins)
            window w as (partition by {key} order by {ORDER})
        ) where _turn > 1
    """)  # fmt: skip
    said = quoting.text(f" ({', '.join(contract.key)})")
    workshop.engine.execute(
        f"insert into {found.rejected} select {ORDER}, {quoting.text(contract.key[0])}, "
        "case when _exact then 'is an exact copy of' else 'has the same key as' end "
        f"|| ' row ' || _first || {said} from copies"
    )
    workshop.engine.execute(f"delete from {found.kept} where rowid in (select _place from copies)")
