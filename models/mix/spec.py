"""What the mix model is told: settings with defaults that are meant to be used.

`MixSpec.model_json_schema()` is the JSON schema of the `model:` section of a spec file.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, model_validator

Adstock = Literal["geometric", "delayed", "weibull", "none"]
Saturation = Literal["hill", "logistic", "michaelis_menten", "frequency", "none"]
Sign = Literal["positive", "negative", "either"]

#: Kinds of driver, in the order in which tables list them.
DRIVER_KINDS = (
    *("media", "organic", "promotion", "price"),
    *("publicity", "seller", "agency", "control"),
)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Prior(_Frozen):
    """Normal prior on a parameter's unbounded scale (logit or log): `centre`, `spread` (sd)."""

    centre: float
    spread: PositiveFloat


class EffectPrior(_Frozen):
    """What is believed of a driver's effect before its sales are looked at.

    Attributes:
        on: `share` of the outcome, `roi` (outcome per unit of spend, times value per unit), or
            `coefficient` (outcome per unit of transformed exposure in units of its mean).
        median: of the log-normal prior (of its size, where the sign is negative); for a driver of
            either sign the standard deviation of the normal prior around zero.
        spread: standard deviation of the logarithm: 0.7 is "within a factor of 3, most likely".
    """

    on: Literal["share", "roi", "coefficient"] = "share"
    median: PositiveFloat
    spread: PositiveFloat = 1.0


class DriverSpec(_Frozen):
    """How one driver enters; what is not said is the default of its kind (`KIND_DEFAULTS`).

    Attributes:
        adstock: `geometric`, `delayed` (peak after some dates), `weibull` (holds geometric as a
            special case), `none`.
        saturation: `hill`, `logistic`, `michaelis_menten` (Hill of shape 1), `none`; `frequency`
            (reach times the Hill curve of frequency: the default where frequency is given).
        sign: of the effect. `either` is integrated out in closed form.
        effect: prior on its size; not said: from the share of spend.
        drifts: whether the effect moves slowly in time.
        reference: what counts as none of it: `zero`, or its `median` in the series (a price).
        echo: whether a linear driver also moves sales shortly before and after it runs: buyers who
            stock up or wait, dealers who order later. Not said: promotions by the day do.
    """

    adstock: Adstock | None = None
    saturation: Saturation | None = None
    sign: Sign | None = None
    effect: EffectPrior | None = None
    drifts: bool = False
    reference: Literal["zero", "median"] | None = None
    echo: bool | None = None


KIND_DEFAULTS: dict[str, DriverSpec] = {
    "media": DriverSpec(adstock="weibull", saturation="hill", sign="positive", reference="zero"),
    "organic": DriverSpec(adstock="weibull", saturation="hill", sign="positive", reference="zero"),
    "promotion": DriverSpec(adstock="none", saturation="none", sign="either", reference="zero"),
    "price": DriverSpec(adstock="none", saturation="none", sign="either", reference="median"),
    "publicity": DriverSpec(
        adstock="geometric", saturation="michaelis_menten", sign="either", reference="zero"
    ),
    "seller": DriverSpec(
        adstock="geometric", saturation="michaelis_menten", sign="positive", reference="zero"
    ),
    "agency": DriverSpec(
        adstock="geometric", saturation="michaelis_menten", sign="positive", reference="zero"
    ),
    "control": DriverSpec(adstock="none", saturation="none", sign="either", reference="median"),
}


class Baseline(_Frozen):
    """What sells without drivers.

    Attributes:
        trend: `piecewise` linear with a knot each `knot_days`, or a `local_level` whose level may
            move at every knot (a knot each four weeks).
        season_order: Fourier order of the yearly season; None: by length of the window.
        holidays: whether holidays have effects.
    """

    trend: Literal["piecewise", "local_level"] = "piecewise"
    knot_days: int = Field(default=182, ge=7)
    most_knots: int = Field(default=12, ge=0)
    season_order: int | None = Field(default=None, ge=0, le=26)
    holidays: bool = True


#: Most numbers a gradient goes over (drivers x series x dates) -> steps of warm-up, draws, and how
#: many walks there may be. Fewer than 600 draws a chain miss R-hat 1.01 by luck.
_STEPS = ((5_000, (150, 600, 4)), (100_000, (120, 600, 3)), (10**12, (150, 500, 1)))


class Sampling(_Frozen):
    """Length of the walk: `starts` ascents to the mode; `chains` of `warmup` and `draws` steps.

    Not said, their length goes by the size of the panel. While R-hat or effective draws miss their
    gates the walk goes on, up to `longer` times as long.
    """

    starts: int = Field(default=4, ge=1)
    chains: int = Field(default=4, ge=2)
    warmup: int | None = Field(default=None, ge=20)
    draws: int | None = Field(default=None, ge=20)
    longer: int | None = Field(default=None, ge=1)

    def lengths(self, numbers: int) -> tuple[int, int, int]:
        """Steps of warm-up and draws by chain, and how many times as long a walk may become, where
        a gradient goes over so many numbers."""
        usual = next(steps for most, steps in _STEPS if numbers <= most)
        return self.warmup or usual[0], self.draws or usual[1], self.longer or usual[2]


class MixSpec(_Frozen):
    """Settings of the mix model; the defaults are meant to be used (docs/reference/mix.md).

    Priors are weak and free of currency: the outcome is in units of its own mean, exposure in
    units of its own mean.

    Attributes:
        drivers: settings of single drivers, by name.
        interactions: pairs of drivers whose joint effect is more (or less) than their sum.
        engine: `bayes`, or `statsmodels` for the classical estimate on the same transforms.
        value_per_unit: money a unit of the outcome is worth, where the outcome is not money.
        before_window: exposure before the first date, where none is given: `nothing`, or
            `as_begun`: what the first four weeks had on average.
        media_share, media_spread: prior median share of the outcome of paid and organic drivers
            together, and the sd of its log: what is learned of one channel tells of all.
        effect_spread: sd of the log of a driver's share around its part of that by spend.
        adstock_week, adstock_day: logit of alpha, by grain.
        half_saturation: log of k relative to the exposure a driver has while it runs.
        shape: log of s.
        weibull_shape, delay: log of a Weibull's shape; logit of a delayed peak in half its reach.
        territory_spread: prior median of the sd of a driver's relative effect between
            territories (and products).
        drift_spread: the same for the drift of an effect, over a year.
        control_width, promotion_width, publicity_width: prior sd as a share of the mean outcome,
            per standard deviation of a control, per usual depth, per usual exposure.
    """

    drivers: dict[str, DriverSpec] = Field(default_factory=dict)
    interactions: tuple[tuple[str, str], ...] = ()
    engine: Literal["bayes", "statsmodels"] = "bayes"
    value_per_unit: PositiveFloat = 1.0
    before_window: Literal["nothing", "as_begun"] = "as_begun"
    media_share: float = Field(default=0.2, gt=0, lt=1)
    media_spread: PositiveFloat = 0.5
    effect_spread: PositiveFloat = 0.6
    adstock_week: Prior = Prior(centre=-0.5, spread=1.0)
    adstock_day: Prior = Prior(centre=1.2, spread=1.2)
    half_saturation: Prior = Prior(centre=0.4, spread=0.6)
    shape: Prior = Prior(centre=0.15, spread=0.3)
    weibull_shape: Prior = Prior(centre=0.0, spread=0.3)
    delay: Prior = Prior(centre=-1.0, spread=1.0)
    publicity_half_saturation: Prior = Prior(centre=1.0, spread=1.0)
    territory_spread: PositiveFloat = 0.15
    drift_spread: PositiveFloat = 0.3
    interaction_width: PositiveFloat = 0.3
    control_width: PositiveFloat = 0.3
    promotion_width: PositiveFloat = 0.5
    publicity_width: PositiveFloat = 0.3
    baseline: Baseline = Baseline()
    sampling: Sampling = Sampling()

    @model_validator(mode="after")
    def _pairs_differ(self) -> MixSpec:
        for first, second in self.interactions:
            if first == second:
                raise ValueError(f"interactions: {first!r} is paired with itself")
        return self

    def of(self, kind: str, name: str) -> DriverSpec:
        """Settings of a driver, complete: its own, else those of its kind."""
        default = KIND_DEFAULTS[kind]
        own = self.drivers.get(name, default)
        filled = {
            field: getattr(own, field)
            if getattr(own, field) is not None
            else getattr(default, field)
            for field in ("adstock", "saturation", "sign", "reference")
        }
        return own.model_copy(update=filled)


def log_normal(median: float, spread: float) -> Prior:
    """Prior on a logarithm from the median of the quantity."""
    return Prior(centre=float(np.log(median)), spread=spread)
