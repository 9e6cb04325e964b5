"""Commands about sources: what a mapping lands, a first mapping, what was restated."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.liftcast.typed import liftcast as _liftcast

MAPPING = """
version: 1
source: shop
reporting_currency: EUR
files:
  sales: {path: sales.csv}
tables:
  - table: territories
    records: [{territory_id: all, territory_name: All, currency_code: EUR}]
  - table: sales
    from: sales
    columns: {date_day: day, net_revenue: amount}
    constants: {line_number: 1, grain: day, territory_id: all, product_id: tea, sales_channel: web,
      sales_level: shop, customer_kind: B2C, currency_code: EUR}
"""


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    _sell(tmp_path, "10.00")
    file = tmp_path / "shop.yml"
    file.write_text(MAPPING, encoding="utf-8")
    return file


def _sell(folder: Path, amount: str) -> None:
    rows = ["order_id,day,amount", f"a,2026-01-05,{amount}", "b,2026-01-06,20.00", "c,2026-02-30,1"]
    (folder / "sales.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def test_check_says_what_lands_and_writes_nothing(mapping: Path, tmp_path: Path) -> None:
    shown = _liftcast("check", str(mapping), "--lake", str(tmp_path / "lake"))
    assert shown.returncode == 0
    assert "can land" in shown.stdout  # a single bad row is borne by a table of any size
    assert "rejected: row 4" in shown.stdout
    assert "2026-02-30" in shown.stdout
    assert not (tmp_path / "lake").exists()


def test_check_names_every_problem_of_every_mapping_at_once(mapping: Path, tmp_path: Path) -> None:
    text = MAPPING.replace("amount}", "amuont}").replace("sales_level: shop", "sales_levle: shop")
    other = tmp_path / "other.yml"
    other.write_text(text, encoding="utf-8")
    shown = _liftcast("check", str(other), str(tmp_path / "none.yml"))
    assert shown.returncode == 1
    assert "sales_level" in shown.stdout
    assert "none.yml" in shown.stdout


def test_a_proposed_mapping_is_written_once_and_can_be_checked(tmp_path: Path) -> None:
    export = tmp_path / "weekly.csv"
    export.write_text("week,tv_spend,revenue\n2025-01-06,10.5,100\n2025-01-13,11.5,120\n")
    out = tmp_path / "weekly.yml"
    written = _liftcast("sources", "new", str(export), "--out", str(out))
    assert written.returncode == 0, written.stderr
    assert "tv_spend" in out.read_text(encoding="utf-8")
    before = out.read_bytes()
    again = _liftcast("sources", "new", str(export), "--out", str(out))
    assert again.returncode == 1
    assert "stands already" in again.stderr
    assert out.read_bytes() == before


def test_restatements_show_the_day_and_the_money(mapping: Path, tmp_path: Path) -> None:
    lake = str(tmp_path / "lake")
    (tmp_path / "sales.csv").write_text("order_id,day,amount\na,2026-01-05,10.00\n")
    assert _liftcast("ingest", "--sources", str(mapping), "--lake", lake).returncode == 0
    assert "nothing was restated" in _liftcast("restatements", "--lake", lake).stdout
    (tmp_path / "sales.csv").write_text("order_id,day,amount\na,2026-01-05,12.50\n")
    assert _liftcast("ingest", "--sources", str(mapping), "--lake", lake).returncode == 0
    shown = _liftcast("restatements", "--lake", lake, "--table", "sales")
    assert shown.returncode == 0
    assert "2026-01-05" in shown.stdout
    assert "+2.50 EUR" in shown.stdout
    assert "1 -> 1" in shown.stdout
    later = _liftcast("restatements", "--lake", lake, "--since", "2100-01-01")
    assert "nothing was restated" in later.stdout


def test_a_table_that_does_not_exist_is_named_with_the_nearest(tmp_path: Path) -> None:
    refused = _liftcast("restatements", "--lake", str(tmp_path / "lake"), "--table", "sale")
    assert refused.returncode == 1
    assert "nearest is 'sales'" in refused.stderr
    assert not (tmp_path / "lake").exists()


def test_a_simulated_company_says_how_to_land_it(tmp_path: Path) -> None:
    made = _liftcast(
        "simulate", "--out", str(tmp_path / "c"), "--days", "60", "--touchpoints", "1000"
    )
    assert made.returncode == 0, made.stderr
    assert "LIFTCAST_SIMULATED=" in made.stdout
    assert (tmp_path / "c" / "touchpoints.csv").is_file()
