"""Drafts of a mapping's entries, and the columns they are made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ingestion import guessing, vocabulary
from ingestion.contracts import CONTRACTS
from ingestion.guessing import Column
from ingestion.wording import quoted

FILL_IN = "FILL_IN"
ALL = "all"
CURRENCY = "ISO 4217 code of the amounts"
_NUMBERS = {
    name
    for contract in CONTRACTS.values()
    for name in contract.columns
    if contract.is_number(name) and name != "line_number"
}


@dataclass
class Draft:
    """One entry under `tables`.

    Args:
        hints: for constants that a person must look at: what belongs there.
        unpivot: `set` and `columns` of each entry.
        queries: inputs made of the file, name and SQL.
        dates, numbers: source columns whose cells are read as such.
        currency: code that the file itself names.
    """

    table: str
    from_: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)
    unpivot: list[tuple[dict[str, str], dict[str, str]]] = field(default_factory=list)
    multiply: dict[str, tuple[str, ...]] = field(default_factory=dict)
    templates: dict[str, str] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)
    records: list[dict[str, str]] = field(default_factory=list)
    queries: list[tuple[str, str]] = field(default_factory=list)
    distinct: bool = False
    currency: str | None = None

    @property
    def used(self) -> set[str]:
        """Source columns it maps."""
        return {
            *self.columns.values(),
            *self.where,
            *(column for _, columns in self.unpivot for column in columns.values()),
            *(factor for factors in self.multiply.values() for factor in factors),
        }

    def _of(self, *types: str) -> list[str]:
        contract = CONTRACTS[self.table]
        pairs = [
            *self.columns.items(),
            *(p for _, columns in self.unpivot for p in columns.items()),
        ]
        return [column for name, column in pairs if contract.type_of(name) in types]

    @property
    def dates(self) -> list[str]:
        return self._of("DATE", "TIMESTAMP")

    @property
    def numbers(self) -> list[str]:
        factors = [factor for factors in self.multiply.values() for factor in factors]
        return [*self._of("DECIMAL(18,6)", "DOUBLE", "BIGINT"), *factors]

    def ask(self, name: str, hint: str, value: str = FILL_IN) -> None:
        """A constant that a person must look at."""
        self.constants[name], self.hints[name] = value, hint


class Desk:
    """The columns, and which of them stand for what."""

    def __init__(self, columns: Mapping[str, Column], rows: int, remarks: list[str]) -> None:
        self.columns, self.rows, self.remarks = columns, rows, remarks
        self.roles = vocabulary.roles(columns)
        self.media = {
            channel: measures
            for channel, measures in vocabulary.media(columns).items()
            if all(columns[c].is_number for c in measures.values())
        }
        self._in_media = {c for measures in self.media.values() for c in measures.values()}

    def pick(self, role: str, fits: Callable[[Column], bool] | None = None) -> str | None:
        """The likeliest column for a role, of those whose cells fit it."""
        for name in self.roles.get(role, ()):
            column = self.columns[name]
            if name not in self._in_media and (fits is None or fits(column)):
                return name
        return None

    def day(self, role: str = "date_day") -> str | None:
        return self.pick(role, lambda column: column.is_date)

    def number(self, role: str) -> str | None:
        return self.pick(role, lambda column: column.is_number)

    def picked(self, *names: str) -> dict[str, str]:
        """Contract column: source column, for those that are there; numbers as numbers."""
        found: dict[str, str] = {}
        for name in names:
            column = self.number(name) if name in _NUMBERS else self.pick(name)
            if column is not None and column not in found.values():
                found[name] = column
        return found

    def grain(self, day: str) -> tuple[str, str | None]:
        """The period of the rows, and what to mind where it is not known."""
        column = self.columns[day]
        if len(column.formats) != 1:
            return FILL_IN, "day or week"
        days = [guessing.parsed(cell, column.formats[0]) for cell in column.cells]
        found = guessing.grain_of(one for one in days if one is not None)
        if found == "month":
            self.remarks.append(
                f"{quoted(day)} steps by months; contracts know days and weeks: bring finer rows"
            )
        if found in ("day", "week"):
            return found, None
        return FILL_IN, "day or week"

    def currency(self, draft: Draft, money: Sequence[str | None]) -> None:
        """A currency column, a currency in a column's name, or a placeholder."""
        column = self.pick("currency_code", lambda c: not c.is_number)
        codes = {vocabulary.currency_in(name) for name in money if name} - {None}
        if column is not None:
            draft.columns["currency_code"] = column
        elif len(codes) == 1:
            draft.constants["currency_code"] = draft.currency = str(codes.pop())
        else:
            draft.constants["currency_code"] = FILL_IN
            draft.hints["currency_code"] = CURRENCY

    def place(self, draft: Draft) -> None:
        """A territory column, or one territory for all."""
        column = self.pick("territory_id")
        if column is not None:
            draft.columns["territory_id"] = column
        else:
            draft.constants["territory_id"] = ALL

    def period(self, draft: Draft, day: str) -> None:
        """Day and grain of what happened."""
        draft.columns["date_day"] = day
        grain, hint = self.grain(day)
        draft.constants["grain"] = grain
        if hint:
            draft.hints["grain"] = hint
