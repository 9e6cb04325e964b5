"""`ingest` triggered by REST: the assets carry the run to a publication, weekly, without a lock."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from warehouse.publication import verify

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]

COMPANY = {"seed": 4021, "days": 150, "territories": 2}
CHAIN = ("ingest", "transform", "attribute", "forecast", "publish")
# What DuckDB, SQLite and this project say when two hold one file.
LOCKED = ("could not set lock", "conflicting lock", "database is locked", "has held the")


@pytest.fixture(scope="module")
def published(airflow):
    """The Airflow after all history was landed by REST, then a day without news by the clock.

    Turning `ingest` on starts the clock's newest run as well; the company's files end before that
    day. What was asked for goes first: it has been due for longer.
    """
    airflow.trigger("ingest", {"everything": True}, due="2026-01-01T00:00:00Z")
    airflow.pause("ingest", False)

    def carried() -> bool:
        runs = [run for dag in CHAIN for run in airflow.runs(dag)]
        assert "failed" not in {run["state"] for run in runs}, airflow.errors()
        ended = [run["dag_id"] for run in runs if run["state"] == "success"]
        return "publish" in ended and ended.count("transform") == 2

    airflow.wait("a publication and a second transform", carried, 300)
    return airflow


def test_assets_carry_one_landing_to_a_publication(published) -> None:
    kinds = {dag: Counter(run["run_type"] for run in published.runs(dag)) for dag in CHAIN}
    assert kinds == {
        "ingest": {"manual": 1, "scheduled": 1},
        "transform": {"asset_triggered": 2},
        "attribute": {"asset_triggered": 1},
        "forecast": {"asset_triggered": 1},
        "publish": {"asset_triggered": 1},
    }
    assert {run["state"] for dag in CHAIN for run in published.runs(dag)} == {"success"}


def test_a_day_without_news_builds_but_releases_nothing(published) -> None:
    released = {
        published.tasks("transform", run["dag_run_id"])["release_inputs"]
        for run in published.runs("transform")
    }
    assert released == {"success", "skipped"}


def test_the_publication_is_whole_and_of_one_release(published) -> None:
    lake = published.lake
    assert (lake.current / "publication.json").is_file()
    assert verify(lake.current.resolve()) == []
    release = json.loads((lake.inputs / "current" / "release.json").read_text())["release_id"]
    used = {lake.latest_result(name)[1]["release_id"] for name in ("mix", "forecast")}
    assert used == {release}


def test_no_task_met_a_lock(published) -> None:
    records = [json.dumps(record).lower() for _, record in published.task_logs()]
    assert records
    assert [text for text in records if any(words in text for words in LOCKED)] == []
