"""A company with known truth: builds the books from a seed and writes them as raw tables."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from simulation import thin
from simulation.baseline import build_baseline
from simulation.calendars import fiscal_table, holiday_table
from simulation.ledger import build_ledger
from simulation.markets import (
    MARKETS,
    REPORTING_CURRENCY,
    Stage,
    rate_table,
    set_stage,
    territory_table,
)
from simulation.media import CHANNELS, build_media, television_calendar
from simulation.products import LAUNCHED, PRODUCTS, product_table
from simulation.promotions import KINDS, build_promotions
from simulation.publicity import PARTS, build_publicity
from simulation.sellers import hire, seller_table
from simulation.streams import Streams
from simulation.tables import stacked
from simulation.targets import budget_table, contest_table, incentive_table, quota_table
from simulation.truth import DriverTruth, Key, Truth, parameter_table, whole_cents

SHORTEST_DAYS = 60
DRIVERS: tuple[Key, ...] = (
    *(("media", channel.channel) for channel in CHANNELS),
    *(("promotion", kind.kind) for kind in KINDS),
    *(("publicity", kind) for kind in PARTS),
)


@dataclass(frozen=True)
class Books:
    """Everything the company knows (`tables`) and what is true (`truth`), before any file."""

    stage: Stage
    tables: dict[str, pd.DataFrame]
    truth: dict[str, pd.DataFrame]
    summary: tuple[DriverTruth, ...]


@dataclass(frozen=True)
class Company:
    """Summary of a simulated company."""

    folder: Path
    seed: int
    first_day: date
    last_day: date
    territories: tuple[str, ...]
    currency: str
    net_revenue_eur: float
    rows: dict[str, int]
    drivers: tuple[DriverTruth, ...]


def simulate(
    out: Path,
    seed: int = 7,
    days: int = 730,
    territories: int = 4,
    end: date = date(2025, 12, 28),
    *,
    without: Iterable[Key] = (),
) -> Company:
    """Write a company's raw tables to `out` and the truth to `out/truth`, as CSV.

    `days` of daily history end on `end`; plans cover the 91 days after it. `without` switches
    drivers off, each named (kind, driver): they are neither bought nor felt, and everything else
    stays as it was. The same arguments give the same bytes. Raises ValueError where an argument is
    out of range. Every file is written under a passing name and then renamed.
    """
    books = build_books(seed, days, territories, end, without)
    for folder, frames in ((out, books.tables), (out / "truth", books.truth)):
        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in frames.items():
            unfinished = folder / f".{name}.csv.unfinished"
            frame.to_csv(unfinished, index=False, lineterminator="\n")
            unfinished.replace(folder / f"{name}.csv")
    stage = books.stage
    return Company(
        folder=out,
        seed=seed,
        first_day=stage.first_day,
        last_day=stage.last_day,
        territories=tuple(t.territory_id for t in stage.territories),
        currency=REPORTING_CURRENCY,
        net_revenue_eur=round(sum(entry.contribution_eur for entry in books.summary), 2),
        rows={name: len(frame) for name, frame in books.tables.items()},
        drivers=tuple(entry for entry in books.summary if (entry.kind, entry.driver) in DRIVERS),
    )


def build_books(
    seed: int, days: int, territories: int, end: date, without: Iterable[Key] = ()
) -> Books:
    """The same company as frames. Whatever spoils data on its way works on the result."""
    off = frozenset(without)
    _check(days, territories, off)
    streams = Streams(seed)
    stage = set_stage(streams, end - timedelta(days=days - 1), days, territories)
    baseline = build_baseline(streams, stage)
    television = television_calendar(streams, stage)

    rng = streams("shares")
    media_share = rng.uniform(0.24, 0.34)
    promotion_share, publicity_share = rng.uniform(0.035, 0.055), rng.uniform(0.012, 0.018)
    organic_share = 1.0 - media_share - promotion_share - publicity_share
    expected_sales = float(baseline.total.sum()) / organic_share

    on_sale = [
        (p.product_id, baseline.launch_day if i == LAUNCHED else 0) for i, p in enumerate(PRODUCTS)
    ]
    media = build_media(
        streams,
        stage,
        baseline.demand_index,
        television,
        target_eur=media_share * expected_sales,
        without=off,
    )
    promotions, history = build_promotions(
        streams,
        stage,
        television,
        on_sale,
        target_eur=promotion_share * expected_sales,
        without=off,
    )
    publicity = build_publicity(
        streams, stage, baseline.launch_day, publicity_share * expected_sales, off
    )
    drivers = [*media.drivers, *promotions.drivers, *publicity.drivers]

    cents = {("baseline", name): whole_cents(part) for name, part in baseline.parts.items()}
    cents |= {driver.key: whole_cents(driver.contribution) for driver in drivers}
    explained = np.sum(list(cents.values()), axis=0)
    sales_eur = (explained + whole_cents(baseline.noise)) / 100.0
    ledger, booked_cents = build_ledger(streams, stage, sales_eur, baseline.launch_day, history)
    # Pounds cannot meet every EUR cent: what is left of a conversion is noise, too.
    cents["noise", "noise"] = booked_cents - explained
    truth = Truth(cents, {driver.key: driver.spend_eur for driver in drivers})

    tables = {
        "ad_spend": media.rows,
        "promotions": promotions.rows,
        "publicity": publicity.rows,
        "sales": ledger,
        "controls": baseline.controls,
        "plans": _plans(stage, media.plan, promotions.plan),
        "products": product_table(stage, baseline.launch_day),
        "territories": territory_table(stage),
        "fx_rates": rate_table(stage),
    }
    force = hire(streams, stage)
    tables |= {
        "touchpoints": thin.touchpoint_table(streams, stage, ledger, force),
        "opportunities": thin.opportunity_table(streams, stage, ledger, force),
        "agency_reports": thin.report_table(stage, force),
        "quotas": quota_table(streams, stage, force, np.full(stage.width, 0.22), 35.0),
        "budgets": budget_table(
            streams, stage, {("advertising", d.driver): d.spend_eur for d in media.drivers}, 35.0
        ),
        "sales_contests": contest_table(streams, stage, [p.product_id for p in PRODUCTS]),
        "incentive_plans": incentive_table(stage, force),
        "experiments": thin.experiment_table(stage),
        "campaigns": thin.campaign_table(media.rows),
        "customers": thin.customer_table(ledger),
        "sellers": seller_table(stage, force),
        "holidays": holiday_table(stage),
        "fiscal_calendar": fiscal_table(stage),
    }
    summary = truth.summary()
    answers = {
        "contributions": truth.contributions(stage),
        "summary": pd.DataFrame(summary),
        "parameters": parameter_table(stage, drivers, baseline.parameters),
    }
    tables = {name: _sorted(frame) for name, frame in tables.items()}
    return Books(stage, tables, answers, tuple(summary))


def _check(days: int, territories: int, off: frozenset[Key]) -> None:
    if days < SHORTEST_DAYS:
        raise ValueError(f"A simulation takes at least {SHORTEST_DAYS} days, got {days}.")
    if not 1 <= territories <= len(MARKETS):
        raise ValueError(
            f"A simulation has 1 to {len(MARKETS)} territories, got {territories}; choose fewer."
        )
    unknown = sorted(off - set(DRIVERS))
    if unknown:
        raise ValueError(
            f"No driver {unknown[0]} to switch off; the simulated company has "
            + ", ".join(f"({kind}, {driver})" for kind, driver in DRIVERS)
            + "."
        )


def _plans(stage: Stage, media: pd.DataFrame, promotions: pd.DataFrame) -> pd.DataFrame:
    """Raw `plans`. Head office plans in the reporting currency, wherever the money is spent."""
    plan = stacked("plans", [media, promotions])
    first = stage.last_day + timedelta(days=1)
    return plan.assign(
        plan_id=f"plan-{first:%Y%m%d}", grain="day", currency_code=REPORTING_CURRENCY
    )


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows in the order a source system would export them: by date where there is one."""
    dates = [name for name in ("date_day", "starts_on") if name in frame.columns]
    return frame.sort_values(dates, kind="stable", ignore_index=True) if dates else frame
