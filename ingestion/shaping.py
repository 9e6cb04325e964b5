"""From an input's columns to a contract's columns: one mapping entry as SQL.

`Shape.base` gives each contract column as its text as it came (`_t_<column>`, null where empty),
as its value (under its own name; null where the text wants a closer look, or is bad), and whether
the cell is empty (`_e_<column>`: told without making a text of every typed cell).
`Shape.finished` adds the columns that are made of others: dates moved by days, days of times,
templates.
"""

# ruff: noqa: S608 - names and texts from outside pass through `quoting`

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter

from ingestion import plain_forms, quoting
from ingestion.contracts import Contract
from ingestion.conversion import JOINT, UNLISTED, Reader
from ingestion.extract import ROW_NUMBER
from ingestion.mapping import Lookup, TableMapping, Unpivot, Writing
from ingestion.wording import did_you_mean, listed, quoted
from warehouse.errors import SourceError

ORDER = "_origin, _row_number, _step"
_ZERO = r"[+-]?(?:0+(?:[.,]0*)?|[.,]0+)(?:[eE][+-]?[0-9]+)?"


@dataclass(frozen=True)
class Relation:
    """An input's rows as SQL.

    Args:
        label: what errors call it.
        sql: select of the columns `c0`, `c1`, ... and `_row_number`, `_origin` (which part).
        columns: the source's names for them, in order.
        types: their DuckDB types.
        writing: how its cells are written.
    """

    label: str
    sql: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    writing: Writing = field(default_factory=Writing)


@dataclass(frozen=True)
class Shape:
    """One entry of a mapping over one input.

    Args:
        label: what errors call its input.
        contract: the table's contract.
        base: select of `_t_<column>`, `_e_<column>` and `<column>` for columns with cells of
            their own, and of `_origin`, `_row_number`, `_step` (which unpivot entry) and `_extra`.
        readers: how cells that are not plain are converted, by column.
        moved: column: (date column, days added).
        templates: column: template.
        derived: date column: time column it is the UTC day of.
    """

    label: str
    contract: Contract
    base: str
    readers: dict[str, Reader]
    moved: dict[str, tuple[str, int]]
    templates: dict[str, str]
    derived: dict[str, str]

    def finished(self, base: str) -> str:
        """Select of every contract column (three times, as in `base`) from rows like `base`."""
        made = []
        for name, (start, days) in self.moved.items():
            made.append(f"{quoting.name(start)} + {days} as {quoting.name(name)}")
            made.append(f"case when {quoting.name(start)} is null then _t_{start} end as _t_{name}")
            made.append(f"{quoting.name(start)} is not null or _e_{start} as _e_{name}")
        for name, moment in self.derived.items():
            made.append(f"cast({quoting.name(moment)} as date) as {quoting.name(name)}")
            made.append(
                f"case when {quoting.name(moment)} is null then _t_{moment} end as _t_{name}"
            )
            made.append(f"{quoting.name(moment)} is not null or _e_{moment} as _e_{name}")
        sql = f"select *{''.join(f', {one}' for one in made)} from ({base})"
        if self.templates:
            filled = ", ".join(
                f"{_filled(self.contract, template)} as {name}, {name} as _t_{name}, "
                f"{name} is null as _e_{name}"
                for name, template in self.templates.items()
            )
            sql = f"select *, {filled} from ({sql})"
        return sql


def shape(table: TableMapping, relation: Relation) -> Shape:
    """A mapping entry over its input.

    Raises:
        SourceError: a source column is missing (named, with the nearest found), or a required
            contract column has no origin.
    """
    _check_origins(table, relation)
    given = _Given(table, relation)
    entries = table.unpivot or (Unpivot.model_validate({"set": {}, "columns": {}}),)
    cells = [given.cells(entry) for entry in entries]
    contract = table.contract
    moved, derived = dict(table.offset_days), _derived(table, relation)
    own = [n for n in contract.columns if not {n} & {*moved, *table.templates, *derived}]
    types, readers = {}, {}
    marked = {name for name, lookup in table.lookup.items() if lookup.other == "error"}
    for name in own:
        found = {cell[name].type for cell in cells}
        types[name] = found.pop() if len(found) == 1 else "VARCHAR"
        writings = [cell[name].writing for cell in cells if cell[name].writing is not None]
        signs = cells[0][name].signs
        readers[name] = Reader(
            contract.type_of(name), (writings or [Writing()])[0] or Writing(), signs
        )
    branches = " union all ".join(
        f"select {', '.join(_as(cell[name], types[name], name) for name in own)}, _row_number, "
        f"_origin, {step} as _step, _extra from given"
        for step, cell in enumerate(cells)
    )
    rows = f"with given as ({given.sql}) {branches}"
    base = _valued(contract, rows, own, types=types, readers=readers, marked=marked)
    return Shape(
        relation.label,
        contract,
        _once(base, own) if table.distinct else base,
        readers,
        moved,
        dict(table.templates),
        derived,
    )


def _derived(table: TableMapping, relation: Relation) -> dict[str, str]:
    """Days of times, where the mapping gives them no origin."""
    origins = _origins(table, list(relation.columns))
    return {day: time for day, time in table.contract.derived.items() if day not in origins}


@dataclass(frozen=True)
class _Cell:
    """SQL of one contract column's cells over `given`, of a DuckDB type.

    Args:
        signs: of a product or sum: the SQL is its text, `parts` are the factors.
        writing: of the input; None for what the mapping itself says.
    """

    sql: str
    type: str = "VARCHAR"
    writing: Writing | None = None
    signs: tuple[str, ...] = ()


def _as(cell: _Cell, type_name: str, name: str) -> str:
    sql = cell.sql if cell.type == type_name else f"cast({cell.sql} as varchar)"
    return f"{sql} as {quoting.name(name)}"


class _Given:
    """The input's cells, trimmed, and the lines that `where` keeps."""

    def __init__(self, table: TableMapping, relation: Relation) -> None:
        self._table, self._relation = table, relation
        self._position = {name: n for n, name in enumerate(relation.columns)}

    @property
    def sql(self) -> str:
        """Select of the trimmed columns `c<n>`, `_row_number`, `_origin`, `_extra`."""
        relation = self._relation
        empty = tuple(relation.writing.na_values)
        needed = sorted(
            {self._position[name] for name in mapped_columns(self._table, relation.columns)}
        )
        trimmed = [
            f"{plain_forms.trimmed(f'c{n}', relation.types[n], empty)} as c{n}" for n in needed
        ]
        extra = _extra(self._table, relation) if self._table.drift == "evolve" else "null"
        columns = ", ".join(
            [*trimmed, ROW_NUMBER, "_origin", f"cast({extra} as varchar) as _extra"]
        )
        conditions = [self._condition(name, kept) for name, kept in self._table.where.items()]
        where = f" where {' and '.join(conditions)}" if conditions else ""
        return f"select * from (select {columns} from ({relation.sql})){where}"

    def _condition(self, column: str, kept: str | list[str]) -> str:
        cell, _ = self._of(column)
        if kept == "present":
            return f"{cell} is not null"
        if kept == "not_zero":
            # Text that is no number stays: the contract rejects it where it is seen.
            text = f"cast({cell} as varchar)"
            return f"{cell} is not null and not regexp_full_match({text}, {quoting.text(_ZERO)})"
        values = quoting.texts(kept)
        return f"coalesce(cast({cell} as varchar) in ({values}), false)" if values else "false"

    def _of(self, column: str) -> tuple[str, str]:
        position = self._position[column]
        source_type = self._relation.types[position]
        return f"c{position}", "VARCHAR" if plain_forms.is_text(source_type) else source_type

    def cells(self, entry: Unpivot) -> dict[str, _Cell]:
        """The cells of each contract column in one branch of an unpivot."""
        table = self._table
        columns, constants = {**table.columns, **entry.columns}, {**table.constants, **entry.set_}
        taken = _taken(table)
        found = {}
        for name in table.contract.columns:
            if name in constants:
                cell = _Cell(quoting.text(constants[name].strip() or None) + "::varchar")
            elif name in columns:
                cell = self._plain(columns[name])
            elif name in table.multiply:
                cell = self._joined(table.multiply[name], tuple("*" * len(table.multiply[name])))
            elif name in table.add:
                terms = table.add[name]
                signs = tuple("-" if term.startswith("-") else "+" for term in terms)
                cell = self._joined([_term(t, self._position) for t in terms], signs)
            elif name in table.lookup:
                cell = self._looked_up(table.lookup[name])
            elif name not in taken and name in self._position and _maps_by_name(table, name):
                cell = self._plain(name)
            elif name == "time_zone" and _zone_is_declared(table, self._relation):
                cell = _Cell(quoting.text(self._relation.writing.time_zone) + "::varchar")
            else:
                cell = _Cell("null::varchar")
            if table.missing.get(name) == "zero":
                zero = "'0'" if cell.type == "VARCHAR" else "0"
                cell = _Cell(f"coalesce({cell.sql}, {zero})", cell.type, cell.writing, cell.signs)
            found[name] = cell
        return found

    def _plain(self, column: str) -> _Cell:
        cell, source_type = self._of(column)
        writing = self._relation.writing
        if not plain_forms.is_text(source_type):
            # A typed number or time has no marks and no format of the input's.
            plain = {"decimal": ".", "thousands": ""}
            is_time = source_type == "DATE" or source_type.startswith("TIMESTAMP")
            plain |= {"date_format": "%Y-%m-%d"} if is_time else {}
            writing = writing.model_copy(update=plain)
        return _Cell(cell, source_type, writing)

    def _joined(self, columns: list[str] | tuple[str, ...], signs: tuple[str, ...]) -> _Cell:
        cells = [f"cast({self._of(column)[0]} as varchar)" for column in columns]
        typed = all(not plain_forms.is_text(self._of(column)[1]) for column in columns)
        writing = Writing() if typed else self._relation.writing
        joint = f" || chr({ord(JOINT)}) || "
        if signs[0] == "*":
            return _Cell(f"({joint.join(cells)})", writing=writing, signs=signs)
        none = " and ".join(f"{cell} is null" for cell in cells)
        terms = joint.join(f"coalesce({cell}, '')" for cell in cells)
        return _Cell(f"case when {none} then null else {terms} end", writing=writing, signs=signs)

    def _looked_up(self, lookup: Lookup) -> _Cell:
        cell = f"cast({self._of(lookup.from_)[0]} as varchar)"
        if not lookup.values:
            listed_values = ""
        else:
            listed_values = " ".join(
                f"when {quoting.text(value.strip())} then {quoting.text(new.strip() or None)}"
                for value, new in lookup.values.items()
            )
        other = {
            "keep": cell,
            "null": "null",
            "error": f"chr({ord(UNLISTED)}) || {cell}",
        }[lookup.other]
        return _Cell(f"(case {cell} {listed_values} else {other} end)" if listed_values else other)


def _valued(
    contract: Contract,
    rows: str,
    own: list[str],
    *,
    types: dict[str, str],
    readers: dict[str, Reader],
    marked: set[str],
) -> str:
    """Rows with the text and the value of each column."""
    first, second, third = [], [], []
    for name in own:
        cell, type_name = quoting.name(name), contract.type_of(name)
        reader = readers[name]
        if reader.signs:
            form = plain_forms.combined(type_name, reader, cell, f"_n_{name}", f"_p_{name}")
        else:
            form = plain_forms.form(
                types[name], type_name, reader.writing, cell, f"_n_{name}", f"_p_{name}"
            )
        value = form.value
        if name in marked:
            value = f"case when not starts_with(_t_{name}, chr({ord(UNLISTED)})) then {value} end"
        first.append(
            f"cast({cell} as varchar) as _t_{name}, {cell} is null as _e_{name}, "
            f"{form.rewritten} as _n_{name}"
        )
        second.append(f"{form.parsed} as _p_{name}")
        third.append(f"cast({value} as {type_name}) as {cell}, _t_{name}, _e_{name}")
    ids = "_row_number, _origin, _step, _extra"
    sql = f"select {', '.join(first)}, {ids} from ({rows})"
    sql = f"select *, {', '.join(second)} from ({sql})"
    return f"select {', '.join(third)}, {ids} from ({sql})"


def _once(base: str, own: list[str]) -> str:
    """Equal rows once, at the place of the first."""
    cells = ", ".join(f"{quoting.name(name)}, _t_{name}, _e_{name}" for name in own)
    first = "min(struct_pack(o := _origin, r := _row_number, s := _step)) as _first"
    return (
        f"select * exclude (_first), _first.o as _origin, _first.r as _row_number, "
        f"_first.s as _step from (select {cells}, {first}, min(_extra) as _extra "
        f"from ({base}) group by all)"
    )


def _filled(contract: Contract, template: str) -> str:
    """A template with the row's own values; null where one of them is."""
    pieces = []
    for literal, name, _, _ in Formatter().parse(template):
        if literal:
            pieces.append(quoting.text(literal))
        if name is not None:
            as_text = f"_t_{name}"
            if contract.type_of(name) in ("DATE", "TIMESTAMP"):
                as_text = f"coalesce(cast({quoting.name(name)} as varchar), {as_text})"
            pieces.append(as_text)
    return f"({' || '.join(pieces)})"


def _term(term: str, positions: Mapping[str, int]) -> str:
    """The column of a term; one that is so called keeps its minus."""
    return term if term in positions else term.removeprefix("-").strip()


def _taken(table: TableMapping) -> set[str]:
    """Contract columns that the mapping gives an origin."""
    return {
        *table.columns, *table.constants, *table.multiply, *table.add, *table.lookup,
        *table.templates, *table.offset_days,
        *(name for entry in table.unpivot for name in (*entry.set_, *entry.columns)),
    }  # fmt: skip


def _maps_by_name(table: TableMapping, name: str) -> bool:
    """A column of the same name maps to itself; a number that unpivot would repeat does not."""
    contract = table.contract
    return name in contract.columns and not (table.unpivot and contract.is_number(name))


def _origins(table: TableMapping, found: Sequence[str]) -> set[str]:
    """Contract columns that get a value from the mapping or from a column of their name."""
    return _taken(table) | {name for name in found if _maps_by_name(table, name)}


def _wanted(table: TableMapping, found: Sequence[str]) -> list[str]:
    """Source columns that the mapping names."""
    positions = {name: n for n, name in enumerate(found)}
    return [
        *table.columns.values(),
        *(column for entry in table.unpivot for column in entry.columns.values()),
        *(factor for factors in table.multiply.values() for factor in factors),
        *(_term(term, positions) for terms in table.add.values() for term in terms),
        *(lookup.from_ for lookup in table.lookup.values()),
        *table.where,
    ]


def mapped_columns(table: TableMapping, found: Sequence[str]) -> list[str]:
    """Source columns that a mapping entry uses, in the source's order."""
    used = {*_wanted(table, found)}
    used |= {name for name in found if name not in _taken(table) and _maps_by_name(table, name)}
    return [name for name in found if name in used]


def _extra(table: TableMapping, relation: Relation) -> str:
    """The cells nobody mapped, as a JSON object."""
    mapped = set(mapped_columns(table, relation.columns))
    pairs = [
        f"{quoting.text(name)}, cast(c{n} as varchar)"
        for n, name in enumerate(relation.columns)
        if name not in mapped
    ]
    return f"json_object({', '.join(pairs)})" if pairs else "null"


def _zone_is_declared(table: TableMapping, relation: Relation) -> bool:
    """Whether rows keep the zone their input is written in; a territory's own zone is not that."""
    return table.contract.partition is not None and (
        "time_zone" in relation.writing.model_fields_set
    )


def _check_origins(table: TableMapping, relation: Relation) -> None:
    found = list(relation.columns)
    for column in _wanted(table, found):
        if column not in found:
            raise _no_column(column, table, relation)
    origins = _origins(table, found) | {*table.contract.derived}
    origins |= {name for name, meaning in table.missing.items() if meaning == "zero"}
    for name in table.contract.required:
        if name not in origins:
            raise _no_column(name, table, relation)


def _no_column(column: str, table: TableMapping, relation: Relation) -> SourceError:
    found = list(relation.columns)
    return SourceError(
        f"there is no column {quoted(column)}, which {table.table} needs"
        f"{did_you_mean(column, found)}",
        where=relation.label,
        got=f"the columns {listed(found, 30)}",
        remedy="Correct the file's header, or map the column in the source mapping",
    )
