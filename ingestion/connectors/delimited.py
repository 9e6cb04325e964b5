"""CSV and its relatives as text, with the line number of every row.

Two readers that give the same cells. Arrow's reads a block of lines at once where nothing can be
misread: no quote, no NUL, no blank line, every row of the header's length. Any other block goes to
Python's `csv` in strict mode, which knows the line a record begins on when cells hold line breaks,
and refuses what it would have to guess.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from ingestion.connectors.opening import empty
from ingestion.wording import listed, quoted
from warehouse.errors import SourceError, printable

_DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a pipe"}
_ROWS_AT_ONCE = 50_000

Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]
Rows = tuple[list[pa.Array | pa.ChunkedArray], Numbers]


class Delimited:
    """Rows of a delimited text.

    Args:
        blocks: UTF-8 bytes, each block of whole lines.
        label: what errors call the file.
        delimiter: one character between the cells.
    """

    def __init__(self, blocks: Iterator[bytes], label: str, delimiter: str) -> None:
        self._blocks = blocks
        self._label = label
        self._delimiter = delimiter
        self._line = 0  # lines taken before `_rest`
        self._rest = b""
        first = next(self._records(), [])
        self.header: tuple[str, ...] = tuple(self._names(first))

    def rows(self) -> Iterator[Rows]:
        """Blocks of rows: a text array a column, and the line each row begins on.

        Raises:
            SourceError: rows of unequal length, stray quotes, NUL bytes, not UTF-8.
        """
        while self._rest or self._next_block():
            fast = self._at_once()
            if fast is not None:
                yield fast
            else:
                yield from self._one_by_one()

    def _next_block(self) -> bool:
        self._rest = next(self._blocks, b"")
        return bool(self._rest)

    def _at_once(self) -> Rows | None:
        """The block by Arrow, or None where the two readers might differ."""
        block = self._rest
        plain = b'"' not in block and b"\0" not in block and self._delimiter.isascii()
        if not plain or (b"\r" in block and block.count(b"\r") != block.count(b"\r\n")):
            return None
        names = [str(n) for n in range(len(self.header))]
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(block),
                read_options=arrow_csv.ReadOptions(column_names=names),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self._delimiter, quote_char=False, double_quote=False
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid:
            return None
        lines = block.count(b"\n") + (not block.endswith(b"\n"))
        if table.num_rows != lines or any(map(_too_long, table.columns)):
            return None
        numbers = np.arange(self._line + 1, self._line + 1 + lines, dtype=np.int64)
        self._line, self._rest = self._line + lines, b""
        return table.columns, numbers

    def _one_by_one(self) -> Iterator[Rows]:
        cells: list[list[str]] = []
        numbers: list[int] = []
        begins = self._line + 1
        for row in self._records():
            line, begins = begins, self._line + 1
            if not row:
                continue
            if len(row) != len(self.header):
                raise SourceError(
                    "the row has another number of cells than the header",
                    where=f"{self._label}, row {line}",
                    expected=f"{len(self.header)} cells",
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

    def _records(self) -> Iterator[list[str]]:
        """Records from here to the end of a block that ends with a record.

        Whoever stops between two records may go on with `_rest`.
        """
        lines = _Lines(self)
        reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
        try:
            for record in reader:
                yield record
                if lines.at_end():
                    return
        except csv.Error as error:
            raise SourceError(
                f"the file cannot be parsed as CSV ({printable(error)})",
                where=f"{self._label}, row {self._line}",
                remedy="Look for a quote that is not closed, or not doubled inside a quoted cell",
            ) from error
        finally:
            lines.give_back()

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


class _Lines:
    """The lines of a block as `csv` wants them; the next block only when a record needs it."""

    def __init__(self, owner: Delimited) -> None:
        self._owner = owner
        self._text: io.StringIO | None = None
        self._size = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        owner = self._owner
        while True:
            if self._text is None:
                if not owner._rest and not owner._next_block():
                    raise StopIteration
                self._open(owner._rest)
                owner._rest = b""
            assert self._text is not None
            line = self._text.readline()
            if line:
                break
            self._text = None
        owner._line += 1
        if "\0" in line:
            raise SourceError(
                "there is a NUL byte in the file",
                where=f"{owner._label}, row {owner._line}",
                expected="text",
                remedy="Fetch it again, or save it as UTF-8 text",
            )
        return line

    def _open(self, block: bytes) -> None:
        text = decoded(block, self._owner._label, self._owner._line)
        self._text, self._size = io.StringIO(text, newline=""), len(text)

    def at_end(self) -> bool:
        return self._text is None or self._text.tell() == self._size

    def give_back(self) -> None:
        if self._text is not None:
            self._owner._rest = self._text.read().encode()
            self._text = None


def decoded(block: bytes, label: str, lines_before: int) -> str:
    """UTF-8 bytes as text.

    Raises:
        SourceError: they are not UTF-8; the line is named.
    """
    try:
        return block.decode("utf-8")
    except UnicodeDecodeError as error:
        line = lines_before + block.count(b"\n", 0, error.start) + 1
        raise SourceError(
            "the file is not UTF-8 text",
            where=f"{label}, row {line}",
            remedy="Save it as UTF-8 (in a spreadsheet: CSV UTF-8) and land it again",
        ) from error


def _too_long(column: pa.ChunkedArray) -> bool:
    longest = pc.max(pc.binary_length(column)).as_py()
    return longest is not None and longest > csv.field_size_limit()


def _columns(rows: list[list[str]]) -> list[Any]:
    return [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]


def distinct_names(columns: tuple[str, ...], label: str) -> None:
    """Columns that a mapping, or SQL, could not tell apart.

    Raises:
        SourceError: two columns have one name, or names that differ by case only.
    """
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise SourceError(
            f"the header names {listed(twice)} more than once",
            where=label,
            remedy="Rename one of them: a mapping could not tell them apart",
        )
    folded = Counter(name.lower() for name in columns)
    alike = [name for name in columns if folded[name.lower()] > 1]
    if alike:
        raise SourceError(
            f"the header names {listed(alike)}, which differ by case only",
            where=label,
            remedy="Rename one of them: SQL could not tell them apart",
        )
