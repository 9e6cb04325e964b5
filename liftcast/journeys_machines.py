"""Machines among those who touch: by the rate of their touches, also where they pass for others."""

# ruff: noqa: S608 - names and texts from outside pass through `quoted`

from __future__ import annotations

from typing import Any

from liftcast.journeys_conversions import identity_join
from liftcast.journeys_reading import LeftOut, one


def contact_bots(
    connection: Any, sql: Any, allowed: tuple[int, float] | None, *, known: bool
) -> int:
    """Table `contact_bots`: machines among the keys that belong to somebody else; their touches.

    Once they are part of an account or of a person nothing tells their touches from others'.

    Args:
        sql: the path-building macros.
        allowed: most touches of a person, within minutes; None looks for none.
        known: whether there is a table of identities.
    """
    connection.execute(
        "create table contact_bots (unit_kind varchar, unit_id varchar, touches bigint)"
    )
    elsewhere = "rows.account_id is not null"
    if known:
        elsewhere += " or identity.customer_id is not null"
    if allowed is None:
        return 0
    connection.execute(
        "create view contacts as select 'contact' as unit_kind, rows.person_id as unit_id, "
        "rows.occurred_at, names.code from raw_touches as rows "
        f"inner join names on rows.name = names.name {identity_join(known)} "
        "where rows.occurred_at <= (select max(last_at) from looked) "
        f"and rows.person_id is not null and ({elsewhere})"
    )
    walks = sql.journeys_walks("contacts", "scale")
    found = sql.journeys_bots(f"({walks})", "scale", *allowed, "contact")
    connection.execute(f"insert into contact_bots {found}")
    if not one(connection, "select count(*) from contact_bots")[0]:
        return 0
    return int(
        one(
            connection,
            "select count(*) from raw_touches semi join contact_bots on person_id = unit_id "
            "where name is not null and occurred_at <= (select max(last_at) from looked)",
        )[0]
    )


def bots(
    connection: Any, sql: Any, allowed: tuple[int, float] | None, left: LeftOut, lost: int
) -> None:
    """Table `bots` of persons who touch faster than a person can; they are told, contacts too.

    Args:
        lost: touches of `contact_bots`.
    """
    connection.execute("create table bots (unit_kind varchar, unit_id varchar, touches bigint)")
    if allowed is None:
        return
    most, minutes = allowed
    connection.execute(f"insert into bots {sql.journeys_bots('gathered', 'scale', most, minutes)}")
    number, touches = one(connection, "select count(*), coalesce(sum(touches), 0) from bots")
    contacts, example = one(
        connection,
        "select (select count(*) from contact_bots), min(unit_id) "
        "from (from bots union all from contact_bots)",
    )
    left.add(
        f"touch of a machine ({number + contacts:,} persons, more than {most:,} touches in "
        f"{minutes:g} minutes)",
        touches + lost,
        example,
    )
