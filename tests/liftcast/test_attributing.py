"""What goes into an attribution: settings, kinds of driver, read-outs; and the second engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from liftcast.attributing import (
    mix_panel,
    read_mix_spec,
    second_estimate,
    usable_experiments,
)
from models.mix import MixSpec
from models.mix.problem import Problem, pose
from tests.liftcast.small_release import KINDS, RELEASE, frames, tv_test
from warehouse.errors import LiftcastError
from warehouse.settings import Settings


@pytest.fixture(scope="module")
def problem() -> Problem:
    return pose(mix_panel(frames(), RELEASE, KINDS), MixSpec())


def usable(problem: Problem, *tests: list[dict[str, Any]]) -> tuple[list[str], dict[str, Any]]:
    found, rows = usable_experiments(pd.DataFrame([r for t in tests for r in t]), problem)
    kept = [] if found is None else sorted(found["experiment_id"].unique())
    return kept, {row[1]: row for row in rows}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"driver": "radio"}, "radio"),
        ({"territory_id": "atlantis"}, "atlantis"),
        ({"starts_on": "2023-12-01"}, "outside the panel"),
        ({"ends_on": "2031-01-01"}, "outside the panel"),
        ({"effect_se": 0.0}, "effect_se"),
        ({"effect": 9e9}, "unit of the outcome"),
        ({"campaign_id": "spring", "spend": 0}, "names no money"),
    ],
)
def test_a_test_that_does_not_fit_is_a_warning_and_hides_no_other(
    problem: Problem, wrong: dict[str, Any], said: str
) -> None:
    kept, rows = usable(problem, tv_test("good"), tv_test("wrong", **wrong))
    assert kept == ["good"]
    name, subject, severity, status, _, _, text = rows["wrong"]
    assert (name, subject, severity, status) == ("experiment_fits", "wrong", "warn", "warn")
    assert said in text


def test_a_test_not_done_yet_of_a_driver_not_run_yet_is_no_warning(problem: Problem) -> None:
    kept, rows = usable(problem, tv_test("soon", driver="radio", status="planned"))
    assert kept == []
    assert rows["soon"][3] == "pass"


def test_a_test_of_one_campaign_is_compared_and_does_not_calibrate(problem: Problem) -> None:
    rows = pd.DataFrame([*tv_test("campaign", campaign_id="spring"), *tv_test("whole")])
    rows.loc[rows["arm"] == "control", "campaign_id"] = None
    found, _ = usable_experiments(rows, problem)
    assert found is not None
    assert dict(found.groupby("experiment_id")["use"].first()) == {
        "campaign": "compare",
        "whole": "calibrate",
    }


def test_no_experiments_are_none_whether_the_table_is_empty_or_missing(problem: Problem) -> None:
    assert usable_experiments(None, problem) == (None, [])
    assert usable_experiments(pd.DataFrame(tv_test("x")).iloc[:0], problem) == (None, [])


def test_only_the_kinds_asked_for_are_credited() -> None:
    def credited(*kinds: str) -> list[str]:
        return [driver.name for driver in mix_panel(frames(), RELEASE, kinds).drivers]

    assert credited(*KINDS) == ["tv"]
    assert credited("media", "seller") == ["tv", "call"]
    with pytest.raises(LiftcastError, match=r"LIFTCAST_MIX_KINDS.*sellers") as told:
        credited("media", "sellers")
    assert "seller, agency" in str(told.value)


def test_kinds_are_a_list_with_commas_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFTCAST_MIX_KINDS", "media, seller ,agency")
    assert Settings().mix_kinds == ("media", "seller", "agency")
    monkeypatch.setenv("LIFTCAST_MIX_KINDS", " ")
    with pytest.raises(ValueError, match="mix_kinds"):
        Settings()


@pytest.mark.parametrize("indent", [False, True])
def test_settings_are_read_alone_or_as_a_spec_files_section(tmp_path: Path, indent: bool) -> None:
    text = "media_share: 0.3\nbaseline: {holidays: false, season_order: 2}\ndrivers:\n"
    text += "  tv: {adstock: delayed, drifts: true}\n"
    if indent:
        text = "panel: {date: week}\nmodel:\n" + "".join(f"  {x}\n" for x in text.splitlines())
    (tmp_path / "mix.yml").write_text(text, encoding="utf-8")
    spec = read_mix_spec(tmp_path / "mix.yml")
    assert (spec.media_share, spec.baseline.holidays, spec.baseline.season_order) == (0.3, False, 2)
    assert (spec.drivers["tv"].adstock, spec.drivers["tv"].drifts) == ("delayed", True)
    assert spec.half_saturation == MixSpec().half_saturation
    assert read_mix_spec(None) == MixSpec()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("media_share: 2", "media_share"),
        ("drivers: {tv: {adstock: banana}}", r"drivers\.tv\.adstock"),
        ("meda_share: 0.2", "meda_share"),
        ("a: [", "line"),
        ("- a", "mapping|dictionary|MixSpec"),
        (None, "No such file"),
    ],
)
def test_settings_that_cannot_be_read_name_file_and_place(
    tmp_path: Path, text: str | None, said: str
) -> None:
    file = tmp_path / "mix.yml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(LiftcastError, match=said) as told:
        read_mix_spec(file)
    assert "mix.yml" in str(told.value)
    assert "LIFTCAST_MIX_SPEC" in str(told.value)


def test_the_second_engine_sums_up_the_same_drivers() -> None:
    panel = mix_panel(frames(), RELEASE, KINDS)
    summary, check = second_estimate(panel, MixSpec(), 0, lambda _: None)
    assert check[3] == "pass"
    assert summary is not None
    tv = summary[summary["driver"] == "tv"].iloc[0]
    # Sales were made with two for each of television; its interval should not be far from it.
    assert tv["roi_p05"] - 0.5 < 2.0 < tv["roi_p95"] + 0.5


def test_a_panel_too_short_for_the_second_engine_is_a_warning() -> None:
    given = frames(weeks=3)
    panel = mix_panel(given, RELEASE, KINDS)
    summary, (name, _, severity, status, figure, _, text) = second_estimate(
        panel, MixSpec(), 0, lambda _: None
    )
    assert summary is None
    assert (name, severity, status, figure) == ("classical_engine", "warn", "warn", 0.0)
    assert "observations" in text
