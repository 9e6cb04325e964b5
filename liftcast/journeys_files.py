"""A plain CSV of paths as a frame: quickly where it is as it should be, with clear errors else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from warehouse.errors import printable

if TYPE_CHECKING:
    import pandas as pd

    from models.journeys import Paths

_NUMBERS = ("conversions", "value", "nulls", "lead", "opportunity")


def paths_of(
    file: Path,
    *,
    separator: str,
    direct: str | None,
    collapse: bool,
    longest: int | None,
    stages: bool = False,
) -> tuple[Paths, tuple[str, ...]]:
    """Paths of a CSV, and what was found out about the file.

    A file in UTF-8, cells separated by commas and numbers where they should be, goes straight to
    Arrow. Any other is read as text cell by cell, so that encoding, delimiter and decimal comma are
    found out and an error names its line.

    Args:
        separator, direct, collapse, longest, stages: as in `models.journeys.read_paths`.

    Raises:
        LiftcastError, ModelInputError: the file cannot be read, or does not hold paths.
    """
    from liftcast.mix_files import read_csv
    from models.errors import ModelInputError
    from models.journeys import read_paths

    def read(frame: pd.DataFrame) -> Paths:
        return read_paths(
            frame,
            separator=separator,
            direct=direct,
            collapse=collapse,
            longest=longest,
            stages=stages,
            name=printable(file),
        )

    plain = _plain(file)
    if plain is not None:
        try:
            return read(plain), ()
        except ModelInputError:
            pass  # once more, for the line
    table = read_csv(file)
    return read(table.frame), tuple(table.notes)


def _plain(file: Path) -> pd.DataFrame | None:
    """The columns of paths; None if the file is in any way unlike others."""
    import pandas as pd
    import pyarrow as pa
    from pyarrow import csv

    from liftcast.mix_files import MOST_BYTES

    try:
        if file.stat().st_size > MOST_BYTES:
            return None
        with file.open("rb") as handle:
            header = handle.readline(10_000).decode("ascii").strip().split(",")
        if len(set(header)) < len(header) or not {"path", "conversions"} <= set(header):
            return None
        kinds = {"path": pa.large_string()} | dict.fromkeys(_NUMBERS, pa.float64())
        table = csv.read_csv(
            file,
            read_options=csv.ReadOptions(use_threads=False),
            convert_options=csv.ConvertOptions(
                column_types=kinds,
                include_columns=[name for name in header if name in kinds],
                null_values=[],
                strings_can_be_null=False,
            ),
        )
    except (OSError, UnicodeDecodeError, pa.ArrowException):
        return None
    texts = pd.Series(pd.arrays.ArrowExtensionArray(table["path"]))
    numbers = {name: table[name].to_numpy() for name in table.column_names if name != "path"}
    return pd.DataFrame({"path": texts} | numbers)
