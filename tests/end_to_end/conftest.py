"""A small company's yesterday and today, made once; a real `airflow standalone` for a module."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import psutil
import pytest
import yaml

from liftcast import airflow_home
from simulation import simulate
from warehouse import Lake
from warehouse.publication import read_current, verify
from warehouse.settings import PROJECT

ENDED = {"success", "failed"}
# What a publication says about its own moment; everything else is a function of the input.
MOMENTARY = {"pub_freshness.parquet", "attr_checks.parquet"}


# A walk of the mix model too short for its gates.
SHORT_WALK = "sampling: {starts: 1, chains: 2, warmup: 60, draws: 150, longer: 1}\n"
TOO_SHORT = ("sampler_converged", "effective_draws", "sampler_divergences")

Shared = Callable[[str, Callable[[Path], None]], Path]
Liftcast = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def short_walk(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment of a short walk whose gates are signed off, as a person may.

    For tests that do not look at the estimate; others walk as long as the model does by default.
    """
    folder = tmp_path_factory.mktemp("short_walk")
    (folder / "mix.yml").write_text(SHORT_WALK, encoding="utf-8")
    signed = [
        {"gate": gate, "subject": "model", "by": "this test", "reason": "a short walk will do",
         "until": "9999-12-31"}
        for gate in TOO_SHORT
    ]  # fmt: skip
    (folder / "sign_offs.yml").write_text(yaml.safe_dump(signed), encoding="utf-8")
    return {
        "LIFTCAST_MIX_SPEC": str(folder / "mix.yml"),
        "LIFTCAST_SIGN_OFFS": str(folder / "sign_offs.yml"),
    }


@pytest.fixture(scope="session")
def liftcast(short_walk: Mapping[str, str]) -> Liftcast:
    """Start `liftcast STAGE --lake LAKE ...` on a company, with a short walk."""

    def start(stage: str, lake: Path, company: Path, *more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "liftcast", stage, "--lake", str(lake), *more],
            env=os.environ | short_walk | {"LIFTCAST_SIMULATED": str(company), "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def _first_sale(company: Path, cells: Mapping[str, str]) -> None:
    """Other cells for the first line of a company's ledger."""
    header, first, *rest = csv.reader((company / "sales.csv").read_text().splitlines())
    line = dict(zip(header, first, strict=True)) | cells
    with (company / "sales.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, list(line.values()), *rest])


@pytest.fixture(scope="session")
def with_first_sale() -> Callable[..., Path]:
    """A copy of a company whose first ledger line has other cells."""

    def copied(company: Path, folder: Path, **cells: str) -> Path:
        shutil.copytree(company, folder)
        _first_sale(folder, cells)
        return folder

    return copied


@pytest.fixture(scope="session")
def company(shared: Shared) -> Path:
    """Folder of a company of two territories over four months."""
    return shared("company", lambda folder: simulate(folder, seed=102, days=120, territories=2))


def _published(company: Path, lake: Path, liftcast: Liftcast) -> None:
    run = liftcast("run", lake, company)
    said = run.communicate(timeout=900)[1]
    assert run.returncode == 0, said


@pytest.fixture(scope="session")
def yesterday(shared: Shared, company: Path, liftcast: Liftcast) -> Path:
    """A lake that published the company before its last week came in and its first sale was
    restated: every stage has something new to do. Read only."""

    def make(folder: Path) -> None:
        earlier = folder / "company"
        shutil.copytree(company, earlier)
        for name in ("sales.csv", "ad_spend.csv"):
            header, *rows = csv.reader((earlier / name).read_text().splitlines())
            day = header.index("date_day")
            with (earlier / name).open("w", newline="") as file:
                kept = [row for row in rows if row[day] < "2025-12-22"]
                csv.writer(file).writerows([header, *kept])
        _first_sale(earlier, {"net_revenue": "1234.50"})
        _published(earlier, folder / "lake", liftcast)

    return shared("yesterday", make) / "lake"


@pytest.fixture
def lake(yesterday: Path, tmp_path: Path) -> Path:
    """A copy of yesterday's lake."""
    return Path(shutil.copytree(yesterday, tmp_path / "lake", symlinks=True))


@pytest.fixture(scope="session")
def today(
    shared: Shared,
    company: Path,
    liftcast: Liftcast,
    published_bytes: Callable[[Path], dict[str, bytes]],
) -> Callable[[], dict[str, bytes]]:
    """What a clean lake publishes of the whole company, by `published_bytes`; made when asked."""

    def asked() -> dict[str, bytes]:
        clean = shared("today", lambda folder: _published(company, folder / "lake", liftcast))
        return published_bytes(clean / "lake")

    return asked


@dataclass
class Airflow:
    """One running Airflow, its lake and the company it lands."""

    env: Mapping[str, str] = field(repr=False)
    port: int
    lake: Lake
    company: Path
    token: str = field(default="", repr=False)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request to the REST API; JSON in, JSON out."""
        request = Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {self.token}",
            },
        )
        try:
            with urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except HTTPError as error:
            raise AssertionError(f"{method} {path}: {error} {error.read()[:500]!r}") from error

    def log_in(self) -> None:
        """The token a person's browser would get for the generated password."""
        passwords = Path(self.env["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
        password = json.loads(passwords.read_text(encoding="utf-8"))[airflow_home.USER]
        login = {"username": airflow_home.USER, "password": password}
        self.token = self.call("POST", "/auth/token", login)["access_token"]

    def pause(self, dag: str, paused: bool) -> None:
        self.call("PATCH", f"/api/v2/dags/{dag}", {"is_paused": paused})

    def trigger(self, dag: str, conf: Mapping[str, Any], due: str | None = None) -> str:
        """Ask for a run; one that was `due` earlier goes before others that wait."""
        body = {"logical_date": None, "conf": conf, "run_after": due}
        return self.call("POST", f"/api/v2/dags/{dag}/dagRuns", body)["dag_run_id"]

    def runs(self, dag: str) -> list[dict[str, Any]]:
        return self.call("GET", f"/api/v2/dags/{dag}/dagRuns?limit=100")["dag_runs"]

    def tasks(self, dag: str, run_id: str) -> dict[str, str]:
        """State of each task of a run."""
        path = f"/api/v2/dags/{dag}/dagRuns/{quote(run_id)}/taskInstances"
        return {t["task_id"]: t["state"] for t in self.call("GET", path)["task_instances"]}

    def wait(self, what: str, done: Callable[[], bool], seconds: float) -> None:
        """Poll until `done`; say what was waited for, and the logs' errors, when time is up."""
        until = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < until, f"{what}: not in {seconds:.0f} s\n{self.errors()}"
            time.sleep(1)

    def wait_for_run(self, dag: str, run_id: str, seconds: float) -> None:
        path = f"/api/v2/dags/{dag}/dagRuns/{quote(run_id)}"
        self.wait(f"{dag} {run_id}", lambda: self.call("GET", path)["state"] in ENDED, seconds)
        assert self.call("GET", path)["state"] == "success", self.errors()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`airflow ...` as a person would type it beside the running server."""
        return subprocess.run(
            ["airflow", *arguments],
            env=dict(self.env),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def task_logs(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Every record of every task's log."""
        for file in sorted(Path(self.env["AIRFLOW_HOME"]).glob("logs/dag_id=*/**/*.log")):
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                yield file, json.loads(line)

    def errors(self) -> str:
        """What the tasks' logs hold of level error, for a failing test's message."""
        lines = [
            f"{file.parent.name}: {record.get('event')} {record.get('error_detail', '')}"
            for file, record in self.task_logs()
            if record.get("level") in ("error", "critical")
        ]
        return "\n".join(lines)[-4000:] or "no error in the tasks' logs"


@pytest.fixture(scope="session")
def published_bytes() -> Callable[[Path], dict[str, bytes]]:
    """The published tables of a lake by name, but those that speak of the moment of their run."""

    def read(lake: Path) -> dict[str, bytes]:
        folder, _ = read_current(Lake.at(lake))
        assert verify(folder) == []
        return {
            file.name: file.read_bytes()
            for file in sorted((folder / "tables").glob("*.parquet"))
            if file.name not in MOMENTARY
        }

    return read


def _living(group: int) -> list[str]:
    """Processes of a process group that still run."""
    found = []
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, psutil.Error):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
    return found


def _mapping(folder: Path, tables: Sequence[str] | None) -> Path:
    """The simulated company's mapping, or one of some of its tables."""
    whole = PROJECT / "sources" / "simulated.yml"
    if tables is None:
        return whole
    tree = yaml.safe_load(whole.read_text(encoding="utf-8"))
    tree["files"] = {name: file for name, file in tree["files"].items() if name in tables}
    tree["tables"] = [table for table in tree["tables"] if table["table"] in tables]
    few = folder / "simulated.yml"
    few.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return few


@pytest.fixture(scope="module")
def airflow(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    worker_id: str,
    short_walk: Mapping[str, str],
    prepare_airflow: Callable[[Path, Mapping[str, str]], None],
) -> Iterator[Airflow]:
    """`airflow standalone` on a free loopback port, ended with the module's last test.

    The module's COMPANY says which company to simulate, its TABLES which of the company's tables to
    land (default: all). `ingest` is paused, as a person finds it.
    """
    root = tmp_path_factory.mktemp("standalone")
    company, lake, home = root / "company", Lake.at(root / "lake"), root / "home"
    simulate(company, **request.module.COMPANY)
    # Two test processes may each start one: a port that is free now is not taken until it starts.
    place = int(worker_id.removeprefix("gw")) if worker_id.startswith("gw") else 0
    port = airflow_home.free_port(18080 + 200 * place)
    sources = [_mapping(root, getattr(request.module, "TABLES", None))]
    env = airflow_home.environment(home, lake.root, sources, port)
    env |= short_walk | {"LIFTCAST_SIMULATED": str(company), "LIFTCAST_TASK_RETRIES": "0"}
    # A person can wait a second; looking five times a second costs a tenth of a core.
    env["AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME"] = "0.5"
    # No DAG file changes here: parsed every half minute, they cost a twentieth.
    env["AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL"] = "600"
    prepare_airflow(home, env)
    with airflow_home.serving(env) as process:
        server = Airflow(env, port, lake, company)
        log = home / "standalone.log"

        def up() -> bool:
            assert process.poll() is None, log.read_text(errors="replace")[-3000:]
            return airflow_home.answers(port)

        server.wait("airflow standalone answers", up, 180)
        server.log_in()
        found = lambda: server.call("GET", "/api/v2/dags")["total_entries"] == 5  # noqa: E731
        server.wait("five DAGs are parsed", found, 60)
        yield server
    # The killed take a moment to die, and stay in the group until the system's first process
    # takes note of them.
    deadline = time.monotonic() + 30
    while (living := _living(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert living == []
    assert not airflow_home.answers(port)
