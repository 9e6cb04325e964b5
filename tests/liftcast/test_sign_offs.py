"""Sign-offs: read from a file, standing until their last day, and only for what failed."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from liftcast.publishing import _signed_off
from liftcast.sign_offs import read_sign_offs, standing
from warehouse.errors import CheckFailedError, LiftcastError
from warehouse.lake import Lake
from warehouse.settings import Settings

FACTS = {"mix_run_id": "m-1", "forecast_run_id": "f-1", "journeys_run_id": "j-1"}
TODAY = date.today()  # noqa: DTZ011


def entry(**change: str) -> str:
    plain = {
        "gate": "effective_draws", "subject": "model", "by": "A. Person",
        "reason": "a short test window", "until": str(TODAY + timedelta(days=2)),
    }  # fmt: skip
    lines = [f"  {key}: {value}" for key, value in (plain | change).items()]
    return "-" + "\n".join(lines)[1:] + "\n"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake whose attribution failed one check of severity fail."""
    engines = (("mix", "m-1", True), ("forecast", "f-1", False), ("journeys", "j-1", False))
    for engine, run, failed in engines:
        folder = tmp_path / "results" / engine / f"run_id={run}"
        folder.mkdir(parents=True)
        rows: list[dict[str, Any]] = [
            {"check_name": "fit_r2", "subject": "model", "severity": "warn", "status": "warn",
             "text": "Low."}
        ]  # fmt: skip
        if failed:
            rows.append({"check_name": "effective_draws", "subject": "model", "severity": "fail",
                         "status": "fail", "text": "Too few."})  # fmt: skip
        pd.DataFrame(rows).to_parquet(folder / "checks.parquet")
    return Lake.at(tmp_path)


def sign(lake: Lake, text: str) -> Settings:
    (lake.root / "sign_offs.yml").write_text(text, encoding="utf-8")
    return Settings()


def test_without_a_sign_off_a_failed_check_stops_publication(lake: Lake) -> None:
    with pytest.raises(CheckFailedError, match="effective_draws of model: Too few"):
        _signed_off(lake, Settings(), FACTS)


def test_a_sign_off_lets_it_through_and_says_who_why_and_until_when(lake: Lake) -> None:
    [used] = _signed_off(lake, sign(lake, entry()), FACTS)
    until = TODAY + timedelta(days=2)
    assert used.words == f"Signed off by A. Person until {until}: a short test window"


def test_the_last_day_counts_and_the_day_after_does_not(lake: Lake) -> None:
    signed = read_sign_offs(lake, sign(lake, entry(until="2026-12-31")))
    assert standing(signed, date(2026, 12, 31)) == signed
    assert standing(signed, date(2027, 1, 1)) == ()
    ended = sign(lake, entry(until="2020-01-01"))
    with pytest.raises(CheckFailedError, match="sign-off ended on 2020-01-01"):
        _signed_off(lake, ended, FACTS)


@pytest.mark.parametrize(
    "change", [{"gate": "sampler_converged"}, {"subject": "media tv"}, {"stage": "forecast"}]
)
def test_a_sign_off_of_something_else_does_nothing(lake: Lake, change: dict[str, str]) -> None:
    with pytest.raises(CheckFailedError):
        _signed_off(lake, sign(lake, entry(**change)), FACTS)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (entry(until="soon"), "0 until"),
        (entry(by="''"), "0 by"),
        (entry(why="x"), "0 why"),
        ("- gate: a\n", "0 subject: Field required"),
        (entry() + entry(), "signed off twice"),
        ("gate: [", "line"),
        ("a word", "0"),
    ],
)
def test_a_file_that_is_no_list_of_sign_offs_is_an_error_with_the_place(
    lake: Lake, text: str, told: str
) -> None:
    with pytest.raises(LiftcastError, match=r"sign_offs\.yml.*sign-offs cannot be read") as raised:
        read_sign_offs(lake, sign(lake, text))
    assert told in str(raised.value)


def test_a_named_file_that_is_missing_is_an_error_and_none_at_all_is_not(lake: Lake) -> None:
    assert read_sign_offs(lake, Settings()) == ()
    with pytest.raises(LiftcastError, match=r"nowhere\.yml"):
        read_sign_offs(lake, Settings(sign_offs=Path("nowhere.yml")))
