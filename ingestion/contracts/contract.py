"""What a raw table's contract is made of: typed columns, a key, a partition and row rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, cast

import duckdb
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa

from ingestion import quoting
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
    [
        ("_source", pa.string()),
        ("_file_hash", pa.string()),
        ("_row_number", pa.int64()),
        # Source columns nobody mapped, as a JSON object, where the mapping says `drift: evolve`.
        ("_extra", pa.string()),
    ]
)

NOT_NEGATIVE = "not_negative"


@dataclass(frozen=True)
class Rule:
    """One rule of a contract, said once: in SQL.

    Landing runs `holds` over millions of rows; the pandera schema runs the same text over a frame.

    Args:
        column: the column that a broken row is filed under.
        name: what the rule is called.
        reason: what is wrong with a row that breaks it.
        holds: SQL over the contract's columns; null counts as true.
    """

    column: str
    name: str
    reason: str
    holds: str

    @property
    def predicate(self) -> str:
        """SQL that is true or false, never null."""
        return f"coalesce({self.holds}, true)"

    def over(self, frame: pd.DataFrame) -> pd.Series:
        """Whether each row of a frame keeps the rule."""
        with duckdb.connect() as engine:
            engine.register("frame", pa.Table.from_pandas(frame, preserve_index=False))
            kept = engine.sql(f"select {self.predicate} as kept from frame").fetchnumpy()  # noqa: S608
        return pd.Series(kept["kept"], index=frame.index, dtype=bool)


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
            for name in self.columns
            if any(rule.name == NOT_NEGATIVE for rule in self.rules_of(name))
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

    def rules_of(self, column: str) -> tuple[Rule, ...]:
        """Rules that look at one column alone."""
        return tuple(rule_of(column) for rule_of in self.columns[column].metadata["rules"])

    def every_rule(self, allow_negative: Sequence[str] = ()) -> tuple[Rule, ...]:
        """All rules in the order in which a row's reasons are told: by column, then by row."""
        return (
            *(
                rule
                for name in self.columns
                for rule in self.rules_of(name)
                if rule.name != NOT_NEGATIVE or name not in allow_negative
            ),
            *self.rules,
        )

    def schema(self, allow_negative: Sequence[str] = ()) -> pandera.DataFrameSchema:
        """The pandera schema; `allow_negative` lifts the sign rule where credits are declared."""
        columns = {}
        for name, column in self.columns.items():
            columns[name] = pandera.Column(
                column.dtype.type,
                checks=[
                    pandera.Check(_on_column(rule), name=rule.name, error=rule.reason)
                    for rule in self.rules_of(name)
                    if rule.name != NOT_NEGATIVE or name not in allow_negative
                ],
                nullable=column.nullable,
                description=column.description,
                metadata=column.metadata,
            )
        return pandera.DataFrameSchema(
            columns,
            checks=[
                pandera.Check(rule.over, name=rule.column, error=rule.reason) for rule in self.rules
            ],
            strict=True,
            ordered=True,
            name=self.table,
            description=self.description,
            metadata={"key": self.key, "partition": self.partition},
        )


def _on_column(rule: Rule) -> Callable[[pd.Series], pd.Series]:
    return lambda values: rule.over(values.to_frame(rule.column))


RuleOf = Callable[[str], Rule]


def _column(
    type_name: TypeName,
    description: str,
    unit: str,
    nullable: bool,
    rules: Sequence[RuleOf] = (),
) -> pandera.Column:
    return pandera.Column(
        pd.ArrowDtype(ARROW_TYPES[type_name]),
        nullable=nullable,
        description=description,
        metadata={"type": type_name, "unit": unit, "rules": tuple(rules)},
    )


def _rule(name: str, reason: str, holds: str) -> RuleOf:
    """A rule over one column, `{x}` in its SQL."""
    return lambda column: Rule(column, name, reason, holds.format(x=quoting.name(column)))


def not_negative() -> RuleOf:
    return _rule(NOT_NEGATIVE, "is negative", "{x} >= 0")


def positive() -> RuleOf:
    return _rule("positive", "is not above zero", "{x} > 0")


def between(low: float, high: float) -> RuleOf:
    return _rule(
        "between", f"is not between {low:g} and {high:g}", f"{{x}} between {low:g} and {high:g}"
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
    check: RuleOf | None = None,
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
    among = f"{{x}} in ({quoting.texts(values)})"
    rule = _rule("one_of", f"is not one of {', '.join(values)}", among)
    column = _column("VARCHAR", description, "", nullable, [rule])
    column.metadata["values"] = tuple(values)
    return column


def _coded(
    known: Callable[[], frozenset[str]], error: str, description: str, unit: str, nullable: bool
) -> pandera.Column:
    rule = _rule("known_code", error, quoting.among("{x}", sorted(known())))
    return _column("VARCHAR", description, unit, nullable, [rule])


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
    holds = f"{quoting.name(end)} >= {quoting.name(start)}"
    return Rule(end, "not_before", f"is before {start}", holds)


def differs(column: str, other: str, reason: str) -> Rule:
    """Two columns are not equal where both are given."""
    return Rule(column, "differs", reason, f"{quoting.name(column)} <> {quoting.name(other)}")


def same_sign(column: str, other: str, reason: str) -> Rule:
    """Two numbers do not point in opposite directions where both are given."""
    holds = f"sign({quoting.name(column)}) * sign({quoting.name(other)}) >= 0"
    return Rule(column, "same_sign", reason, holds)
