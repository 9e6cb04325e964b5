"""A company with known truth: its books from a seed, written as raw tables with the answers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from simulation.bookkeeping import Cellar, FileCellar, keep_books
from simulation.markets import MARKETS, REPORTING_CURRENCY
from simulation.media import CHANNELS
from simulation.promotions import KINDS
from simulation.publicity import PARTS
from simulation.scene import Scene, set_scene
from simulation.sizes import SCOPES, Size, scope
from simulation.truth import DriverTruth, Key

SHORTEST_DAYS = 60
# What a mix model can see; `without` takes these and single causes as well.
DRIVERS: tuple[Key, ...] = (
    *(("media", channel.channel) for channel in CHANNELS),
    *(("promotion", kind.kind) for kind in KINDS),
    *(("publicity", kind) for kind in PARTS),
)


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


@dataclass(frozen=True)
class Books:
    """Everything the company knows (`tables`) and what is true (`truth`), before any file."""

    scene: Scene
    tables: dict[str, pd.DataFrame]
    truth: dict[str, pd.DataFrame]
    summary: tuple[DriverTruth, ...]


def simulate(
    out: Path,
    seed: int = 7,
    days: int | None = None,
    territories: int | None = None,
    end: date = date(2025, 12, 28),
    *,
    size: Size = "s",
    touchpoints: int | None = None,
    without: Iterable[Key] = (),
) -> Company:
    """Write a company's raw tables to `out` and the truth to `out/truth`.

    Args:
        out: folder; files of an earlier company in it are replaced, in whichever format.
        seed: 0 or more. The same arguments give the same bytes.
        days: days of history, which ends on `end`; plans cover the 91 days after it.
        territories: 1 to 8 leaf territories.
        size: `s` (730 days, 4 territories, CSV), `m` or `l` (1,096 days, 8 territories, Parquet).
        touchpoints: about how many, with 0.4 ledger lines for each; default: the size's own.
        without: causes switched off: they are neither bought nor felt, and all else stays as it
            was. (media, channel), (campaign, id), (promotion, kind or id), (publicity, kind or
            id), (seller, kind or id), (agency, id), (experiment, id), (baseline, part).

    Raises:
        ValueError: an argument is out of range; nothing has been written.
    """
    scene = _scene(
        seed, days, territories, end, size=size, touchpoints=touchpoints, without=without
    )
    cellar = FileCellar(out, scene.scope.form)
    summary = keep_books(scene, cellar)
    stage = scene.stage
    return Company(
        folder=out,
        seed=seed,
        first_day=stage.first_day,
        last_day=stage.last_day,
        territories=tuple(stage.names),
        currency=REPORTING_CURRENCY,
        net_revenue_eur=round(sum(entry.contribution_eur for entry in summary), 2),
        rows=dict(sorted(cellar.rows.items())),
        drivers=tuple(entry for entry in summary if (entry.kind, entry.driver) in DRIVERS),
    )


def build_books(
    seed: int,
    days: int | None = None,
    territories: int | None = None,
    end: date = date(2025, 12, 28),
    *,
    without: Iterable[Key] = (),
    size: Size = "s",
    touchpoints: int | None = None,
) -> Books:
    """The same company as frames in memory."""
    scene = _scene(
        seed, days, territories, end, size=size, touchpoints=touchpoints, without=without
    )
    cellar = Cellar()
    summary = keep_books(scene, cellar)
    return Books(scene, cellar.frames("tables"), cellar.frames("truth"), summary)


def _scene(
    seed: int,
    days: int | None,
    territories: int | None,
    end: date,
    *,
    size: Size,
    touchpoints: int | None,
    without: Iterable[Key],
) -> Scene:
    if size not in SCOPES:
        raise ValueError(f"A company has the size s, m or l, got {size}.")
    if days is not None and days < SHORTEST_DAYS:
        raise ValueError(f"A simulation takes at least {SHORTEST_DAYS} days, got {days}.")
    if territories is not None and not 1 <= territories <= len(MARKETS):
        raise ValueError(
            f"A simulation has 1 to {len(MARKETS)} territories, got {territories}; choose fewer."
        )
    if touchpoints is not None and touchpoints < 1:
        raise ValueError(f"A simulation has 1 or more touchpoints, got {touchpoints}.")
    usual = SCOPES[size]
    markets = [market.daily_sales_eur for market in MARKETS]
    part = sum(markets[: territories or usual.territories]) / sum(markets[: usual.territories])
    chosen = scope(size, days, territories, touchpoints, part)
    first_day = end - timedelta(days=chosen.days - 1)
    return set_scene(seed, first_day, chosen, frozenset(without), DRIVERS)
