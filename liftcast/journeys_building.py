"""Paths of plain files: the SQL of the warehouse's journeys, without dbt, in a scratch file.

The macros in `dbt_project/macros/journeys` build paths in the warehouse and here: there is no other
implementation of windows, cycles, missed journeys, path transforms, rules and rounding.
"""

# ruff: noqa: S608 - names and texts from outside pass through `quoted`

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from liftcast import journeys_machines as machines
from liftcast import journeys_reading as reading
from liftcast.journeys_conversions import (
    identity_join,
    read_conversions,
    read_identities,
    unit_sql,
)
from liftcast.journeys_reading import LeftOut, one, quoted
from warehouse.errors import LiftcastError
from warehouse.settings import PROJECT

if TYPE_CHECKING:
    import pyarrow as pa

#: Rules whose shares the SQL gives; the others are estimates (models.journeys).
SHARED_RULES = (
    "first", "last", "last_non_direct", "linear", "position", "time_decay", "w_shaped", "shapley",
)  # fmt: skip

#: Touches that are gathered at once.
_PART = 4_000_000


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
        stages: conversions have to say when they were a lead or an opportunity.
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
    stages: bool = False


@dataclass(frozen=True)
class Built:
    """What `build` made; the connection holds `journeys`, `weighted` and `missed`.

    Attributes:
        names: names of paths by code.
        kind: kind of conversion that was built.
        has_value: whether conversions carry money.
        has_ids: whether touches have ids of their own.
        left_out: rows that lead to nothing.
        counts: conversions, touches and persons found, and journeys still open.
    """

    names: tuple[str, ...]
    kind: str
    has_value: bool
    has_ids: bool
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
        "set enable_external_access = false"
    )
    return connection


def build(
    connection: Any, folder: Path, files: tuple[Path, Path, Path | None], wishes: Wishes
) -> Built:
    """Build journeys of files into the connection's tables.

    Args:
        connection: of `open_scratch`, with the same folder and files.
        files: touches, conversions, and identities if there are any.

    Raises:
        LiftcastError: a file, a column, a moment or an amount is not what it has to be.
    """
    sql, left = macros(), LeftOut()
    touches, conversions, identities = files
    connection.execute(f"set TimeZone = {quoted(wishes.zone)}")
    met = reading.open_table(connection, touches, reading.TOUCH_COLUMNS)
    sold = reading.open_table(connection, conversions, reading.CONVERSION_COLUMNS)
    if wishes.stages and not {"lead_at", "opportunity_at"}.intersection(sold.kinds):
        raise LiftcastError(
            "the rule w_shaped knows of no stage", where=sold.name,
            expected="a column lead_at or opportunity_at", got="neither",
            remedy="Add one, or take the rule position",
        )  # fmt: skip
    if identities is not None:
        read_identities(connection, identities, wishes.zone, left)
    has_value, has_ids = "value" in sold.kinds, "touchpoint_id" in met.kinds
    known = identities is not None
    kind = read_conversions(connection, sold, wishes.kind, wishes.zone, left, known=known)
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
    _walks(connection, wishes, left, folder, known=known)
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
        f"create table journeys as select conversions.*, trimmed.touches from conversions "
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
    return Built(tuple(name for (name,) in names), kind, has_value, has_ids, left, counts)


def _other(element: str, directs: list[int]) -> str:
    """SQL that an element is no touch of the direct channel."""
    return f"{element} not in ({', '.join(map(str, directs))})" if directs else "true"


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
        "count(*) filter (where occurred_at is null) as undated, "
        f"count(*) filter (where occurred_at > {limit}) as future, "
        f"min(occurred_at) filter (where occurred_at <= {limit}) as first_at, "
        f"max(occurred_at) filter (where occurred_at <= {limit}) as last_at, "
        f"count(*) filter (where name is not null and occurred_at <= {limit}) as kept "
        "from raw_touches group by all"
    )
    rows, unnamed, undated, future, last = one(
        connection,
        "select coalesce(sum(rows), 0), coalesce(sum(rows) filter (where name is null), 0), "
        "coalesce(sum(undated), 0), coalesce(sum(future), 0), max(last_at) from looked",
    )
    if not rows or last is None:
        raise LiftcastError(
            "there is no touch with a moment" if rows else "there is no touch", where=table.name,
            expected="a row a touch, with occurred_at and channel", remedy="Export it again",
        )  # fmt: skip
    left.add("touch without a channel", unnamed)
    if undated:
        example = connection.execute(
            f'select min(cast(occurred_at as varchar)) from (select "occurred_at" as occurred_at, '
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
    connection.execute(f"create table observed as select {end} as until_at")
    connection.execute(
        "create table bounds as select min(first_at) as occurred_at from looked "
        "union all select max(last_at) from looked"
    )
    connection.execute(f"create table scale as {macros().journeys_scale('bounds', 'names')}")
    return {"touches": int(rows), "names": len(taken)}


def _gather(connection: Any, folder: Path) -> None:
    """Table `gathered`, in parts of a few million touches.

    Persons come in any order. With all of them at once a list would be begun for nearly every
    touch, and joined later: half as fast again, and it takes all memory there is.
    """
    kept = one(connection, "select coalesce(sum(kept), 0) from looked")[0]
    parts = -(-int(kept) // _PART)
    if parts <= 1:
        connection.execute(f"create table gathered as {macros().journeys_walks('placed', 'scale')}")
        return
    connection.execute(
        f"copy (select * exclude (touchpoint_id), hash(unit_id) % {parts} as part from placed) to "
        f"{quoted(folder / 'parts')} (format parquet, partition_by (part), compression lz4_raw)"
    )
    for part in range(parts):
        files = quoted(folder / "parts" / f"part={part}" / "*.parquet")
        walks = macros().journeys_walks(
            f"(select * from read_parquet({files}, hive_partitioning = false))",
            "scale",
        )
        connection.execute(
            f"insert into gathered {walks}" if part else f"create table gathered as {walks}"
        )
        shutil.rmtree(folder / "parts" / f"part={part}")


def _walks(connection: Any, wishes: Wishes, left: LeftOut, folder: Path, *, known: bool) -> None:
    """Table `gathered` and view `walks`: every unit's touches, machines and repeats left out."""
    sql = macros()
    lost = machines.contact_bots(connection, sql, wishes.bots, known=known)
    connection.execute(
        f"create view placed as select {unit_sql(known)}, rows.occurred_at, names.code, "
        "rows.touchpoint_id "
        "from raw_touches as rows inner join names on rows.name = names.name "
        f"{identity_join(known)} "
        "where rows.occurred_at <= (select max(last_at) from looked) "
        "and (rows.person_id is not null or rows.account_id is not null) "
        "and (rows.person_id is null or rows.person_id not in (select unit_id from contact_bots))"
    )
    _gather(connection, folder)
    left.add(
        "touch without person or account",
        one(
            connection,
            f"select (select sum(kept) from looked) - {lost} "
            "- (select coalesce(sum(len(entries)), 0) from gathered)",
        )[0],
    )
    machines.bots(connection, sql, wishes.bots, left, lost)
    people = "(select * from gathered anti join bots using (unit_kind, unit_id))"
    connection.execute(f"create view walks as {sql.journeys_once(people)}")
    left.add(
        "touch of the same person, moment and name as another",
        one(
            connection,
            f"select coalesce(sum(len(entries)), 0) - (select coalesce(sum(len(entries)), 0) "
            f"from walks) from {people}",
        )[0],
    )


def lists(connection: Any, query: str) -> pa.Table:
    """Rows of a query as Arrow."""
    return connection.sql(query).to_arrow_table()
