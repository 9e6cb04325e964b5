"""Airflow on SQLite: a transaction that will write asks for the lock before it reads.

SQLite refuses at once (*database is locked*, whatever the timeout) a transaction that has read and
then writes, when another process has written in between. Airflow creates the runs of a backfill in
savepoints that do just that beside a running scheduler; tried without this, every third
`airflow backfill create` failed, and some took the scheduler with them. Imported by Airflow's
processes through `config/airflow_local_settings.py` in its home. Can go when Airflow begins such
transactions with BEGIN IMMEDIATE itself; on PostgreSQL it does nothing.
"""

from __future__ import annotations

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine


@event.listens_for(Engine, "savepoint")
def lock_before_reading(connection: Connection, _name: str) -> None:
    """Wait for SQLite's write lock (`timeout` in the address) where a savepoint would begin."""
    if connection.dialect.name != "sqlite":
        return
    driver = connection.connection.driver_connection
    if driver is not None and not driver.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
