"""Properties of the simulated company: its truth ties to its ledger, its seed to its bytes."""

import ast
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import simulation
from simulation import simulate
from simulation.company import DRIVERS, Books, build_books
from simulation.tables import COLUMNS

END = date(2025, 12, 28)
CELL = ["date_day", "territory_id"]


@pytest.fixture(scope="module")
def short() -> Books:
    """Half a year in three territories, one of them with a ledger in pounds."""
    return build_books(seed=101, days=180, territories=3, end=END)


@pytest.fixture(scope="module")
def whole() -> Books:
    """The default company, on another seed than the default's."""
    return build_books(seed=202, days=730, territories=4, end=END)


def ledger_in_eur(books: Books) -> pd.Series:
    """Ledger by day and territory, each line converted at the landed rate and rounded."""
    rates = books.tables["fx_rates"].set_index("date_day")["rate"]
    sales = books.tables["sales"]
    rate = rates.reindex(sales["date_day"]).to_numpy()
    eur = [
        (Decimal(str(net)) * (Decimal(str(r)) if currency == "GBP" else 1)).quantize(
            Decimal("0.01"), ROUND_HALF_UP
        )
        for net, r, currency in zip(sales["net_revenue"], rate, sales["currency_code"], strict=True)
    ]
    return sales.assign(cents=[int(100 * amount) for amount in eur]).groupby(CELL)["cents"].sum()


def truth_cents(books: Books) -> pd.DataFrame:
    """Truth in whole cents, one column per (kind, driver)."""
    truth = books.truth["contributions"]
    truth = truth.assign(cents=np.rint(truth["contribution_eur"] * 100).astype(int))
    return truth.pivot(index=CELL, columns=["kind", "driver"], values="cents")


def test_truth_sums_to_the_converted_ledger_on_every_day_and_territory(short: Books) -> None:
    ledger, truth = ledger_in_eur(short), truth_cents(short).sum(axis=1)
    assert len(ledger) == 180 * 3
    assert (ledger - truth).abs().max() == 0


@settings(max_examples=8, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32),
    days=st.integers(60, 140),
    territories=st.integers(1, 8),
    end=st.dates(date(2016, 1, 1), date(2030, 12, 31)),
)
def test_truth_sums_to_the_ledger_whatever_the_seed_length_and_map(
    seed: int, days: int, territories: int, end: date
) -> None:
    books = build_books(seed, days, territories, end)
    ledger, truth = ledger_in_eur(books), truth_cents(books).sum(axis=1)
    assert len(ledger) == days * territories
    assert (ledger - truth).abs().max() == 0
    assert ledger.min() > 0
    sold = books.tables["sales"].query("units > 0")
    assert (sold["net_revenue"] > 0).all()
    assert (sold["discount"] >= 0).all()


@pytest.mark.parametrize("driver", DRIVERS, ids="-".join)
def test_switching_a_driver_off_takes_exactly_its_truth_out_of_sales(
    short: Books, driver: tuple[str, str]
) -> None:
    without = build_books(seed=101, days=180, territories=3, end=END, without=[driver])
    change = ledger_in_eur(short) - ledger_in_eur(without)
    missing = truth_cents(short)[driver]
    assert missing.sum() > 0
    in_euros = change.index.get_level_values("territory_id") != "gb"
    assert (change - missing)[in_euros].abs().max() == 0
    # A line in pounds is rounded twice: half a cent a line, and half a penny a day.
    assert (change - missing)[~in_euros].abs().max() <= 20
    kept = [key for key in truth_cents(short).columns if key not in (driver, ("noise", "noise"))]
    pd.testing.assert_frame_equal(truth_cents(short)[kept], truth_cents(without)[kept])


def test_a_driver_switched_off_leaves_no_row_of_its_own_and_changes_no_other(short: Books) -> None:
    off = build_books(101, 180, 3, END, without=[("media", "display"), ("publicity", "publicity")])
    spend = short.tables["ad_spend"]
    expected = spend[spend["channel"] != "display"].reset_index(drop=True)
    pd.testing.assert_frame_equal(off.tables["ad_spend"], expected, check_dtype=False)
    assert set(off.tables["publicity"]["kind"]) == {"public_relations"}
    plans = off.tables["plans"]
    assert set(plans.loc[plans["driver"] == "display", "kind"]) == {"promotion"}


def test_a_company_without_any_marketing_sells_its_baseline(short: Books) -> None:
    quiet = build_books(101, 180, 3, END, without=DRIVERS)
    assert set(quiet.truth["summary"]["kind"]) == {"baseline", "noise"}
    for table in ("ad_spend", "promotions", "publicity", "plans"):
        assert quiet.tables[table].empty
    baseline = truth_cents(short)["baseline"]
    pd.testing.assert_frame_equal(truth_cents(quiet)["baseline"], baseline)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.*"))}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("first", 31), ("again", 31), ("other", 32)):
        simulate(tmp_path / name, seed=seed, days=90, territories=2)
    first = bytes_of(tmp_path / "first")
    assert first == bytes_of(tmp_path / "again")
    other = bytes_of(tmp_path / "other")
    assert first.keys() == other.keys()
    same = {name for name in first if first[name] == other[name]}
    assert same <= {"territories.csv", "products.csv"}  # what does not depend on chance


def test_simulating_into_a_used_folder_replaces_the_files(tmp_path: Path) -> None:
    simulate(tmp_path / "used", seed=5, days=120, territories=3)
    simulate(tmp_path / "used", seed=6, days=90, territories=2)
    simulate(tmp_path / "fresh", seed=6, days=90, territories=2)
    assert bytes_of(tmp_path / "used") == bytes_of(tmp_path / "fresh")


def test_files_carry_the_contract_columns_in_order(tmp_path: Path) -> None:
    company = simulate(tmp_path, seed=41, days=90, territories=2)
    assert company.rows.keys() == COLUMNS.keys()
    for table, columns in COLUMNS.items():
        landed = pd.read_csv(tmp_path / f"{table}.csv")
        assert tuple(landed.columns) == columns
        assert len(landed) == company.rows[table] > 0
    truth = pd.read_csv(tmp_path / "truth" / "contributions.csv")
    assert list(truth) == [*CELL, "kind", "driver", "contribution_eur"]
    summary = pd.read_csv(tmp_path / "truth" / "summary.csv")
    assert list(summary) == ["kind", "driver", "spend_eur", "contribution_eur", "roi"]


def test_keys_of_the_raw_contracts_are_unique(whole: Books) -> None:
    keys = {
        "ad_spend": "date_day platform account_id campaign_id ad_group_id channel territory_id",
        "promotions": "promotion_id territory_id product_id starts_on",
        "publicity": "event_id territory_id",
        "sales": "order_id line_number",
        "controls": "date_day territory_id control",
        "plans": "plan_id date_day kind driver territory_id product_id",
        "products": "product_id",
        "territories": "territory_id",
        "fx_rates": "date_day from_currency to_currency kind",
    }
    assert keys.keys() == whole.tables.keys()
    for table, key in keys.items():
        assert not whole.tables[table].duplicated(key.split()).any(), table


@pytest.mark.parametrize("seed", [202, 303, 404])
def test_the_default_company_has_realistic_proportions(seed: int, whole: Books) -> None:
    books = whole if seed == 202 else build_books(seed, 730, 4, END)
    summary = books.truth["summary"].set_index(["kind", "driver"])
    share = summary["contribution_eur"].groupby("kind").sum() / summary["contribution_eur"].sum()
    assert 0.20 <= share["media"] + share["promotion"] + share["publicity"] <= 0.45
    assert 0.03 <= share["promotion"] <= 0.06
    assert 0.01 <= share["publicity"] <= 0.02
    roi = summary["roi"].xs("media")
    assert roi.between(0.5, 4.0).all()
    assert roi.idxmin() == "display"
    assert roi["display"] < 0.8
    assert np.isnan(summary.loc[("publicity", "publicity"), "roi"])
    assert 40_000 <= len(books.tables["sales"]) <= 60_000


def test_summary_spend_is_the_landed_spend_in_eur(whole: Books) -> None:
    rates = whole.tables["fx_rates"].set_index("date_day")["rate"]
    spend = whole.tables["ad_spend"]
    rate = np.where(spend["currency_code"] == "GBP", rates.reindex(spend["date_day"]), 1.0)
    landed = (spend["spend"] * rate).round(2).groupby(spend["channel"]).sum()
    said = whole.truth["summary"].query("kind == 'media'").set_index("driver")["spend_eur"]
    # Here floats are rounded, there decimals: a rare half cent may fall either way.
    pd.testing.assert_series_equal(
        landed, said, check_names=False, check_like=True, rtol=0, atol=0.05
    )


def test_television_is_bought_for_the_parent_and_sales_are_at_the_leaves(whole: Books) -> None:
    spend, territories = whole.tables["ad_spend"], whole.tables["territories"]
    assert set(spend.loc[spend["channel"] == "tv", "territory_id"]) == {"europe"}
    leaves = set(territories.loc[territories["parent_id"] == "europe", "territory_id"])
    assert leaves == {"de", "gb", "fr", "nl"} == set(whole.tables["sales"]["territory_id"])
    currencies = whole.tables["sales"].groupby("territory_id")["currency_code"].unique()
    assert currencies.map(list).to_dict() == {
        "de": ["EUR"],
        "fr": ["EUR"],
        "gb": ["GBP"],
        "nl": ["EUR"],
    }


def test_plans_cover_the_thirteen_weeks_after_the_last_day(whole: Books) -> None:
    plans = whole.tables["plans"]
    assert plans["date_day"].min() == pd.Timestamp(2025, 12, 29)
    assert plans["date_day"].max() == pd.Timestamp(2026, 3, 29)
    planned = set(zip(plans["kind"], plans["driver"], strict=True))
    assert planned <= set(DRIVERS)
    assert {driver for kind, driver in planned if kind == "media"} >= {"search", "social", "tv"}
    assert any(kind == "promotion" for kind, _ in planned)
    assert (plans["spend"] >= 0).all()
    assert whole.tables["promotions"]["ends_on"].max() <= pd.Timestamp(END)


def test_every_ledger_line_is_units_at_list_price_less_discount(whole: Books) -> None:
    sales = whole.tables["sales"]
    priced = sales["units"] * sales["list_price"] - sales["discount"]
    np.testing.assert_allclose(priced, sales["net_revenue"], atol=0.005)
    returned = sales["units"] < 0
    assert (sales.loc[returned, "net_revenue"] < 0).all()
    assert 0.01 < returned.mean() < 0.06
    assert {"web", "retail"} == set(sales["sales_channel"])
    assert (sales["customer_id"].notna() == (sales["customer_kind"] == "B2B")).all()
    assert (sales["unit_cost"] < sales["list_price"]).all()


def test_no_product_sells_before_its_launch(whole: Books) -> None:
    launch = whole.tables["products"].set_index("product_id")["launch_date"]
    first_sale = whole.tables["sales"].groupby("product_id")["date_day"].min()
    assert (first_sale >= launch.reindex(first_sale.index)).all()
    assert launch["grinder-1"] > whole.tables["sales"]["date_day"].min()


def test_search_follows_demand_and_social_does_not(whole: Books) -> None:
    truth = whole.truth["contributions"].query("kind == 'baseline' and driver != 'level'")
    demand = truth.groupby(CELL)["contribution_eur"].sum().unstack()
    spend = whole.tables["ad_spend"].pivot_table(
        index="date_day", columns=["channel", "territory_id"], values="spend", aggfunc="sum"
    )
    follows = {
        channel: np.mean([spend[channel, g].fillna(0).corr(demand[g]) for g in demand])
        for channel in ("search", "social")
    }
    assert follows["search"] > 0.3
    assert abs(follows["social"]) < 0.2


def test_video_flies_with_television(whole: Books) -> None:
    daily = whole.tables["ad_spend"].pivot_table(
        index="date_day", columns="channel", values="spend", aggfunc="sum"
    )
    assert daily["video"].fillna(0).corr(daily["tv"].fillna(0)) > 0.3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"days": 20}, "at least 60 days, got 20"),
        ({"territories": 0}, "1 to 8 territories, got 0"),
        ({"territories": 9}, "1 to 8 territories, got 9"),
        ({"seed": -1}, "0 or more, got -1"),
        ({"without": [("media", "radio")]}, r"No driver \('media', 'radio'\)"),
    ],
)
def test_impossible_arguments_are_refused_before_a_file_is_written(
    tmp_path: Path, arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        simulate(tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()


def test_the_room_knows_no_other_room() -> None:
    rooms = {"ingestion", "warehouse", "models", "forecasting", "reporting", "liftcast", "dags"}
    for module in Path(simulation.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {name.split(".")[0] for name in names} & rooms, module.name
