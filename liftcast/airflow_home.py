"""Airflow's home: the environment, database, pool and connection its processes run with.

Airflow is only ever started as a subprocess; nothing here imports it. Screen and API listen on the
loopback address alone, with a password made on the first start. (Airflow's two task-log servers
choose every address, and cannot be told otherwise; they answer signed requests only.)
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from warehouse import Lake, LiftcastError, Settings
from warehouse.errors import printable
from warehouse.files import replacing, write_json
from warehouse.settings import PROJECT

DAGS = PROJECT / "dags"
USER = "admin"
_LOCAL_SETTINGS = """from liftcast import preloading, sqlite_locks

__all__ = ()
"""
# Whoever was started in the background (`liftcast airflow &`) ignores interrupts, and so would all
# that it starts: Airflow would not end when it is asked to.
_STANDALONE = """import os, signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp("airflow", ["airflow", "standalone"])
"""
_STATES = {"success": "ok", "skipped": "skipped", "failed": "FAILED"}


def connection(lake: Path, sources: Iterable[Path]) -> str:
    """The Airflow connection `liftcast_lake` as JSON: where the lake and the mappings are."""
    listed = os.pathsep.join(str(path) for path in sources)
    return json.dumps({"conn_type": "generic", "extra": {"lake": str(lake), "sources": listed}})


def read_connection(extra: Mapping[str, Any]) -> tuple[Lake, list[Path]]:
    """Lake and source mappings out of the connection's extra; what it leaves out comes from
    `LIFTCAST_LAKE` and `LIFTCAST_SOURCES`.

    Raises:
        LiftcastError: the lake's path cannot be used, or a mapping is not there.
    """
    from liftcast.pipeline import source_paths

    listed = str(extra.get("sources") or "")
    named = [entry for entry in listed.split(os.pathsep) if entry]
    return Lake.at(extra.get("lake") or Settings().lake), source_paths(named)


def connections_of(source: str | Path) -> tuple[str, ...]:
    """Names of the Airflow connections that a source mapping asks for.

    Raises:
        SourceError: the mapping cannot be read.
    """
    from ingestion import load_mapping
    from ingestion.connectors import secrets as named

    return named.connections_of(load_mapping(source).spec)


def days_to_land(
    params: Mapping[str, Any], interval: tuple[datetime | None, datetime | None], asked: datetime
) -> dict[str, date | None]:
    """The dates `[start, end)` that a run of `ingest` lands.

    Args:
        params: `everything` (land all dates), `date_from` and `date_to` (ISO dates, both included;
            None: the data interval's).
        interval: the run's data interval; without one (a run asked for by hand) it is the day
            before the run was asked for.
        asked: when the run was asked for.

    Raises:
        LiftcastError: the dates are out of order.
    """
    if params["everything"]:
        return {"start": None, "end": None}
    one_day = timedelta(days=1)
    start = (interval[0] or asked - one_day).date()
    end = (interval[1] or asked).date()
    if params["date_from"]:
        start = date.fromisoformat(params["date_from"])
    if params["date_to"]:
        end = date.fromisoformat(params["date_to"]) + one_day
    if start >= end:
        raise LiftcastError(
            "the dates to land are out of order",
            expected="date_from on or before date_to",
            got=f"{start} to {end - one_day}",
            remedy="Give both dates, in order",
        )
    return {"start": start, "end": end}


def environment(
    home: Path, lake: Path, sources: Sequence[Path], port: int = 8080
) -> dict[str, str]:
    """Environment of every Airflow process of this project.

    Args:
        home: folder for Airflow's database, logs and password.
        lake: folder that the stages work on.
        sources: source mappings that `ingest` lands.
        port: loopback port of the screen and the API; the two ports above it serve task logs.
    """
    address = f"http://127.0.0.1:{port}"
    airflow = {
        "CORE__DAGS_FOLDER": DAGS,
        "CORE__LOAD_EXAMPLES": False,
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": 2,
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": home / "passwords.json",
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db?timeout=60",
        "API__HOST": "127.0.0.1",
        "API__PORT": port,
        "API__BASE_URL": address,
        "API__WORKERS": 1,
        "CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "LOGGING__WORKER_LOG_SERVER_PORT": port + 1,
        "LOGGING__TRIGGER_LOG_SERVER_PORT": port + 2,
        "LOGGING__BASE_LOG_FOLDER": home / "logs",
        "DAG_PROCESSOR__REFRESH_INTERVAL": 30,
        # A worker notices the end of a task at its next heartbeat: at 5 s, the default, a short
        # task costs 5 s. A minute of silence is forgiven, as the screen may be busy.
        "WORKERS__MIN_HEARTBEAT_INTERVAL": 1,
        "WORKERS__MAX_FAILED_HEARTBEATS": 60,
        "USAGE_DATA_COLLECTION__ENABLED": False,
    }
    return {
        **os.environ,
        **{f"AIRFLOW__{key}": str(value) for key, value in airflow.items()},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW_CONN_LIFTCAST_LAKE": connection(lake, sources),
        "LIFTCAST_LAKE": str(lake),
        "LIFTCAST_SOURCES": os.pathsep.join(str(path) for path in sources),
        # `airflow standalone` starts its parts by name: they must be this environment's.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "NO_COLOR": "1",
        "SCARF_ANALYTICS": "false",
        # A dozen processes start: without cached bytecode each compiles Airflow for seconds.
        "PYTHONDONTWRITEBYTECODE": "",
        # One thread a process: two tasks share two cores.
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
    }


def prepare(home: Path, env: Mapping[str, str]) -> None:
    """Make or migrate Airflow's database, its one-slot pool and the password; once a version.

    Raises:
        LiftcastError: Airflow could not be started or refused.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    _password(env)
    local_settings = home / "config" / "airflow_local_settings.py"
    local_settings.parent.mkdir(exist_ok=True)
    local_settings.write_text(_LOCAL_SETTINGS, encoding="utf-8")
    stamp, wanted = home / "prepared", version("apache-airflow")
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    _airflow(env, "db", "migrate")
    _let_readers_in(home / "airflow.db")
    _airflow(env, "pools", "set", "warehouse_writer", "1", "One writer of warehouse.duckdb")
    with replacing(stamp) as temporary:
        temporary.write_text(wanted, encoding="utf-8")


def run_in_order(
    runs: Sequence[tuple[str, Mapping[str, Any]]],
    env: Mapping[str, str],
    say: Callable[[str], None],
) -> str | None:
    """Run DAGs one after the other through Airflow's own `dag.test()`, telling each task's end.

    Stops at the first that does not end green. Nothing is retried: who waits at a terminal wants
    the error now. Airflow's log goes to `logs/in_order.log` in its home.

    Args:
        runs: pairs of DAG and its run's configuration (parameters).
        env: from `environment`, prepared by `prepare`.
        say: takes one plain line of progress.

    Returns:
        The DAG that failed, or None.
    """
    log = Path(env["AIRFLOW_HOME"]) / "logs" / "in_order.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    current = runs[0][0]
    with log.open("w", encoding="utf-8") as sink:
        process = subprocess.Popen(
            [sys.executable, str(DAGS / "in_order.py"), json.dumps(list(runs))],
            env={**env, "LIFTCAST_TASK_RETRIES": "0"},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        try:
            for event in _events(process.stderr, sink):
                current = event["dag"]
                say(_line(event))
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait()
    if process.returncode:
        say(f"Airflow's own log of this: {log}")
    return current if process.returncode else None


def dag_test(
    dag_id: str, conf: Mapping[str, Any], env: Mapping[str, str], say: Callable[[str], None]
) -> int:
    """Run one DAG as `run_in_order` does; 0 when it ended green, else 1."""
    return 0 if run_in_order([(dag_id, conf)], env, say) is None else 1


@contextmanager
def serving(env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """`airflow standalone` in a session of its own, its output in `standalone.log`; ended with
    all it started when the block is left."""
    with (Path(env["AIRFLOW_HOME"]) / "standalone.log").open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-c", _STANDALONE],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _end(process)


def standalone(home: Path, lake: Path, sources: Sequence[Path], port: int = 8080) -> int:
    """Serve Airflow until Ctrl-C or SIGTERM; print its address and how to log in.

    Returns:
        0 after Ctrl-C, else the exit code of the Airflow that ended by itself.
    """
    port = free_port(port)
    env = environment(home, lake, sources, port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end the whole of it either way
    _print("Preparing Airflow (SQLite, loopback only) ...")
    prepare(home, env)
    with serving(env) as process:
        try:
            while process.poll() is None and not answers(port):
                time.sleep(0.5)
            if process.poll() is None:
                _print(
                    f"Airflow  http://127.0.0.1:{port}\n"
                    f"log in   user {USER}, password {_password(env)}\n"
                    f"lake     {lake}\n"
                    "first    DAG `ingest`: Trigger, set `everything`; the rest follow by assets\n"
                    f"log      {home}/standalone.log\n"
                    "end      Ctrl-C"
                )
            code = process.wait()
        except KeyboardInterrupt:
            _print("\nEnding Airflow ...")
            return 0
    _print(f"Airflow ended by itself (exit code {code}): see {home}/standalone.log")
    return code or 1


def free_port(first: int = 8080) -> int:
    """The first port from `first` on that is free on loopback with the two above it.

    Raises:
        LiftcastError: none of the next 100 is.
    """
    for port in range(first, min(first + 100, 65533)):
        with suppress(OSError):
            for offset in range(3):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port + offset))
            return port
    raise LiftcastError(
        "no free port on 127.0.0.1",
        got=f"{first} to {first + 99} in use",
        remedy="Choose another with --port",
    )


def answers(port: int) -> bool:
    """Whether something listens on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _password(env: Mapping[str, str]) -> str:
    """The password of the one user, made on first use in a file that only its owner reads."""
    file = Path(env["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    if not file.is_file():
        write_json(file, {USER: secrets.token_urlsafe(12)})
    file.chmod(0o600)
    return str(json.loads(file.read_text(encoding="utf-8"))[USER])


def _airflow(env: Mapping[str, str], *arguments: str) -> None:
    done = subprocess.run(
        ["airflow", *arguments], env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise LiftcastError(
            f"`airflow {' '.join(arguments)}` failed",
            got=printable(last, 300),
            remedy=f"If its database is broken, delete {env['AIRFLOW_HOME']} and run again",
        )


def _let_readers_in(database: Path) -> None:
    """Keep SQLite in write-ahead mode: else Airflow's own processes meet *database is locked*."""
    with closing(sqlite3.connect(database, timeout=60)) as link:
        link.execute("PRAGMA journal_mode=WAL")


def _events(lines: IO[str] | None, sink: IO[str]) -> Iterator[dict[str, Any]]:
    """JSON lines as events; whatever else was written to standard error goes to the log."""
    for line in lines or ():
        try:
            event = json.loads(line)
            yield {key: event[key] for key in ("event", "dag", "text", "error", "seconds")}
        except (ValueError, KeyError, TypeError):
            sink.write(line)


def _line(event: Mapping[str, Any]) -> str:
    text = printable(event["text"], 200)
    if event["event"] not in _STATES:
        return f"  {text}"
    line = f"  {event['dag']}.{text}: {_STATES[event['event']]} ({event['seconds']:.1f} s)"
    return f"{line} {printable(event['error'], 1000)}" if event["error"] else line


def _end(process: subprocess.Popen[bytes], patience: float = 20) -> None:
    """Interrupt, as Ctrl-C would; what is left of the session after `patience` seconds dies."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
