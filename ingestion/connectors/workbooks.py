"""A sheet of an XLSX workbook as text, written the way the mapping says its cells are written.

A spreadsheet's numbers and dates are no text. They get the declared decimal mark and date format,
so that whoever reads the text as declared reads what the sheet holds; without a declaration that
is a decimal point and ISO dates. A formula counts with its last result, a merged cell stands in
its first place, a cell with an error keeps its name (#N/A).
"""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum

from ingestion.connectors.scratch import TextWriter, distinct
from ingestion.mapping import FileInput
from ingestion.wording import did_you_mean, listed, quoted
from warehouse.errors import SourceError, printable
from warehouse.files import disk_errors

_MOST_BYTES = 2**30
_MOST_CELLS = 40_000_000
_SMALL = 16 * 2**20
_BLOCK = 4 * 2**20
_ROWS_AT_ONCE = 20_000
_EPOCH = date(1970, 1, 1)
_CELL = re.compile(rb"<(?:\w+:)?c\s([^>]*)>")
_PLACE = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
_ERROR = re.compile(rb"<(?:\w+:)?v>([^<]{1,40})</")
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass(frozen=True)
class ReadSheet:
    """Columns, the select of them, how many rows it gives, and sentences for people."""

    columns: tuple[str, ...]
    scan: str
    rows: int
    notices: tuple[str, ...]


@dataclass
class _Survey:
    """What a sheet's XML says before anything builds a table of it."""

    last_row: int = 0
    last_column: int = 0
    errors: dict[tuple[int, int], str] = field(default_factory=dict)


def read_sheet(
    path: Path, label: str, declared: FileInput, target: Path, limit: int | None = None
) -> ReadSheet:
    """Write a sheet's rows to the scratch folder, numbered as the sheet numbers them.

    Args:
        path: the workbook.
        label: what errors call it.
        declared: the sheet, and how numbers and dates are to be written.
        target: Parquet file to write; the repacked workbook stands beside it for a moment.
        limit: rows to read at most.

    Raises:
        SourceError: no workbook, damaged, locked with a password, out of all proportion; no such
            sheet; no header.
    """
    repacked = target.with_suffix(".xlsx")
    try:
        sheets = _repack(path, repacked, label)
        book = CalamineWorkbook.from_path(str(repacked))
        name = _chosen(book, declared.sheet, label)
        survey = sheets.get(name, _Survey())
        if survey.last_row * survey.last_column > _MOST_CELLS:
            raise SourceError(
                f"the sheet {quoted(name)} reaches too far",
                where=label,
                expected=f"at most {_MOST_CELLS:,} cells between its first and its last",
                got=f"{survey.last_row:,} rows by {survey.last_column:,} columns",
                remedy="Delete what stands far from the table, or save the sheet as CSV",
            )
        rows = _rows(book, name, survey)
        width, header = _header(rows, f"{label}, sheet {quoted(name)}")
        distinct(header, label)
        with TextWriter(target, header) as writer:
            while chunk := list(islice(rows, min(_ROWS_AT_ONCE, limit or _ROWS_AT_ONCE))):
                texts = [_texts(chunk, position, declared) for position in range(width)]
                writer.write(texts, np.array([number for number, _ in chunk], dtype=np.int64))
                if limit:
                    break
    except (CalamineError, zipfile.BadZipFile, ElementTree.ParseError, KeyError) as error:
        raise _unsound(error, label) from error
    finally:
        repacked.unlink(missing_ok=True)
    return ReadSheet(header, writer.scan, writer.rows, _notices(survey, label))


def sheet_names(path: Path, label: str) -> list[str]:
    """The workbook's sheets of cells, in order.

    Raises:
        SourceError: it is no sound workbook.
    """
    try:
        return _names(CalamineWorkbook.from_path(str(path)))
    except (CalamineError, OSError) as error:
        raise _unsound(error, label) from error


def _names(book: CalamineWorkbook) -> list[str]:
    return [one.name for one in book.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]


def _unsound(error: Exception, label: str) -> SourceError:
    return SourceError(
        f"the file is not a sound XLSX workbook ({printable(error)})",
        where=label,
        expected="a workbook saved as .xlsx, without a password",
        remedy="Open it, save it again, or save the sheet as CSV UTF-8",
    )


def _repack(path: Path, target: Path, label: str) -> dict[str, _Survey]:
    """Write the workbook again with its XML only and unpacked, counting what comes out.

    What a zip says of its sizes may be a lie; what has been written is not.
    """
    left = _MOST_BYTES
    surveys: dict[str, _Survey] = {}
    with disk_errors(target), zipfile.ZipFile(path) as packed, zipfile.ZipFile(target, "w") as out:
        for member in packed.infolist():
            if not member.filename.endswith((".xml", ".rels")):
                continue
            left -= member.file_size
            if left < 0:
                raise SourceError(
                    "the workbook unpacks to too much",
                    where=label,
                    expected=f"at most {_MOST_BYTES // 2**20:,} MiB",
                    remedy="Save the sheet as CSV UTF-8 and name that in the source mapping",
                )
            is_sheet = "/worksheets/" in f"/{member.filename}"
            with packed.open(member) as source, out.open(member.filename, "w") as copy:
                if is_sheet:
                    surveys[member.filename] = _surveyed(source, copy)
                else:
                    shutil.copyfileobj(source, copy, _BLOCK)
        places = _sheet_members(packed)
    return {name: surveys[place] for name, place in places.items() if place in surveys}


def _surveyed(source: IO[bytes], copy: IO[bytes]) -> _Survey:
    survey, kept = _Survey(), b""
    while block := source.read(_BLOCK):
        copy.write(block)
        kept += block
        # The last cell may be cut in two: it waits for the next block.
        cut = max(kept.rfind(b"<c "), kept.rfind(b":c "), 0)
        _look(kept[:cut], survey)
        kept = kept[cut:][-_BLOCK:]
    _look(kept, survey)
    return survey


def _look(xml: bytes, survey: _Survey) -> None:
    for cell in _CELL.finditer(xml):
        place = _PLACE.search(cell[1])
        if place is None:
            continue
        row, column = int(place[2]), _column_number(place[1])
        survey.last_row = max(survey.last_row, row)
        survey.last_column = max(survey.last_column, column)
        if b't="e"' in cell[1]:
            said = _ERROR.search(xml, cell.end(), cell.end() + 10_000)
            survey.errors[row, column] = said[1].decode("ascii", "replace") if said else "#ERROR"


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _column_letters(number: int) -> str:
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _sheet_members(packed: zipfile.ZipFile) -> dict[str, str]:
    """Sheet name: its file in the workbook."""

    def tree(name: str) -> ElementTree.Element:
        with packed.open(name) as file:
            # Expat itself refuses entities that grow out of proportion; files are not fetched.
            return ElementTree.fromstring(file.read(_SMALL))  # noqa: S314

    targets = {
        relation.get("Id"): str(relation.get("Target"))
        for relation in tree("xl/_rels/workbook.xml.rels")
    }
    members = {}
    for element in tree("xl/workbook.xml").iter():
        target = targets.get(element.get(_RELATION))
        if element.tag.endswith("}sheet") and target:
            place = PurePosixPath("xl") / target
            members[str(element.get("name"))] = str(place).lstrip("/")
    return members


def _chosen(book: CalamineWorkbook, wanted: str | None, label: str) -> str:
    names = _names(book)
    if wanted is not None:
        if wanted not in names:
            raise SourceError(
                f"there is no sheet {quoted(wanted)}{did_you_mean(wanted, names)}",
                where=label,
                got=f"the sheets {listed(names)}",
                remedy="Correct `sheet` in the source mapping",
            )
        return wanted
    if len(names) != 1:
        raise SourceError(
            f"the workbook has {len(names)} sheets",
            where=label,
            got=listed(names),
            remedy="Set `sheet` for this file in the source mapping",
        )
    return names[0]


def _rows(book: CalamineWorkbook, name: str, survey: _Survey) -> Iterator[tuple[int, list[Any]]]:
    """Rows with their number in the sheet; those with nothing in them are left out."""
    sheet = book.get_sheet_by_name(name)
    errors: dict[int, list[tuple[int, str]]] = {}
    for (row, column), said in survey.errors.items():
        errors.setdefault(row, []).append((column, said))
    for number, cells in enumerate(sheet.to_python(skip_empty_area=False), 1):
        for column, said in errors.get(number, ()):
            cells[column - 1] = said
        if any(cell != "" for cell in cells):
            yield number, cells


def _header(rows: Iterator[tuple[int, list[Any]]], where: str) -> tuple[int, tuple[str, ...]]:
    _, cells = next(rows, (0, []))
    names = [str(_text(cell, None) or "").strip() for cell in cells]
    if not any(names):
        raise SourceError(
            "the sheet is empty",
            where=where,
            expected="a row with the names of the columns, and rows",
            remedy="Set `sheet` to the one with the table, or fetch the file again",
        )
    return len(names), tuple(n or f"(column {place})" for place, n in enumerate(names, 1))


def _texts(chunk: list[tuple[int, list[Any]]], position: int, declared: FileInput) -> pa.Array:
    return pa.array([_text(cells[position], declared) for _, cells in chunk], pa.string())


def _text(value: Any, declared: FileInput | None) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        # Fifteen digits are what a spreadsheet shows and means; the rest is binary noise.
        number = f"{Decimal(f'{value:.15g}'):f}"
        return number.replace(".", declared.decimal) if declared else number
    if isinstance(value, date):
        return _day(value, declared.date_format if declared else "%Y-%m-%d")
    if isinstance(value, timedelta):
        hours, rest = divmod(round(value.total_seconds()), 3600)
        return f"{hours:02}:{rest // 60:02}:{rest % 60:02}"
    return value.isoformat() if isinstance(value, time) else str(value)


def _day(value: date, date_format: str) -> str:
    moment = value if isinstance(value, datetime) else None
    if moment is not None:
        # A day's fraction is binary: seconds come with a noise of microseconds.
        moment = (
            (moment + timedelta(microseconds=500)).replace(microsecond=0)
            if (moment.microsecond % 1000)
            else moment
        )
        if moment.time() == time():
            value, moment = moment.date(), None
    if date_format == "epoch_days" and moment is None:
        return str((date(value.year, value.month, value.day) - _EPOCH).days)
    if date_format == "epoch_seconds":
        start = datetime(_EPOCH.year, _EPOCH.month, _EPOCH.day)  # noqa: DTZ001
        whole = moment or datetime(value.year, value.month, value.day)  # noqa: DTZ001
        return str(int((whole - start).total_seconds()))
    if moment is None:
        return value.strftime(date_format)
    has_time = any(sign in date_format for sign in ("%H", "%I", "%X", "%c", "%T"))
    return moment.strftime(date_format) if has_time else moment.isoformat(" ")


def _notices(survey: _Survey, label: str) -> tuple[str, ...]:
    if not survey.errors:
        return ()
    first = [
        f"{said} in {_column_letters(column)}{row}"
        for (row, column), said in islice(survey.errors.items(), 3)
    ]
    count = len(survey.errors)
    cells = "1 cell holds an error" if count == 1 else f"{count:,} cells hold errors"
    return (f"{label}: {cells} of the spreadsheet ({printable(', '.join(first))})",)
