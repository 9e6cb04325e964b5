"""A first mapping, proposed from a file's own columns and cells; a person reads and finishes it.

What a contract needs and the file does not say stands there as a marked placeholder; what can be
read in two ways is left to be chosen. A proposal never guesses a currency.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from ingestion import guessing, vocabulary
from ingestion.connectors import files
from ingestion.connectors.addresses import Local
from ingestion.connectors.opening import opened
from ingestion.connectors.workbooks import sheet_names
from ingestion.drafting import Draft
from ingestion.guessing import Column, Numbers
from ingestion.mapping import FileInput, parse_mapping
from ingestion.plain_writing import comment, scalar, table_lines
from ingestion.recognising import drafts
from ingestion.wording import listed, quoted
from warehouse.errors import SourceError, printable

_HEAD = 256 * 2**10
_ROWS = 5_000
_INPUT = "data"
_DEFAULTS = {"encoding": "utf-8", "delimiter": ","}


@dataclass(frozen=True)
class Proposal:
    """A mapping as YAML, and what a person should know of how it was guessed."""

    text: str
    remarks: tuple[str, ...]


@dataclass
class Sample:
    """The first rows of a file, and what they say.

    Args:
        declared: keys of the file in the mapping.
        choices: lines that say what is to be chosen.
    """

    columns: dict[str, Column]
    rows: int
    declared: dict[str, Any] = field(default_factory=dict)
    choices: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def propose(file: Path, *, source: str | None = None, folder: Path | None = None) -> Proposal:
    """Propose a mapping of one file.

    Args:
        file: a CSV, TSV, JSON lines, Parquet or XLSX file on this machine.
        source: name of the source; default: from the file's name.
        folder: where the mapping will lie, so that its path is relative to it; default: the path
            is written in full.

    Raises:
        SourceError: the file cannot be read, or its columns fit no contract.
    """
    name = source or _source_name(file)
    sample = _sampled(file)
    found = drafts(sample.columns, sample.rows, sample.remarks)
    if not found:
        raise SourceError(
            "the columns fit no table that is known here",
            where=printable(file),
            expected="a date with spend, sales or units; or a catalogue of products, customers, "
            "sellers, promotions",
            got=f"the columns {listed(sample.columns, 40)}",
            remedy="Write the mapping by hand (see sources/README.md)",
        )
    _writing(sample, found)
    text = _text(name, _path(file, folder, sample.remarks), sample, found)
    # A proposal that could not be read would be a trap.
    parse_mapping(text.encode(), "the proposal")
    return Proposal(text, tuple(sample.remarks))


def _source_name(file: Path) -> str:
    stem = vocabulary.plain(file.name.split(".")[0])
    if not stem[:1].isalpha() or not stem.isascii():
        stem = f"source_{stem}"
    return stem[:40].strip("_") or "source"


def _path(file: Path, folder: Path | None, remarks: list[str]) -> str:
    whole = file.resolve()
    path = os.path.relpath(whole, folder.resolve()) if folder is not None else str(whole)
    if "://" in path or "::" in path:
        path = f"./{path}"
    if "${" in path:
        remarks.append("the file's name holds `${`, which means a variable; a ? stands for it")
        path = path.replace("${", "?{")
    return path


def _sampled(file: Path) -> Sample:
    """The first rows as text.

    Raises:
        SourceError: the file cannot be read.
    """
    declared: dict[str, Any] = {}
    remarks: list[str] = []
    choices: list[str] = []
    kind = files.format_of(FileInput(path="x"), file.name)
    if kind in ("csv", "tsv", "jsonl"):
        with opened(Local(file, str(file)), printable(file)) as opening:
            head = opening.plain.read(_HEAD)
        encoding, why = guessing.encoding_of(head)
        declared["encoding"] = encoding
        if why:
            remarks.append(f"encoding {encoding}: {why}")
        if kind == "csv":
            text = head.decode(encoding, "replace").removeprefix("\ufeff")
            declared["delimiter"] = guessing.delimiter_of(text.rpartition("\n")[0] or text)
    elif kind == "xlsx":
        sheets = sheet_names(file, printable(file))
        if len(sheets) > 1:
            declared["sheet"] = sheets[0]
            choices.append(f"choose: sheet, one of {', '.join(map(scalar, sheets))}")
    names, rows = _first_rows(file, declared)
    cells = {name: [row[n] for row in rows] for n, name in enumerate(names)}
    words = guessing.na_words(cells.values())
    if words:
        declared["na_values"] = words
    known = {name: guessing.profiled(name, column, words) for name, column in cells.items()}
    return Sample(known, len(rows), declared, choices, remarks)


def _first_rows(
    file: Path, declared: dict[str, Any]
) -> tuple[tuple[str, ...], list[list[str | None]]]:
    spec = FileInput(path=file.name, **declared)
    with tempfile.TemporaryDirectory() as scratch, duckdb.connect() as engine:
        found = files.read_files(
            [Local(file, str(file))],
            spec,
            Path(scratch),
            name=_INPUT,
            source=printable(file.name),
            limit=_ROWS,
        )
        rows = engine.execute(found.parts[0].scan).fetchall()
    # The row number comes last.
    return found.columns, [[None if c is None else str(c) for c in row[:-1]] for row in rows]


def _writing(sample: Sample, found: Sequence[Draft]) -> None:
    """Declare how dates and numbers of the mapped columns are written, or what is to be chosen."""
    dates = {c for draft in found for c in draft.dates}
    formats: list[str] | None = None
    for name in sorted(dates):
        own = list(sample.columns[name].formats)
        both = own if formats is None else [one for one in formats if one in own]
        if not both:
            sample.remarks.append(
                f"dates are written in several ways; {quoted(name)} is not read as the others"
            )
            continue
        formats = both
    if formats and len(formats) > 1:
        choices = ", ".join(scalar(one) for one in formats)
        sample.choices.append(f"choose: date_format, one of {choices}")
        sample.remarks.append("the dates can be read in several ways: choose a date_format")
    elif formats and formats[0] != "%Y-%m-%d":
        sample.declared["date_format"] = formats[0]
        sample.remarks.append(f"date_format {formats[0]}: it reads every date of the sample")
    numeric = [sample.columns[c].cells for d in found for c in d.numbers if c in sample.columns]
    numbers = guessing.numbers_of(numeric)
    if numbers is not None:
        _declare_marks(sample, numbers, numeric)


def _declare_marks(sample: Sample, numbers: Numbers, numeric: Sequence[Sequence[str]]) -> None:
    if not numbers.also:
        if numbers.decimal != ".":
            sample.declared["decimal"] = numbers.decimal
        if numbers.thousands:
            sample.declared["thousands"] = numbers.thousands
        if numbers.decimal != "." or numbers.thousands:
            sample.remarks.append("decimal and thousands marks: the only ones that read every cell")
        return
    ways = [(numbers.decimal, numbers.thousands), *numbers.also]
    cell = next(
        cell
        for column in numeric
        for cell in column
        if len({guessing.number(cell, *marks) for marks in ways}) > 1
    )
    said = ", or ".join(
        f"decimal {scalar(d)} thousands {scalar(t)} ({cell} is {guessing.number(cell, d, t):g})"
        for d, t in ways
    )
    sample.choices.append(f"choose: {said}")
    sample.remarks.append(f"the number {quoted(cell)} has several meanings: choose the marks")


def _text(name: str, path: str, sample: Sample, found: Sequence[Draft]) -> str:
    used = {column for draft in found for column in draft.used}
    idle = [column for column in sample.columns if column not in used]
    currency = next((draft.currency for draft in found if draft.currency), None)
    declared = {k: v for k, v in sample.declared.items() if _DEFAULTS.get(k) != v}
    lines = [
        "# Proposed from the file's own columns. Look through it, and mind what says `fill in`",
        "# or `choose`; `liftcast check` tells what will land.",
        "version: 1",
        f"source: {name}",
        f"reporting_currency: {currency}" if currency else "# reporting_currency:  # fill in",
        "files:",
        f"  {_INPUT}:",
        f"    path: {scalar(path)}",
        *(f"    {key}: {_value(value)}" for key, value in declared.items()),
        *(f"    # {comment(choice)}" for choice in sample.choices),
    ]
    queries = [query for draft in found for query in draft.queries]
    if queries:
        lines += ["queries:"]
        for query_name, sql in queries:
            lines += [f"  {query_name}:", f"    sql: {scalar(sql)}"]
    lines.append("tables:")
    for draft in found:
        lines += table_lines(draft, _INPUT)
    if idle:
        lines.append("# not mapped: " + ", ".join(comment(column, 60) for column in idle))
    if any(draft.unpivot for draft in found):
        sample.remarks.append("columns of media were taken for channels by their endings")
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(scalar, value))}]"
    return scalar(str(value))
