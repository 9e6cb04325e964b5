"""Connectors: what brings a source's rows as they are, each kind in a module of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

from ingestion.extract import Extract
from ingestion.mapping import ApiInput, DatabaseInput, FileInput, LoadedMapping

_MODULES: dict[type, str] = {FileInput: "files", DatabaseInput: "databases", ApiInput: "platforms"}


def extract(
    mapping: LoadedMapping,
    name: str,
    scratch: Path,
    *,
    start: date | None = None,
    end: date | None = None,
    state: Mapping[str, Any],
    say: Callable[[str], None],
) -> Extract:
    """Bring all rows of one input.

    Args:
        mapping: the source's mapping.
        name: key of an input under `files`, `databases` or `apis`.
        scratch: folder for Parquet files that the scans of the result read; it must stand until
            they have been read.
        start: first day wanted, where the source can be asked by day.
        end: day after the last.
        state: what this input's extract asked to be given (`Extract.state`), empty at first.
        say: told in words what is being done.

    Raises:
        SourceError: the source cannot be read; the message names the place and the remedy.
    """
    kind = type(mapping.spec.inputs[name])
    if kind not in _MODULES:
        raise TypeError(f"{name} is a query: it reads other inputs and has no connector")
    # Drivers and HTTP clients are loaded by those who use them.
    connector = import_module(f"ingestion.connectors.{_MODULES[kind]}")
    found: Extract = connector.extract(
        mapping, name, scratch, start=start, end=end, state=state, say=say
    )
    return found
