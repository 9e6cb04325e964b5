"""What a connector hands to landing: rows as they came, countable, traceable, not yet judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

ROW_NUMBER = "_row_number"


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Part:
    """One file, one pull of a database or an interface.

    Args:
        label: what errors call it (source, input, file).
        hash: SHA-256 hex of its bytes, or of the rows where there is no file.
        scan: SQL of a DuckDB select that gives the source's columns under their own names, cells
            as they came (text; or a typed column of a typed source), and `_row_number`: the line
            of a text file (its header is 1), else the row counted from 1. It reads Parquet only:
            one that the connector made in the scratch folder it was given, or the source itself.
        rows: how many rows that gives.
        check_unchanged: raises SourceError when the source is no longer what was read.
    """

    label: str
    hash: str
    scan: str
    rows: int
    check_unchanged: Callable[[], None] = _nothing


@dataclass(frozen=True)
class Extract:
    """All of one input.

    Args:
        name: its key in the mapping.
        columns: source columns in their order; every part has these.
        parts: in the order of their names; never empty.
        covers: first and last day this speaks for wholly (a platform's pull): a landed day in
            between that it no longer has is emptied. None: days it does not have are kept.
        state: what the connector wants to be given next time (a cursor), JSON-able. Landing
            saves it only after the rows have landed.
        notices: sentences for people.
    """

    name: str
    columns: tuple[str, ...]
    parts: tuple[Part, ...]
    covers: tuple[date, date] | None = None
    state: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)
