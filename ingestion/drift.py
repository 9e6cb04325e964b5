"""Columns of a source that come and go: kept, left out or refused, as each table's mapping says."""

from __future__ import annotations

from collections.abc import Mapping

from ingestion.extract import Extract
from ingestion.mapping import LoadedMapping
from ingestion.shaping import mapped_columns
from ingestion.wording import listed
from warehouse.errors import SourceError


def drift_notices(
    mapping: LoadedMapping,
    extracts: Mapping[str, Extract],
    before: Mapping[str, tuple[str, ...]],
) -> list[str]:
    """What changed in the columns since the last landing, in words; nothing at the first.

    Raises:
        SourceError: a table is frozen and its input's columns have changed.
    """
    said: list[str] = []
    for table in mapping.spec.tables:
        if table.from_ is None or table.from_ not in before:
            continue
        extract, known = extracts[table.from_], before[table.from_]
        gone = [name for name in known if name not in extract.columns]
        new = [name for name in extract.columns if name not in known]
        if table.drift == "freeze" and (new or gone):
            raise SourceError(
                "the columns have changed since the last landing, and the table is frozen",
                where=f"{extract.parts[0].label}, table {table.table}",
                expected=f"the columns {listed(known, 30)}",
                got=_change(new, gone),
                remedy="Look at what changed; set `drift: discard` or `evolve` for one landing to "
                "take the columns as they are now",
            )
        used = set(mapped_columns(table, extract.columns))
        unmapped = [name for name in new if name not in used]
        if unmapped:
            kept = "kept in _extra" if table.drift == "evolve" else "left out"
            said.append(
                f"{table.table}: {_columns(unmapped)} in {table.from_} and not mapped: {kept}"
            )
        if gone:
            said.append(f"{table.table}: {_vanished(gone)} in {table.from_}")
    return list(dict.fromkeys(said))


def _columns(names: list[str]) -> str:
    return f"{listed(names)} {'is' if len(names) == 1 else 'are'} new"


def _vanished(names: list[str]) -> str:
    return f"{listed(names)} {'is' if len(names) == 1 else 'are'} no longer"


def _change(new: list[str], gone: list[str]) -> str:
    parts = []
    if new:
        parts.append(f"new: {listed(new)}")
    if gone:
        parts.append(f"gone: {listed(gone)}")
    return "; ".join(parts)
