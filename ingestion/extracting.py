"""One input of a mapping as an Extract, whatever its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion import connectors
from ingestion.extract import ROW_NUMBER, Extract, Part
from ingestion.mapping import LoadedMapping
from ingestion.mapping.inputs import FileInput
from ingestion.reading import SourceFile, read_csv
from warehouse.errors import printable


def extract(
    mapping: LoadedMapping,
    name: str,
    scratch: Path,
    *,
    start: date | None = None,
    end: date | None = None,
    state: Mapping[str, Any] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Extract:
    """All of one input, with its rows as Parquet under `scratch`."""
    spec = mapping.spec.inputs[name]
    if isinstance(spec, FileInput) and not (Path(connectors.__file__).parent / "files.py").exists():
        return _csv(mapping, name, scratch)
    return connectors.extract(
        mapping, name, scratch, start=start, end=end, state=state or {}, say=say
    )


def _csv(mapping: LoadedMapping, name: str, scratch: Path) -> Extract:
    spec = mapping.spec.inputs[name]
    assert isinstance(spec, FileInput)
    label = f"{mapping.spec.source}, {printable(name, 60)} ({printable(spec.path)})"
    path = mapping.folder / mapping.filled(spec.path, f"files.{name}.path")
    file: SourceFile = read_csv(path, label, spec.delimiter or ",")
    table = pa.table(
        {
            **{c: pa.chunked_array(pa.array(file.cells[c], pa.string())) for c in file.cells},
            ROW_NUMBER: pa.array(np.asarray(file.row_numbers), pa.int64()),
        }
    )
    target = scratch / f"{name}.parquet"
    pq.write_table(table, target, compression="none")
    quoted = str(target).replace("'", "''")
    part = Part(
        label, file.hash, "select * from read_parquet('" + quoted + "')", len(table),
        file.check_unchanged,
    )  # fmt: skip
    return Extract(name, tuple(file.cells.columns), (part,))
