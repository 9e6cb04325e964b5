"""Plain CSV in, a fit's folder out: the mix model's edge towards files."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import math
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse.errors import LiftcastError, printable
from warehouse.files import appearing

if TYPE_CHECKING:
    import pandas as pd

#: A table is held in memory as text: this is about 3 GB.
MOST_BYTES = 256 * 2**20
#: Longer cells are no cells: a quote was opened and never closed, or the file is no table. The csv
#: module's own limit is one for the whole process, which other libraries raise.
MOST_CHARACTERS = 100_000
_DELIMITERS = (",", ";", "\t", "|")
_COMMA_NUMBER = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?")
#: What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class CsvTable:
    """A CSV file as text cells (index: line of the file), what was found out about it, its hash."""

    frame: pd.DataFrame
    notes: tuple[str, ...]
    sha256: str


def read_csv(path: Path) -> CsvTable:
    """Read a CSV file (also .gz) as text.

    Encoding, delimiter and decimal comma are found out and told in `notes`.

    Raises:
        LiftcastError: no file, empty, too large, no CSV, or a row of another length.
    """
    name = printable(path)
    data = _bytes(path, name)
    notes: list[str] = []
    text = _text(data, name, notes)
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if not first:
        raise LiftcastError(
            "the file is empty",
            where=name,
            expected="a header and rows below it",
            remedy="Export it again",
        )
    delimiter = _delimiter(text)
    if delimiter != ",":
        notes.append(f"columns are separated by {_shown(delimiter)}")
    header, numbers, rows = _rows(text, delimiter, name)
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(header)
    if delimiter != ",":
        cells = _points(header, cells, notes)

    import pandas as pd

    frame = pd.DataFrame(dict(enumerate(cells)), index=pd.Index(numbers, name="row"), dtype=object)
    frame.columns = pd.Index(header)
    return CsvTable(frame, tuple(notes), hashlib.sha256(data).hexdigest())


def _bytes(path: Path, name: str) -> bytes:
    if not path.is_file():
        got = "a folder" if path.is_dir() else "nothing"
        raise LiftcastError(
            "there is no such file", where=name, expected="a CSV file", got=got,
            remedy="Check the path",
        )  # fmt: skip
    try:
        with path.open("rb") as plain:
            zipped = plain.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as handle:
            data = handle.read(MOST_BYTES + 1)
    except (OSError, EOFError) as error:
        raise LiftcastError(
            f"the file cannot be read ({printable(error)})", where=name,
            remedy="Check its permissions, or export it again",
        ) from error  # fmt: skip
    if len(data) > MOST_BYTES:
        raise LiftcastError(
            "the file is too large for a plain CSV",
            where=name,
            expected=f"at most {MOST_BYTES // 2**20} MB (unpacked)",
            remedy="Sum it to weeks and territories first, or land it with `liftcast ingest`",
        )
    return data


def _text(data: bytes, name: str, notes: list[str]) -> str:
    for start, what in (
        (b"PK\x03\x04", "a workbook or zip file"), (b"PAR1", "a Parquet file"),
        (b"%PDF", "a PDF"), (b"\xd0\xcf\x11\xe0", "an old workbook"),
    ):  # fmt: skip
        if data.startswith(start):
            raise LiftcastError(
                "this is not a CSV", where=name, expected="text, columns separated by commas",
                got=what, remedy="Save it as CSV",
            )  # fmt: skip
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        notes.append("encoding UTF-16")
        return data.decode("utf-16", "replace").replace("\r\n", "\n")
    if b"\x00" in data:
        raise LiftcastError(
            "this is not a CSV", where=name, expected="text", got="bytes that are no text",
            remedy="Save it as CSV in UTF-8",
        )  # fmt: skip
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        notes.append("not UTF-8: read as Windows-1252; look at names with accents")
        return data.decode("cp1252", "replace")


def _delimiter(text: str) -> str:
    """The delimiter that cuts the first lines into most columns of one number."""
    head = text[: 64 * 2**10]
    best, most = ",", 1
    for delimiter in _DELIMITERS:
        try:
            rows = [row for row in csv.reader(io.StringIO(head), delimiter=delimiter) if row][:20]
        except csv.Error:
            continue
        widths = [len(row) for row in (rows[:-1] or rows)]
        if widths and min(widths) == widths[0] and widths[0] > most:
            best, most = delimiter, widths[0]
    return best


def _shown(delimiter: str) -> str:
    return {";": "semicolons", "\t": "tabs", "|": "bars"}[delimiter]


def _rows(text: str, delimiter: str, name: str) -> tuple[list[str], list[int], list[list[str]]]:
    """Header, line numbers and rows; every row as long as the header."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header: list[str] | None = None
    numbers: list[int] = []
    rows: list[list[str]] = []
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if header is None:
                header = [cell.strip() for cell in row]
                continue
            if len(row) != len(header):
                raise LiftcastError(
                    "a row of another length",
                    where=f"{name}, row {reader.line_num}",
                    expected=f"{len(header)} cells, as in the header",
                    got=f"{len(row)}",
                    remedy="Put cells that hold the delimiter in quotes, or remove what is no row "
                    "of the table",
                )
            if max(map(len, row)) > MOST_CHARACTERS:
                raise csv.Error(f"a cell of more than {MOST_CHARACTERS} characters")
            numbers.append(reader.line_num)
            rows.append(row)
    except csv.Error as error:
        raise LiftcastError(
            f"this is not a CSV ({printable(error)})",
            where=f"{name}, row {reader.line_num}",
            expected="text, columns separated by commas",
            remedy="Export it again as CSV",
        ) from error
    header = header or []
    if len(header) < 2:
        raise LiftcastError(
            "this is not a table", where=name, expected="two columns or more",
            got=f"one column, {printable(header[0], 40)!r}" if header else "no column",
            remedy="Save it as CSV, columns separated by commas",
        )  # fmt: skip
    return [cell or f"Unnamed: {at}" for at, cell in enumerate(header)], numbers, rows


def _points(
    header: list[str], columns: list[tuple[str, ...]], notes: list[str]
) -> list[tuple[str, ...]]:
    """Decimal commas turned into points, in a file whose columns are not separated by commas."""
    fits, commas = [], []
    for cells in columns:
        filled = [cell.strip() for cell in cells if cell.strip()]
        fits.append(bool(filled) and all(_COMMA_NUMBER.fullmatch(cell) for cell in filled))
        commas.append(any("," in cell for cell in filled))
    if not any(fit and comma for fit, comma in zip(fits, commas, strict=True)):
        return columns
    out, grouped = [], []
    for name, cells, fit in zip(header, columns, fits, strict=True):
        if fit and any("." in cell for cell in cells):
            grouped.append(name)
        out.append(
            tuple(cell.strip().replace(".", "").replace(",", ".") for cell in cells)
            if fit
            else cells
        )
    notes.append("decimal commas are read as points")
    if grouped:
        shown = ", ".join(printable(name, 40) for name in grouped[:5])
        notes.append(f"points are read as thousands marks in {shown}")
    return out


# --- writing ------------------------------------------------------------------------------------


def cell(text: object) -> str:
    """Text from outside as a cell: no formula for a spreadsheet, no control character."""
    raw = str(text)
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in raw)
    return f"'{safe}" if raw.startswith(_FORMULA) else safe


def write_table(path: Path, columns: Mapping[str, Sequence[Any]], text: Iterable[str]) -> None:
    """Write columns as CSV: numbers with 10 digits, Decimals exactly, nothing for NaN.

    Args:
        text: names of the columns that hold text from outside.
    """
    outside = set(text)
    laid = [
        _texts(values) if name in outside else _figures(values) for name, values in columns.items()
    ]
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*laid, strict=True))


def _texts(values: Sequence[Any]) -> list[str]:
    known: dict[Any, str] = {}
    return [
        known.setdefault(value, cell(value)) if value not in known else known[value]
        for value in values
    ]


def _figures(values: Sequence[Any]) -> list[str]:
    out = []
    for value in values:
        if isinstance(value, float):
            out.append("" if math.isnan(value) else f"{value:.10g}")
        elif isinstance(value, Decimal):
            out.append(f"{value:f}")
        else:
            out.append(str(value))
    return out


def write_figures(path: Path, value: Any) -> None:
    """Write JSON that every reader takes: NaN and infinity as null."""
    path.write_text(json.dumps(_clean(value), indent=2) + "\n", encoding="utf-8")


def _clean(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    if isinstance(value, float) or type(value).__module__ == "numpy":
        number = value.item() if hasattr(value, "item") else value
        if isinstance(number, float) and not math.isfinite(number):
            return None
        return number
    return value if isinstance(value, str | int | bool) or value is None else str(value)


def check_place(folder: Path, replace: bool) -> None:
    """Refuse, before any work, a folder that may not be written.

    Raises:
        LiftcastError: it stands already and `replace` is not wished, or it is no fit's folder.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not replace:
        raise LiftcastError(
            "the folder stands already",
            where=printable(folder),
            remedy="Give another --out, or --force to put the new fit in its place",
        )
    if folder.is_symlink() or not (folder / "fit.json").is_file():
        raise LiftcastError(
            "this is not the folder of a fit (no fit.json in it) and is not replaced",
            where=printable(folder),
            remedy="Give another --out",
        )


@contextmanager
def fit_folder(folder: Path, replace: bool) -> Iterator[Path]:
    """Yield a folder to write into, which becomes `folder` as a whole at the end, or not at all."""
    check_place(folder, replace)
    old = None
    fresh = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.new")
    with appearing(fresh) as temporary:
        yield temporary
    try:
        check_place(folder, replace)  # somebody else may have written meanwhile
        if folder.exists() and any(folder.iterdir()):
            old = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.old")
            folder.rename(old)
        fresh.rename(folder)
    except BaseException:
        if old is not None and not folder.exists():
            old.rename(folder)
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
