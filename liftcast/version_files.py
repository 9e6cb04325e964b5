"""Tables of versions as Parquet: written once, read with their hash."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from forecasting.versions.tables import NUMBERS
from warehouse.errors import LiftcastError, printable
from warehouse.files import appearing, sha256_file

_AMOUNT = pa.decimal128(18, 2)
_TYPES: dict[str, pa.DataType] = {
    **dict.fromkeys(
        (*NUMBERS, "override", "final", "naive", "actual", "before", "after", "was"), _AMOUNT
    ),
    **dict.fromkeys(
        ("ds", "starts_on", "ends_on", "first_day", "last_day", "expires_on"), pa.date32()
    ),
    "number": pa.int64(), "rows": pa.int64(), "value": pa.decimal128(28, 6),
}  # fmt: skip


def schema_of(columns: Sequence[str]) -> pa.Schema:
    """Types by name; a column without one of its own holds text."""
    return pa.schema([(name, _TYPES.get(name, pa.string())) for name in columns])


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Write `<name>.parquet` files into a new folder, whole or not at all, and make them read-only.

    Returns the SHA-256 of each file by its name.
    """
    with appearing(folder) as place:
        for name, frame in tables.items():
            shown = frame.copy()
            for column in shown.columns:
                if pd.api.types.is_datetime64_any_dtype(shown[column]):
                    shown[column] = shown[column].dt.date
            table = pa.Table.from_pandas(shown, schema_of(list(frame.columns)), False)
            pq.write_table(
                table.replace_schema_metadata(None), place / f"{name}.parquet", compression="zstd"
            )
    hashes = {}
    for file in sorted(folder.iterdir()):
        file.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
        hashes[file.name] = sha256_file(file)
    return hashes


def read_table(folder: Path, name: str, hashes: Mapping[str, str]) -> pd.DataFrame:
    """Read `<name>.parquet` if it still has the hash it was written with.

    Raises:
        LiftcastError: the file is missing or was changed.
    """
    file = folder / f"{name}.parquet"
    try:
        data = file.read_bytes()
    except OSError as error:
        raise _touched(file, f"it cannot be read ({error.strerror})") from error
    if hashlib.sha256(data).hexdigest() != hashes.get(file.name):
        raise _touched(file, "another content")
    frame = pq.read_table(pa.BufferReader(data)).to_pandas()
    for column in ("ds", "starts_on", "ends_on"):
        if column in frame.columns:
            frame[column] = pd.to_datetime(frame[column])
    return frame


def _touched(file: Path, got: str) -> LiftcastError:
    return LiftcastError(
        "a table was touched after it was written, and is not used",
        where=printable(file),
        expected="the content whose hash the journal holds",
        got=got,
        remedy="Put the file back from a backup; `liftcast forecast version verify` names "
        "everything that was touched",
    )
