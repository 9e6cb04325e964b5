"""A small publication made by hand, with hostile names, and the outside programs that open it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

SCRIPT = "<script>alert(1)</script>"
CLOSER = "</script><img src=x onerror=alert(2)>"
FORMULA = '=HYPERLINK("http://evil.example/","click")'
LONG = "Sehr langer Kanalname mit Umlauten äöü und 東京 " * 8
#: Net price of a unit where units are forecast.
PRICE = 7
PROGRAMS = {
    "chromium": ("chromium", "apt-get install chromium"),
    "soffice": ("LibreOffice", "apt-get install libreoffice-calc-nogui"),
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what needs a program that is not installed, with one visible line each."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    for program, (name, remedy) in PROGRAMS.items():
        if shutil.which(program):
            continue
        needing = [item for item in items if program in getattr(item, "fixturenames", ())]
        if needing:
            config.hook.pytest_deselected(items=needing)
            items[:] = [item for item in items if item not in needing]
            if reporter:
                reporter.write_line(
                    f"{len(needing)} reporting tests deselected: {name} is not installed; "
                    f"{remedy} to run them."
                )


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser."""
    return str(shutil.which("chromium"))


@pytest.fixture(scope="session")
def soffice() -> str:
    """Path of LibreOffice."""
    return str(shutil.which("soffice"))


FACTS = {
    "run_id": "20250106T060000-0a1b2c3d",
    "release_id": "8d3f0a6b1c2e4f50",
    "code_version": "0.1.0+g1234567",
    "published_at": "2025-01-06T06:31:00+00:00",
    "seed": 7,
}


@dataclass(frozen=True)
class Size:
    """How large a publication to make; `step` is 1 for a daily lake, 7 for a weekly one."""

    steps: int
    step: int
    territories: tuple[str, ...]
    drivers: tuple[tuple[str, str], ...]
    measure: str = "net_revenue"


HOSTILE = Size(
    steps=60,
    step=7,
    territories=("North", SCRIPT, "=cmd|' /C calc'!A0", "Zürich 東京"),
    drivers=(
        ("media", "tv"),
        ("media", CLOSER),
        ("media", FORMULA),
        ("media", LONG),
        ("organic", "tv"),
        ("promotion", "price_cut"),
        ("publicity", "public_relations"),
    ),
)
DAILY = Size(
    steps=400,
    step=1,
    territories=("north", "south"),
    drivers=(("media", "search"), ("media", "tv"), ("promotion", "coupon")),
    measure="units",
)
LARGE = Size(
    steps=156,
    step=7,
    territories=tuple(f"geo_{n:02d}" for n in range(40)),
    drivers=(*(("media", f"channel_{n}") for n in range(9)), ("organic", "mail"),
             ("promotion", "price_cut"), ("publicity", "publicity")),
)  # fmt: skip


def _cents(values: np.ndarray) -> list[Decimal]:
    return [Decimal(round(value * 100)).scaleb(-2) for value in values]


def _save(tables: Path, name: str, frame: pd.DataFrame, money: tuple[str, ...] = ()) -> None:
    """Write a mart with the contract's types, in key order."""
    columns = ", ".join(
        f'"{c}"::DECIMAL(18,2) AS "{c}"' if c in money
        else (f'"{c}"::DATE AS "{c}"' if c in ("date_day", "last_date") else f'"{c}"')
        for c in frame.columns
    )  # fmt: skip
    with duckdb.connect() as con:
        con.register("frame", frame)
        con.execute(f"COPY (SELECT {columns} FROM frame) TO '{tables / name}.parquet'")


def make_publication(tables: Path, size: Size) -> Path:
    """Tables of an invented company whose contributions sum to its ledger in every cell."""
    tables.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(20)
    last = date(2024, 12, 29)
    first = last - timedelta(days=size.step * size.steps - 1)
    days = [first + timedelta(days=size.step * n) for n in range(size.steps)]
    kinds = [*size.drivers, ("baseline", "baseline"), ("control", "price_index"),
             ("holiday", "christmas"), ("residual", "residual")]  # fmt: skip
    season = 1 + 0.15 * np.sin(np.arange(size.steps) * 2 * np.pi * size.step / 365)
    cells, ledger, spends = [], [], dict.fromkeys(size.drivers, 0.0)
    for where in range(len(size.territories)):
        booked = np.zeros(size.steps, dtype=np.int64)
        for at, (kind, driver) in enumerate(kinds):
            on = rng.random(size.steps) < 0.7
            amount = {
                "baseline": 6000 * size.step * season,
                "control": rng.normal(0, 150, size.steps),
                "holiday": np.where(np.arange(size.steps) % 52 > 49, 900.0 * size.step, 0.0),
                "residual": rng.normal(0, 350, size.steps) * size.step,
            }.get(kind, on * rng.gamma(4, 130 * size.step / (1 + at), size.steps)) / (1 + where)
            cents = np.round(amount * 100).astype(np.int64)
            booked += cents
            if (kind, driver) in spends and kind != "organic":
                spends[kind, driver] += cents.sum() / 100 * (0.25 + 0.2 * at)
            cells.append(
                pd.DataFrame(
                    {
                        "date_day": days, "territory_id": f"t{where:02d}", "kind": kind,
                        "driver": driver, "contribution": _cents(cents / 100),
                        "p05": cents / 125, "p95": cents / 80, "currency_code": "EUR",
                    }
                )
            )  # fmt: skip
        half = booked // 2
        for product, share in (("p1", half), ("p2", booked - half)):
            ledger.append(
                pd.DataFrame(
                    {
                        "date_day": days, "territory_id": f"t{where:02d}", "product_id": product,
                        "sales_channel": "shop", "net_revenue": _cents(share / 100),
                        "units": share / 100 / 12.5, "unit_cost": _cents(share / 100 * 0.55),
                        "currency_code": "EUR",
                    }
                )
            )  # fmt: skip
    contributions = pd.concat(cells, ignore_index=True)
    booked_all = pd.concat(ledger, ignore_index=True)
    _save(tables, "attr_contributions", contributions, ("contribution",))
    _save(tables, "fct_ledger", booked_all, ("net_revenue", "unit_cost"))
    _attribution(tables, size, contributions, booked_all, spends)
    _forecast(tables, size, booked_all, days[-1])
    _rest(tables, size, last)
    return tables


def _attribution(tables, size, contributions, ledger, spends) -> None:
    revenue = float(sum(ledger["net_revenue"]))
    summary, curves = [], []
    for at, (kind, driver) in enumerate(size.drivers):
        mine = contributions[(contributions.kind == kind) & (contributions.driver == driver)]
        amount = sum(mine["contribution"], Decimal(0))
        spend = round(spends[kind, driver], 2)
        low, high = float(amount) * (0.8 - 0.05 * at), float(amount) * (1.2 + 0.06 * at)
        per = spend or np.nan
        summary.append(
            {
                "kind": kind, "driver": driver, "spend": spend, "contribution": amount,
                "contribution_p05": low, "contribution_p95": high,
                "share": float(amount) / revenue, "share_p05": low / revenue,
                "share_p95": high / revenue, "roi": float(amount) / per, "roi_p05": low / per,
                "roi_p95": high / per, "mroi": 0.6 * float(amount) / per, "currency_code": "EUR",
            }
        )  # fmt: skip
        for m in np.arange(0, 2.01, 0.1):
            value = float(amount) * 2 * m / (1 + m)
            curves.append(
                {
                    "kind": kind, "driver": driver, "multiplier": float(round(m, 1)),
                    "spend": spend * m, "contribution": value, "p05": 0.7 * value,
                    "p95": 1.35 * value, "currency_code": "EUR",
                }
            )  # fmt: skip
    _save(tables, "attr_summary", pd.DataFrame(summary), ("spend", "contribution"))
    # The second engine: the first driver as published, the last one missing, the others far off.
    second = [
        row | {
            name: row[name] * (1 if at == 0 else type(row[name])(-4))
            for name in ("contribution", "contribution_p05", "contribution_p95")
        }
        for at, row in enumerate(summary[:-1])
    ]  # fmt: skip
    for row in second[1:]:
        row["contribution_p05"], row["contribution_p95"] = (
            row["contribution_p95"], row["contribution_p05"],
        )  # fmt: skip
    _save(tables, "attr_summary_classical", pd.DataFrame(second), ("spend", "contribution"))
    _save(tables, "attr_curves", pd.DataFrame(curves))


def _forecast(tables, size, ledger, last_day) -> None:
    money = ("mean", "p025", "p10", "p50", "p90", "p975")
    ledger = ledger.assign(
        net_revenue=ledger["net_revenue"].astype(float), date_day=pd.to_datetime(ledger["date_day"])
    )
    span = ledger[ledger.date_day > ledger.date_day.max() - pd.Timedelta(days=360)]
    factor = size.step / 360 * 1.03
    found = []

    def add(period: str, days: int, level: str, territory: str, product: str, mean: float) -> None:  # noqa: PLR0917
        for n in range(18 if period == "week" else 18 * 7):
            spread = mean * (0.05 + 0.004 * n * days / 7)
            value = mean * (1 + 0.05 * np.sin(n * days / 9))
            row = {"period": period, "date_day": last_day + timedelta(days=size.step + n * days),
                   "level": level, "territory_id": territory, "product_id": product,
                   "sales_channel": "all", "measure": size.measure,
                   "mean": round(value, 2)}  # fmt: skip
            for name, z in (("p025", -1.96), ("p10", -1.28), ("p50", 0), ("p90", 1.28),
                            ("p975", 1.96)):  # fmt: skip
                row[name] = round(value + z * spread, 2)
            row["currency_code"] = "EUR"
            found.append(row)

    for period, days in (("week", 7), *((("day", 1),) if size.step == 1 else ())):
        scale = factor * days / size.step
        add(period, days, "total", "all", "all", span[size.measure].sum() * scale)
        for territory, part in span.groupby("territory_id"):
            add(period, days, "territory", territory, "all", part[size.measure].sum() * scale)
        for product, part in span.groupby("product_id"):
            add(period, days, "product", "all", product, part[size.measure].sum() * scale)
    volume = pd.DataFrame(found)
    _save(tables, "fcst_volume", volume, money)
    counted = size.measure == "units"
    revenue = volume.drop(columns="measure").assign(
        **{name: (volume[name] * (PRICE if counted else 1)).round(2) for name in money},
        units=volume["mean"] if counted else None,
    )
    _save(tables, "fcst_revenue", revenue, (*money, *(("units",) if counted else ())))
    _components(tables, size, volume)


def _components(tables, size, volume) -> None:
    native = "day" if size.step == 1 else "week"
    own = volume[(volume["level"] == "territory") & (volume["period"] == native)]
    left = own["mean"].astype(float)
    parts = []
    for name, share in (("level", 0.7), ("season", -0.1), (f"media:{SCRIPT}", 0.25)):
        parts.append(own.assign(component=name, value=(own["mean"] * share).round(2)))
        left = left - parts[-1]["value"]
    parts.append(own.assign(component="earlier_errors", value=left.round(2)))
    frame = pd.concat(parts)[["date_day", "territory_id", "sales_channel", "component", "value"]]
    price = PRICE if size.measure == "units" else 1
    frame = frame.assign(product_id="p1", net_revenue=(frame["value"] * price).round(2))
    _save(tables, "fcst_components", frame)


def _rest(tables, size, last) -> None:
    ids = [f"t{n:02d}" for n in range(len(size.territories))]
    names = pd.DataFrame({"territory_id": ids, "territory_name": size.territories})
    names = names.assign(country_code="DE", population=1e6, is_leaf=True, is_current=True)
    older = names.assign(territory_name="of old", is_current=False)
    _save(tables, "dim_territories", pd.concat([names, older]))
    products = {"product_id": ["p1", "p2"], "product_name": [SCRIPT, "@SUM(1+1)"]}
    products = pd.DataFrame(products).assign(brand="-1+1", category=None, is_current=True)
    _save(tables, "dim_products", pd.concat([products, products.assign(is_current=False)]))
    check = ["check_name", "subject", "stage", "severity", "status", "figure", "threshold", "text"]
    checks = [
        ("reconciles_to_ledger", "all", "attribute", "fail", "pass", 0.0, 0.01, "Sums up."),
        ("bad_control", CLOSER, "attribute", "warn", "warn", 0.92, 0.8,
         f"Moves with revenue: {FORMULA}"),
        ("forecast_error", "t00", "forecast", "warn", "pass", 0.08, 0.2, "WAPE of the last weeks."),
        ("unique_key", "stg_sales", "dbt", "fail", "pass", None, None, ""),
    ]  # fmt: skip
    _save(tables, "attr_checks", pd.DataFrame(checks, columns=check))
    fresh = pd.DataFrame(
        {
            "source": ["shop", SCRIPT], "table_name": ["sales", "ad_spend"],
            "last_date": [last, last], "landed_at": [datetime(2025, 1, 6, 5, 2, tzinfo=UTC)] * 2,
            "rows": [12345, 678], "rejected": [0, 3],
        }
    )  # fmt: skip
    _save(tables, "pub_freshness", fresh)
    _journeys(tables)
    _versions(tables)


def _versions(tables) -> None:
    """A locked version of two series, one after it, and a close; names that attack."""
    cells = [
        {
            "version": version, "as_of": date(2025, 1, 4), "fiscal_period": "2025-P01",
            "scenario": SCRIPT, "code_version": "0.1", "data_hash": "abc", "state": "locked",
            "superseded_by": None, "submitted_by": FORMULA,
            "submitted_at": f"2025-01-05T10:00:0{version[1]}",
            "approved_by": CLOSER, "approved_at": None, "locked_by": "Bo",
            "locked_at": "2025-01-06T10:00:00+00:00", "period": "2025-P02",
            "period_starts_on": date(2025, 2, 1), "territory_id": place, "product_id": "p1",
            "measure": "net_revenue", "statistical": 100.25, "override": step,
            "final": 100.25 + step,
            "currency_code": "EUR",
        }
        for version, step in (("v1", 0.0), ("v2", -0.25))
        for place in ("t00", "t01")
    ]  # fmt: skip
    _save(tables, "fcst_versions", pd.DataFrame(cells), ("statistical", "override", "final"))
    steps = [
        {"version": "v2", "old_version": "v1", "step_number": number, "step": step,
         "period": "2025-P02", "territory_id": place, "product_id": "p1",
         "measure": "net_revenue", "amount": amount, "currency_code": "EUR"}
        for place in ("t00", "t01")
        for number, step, amount in ((0, "old", 100.25), (13, "override", -0.25),
                                     (14, "new", 100.0))
    ]  # fmt: skip
    _save(tables, "fcst_bridge", pd.DataFrame(steps), ("amount",))
    score = {
        "basis": "first close", "period": "2025-P01", "scenario": SCRIPT, "lag": 1,
        "version": "v1", "covers": "whole", "level": "total", "key": "", "naive": 80.0,
        "statistical": 90.0, "final": 95.0, "actual": 100.0, "wape_naive": 0.2,
        "added_by_model": 0.1, "wape_statistical": 0.1, "added_by_override": 0.05,
        "wape_final": 0.05, "bias_statistical": -0.1, "bias_final": -0.05, "coverage_80": 0.8,
        "coverage_95": 1.0, "cells": 10, "wql": 0.04,
        "measure": "net_revenue", "currency_code": "EUR",
    }  # fmt: skip
    rows = [
        score | {"level": "territory_id", "key": FORMULA, "naive": None, "wape_final": None},
        score,
    ]
    _save(tables, "fcst_accuracy", pd.DataFrame(rows), ("naive", "statistical", "final", "actual"))


def _journeys(tables) -> None:
    """Channels by two rules, with names that attack; a funnel of one stage."""
    lines = [
        {
            "channel": channel, "rule": rule, "touches": touches, "spend": spend,
            "conversions": 4.5,
            "conversions_p05": 1.5, "conversions_p95": 7.5, "value": 90.0, "margin": 30.0,
            "roas": 0.9, "roas_p05": 0.3, "roas_p95": 1.5, "cac": 50.0, "cost_per_lead": None,
            "assisted_conversions": 3, "claimed_conversions": 9.0, "claimed_difference": 4.5,
            "spend_outside": 0.0,
        }
        for rule in ("linear", "markov")
        for channel, spend, touches in (
            (CLOSER, 100.0, 7), (FORMULA, 20.0, 0), ("(unattributed)", 0.0, 0)
        )
    ]  # fmt: skip
    money = ("spend", "value", "margin", "spend_outside")
    _save(tables, "attr_channels", pd.DataFrame(lines), money)
    stage = {
        "compared_by": "all", "member": "all", "stage": "lead", "entered": 10, "moved_on": 6,
        "lost": 3, "still_open": 1, "lost_amount": 150.0, "lost_share": 1.0, "conversion": 0.6,
        "conversion_p05": 0.35, "conversion_p95": 0.8, "days_median": 3.0, "cost_per_entry": 12.0,
    }  # fmt: skip
    seller = stage | {"compared_by": "seller", "member": FORMULA}
    _save(tables, "funnel_stages", pd.DataFrame([seller, stage]), ("lost_amount",))


@pytest.fixture(scope="session")
def facts() -> dict[str, object]:
    """What a run says about itself."""
    return dict(FACTS)


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Size], Path]:
    """Make a publication's tables of a size; made once a size."""
    made: dict[Size, Path] = {}

    def build(size: Size) -> Path:
        if size not in made:
            made[size] = make_publication(tmp_path_factory.mktemp("publication") / "tables", size)
        return made[size]

    return build


@pytest.fixture(scope="session")
def hostile(make: Callable[[Size], Path]) -> Path:
    """A weekly publication, four territories, seven drivers, names that attack."""
    return make(HOSTILE)


@pytest.fixture(scope="session")
def daily(make: Callable[[Size], Path]) -> Path:
    """A daily publication whose forecast counts units."""
    return make(DAILY)


@pytest.fixture(scope="session")
def large(make: Callable[[Size], Path]) -> Path:
    """40 territories x 156 weeks x 12 drivers."""
    return make(LARGE)
