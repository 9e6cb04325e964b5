"""The terminal tables: they fit, they are honest, and names cannot write on the terminal."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from reporting import screen


def _shown(renderable, width: int = 100) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=False, color_system=None)
    console.print(renderable)
    return console.file.getvalue()


def _truth(tables: Path, factor: float) -> pd.DataFrame:
    """A truth that lies `factor` away from each estimate."""
    summary = pd.read_parquet(tables / "attr_summary.parquet")
    return pd.DataFrame(
        {
            "kind": summary["kind"],
            "driver": summary["driver"],
            "spend_eur": summary["spend"].astype(float),
            "contribution_eur": summary["contribution"].astype(float) * factor,
            "roi": summary["roi"] * factor,
        }
    )


@pytest.mark.parametrize("factor", [1.0, 5.0])
def test_tables_fit_a_hundred_columns(hostile, factor):
    pieces = [
        screen.attribution_table(hostile),
        screen.attribution_table(hostile, _truth(hostile, factor)),
        screen.forecast_table(hostile),
        screen.checks_table(hostile),
        screen.whereabouts(hostile.parent),
    ]
    for piece in pieces:
        wide, fitted = _shown(piece, 400), _shown(piece)
        assert max(len(line.rstrip()) for line in fitted.splitlines()) <= 100
        assert "True R…" not in fitted and "He…" not in fitted
        assert len(wide.splitlines()) <= len(fitted.splitlines())


def test_every_table_opens_with_plain_words(hostile):
    assert "would not have come without the driver" in _shown(screen.attribution_table(hostile))
    assert "four times in five" in _shown(screen.forecast_table(hostile))
    assert "Checks of data, model and forecast: 1 warning" in _shown(screen.checks_table(hostile))


def test_marks_say_whether_the_interval_holds_the_truth(hostile):
    near = _shown(screen.attribution_table(hostile, _truth(hostile, 1.0)))
    assert "7 of 7 intervals hold it" in near and "✕" not in near
    far = _shown(screen.attribution_table(hostile, _truth(hostile, 5.0)))
    assert "0 of 7 intervals hold it" in far and far.count("✕") == 7


def test_a_driver_without_truth_is_not_judged(hostile):
    truth = _truth(hostile, 1.0).iloc[1:]
    assert "6 of 6 intervals hold it" in _shown(screen.attribution_table(hostile, truth))


def test_the_table_closes_with_the_ledger(hostile):
    text = _shown(screen.attribution_table(hostile))
    booked = sum(pd.read_parquet(hostile / "fct_ledger.parquet")["net_revenue"])
    line = next(line for line in text.splitlines() if "ledger net revenue" in line)
    assert f"{float(booked) / 1e6:.2f} M" in line and "differs by 0.00" in line


def test_the_forecast_names_its_unit_and_thirteen_weeks(daily, hostile):
    units = _shown(screen.forecast_table(daily))
    assert "The next 13 weeks (units)" in units
    money = _shown(screen.forecast_table(hostile))
    assert "(EUR of net revenue)" in money
    assert "the net revenue it" in units and "the net revenue it" not in money
    for text, bounds in ((units, 2), (money, 1)):
        weeks = [line for line in text.splitlines() if re.match(r" *\d+ \w{3} \d{4} ", line)]
        assert len(weeks) == 13
        assert all(line.count(" to ") == bounds for line in weeks)
    assert "…" not in _shown(screen.forecast_table(daily), 80)
    total = float(
        pd.read_parquet(daily / "fcst_volume.parquet")
        .query("period == 'week' and level == 'total'")
        .sort_values("date_day")["mean"][:13]
        .sum()
    )
    assert f"{total / 1e3:.1f} k" in units


def test_names_cannot_write_on_the_terminal(hostile, tmp_path):
    tables = tmp_path / "tables"
    shutil.copytree(hostile, tables)
    summary = pd.read_parquet(tables / "attr_summary.parquet")
    summary.loc[0, "driver"] = "\x1b[31mred"
    summary.loc[1, "driver"] = "[bold]b[/nope]"
    summary.to_parquet(tables / "attr_summary.parquet")
    text = _shown(screen.attribution_table(tables))
    assert "\x1b" not in text and "\\x1b[31mred" in text
    assert "[bold]b[/nope]" in text


def test_whereabouts_lists_only_what_is_there(tmp_path):
    (tmp_path / "index.html").write_text("x")
    text = _shown(screen.whereabouts(tmp_path))
    assert "index.html" in text and "liftcast.xlsx" not in text
    assert "liftcast status" in text
