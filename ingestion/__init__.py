"""Ingestion: source files into the lake's raw tables, by mapping, under contract.

What is listed here is loaded when it is asked for: landing brings pandera, a second of start that
whoever only reads a YAML file by `ingestion.plain_yaml` need not wait for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingestion.landing import LandingReport, TableReport, land
    from ingestion.mapping import LoadedMapping, load_mapping
    from ingestion.restatements import Restatement

__all__ = [
    "LandingReport",
    "LoadedMapping",
    "Restatement",
    "TableReport",
    "land",
    "load_mapping",
]

_HOMES = {
    "LandingReport": "landing",
    "TableReport": "landing",
    "land": "landing",
    "LoadedMapping": "mapping",
    "load_mapping": "mapping",
    "Restatement": "restatements",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
