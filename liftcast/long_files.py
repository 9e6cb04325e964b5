"""A large CSV in blocks: numbers as numbers and names as codes, not every cell as text."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from liftcast.mix_files import CsvTable
from warehouse.errors import LiftcastError, printable
from warehouse.files import sha256_file

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
#: Larger files are read in blocks (unpacked ones; packed ones are some eight times as large).
LARGE_BYTES = 48 * 2**20
_BLOCK = 16 * 2**20


def apart(function: Callable[..., T], *arguments: Any) -> T:
    """A function's answer, from a process of its own: what it held goes back to the system.

    Raises:
        LiftcastError: the process was killed.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as pool:
        try:
            return pool.submit(function, *arguments).result()
        except BrokenProcessPool as error:
            raise LiftcastError(
                "the process that read the files was killed, as a system does that is out of "
                "memory",
                expected="about 350 bytes a row of history",
                remedy="Free memory, or give fewer series or less history",
            ) from error


def is_large(path: Path) -> bool:
    """Whether a table is better read in blocks."""
    if not path.is_file():
        return False
    return path.stat().st_size * (8 if path.suffix == ".gz" else 1) > LARGE_BYTES


def read_large(path: Path, keys: Sequence[str]) -> CsvTable:
    """Read a CSV file (also .gz) of any length: UTF-8, columns separated by commas.

    Args:
        keys: columns kept as text whatever they hold; of the others, those that hold numbers only
            are numbers (an empty cell is NaN).

    Raises:
        LiftcastError: cannot be read, or is no CSV of this kind.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    texts: set[str] = set(keys)
    names: list[str] = []
    for batch in _batches(path):
        names = batch.schema.names
        texts |= {n for n in names if n not in texts and _numbers(batch.column(n)) is None}
    pieces: dict[str, list[pa.Array]] = {name: [] for name in names}
    for batch in _batches(path):
        for name in names:
            cells = batch.column(name)
            own = pc.dictionary_encode(cells) if name in texts else _numbers(cells)
            pieces[name].append(own)
    columns = {}
    for name in names:
        whole = pa.chunked_array(pieces.pop(name))
        if name in texts:
            whole = whole.unify_dictionaries()
            codes = pa.chunked_array([c.indices for c in whole.chunks]).to_numpy()
            words = whole.chunk(0).dictionary.to_pylist()
            columns[name] = pd.Categorical.from_codes(codes, pd.Index(words, dtype=object))
        else:
            columns[name] = whole.to_numpy()
    frame = pd.DataFrame(columns, copy=False)
    frame.index = pd.RangeIndex(2, len(frame) + 2, name="row")
    return CsvTable(frame, (), sha256_file(path))


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    from pyarrow import csv

    name = printable(path)
    try:
        with pa.input_stream(str(path)) as head, csv.open_csv(head) as reader:
            header = reader.schema.names
        clean = [n.strip().removeprefix("\ufeff") for n in header]
        with pa.input_stream(str(path)) as handle:
            reader = csv.open_csv(
                handle,
                csv.ReadOptions(block_size=_BLOCK, column_names=clean, skip_rows=1),
                csv.ParseOptions(newlines_in_values=True),
                csv.ConvertOptions(
                    column_types=dict.fromkeys(clean, pa.string()), strings_can_be_null=False
                ),
            )
            yield from reader
    except (pa.ArrowException, OSError, ValueError) as error:
        raise LiftcastError(
            f"the file cannot be read in blocks ({printable(error)})",
            where=name,
            expected="a CSV in UTF-8, columns separated by commas, each row as long as the header",
            remedy="Export it again",
        ) from error


def _numbers(cells: pa.Array) -> pa.Array | None:
    """Cells as numbers, empty ones NaN; None: not all are numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    bare = pc.utf8_trim_whitespace(cells)
    bare = pc.if_else(pc.equal(bare, ""), "nan", bare)
    try:
        return pc.cast(bare, pa.float64())
    except pa.ArrowInvalid:
        return None
