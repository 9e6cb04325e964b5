"""Everything decided before the books are kept: who buys what, what is felt, what must be sold."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from simulation.baseline import Baseline, baseline_effects, build_baseline, lost_distributor
from simulation.desk import Desk, set_desk
from simulation.effects import Effect, Trade, kept, open_trade
from simulation.experiments import Experiment, design, factors
from simulation.markets import Stage, set_stage
from simulation.media import Media, media_effects, plan_media, television_calendar
from simulation.products import Catalogue, stock_catalogue
from simulation.promotions import Schedule, plan_promotions
from simulation.publicity import Coverage, cover
from simulation.response import Array
from simulation.sellers import SalesForce, hire, seller_effects
from simulation.sizes import Scope
from simulation.streams import Streams
from simulation.truth import Accounts, Key, settle


@dataclass(frozen=True)
class Scene:
    """The company before its first order line; `factors` are what experiments did to buying."""

    scope: Scope
    streams: Streams
    stage: Stage
    baseline: Baseline
    catalogue: Catalogue
    trade: Trade
    media: Media
    schedule: Schedule
    coverage: tuple[Coverage, ...]
    force: SalesForce
    experiments: list[Experiment]
    factors: dict[str, Array]
    effects: list[Effect]
    accounts: Accounts
    desk: Desk
    without: frozenset[Key]


def set_scene(
    seed: int, first_day: date, scope: Scope, without: frozenset[Key], drivers: tuple[Key, ...]
) -> Scene:
    """Draw the company; what is `without` is drawn too, and then left out.

    Raises:
        ValueError: the seed is negative, or `without` names no cause of this company.
    """
    streams = Streams(seed)
    stage = set_stage(streams, first_day, scope.days, scope.territories, scope.scale)
    baseline = build_baseline(streams, stage)
    catalogue = stock_catalogue(streams, stage, baseline.launch_day, scope.products)
    trade = open_trade(streams, stage)
    television = television_calendar(streams, stage)

    rng = streams("shares")
    media_share = rng.uniform(0.24, 0.34)
    promotion_share, publicity_share = rng.uniform(0.035, 0.055), rng.uniform(0.012, 0.018)
    seller_share = rng.uniform(0.018, 0.026)
    organic_share = 1.0 - media_share - promotion_share - publicity_share - seller_share
    expected_sales = float(baseline.total.sum()) / organic_share

    media = plan_media(
        streams, stage, baseline.demand_index, television,
        target_eur=media_share * expected_sales, variety=scope.variety,
    )  # fmt: skip
    schedule = plan_promotions(
        streams, stage, television, catalogue=catalogue, trade_share=trade.share,
        target_eur=promotion_share * expected_sales, variety=scope.variety,
    )  # fmt: skip
    coverage = tuple(cover(streams, stage, catalogue, publicity_share * expected_sales))
    force = hire(streams, stage, scope.sellers)
    designed = design(stage)
    run = [e for e in designed if ("experiment", e.experiment_id) not in without]
    multiplied = factors(stage, run)

    everything = [
        *baseline_effects(streams, stage, baseline, catalogue, trade),
        *media_effects(stage, media, catalogue, multiplied),
        *(promoted.effect for promoted in schedule.promoted),
        *(effect for one in coverage for effect in one.effects),
        *seller_effects(streams, stage, force, catalogue, seller_share * expected_sales),
    ]
    _refuse_unknown(everything, designed, without, drivers)
    effects = kept(everything, without)
    lost = lost_distributor(streams, stage)
    accounts = settle(stage, trade, effects, lost)
    desk = set_desk(
        stage, catalogue, accounts, force, scope.volume,
        media=media, schedule=schedule, without=without, lost=lost,
    )  # fmt: skip
    return Scene(
        scope=scope, streams=streams, stage=stage, baseline=baseline, catalogue=catalogue,
        trade=trade, media=media, schedule=schedule, coverage=coverage, force=force,
        experiments=run, factors=multiplied, effects=effects, accounts=accounts, desk=desk,
        without=without,
    )  # fmt: skip


def _refuse_unknown(
    effects: list[Effect], designed: list[Experiment], without: frozenset[Key],
    drivers: tuple[Key, ...],
) -> None:  # fmt: skip
    known = {key for effect in effects for key in effect.keys}
    known |= {("experiment", e.experiment_id) for e in designed} | set(drivers)
    if unknown := sorted(without - known):
        raise ValueError(
            f"No driver {unknown[0]} to switch off; the simulated company has "
            + ", ".join(f"({kind}, {driver})" for kind, driver in drivers)
            + ", and single campaigns, promotions, events, sellers, agencies and experiments by id."
        )


def mean_unit_eur(catalogue: Catalogue) -> float:
    """What a unit brings on a plain day, EUR."""
    return float(np.mean((catalogue.price_eur * catalogue.share).sum(axis=1)) * 0.95)
