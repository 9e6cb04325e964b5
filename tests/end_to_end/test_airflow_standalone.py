"""`ingest` triggered by REST: the assets carry the run to a publication, weekly, without a lock."""

from __future__ import annotations

import json

import pytest

from warehouse.publication import verify

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

CHAIN = ("ingest", "transform", "attribute", "forecast", "publish")
# What DuckDB, SQLite and this project say when two hold one file.
LOCKED = ("could not set lock", "conflicting lock", "database is locked", "has held the")


@pytest.fixture(scope="module")
def published(airflow):
    """The Airflow after one landing of everything has been carried to a publication."""
    airflow.trigger("ingest", {"everything": True})

    def carried() -> bool:
        runs = [run for dag in CHAIN for run in airflow.runs(dag)]
        assert "failed" not in {run["state"] for run in runs}, airflow.errors()
        return any(run["state"] == "success" for run in airflow.runs("publish"))

    airflow.wait("a publication", carried, 300)
    return airflow


def test_assets_carry_one_landing_to_a_publication(published) -> None:
    states = {dag: [run["state"] for run in published.runs(dag)] for dag in CHAIN}
    assert states == {dag: ["success"] for dag in CHAIN}
    kinds = {dag: published.runs(dag)[0]["run_type"] for dag in CHAIN[1:]}
    assert set(kinds.values()) == {"asset_triggered"}


def test_the_publication_is_whole_and_of_one_release(published) -> None:
    lake = published.lake
    assert (lake.current / "publication.json").is_file()
    assert verify(lake.current.resolve()) == []
    release = json.loads((lake.inputs / "current" / "release.json").read_text())["release_id"]
    used = {lake.latest_result(name)[1]["release_id"] for name in ("mix", "forecast")}
    assert used == {release}


def test_no_task_met_a_lock(published) -> None:
    met = [
        (file, record)
        for file, record in published.task_logs()
        if any(words in json.dumps(record).lower() for words in LOCKED)
    ]
    assert met == []


def test_the_same_data_again_build_but_release_nothing(published) -> None:
    before = published.lake.current.resolve()
    published.wait_for_run("ingest", published.trigger("ingest", {"everything": True}), 120)
    published.wait("a second transform", lambda: len(published.runs("transform")) == 2, 60)
    (second,) = [
        run["dag_run_id"]
        for run in published.runs("transform")
        if run["dag_run_id"] != published.runs("transform")[0]["dag_run_id"]
    ]
    published.wait_for_run("transform", second, 120)
    assert published.tasks("transform", second)["release_inputs"] == "skipped"
    assert [len(published.runs(dag)) for dag in ("attribute", "forecast", "publish")] == [1, 1, 1]
    assert published.lake.current.resolve() == before
