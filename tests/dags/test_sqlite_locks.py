"""Two processes on Airflow's SQLite: who reads first and then writes waits instead of failing."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from threading import Timer

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from liftcast.sqlite_locks import lock_before_reading


def _read_then_write_while_another_commits(database: Path, read_first: bool) -> int:
    """Rows after a savepoint that read, saw another's commit, and wrote."""
    with sqlite3.connect(database) as link:
        link.execute("pragma journal_mode=WAL")
        link.execute("create table runs (id integer)")
    other = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
    engine = create_engine(f"sqlite:///{database}?timeout=10")
    if not read_first:  # the other has begun to write and ends in a moment
        other.execute("begin immediate")
        other.execute("insert into runs values (1)")
        Timer(0.3, other.execute, ["commit"]).start()
    with engine.connect() as link, link.begin():
        with link.begin_nested():
            link.execute(text("select * from runs")).all()
            if read_first:
                other.execute("insert into runs values (1)")
            link.execute(text("insert into runs values (2)"))
        link.commit()
    with engine.connect() as link:
        return link.execute(text("select count(*) from runs")).scalar_one()


def test_a_savepoint_waits_for_the_other_writer(tmp_path: Path) -> None:
    assert event.contains(Engine, "savepoint", lock_before_reading)
    assert _read_then_write_while_another_commits(tmp_path / "a.db", read_first=False) == 2


def test_without_it_sqlite_refuses_at_once(tmp_path: Path) -> None:
    event.remove(Engine, "savepoint", lock_before_reading)
    try:
        with pytest.raises(OperationalError, match="database is locked"):
            _read_then_write_while_another_commits(tmp_path / "a.db", read_first=True)
    finally:
        event.listen(Engine, "savepoint", lock_before_reading)
