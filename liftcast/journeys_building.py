"""Paths of plain files: the SQL of the warehouse's journeys, rendered without dbt, in a scratch file.

The macros in `dbt_project/macros/journeys` build paths in the warehouse and here: there is no other
implementation of windows, cycles, missed journeys, path transforms, rules and rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from liftcast import journeys_reading as reading
from liftcast.journeys_reading import LeftOut, one, quoted
from warehouse.errors import LiftcastError, printable
from warehouse.settings import PROJECT

if TYPE_CHECKING:
    import pyarrow as pa

#: Rules whose shares the SQL gives; the others are estimates (models.journeys).
SHARED_RULES = (
    "first", "last", "last_non_direct", "linear", "position", "time_decay", "w_shaped", "shapley",
)  # fmt: skip


@dataclass(frozen=True)
class Wishes:
    """How paths are to be built.

    Attributes:
        kind: kind of conversion; None where the file has one only.
        lookback: days before a conversion whose touches count, by kind; "" is any other kind.
        grain: channel, campaign or territory.
        direct: channel of people who come by themselves.
        drop_direct, collapse, longest, keep_first: transforms of a path.
        reuse: a touch before an earlier conversion counts again.
        zone: of moments without an offset.
        until: end of observation in UTC; None is the last touch or conversion.
        bots: most touches of a person, within minutes; None looks for none.
        half_life: of time decay, in days.
    """

    kind: str | None = None
    lookback: Mapping[str, float] | None = None
    grain: str = "channel"
    direct: str | None = None
    drop_direct: bool = False
    collapse: bool = False
    longest: int | None = None
    keep_first: bool = False
    reuse: bool = False
    zone: str = "UTC"
    until: datetime | None = None
    bots: tuple[int, float] | None = (100, 60.0)
    half_life: float = 7.0


@dataclass(frozen=True)
class Built:
    """What `build` made; the connection holds `journeys`, `weighted` and `missed`.

    Attributes:
        names: names of paths by code.
        kind: kind of conversion that was built.
        has_value: whether conversions carry money.
        left_out: rows that lead to nothing.
        counts: conversions, touches and persons found, and journeys still open.
    """

    names: tuple[str, ...]
    kind: str
    has_value: bool
    left_out: LeftOut
    counts: Mapping[str, int]


@cache
def macros() -> Any:
    """The path-building macros, as functions that give SQL.

    `settings.sql` is left out: it reads the vars of a dbt project.
    """
    import jinja2

    folder = PROJECT / "dbt_project" / "macros" / "journeys"
    files = sorted(file for file in folder.glob("*.sql") if file.stem != "settings")
    source = "\n".join(file.read_text(encoding="utf-8") for file in files)
    # What is rendered is SQL of our own files; text from outside goes in quoted, or by tables.
    surroundings = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701
    return surroundings.from_string(source).module


def open_scratch(folder: Path, files: list[Path], memory: str, threads: int) -> Any:
    """A DuckDB of its own that reads the given files, writes into `folder`, and nothing else."""
    connection = duckdb.connect(str(folder / "work.duckdb"))
    connection.execute(
        f"set memory_limit = {quoted(memory)}; set threads = {threads}; "
        f"set temp_directory = {quoted(folder / 'spill')}; set preserve_insertion_order = false; "
        "set autoinstall_known_extensions = false; set autoload_known_extensions = false"
    )
    allowed = ", ".join(quoted(file) for file in files)
    connection.execute(
        f"set allowed_paths = [{allowed}]; set allowed_directories = [{quoted(folder)}]; "
        "set enable_external_access = false; set lock_configuration = false"
    )
    return connection


def build(
    connection: Any, touches: Path, conversions: Path, identities: Path | None, wishes: Wishes
) -> Built:
    """Build journeys of two files into the connection's tables.

    Raises:
        LiftcastError: a file, a column, a moment or an amount is not what it has to be.
    """
    sql, left = macros(), LeftOut()
    connection.execute(f"set TimeZone = {quoted(wishes.zone)}")
    met = reading.open_table(connection, touches, reading.TOUCH_COLUMNS)
    sold = reading.open_table(connection, conversions, reading.CONVERSION_COLUMNS)
    if identities is not None:
        _identities(connection, identities, wishes.zone, left)
    has_value = "value" in sold.kinds
    kind = _conversions(connection, sold, wishes, left, known=identities is not None)
    days = wishes.lookback or {}
    chosen = days.get(kind, days.get("", 30.0))
    connection.execute(
        "create table kinds as select * from (values "
        f"({quoted(kind)}, 'person'), ({quoted(kind)}, 'account')) as k(conversion_kind, unit_kind)"
        f" cross join (select to_microseconds({int(chosen * 86_400_000_000)}) as lookback)"
    )
    connection.execute(
        "create view raw_touches as "
        + reading.touch_view(met, wishes.grain, wishes.direct, wishes.zone)
    )
    found = _names(connection, met, wishes, left)
    _walks(connection, wishes, left, known=identities is not None)
    connection.execute(
        f"create table windows as {sql.journeys_windows('conversions', 'kinds', wishes.reuse)}"
    )
    connection.execute(
        "create table missed as "
        + sql.journeys_missed(
            "walks", "windows", "kinds", "scale", "(select until_at from observed)"
        )
    )
    connection.execute(
        "create view touches as select unit_kind, unit_id, null as touchpoint_id, "
        "origin + to_microseconds(entry // width * step) as occurred_at, "
        "cast(entry % width as integer) as code from (select unit_kind, unit_id, "
        "unnest(entries) as entry from walks semi join windows using (unit_kind, unit_id)) "
        "cross join scale"
    )
    connection.execute(f"create table reached as {sql.journeys_reached('touches', 'windows')}")
    directs = one(connection, "select list(code) filter (where is_direct) from names")[0] or []
    trims = {
        "drop_direct": wishes.drop_direct, "collapse": wishes.collapse,
        "longest": wishes.longest, "keep_first": wishes.keep_first,
    }  # fmt: skip
    trimmed = sql.journeys_trimmed(
        "reached", field=".code", other=_other("t.code", directs), **trims
    )
    connection.execute(
        f"create table journeys as select conversions.*, trimmed.touches from conversions "  # noqa: S608
        f"left join ({trimmed}) as trimmed "
        "using (conversion_kind, unit_kind, unit_id, converted_at)"
    )
    weights = sql.journeys_weights(
        "journeys", name="code", other=_other("t.code", directs), half_life=wishes.half_life
    )
    connection.execute(f"create table weighted as {weights} where len(touches) > 0")
    lost = sql.journeys_trimmed("missed", other=_other("t", directs), **trims)
    connection.execute(f"create view missed_paths as {lost}")
    counts = dict(found) | dict(
        zip(
            ("conversions", "reached", "open"),
            one(
                connection,
                "select (select count(*) from journeys), (select count(*) from weighted), "
                "(select coalesce(sum(journeys), 0) from missed where is_open)",
            ),
            strict=True,
        )
    )
    names = connection.execute("select name from names order by code").fetchall()
    return Built(tuple(name for (name,) in names), kind, has_value, left, counts)


def _other(element: str, directs: list[int]) -> str:
    """SQL that an element is no touch of the direct channel."""
    return f"{element} not in ({', '.join(map(str, directs))})" if directs else "true"


def _unit(known: bool) -> str:
    """SQL of whose a row is, where the relation is called `rows`."""
    person = "coalesce(identity.customer_id, rows.person_id)" if known else "rows.person_id"
    return (
        "case when rows.account_id is not null then 'account' when rows.person_id is not null "
        f"then 'person' end as unit_kind, coalesce(rows.account_id, {person}) as unit_id"
    )


def _joined(known: bool) -> str:
    return "left join identity on rows.person_id = identity.person_id" if known else ""


def _identities(connection: Any, file: Path, zone: str, left: LeftOut) -> None:
    """Table `identity`: persons and the customer each turned out to be, however many steps on."""
    table = reading.open_table(connection, file, reading.IDENTITY_COLUMNS)
    merged = (
        reading.moment(table, "merged_at", zone)
        if "merged_at" in table.kinds
        else "cast(null as timestamp)"
    )
    connection.execute(
        f"create table merges as select distinct {reading.text(table, 'person_id')} as person_id, "  # noqa: S608
        f"{reading.text(table, 'customer_id')} as customer_id, {merged} as merged_at "
        f"from {table.sql}"
    )
    left.add(
        "identity without a person or a customer",
        one(connection, "select count(*) from merges where person_id is null or customer_id is null")[0],
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
    further = "select count(*) from identity semi join identity as next on identity.customer_id = next.person_id"
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


def _conversions(
    connection: Any, table: reading.Table, wishes: Wishes, left: LeftOut, *, known: bool
) -> str:
    """Table `conversions` of one kind; the kind."""
    connection.execute(
        f"create table written as select rows.*, {_unit(known)} from "  # noqa: S608
        f"({reading.conversion_view(table, wishes.zone)}) as rows {_joined(known)}"
    )
    if not one(connection, "select count(*) from written")[0]:
        raise LiftcastError(
            "there is no conversion", where=table.name, expected="a row a conversion",
            remedy="Export it again",
        )  # fmt: skip
    for column, wrong, expected in (
        ("written_at", "converted_at is null", "a moment such as 2024-05-31 14:05:00"),
        ("written_value", "written_value is not null and value is null", "an amount such as 12.50"),
    ):
        bad, example = one(
            connection,
            f"select count(*), min({column}) from written where {wrong}",  # noqa: S608
        )
        if bad:
            raise LiftcastError(
                f"{bad:,} conversions have no usable {column.replace('written', 'converted') if column == 'written_at' else 'value'}",
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
    kind = _kind(connection, table, wishes)
    repeated = one(
        connection, "select count(*) from written"
    )[0] - one(connection, "select count(*) from (select distinct * from written)")[0]
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
        "and (coalesce(sum(value), 0) > 0 or not bool_or(coalesce(value, 0) < 0)) then 1 else 0 end "
        "as conversions, cast(coalesce(sum(value), 0) as decimal(18, 2)) as value, "
        "min(lead_at) as lead_at, min(opportunity_at) as opportunity_at "
        "from named group by id"
    )
    left.add(
        "conversion without a person or account (unattributed)",
        one(connection, "select count(*) from conversions where unit_id is null")[0],
    )
    return kind


def _kind(connection: Any, table: reading.Table, wishes: Wishes) -> str:
    found = connection.execute(
        "select kind, count(*) from written group by kind order by kind limit 20"
    ).fetchall()
    kinds = [str(kind) for kind, _ in found]
    if wishes.kind is None and len(kinds) == 1:
        return kinds[0]
    if wishes.kind in kinds:
        return str(wishes.kind)
    raise LiftcastError(
        "the kind of conversion is not clear", where=table.name,
        expected=f"one of {printable(', '.join(kinds), 200)}", got=printable(wishes.kind or "none"),
        remedy="Name one with --kind",
    )  # fmt: skip


def _names(
    connection: Any, table: reading.Table, wishes: Wishes, left: LeftOut
) -> Mapping[str, int]:
    """Tables `names`, `observed` and `scale`, in one reading of all touches."""
    from models.journeys.paths import RESERVED

    limit = (
        f"cast({quoted(wishes.until.isoformat())} as timestamp)"
        if wishes.until
        else "timezone('UTC', now()) + interval 1 day"
    )
    connection.execute(
        "create table looked as select name, is_direct, count(*) as rows, "
        "count(*) filter (where person_id is null and account_id is null) as nobodies, "
        "count(*) filter (where occurred_at is null) as undated, "
        f"count(*) filter (where occurred_at > {limit}) as future, "
        f"min(occurred_at) filter (where occurred_at <= {limit}) as first_at, "
        f"max(occurred_at) filter (where occurred_at <= {limit}) as last_at "
        "from raw_touches group by all"
    )
    rows, unnamed, nobodies, undated, future, last = one(
        connection,
        "select coalesce(sum(rows), 0), coalesce(sum(rows) filter (where name is null), 0), "
        "coalesce(sum(nobodies), 0), coalesce(sum(undated), 0), coalesce(sum(future), 0), "
        "max(last_at) from looked",
    )
    if not rows or last is None:
        raise LiftcastError(
            "there is no touch with a moment" if rows else "there is no touch", where=table.name,
            expected="a row a touch, with occurred_at and channel", remedy="Export it again",
        )  # fmt: skip
    left.add("touch without a channel", unnamed)
    left.add("touch without person or account", nobodies)
    if undated:
        example = connection.execute(
            f"select min(cast(occurred_at as varchar)) from (select \"occurred_at\" as occurred_at, "  # noqa: S608
            f"{reading.moment(table, 'occurred_at', wishes.zone)} as read_at from {table.sql}) "
            "where read_at is null"
        ).fetchone()
        left.add("touch whose moment cannot be read", undated, example[0] if example else "")
    left.add("touch after the end of observation", future)
    connection.execute(
        "create table names as select cast(row_number() over (order by name) - 1 as integer) "
        "as code, name, bool_or(is_direct) as is_direct from looked where name is not null "
        "group by name"
    )
    taken = connection.execute("select name from names").fetchall()
    reserved = RESERVED.intersection(name for (name,) in taken)
    if reserved:
        raise LiftcastError(
            "a touch has a name that is kept for the ends of a journey", where=table.name,
            got=min(reserved), remedy="Rename the channel",
        )  # fmt: skip
    end = (
        f"cast({quoted(wishes.until.isoformat())} as timestamp)"
        if wishes.until
        else "greatest((select max(last_at) from looked), "
        "(select max(converted_at) from conversions))"
    )
    connection.execute(f"create table observed as select {end} as until_at")  # noqa: S608
    connection.execute(
        "create table bounds as select min(first_at) as occurred_at from looked "
        "union all select max(last_at) from looked"
    )
    connection.execute(f"create table scale as {macros().journeys_scale('bounds', 'names')}")
    return {"touches": int(rows), "names": len(taken)}


def _walks(connection: Any, wishes: Wishes, left: LeftOut, *, known: bool) -> None:
    """Table `gathered` and view `walks`: every unit's touches, machines and repeats left out."""
    sql = macros()
    connection.execute(
        f"create view placed as select {_unit(known)}, rows.occurred_at, names.code "  # noqa: S608
        f"from raw_touches as rows inner join names on rows.name = names.name {_joined(known)} "
        "where rows.occurred_at <= (select max(last_at) from looked) "
        "and (rows.person_id is not null or rows.account_id is not null)"
    )
    connection.execute(f"create table gathered as {sql.journeys_walks('placed', 'scale')}")
    connection.execute("create table bots (unit_kind varchar, unit_id varchar, touches bigint)")
    if wishes.bots is not None:
        allowed, minutes = wishes.bots
        connection.execute(
            f"insert into bots {sql.journeys_bots('gathered', 'scale', allowed, minutes)}"
        )
        bots, touches, example = one(
            connection,
            "select count(*), coalesce(sum(touches), 0), min(unit_id) from bots",
        )
        left.add(f"touch of a machine ({bots:,} persons, more than {allowed:,} touches in "
                 f"{minutes:g} minutes)", touches, example)  # fmt: skip
    people = "(select * from gathered anti join bots using (unit_kind, unit_id))"
    connection.execute(f"create view walks as {sql.journeys_once(people)}")
    left.add(
        "touch of the same person, moment and name as another",
        one(
            connection,
            f"select coalesce(sum(len(entries)), 0) - (select coalesce(sum(len(entries)), 0) "  # noqa: S608
            f"from walks) from {people}",
        )[0],
    )


def lists(connection: Any, query: str) -> pa.Table:
    """Rows of a query as Arrow."""
    return connection.sql(query).to_arrow_table()
