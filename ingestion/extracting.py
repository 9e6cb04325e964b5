"""Every input that a mapping's tables need, each read once, queries after what they read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from ingestion import connectors
from ingestion.extract import Extract
from ingestion.mapping import LoadedMapping, QueryInput
from ingestion.querying import run_query, tables_of
from warehouse.errors import printable
from warehouse.settings import Settings


def extracts_of(
    mapping: LoadedMapping,
    scratch: Path,
    settings: Settings,
    say: Callable[[str], None],
    *,
    start: date | None = None,
    end: date | None = None,
    states: Mapping[str, Mapping[str, Any]],
) -> dict[str, Extract]:
    """The extracts of all inputs in use, by name.

    Raises:
        SourceError: an input cannot be read, or a query is wrong.
    """
    spec = mapping.spec
    wanted = list(dict.fromkeys(table.from_ for table in spec.tables if table.from_))
    plain = {name: one for name, one in spec.inputs.items() if not isinstance(one, QueryInput)}
    queries: dict[str, list[str]] = {}
    for name in wanted:
        declared = spec.inputs[name]
        if isinstance(declared, QueryInput):
            queries[name] = tables_of(_label(mapping, name), declared, plain)
    needed = dict.fromkeys(
        [name for name in wanted if name in plain]
        + [name for reads in queries.values() for name in reads]
    )
    found: dict[str, Extract] = {}
    for name in needed:
        say(f"{spec.source}: reading {printable(name)}")
        found[name] = connectors.extract(
            mapping, name, scratch, start=start, end=end, state=states.get(name, {}), say=say
        )
    for name, reads in queries.items():
        declared = spec.inputs[name]
        assert isinstance(declared, QueryInput)
        inputs = {key: found[key] for key in reads}
        found[name] = run_query(
            _label(mapping, name),
            name,
            declared,
            inputs,
            scratch=scratch,
            settings=settings,
            say=say,
        )
    return found


def _label(mapping: LoadedMapping, name: str) -> str:
    return f"{mapping.spec.source}, {printable(name, 60)} (query)"
