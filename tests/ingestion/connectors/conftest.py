"""A real PostgreSQL server, one a session, and a reader of single inputs."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pytest
from psycopg import sql

from ingestion.connectors import extract
from ingestion.extract import Extract
from ingestion.mapping import LoadedMapping, load_mapping

USER = "liftcast"
PASSWORD = "kanarienvogel-P@ss/w:ord-91827"


NO_TABLE = """\
tables:
  - {table: territories, records: [{territory_id: a, territory_name: A, currency_code: EUR}]}
"""


@dataclass(frozen=True)
class Server:
    """A running server; the password is that of its superuser."""

    port: int
    password: str
    database: str = "postgres"

    @property
    def url(self) -> str:
        """For a mapping: the password is a variable."""
        return f"postgresql://{USER}:${{PGTEST_PASSWORD}}@127.0.0.1:{self.port}/{self.database}"

    def connect(self, database: str | None = None) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=self.password,
            dbname=database or self.database, autocommit=True, connect_timeout=5,
        )  # fmt: skip

    def run(self, *statements: str) -> None:
        with self.connect() as link:
            for statement in statements:
                link.execute(statement)  # type: ignore[arg-type]


@contextmanager
def _running(folder: Path, password: str) -> Iterator[Server]:
    """Make a cluster, start it, stop it by its own process and remove it.

    `initdb` refuses root: a user without rights runs both programs then.
    """
    as_user = _unprivileged() if os.geteuid() == 0 else None
    root = Path(tempfile.mkdtemp(prefix="liftcast-postgres-"))
    process: subprocess.Popen[bytes] | None = None
    try:
        file = root / "password"
        file.write_text(password)
        if as_user:
            for path in (root, file):
                os.chown(path, as_user["user"], as_user["group"])
        cluster = root / "cluster"
        subprocess.run(
            [folder / "initdb", "-D", cluster, "-U", USER, "--auth=scram-sha-256", "-E", "UTF8",
             f"--pwfile={file}", "--no-sync", "--locale=C"],
            check=True, capture_output=True, timeout=60, cwd="/", **as_user or {},
        )  # fmt: skip
        port = _free_port()
        process = subprocess.Popen(
            [folder / "postgres", "-D", cluster, "-p", str(port), "-k", root,
             "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "shared_buffers=16MB",
             "-c", "max_connections=20", "-c", "TimeZone=Asia/Tokyo"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=(root / "log").open("wb"), cwd="/", **as_user or {},
        )  # fmt: skip
        server = Server(port, password)
        _wait(server, process, root / "log")
        yield server
    finally:
        if process is not None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(root, ignore_errors=True)


def _unprivileged() -> dict[str, int]:
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid}
    raise RuntimeError("there is neither a user postgres nor nobody to run the server")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + 30
    while time.monotonic() < limit and process.poll() is None:
        try:
            server.connect().close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')[-1000:]}")


@pytest.fixture(scope="session")
def _server(postgres_programs: Path) -> Iterator[Server]:
    with _running(postgres_programs, PASSWORD) as server:
        yield server


@pytest.fixture
def postgres(_server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server, with its password in `PGTEST_PASSWORD` and a database of this test's own."""
    monkeypatch.setenv("PGTEST_PASSWORD", _server.password)
    name = f"shop_{secrets.token_hex(4)}"
    with _server.connect("postgres") as link:
        link.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return replace(_server, database=name)


@dataclass(frozen=True)
class Reader:
    """One input of a mapping in a folder of its own, read by its connector."""

    folder: Path
    said: list[str] = field(default_factory=list)

    def mapping(self, inputs: str, tables: str = NO_TABLE) -> LoadedMapping:
        path = self.folder / "shop.yml"
        path.write_text(f"version: 1\nsource: shop\n{inputs}\n{tables}\n", encoding="utf-8")
        return load_mapping(path)

    def extract(
        self, inputs: str, name: str = "orders", tables: str = NO_TABLE, **how: Any
    ) -> Extract:
        scratch = self.folder / "scratch" / secrets.token_hex(4)
        scratch.mkdir(parents=True)
        how = {"start": None, "end": None, "state": {}} | how
        return extract(self.mapping(inputs, tables), name, scratch, say=self.said.append, **how)

    @staticmethod
    def rows(found: Extract) -> list[dict[str, Any]]:
        return [row for part in found.parts for row in Reader.table(part.scan).to_pylist()]

    @staticmethod
    def table(scan: str) -> pa.Table:
        with duckdb.connect() as link:
            link.execute("SET TimeZone = 'UTC'")
            return link.sql(scan).to_arrow_table()


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)
