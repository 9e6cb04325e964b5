"""The publish stage: marts of one release and its results, stopped when they disagree by a cent."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forecasting.versions.overrides import Override
from forecasting.versions.tables import NUMBERS
from liftcast import version_store
from liftcast.sign_offs import SignOff, as_json
from liftcast.version_actor import Actor
from liftcast.version_ledgers import Ledger
from liftcast.version_making import draft
from liftcast.version_marts import export
from liftcast.version_reports import close_period
from liftcast.version_sources import Made
from liftcast.version_store import VersionStore
from reporting import locked, version_sheets
from warehouse import journal
from warehouse.lake import Lake

DAYS = [date(2024, 1, 1) + timedelta(days=day) for day in range(14)]
FUTURE = [DAYS[-1] + timedelta(days=day) for day in range(1, 15)]
TERRITORIES = ("north", "south")
PUBLISHED = {
    "release_id": "abc", "mix_run_id": "m-1", "forecast_run_id": "f-1", "journeys_run_id": "j-1"
}  # fmt: skip
_CENTS = "DECIMAL(18,2)"
_CHECK_COLUMNS = {
    "check_name": "VARCHAR",
    "subject": "VARCHAR",
    "severity": "VARCHAR",
    "status": "VARCHAR",
    "figure": "DOUBLE",
    "threshold": "DOUBLE",
    "text": "VARCHAR",
}
Tables = dict[str, tuple[dict[str, str], list[dict[str, Any]]]]


def release_tables() -> Tables:
    """Fourteen days, two territories, one product; 100.00 a cell, 10.00 of it television's."""
    cells = [{"date_day": day, "territory_id": place} for day in DAYS for place in TERRITORIES]
    return {
        "outcome": (
            {
                "date_day": "DATE",
                "territory_id": "VARCHAR",
                "net_revenue": _CENTS,
                "units": "DOUBLE",
            },
            [{**cell, "net_revenue": 100, "units": 4.0} for cell in cells],
        ),
        "drivers": (
            {
                "date_day": "DATE",
                "territory_id": "VARCHAR",
                "kind": "VARCHAR",
                "driver": "VARCHAR",
                "exposure": "DOUBLE",
                "exposure_unit": "VARCHAR",
                "spend": _CENTS,
            },
            [
                {
                    **cell,
                    "kind": "media",
                    "driver": "tv",
                    "exposure": 5.0,
                    "exposure_unit": "spend",
                    "spend": 5,
                }
                for cell in cells
            ],
        ),
        "ledger": (
            {
                "date_day": "DATE",
                "territory_id": "VARCHAR",
                "product_id": "VARCHAR",
                "sales_channel": "VARCHAR",
                "net_revenue": _CENTS,
                "units": "DOUBLE",
                "unit_cost": _CENTS,
            },
            [
                {**cell, "product_id": "tea", "sales_channel": way, "net_revenue": 50, "units": 2.0}
                for cell in cells
                for way in ("shop", "web")
            ],
        ),
        "territories": (
            {
                "territory_id": "VARCHAR",
                "territory_name": "VARCHAR",
                "country_code": "VARCHAR",
                "population": "DOUBLE",
            },
            [{"territory_id": place, "territory_name": place.title()} for place in TERRITORIES],
        ),
        "products": (
            {
                "product_id": "VARCHAR",
                "product_name": "VARCHAR",
                "brand": "VARCHAR",
                "category": "VARCHAR",
                "launch_date": "DATE",
            },
            [{"product_id": "tea", "product_name": "Tea"}],
        ),
    } | journey_inputs()


def journey_inputs() -> Tables:
    """Search sold 300.00, nobody is credited with the rest; television cost 140.00, sold nothing.

    Ten leads of 50.00 each: six qualified after three days, three lost, one open.
    """
    kinds = {"conversion_kind": "VARCHAR", "grain": "VARCHAR"}
    grains = ("channel", "campaign", "territory")
    sold = {"channel": "search", "campaign": "c1", "territory": "north"}
    names = {grain: (name, "(unattributed)") for grain, name in sold.items()}
    amounts = ((3, Decimal("300.00"), 40), (25, Decimal("2500.00"), 60))
    numbers = dict.fromkeys(
        ("conversions_se", "conversions_se_alone", "value_se", "customers"), "DOUBLE"
    )
    spend = [
        ("advertising", "tv", "(no campaign) tv", "south", 130, 10, None),
        ("advertising", "search", "c1", "north", 60, 0, 9.0),
        (
            "agency",
            "(agency)",
            "(no campaign) (agency)",
            "(no territory)",
            Decimal("0.01"),
            0,
            None,
        ),
    ]
    stays = [
        ("lead", "moved", 3, None, 6), ("lead", "lost", 5, None, 3), ("lead", "open", 7, None, 1),
        ("qualified", "moved", 2, 3, 4), ("qualified", "lost", 2, 3, 2),
    ]  # fmt: skip
    return {
        "fct_spend": ({"spend": _CENTS}, [{"spend": Decimal("200.01")}]),
        "dim_campaigns": (
            {"campaign_id": "VARCHAR", "campaign_name": "VARCHAR", "channel": "VARCHAR"},
            [{"campaign_id": "c1", "campaign_name": "Spring", "channel": "search"}],
        ),
        "journey_paths": (
            kinds
            | {"path": "VARCHAR[]", "conversions": "BIGINT", "customers": "BIGINT"}
            | {"margin": _CENTS},
            [
                {"conversion_kind": "sale", "grain": grain, "path": path, "conversions": count,
                 "customers": 2, "margin": margin}
                for grain in grains
                for path, count, margin in (([sold[grain]], 3, 40), ([], 25, 60))
            ],
        ),
        "journey_credit": (
            kinds
            | {"name": "VARCHAR", "rule": "VARCHAR", "conversions": "DOUBLE", "value": _CENTS}
            | {"margin": _CENTS, "assisted_conversions": "BIGINT"}
            | numbers,
            [
                {
                    "conversion_kind": "sale", "grain": grain, "name": name, "rule": rule,
                    "conversions": count, "conversions_se": count**0.5,
                    # Persons who bought twice: half as wide where each order is drawn alone.
                    "conversions_se_alone": count**0.5 / 2, "value": value, "margin": margin,
                    "value_se": 100.0, "customers": 2.0, "assisted_conversions": 0,
                }
                for grain in grains
                for rule in ("last", "linear")
                for name, (count, value, margin) in zip(names[grain], amounts, strict=True)
            ],
        ),
        "journey_spend": (
            dict.fromkeys(("month", "spend_kind", "channel", "campaign", "territory"), "VARCHAR")
            | {"spend": _CENTS, "spend_outside": _CENTS}
            | {"claimed_conversions": "DOUBLE", "claimed_value": _CENTS},
            [
                {
                    "month": "2024-01", "spend_kind": kind, "channel": channel,
                    "campaign": campaign, "territory": place, "spend": inside,
                    "spend_outside": outside, "claimed_conversions": claimed,
                }
                for kind, channel, campaign, place, inside, outside, claimed in spend
            ],
        ),
        "journey_touches": (
            {"grain": "VARCHAR", "name": "VARCHAR", "treatment": "VARCHAR", "touches": "BIGINT"},
            [
                {"grain": grain, "name": sold[grain], "treatment": treatment, "touches": count}
                for grain in grains
                for treatment, count in (("counted", 70), ("machine", 30))
            ],
        ),
        "stages": (
            dict.fromkeys(("cohort", "channel", "seller_key", "handover"), "VARCHAR")
            | {"stage": "VARCHAR", "outcome": "VARCHAR", "days": "BIGINT", "days_before": "BIGINT"}
            | {"opportunities": "BIGINT", "amount": _CENTS, "without_amount": "BIGINT"}
            | {"inside": "BIGINT"},
            [
                {
                    "cohort": "2024-01", "channel": "search", "seller_key": "s1",
                    "handover": "same seller", "stage": stage, "outcome": outcome, "days": days,
                    "days_before": before, "opportunities": count, "amount": 50 * count,
                    # Of the lost ones none was met on a day of the ledger.
                    "without_amount": 0, "inside": 0 if outcome == "lost" else count,
                }
                for stage, outcome, days, before, count in stays
            ],
        ),
    }  # fmt: skip


def journeys_tables() -> Tables:
    """Removal effects of that release, a funnel of one stage, no checks."""
    numbers = ("conversion", "p05", "p95", "undecided", "days_p25", "days_median", "days_p75")
    effects = ("odds_ratio", "p05", "p95", "from_conversion", "to_conversion", "difference")
    effects += ("difference_p05", "difference_p95", "opportunities")
    return {
        "credit": (
            dict.fromkeys(("conversion_kind", "grain", "name", "rule"), "VARCHAR")
            | dict.fromkeys(("conversions", "p05", "p95", "customers"), "DOUBLE")
            | {"value": _CENTS, "margin": _CENTS},
            [
                {
                    "conversion_kind": "sale", "grain": grain, "name": name, "rule": "markov",
                    "conversions": count, "p05": low, "p95": high, "value": 100 * count,
                    "customers": 2.0, "margin": margin,
                }
                for grain, sold in (
                    ("channel", "search"), ("campaign", "c1"), ("territory", "north")
                )
                for name, count, low, high, margin in (
                    (sold, 3, 2, 4, 40), ("(unattributed)", 25, None, None, 60)
                )
            ],
        ),
        "funnel": (
            dict.fromkeys(("compared_by", "member", "stage"), "VARCHAR")
            | dict.fromkeys(numbers, "DOUBLE"),
            [
                {"compared_by": "all", "member": "all", "stage": "lead", "conversion": 2 / 3,
                 "p05": 0.4, "p95": 0.86, "undecided": 0.0, "days_median": 3.0}
            ],
        ),
        "interactions": (
            {"stage": "VARCHAR", "factor": "VARCHAR"} | dict.fromkeys(effects, "DOUBLE"), []
        ),
        "checks": (_CHECK_COLUMNS, []),
    }  # fmt: skip


def mix_tables() -> Tables:
    """An attribution of that release: television 10.00, baseline 90.25, residual -0.25 a cell."""
    parts = [
        ("media", "tv", Decimal("10.00")),
        ("baseline", "baseline", Decimal("90.25")),
        ("residual", "residual", Decimal("-0.25")),
    ]
    cells = len(DAYS) * len(TERRITORIES)
    summary_columns = {"kind": "VARCHAR", "driver": "VARCHAR", "spend": _CENTS}
    summary_columns |= {"contribution": _CENTS}
    for name in ("contribution_p05", "contribution_p95", "share", "share_p05", "share_p95"):
        summary_columns[name] = "DOUBLE"
    for name in ("roi", "roi_p05", "roi_p95", "mroi"):
        summary_columns[name] = "DOUBLE"
    summary = [
        {
            "kind": kind,
            "driver": driver,
            "spend": 5 * cells if kind == "media" else None,
            "contribution": amount * cells,
            "roi": 2.0 if kind == "media" else None,
        }
        for kind, driver, amount in parts
    ]
    return {
        "contributions": (
            {
                "date_day": "DATE",
                "territory_id": "VARCHAR",
                "kind": "VARCHAR",
                "driver": "VARCHAR",
                "contribution": _CENTS,
                "p05": "DOUBLE",
                "p95": "DOUBLE",
            },
            [
                {
                    "date_day": day,
                    "territory_id": place,
                    "kind": kind,
                    "driver": driver,
                    "contribution": amount,
                    "p05": float(amount) - 1,
                    "p95": float(amount) + 1,
                }
                for day in DAYS
                for place in TERRITORIES
                for kind, driver, amount in parts
            ],
        ),
        "summary": (summary_columns, summary),
        "summary_classical": (summary_columns, summary[1:]),
        "curves": (
            {
                "kind": "VARCHAR",
                "driver": "VARCHAR",
                "multiplier": "DOUBLE",
                "spend": "DOUBLE",
                "contribution": "DOUBLE",
                "p05": "DOUBLE",
                "p95": "DOUBLE",
            },
            [{"kind": "media", "driver": "tv", "multiplier": 1.0, "spend": 140.0}],
        ),
        "checks": (
            _CHECK_COLUMNS,
            [
                {
                    "check_name": "control_moves_with_revenue",
                    "subject": "competitor",
                    "severity": "warn",
                    "status": "warn",
                    "figure": 0.92,
                    "threshold": 0.8,
                    "text": "competitor moves with net revenue",
                }
            ],
        ),
    }


def forecast_tables() -> Tables:
    """Fourteen days ahead by day and by week, with every level of totals."""
    quantiles = ("p025", "p10", "p50", "p90", "p975")
    volume_columns = {"period": "VARCHAR", "date_day": "DATE", "level": "VARCHAR"}
    volume_columns |= {"territory_id": "VARCHAR", "product_id": "VARCHAR"}
    volume_columns |= {"sales_channel": "VARCHAR", "measure": "VARCHAR"}
    volume_columns |= dict.fromkeys(("mean", *quantiles), _CENTS)
    levels = [("series", place, "tea", "web", 1) for place in TERRITORIES]
    levels += [("territory", place, "all", "all", 1) for place in TERRITORIES]
    levels += [("product", "all", "tea", "all", 2), ("channel", "all", "all", "web", 2)]
    levels += [("total", "all", "all", "all", 2)]
    periods = [("day", day, 1) for day in FUTURE] + [("week", day, 7) for day in FUTURE[::7]]
    volume = [
        {
            "period": period,
            "date_day": day,
            "level": level,
            "territory_id": place,
            "product_id": product,
            "sales_channel": channel,
            "measure": "units",
            "mean": Decimal("33.33") * days * parts,
            **{name: 30 * days * parts + step for step, name in enumerate(quantiles)},
        }
        for period, day, days in periods
        for level, place, product, channel, parts in levels
    ]
    revenue_columns = volume_columns | {"units": _CENTS}
    del revenue_columns["measure"]
    revenue = [
        {name: row[name] for name in volume_columns if name != "measure"}
        | {"units": row["mean"], "mean": 3 * row["mean"]}
        for row in volume
    ]
    key = {"date_day": "DATE", "territory_id": "VARCHAR", "product_id": "VARCHAR"}
    key |= {"sales_channel": "VARCHAR"}
    first = {"date_day": FUTURE[0], "territory_id": "north", "product_id": "tea"}
    first |= {"sales_channel": "web"}
    return {
        "volume": (volume_columns, volume),
        "revenue": (revenue_columns, revenue),
        "components": (
            {**key, "component": "VARCHAR", "value": "DOUBLE", "net_revenue": "DOUBLE"},
            [{**first, "component": "trend", "value": 3.0, "net_revenue": 9.0}],
        ),
        "fit": (
            {**key, "actual": "DOUBLE", "fitted": "DOUBLE"},
            [{**first, "date_day": DAYS[0], "actual": 4.0, "fitted": 3.9}],
        ),
        "checks": (_CHECK_COLUMNS, []),
    }


class Then(datetime):
    """The clock of versions: they are locked before the month is over."""

    moment = datetime(2024, 1, 16, 9, tzinfo=UTC)

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return cls.moment


def keep_versions(lake: Path) -> None:
    """A locked version of that forecast, one after it with an override, and a close."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "datetime", Then)
        patch.setattr(version_store, "today", lambda: Then.now().date())
        _keep_versions(VersionStore(lake / "versions"))
    export(Lake.at(lake))


def _keep_versions(store: VersionStore) -> None:
    ana, bo = Actor("Ana", "close"), Actor("Bo", "seen")
    days = [date(2024, 1, 15) + timedelta(days=day) for day in range(28)]
    rows = [
        {"territory_id": place, "product_id": "tea", "ds": day} | dict.fromkeys(NUMBERS, "33.33")
        for place in TERRITORIES
        for day in days
    ]
    for number, mean in enumerate(("33.33", "33.34"), start=1):
        made = Made(
            pd.DataFrame(rows).assign(mean=mean), ("territory_id", "product_id"),
            date(2024, 1, 14), "net_revenue", "USD", "0.1", f"abc{number}", "p", {"settings": {}},
            naive=pd.DataFrame(rows).assign(naive="30.00") if number == 1 else None,
        )  # fmt: skip
        name = f"v{number}"
        draft(store, made, ana, name=name, supersedes="v1" if number == 2 else None)
        if number == 2:
            asked = Override(
                0, "delta", Decimal("0.01"), (("territory_id", "north"),), days[0], days[-1],
                "Ana", "=it's {{ fine }}", date(9999, 1, 1),
            )  # fmt: skip
            store.override(name, asked, ana)
        for event, actor in (("submitted", ana), ("approved", bo), ("locked", bo)):
            if (name, event) != ("v2", "locked"):
                store.move(name, event, actor)
    january = pd.date_range("2024-01-01", "2024-01-31")
    keys = ("territory_id", "product_id")
    for amount in (40, 50):
        sold = pd.DataFrame([(place, "tea", day, amount) for place in TERRITORIES
                             for day in january], columns=[*keys, "day", "sold"])  # fmt: skip
        ledger = Ledger(sold, keys, "day", "sold", "net_revenue", "USD", "ledger")
        close_period(store, "2024-01", [ledger], ana)


@pytest.fixture(scope="module")
def publish(
    tmp_path_factory: pytest.TempPathFactory, dbt: Callable[..., Any], lakes: Any
) -> Callable[..., Any]:
    """Write a release and its results, let the caller spoil them, and build the marts."""

    def run(
        spoil: Callable[[Tables, Tables, Tables], None] | None = None,
        spoil_lake: Callable[[Path], None] | None = None,
        **configuration: str,
    ) -> Any:
        lake = tmp_path_factory.mktemp("lake")
        release, mix, forecast = release_tables(), mix_tables(), forecast_tables()
        if spoil:
            spoil(release, mix, forecast)
        for folder, tables in (
            (lake / "inputs" / "abc", release),
            (lake / "results" / "mix" / "run_id=m-1", mix),
            (lake / "results" / "forecast" / "run_id=f-1", forecast),
            (lake / "results" / "journeys" / "run_id=j-1", journeys_tables()),
        ):
            for name, (columns, rows) in tables.items():
                lakes.write_parquet(folder / f"{name}.parquet", columns, rows)
        keep_versions(lake)
        if spoil_lake:
            spoil_lake(lake)
        return dbt(lake, "build", "--select", "tag:publish", **PUBLISHED, **configuration)

    return run


@pytest.fixture(scope="module")
def published(publish: Any) -> Any:
    return publish()


def test_results_that_agree_are_published_with_currency_and_checks(published: Any) -> None:
    run = published
    assert run.returncode == 0, run.output
    assert run.not_passed() == {}
    totals = run.query(
        "select currency_code, sum(contribution) as total from attr_contributions group by all"
    )
    assert totals == [{"currency_code": "USD", "total": Decimal("2800.00")}]
    assert run.query("select stage, check_name, status from attr_checks") == [
        {"stage": "attribute", "check_name": "control_moves_with_revenue", "status": "warn"}
    ]
    counted = run.query("select distinct measure, currency_code from fcst_volume")
    assert counted == [{"measure": "units", "currency_code": None}]
    money = run.query(
        "select currency_code, sum(units) as units, sum(mean) as mean from fcst_revenue "
        "where level = 'total' and period = 'week' group by all"
    )
    assert money == [
        {"currency_code": "USD", "units": Decimal("933.24"), "mean": Decimal("2799.72")}
    ]
    lines = {
        (line["channel"], line["rule"]): line for line in run.query("select * from attr_channels")
    }
    # What sold nothing is there with its money, under every rule; so is money without a channel.
    assert {rule for _, rule in lines} == {"last", "linear", "markov"}
    for rule in ("last", "linear", "markov"):
        tv, agency = lines["tv", rule], lines["(agency)", rule]
        assert (tv["spend"], tv["spend_outside"], tv["value"]) == (130, 10, 0)
        assert (agency["spend"], agency["conversions"]) == (Decimal("0.01"), 0)
    search = lines["search", "markov"]
    # The bootstrap of paths says 2 to 4; persons who buy twice make that twice as wide.
    assert (search["conversions_p05"], search["conversions_p95"]) == (1, 5)
    assert search["roas"] == 5
    assert (search["roas_p05"], search["roas_p95"]) == pytest.approx((100 / 60, 500 / 60))
    assert (search["touches"], lines["tv", "markov"]["touches"]) == (70, 0)
    assert (search["claimed_difference"], search["cost_per_conversion"]) == (6, 20)
    assert (search["cac"], lines["search", "last"]["cac"]) == (30, 30)
    assert lines["(unattributed)", "markov"]["value"] == 2500
    [named] = run.query("select * from attr_campaigns where campaign = 'c1' and rule = 'last'")
    assert (named["campaign_name"], named["channel"]) == ("Spring", "search")
    places = {
        row["territory"]: (row["spend"], row["value"], row["touches"])
        for row in run.query("select * from attr_territories where rule = 'linear'")
    }
    assert places == {
        "north": (60, 300, 70), "south": (130, 0, 0), "(no territory)": (Decimal("0.01"), 0, 0),
        "(unattributed)": (0, 2500, 0),
    }  # fmt: skip
    [stage] = run.query("select * from funnel_stages where member = 'all' and stage = 'lead'")
    assert (stage["entered"], stage["moved_on"], stage["lost"], stage["still_open"]) == (
        10,
        6,
        3,
        1,
    )
    assert (stage["lost_amount"], stage["lost_share"]) == (150, 0.6)
    assert stage["cost_per_entry"] == pytest.approx(190.01 / 7)
    columns = run.query("select column_name from (describe attr_contributions)")
    # The folder is called run_id=m-1, which must not become a column.
    assert "run_id" not in {column["column_name"] for column in columns}


def test_versions_and_their_bridge_are_published(published: Any) -> None:
    versions = published.query(
        "select version, state, approved_by, locked_by, currency_code, sum(final) as total "
        "from fcst_versions group by all order by all"
    )
    assert versions == [
        {"version": "v1", "state": "locked", "approved_by": "Bo", "locked_by": "Bo",
         "currency_code": "USD", "total": Decimal("1866.48")},
        {"version": "v2", "state": "approved", "approved_by": "Bo", "locked_by": None,
         "currency_code": "USD", "total": Decimal("1867.05")},
    ]  # fmt: skip
    steps = published.query(
        "select step, sum(amount) as amount from fcst_bridge group by step, step_number "
        "order by step_number"
    )
    assert [(step["step"], step["amount"]) for step in steps] == [
        ("old", Decimal("1866.48")), ("model", 0), ("data", Decimal("0.56")), ("plan", 0),
        ("override", Decimal("0.01")), ("new", Decimal("1867.05")),
    ]  # fmt: skip


def test_locked_versions_are_held_to_the_close_step_by_step(published: Any) -> None:
    """17 days of 40.00 in two territories; 33.33 was forecast, the naive said 30.00."""
    rows = published.query(
        "select basis, version, lag, covers, naive, statistical, actual, wape_naive, "
        "added_by_model, added_by_override, wape_final, cells, inside_80, coverage_80, wql "
        "from fcst_accuracy where level = 'total' order by basis"
    )
    assert [row["basis"] for row in rows] == ["first close", "restated"]
    first, restated = rows
    assert (first["version"], first["lag"], first["covers"]) == ("v1", 0, "rest")
    assert (first["naive"], first["statistical"]) == (1020, Decimal("1133.22"))
    assert first["actual"] == 1360
    assert restated["actual"] == 1700
    assert first["wape_naive"] == pytest.approx(0.25)
    assert first["added_by_model"] == pytest.approx(0.25 - 6.67 / 40)
    assert first["added_by_override"] == 0
    assert first["wape_final"] == pytest.approx(6.67 / 40)
    assert (first["cells"], first["inside_80"], first["coverage_80"]) == (34, 0, 0)
    # All quantiles are the mean here: the loss is the mean of tau, doubled, of each error.
    assert first["wql"] == pytest.approx(6.67 / 40, rel=1e-3)


def test_page_and_workbook_read_versions_as_the_marts_are(published: Any) -> None:
    with duckdb.connect(str(published.lake / "warehouse.duckdb"), read_only=True) as con:
        sheets = [one(con) for one in (
            version_sheets.versions, version_sheets.bridge, version_sheets.accuracy
        )]  # fmt: skip
        [shown] = locked.closes(con)
    assert [len(sheet.cells) > 0 for sheet in sheets] == [True] * 3
    assert {len(row) for row in sheets[2].cells} == {len(sheets[2].columns)}
    assert (shown["period"], shown["version"], shown["unit"]) == ("2024-01", "v1", "USD")
    assert shown["actual"] == 1360


def test_every_column_of_a_mart_is_described_in_one_static_page(
    published: Any, dbt: Callable[..., Any]
) -> None:
    run = dbt(published.lake, "docs", "generate", "--static", **PUBLISHED)
    assert run.returncode == 0, run.output
    page = (run.target / "static_index.html").read_text(encoding="utf-8")
    assert "Net revenue credited to the driver, in currency_code, to the cent." in page
    manifest = json.loads((run.target / "manifest.json").read_text(encoding="utf-8"))
    marts = [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["path"].startswith("marts/")
    ]
    assert {node["name"] for node in marts} >= {"fct_ledger", "fct_spend", "dim_calendar"}
    columns = [(mart["name"], column) for mart in marts for column in mart["columns"].values()]
    assert [(name, column["name"]) for name, column in columns if not column["description"]] == []


def test_disagreeing_results_stop_publication_and_name_their_rows(publish: Any) -> None:
    def spoil(release: Tables, mix: Tables, forecast: Tables) -> None:
        cent = Decimal("0.01")
        mix["contributions"][1][0]["contribution"] += cent
        removed = [part for part in mix["contributions"][1] if part["date_day"] == DAYS[13]]
        for part in removed[3:]:
            mix["contributions"][1].remove(part)
        total = next(row for row in forecast["volume"][1] if row["level"] == "total")
        total["mean"] -= cent
        next(row for row in forecast["revenue"][1] if row["level"] == "channel")["mean"] += cent
        mix["summary"][1][0]["roi"] = float("inf")
        mix["summary"][1][0]["spend"] -= cent
        forecast["checks"][1].append(
            {
                "check_name": "fit_is_better_than_naive",
                "subject": "north tea",
                "severity": "fail",
                "status": "fail",
                "figure": 1.2,
                "threshold": 1.0,
                "text": "worse than last year's week",
            }
        )
        release["ledger"][1][0]["net_revenue"] = Decimal("49.99")
        release["journey_spend"][1][2]["spend"] = Decimal("0.00")
        [credited] = [
            line for line in release["journey_credit"][1]
            if (line["grain"], line["rule"], line["name"]) == ("territory", "linear", "north")
        ]  # fmt: skip
        credited["margin"] += cent
        credited["customers"] = 1.0

    def spoil_lake(lake: Path) -> None:
        file = lake / "scratch" / "versions" / "versions.parquet"
        table = pq.read_table(file)
        rows = table.to_pylist()
        rows[0]["final"] += Decimal("0.01")
        pq.write_table(pa.Table.from_pylist(rows, table.schema), file)

    run = publish(spoil, spoil_lake)
    assert run.returncode != 0
    assert run.not_passed() == {
        "contributions_sum_to_outcome": "fail",
        "published_ledger_equals_outcome": "fail",
        "channels_hold_ledger_and_spend": "fail",
        "campaigns_hold_ledger_and_spend": "fail",
        "territories_hold_ledger_and_spend": "fail",
        "summary_equals_contributions": "fail",
        "summary_spend_equals_release": "fail",
        "attr_summary__roi_is_finite": "fail",
        "forecast_totals_equal_parts": "fail",
        "forecast_revenue_equals_parts": "fail",
        "forecast_revenue_stands_beside_volume": "fail",
        "forecast_weeks_equal_days": "warn",
        "no_check_failed": "fail",
        "versions_and_bridges_sum": "fail",
    }
    [row] = run.rows_of("versions_and_bridges_sum")
    assert (row["version"], row["period"], row["territory_id"]) == ("v1", "2024-01", "north")
    off_by_a_cent, missing = run.rows_of("contributions_sum_to_outcome")
    assert off_by_a_cent == {
        "reason": "contributions sum to 100.01 and the ledger to 100.00",
        "date_day": DAYS[0],
        "territory_id": "north",
        "difference": Decimal("0.01"),
    }
    assert missing["reason"] == "no contributions for net revenue of 100.00"
    assert (missing["date_day"], missing["territory_id"]) == (DAYS[13], "south")
    [forecast_row] = run.rows_of("forecast_totals_equal_parts")
    assert forecast_row["reason"] == "the forecast is 66.65 and its parts sum to 66.66"
    assert (forecast_row["level"], forecast_row["date_day"]) == ("total", FUTURE[0])
    [money_row] = run.rows_of("forecast_revenue_equals_parts")
    assert money_row["reason"] == "the forecast is 199.99 and its parts sum to 199.98"
    [beside] = run.rows_of("forecast_revenue_stands_beside_volume")
    assert beside["reason"] == "the volume is 66.65 and beside it stands 66.66"
    held = run.rows_of("channels_hold_ledger_and_spend")
    assert [row["rule"] for row in held] == ["last", "linear", "markov"]
    assert held[0]["reason"].startswith(
        "credit of 2800.00 for a ledger of 2799.99, spend of 200.00 of 200.01, "
    )
    assert held[1]["reason"].endswith(", margin of 100.00 of 100.00, 4.0 customers of 4")
    [_, spoilt, _] = run.rows_of("territories_hold_ledger_and_spend")
    assert spoilt["reason"].endswith(", margin of 100.01 of 100.00, 3.0 customers of 4")
    [check] = run.rows_of("no_check_failed")
    assert check["reason"] == "worse than last year's week"
    [spend] = run.rows_of("summary_spend_equals_release")
    assert spend["reason"] == "the summary holds spend of 139.99 and the release 140.00"


def test_a_failed_check_that_is_signed_off_is_published_as_a_warning_with_who_and_why(
    publish: Any,
) -> None:
    def spoil(release: Tables, mix: Tables, forecast: Tables) -> None:
        for subject in ("model", "other"):
            mix["checks"][1].append(
                mix["checks"][1][0]
                | {"check_name": "effective_draws", "subject": subject, "severity": "fail"}
                | {"status": "fail", "text": "Too few."}
            )

    hostile = "it's {{ fine }} '); drop table x; -- \" %s"
    signed = SignOff(
        gate="effective_draws", subject="model", by="A. Person", reason=hostile, until="2026-12-31"
    )
    run = publish(spoil, standing_sign_offs=as_json((signed,)))
    assert run.not_passed() == {"no_check_failed": "fail"}
    [check] = run.rows_of("no_check_failed")
    assert check["subject"] == "other"
    [line] = run.query("select * from attr_checks where subject = 'model'")
    assert (line["severity"], line["status"]) == ("fail", "warn")
    assert line["text"] == f"Too few. Signed off by A. Person until 2026-12-31: {hostile}."
