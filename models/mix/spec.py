"""What the mix model is told, given and returns: settings, input frames, result frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

#: Driver kinds with adstock and saturation and a positive effect.
SATURATING = ("media", "organic")
#: Every driver kind a release may hold.
DRIVER_KINDS = ("media", "organic", "promotion", "publicity")


@dataclass(frozen=True)
class Prior:
    """Normal prior on a parameter's unbounded scale (logit or log): `centre`, `spread` (sd)."""

    centre: float
    spread: float


@dataclass(frozen=True)
class MixSpec:
    """Settings of the mix model; the defaults are meant to be used (docs/reference/mix.md).

    Priors are weak and free of currency: the outcome is in units of its own mean, exposure in
    units of its own mean.

    Attributes:
        media_share: prior median share of net revenue of media and organic drivers together,
            split between them half by spend, half equally.
        driver_share: log of a driver's share relative to that prior share.
        adstock_week, adstock_day: logit of alpha, by grain.
        half_saturation: log of k relative to the exposure a driver has while it runs.
        shape: log of s; centred on diminishing returns from the first unit.
        publicity_half_saturation: as half_saturation, for publicity.
        territory_spread: sd of the log of a driver's relative effect in a territory, modelled
            where there are at most `most_territory_effects` territories.
        control_width, promotion_width, publicity_width: prior sd as a share of mean net revenue,
            per standard deviation of a control, per usual depth, per usual exposure.
        use_holidays: whether holidays have effects.
        starts, chains, warmup, draws: ascents, and Hamiltonian chains with their lengths.
    """

    media_share: float = 0.2
    driver_share: Prior = Prior(0.0, 1.0)
    adstock_week: Prior = Prior(-0.5, 1.0)
    adstock_day: Prior = Prior(1.2, 1.2)
    half_saturation: Prior = Prior(0.2, 0.7)
    shape: Prior = Prior(0.0, 0.3)
    publicity_half_saturation: Prior = Prior(1.0, 1.0)
    territory_spread: float = 0.15
    most_territory_effects: int = 10
    control_width: float = 0.3
    promotion_width: float = 0.5
    publicity_width: float = 0.3
    use_holidays: bool = True
    starts: int = 4
    chains: int = 4
    warmup: int = 120
    draws: int = 200


@dataclass(frozen=True)
class MixInputs:
    """The frames of one release that the mix model reads (columns: docs/architecture.md).

    Money may be Decimal or float, dates anything pandas reads as a date. `grain` is `day` or
    `week`, `currency` the reporting currency's code.
    """

    outcome: pd.DataFrame
    drivers: pd.DataFrame
    territories: pd.DataFrame
    grain: str
    currency: str
    controls: pd.DataFrame | None = None
    holidays: pd.DataFrame | None = None


@dataclass(frozen=True)
class MixResult:
    """Result frames of `results/mix` (docs/architecture.md), diagnostics and settings.

    `contributions.contribution` and the money of `summary` are Decimals in cents; everything
    else is float64; `date_day` is datetime64[ns]. Money is in `settings["currency"]`.
    """

    contributions: pd.DataFrame
    summary: pd.DataFrame
    curves: pd.DataFrame
    parameters: pd.DataFrame
    checks: pd.DataFrame
    diagnostics: Mapping[str, Any]
    settings: Mapping[str, Any]
