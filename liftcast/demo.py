"""The demo: a simulated company through all five DAGs, and a last screen a newcomer understands."""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape

from liftcast import airflow_home
from warehouse.errors import LiftcastError
from warehouse.lake import Lake
from warehouse.publication import read_current
from warehouse.settings import PROJECT

DAGS = ("ingest", "transform", "attribute", "forecast", "publish")


def run_demo(lake: Lake, seed: int, console: Console) -> None:
    """Simulate, run `ingest` to `publish` through Airflow itself, show truth beside estimate.

    Raises:
        LiftcastError: a DAG did not end green; its output stands above.
    """
    from simulation import simulate

    start = time.monotonic()

    def say(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - start:5.0f} s[/dim]  {escape(text)}")

    company = lake.root / "simulated"
    say("simulating a company: two years, daily, four territories, six media channels")
    simulate(company, seed=seed)
    home = lake.root / "airflow"
    say("preparing Airflow (SQLite, nothing leaves this machine)")
    sources = [PROJECT / "sources" / "simulated.yml"]
    environment = airflow_home.environment(home, lake.root, sources)
    environment["LIFTCAST_SIMULATED"] = str(company)
    airflow_home.prepare(home, environment)
    say("running the five DAGs through Airflow: " + ", ".join(DAGS))
    runs = [(dag, {"everything": True} if dag == "ingest" else {}) for dag in DAGS]
    failed = airflow_home.run_in_order(runs, environment, say)
    if failed:
        raise LiftcastError(
            f"the DAG {failed} did not end green",
            remedy=f"Read its lines above, then docs/runbooks/{failed}.md",
        )
    show_publication(lake, console, truth=pd.read_csv(company / "truth" / "summary.csv"))
    say(f"done in {time.monotonic() - start:.0f} s")


def show_publication(lake: Lake, console: Console, truth: pd.DataFrame | None = None) -> None:
    """Print what is published: attribution (beside a known truth), forecast, whereabouts."""
    from reporting import screen

    folder, _ = read_current(lake)
    tables: Path = folder / "tables"
    console.print()
    for part in (
        screen.attribution_table(tables, truth),
        screen.forecast_table(tables),
        screen.checks_table(tables),
        screen.whereabouts(lake.current),
    ):
        console.print(part)
        console.print()
