"""Every table that is not written month by month, and the truth beside them."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from simulation import directory, opportunities, truth
from simulation.calendars import fiscal_table, holiday_table
from simulation.desk import TRACKED
from simulation.experiments import experiment_tables, lifts
from simulation.markets import REPORTING_CURRENCY, Stage, rate_table, territory_table
from simulation.media import ad_spend_rows
from simulation.products import product_table
from simulation.promotions import KINDS, plan_rows, promotion_rows
from simulation.response import Array, Whole
from simulation.scene import Scene, mean_unit_eur
from simulation.sellers import seller_table
from simulation.tables import stacked, typed
from simulation.targets import budget_table, contest_table, incentive_table, quota_table
from simulation.totals import Totals
from simulation.truth import NOISE, DriverTruth, Key, Parameter

Add = Callable[[str, str, pa.Table], None]


def hand_over(scene: Scene, add: Add, totals: Totals) -> tuple[DriverTruth, ...]:
    """Hand over the remaining tables and the truth; returns the summary by driver."""
    tables, spend = _marketing(scene)
    tables |= _people(scene, totals)
    tables |= _scene_tables(scene)
    tables["experiments"], lifted = _experiments(scene)
    tables["agency_reports"], overstated = _reports(scene, totals)
    for table, frame in tables.items():
        add("tables", table, typed(_sorted(frame), table))
    add("tables", "customers", directory.customer_rows(scene.desk, totals.first_seen))
    add("tables", "identities", directory.identity_rows(scene.desk, totals.first_seen))
    add("truth", "experiments", typed(lifted))
    add("truth", "agency_reports", typed(overstated))
    return _truth(scene, add, totals, spend)


def _marketing(scene: Scene) -> tuple[dict[str, pd.DataFrame], dict[Key, float]]:
    """Advertising, promotions, publicity, plans and campaigns; and EUR spent by driver."""
    stage, off = scene.stage, scene.without
    spend: dict[Key, float] = {}
    bought, plans = [], []
    for one in scene.media.bought:
        name = one.channel.channel
        if ("media", name) in off:
            continue
        rows, spend["media", name] = ad_spend_rows(
            scene.streams, stage, one, off, scene.factors.get(name)
        )
        bought.append(rows)
        plans.append(one.plan)
    promoted = []
    for kind in (kind for kind in KINDS if ("promotion", kind.kind) not in off):
        ours = [
            p.promotion
            for p in scene.schedule.promoted
            if p.promotion.kind is kind and not p.effect.keys & off
        ]
        planned = [p for p in scene.schedule.planned if p.kind is kind]
        cost = scene.schedule.day_cost[kind.kind]
        on_sale = scene.catalogue.on_sale
        rows, spend["promotion", kind.kind] = promotion_rows(stage, on_sale, ours, cost)
        promoted.append(rows)
        plans.append(plan_rows(stage, on_sale, planned, cost))
    covered = []
    for coverage in scene.coverage:
        names = [effect.name for effect in coverage.effects if not effect.keys & off]
        is_kept = coverage.rows["event_id"].isin(names).to_numpy()
        covered.append(coverage.rows[is_kept])
        spend["publicity", coverage.kind] = float(coverage.cost_eur[is_kept].sum())
    ad_spend = stacked("ad_spend", bought)
    first = stage.last_day + timedelta(days=1)
    plan = stacked("plans", plans).assign(
        plan_id=f"plan-{first:%Y%m%d}", grain="day", currency_code=REPORTING_CURRENCY
    )
    tables = {
        "ad_spend": ad_spend,
        "promotions": stacked("promotions", promoted),
        "publicity": stacked("publicity", covered),
        "plans": plan,
        "campaigns": directory.campaign_table(ad_spend),
    }
    return tables, spend


def _people(scene: Scene, totals: Totals) -> dict[str, pd.DataFrame]:
    """Sellers, what is asked of them, what agencies and opportunities say."""
    stage, streams, force = scene.stage, scene.streams, scene.force
    unit_eur = mean_unit_eur(scene.catalogue)
    spend = {("advertising", one.channel.channel): one.spend_eur for one in scene.media.bought}
    for kind, part in (("promotion", 0.025), ("public_relations", 0.006), ("agency", 0.004)):
        spend[kind, ""] = part * float(stage.size.sum()) * stage.days
    return {
        "sellers": seller_table(stage, force),
        "quotas": quota_table(streams, stage, force, scene.trade.share, 0.68 * unit_eur),
        "budgets": budget_table(streams, stage, spend, unit_eur),
        "sales_contests": contest_table(streams, stage, scene.catalogue.ids),
        "incentive_plans": incentive_table(stage, force),
        "opportunities": opportunities.opportunity_table(streams, scene.desk, totals.won),
    }


def _scene_tables(scene: Scene) -> dict[str, pd.DataFrame]:
    stage = scene.stage
    return {
        "controls": scene.baseline.controls,
        "products": product_table(stage, scene.catalogue),
        "territories": territory_table(stage),
        "fx_rates": rate_table(stage),
        "holidays": holiday_table(stage),
        "fiscal_calendar": fiscal_table(stage),
    }


def _experiments(scene: Scene) -> tuple[pd.DataFrame, pd.DataFrame]:
    found = lifts(
        scene.stage, scene.catalogue, scene.trade, scene.media,
        experiments=scene.experiments, without=scene.without,
    )  # fmt: skip
    return experiment_tables(
        scene.streams, scene.stage, scene.experiments, found,
        scene.baseline.parameters["noise_sd"],
    )  # fmt: skip


def _reports(scene: Scene, totals: Totals) -> tuple[pd.DataFrame, pd.DataFrame]:
    stage = scene.stage
    brought: Array = np.zeros((stage.days, stage.width))
    agencies = {s.seller_id for s in scene.force.sellers if s.agency_id}
    for detail in scene.accounts.details:
        if detail.kind == "seller" and detail.name in agencies:
            brought += detail.eur.sum(axis=2) / 100.0
    return opportunities.report_tables(scene.streams, scene.desk, totals.agencies, brought)


def _truth(
    scene: Scene, add: Add, totals: Totals, spend: dict[Key, float]
) -> tuple[DriverTruth, ...]:
    stage, accounts = scene.stage, scene.accounts
    # Neither pounds nor francs can meet every EUR cent: what is left of a conversion is noise, too.
    eur = accounts.eur | {NOISE: totals.booked_eur - accounts.explained_eur}
    booked_local = accounts.own + accounts.sell_in
    explained: Whole = np.sum(list(accounts.local.values()), axis=0)
    local = accounts.local | {NOISE: booked_local - explained}
    summary = tuple(truth.summary(eur, spend))
    frames = {
        "contributions": truth.contribution_table(stage, eur, local),
        "contributions_by_product": truth.product_table(stage, scene.catalogue.ids, eur),
        "summary": pd.DataFrame(summary),
        "parameters": _parameters(scene),
        "campaigns": truth.detail_table(stage, accounts.details, "media", "campaign_id"),
        "promotions": truth.detail_table(stage, accounts.details, "promotion", "promotion_id"),
        "promotion_units": _units(scene),
        "events": truth.detail_table(stage, accounts.details, "publicity", "event_id"),
        "sellers": truth.detail_table(stage, accounts.details, "seller", "seller_id"),
        "touch_effects": _touch_effects(totals),
    }
    for table, frame in frames.items():
        add("truth", table, typed(frame))
    add("truth", "devices", directory.device_rows(scene.desk, totals.first_seen))
    return summary


def _touch_effects(totals: Totals) -> pd.DataFrame:
    """By channel: orders, units and net revenue it caused, of known and of unknown customers.

    Only the known ones can have a touch; `none` is what was coming anyway.
    """
    rows = []
    for index, channel in enumerate((*TRACKED, "none")):
        known, unknown = totals.caused[1, index], totals.caused[0, index]
        rows.append((
            channel, int(known[0]), int(known[1]), known[2] / 100.0,
            int(unknown[0]), int(unknown[1]), unknown[2] / 100.0,
        ))  # fmt: skip
    columns = ["channel", "orders", "units", "net_revenue_eur", "unknown_orders", "unknown_units",
               "unknown_net_revenue_eur"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _units(scene: Scene) -> pd.DataFrame:
    """Truth: units that each promotion moved, day by day and product by product, part by part.

    Units are revenue at the list price of the day in EUR. `pull_forward` is what people and
    dealers bought early (above zero) and then did not buy (below); the parts sum to `net_units`.
    """
    stage, catalogue = scene.stage, scene.catalogue
    names = ("gross", "halo", "cannibalised", "pull_forward")
    days: list[Whole] = []
    places: list[Whole] = []
    causes: list[Whole] = []
    products: list[Whole] = []
    amounts: list[Array] = []
    for promoted in scene.schedule.promoted:
        effect = promoted.effect
        if effect.keys & scene.without:
            continue
        parts = np.stack(
            [
                np.sum(scene.trade.booked(stage, effect.part(promoted.parts[name])), axis=0)[:, 0]
                for name in names
            ]
        )
        parts[-1, : len(promoted.stocking)] += promoted.stocking[:, 0]
        parts /= catalogue.price_eur[effect.first : effect.first + parts.shape[1]]
        day, product = np.nonzero(np.abs(parts).sum(axis=0) > 1e-9)
        days.append(effect.first + day)
        products.append(product)
        places.append(np.full(len(day), effect.territory))
        causes.append(np.full(len(day), len(causes)))
        amounts.append(np.round(parts[:, day, product], 6))
    ids = [p.promotion_id for p in scene.schedule.promoted if not p.effect.keys & scene.without]
    if not ids:
        columns = ["date_day", "territory_id", "promotion_id", "product_id"]
        return pd.DataFrame(columns=[*columns, *(f"{name}_units" for name in names), "net_units"])
    moved = np.concatenate(amounts, axis=1)
    return pd.DataFrame(
        {
            "date_day": stage.dates[np.concatenate(days)],
            "territory_id": np.array(stage.names)[np.concatenate(places)],
            "promotion_id": np.array(ids)[np.concatenate(causes)],
            "product_id": np.array(catalogue.ids)[np.concatenate(products)],
            **{f"{name}_units": moved[number] for number, name in enumerate(names)},
            "net_units": np.round(moved.sum(axis=0), 6),
        }
    )


def _parameters(scene: Scene) -> pd.DataFrame:
    """Every number the contributions were made with."""
    stage = scene.stage
    rows = [
        Parameter("baseline", "baseline", "", name, value)
        for name, value in scene.baseline.parameters.items()
    ]
    rows.append(Parameter("trade", "trade", "", "wholesale", scene.trade.wholesale))
    rows += _by_territory(stage, "trade", "trade", "share", scene.trade.share)
    for one in scene.media.bought:
        channel = one.channel
        values = {
            "roi": channel.roi, "retention": channel.retention,
            "half_saturation": channel.half_saturation, "slope": channel.slope,
            "peak": channel.peak, "ceiling": scene.media.strength[channel.channel],
        }  # fmt: skip
        rows += [Parameter("media", channel.channel, "", n, v) for n, v in values.items()]
        effect = scene.media.territory_effect[channel.channel]
        rows += _by_territory(stage, "media", channel.channel, "territory_effect", effect)
    for kind, strength in scene.schedule.strength.items():
        rows.append(Parameter("promotion", kind, "", "lift_per_depth", strength))
        effect = scene.schedule.territory_effect[kind]
        rows += _by_territory(stage, "promotion", kind, "territory_effect", effect)
    for covered in scene.coverage:
        rows += [
            Parameter("publicity", covered.kind, "", n, v) for n, v in covered.parameters.items()
        ]
        effect = covered.territory_effect
        rows += _by_territory(stage, "publicity", covered.kind, "territory_effect", effect)
    off = scene.without
    rows = [row for row in rows if (row.kind, row.driver) not in off]
    table = pd.DataFrame(rows, columns=Parameter._fields)
    table["value"] = table["value"].astype(float).round(9)
    return table


def _by_territory(
    stage: Stage, kind: str, driver: str, parameter: str, values: Array
) -> list[Parameter]:
    return [
        Parameter(kind, driver, name, parameter, float(value))
        for name, value in zip(stage.names, values, strict=True)
    ]


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows in the order a source system would export them: by date where there is one."""
    dates = [name for name in ("date_day", "starts_on") if name in frame.columns]
    if not dates or frame.empty:
        return frame
    return frame.sort_values(dates, kind="stable", ignore_index=True, key=pd.to_datetime)
