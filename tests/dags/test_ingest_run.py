"""`ingest` really run by Airflow: one broken source stays red and does not stop the other."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from liftcast import airflow_home
from warehouse import Lake

MAPPING = """
version: 1
source: {name}
description: Prices of a competitor
files:
  prices: {{path: {file}}}
tables:
  - {{table: controls, from: prices}}
"""


STORED = """
version: 1
source: stored
description: Prices in a database, its address stored in Airflow
databases:
  prices: {connection: prices_db, table: prices}
tables:
  - {table: controls, from: prices}
"""


def _database(folder: Path) -> tuple[Path, str]:
    """A mapping that names an Airflow connection, and the address to store under it."""
    file = folder / "prices.db"
    with sqlite3.connect(file) as db:
        db.execute("create table prices (date_day, grain, territory_id, control, value)")
        rows = [(f"2026-01-0{day}", "day", "south", "price", day) for day in range(1, 6)]
        db.executemany("insert into prices values (?, ?, ?, ?, ?)", rows)
    mapping = folder / "stored.yml"
    mapping.write_text(STORED, encoding="utf-8")
    return mapping, f"sqlite:///{file}"


def _source(folder: Path, name: str, header: str) -> Path:
    rows = [header, *(f"2026-01-0{day},day,north,price,{day}.5" for day in range(1, 6))]
    (folder / f"{name}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    mapping = folder / f"{name}.yml"
    mapping.write_text(MAPPING.format(name=name, file=f"{name}.csv"), encoding="utf-8")
    return mapping


@pytest.fixture(scope="module")
def told(
    tmp_path_factory: pytest.TempPathFactory,
    prepare_airflow: Callable[[Path, Mapping[str, str]], None],
) -> tuple[Lake, str | None, list[str]]:
    """Lake, failed DAG and lines of one run of `ingest` over a broken and a good source."""
    folder = tmp_path_factory.mktemp("run")
    sources = [
        _source(folder, "broken", "date_day,grain,territory_id,control,valeu"),
        _source(folder, "sound", "date_day,grain,territory_id,control,value"),
    ]
    stored, address = _database(folder)
    sources.append(stored)
    lake = Lake.at(folder / "lake")
    env = airflow_home.environment(folder / "home", lake.root, sources)
    prepare_airflow(folder / "home", env)
    # As a person would store it; `airflow` is the one beside this Python.
    add = ["airflow", "connections", "add", "prices_db", "--conn-uri", address]
    subprocess.run(add, env=env, check=True, capture_output=True, timeout=120)
    lines: list[str] = []
    conf = {"date_from": "2026-01-02", "date_to": "2026-01-04"}
    failed = airflow_home.run_in_order([("ingest", conf)], env, lines.append)
    return lake, failed, lines


def test_the_sound_source_landed_the_dates_asked_for(told) -> None:
    days = sorted(p.parent.name for p in told[0].raw.glob("controls/source=sound/*/part.parquet"))
    assert days == ["date_day=2026-01-02", "date_day=2026-01-03", "date_day=2026-01-04"]


def test_a_database_whose_address_airflow_keeps_has_landed(told) -> None:
    days = sorted(p.parent.name for p in told[0].raw.glob("controls/source=stored/*/part.parquet"))
    assert days == ["date_day=2026-01-02", "date_day=2026-01-03", "date_day=2026-01-04"]


def test_the_broken_one_left_nothing_and_says_which_column(told) -> None:
    lake, _, lines = told
    assert not list(lake.raw.glob("controls/source=broken/*/part.parquet"))
    (line,) = [text for text in lines if "ingest.land broken: FAILED" in text]
    assert "value" in line and "valeu" in line


def test_the_asset_is_told_and_the_run_is_red_all_the_same(told) -> None:
    _, failed, lines = told
    assert failed == "ingest"
    assert any("ingest.land sound: ok" in text for text in lines)
    assert any("ingest.landed: ok" in text for text in lines)
    assert any("ingest.not_all_landed: FAILED" in text for text in lines)


def test_lines_for_people_hold_no_json_and_no_trace(told) -> None:
    for text in told[2]:
        assert "Traceback" not in text
        with pytest.raises(ValueError):
            json.loads(text)
