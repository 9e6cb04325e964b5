"""Conversions and identities of plain files: what was bought, by whom, and who is who."""

# ruff: noqa: S608 - names and texts from outside pass through `quoted`

from __future__ import annotations

from pathlib import Path
from typing import Any

from liftcast import journeys_reading as reading
from liftcast.journeys_reading import LeftOut, one, quoted
from warehouse.errors import LiftcastError, printable


def unit_sql(known: bool) -> str:
    """SQL of whose a row is, where the relation is called `rows`."""
    person = "coalesce(identity.customer_id, rows.person_id)" if known else "rows.person_id"
    return (
        "case when rows.account_id is not null then 'account' when rows.person_id is not null "
        f"then 'person' end as unit_kind, coalesce(rows.account_id, {person}) as unit_id"
    )


def identity_join(known: bool) -> str:
    return "left join identity on rows.person_id = identity.person_id" if known else ""


def read_identities(connection: Any, file: Path, zone: str, left: LeftOut) -> None:
    """Table `identity`: persons and the customer each turned out to be, however many steps on."""
    table = reading.open_table(connection, file, reading.IDENTITY_COLUMNS)
    merged = (
        reading.moment(table, "merged_at", zone)
        if "merged_at" in table.kinds
        else "cast(null as timestamp)"
    )
    connection.execute(
        f"create table merges as select distinct {reading.text(table, 'person_id')} as person_id, "
        f"{reading.text(table, 'customer_id')} as customer_id, {merged} as merged_at "
        f"from {table.sql}"
    )
    left.add(
        "identity without a person or a customer",
        one(
            connection,
            "select count(*) from merges where person_id is null or customer_id is null",
        )[0],
    )  # fmt: skip
    left.add(
        "earlier identity of a person that has a later one",
        one(
            connection,
            "select count(distinct (person_id, customer_id)) - count(distinct person_id) "
            "from merges where person_id is not null and customer_id is not null",
        )[0],
    )
    connection.execute(
        "create table identity as select person_id, arg_max(customer_id, "
        f"(coalesce(merged_at, {reading.FIRST_MOMENT}), customer_id)) as customer_id from merges "
        "where person_id is not null and customer_id is not null and person_id <> customer_id "
        "group by person_id"
    )
    further = (
        "select count(*) from identity "
        "semi join identity as next on identity.customer_id = next.person_id"
    )
    for _ in range(20):
        if not one(connection, further)[0]:
            return
        connection.execute(
            "create or replace table identity as select identity.person_id, "
            "coalesce(next.customer_id, identity.customer_id) as customer_id from identity "
            "left join identity as next on identity.customer_id = next.person_id"
        )
    person = one(
        connection,
        "select min(identity.person_id) from identity "
        "semi join identity as next on identity.customer_id = next.person_id",
    )[0]
    raise LiftcastError(
        "identities run in a circle", where=table.name, expected="persons that lead to a customer",
        got=printable(person), remedy="Say which of them is the customer",
    )  # fmt: skip


def read_conversions(
    connection: Any,
    table: reading.Table,
    asked: str | None,
    zone: str,
    left: LeftOut,
    *,
    known: bool,
) -> str:
    """Table `conversions` of one kind; the kind."""
    connection.execute(
        f"create table written as select rows.*, {unit_sql(known)} from "
        f"({reading.conversion_view(table, zone)}) as rows {identity_join(known)}"
    )
    if not one(connection, "select count(*) from written")[0]:
        raise LiftcastError(
            "there is no conversion", where=table.name, expected="a row a conversion",
            remedy="Export it again",
        )  # fmt: skip
    for word, column, wrong, expected in (
        ("moment", "written_at", "converted_at is null", "one such as 2024-05-31 14:05:00"),
        ("value", "written_value", "written_value is not null and value is null", "12.50 or 0"),
    ):
        bad, example = one(
            connection,
            f"select count(*), min({column}) from written where {wrong}",
        )
        if bad:
            raise LiftcastError(
                f"{bad:,} conversions have no usable {word}",
                where=table.name, expected=expected,
                got=printable(example if example is not None else "nothing", 40),
                remedy="Mend them at the source: a sale may not vanish",
            )  # fmt: skip
    currencies = connection.execute(
        "select distinct currency from written where currency is not null order by 1 limit 5"
    ).fetchall()
    if len(currencies) > 1:
        raise LiftcastError(
            "amounts are in several currencies", where=table.name, expected="one currency",
            got=printable(", ".join(code for (code,) in currencies)),
            remedy="Convert them, or give a file for each currency",
        )  # fmt: skip
    kind = _kind(connection, table, asked)
    repeated = (
        one(connection, "select count(*) from written")[0]
        - one(connection, "select count(*) from (select distinct * from written)")[0]
    )
    left.add("conversion that stands twice (counted once)", repeated)
    several = one(
        connection,
        "select min(conversion_id) from (select kind, conversion_id from written "
        "where conversion_id is not null group by all "
        "having count(distinct (unit_kind, unit_id)) > 1)",
    )[0]
    if several is not None:
        raise LiftcastError(
            "a conversion is named by several persons", where=table.name, got=printable(several),
            expected="one person for each conversion_id", remedy="Keep the one who bought",
        )  # fmt: skip
    if one(connection, "select count(*) from written where value < 0 and conversion_id is null")[0]:
        raise LiftcastError(
            "a return does not say what it takes back", where=table.name,
            expected="the conversion_id of the order it belongs to", got="no conversion_id",
            remedy="Add the column, or leave returns out",
        )  # fmt: skip
    connection.execute(
        "create table conversions as with once as ("
        f"select distinct * from written where kind = {quoted(kind)}), "
        "named as (select *, coalesce(conversion_id, '#' || row_number() over ("
        "partition by conversion_id order by unit_kind, unit_id, converted_at, value)) as id "
        "from once) "
        "select any_value(kind) as conversion_kind, id as conversion_id, "
        "case when bool_or(coalesce(value, 0) >= 0) then any_value(unit_kind) end as unit_kind, "
        "case when bool_or(coalesce(value, 0) >= 0) then any_value(unit_id) end as unit_id, "
        "coalesce(min(converted_at) filter (where coalesce(value, 0) >= 0), min(converted_at)) "
        "as converted_at, "
        "case when bool_or(coalesce(value, 0) >= 0) "
        "and (coalesce(sum(value), 0) > 0 or not bool_or(coalesce(value, 0) < 0)) "
        "then 1 else 0 end as conversions, "
        "cast(coalesce(sum(value), 0) as decimal(18, 2)) as value, "
        "min(lead_at) as lead_at, min(opportunity_at) as opportunity_at "
        "from named group by id"
    )
    left.add(
        "conversion without a person or account (unattributed)",
        one(connection, "select count(*) from conversions where unit_id is null")[0],
    )
    return kind


def _kind(connection: Any, table: reading.Table, asked: str | None) -> str:
    found = connection.execute(
        "select kind, count(*) from written group by kind order by kind limit 20"
    ).fetchall()
    kinds = [str(kind) for kind, _ in found]
    if asked is None and len(kinds) == 1:
        return kinds[0]
    if asked in kinds:
        return str(asked)
    raise LiftcastError(
        "the kind of conversion is not clear", where=table.name,
        expected=f"one of {printable(', '.join(kinds), 200)}", got=printable(asked or "none"),
        remedy="Name one with --kind",
    )  # fmt: skip
