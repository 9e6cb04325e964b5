"""What a raw table's contract is made of: typed columns, a key, a partition and row rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, cast

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa

from ingestion.contracts import codes

TypeName = Literal["DECIMAL(18,6)", "DOUBLE", "BIGINT", "DATE", "TIMESTAMP", "VARCHAR"]

ARROW_TYPES: dict[str, pa.DataType] = {
    "DECIMAL(18,6)": pa.decimal128(18, 6),
    "DOUBLE": pa.float64(),
    "BIGINT": pa.int64(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "VARCHAR": pa.string(),
}

# Where a landed row came from. No landing time: equal input gives equal bytes.
LINEAGE = pa.schema(
    [("_source", pa.string()), ("_file_hash", pa.string()), ("_row_number", pa.int64())]
)

NOT_NEGATIVE = "not_negative"


@dataclass(frozen=True)
class Rule:
    """A rule over several columns of a row; `column` is the one a broken row is filed under."""

    column: str
    reason: str
    holds: Callable[[pd.DataFrame], pd.Series]


@dataclass(frozen=True)
class Contract:
    """One raw table.

    Args:
        table: its name under `lake/raw/`.
        columns: pandera columns in landed order, each with description and unit.
        key: columns that together name a row; nulls count as equal.
        partition: the DATE column its files are split by, or None for an undated table.
        money: money columns that a restatement is measured in.
        actual: its rows happened, so a date in the future is an error.
        rules: row rules over several columns.
        derived: DATE column: TIMESTAMP column it is the UTC day of, where a mapping gives none.
    """

    table: str
    description: str
    columns: Mapping[str, pandera.Column]
    key: tuple[str, ...]
    partition: str | None
    money: tuple[str, ...] = ()
    actual: bool = False
    rules: tuple[Rule, ...] = ()
    derived: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Columns that may not be empty."""
        return tuple(name for name, column in self.columns.items() if not column.nullable)

    @cached_property
    def signed_by_choice(self) -> tuple[str, ...]:
        """Columns that are not negative unless a mapping allows it (credits)."""
        return tuple(
            name
            for name, column in self.columns.items()
            if any(check.name == NOT_NEGATIVE for check in column.checks)
        )

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """Schema of a landed file: the contract's columns, then the lineage columns."""
        fields = [pa.field(name, ARROW_TYPES[self.type_of(name)]) for name in self.columns]
        return pa.schema([*fields, *LINEAGE])

    def type_of(self, column: str) -> TypeName:
        return cast(TypeName, self.columns[column].metadata["type"])

    def is_number(self, column: str) -> bool:
        return self.type_of(column) in ("DECIMAL(18,6)", "DOUBLE", "BIGINT")

    def unit_of(self, column: str) -> str:
        return str(self.columns[column].metadata["unit"])

    def schema(self, allow_negative: Sequence[str] = ()) -> pandera.DataFrameSchema:
        """The pandera schema; `allow_negative` lifts the sign rule where credits are declared."""
        whole = pandera.DataFrameSchema(
            dict(self.columns),
            checks=[
                pandera.Check(rule.holds, name=rule.column, error=rule.reason)
                for rule in self.rules
            ],
            strict=True,
            ordered=True,
            name=self.table,
            description=self.description,
            metadata={"key": self.key, "partition": self.partition},
        )
        for name in allow_negative:
            kept = [check for check in self.columns[name].checks if check.name != NOT_NEGATIVE]
            whole = whole.update_column(name, checks=kept)
        return whole


def _column(
    type_name: TypeName,
    description: str,
    unit: str,
    nullable: bool,
    checks: Sequence[pandera.Check] = (),
) -> pandera.Column:
    return pandera.Column(
        pd.ArrowDtype(ARROW_TYPES[type_name]),
        checks=list(checks),
        nullable=nullable,
        description=description,
        metadata={"type": type_name, "unit": unit},
    )


def not_negative() -> pandera.Check:
    return pandera.Check(lambda values: values >= 0, name=NOT_NEGATIVE, error="is negative")


def positive() -> pandera.Check:
    return pandera.Check(lambda values: values > 0, name="positive", error="is not above zero")


def between(low: float, high: float) -> pandera.Check:
    return pandera.Check(
        lambda values: (values >= low) & (values <= high),
        name="between",
        error=f"is not between {low:g} and {high:g}",
    )


def money(
    description: str, *, nullable: bool = False, signed: bool = False, unit: str = "currency_code"
) -> pandera.Column:
    """An exact amount in the currency of the row; negative only where `signed`."""
    return _column("DECIMAL(18,6)", description, unit, nullable, [] if signed else [not_negative()])


def measure(
    description: str,
    unit: str,
    *,
    nullable: bool = True,
    check: pandera.Check | None = None,
    signed: bool = False,
) -> pandera.Column:
    """A count or measure; not negative unless `signed` or held by a check of its own."""
    checks = [check] if check else [] if signed else [not_negative()]
    return _column("DOUBLE", description, unit, nullable, checks)


def whole(description: str, unit: str) -> pandera.Column:
    return _column("BIGINT", description, unit, False, [not_negative()])


def day(description: str, *, nullable: bool = False) -> pandera.Column:
    return _column("DATE", description, "day", nullable)


def moment(description: str, *, nullable: bool = False) -> pandera.Column:
    """A point in time, UTC; the row's `time_zone` keeps where it was written down."""
    return _column("TIMESTAMP", description, "UTC", nullable)


def text(description: str, *, nullable: bool = False) -> pandera.Column:
    return _column("VARCHAR", description, "", nullable)


def one_of(description: str, values: Sequence[str], *, nullable: bool = False) -> pandera.Column:
    check = pandera.Check.isin(list(values), error=f"is not one of {', '.join(values)}")
    column = _column("VARCHAR", description, "", nullable, [check])
    column.metadata["values"] = tuple(values)
    return column


def _coded(
    known: Callable[[], frozenset[str]], error: str, description: str, unit: str, nullable: bool
) -> pandera.Column:
    check = pandera.Check(lambda values: values.isin(known()), name="known_code", error=error)
    return _column("VARCHAR", description, unit, nullable, [check])


def currency(
    description: str = "currency of the row's amounts", *, nullable: bool = False
) -> pandera.Column:
    error = "is not an ISO 4217 currency code"
    return _coded(codes.currencies, error, description, "ISO 4217", nullable)


def country(description: str, *, nullable: bool = False) -> pandera.Column:
    error = "is not an ISO 3166 alpha-2 country code"
    return _coded(codes.countries, error, description, "ISO 3166 alpha-2", nullable)


def time_zone(description: str, *, nullable: bool = False) -> pandera.Column:
    error = "is not an IANA time zone"
    return _coded(codes.time_zones, error, description, "IANA", nullable)


def grain() -> pandera.Column:
    return one_of("length of the row's period; `week` starts on date_day", ("day", "week"))


def territory(description: str = "territory the row belongs to") -> pandera.Column:
    return text(description)


def not_before(end: str, start: str) -> Rule:
    """`end` is on or after `start` where both are given."""

    def holds(frame: pd.DataFrame) -> pd.Series:
        return (frame[end] >= frame[start]).fillna(True)

    return Rule(end, f"is before {start}", holds)


def differs(column: str, other: str, reason: str) -> Rule:
    """Two columns are not equal where both are given."""

    def holds(frame: pd.DataFrame) -> pd.Series:
        return (frame[column] != frame[other]).fillna(True)

    return Rule(column, reason, holds)


def same_sign(column: str, other: str, reason: str) -> Rule:
    """Two numbers do not point in opposite directions where both are given."""

    def holds(frame: pd.DataFrame) -> pd.Series:
        one, two = frame[column], frame[other]
        return ~(((one < 0) & (two > 0)) | ((one > 0) & (two < 0))).fillna(False)

    return Rule(column, reason, holds)
