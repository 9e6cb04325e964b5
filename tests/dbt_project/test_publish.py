"""The publish stage: marts of one release and its results, stopped when they disagree by a cent."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from liftcast.sign_offs import SignOff, as_json

DAYS = [date(2024, 1, 1) + timedelta(days=day) for day in range(14)]
FUTURE = [DAYS[-1] + timedelta(days=day) for day in range(1, 15)]
TERRITORIES = ("north", "south")
PUBLISHED = {"release_id": "abc", "mix_run_id": "m-1", "forecast_run_id": "f-1"}
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
    }


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
    volume_columns |= {"territory_id": "VARCHAR", "product_id": "VARCHAR", "measure": "VARCHAR"}
    volume_columns |= dict.fromkeys(("mean", *quantiles), _CENTS)
    levels = [("series", place, "tea", 1) for place in TERRITORIES]
    levels += [("territory", place, "all", 1) for place in TERRITORIES]
    levels += [("product", "all", "tea", 2), ("total", "all", "all", 2)]
    periods = [("day", day, 1) for day in FUTURE] + [("week", day, 7) for day in FUTURE[::7]]
    volume = [
        {
            "period": period,
            "date_day": day,
            "level": level,
            "territory_id": place,
            "product_id": product,
            "measure": measure,
            "mean": Decimal("33.33") * days * parts,
            **{name: 30 * days * parts + step for step, name in enumerate(quantiles)},
        }
        for period, day, days in periods
        for level, place, product, parts in levels
        for measure in ("units", "net_revenue")
    ]
    key = {"date_day": "DATE", "territory_id": "VARCHAR", "product_id": "VARCHAR"}
    first = {"date_day": FUTURE[0], "territory_id": "north", "product_id": "tea"}
    return {
        "volume": (volume_columns, volume),
        "components": (
            {**key, "component": "VARCHAR", "value": "DOUBLE"},
            [{**first, "component": "trend", "value": 3.0}],
        ),
        "fit": (
            {**key, "actual": "DOUBLE", "fitted": "DOUBLE"},
            [{**first, "date_day": DAYS[0], "actual": 4.0, "fitted": 3.9}],
        ),
        "checks": (_CHECK_COLUMNS, []),
    }


@pytest.fixture(scope="module")
def publish(
    tmp_path_factory: pytest.TempPathFactory, dbt: Callable[..., Any], lakes: Any
) -> Callable[..., Any]:
    """Write a release and its results, let the caller spoil them, and build the marts."""

    def run(
        spoil: Callable[[Tables, Tables, Tables], None] | None = None, **configuration: str
    ) -> Any:
        lake = tmp_path_factory.mktemp("lake")
        release, mix, forecast = release_tables(), mix_tables(), forecast_tables()
        if spoil:
            spoil(release, mix, forecast)
        for folder, tables in (
            (lake / "inputs" / "abc", release),
            (lake / "results" / "mix" / "run_id=m-1", mix),
            (lake / "results" / "forecast" / "run_id=f-1", forecast),
        ):
            for name, (columns, rows) in tables.items():
                lakes.write_parquet(folder / f"{name}.parquet", columns, rows)
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
    currencies = run.query("select distinct measure, currency_code from fcst_volume order by all")
    assert currencies == [
        {"measure": "net_revenue", "currency_code": "USD"},
        {"measure": "units", "currency_code": None},
    ]
    columns = run.query("select column_name from (describe attr_contributions)")
    # The folder is called run_id=m-1, which must not become a column.
    assert "run_id" not in {column["column_name"] for column in columns}


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

    run = publish(spoil)
    assert run.returncode != 0
    assert run.not_passed() == {
        "contributions_sum_to_outcome": "fail",
        "published_ledger_equals_outcome": "fail",
        "summary_equals_contributions": "fail",
        "summary_spend_equals_release": "fail",
        "attr_summary__roi_is_finite": "fail",
        "forecast_totals_equal_parts": "fail",
        "forecast_weeks_equal_days": "warn",
        "no_check_failed": "fail",
    }
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
