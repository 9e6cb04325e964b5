"""Reading a CSV file as text, with the line number of every row.

Python's `csv` in strict mode does the parsing: unlike the faster readers it knows the line a
record begins on when cells hold line breaks, and it refuses what it would have to guess.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import os
import stat
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa

from ingestion.wording import did_you_mean, listed, quoted
from warehouse.errors import SourceError, printable

_DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a pipe"}
_IN_MEMORY = 64 * 2**20
_BLOCK = 2**20
_ROWS_AT_ONCE = 50_000
TEXT = pd.ArrowDtype(pa.string())


@dataclass(frozen=True)
class SourceFile:
    """A file as it was at one moment.

    Args:
        label: what errors call it.
        hash: SHA-256 of its bytes as they lie on disk.
        cells: one text column a source column, cells exactly as written.
        row_numbers: line each row begins on; the header is line 1.
        state: size, time of change and inode while it was read.
    """

    label: str
    path: Path
    hash: str
    cells: pd.DataFrame
    row_numbers: np.ndarray[Any, np.dtype[np.int64]]
    state: tuple[int, int, int]

    def check_unchanged(self) -> None:
        """Raises: SourceError, when the file is no longer what was read."""
        try:
            now = _state(self.path.stat())
        except OSError as error:
            raise _changed(self.label, "it is gone") from error
        if now != self.state:
            raise _changed(self.label, f"{self.state[0]:,} bytes became {now[0]:,}")


def read_csv(path: Path, label: str, delimiter: str = ",") -> SourceFile:
    """Read a CSV file, plain or gzipped, UTF-8, as text.

    Args:
        path: the file.
        label: what errors call it (source and file).
        delimiter: one character between the cells.

    Raises:
        SourceError: missing, empty, unreadable, not UTF-8, changed while it was read, header
            names twice, another delimiter, rows of unequal length, stray quotes, NUL bytes.
    """
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as copy:
        file_hash, state = _copy(path, label, copy)
        copy.seek(0)
        zipped = copy.read(2) == b"\x1f\x8b"
        copy.seek(0)
        plain = cast(IO[bytes], gzip.GzipFile(fileobj=copy, mode="rb") if zipped else copy)
        try:
            cells, row_numbers = _parse(plain, label, delimiter)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise SourceError(
                f"the gzip file is damaged ({printable(error)})",
                where=label,
                remedy="Fetch it again: it may be only partly transferred",
            ) from error
        except UnicodeDecodeError as error:
            plain.seek(0)
            raise _not_utf8(plain, label) from error
    return SourceFile(label, path, file_hash, cells, row_numbers, state)


def _state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ino


def _changed(label: str, how: str) -> SourceError:
    return SourceError(
        f"the file changed while it was read ({how})",
        where=label,
        remedy="Land it again once its writer has finished; nothing was changed in the lake",
    )


def _copy(path: Path, label: str, copy: IO[bytes]) -> tuple[str, tuple[int, int, int]]:
    """Take the file's bytes once, and refuse a file that changes meanwhile."""
    digest, size = hashlib.sha256(), 0
    try:
        # Opening a pipe would wait for its writer for ever, so look before opening.
        if not stat.S_ISREG(path.stat().st_mode):
            kind = "a folder" if path.is_dir() else "not a regular file"
            raise SourceError(
                f"{quoted(path, 200)} is {kind}",
                where=label,
                expected="a CSV file",
                remedy="Correct `path` in the source mapping",
            )
        with path.open("rb") as handle:
            before = _state(os.fstat(handle.fileno()))
            while block := handle.read(_BLOCK):
                digest.update(block)
                copy.write(block)
                size += len(block)
            after = _state(os.fstat(handle.fileno()))
        if before != after or size != after[0] or _state(path.stat()) != after:
            raise _changed(label, f"{before[0]:,} bytes became {max(size, after[0]):,}")
    except FileNotFoundError as error:
        raise _missing(path, label) from error
    except OSError as error:
        raise SourceError(
            f"{quoted(path, 200)} cannot be read ({error.strerror})",
            where=label,
            remedy="Check the path and its permissions",
        ) from error
    if size == 0:
        raise _empty(label)
    return digest.hexdigest(), after


def _missing(path: Path, label: str) -> SourceError:
    beside: list[str] = []
    if path.parent.is_dir():
        beside = [entry.name for entry in path.parent.iterdir()]
    hint = did_you_mean(path.name, beside) if beside else "; its folder does not exist either"
    if path.parent.is_dir() and not beside:
        hint = "; its folder is empty"
    return SourceError(
        f"there is no file {quoted(path, 200)}{hint}",
        where=label,
        remedy="Correct `path` in the source mapping, or fetch the file",
    )


def _empty(label: str) -> SourceError:
    return SourceError(
        "the file is empty",
        where=label,
        expected="a header line and rows",
        remedy="Fetch it again; what was landed before stays",
    )


def _not_utf8(plain: IO[bytes], label: str) -> SourceError:
    line = 0
    for number, raw in enumerate(plain, 1):
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            line = number
            break
    return SourceError(
        "the file is not UTF-8 text",
        where=f"{label}, row {line}",
        remedy="Save it as UTF-8 (in a spreadsheet: CSV UTF-8) and land it again",
    )


def _lines(text: io.TextIOWrapper, label: str) -> Iterator[str]:
    for number, line in enumerate(text, 1):
        if "\0" in line:
            raise SourceError(
                "there is a NUL byte in the file",
                where=f"{label}, row {number}",
                expected="text",
                remedy="Fetch it again, or save it as UTF-8 text",
            )
        yield line


def _parse(
    plain: IO[bytes], label: str, delimiter: str
) -> tuple[pd.DataFrame, np.ndarray[Any, np.dtype[np.int64]]]:
    text = io.TextIOWrapper(plain, encoding="utf-8-sig", newline="")
    reader = csv.reader(_lines(text, label), delimiter=delimiter, strict=True)
    numbers: list[int] = []
    chunks: list[list[pa.Array]] = []
    block: list[list[str]] = []
    try:
        header = _header(next(reader, []), label, delimiter)
        begins = reader.line_num + 1
        for row in reader:
            line, begins = begins, reader.line_num + 1
            if not row:
                continue
            if len(row) != len(header):
                raise SourceError(
                    "the row has another number of cells than the header",
                    where=f"{label}, row {line}",
                    expected=f"{len(header)} cells",
                    got=f"{len(row)}, the first being {quoted(row[0])}",
                    remedy="Quote cells that hold the delimiter, or fetch the whole file again",
                )
            block.append(row)
            numbers.append(line)
            if len(block) == _ROWS_AT_ONCE:
                chunks.append(_columns(block))
                block = []
    except csv.Error as error:
        raise SourceError(
            f"the file cannot be parsed as CSV ({printable(error)})",
            where=f"{label}, row {reader.line_num}",
            remedy="Look for a quote that is not closed, or not doubled inside a quoted cell",
        ) from error
    finally:
        # The bytes beneath stay open: after an error they are read again for its place.
        text.detach()
    if block:
        chunks.append(_columns(block))
    return _frame(header, chunks), np.array(numbers, dtype=np.int64)


def _columns(block: list[list[str]]) -> list[pa.Array]:
    return [pa.array(column, pa.string()) for column in zip(*block, strict=True)]


def _frame(header: list[str], chunks: list[list[pa.Array]]) -> pd.DataFrame:
    columns = {
        name: pd.Series(
            pd.array(
                pa.chunked_array([chunk[position] for chunk in chunks], pa.string()), dtype=TEXT
            )
        )
        for position, name in enumerate(header)
    }
    return pd.DataFrame(columns)


def _header(names: list[str], label: str, delimiter: str) -> list[str]:
    header = [name.strip() for name in names]
    if not any(header):
        raise _empty(label)
    if len(header) == 1:
        for other, spoken in _DELIMITERS.items():
            if other != delimiter and other in header[0]:
                raise SourceError(
                    "the header is a single column",
                    where=label,
                    expected=f"cells separated by {_DELIMITERS.get(delimiter, quoted(delimiter))}",
                    got=f"{quoted(header[0])}, which looks separated by {spoken}",
                    remedy=f"Set `delimiter: {other!r}` for this file in the source mapping",
                )
    twice = [name for name, count in Counter(filter(None, header)).items() if count > 1]
    if twice:
        raise SourceError(
            f"the header names {listed(twice)} more than once",
            where=label,
            remedy="Rename one of them: a mapping could not tell them apart",
        )
    # A column without a name (a saved index) cannot be mapped, and must not clash.
    return [name or f"(column {position})" for position, name in enumerate(header, 1)]
