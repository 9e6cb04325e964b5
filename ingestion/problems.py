"""Every problem of a mapping that can be told without reading a row."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from ingestion import plain_yaml
from ingestion.mapping import (
    ApiInput,
    DatabaseInput,
    FileInput,
    Lookup,
    QueryInput,
    SourceMapping,
    TableMapping,
    Unpivot,
    load_mapping,
)
from ingestion.shaping import mapped_columns
from ingestion.wording import did_you_mean, quoted
from warehouse.errors import LiftcastError, printable

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_MODELS = (
    SourceMapping, FileInput, DatabaseInput, ApiInput, QueryInput, TableMapping, Unpivot, Lookup,
)  # fmt: skip


def spelling_problems(path: Path) -> list[str]:
    """Why a file is no mapping: one sentence for each wrong key; none where it is one."""
    try:
        load_mapping(path)
    except LiftcastError as error:
        problems = _every_key(path)
        return problems or [str(error)]
    return []


def _every_key(path: Path) -> list[str]:
    try:
        SourceMapping.model_validate(plain_yaml.parse(path.read_bytes()))
    except ValidationError as error:
        return [_problem(one["type"], one["loc"], one["msg"]) for one in error.errors()]
    except (OSError, plain_yaml.NotPlainError):
        return []
    return []


def _problem(kind: str, place: Sequence[int | str], message: str) -> str:
    key = ".".join(printable(part, 60) for part in place)
    said = message.removeprefix("Value error, ")
    if kind == "extra_forbidden":
        known = {f.alias or name for model in _MODELS for name, f in model.model_fields.items()}
        said = f"the key is not known{did_you_mean(str(place[-1]), sorted(known))}"
    elif kind == "missing":
        said = "the key is missing"
    return f"{key}: {printable(said, 400)}" if key else printable(said, 400)


def unset_variables(spec: SourceMapping) -> dict[str, list[str]]:
    """By input: what it needs of the environment and the environment does not have."""
    found = {}
    for name, declared in spec.inputs.items():
        wanting = [
            variable
            for text in _texts(declared)
            for variable in _VARIABLE.findall(text)
            if not os.environ.get(variable)
        ]
        if wanting:
            found[name] = list(dict.fromkeys(wanting))
    return found


def _texts(declared: FileInput | DatabaseInput | ApiInput | QueryInput) -> list[str]:
    if isinstance(declared, FileInput):
        return [declared.path]
    if isinstance(declared, DatabaseInput):
        return [declared.url or ""]
    if isinstance(declared, ApiInput):
        return [declared.base_url or "", *declared.credentials.values()]
    return []


def column_problems(table: TableMapping, columns: Sequence[str]) -> list[str]:
    """Source columns that an entry names and its input does not have, and what it leaves open.

    Args:
        table: an entry over an input.
        columns: the input's columns.
    """
    problems = [
        f"{table.table}: {place}: there is no column {quoted(name)}{did_you_mean(name, columns)}"
        for place, name in _named(table, columns)
        if name not in columns
    ]
    given = origins(table, columns)
    problems += [
        f"{table.table}: the column {name} needs a value and has no origin"
        f"{did_you_mean(name, columns)}"
        for name in table.contract.required
        if name not in given
    ]
    return problems


def _named(table: TableMapping, columns: Sequence[str]) -> list[tuple[str, str]]:
    """Where a source column is named, and its name."""
    pairs = [("columns", name) for name in table.columns.values()]
    for number, entry in enumerate(table.unpivot):
        pairs += [(f"unpivot.{number}", name) for name in entry.columns.values()]
    pairs += [(f"multiply.{key}", n) for key, names in table.multiply.items() for n in names]
    for key, terms in table.add.items():
        # A term may be taken away; a column that is called so keeps its minus.
        pairs += [(f"add.{key}", t if t in columns else t.removeprefix("-").strip()) for t in terms]
    pairs += [(f"lookup.{key}", one.from_) for key, one in table.lookup.items()]
    return [*pairs, *(("where", name) for name in table.where)]


def origins(table: TableMapping, columns: Sequence[str]) -> dict[str, str]:
    """Contract column: where its values come from, in words; those without one are left out.

    Args:
        columns: the input's columns; those of inline rows for an entry of records.
    """
    contract = table.contract
    found: dict[str, str] = {}
    for name in contract.columns:
        said = _declared_origin(table, name)
        if (
            said is None
            and name in columns
            and (table.records or name in mapped_columns(table, columns))
        ):
            said = f"{quoted(name)}, by its name"
        if said is None and contract.derived.get(name) in {*found, *table.columns}:
            said = f"the day of {contract.derived[name]}"
        if said is None and table.missing.get(name) == "zero":
            said = "zero"
        if said is not None:
            found[name] = said
    return found


def _declared_origin(table: TableMapping, name: str) -> str | None:
    """What the mapping itself says of a contract column."""
    in_entries = [entry.columns[name] for entry in table.unpivot if name in entry.columns]
    said: str | None = None
    if name in table.columns:
        said = quoted(table.columns[name])
    elif name in table.constants:
        said = f"always {quoted(table.constants[name])}"
    elif in_entries:
        said = ", ".join(map(quoted, in_entries))
    elif any(name in entry.set_ for entry in table.unpivot):
        said = "set in each entry of unpivot"
    elif name in table.multiply:
        said = " times ".join(map(quoted, table.multiply[name]))
    elif name in table.add:
        said = " plus ".join(map(quoted, table.add[name]))
    elif name in table.lookup:
        said = f"{quoted(table.lookup[name].from_)}, value by value"
    elif name in table.templates:
        said = f"made as {quoted(table.templates[name])}"
    elif name in table.offset_days:
        start, days = table.offset_days[name]
        said = f"{start} and {days} days"
    return said
