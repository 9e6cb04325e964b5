"""Every schedule: parses fast and clean, keeps the house rules, and is what the README says."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

FIVE = {"ingest", "transform", "attribute", "forecast", "publish"}
WRITERS = {("transform", "build"), ("publish", "publish_marts")}
HEAVY = {"dbt", "duckdb", "numpy", "pandas", "pandera", "prophet", "pyarrow", "statsmodels"}


def _tasks(dags: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(d, t, facts) for d, dag in dags.items() for t, facts in dag["tasks"].items()]


def _imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_the_five_dags_parse_without_an_error(parsed: dict[str, Any]) -> None:
    assert parsed["errors"] == {}
    assert set(parsed["dags"]) == FIVE
    assert all(dag["serialises"] for dag in parsed["dags"].values())
    assert {Path(dag["file"]).name for dag in parsed["dags"].values()} == {
        f"{name}.py" for name in FIVE
    }


def test_files_parse_in_under_a_second_and_load_nothing_heavy(parsed: dict[str, Any]) -> None:
    assert set(parsed["files"]) == {f"{name}.py" for name in FIVE}  # helpers are not parsed
    assert parsed["seconds"] < 1.0, parsed["files"]
    assert HEAVY.isdisjoint(parsed["loaded"])


@pytest.mark.parametrize("name", sorted(FIVE))
def test_a_file_is_a_schedule_and_little_else(name: str, project: Path) -> None:
    file = project / "dags" / f"{name}.py"
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 80
    for module in _imports(file):
        ours = module in ("schedule_defaults", "liftcast")
        standard = module in ("datetime", "pathlib")
        assert ours or standard or module.split(".")[:2] == ["airflow", "sdk"], module


def test_the_shared_module_authors_from_the_sdk_alone(project: Path) -> None:
    modules = _imports(project / "dags" / "schedule_defaults.py")
    assert all(m.startswith("airflow.sdk") for m in modules if m.split(".")[0] == "airflow")


def test_who_writes_the_warehouse_holds_its_one_slot(dags: dict[str, Any]) -> None:
    holders = {(d, t) for d, t, facts in _tasks(dags) if facts["pool"] == "warehouse_writer"}
    assert holders == WRITERS


def test_tasks_retry_with_backoff_and_end_in_time(dags: dict[str, Any]) -> None:
    for dag, task, facts in _tasks(dags):
        assert facts["timeout"] and facts["timeout"] <= 3 * 3600, (dag, task)
        if task != "not_all_landed":  # it only reports what has already been retried
            assert facts["retries"] >= 2, (dag, task)
            assert facts["backoff"] > 1, (dag, task)
            assert "warehouse.errors.CheckFailedError" in facts["not_retried"], (dag, task)


def test_runs_never_overlap_and_the_past_is_not_caught_up(dags: dict[str, Any]) -> None:
    assert all(dag["max_active_runs"] == 1 for dag in dags.values())
    assert not any(dag["catchup"] for dag in dags.values())


def test_followers_are_ready_and_the_clock_waits_to_be_turned_on(dags: dict[str, Any]) -> None:
    assert {name for name, dag in dags.items() if dag["paused"]} == {"ingest"}


def test_assets_lead_from_landing_to_publication(dags: dict[str, Any]) -> None:
    made_by = {o: dag for dag, _, facts in _tasks(dags) for o in facts["outlets"]}
    follows = {name: {made_by[a] for a in dag["assets"]} for name, dag in dags.items()}
    assert follows == {
        "ingest": set(),
        "transform": {"ingest"},
        "attribute": {"transform"},
        "forecast": {"attribute"},
        "publish": {"attribute", "forecast"},
    }
    assert dags["publish"]["all_assets"]  # both results, not either
    assert made_by["publication"] == "publish"


def test_ingest_is_daily_by_data_interval_one_mapped_task_a_source(dags: dict[str, Any]) -> None:
    ingest = dags["ingest"]
    assert (ingest["timetable"], ingest["cron"]) == ("CronDataIntervalTimetable", "0 6 * * *")
    assert ingest["tasks"]["land"]["mapped"]
    assert ingest["tasks"]["landed"]["trigger_rule"] == "all_done_min_one_success"
    assert ingest["tasks"]["landed"]["outlets"] == ["raw_landed"]


def test_parameters_of_ingest_have_a_schema(dags: dict[str, Any]) -> None:
    assert dags["ingest"]["params"] == {
        "everything": {"type": "boolean"},
        "date_from": {"type": ["null", "string"], "format": "date"},
        "date_to": {"type": ["null", "string"], "format": "date"},
    }


@pytest.mark.parametrize("name", sorted(FIVE))
def test_doc_names_owner_inputs_outputs_and_the_remedy(
    name: str, dags: dict[str, Any], project: Path
) -> None:
    doc = dags[name]["doc_md"]
    for section in ("**Owner**", "**Inputs**", "**Outputs**", "**When it fails**"):
        assert section in doc
    for asset in {o for t in dags[name]["tasks"].values() for o in t["outlets"]}:
        assert f"`{asset}`" in doc
    runbook = re.search(r"`(docs/runbooks/\w+\.md)`", doc)
    assert runbook and (project / runbook[1]).is_file()


def test_the_readme_table_is_in_step(dags: dict[str, Any], project: Path) -> None:
    lines = (project / "dags" / "README.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    table = {row[0].strip("`"): row for row in rows if row[0].strip("`") in FIVE}
    assert set(table) == FIVE
    for name, (_, schedule, makes, pool) in table.items():
        dag = dags[name]
        said = set(re.findall(r"`([^`]+)`", schedule))
        assert said == ({dag["cron"]} if dag["cron"] else set(dag["assets"])), name
        outlets = {o for t in dag["tasks"].values() for o in t["outlets"]}
        assert outlets <= set(re.findall(r"`([^`]+)`", makes)), name
        pools = {t["pool"] for t in dag["tasks"].values()} - {"default_pool"}
        assert set(re.findall(r"`([^`]+)`", pool)) == pools, name
