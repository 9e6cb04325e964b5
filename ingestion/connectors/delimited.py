"""CSV and its relatives as text, with the line number of every row.

Two readers that give the same cells. Arrow's takes a block of lines at once where nothing can be
misread: every quote opens or closes a cell, or is doubled inside one; no blank line; every row of
the header's length. Any other block goes to Python's `csv` in strict mode, which refuses what it
would have to guess and names the line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Generator, Iterator
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from ingestion.connectors.opening import empty
from ingestion.wording import quoted
from warehouse.errors import SourceError, printable

_DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a pipe"}
_ROWS_AT_ONCE = 50_000
_LINES_TOGETHER = 2**20
_LONGEST_RECORD = 16 * 2**20

Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]
Rows = tuple[list[pa.Array | pa.ChunkedArray], Numbers]


class Delimited:
    """Rows of a delimited text.

    Args:
        blocks: UTF-8 bytes, each block of whole lines, none with a NUL.
        label: what errors call the file.
        delimiter: one character between the cells.

    Raises:
        SourceError: there is no header, or it is written with another delimiter.
    """

    def __init__(self, blocks: Iterator[bytes], label: str, delimiter: str) -> None:
        self._blocks = blocks
        self._label = label
        self._delimiter = delimiter
        self._line = 0  # lines taken before `_rest`
        self._rest = b""
        self.header: tuple[str, ...] = tuple(self._names(self._first()))

    def rows(self) -> Iterator[Rows]:
        """Blocks of rows: a text array a column, and the line each row begins on.

        Raises:
            SourceError: rows of unequal length, stray quotes.
        """
        while self._rest or self._next_block():
            at_once = self._at_once()
            if at_once is not None:
                yield at_once
            else:
                yield from self._one_by_one()

    def _next_block(self) -> bool:
        self._rest = next(self._blocks, b"")
        return bool(self._rest)

    def _first(self) -> list[str]:
        records = self._records()
        try:
            return next(records, [])
        finally:
            records.close()

    def _at_once(self) -> Rows | None:
        """The block by Arrow, or None where the two readers might differ."""
        block = self._rest
        if not self._delimiter.isascii():
            return None
        if b"\r" in block and block.count(b"\r") != block.count(b"\r\n"):
            return None
        tail = b""
        if b'"' in block:
            whole = _whole_records(block, self._delimiter)
            if whole is None:
                return None
            size, lines, begins = whole
            if size < len(block):
                more = next(self._blocks, b"")
                if not more or len(block) - size > _LONGEST_RECORD:
                    # The last record is never closed: the other reader says where.
                    self._rest = block + more
                    return None
                block, tail = block[:size], block[size:] + more
        else:
            lines = block.count(b"\n") + (not block.endswith(b"\n"))
            begins = np.arange(lines, dtype=np.int64)
        table = self._parsed(block) if block else None
        if table is None or table.num_rows != len(begins):
            self._rest = block + tail
            return None
        numbers = begins + (self._line + 1)
        self._line, self._rest = self._line + lines, tail
        return table.columns, numbers

    def _parsed(self, block: bytes) -> pa.Table | None:
        names = [str(n) for n in range(len(self.header))]
        has_quotes = b'"' in block
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(block),
                read_options=arrow_csv.ReadOptions(
                    column_names=names, block_size=len(block) if has_quotes else _LINES_TOGETHER
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self._delimiter,
                    quote_char='"' if has_quotes else False,
                    double_quote=has_quotes,
                    newlines_in_values=has_quotes,
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    strings_can_be_null=False,
                    check_utf8=False,
                ),
            )
        except pa.ArrowInvalid:
            return None
        return None if any(map(_too_long, table.columns)) else table

    def _one_by_one(self) -> Iterator[Rows]:
        cells: list[list[str]] = []
        numbers: list[int] = []
        width, begins = len(self.header), self._line + 1
        for row in self._records():
            line, begins = begins, self._line + 1
            if len(row) != width:
                if not row:
                    continue
                raise SourceError(
                    "the row has another number of cells than the header",
                    where=f"{self._label}, row {line}",
                    expected=f"{width} cells",
                    got=f"{len(row)}, the first being {quoted(row[0])}",
                    remedy="Quote cells that hold the delimiter, or fetch the whole file again",
                )
            cells.append(row)
            numbers.append(line)
            if len(cells) == _ROWS_AT_ONCE:
                yield _columns(cells), np.array(numbers, dtype=np.int64)
                cells, numbers = [], []
        if cells:
            yield _columns(cells), np.array(numbers, dtype=np.int64)

    def _records(self) -> Generator[list[str], None, None]:
        """Records from `_rest` to the end of a block that ends with a record.

        Whoever stops between two of them finds what follows in `_rest`.
        """
        text = io.StringIO()
        size = 0

        def texts() -> Iterator[io.StringIO]:
            nonlocal text, size
            while self._rest or self._next_block():
                content = self._rest.decode()
                text, size, self._rest = io.StringIO(content, newline=""), len(content), b""
                yield text

        before = self._line
        # Python's own limit of 131,072 characters would be taken for a quote left open.
        csv.field_size_limit(_LONGEST_RECORD)
        reader = csv.reader(chain.from_iterable(texts()), delimiter=self._delimiter, strict=True)
        try:
            for record in reader:
                self._line = before + reader.line_num
                yield record
                if text.tell() == size:
                    return
        except csv.Error as error:
            raise SourceError(
                f"the file cannot be parsed as CSV ({printable(error)})",
                where=f"{self._label}, row {before + reader.line_num}",
                remedy="Look for a quote that is not closed, or not doubled inside a quoted cell",
            ) from error
        finally:
            self._rest = text.read().encode()

    def _names(self, names: list[str]) -> list[str]:
        header = [name.strip() for name in names]
        if not any(header):
            raise empty(self._label)
        if len(header) == 1:
            for other, spoken in _DELIMITERS.items():
                if other != self._delimiter and other in header[0]:
                    told = _DELIMITERS.get(self._delimiter, quoted(self._delimiter))
                    raise SourceError(
                        "the header is a single column",
                        where=self._label,
                        expected=f"cells separated by {told}",
                        got=f"{quoted(header[0])}, which looks separated by {spoken}",
                        remedy=f"Set `delimiter: {other!r}` for this file in the source mapping",
                    )
        # A column without a name (a saved index) cannot be mapped, and must not clash.
        return [name or f"(column {position})" for position, name in enumerate(header, 1)]


def _whole_records(block: bytes, delimiter: str) -> tuple[int, int, Numbers] | None:
    """How far a block with quotes is of whole records that nobody can misread.

    Returns:
        Bytes of whole records, their lines, and for each record the lines before it in the block;
        None where a quote stands elsewhere than around a cell or doubled inside one.
    """
    data = np.frombuffer(block, dtype=np.uint8)
    quotes = np.flatnonzero(data == ord('"'))
    opens, closes = quotes[::2], quotes[1::2]
    edge = np.zeros(256, dtype=bool)
    edge[[ord(delimiter), 10, 13]] = True
    # Before an opening quote, and after a closing one, there is a cell's edge; or the pair is the
    # doubled quote inside a cell, whose halves close and open it as it were.
    begins_cell = edge[data[opens - 1]]
    begins_cell[1:] |= opens[1:] - 1 == closes[: len(opens) - 1]
    begins_cell[0] |= opens[0] == 0
    after = np.minimum(closes + 1, len(data) - 1)
    ends_cell = edge[data[after]] | (closes == len(data) - 1)
    ends_cell[: len(opens) - 1] |= closes[: len(opens) - 1] + 1 == opens[1:]
    if not (begins_cell.all() and ends_cell.all()):
        return None
    ends = np.flatnonzero(data == 10)
    if not block.endswith(b"\n"):
        ends = np.append(ends, len(data))
    # A line ends a record when the quotes before it pair.
    records = np.flatnonzero(np.searchsorted(quotes, ends) % 2 == 0)
    if not len(records):
        return 0, 0, records
    last = int(records[-1])
    begins = np.concatenate([[0], records[:-1] + 1]).astype(np.int64)
    return min(int(ends[last]) + 1, len(data)), last + 1, begins


def _too_long(column: pa.ChunkedArray) -> bool:
    longest = pc.max(pc.binary_length(column)).as_py()
    return longest is not None and longest > csv.field_size_limit()


def _columns(rows: list[list[str]]) -> list[Any]:
    return [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
