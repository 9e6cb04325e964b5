"""Airflow's home: what its processes are told, and which dates a run lands."""

from __future__ import annotations

import json
import socket
import sqlite3
import stat
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from liftcast import airflow_home
from warehouse import LiftcastError

NO_DATES = {"everything": False, "date_from": None, "date_to": None}
INTERVAL = (datetime(2026, 3, 4, 6, tzinfo=UTC), datetime(2026, 3, 5, 6, tzinfo=UTC))
ASKED = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)


def _days(interval: tuple[datetime | None, datetime | None] = INTERVAL, **params: object):
    return tuple(airflow_home.days_to_land(NO_DATES | params, interval, ASKED).values())


def test_a_scheduled_run_lands_the_day_its_interval_began() -> None:
    assert _days() == (date(2026, 3, 4), date(2026, 3, 5))


def test_days_of_adjacent_intervals_touch_and_never_overlap() -> None:
    following = (INTERVAL[1], datetime(2026, 3, 6, 6, tzinfo=UTC))
    assert _days()[1] == _days(following)[0]


def test_a_run_by_hand_lands_the_day_before() -> None:
    assert _days((None, None)) == (date(2026, 3, 9), date(2026, 3, 10))


def test_both_named_dates_are_included() -> None:
    named = _days(date_from="2026-01-01", date_to="2026-01-31")
    assert named == (date(2026, 1, 1), date(2026, 2, 1))


def test_everything_overrides_the_dates() -> None:
    assert _days(everything=True, date_from="2026-01-01") == (None, None)


def test_dates_out_of_order_are_refused_with_both() -> None:
    with pytest.raises(LiftcastError, match="2026-03-04 to 2026-02-01"):
        _days(date_to="2026-02-01")


def test_the_connection_says_where_lake_and_sources_are(tmp_path: Path) -> None:
    mappings = [tmp_path / "a.yml", tmp_path / "b b.yml"]
    for mapping in mappings:
        mapping.touch()
    extra = json.loads(airflow_home.connection(tmp_path / "lake", mappings))["extra"]
    lake, sources = airflow_home.read_connection(extra)
    assert (lake.root, sources) == (tmp_path / "lake", mappings)


def test_without_a_connection_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.yml").touch()
    monkeypatch.setenv("LIFTCAST_LAKE", str(tmp_path / "pond"))
    monkeypatch.setenv("LIFTCAST_SOURCES", str(tmp_path / "mine.yml"))
    lake, sources = airflow_home.read_connection({})
    assert (lake.root, sources) == (tmp_path / "pond", [tmp_path / "mine.yml"])


def test_the_environment_is_offline_and_on_loopback(tmp_path: Path) -> None:
    env = airflow_home.environment(tmp_path, tmp_path / "lake", [], port=8123)
    assert env["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert env["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:8123"
    assert env["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] == "False"
    assert env["DO_NOT_TRACK"] == "1"
    assert env["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"


def test_a_taken_port_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        first = taken.getsockname()[1]
        if first > 65000:
            pytest.skip("the system gave a port at the end of the range")
        assert airflow_home.free_port(first - 1) > first


def test_preparing_makes_database_pool_and_a_private_password_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    env = airflow_home.environment(home, tmp_path / "lake", [])
    airflow_home.prepare(home, env)
    with sqlite3.connect(home / "airflow.db") as link:
        slots = link.execute("select slots from slot_pool where pool = 'warehouse_writer'")
        assert slots.fetchone() == (1,)
        assert link.execute("pragma journal_mode").fetchone() == ("wal",)
    password = home / "passwords.json"
    assert stat.S_IMODE(password.stat().st_mode) == 0o600
    before = (password.read_bytes(), (home / "prepared").stat().st_mtime_ns)
    airflow_home.prepare(home, env)
    assert (password.read_bytes(), (home / "prepared").stat().st_mtime_ns) == before
