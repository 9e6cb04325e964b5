"""An SQLAlchemy engine out of a mapping's address or connection, and its errors in words.

The engine only reads: the transaction is read-only where the database can be told so.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from ingestion.connectors.secrets import Connection, Secrets, connection
from ingestion.mapping import LoadedMapping
from ingestion.wording import quoted
from warehouse.errors import SourceError, printable

_VARIABLE = re.compile(r"\$\{[^}]*\}")
_CONNECT_SECONDS = 15
# A short name is spelt out, so that it means a driver that is kept today.
_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "mssql": "mssql+pyodbc",
    "oracle": "oracle+oracledb",
}
_PACKAGES = {
    "psycopg": "liftcast[postgres]",
    "cx_Oracle": "oracledb",
    "snowflake": "snowflake-sqlalchemy",
    "bigquery": "sqlalchemy-bigquery",
    "redshift": "sqlalchemy-redshift",
    "databricks": "databricks-sqlalchemy",
    "clickhouse": "clickhouse-sqlalchemy",
    "MySQLdb": "mysqlclient",
}


def engine_of(mapping: LoadedMapping, name: str, secrets: Secrets) -> sa.Engine:
    """The engine of a database input; its password goes into `secrets`.

    Raises:
        SourceError: a variable, connection, driver or SQLite file is missing, or the address
            cannot be read. No part of it is quoted.
    """
    where = f"{mapping.spec.source}, databases.{name}"
    declared = mapping.spec.databases[name]
    if declared.connection is not None:
        url = _url_of(connection(declared.connection, where))
    else:
        url = _filled(mapping, f"databases.{name}.url", declared.url or "", where)
    secrets.add(url.password, *(_one(value) for value in url.query.values()))
    short = url.drivername
    url = url.set(drivername=_DRIVERS.get(short, short))
    backend = url.get_backend_name()
    if backend == "sqlite":
        url = _sqlite(mapping, url, where)
    try:
        # Not to be printed with a password: the engine's repr hides it, and so do its logs.
        engine = sa.create_engine(
            url, connect_args=_arguments(backend, declared.timeout_seconds), hide_parameters=True,
            poolclass=sa.pool.NullPool,
        )  # fmt: skip
    except ModuleNotFoundError as error:
        raise _no_driver(where, str(error.name)) from None
    except NoSuchModuleError:
        raise _no_driver(where, backend) from None
    except (SQLAlchemyError, TypeError, ValueError) as error:
        raise SourceError(
            f"the address cannot be used ({secrets.clean(_line(error))})",
            where=where,
            remedy="Correct `url` in the mapping",
        ) from None
    _prepare(engine, backend, declared.timeout_seconds)
    return engine


def failure(error: Exception, where: str, secrets: Secrets) -> SourceError:
    """What a database said, in one sentence without secrets."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    said = printable(secrets.clean(_line(cause)), 300)
    connecting = isinstance(error, DBAPIError) and error.statement is None
    return SourceError(
        f"the database {'cannot be reached' if connecting else 'refused'} ({said})",
        where=where,
        remedy="Check address, user, password and network"
        if connecting
        else "Correct the table, query or rights; nothing was landed",
    )


def _line(error: object) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "no message")


def _one(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else " ".join(value)


def _filled(mapping: LoadedMapping, place: str, template: str, where: str) -> URL:
    """The address with its variables filled in where they stand.

    A password that comes alone needs no escapes: the address is taken apart before it is filled.
    """
    variables = _VARIABLE.findall(template)
    marks = {str(7_300_000_000 + n): variable for n, variable in enumerate(variables)}
    marked = template
    for mark, variable in marks.items():
        marked = marked.replace(variable, mark, 1)

    def fill(text: Any) -> Any:
        if not isinstance(text, str):
            return text
        for mark, variable in marks.items():
            if mark in text:
                text = text.replace(mark, mapping.filled(variable, place))
        return text

    try:
        if template.startswith("${"):
            return make_url(mapping.filled(template, place))
        url = make_url(marked)
        query = {key: fill(_one(value)) for key, value in url.query.items()}
        port = fill(str(url.port)) if url.port is not None else None
        return URL.create(
            url.drivername, fill(url.username), fill(url.password), fill(url.host),
            int(port) if port else None, fill(url.database), query,
        )  # fmt: skip
    except (ArgumentError, ValueError):
        raise SourceError(
            "the address of the database cannot be read",
            where=where,
            expected="dialect://user:${PASSWORD}@host:port/database",
            remedy="Correct `url`; in a variable that holds the whole address, @ and / of a "
            "password are written %40 and %2F",
        ) from None


def _url_of(held: Connection) -> URL:
    extra = dict(held.extra)
    scheme = str(extra.pop("sqlalchemy_scheme", "") or held.kind.replace("-", "_"))
    if scheme == "sqlite":
        return URL.create("sqlite", database=held.host or held.schema or None)
    # Settings of the driver, such as sslmode; Airflow's own are not for it.
    query = {key: value for key, value in extra.items() if isinstance(value, str)}
    return URL.create(
        scheme, held.login or None, held.password or None, held.host or None, held.port,
        held.schema or None, query,
    )  # fmt: skip


def _sqlite(mapping: LoadedMapping, url: URL, where: str) -> URL:
    if not url.database or url.database.startswith((":memory:", "file:")):
        raise SourceError(
            "there is no file in the address of SQLite",
            where=where,
            expected="sqlite:///folder/file.db",
            remedy="Name the file; a path that is not absolute starts at the mapping's folder",
        )
    path = mapping.folder / url.database
    # SQLite would make an empty database of a wrong name.
    if not path.is_file():
        raise SourceError(
            f"there is no file {quoted(path.name)}",
            where=where,
            remedy="Correct the path; one that is not absolute starts at the mapping's folder",
        )
    return url.set(database=str(Path(path).resolve()))


def _arguments(backend: str, seconds: int) -> dict[str, Any]:
    if backend == "postgresql":
        return {"connect_timeout": _CONNECT_SECONDS, "application_name": "liftcast"}
    if backend in ("mysql", "mariadb"):
        return {"connect_timeout": _CONNECT_SECONDS, "read_timeout": seconds}
    return {}


def _prepare(engine: sa.Engine, backend: str, seconds: int) -> None:
    """Every connection of this engine reads only, and no statement works for longer than told."""
    statements = {
        "postgresql": (
            f"SET statement_timeout = {seconds * 1000}",
            "SET default_transaction_read_only = on",
            "SET TimeZone = 'UTC'",
        ),
        "mysql": (
            f"SET SESSION max_execution_time = {seconds * 1000}",
            "SET SESSION TRANSACTION READ ONLY",
        ),
        "mariadb": (
            f"SET SESSION max_statement_time = {seconds}",
            "SET SESSION TRANSACTION READ ONLY",
        ),
        "sqlite": ("PRAGMA query_only = ON",),
    }.get(backend, ())

    @sa.event.listens_for(engine, "connect")
    def tell(link: Any, _: Any) -> None:
        cursor = link.cursor()
        try:
            for statement in statements:
                cursor.execute(statement)
        finally:
            cursor.close()
        if statements:
            link.commit()


def _no_driver(where: str, module: str) -> SourceError:
    name = module.partition(".")[0]
    package = _PACKAGES.get(name, name)
    there = find_spec(name) is not None if name.isidentifier() else False
    return SourceError(
        f"there is no driver {quoted(name)} for this database",
        where=where,
        remedy=f"Install it: pip install '{printable(package)}'"
        + (" (its module is there, but cannot be loaded)" if there else ""),
    )
