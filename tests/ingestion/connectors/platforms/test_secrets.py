"""No secret is ever said or written: canaries on good days and on every bad one."""

from __future__ import annotations

import base64
import json
import logging
import os
import traceback
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ingestion import land
from ingestion.checking import check
from ingestion.connectors.secrets import Secrets, connection
from ingestion.extract import Extract
from warehouse import Lake, Settings
from warehouse.errors import LiftcastError, SourceError

ADDRESS = {"google_ads": "google", "meta": "meta", "linkedin": "linkedin", "tiktok": "tiktok"}
TRADED = ("CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN")
NAMED = {
    "google_ads": ("DEVELOPER_TOKEN", *TRADED),
    "meta": ("ACCESS_TOKEN",),
    "linkedin": TRADED,
    "tiktok": ("ACCESS_TOKEN",),
}
# What the server hands out is a secret too.
ISSUED = "kanarie-issued-token"
TABLES = """\
tables:
  - table: ad_spend
    from: report
    constants: {grain: day, channel: social, channel_kind: paid, territory_id: all}
"""


class Watch:
    """All that a user, a log or a disk could see."""

    def __init__(self, lake: Lake, log: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.lake = lake
        self._log = log
        self._capfd = capfd
        self.said: list[str] = []

    def failing(self, error: BaseException) -> None:
        self.said += [str(error), repr(error), "".join(traceback.format_exception(error))]

    def seen(self) -> bytes:
        out, err = self._capfd.readouterr()
        texts = [out, err, self._log.read_text(encoding="utf-8"), *self.said]
        files = [path for path in self.lake.root.rglob("*") if path.is_file()]
        assert files
        return b"\n".join(
            ["\n".join(texts).encode(), *(path.read_bytes() for path in files),
             *(str(path).encode() for path in files)]
        )  # fmt: skip

    def clean_of(self, *secrets: str) -> None:
        seen = self.seen()
        for secret in secrets:
            for form in spellings(secret):
                assert form not in seen, f"{form!r} was said or written"


def spellings(secret: str) -> set[bytes]:
    """A secret as such, in an address, in JSON, and anywhere inside base64."""
    forms = {secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1]}
    encoded = {form.encode() for form in forms}
    for lead in range(3):
        whole = base64.b64encode(b"\0" * lead + secret.encode())
        encoded.add(whole[4 if lead else 0 : -4])
    return encoded


@pytest.fixture
def watch(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Watch]:
    """Every logger at its most talkative, into a file of its own."""
    log = tmp_path / "debug.log"
    root = logging.getLogger()
    before = root.level
    handler = logging.FileHandler(log)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    talkers = ("urllib3", "requests", "sqlalchemy", "sqlalchemy.engine", "psycopg", "dlt")
    levels = {name: logging.getLogger(name).level for name in talkers}
    for name in talkers:
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        yield Watch(Lake.at(tmp_path / "lake").ensure(), log, capfd)
    finally:
        root.setLevel(before)
        root.removeHandler(handler)
        handler.close()
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _mapping(company: Any, folder: Path, platform: str) -> Path:
    keys = "".join(f"      {key.lower()}: ${{CANARY_{key}}}\n" for key in NAMED[platform])
    token = f"    token_url: {company.url}/token\n" if "REFRESH_TOKEN" in NAMED[platform] else ""
    path = folder / f"{platform}.yml"
    path.write_text(
        f"version: 1\nsource: {platform}\napis:\n  report:\n    platform: {platform}\n"
        f"    base_url: {company.url}/{ADDRESS[platform]}\n{token}"
        f"    accounts: ['1234567890']\n    pull_days: 3\n    credentials:\n{keys}{TABLES}",
        encoding="utf-8",
    )
    return path


def _land(watch: Watch, mapping: Path, **how: Any) -> None:
    land(
        watch.lake, mapping, run_id="20250101T000000-00000000", settings=Settings(),
        progress=watch.said.append, **how,
    )  # fmt: skip


def _faults(fault: Any, echo: bytes) -> list[Any]:
    """Every way to fail, each with the secrets in its body where it has one."""
    return [
        fault(status=500, body=echo),
        fault(status=403, body=echo),
        fault(status=400, body=b'{"error": {"message": "' + echo + b'"}}'),
        fault(status=400, body=b'{"code": 1, "message": "' + echo + b'"}'),
        fault(status=401, body=b'{"error": "' + echo + b'", "message": "' + echo + b'"}'),
        fault(status=302, headers={"Location": "/?" + echo.decode().replace("\n", "")}),
        fault(status=429, body=echo, headers={"Retry-After": "9999"}),
        fault(body=b"<html>" + echo),
        fault(body=echo),
        fault(body=b'{"' + echo + b'": 1}'),
        fault(body=b'{"code": 0, "data": {"list": [{"' + echo + b'": 1}]}}'),
        fault(body=b'{"data": [{"date_start": "' + echo + b'"}], "results": ["' + echo + b'"]}'),
        fault(how="short", body=echo),
        fault(how="reset"),
    ]


@pytest.mark.parametrize("platform", list(ADDRESS))
def test_platforms_secrets_are_never_seen(
    company: Any, watch: Watch, tmp_path: Path, platform: str, fault_type: Any
) -> None:
    mapping = _mapping(company, tmp_path, platform)
    canaries = [os.environ[f"CANARY_{key}"] for key in NAMED[platform] if key != "CLIENT_ID"]
    end = max(company.days) + timedelta(days=1)
    # What a server would echo: the secrets, plain, in an address, in base64.
    forms = [form for secret in canaries for form in (secret, quote(secret, safe=""))]
    forms += [base64.b64encode(secret.encode()).decode() for secret in canaries]
    echo = " ".join([*forms, "@TOKEN@"]).encode()
    failed = 0
    for fault in _faults(fault_type, echo):
        company.fault_at = dict.fromkeys(company.days, fault)
        with pytest.raises(LiftcastError) as error:
            _land(watch, mapping, end=end)
        watch.failing(error.value)
        failed += 1
    assert failed == 14
    # `check` shows its report on a screen: that may hold no more than an error does.
    company.fault_at = {}
    company.faults = [fault_type(status=400, body=b'{"message": "' + echo + b'"}')]
    watch.said.append(repr(check([mapping], lake=watch.lake, connect=True)))
    assert not company.faults, "the platform was not asked"
    _land(watch, mapping, end=end)
    assert list(watch.lake.raw.rglob("date_day=2*/*.parquet"))
    company.lost = True
    company.expire()
    with pytest.raises(LiftcastError) as error:
        _land(watch, mapping, end=end)
    watch.failing(error.value)
    watch.clean_of(*canaries, ISSUED)


@pytest.mark.postgres
def test_a_databases_password_is_never_seen(
    postgres: Any, watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.run("CREATE TABLE orders AS SELECT 1 AS id, date '2025-01-01' AS day, 2.5 AS amount")
    password = postgres.password
    whole = postgres.url.replace("${PGTEST_PASSWORD}", quote(password, safe=""))
    urls = {
        "good": postgres.url,
        "whole": "${CANARY_URL}",
        "closed": postgres.url.replace(f":{postgres.port}/", ":1/"),
        "nobody": postgres.url.replace("liftcast:", "nobody:"),
        "nowhere": postgres.url.replace(postgres.database, "nowhere"),
        "unparsed": "${CANARY_BAD_URL}",
        "parameter": postgres.url.replace("${PGTEST_PASSWORD}", "x").replace(":x@", "@")
        + "?password=${PGTEST_PASSWORD}",
    }
    monkeypatch.setenv("CANARY_URL", whole)
    monkeypatch.setenv("CANARY_BAD_URL", whole.replace("://", ":/").replace(":", "|"))
    failed = []
    for name, url in urls.items():
        for table in ("orders", "ordres"):
            path = tmp_path / f"{name}.yml"
            path.write_text(
                f"version: 1\nsource: {name}\ndatabases:\n  lines: {{url: '{url}', table: {table}}}"
                "\ntables:\n  - table: sales\n    from: lines\n    columns: {date_day: day,"
                " net_revenue: amount, order_id: id}\n    constants: {line_number: 1, grain: day,"
                " product_id: tea, territory_id: all, sales_channel: web, sales_level: shop,"
                " customer_kind: B2C, currency_code: EUR}\n",
                encoding="utf-8",
            )
            try:
                _land(watch, path)
            except LiftcastError as error:
                failed.append((name, table))
                watch.failing(error)
    assert ("good", "orders") not in failed
    assert ("whole", "orders") not in failed
    assert ("parameter", "orders") not in failed
    assert len(failed) == 3 + 2 * 4
    # psycopg itself hides nothing of an address that it cannot read.
    watch.clean_of(password, whole)


def test_a_literal_secret_is_refused_and_not_repeated(tmp_path: Path) -> None:
    from ingestion.mapping import load_mapping

    for line in (
        "credentials: {access_token: hunter2-canary}",
        "credentials: {access_token: '${X:-hunter2-canary}'}",
        "base_url: 'https://me:hunter2-canary@graph.example.com'",
        "base_url: 'https://graph.example.com?access_token=hunter2-canary'",
    ):
        path = tmp_path / "meta.yml"
        path.write_text(
            "version: 1\nsource: meta\napis:\n  report:\n    platform: meta\n    accounts: ['1']\n"
            f"    {line}\n{TABLES}",
            encoding="utf-8",
        )
        with pytest.raises(SourceError, match="secret stands in the mapping") as error:
            load_mapping(path)
        said = "".join(traceback.format_exception(error.value))
        assert "hunter2-canary" not in said


@pytest.mark.parametrize(
    "told",
    [
        "no-scheme-hunter2canary",
        "http://x:hunter2canary@h:port/db",
        '{"conn_type": "http", "password": "hunter2canary",',
        '{"password": "hunter2canary"}',
        '{"conn_type": "http", "extra": "hunter2canary"}',
        '["hunter2canary"]',
    ],
)
def test_a_connection_that_cannot_be_read_is_not_quoted(
    monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_META", told)
    with pytest.raises(SourceError, match="cannot be read") as error:
        connection("meta", "x")
    assert "hunter2canary" not in "".join(traceback.format_exception(error.value))


def test_credentials_may_come_from_a_connection(
    company: Any, reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.models.connection import Connection

    extra = {key.lower(): os.environ[f"CANARY_{key}"] for key in NAMED["google_ads"]}
    held = Connection(conn_id="ads", conn_type="http", extra=json.dumps(extra))
    for form in (held.get_uri(), held.as_json()):
        monkeypatch.setenv("AIRFLOW_CONN_ADS", form)
        found: Extract = reader.extract(
            f"apis:\n  report:\n    platform: google_ads\n    base_url: {company.url}/google\n"
            f"    token_url: {company.url}/token\n    accounts: ['1234567890']\n    pull_days: 3\n"
            "    credentials: {connection: ads}\n",
            "report",
            end=max(company.days) + timedelta(days=1),
        )
        assert found.rows == 15


@pytest.mark.parametrize(
    "secret", ["geheimnisvoll", "pa ss/w?rd&=+", 'with "quotes" and \\', "ünïcode"]
)
def test_cleaning_knows_the_forms_a_secret_travels_in(secret: str) -> None:
    secrets = Secrets([secret])
    for form in spellings(secret):
        text = form.decode()
        if len(text) >= 8 or text == secret:
            assert text not in secrets.clean(f"before {text} after")
    whole = base64.b64encode(f"user:{secret}:x".encode()).decode()
    assert secrets.clean(whole) != whole
    assert repr(secrets) == "Secrets()"
    assert secrets.clean("an ordinary sentence") == "an ordinary sentence"
