"""What has more than one meaning is not guessed: the source waits until its mapping says."""

from __future__ import annotations

from collections.abc import Iterable

from ingestion import moments, numerals
from ingestion.contracts import Contract
from ingestion.conversion import JOINT, Reader
from ingestion.wording import quoted
from warehouse.errors import SourceError

_LONGEST = 40
_NUMBER_KEYS = {"decimal", "thousands"}


def refuse_ambiguous(
    label: str, contract: Contract, column: str, reader: Reader, cells: Iterable[str]
) -> None:
    """Refuse a source over the first cell whose writing it should have declared.

    A number with marks of another writing (`1,234`, `1.234,50`), a date in figures whose order
    nobody gave (`03/04/2025`). Where the input declares its marks or its format, such a cell is
    an ordinary misfit.

    Args:
        label: source and input.
        cells: cells that are not what the reader expects.

    Raises:
        SourceError: with the cell, what it may mean, and the key to set.
    """
    declared = reader.writing.model_fields_set
    dated = contract.type_of(column) in ("DATE", "TIMESTAMP")
    if contract.type_of(column) == "VARCHAR" or (
        "date_format" in declared if dated else declared & _NUMBER_KEYS
    ):
        return
    for cell in cells:
        for part in cell.split(JOINT):
            if not 0 < len(part) <= _LONGEST:
                continue
            meanings = _days(part) if dated else _numbers(part)
            if meanings:
                raise _refusal(label, column, part, meanings, dated)


def _numbers(cell: str) -> dict[str, str]:
    if numerals.normal(cell, numerals.Writing()) is not None:
        return {}
    return {keys: f"{value:f}" for keys, value in numerals.readings(cell).items()}


def _days(cell: str) -> dict[str, str]:
    return {
        f"date_format: {quoted(layout)}": day.isoformat()
        for layout, day in moments.readings(cell).items()
    }


def _refusal(
    label: str, column: str, cell: str, meanings: dict[str, str], dated: bool
) -> SourceError:
    kind = "date" if dated else "number"
    read = ", or ".join(f"{value} with `{keys}`" for keys, value in meanings.items())
    keys = "`date_format`" if dated else "`decimal` and `thousands`"
    return SourceError(
        f"it is not declared how the {kind} {quoted(cell)} is written",
        where=f"{label}, column {column}",
        got=f"a cell that means {read}",
        remedy=f"Set {keys} for this input in the source mapping",
    )
