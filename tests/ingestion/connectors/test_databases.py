"""Databases: exact values, changed rows only, bounded memory, plain errors."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion.extract import Extract
from warehouse.errors import SourceError

postgres_only = pytest.mark.postgres

MERGE = """\
tables:
  - table: sales
    from: orders
    mode: merge
    columns: {date_day: day, net_revenue: amount, order_id: id}
    constants: {line_number: 1, grain: day, product_id: tea, sales_channel: web,
      sales_level: shop, customer_kind: B2C, currency_code: EUR, territory_id: north}
"""


def _input(url: str, **keys: Any) -> str:
    told = "".join(f"    {key}: {value}\n" for key, value in keys.items())
    return f"databases:\n  orders:\n    url: {url}\n{told}"


@postgres_only
def test_every_type_arrives_exactly(postgres: Any, reader: Any) -> None:
    postgres.run(
        """CREATE TABLE things (id int, big bigint, price numeric(30,10), real_one double precision,
        day date, at timestamp, moment timestamptz, yes boolean, words text, tags text[],
        doc jsonb, key uuid, gone text)""",
        """INSERT INTO things VALUES
        (1, 9223372036854775807, 12345678901234567890.0123456789, 0.1, '2025-01-31',
         '2025-01-31 10:00', '2025-01-31 00:30+09', true, 'Ünïcode '' "x"', '{a,b}',
         '{"b": 1.10, "a": null}', '00000000-0000-0000-0000-000000000001', NULL),
        (2, -1, 0.5, 1e300, '1900-01-01', '2025-01-31 10:00:00.123456',
         '2025-07-01 12:00+00', false, '', '{}', '[]', NULL, NULL),
        (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)""",
    )
    found = reader.extract(_input(postgres.url, table="things"))
    first, second, third = reader.rows(found)
    assert first == {
        "id": 1,
        "big": 9223372036854775807,
        "price": Decimal("12345678901234567890.0123456789"),
        "real_one": 0.1,
        "day": date(2025, 1, 31),
        "at": datetime.fromisoformat("2025-01-31 10:00"),
        "moment": datetime(2025, 1, 30, 15, 30, tzinfo=UTC),
        "yes": True,
        "words": 'Ünïcode \' "x"',
        "tags": '["a", "b"]',
        "doc": '{"a": null, "b": 1.1}',
        "key": "00000000-0000-0000-0000-000000000001",
        "gone": None,
        "_row_number": 1,
    }
    assert second["at"] == datetime.fromisoformat("2025-01-31 10:00:00.123456")
    assert second["price"] == Decimal("0.5")
    assert second["words"] == ""
    assert {value for key, value in third.items() if key not in ("id", "_row_number")} == {None}
    assert [row["_row_number"] for row in (first, second, third)] == [1, 2, 3]
    assert found.columns == tuple(key for key in first if key != "_row_number")


@postgres_only
@pytest.mark.parametrize("chunk", [1, 2, 1000])
def test_chunks_change_nothing(postgres: Any, reader: Any, chunk: int) -> None:
    postgres.run("CREATE TABLE n AS SELECT g AS id, g / 3.0 AS x FROM generate_series(1, 7) g")
    whole = reader.extract(_input(postgres.url, table="n"))
    pieces = reader.extract(_input(postgres.url, table="n", chunk_rows=chunk))
    assert pieces.parts[0].hash == whole.parts[0].hash
    assert reader.rows(pieces) == reader.rows(whole)
    assert pieces.rows == 7


@postgres_only
def test_the_hash_tells_contents_apart(postgres: Any, reader: Any) -> None:
    def hash_of(query: str) -> str:
        return reader.extract(_input(postgres.url, query=f'"{query}"')).parts[0].hash

    same = "SELECT 'ab' AS x, 'c' AS y"
    assert hash_of(same) == hash_of(same)
    others = [
        "SELECT 'a' AS x, 'bc' AS y",
        "SELECT 'ab' AS y, 'c' AS x",
        "SELECT NULL AS x, 'c' AS y",
        "SELECT '-' AS x, 'c' AS y",
    ]
    assert len({hash_of(query) for query in [same, *others]}) == 5


@postgres_only
def test_a_query_is_taken_as_it_is_written(postgres: Any, reader: Any) -> None:
    query = r"SELECT '12:30'::text || '%' AS t, 'a\:b' AS b, ':x' AS c WHERE 'abc' LIKE 'a%';"
    found = reader.extract(_input(postgres.url, query=f"|-\n      {query}"))
    assert reader.rows(found) == [{"t": "12:30%", "b": r"a\:b", "c": ":x", "_row_number": 1}]


@postgres_only
def test_only_changed_rows_are_asked_for_again(postgres: Any, reader: Any) -> None:
    postgres.run(
        "CREATE TABLE orders (id int, day date, amount numeric, changed timestamptz)",
        """INSERT INTO orders VALUES (1, '2025-01-01', 1, '2025-01-01 10:00+00'),
        (2, '2025-01-01', 2, '2025-01-01 11:00+00'), (3, '2025-01-01', 3, NULL)""",
    )
    asked = _input(postgres.url, table="orders", cursor="changed")

    def ids(found: Extract) -> list[int]:
        return sorted(row["id"] for row in reader.rows(found))

    first = reader.extract(asked, tables=MERGE)
    assert ids(first) == [1, 2, 3]
    assert first.state == {"cursor": "2025-01-01T11:00:00+00:00", "kind": "time"}
    # Two rows share the last value: the second of them may have come later.
    postgres.run("INSERT INTO orders VALUES (4, '2025-01-02', 4, '2025-01-01 11:00+00')")
    second = reader.extract(asked, tables=MERGE, state=first.state)
    assert ids(second) == [2, 3, 4]
    assert second.state == first.state
    postgres.run("UPDATE orders SET amount = 9, changed = '2025-01-05' WHERE id = 1")
    third = reader.extract(asked, tables=MERGE, state=second.state)
    assert ids(third) == [1, 2, 3, 4]
    assert third.state["cursor"] > first.state["cursor"]
    fourth = reader.extract(asked, tables=MERGE, state=third.state)
    assert ids(fourth) == [1, 3]
    again = reader.extract(
        _input(postgres.url, query='"SELECT * FROM orders;"', cursor="changed"),
        tables=MERGE,
        state=third.state,
    )
    assert ids(again) == [1, 3]


@postgres_only
@pytest.mark.parametrize(
    ("type_name", "values", "newer"),
    [
        ("date", ["2025-01-01", "2025-01-02"], "2025-01-03"),
        ("timestamp", ["2025-01-01 00:00:00.000001", "2025-01-01 00:00:00.5"], "2025-01-02"),
        ("bigint", ["9", "10"], "11"),
        ("numeric(20,2)", ["9.99", "10.00"], "10.01"),
        ("text", ["a9", "b1"], "b2"),
    ],
)
def test_cursors_of_every_kind(
    postgres: Any, reader: Any, type_name: str, values: list[str], newer: str
) -> None:
    postgres.run(f"CREATE TABLE orders (id int, seen {type_name})")
    for number, value in enumerate(values):
        postgres.run(f"INSERT INTO orders VALUES ({number}, '{value}')")
    asked = _input(postgres.url, table="orders", cursor="seen", chunk_rows=1)
    state = reader.extract(asked, tables=MERGE).state
    assert reader.extract(asked, tables=MERGE, state=state).rows == 1
    postgres.run(f"INSERT INTO orders VALUES (7, '{newer}')")
    assert reader.extract(asked, tables=MERGE, state=state).rows == 2


@postgres_only
def test_names_from_the_mapping_are_only_names(postgres: Any, reader: Any) -> None:
    postgres.run(
        'CREATE TABLE "We""ird; DROP TABLE x" ("Up:Date%" int, "select" int)',
        'INSERT INTO "We""ird; DROP TABLE x" VALUES (1, 2)',
        "CREATE TABLE x ()",
    )
    found = reader.extract(
        _input(postgres.url, table="'We\"ird; DROP TABLE x'", cursor="'Up:Date%'"),
        tables=MERGE,
        state={"cursor": "1", "kind": "whole"},
    )
    assert reader.rows(found) == [{"Up:Date%": 1, "select": 2, "_row_number": 1}]
    postgres.run("SELECT FROM x")


@postgres_only
def test_the_database_is_only_read(postgres: Any, reader: Any) -> None:
    postgres.run("CREATE SEQUENCE counted", "CREATE TABLE orders AS SELECT 1 AS id")
    with pytest.raises(SourceError, match="read-only"):
        reader.extract(_input(postgres.url, query="SELECT nextval('counted')"))
    with pytest.raises(SourceError, match="refused"):
        reader.extract(_input(postgres.url, query="DELETE FROM orders RETURNING id"))
    assert reader.extract(_input(postgres.url, table="orders")).rows == 1


@postgres_only
def test_a_statement_that_takes_too_long_is_ended(postgres: Any, reader: Any) -> None:
    with pytest.raises(SourceError, match="timeout"):
        reader.extract(
            _input(postgres.url, query="'SELECT pg_sleep(30), 1 AS id'", timeout_seconds=1)
        )


@postgres_only
@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"table": "ordres"}, "no table 'ordres'; nearest is 'orders'"),
        ({"table": "shopp.orders"}, "no schema 'shopp'"),
        ({"table": "orders", "cursor": "chnged"}, "no column 'chnged'; nearest is 'changed'"),
        ({"query": "'SELECT id AS a, id AS a FROM orders'"}, "'a' more than once"),
        ({"query": "'SELECT nothing FROM orders'"}, "nothing"),
        ({"query": "'SELECT blob FROM orders'"}, "'blob' holds bytes"),
        ({"table": "orders", "cursor": "yes"}, "kind that does not grow"),
    ],
)
def test_what_is_wrong_is_named(
    postgres: Any, reader: Any, keys: dict[str, str], expected: str
) -> None:
    postgres.run(
        "CREATE TABLE orders (id int, changed date, yes boolean, blob bytea)",
        "INSERT INTO orders VALUES (1, now(), true, 'x')",
    )
    with pytest.raises(SourceError, match=expected):
        reader.extract(_input(postgres.url, **keys), tables=MERGE)


@postgres_only
def test_no_way_to_the_server_is_one_sentence_without_the_password(
    postgres: Any, reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = postgres.url.replace(f":{postgres.port}/", ":1/")
    with pytest.raises(SourceError, match="cannot be reached") as refused:
        reader.extract(_input(closed, table="orders"))
    monkeypatch.setenv("PGTEST_PASSWORD", "a-wrong-word")
    with pytest.raises(SourceError, match="password authentication failed") as wrong:
        reader.extract(_input(postgres.url, table="orders"))
    for error in (refused, wrong):
        assert "\n" not in str(error.value)
        assert postgres.password not in str(error.value)
        assert "a-wrong-word" not in str(error.value)


@postgres_only
@pytest.mark.parametrize("form", ["address", "json"])
def test_a_connection_of_airflow_is_read_from_the_environment(
    postgres: Any, reader: Any, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    from airflow.models.connection import Connection

    held = Connection(
        conn_id="shop_db", conn_type="postgres", host="127.0.0.1", port=postgres.port,
        login="liftcast", password=postgres.password, schema=postgres.database,
        extra='{"application_name": "x"}',
    )  # fmt: skip
    told = held.get_uri() if form == "address" else held.as_json()
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_DB", told)
    asked = "databases:\n  orders: {connection: shop_db, query: SELECT 1 AS id}\n"
    assert reader.rows(reader.extract(asked)) == [{"id": 1, "_row_number": 1}]
    monkeypatch.delenv("AIRFLOW_CONN_SHOP_DB")
    with pytest.raises(SourceError, match="no connection 'shop_db'"):
        reader.extract(asked)


@postgres_only
def test_memory_does_not_grow_with_the_rows(postgres: Any, reader: Any) -> None:
    """The peak of a process that reads 400,000 rows stays near that of one that reads 4,000."""

    def peak(rows: int) -> int:
        query = f"SELECT g AS id, repeat('x', 200) AS t FROM generate_series(1, {rows}) g"
        reader.mapping(_input(postgres.url, query=f'"{query}"', chunk_rows=2000))
        code = (
            "import sys, resource; from pathlib import Path\n"
            "from ingestion.connectors import extract; from ingestion.mapping import load_mapping\n"
            "folder = Path(sys.argv[1])\n"
            "found = extract(load_mapping(folder / 'shop.yml'), 'orders', folder, state={},"
            " say=lambda _: None)\n"
            "print(found.rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(reader.folder)],
            capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        count, kilobytes = map(int, done.stdout.split())
        assert count == rows
        return kilobytes

    # The rows are 80 MB of text.
    assert peak(400_000) - peak(4_000) < 40_000


def _sqlite(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as link:
        link.execute("CREATE TABLE orders (id INTEGER, day TEXT, amount NUMERIC, note TEXT)")
        link.executemany(
            "INSERT INTO orders VALUES (?, ?, ?, ?)",
            [(1, "2025-01-01", 10, None), (2, "2025-01-02", 2.5, "x")],
        )
        link.commit()
    return path


def test_sqlite_is_read_and_not_written(reader: Any) -> None:
    _sqlite(reader.folder / "shop.db")
    found = reader.extract(_input("sqlite:///shop.db", table="orders"))
    assert [(row["id"], row["day"], row["note"]) for row in reader.rows(found)] == [
        (1, "2025-01-01", None),
        (2, "2025-01-02", "x"),
    ]
    with pytest.raises(SourceError, match="readonly"):
        reader.extract(_input("sqlite:///shop.db", query="DELETE FROM orders RETURNING id"))
    assert reader.extract(_input("sqlite:///shop.db", table="orders")).rows == 2


def test_a_wrong_sqlite_file_is_not_made(reader: Any) -> None:
    with pytest.raises(SourceError, match=r"no file 'shpo\.db'"):
        reader.extract(_input("sqlite:///shpo.db", table="orders"))
    assert not (reader.folder / "shpo.db").exists()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mysql://u@127.0.0.1/x", "pip install 'pymysql'"),
        ("snowflake://u@127.0.0.1/x", "pip install 'snowflake-sqlalchemy'"),
        ("nonsense", "cannot be read"),
        ("${LIFTCAST_TEST_NOT_SET}", "LIFTCAST_TEST_NOT_SET is not set"),
    ],
)
def test_an_address_that_cannot_work_is_refused(reader: Any, url: str, expected: str) -> None:
    with pytest.raises(SourceError, match=expected):
        reader.extract(_input(url, table="orders"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@h/db",
        "postgresql://me:hun@ter2/x@h/db",
        "postgresql://me:${PW:-hunter2}@h/db",
        "${URL:-postgresql://me:hunter2@h/db}",
        "postgresql://h/db?user=me&password=hunter2",
        "mssql+pyodbc:///?odbc_connect=SERVER%3Dh%3BPWD%3Dhunter2",
    ],
)
def test_a_mapping_with_a_secret_in_it_is_refused_without_showing_it(reader: Any, url: str) -> None:
    with pytest.raises(SourceError, match="secret stands in the mapping") as error:
        reader.mapping(_input(url, table="orders"))
    assert "${VARIABLE}" in str(error.value)
    told = f"{error.value} {error.value.__cause__}"
    assert "hunter2" not in told
    assert "ter2" not in told


@postgres_only
def test_rows_that_the_database_cannot_give_are_an_error(postgres: Any, reader: Any) -> None:
    with pytest.raises(SourceError, match="refused"):
        reader.extract(_input(postgres.url, query="\"SELECT 'infinity'::timestamp AS at\""))
