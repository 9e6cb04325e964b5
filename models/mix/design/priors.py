"""What is believed before the outcome is looked at: one prior a nonlinear parameter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.errors import MissingColumnError
from models.mix.design.baseline import effect_width, linear_exposure, window_offset
from models.mix.engine.transforms import CARRY, FILL, FREQUENCY, HILL, carry_over, fill_up
from models.mix.frames import Floats
from models.mix.panel import Driver, Panel
from models.mix.spec import DriverSpec, EffectPrior, MixSpec, Prior, log_normal

#: Dates that carry-over of finite reach looks back, by grain.
LAGS = {"day": 56, "week": 13, "month": 4}
#: Kinds whose sizes share a common level.
POOLED_KINDS = ("media", "organic")
#: Prior median of a Weibull's scale, in dates.
_WEIBULL_SCALE = {"day": 5.0, "week": 1.2, "month": 0.5}


@dataclass(frozen=True)
class Entry:
    """One transformed driver: its exposure in units of its mean, its forms, priors and size.

    `exposure` (S, B + T), `start` (S,) in units of `unit`; `often` the mean frequency, 0 where it
    does not count. `sign` is 1, -1 or 0 (either: its
    coefficient is integrated out, with prior sd `width`, and its column is f / `usual`).
    `normalised`: size is the share of the outcome; else outcome per unit of f. `pooled`: the common
    level of media adds to the log of the size. `places` (5,) of
    its parameters among its own priors, -1 for none.
    """

    driver: Driver
    settings: DriverSpec
    exposure: Floats
    start: Floats
    unit: float
    often: float
    sign: int
    normalised: bool
    pooled: bool
    width: float
    usual: float
    carry: int
    fill: int
    places: tuple[int, int, int, int, int]
    priors: tuple[Prior, ...]
    names: tuple[str, ...]


def settings_of(driver: Driver, spec: MixSpec) -> DriverSpec:
    """A driver's settings: where its frequency is given it saturates by that, if not said else.

    Raises:
        MissingColumnError: it is to saturate by a frequency that is not given.
    """
    settings = spec.of(driver.kind, driver.name)
    own = spec.drivers.get(driver.name)
    if driver.frequency is not None and (own is None or own.saturation is None):
        return settings.model_copy(update={"saturation": "frequency"})
    if driver.frequency is None and settings.saturation == "frequency":
        raise MissingColumnError(
            f"The driver {driver.name!r} is to saturate by frequency, which the drivers lack: give "
            "the column frequency, with reach for exposure, or another saturation."
        )
    return settings


def transformed(driver: Driver, spec: MixSpec) -> bool:
    """Whether a driver needs nonlinear parameters (or a sign)."""
    settings = settings_of(driver, spec)
    paired = any(driver.name in pair for pair in spec.interactions)
    linear = settings.adstock == "none" and settings.saturation == "none"
    return paired or settings.drifts or not linear or settings.sign != "either"


class _Places:
    """Priors of one driver, each at its place among the five parameters."""

    def __init__(self) -> None:
        self.priors: list[Prior] = []
        self.names: list[str] = []
        self.at = [-1] * 5

    def add(self, place: int, name: str, prior: Prior) -> None:
        self.at[place] = len(self.priors)
        self.priors.append(prior)
        self.names.append(name)

    def centre(self, place: int) -> float:
        return self.priors[self.at[place]].centre if self.at[place] >= 0 else 0.0


def enter(driver: Driver, panel: Panel, spec: MixSpec, default_share: float) -> Entry:
    """A driver with everything the posterior needs to know of it."""
    settings = settings_of(driver, spec)
    exposure, start, unit = _in_units(driver, panel, spec, settings)
    often = 0.0
    if driver.frequency is not None and settings.saturation == "frequency":
        often = float(driver.frequency[driver.frequency > 0].mean())
    ahead = driver.per_head.shape[1] - len(panel.dates)
    # What reach met before the window is not known: nothing.
    if often or (spec.before_window == "nothing" and ahead == 0):
        start = np.zeros_like(start)

    places = _Places()
    _believe_carry_over(places, settings, panel.grain, spec)
    carry, fill = CARRY[settings.adstock or "none"], FILL[settings.saturation or "none"]
    lags = LAGS[panel.grain]
    running = _carried(carry, places, lags, exposure, start)[:, ahead:]
    if often and driver.frequency is not None:
        running = driver.frequency[driver.frequency > 0][None] / often
    usual = _running(running)
    if fill:
        half = (
            spec.publicity_half_saturation if driver.kind == "publicity" else spec.half_saturation
        )
        centre = half.centre + float(np.log(usual))
        places.add(2, "half_saturation", Prior(centre=centre, spread=half.spread))
    if fill in (HILL, FREQUENCY):
        places.add(3, "shape", spec.shape)
    if often and driver.frequency is not None:
        met = exposure * _filled(HILL, places, driver.frequency / often)
        filled = _carried(carry, places, lags, met, start)
    else:
        filled = _filled(fill, places, _carried(carry, places, lags, exposure, start))
    weight = panel.size[:, None] / (panel.size.sum() * len(panel.dates))
    filled = filled[:, ahead:]
    level = float((weight * filled).sum())

    effect = settings.effect
    sign = {"positive": 1, "negative": -1, "either": 0}[settings.sign or "either"]
    width, normalised = 0.0, False
    if sign:
        normalised = settings.reference == "zero" and (effect is None or effect.on != "coefficient")
        size = _size(effect, driver, panel, spec, default_share, normalised=normalised, level=level)
        places.add(4, "share" if normalised else "coefficient", size)
    else:
        level = max(abs(level) if settings.reference == "zero" else 1.0, 1e-9)
        width = _open_width(driver, panel, spec, effect, filled=filled, level=level, usual=usual)
    return Entry(
        driver=driver,
        settings=settings,
        exposure=np.ascontiguousarray(exposure),
        start=start,
        unit=unit,
        often=often,
        sign=sign,
        normalised=normalised,
        pooled=bool(sign) and effect is None and driver.kind in POOLED_KINDS,
        width=width,
        usual=level,
        carry=carry,
        fill=fill,
        places=(places.at[0], places.at[1], places.at[2], places.at[3], places.at[4]),
        priors=tuple(places.priors),
        names=tuple(places.names),
    )


def _in_units(
    driver: Driver, panel: Panel, spec: MixSpec, settings: DriverSpec
) -> tuple[Floats, Floats, float]:
    """Exposure (S, B + T) and what was before it (S,), in units of what the unit (last) is."""
    if settings.saturation == "none":
        _, unit = linear_exposure(panel, driver, spec)
        offset = window_offset(driver, panel, spec)
        return (driver.per_head - offset) / unit, (driver.start - offset[:, 0]) / unit, unit
    ahead = driver.per_head.shape[1] - len(panel.dates)
    unit = float(driver.per_head[:, ahead:].mean())
    return driver.per_head / unit, driver.start / unit, unit


def _believe_carry_over(places: _Places, settings: DriverSpec, grain: str, spec: MixSpec) -> None:
    if settings.adstock in ("geometric", "delayed"):
        places.add(0, "alpha", spec.adstock_day if grain == "day" else spec.adstock_week)
    if settings.adstock == "delayed":
        places.add(1, "peak", spec.delay)
    if settings.adstock == "weibull":
        places.add(0, "scale", log_normal(_WEIBULL_SCALE[grain], 0.8))
        places.add(1, "carry_shape", spec.weibull_shape)


def _open_width(
    driver: Driver,
    panel: Panel,
    spec: MixSpec,
    effect: EffectPrior | None,
    *,
    filled: Floats,
    level: float,
    usual: float,
) -> float:
    """Prior sd of the coefficient of f / level, for a driver of open sign."""
    if effect is not None:
        return effect_width(panel, driver, effect, filled / level, spec)
    if driver.kind in ("control", "price"):
        return spec.control_width
    if driver.kind == "promotion":
        return spec.promotion_width * level
    return spec.publicity_width / usual


def _size(
    effect: EffectPrior | None,
    driver: Driver,
    panel: Panel,
    spec: MixSpec,
    default_share: float,
    *,
    normalised: bool,
    level: float,
) -> Prior:
    """Prior on the log of a signed driver's size: its share, or outcome per unit of f."""
    if effect is not None and effect.on == "coefficient":
        return log_normal(effect.median / panel.scale, effect.spread)
    if not normalised:
        if effect is None:
            return log_normal(0.5 * spec.control_width, 1.0)
        return log_normal(effect.median / max(abs(level), 1e-9), effect.spread)
    if effect is None:
        return log_normal(default_share, spec.effect_spread)
    if effect.on == "share":
        return log_normal(effect.median, effect.spread)
    total = abs(float(panel.outcome.sum())) * spec.value_per_unit
    spend = driver.spend_cents / 100
    return log_normal(effect.median * max(spend, 1e-9) / total, effect.spread)


def default_shares(drivers: list[Driver], spec: MixSpec) -> Floats:
    """Prior median share of the outcome by driver: by spend; without, the mean of the others."""
    spend = np.array([max(d.spend_cents, 0) for d in drivers], dtype=np.float64)
    paid = spend > 0
    parts = np.where(paid, spend, spend[paid].mean() if paid.any() else 1.0)
    out: Floats = spec.media_share * parts / max(float(parts.sum()), 1e-300)
    return out


def _running(exposure: Floats) -> float:
    """Exposure a driver has while it runs, in units of its mean: bursts are larger than 1."""
    total = float(np.abs(exposure).mean())
    return float((exposure**2).mean()) / total**2 if total > 0 else 1.0


def _carried(carry: int, places: _Places, lags: int, exposure: Floats, start: Floats) -> Floats:
    """Carried-over exposure at the prior's centre, (S, B + T)."""
    out = np.empty(exposure.shape)
    for s in range(len(out)):
        row = np.ascontiguousarray(exposure[s])
        carry_over(carry, places.centre(0), places.centre(1), lags, row, float(start[s]), out[s])
    return out


def _filled(fill: int, places: _Places, carried: Floats) -> Floats:
    """Saturation at the prior's centre, like `carried`."""
    out = np.empty(carried.shape)
    for s in range(len(out)):
        fill_up(fill, places.centre(2), places.centre(3), np.ascontiguousarray(carried[s]), out[s])
    return out
