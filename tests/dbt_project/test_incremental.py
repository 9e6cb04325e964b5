"""Days that changed are rebuilt, and nothing else: the warehouse equals one built from nothing.

Only partitioned models and what they read are built here. Every other model is a view, or a table
that is made anew in each build, so it cannot tell an incremental build from a full one.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.contracts import CONTRACTS
from warehouse.settings import PROJECT

SQL = PROJECT / "dbt_project"
DAYS = [date(2024, 1, 1) + timedelta(days=day) for day in range(12)]
TRACE = {"_source": "VARCHAR", "_file_hash": "VARCHAR", "_row_number": "BIGINT"}
SALE: dict[str, Any] = {
    "line_number": 1, "grain": "day", "territory_id": "n", "currency_code": "EUR",
    "product_id": "tea", "sales_channel": "shop", "sales_level": "shop", "customer_kind": "B2C",
    "net_revenue": 7, "booked_by": "company",
}  # fmt: skip

Rows = list[dict[str, Any]]
Tables = dict[str, dict[Any, Rows]]
"""Rows by table and day; the day of a table that is not partitioned is None."""


def rows_of(table: str, day: date, chance: random.Random) -> Rows:
    """A day's rows of one table, perhaps none."""
    shared = {"date_day": day, "grain": "day", "territory_id": "n", "currency_code": "EUR"}
    found = []
    for number in range(chance.randrange(4)):
        if table == "sales":
            more = {
                **SALE, "order_id": f"{day}-{number}", "rep_id": "s", "units": 1.0,
                "net_revenue": chance.randrange(1, 99),
                "booked_by": chance.choice(["company", "partner", None]),
            }  # fmt: skip
        elif table == "ad_spend":
            more = {
                "platform": "g", "campaign_id": f"k{chance.randrange(9)}", "ad_id": str(number),
                "channel": "search", "channel_kind": "paid", "spend": chance.randrange(99),
            }  # fmt: skip
        else:
            more = {
                "touchpoint_id": f"{day}-{number}", "occurred_at": day, "kind": "call",
                "channel": "field", "campaign_id": f"k{chance.randrange(9)}", "seller_id": "s",
            }  # fmt: skip
        found.append({**shared, **more})
    return found


def rate(day: date, value: float, kind: str = "average") -> dict[str, Any]:
    return {
        "date_day": day, "from_currency": "EUR", "to_currency": "USD", "kind": kind, "rate": value,
    }  # fmt: skip


def company(seed: int) -> Tables:
    chance = random.Random(seed)
    tables: Tables = {
        table: {day: rows_of(table, day, chance) for day in DAYS[:10]}
        for table in ("sales", "ad_spend", "touchpoints")
    }
    tables["fx_rates"] = {DAYS[0]: [rate(DAYS[0], 1.1)], DAYS[6]: [rate(DAYS[6], 1.2)]}
    tables["sales"][DAYS[0]].append({**SALE, "date_day": DAYS[0], "order_id": "first"})
    tables["sales"][DAYS[11]] = [{**SALE, "date_day": DAYS[11], "order_id": "last"}]
    return tables


def redraw(tables: Tables, chance: random.Random) -> None:
    """Late rows and restated days of every table, two days each."""
    for table in ("sales", "ad_spend", "touchpoints"):
        for day in chance.sample(DAYS[1:11], 2):
            tables[table][day] = rows_of(table, day, chance)


@dataclass
class Lake:
    """A raw lake that lands as ingestion does: a day of the same content keeps its file."""

    path: Path
    write: Callable[[Path, dict[str, str], Rows], None]
    server: Any
    project: Path = SQL
    landed: dict[Path, Rows] = field(default_factory=dict)

    def land(self, tables: Tables) -> None:
        """Make the files those of the tables; a day that is no longer named loses its file."""
        wanted: dict[Path, tuple[str, Rows]] = {}
        for table in CONTRACTS:
            folder = self.path / "raw" / table
            wanted[folder / "source=_contract" / "date_day=all" / "part.parquet"] = (table, [])
            for day, rows in tables.get(table, {}).items():
                wanted[folder / "source=hand" / f"date_day={day}" / "part.parquet"] = (table, rows)
        for file in self.landed.keys() - wanted.keys():
            file.unlink()
            del self.landed[file]
        for file, (table, rows) in wanted.items():
            if self.landed.get(file) != rows:
                kinds = {
                    name: str(CONTRACTS[table].type_of(name)) for name in CONTRACTS[table].columns
                }
                trace = {"_source": "hand", "_file_hash": "0" * 64}
                traced = [{**row, **trace, "_row_number": n} for n, row in enumerate(rows, 2)]
                self.write(file, {**kinds, **TRACE}, traced)
                self.landed[file] = list(rows)

    def named(self) -> Path:
        """This lake under the name that all share: dbt then parses each project once, and views of
        landed files name their folder."""
        name = self.path.with_name("lake")
        name.unlink(missing_ok=True)
        name.symlink_to(self.path)
        return name

    def command(self, *more: str) -> tuple[list[str], dict[str, str]]:
        """dbt on this lake, and its environment."""
        name = self.named()
        target = self.path.parent / "target" / self.project.parent.name
        parsed = self.path.parent / "target" / SQL.parent.name / "partial_parse.msgpack"
        if parsed.is_file() and not target.is_dir():
            # A copy of the project that differs in one file: dbt parses that one.
            target.mkdir()
            shutil.copy(parsed, target)
        return (
            [
                "run", "--select", "+config.materialized:partitioned",
                "--project-dir", str(self.project), "--profiles-dir", str(SQL),
                "--vars", json.dumps({"reporting_currency": "USD"}), *more,
            ],
            {**os.environ, "LIFTCAST_LAKE": str(name), "DBT_TARGET_PATH": str(target),
             "DBT_LOG_PATH": str(target), "DBT_LOG_LEVEL_FILE": "none"},
        )  # fmt: skip

    def start(self, *more: str) -> int:
        command, environment = self.command(*more)
        return self.server.start(command, environment, self.said)

    @property
    def said(self) -> Path:
        """What dbt prints."""
        return self.path / "said.txt"

    def build(self, *more: str) -> None:
        assert self.server.wait(self.start(*more)) == 0, self.said.read_text(encoding="utf-8")

    def killed_build(self, project: Path) -> None:
        """Start dbt of a project whose hook writes `reached` and waits; kill it there."""
        reached = self.path / "reached"
        reached.unlink(missing_ok=True)
        dbt = Lake(self.path, self.write, self.server, project).start()
        while not reached.exists():
            assert not self.server.has_ended(0.05), self.said.read_text(encoding="utf-8")
        os.kill(dbt, signal.SIGKILL)
        assert self.server.wait(dbt) == -signal.SIGKILL

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.named() / "warehouse.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def contents(self) -> dict[str, list[str]]:
        """Every row of every partitioned or watched model, all columns."""
        names = [name for (name,) in self.query(
            "select table_name from information_schema.tables where table_schema = 'main' "
            "and table_name in (select table_name from duckdb_tables() where schema_name = 'built')"
        )]  # fmt: skip
        return {
            name: sorted(row for (row,) in self.query(f"select t::varchar from main.{name} as t"))
            for name in names
        }

    def rebuilt(self, model: str) -> set[date]:
        return {day for (day,) in self.query(
            f"select date_day from built.{model} where is_rebuilt"
        )}  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, lakes: Any, dbt_server: Any) -> Lake:
    """A lake of a small company, built once."""
    found = Lake(tmp_path_factory.mktemp("lakes") / "built", lakes.write_parquet, dbt_server)
    found.land(company(1))
    found.build()
    return found


@pytest.fixture
def lake(built: Lake) -> Lake:
    """That lake again, to grow."""
    grown = Lake(built.path.with_name("grown"), built.write, built.server)
    shutil.rmtree(grown.path, ignore_errors=True)
    shutil.copytree(built.path, grown.path)
    grown.landed = {
        grown.path / file.relative_to(built.path): list(rows) for file, rows in built.landed.items()
    }
    return grown


def from_nothing(lake: Lake) -> dict[str, list[str]]:
    """What a build without a warehouse makes of the same files."""
    fresh = Lake(lake.path.with_name("fresh"), lake.write, lake.server)
    shutil.rmtree(fresh.path, ignore_errors=True)
    shutil.copytree(lake.path / "raw", fresh.path / "raw")
    fresh.build()
    return fresh.contents()


def changed_project(folder: Path, model: str, old: str, new: str) -> Path:
    """A copy of the dbt project with one text of one model exchanged."""
    copy = shutil.copytree(
        SQL, folder / "dbt_project", ignore=shutil.ignore_patterns("target", "logs")
    )
    (file,) = copy.glob(f"models/**/{model}.sql")
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")
    return copy


def test_days_that_changed_in_any_way_are_rebuilt_and_no_others(lake: Lake) -> None:
    chance, tables = random.Random(7), company(1)
    redraw(tables, chance)
    lake.land(tables)
    lake.build()
    assert 1 <= len(lake.rebuilt("stg_raw__sales")) <= 2

    # A day without rows, a day without a file, and a day that had neither.
    tables["sales"][DAYS[0]] = []
    del tables["touchpoints"][DAYS[3]]
    tables["ad_spend"][DAYS[10]] = [*rows_of("ad_spend", DAYS[10], random.Random(2))]
    # A rate that was missing, and a budget, which counts for every day.
    tables["fx_rates"][DAYS[8]] = [rate(DAYS[8], 1.5)]
    redraw(tables, chance)
    lake.land(tables)
    lake.build()
    assert lake.query(f"select count(*) from stg_raw__sales where date_day = '{DAYS[0]}'") == [(0,)]
    assert DAYS[9] in lake.rebuilt("stg_raw__sales")
    tables["fx_rates"][DAYS[0]].append(rate(DAYS[0], 2.0, "budget"))
    redraw(tables, chance)
    lake.land(tables)
    lake.build()
    assert lake.rebuilt("stg_raw__sales") == set(tables["sales"])
    assert len(lake.rebuilt("stg_raw__touchpoints")) <= 2

    contents = lake.contents()
    for model in ("stg_raw__sales", "stg_raw__ad_spend", "int_sales__daily"):
        assert contents[model]
    assert contents["int_touchpoints__counted"]
    assert contents == from_nothing(lake)


def test_a_build_killed_before_its_commit_leaves_the_days_to_the_next(
    lake: Lake, tmp_path: Path
) -> None:
    tables = company(1)
    redraw(tables, random.Random(3))
    tables["sales"][DAYS[4]] = [{**SALE, "date_day": DAYS[4], "order_id": "late"}]
    lake.land(tables)
    model = "int_sales__daily"
    before = lake.contents()[model]
    state = lake.query(f"select * from built.{model} order by all")
    # The hook runs when staging is committed, and rows and state of its model are written and not.
    hook = (
        "{{ config(materialized='partitioned', post_hook=["
        f"\"copy (select 1) to '{lake.path / 'reached'}' (format csv)\", "
        '"select count(*) from range(1000000000000)"], '
    )
    project = changed_project(
        tmp_path / "hooked", model, "{{ config(\n    materialized='partitioned',", hook
    )
    lake.killed_build(project)
    assert DAYS[4] in lake.rebuilt("stg_raw__sales")
    assert lake.contents()[model] == before
    assert lake.query(f"select * from built.{model} order by all") == state
    lake.build()
    assert DAYS[4] in lake.rebuilt("int_sales__daily")
    assert lake.contents() == from_nothing(lake)


def test_new_code_rebuilds_every_day(lake: Lake, tmp_path: Path) -> None:
    lake.project = changed_project(
        tmp_path / "new", "stg_raw__sales", "\n        list_price,", "\n        2 as list_price,"
    )
    before = lake.query("select order_id from stg_raw__sales order by 1")
    lake.build()
    assert lake.query("select distinct list_price from stg_raw__sales") == [(2,)]
    assert lake.query("select order_id from stg_raw__sales order by 1") == before
