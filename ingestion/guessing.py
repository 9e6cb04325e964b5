"""What a file's own cells say about how they are written: encoding, delimiter, numbers, dates."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

NA_WORDS = ("na", "n/a", "nan", "null", "none", "-", "--", "#n/a", "?", "(null)", "\\n")
_DELIMITERS = ",;\t|"
_DAY_FORMATS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y",
    "%m-%d-%Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%Y%m%d", "%d %b %Y", "%d-%b-%Y", "%b %d %Y",
    "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%A, %B %d, %Y",
)  # fmt: skip
_TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M:%S", "T%H:%M:%S.%f", " %I:%M%p",
          " %I:%M %p", " %I:%M:%S %p")  # fmt: skip
_ISO_WITH_ZONE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?\s?(Z|[+-]\d\d:?\d\d)")
_EPOCH = re.compile(r"[0-9]{9,10}(\.[0-9]+)?")
_MARKS = ((".", ""), (",", ""), (".", ","), (",", "."), (",", " "), (".", " "), (".", "'"))


@dataclass(frozen=True)
class Column:
    """A source column by a sample of its cells.

    Args:
        cells: those with something in them, trimmed.
        formats: every date format that reads all of them.
        is_number: all are numbers, with some marks.
    """

    name: str
    cells: tuple[str, ...]
    formats: tuple[str, ...] = ()
    is_number: bool = False

    @property
    def is_date(self) -> bool:
        return bool(self.formats)


@dataclass(frozen=True)
class Numbers:
    """How numbers are written.

    Args:
        decimal, thousands: marks, as a mapping declares them.
        also: other marks that read every cell and give other numbers.
    """

    decimal: str
    thousands: str
    also: tuple[tuple[str, str], ...] = ()


def encoding_of(head: bytes) -> tuple[str, str]:
    """The encoding of a file's first bytes, and why it is thought so; empty: nothing to say."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16", "it begins with the mark of UTF-16"
    if head[:400].count(b"\0") > len(head[:400]) // 4:
        side = "le" if head[1:400:2].count(b"\0") > head[:400:2].count(b"\0") else "be"
        return f"utf-16-{side}", "every other byte is NUL"
    try:
        # The last character may be cut in two.
        head[: max(len(head) - 4, 0) if len(head) > 1000 else None].decode("utf-8")
        return "utf-8", ""
    except UnicodeDecodeError:
        return "cp1252", "it is not UTF-8; cp1252 is what Windows writes in Western Europe"


def delimiter_of(text: str) -> str:
    """The delimiter that cuts most lines into the same number of cells, more than one."""
    best, best_score = ",", (0, 0)
    for delimiter in _DELIMITERS:
        try:
            rows = [row for row in csv.reader(text.splitlines()[:100], delimiter=delimiter) if row]
        except csv.Error:
            continue
        width = len(rows[0]) if rows else 0
        same = sum(len(row) == width for row in rows)
        if width > 1 and (same, width) > best_score:
            best, best_score = delimiter, (same, width)
    return best


def profiled(name: str, cells: Iterable[str | None], na: Sequence[str] = ()) -> Column:
    """A column by its cells; `na` are words that mean an empty one."""
    full = filled(cells, na)
    numeric = bool(full) and all(map(is_number, full))
    return Column(name, tuple(full), tuple(date_formats(full)), numeric)


def na_words(columns: Iterable[Sequence[str | None]]) -> list[str]:
    """Words that mean an empty cell: the rest of their column is numbers or dates, or nothing."""
    words: dict[str, None] = {}
    for cells in columns:
        full = filled(cells)
        strange = dict.fromkeys(c for c in full if c.casefold() in NA_WORDS)
        rest = [c for c in full if c not in strange]
        is_typed = all(map(is_number, rest)) or bool(date_formats(rest))
        # Where most cells are such a word, the few others are what happened.
        if strange and (is_typed or len(rest) < len(full) // 2):
            words |= strange
    return list(words)


def filled(cells: Iterable[str | None], na: Sequence[str] = ()) -> list[str]:
    """Cells with something in them, trimmed."""
    trimmed = (cell.strip() for cell in cells if cell is not None)
    return [cell for cell in trimmed if cell and cell not in na]


def date_formats(cells: Sequence[str]) -> list[str]:
    """Every `date_format` that reads all cells: the likeliest first, none where there is none."""
    distinct = list(dict.fromkeys(cells))
    if not distinct:
        return []
    if all(_EPOCH.fullmatch(cell) for cell in distinct):
        return ["epoch_seconds"]
    if all(_ISO_WITH_ZONE.fullmatch(cell) for cell in distinct):
        return ["%Y-%m-%d"]
    fitting = []
    for day in _DAY_FORMATS:
        for time in _TIMES:
            layout = day + time
            if all(_fits(cell, layout) for cell in distinct):
                fitting.append(layout)
                break
    return fitting


def _fits(cell: str, layout: str) -> bool:
    # strptime would take 2025-1-2, and 20250102 for day and month of one figure.
    figures = layout.split("%")[1][0] if layout.startswith("%") else ""
    if figures == "Y" and not re.match(r"[0-9]{4}(?![0-9]{5})", cell):
        return False
    if layout == "%Y%m%d" and not re.fullmatch(r"(19|20)[0-9]{6}", cell):
        return False
    try:
        year = datetime.strptime(cell, layout).year  # noqa: DTZ007
    except ValueError:
        return False
    return 1950 <= year <= 2100


def numbers_of(columns: Iterable[Sequence[str]]) -> Numbers | None:
    """How the numbers of several columns are written, or None where no marks read them all."""
    every = [cell for column in columns for cell in column]
    fitting = [marks for marks in _MARKS if all(number(cell, *marks) is not None for cell in every)]
    if not fitting:
        return None
    first = fitting[0]
    meant = [number(cell, *first) for cell in every]
    also = [marks for marks in fitting[1:] if [number(cell, *marks) for cell in every] != meant]
    return Numbers(*first, tuple(also))


def number(cell: str, decimal: str = ".", thousands: str = "") -> float | None:
    """The number a cell is with these marks, or None."""
    whole = r"[0-9]+"
    if thousands:
        whole = rf"(?:[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+|[0-9]+)"
    pattern = rf"[+-]?(?:{whole}(?:{re.escape(decimal)}[0-9]*)?|{re.escape(decimal)}[0-9]+)"
    if not re.fullmatch(pattern + r"(?:[eE][+-]?[0-9]{1,3})?", cell):
        return None
    plain = cell.replace(thousands, "") if thousands else cell
    return float(plain.replace(decimal, "."))


def is_number(cell: str) -> bool:
    """Whether a cell is a number with some marks."""
    return any(number(cell, *marks) is not None for marks in _MARKS)


def grain_of(days: Iterable[datetime]) -> str:
    """`day`, `week`, `month`, or empty: by the smallest step between days."""
    ordered = sorted({day.date() for day in days})
    steps = [(b - a).days for a, b in pairwise(ordered)]
    if not steps:
        return ""
    least = min(steps)
    if least == 7:
        return "week"
    return "month" if least >= 28 else "day"


def parsed(cell: str, layout: str) -> datetime | None:
    """A cell as a time by a format of `date_formats`."""
    try:
        if layout == "epoch_seconds":
            return datetime.fromtimestamp(float(cell))  # noqa: DTZ006
        if _ISO_WITH_ZONE.fullmatch(cell):
            return datetime.fromisoformat(cell[:10])
        return datetime.strptime(cell, layout)  # noqa: DTZ007
    except (ValueError, OverflowError):
        return None
