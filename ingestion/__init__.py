"""Ingestion: source files into the lake's raw tables, by mapping, under contract."""

from ingestion.landing import LandingReport, TableReport, land
from ingestion.mapping import LoadedMapping, load_mapping
from ingestion.restatements import Restatement, restatements

__all__ = [
    "LandingReport",
    "LoadedMapping",
    "Restatement",
    "TableReport",
    "land",
    "load_mapping",
    "restatements",
]
