"""Source mappings: what a mapping may say, and reading one."""

from ingestion.mapping.inputs import (
    ApiInput,
    Cell,
    DatabaseInput,
    FileInput,
    Input,
    QueryInput,
    Writing,
)
from ingestion.mapping.loading import LoadedMapping, load_mapping, parse_mapping
from ingestion.mapping.source import SourceMapping, json_schema
from ingestion.mapping.tables import Lookup, TableMapping, Unpivot, template_fields

__all__ = [
    "ApiInput",
    "Cell",
    "DatabaseInput",
    "FileInput",
    "Input",
    "LoadedMapping",
    "Lookup",
    "QueryInput",
    "SourceMapping",
    "TableMapping",
    "Unpivot",
    "Writing",
    "json_schema",
    "load_mapping",
    "parse_mapping",
    "template_fields",
]
