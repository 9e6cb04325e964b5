"""The transformed drivers of a panel: their parameters, and the columns they move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.mix.design.baseline import YEAR_DAYS, Column
from models.mix.design.priors import LAGS, Entry
from models.mix.engine.effects import Drivers, Parts, State, columns, forward, signed_sum
from models.mix.frames import Floats
from models.mix.panel import Panel
from models.mix.spec import MixSpec, Prior

#: Days between moves of a drifting effect.
_DRIFT_DAYS = 91
#: Kinds whose effect is taken to be the same everywhere.
_SAME_EVERYWHERE = ("control", "price")
#: Spread of an open effect between series, in units of its own prior.
_OPEN_SPREAD = 0.3


@dataclass(frozen=True)
class Dynamic:
    """A linear column that depends on nonlinear parameters: `part` of drivers `first`, `second`."""

    column: Column
    part: str
    first: int
    second: int = -1
    modulator: Floats | None = None


class Response:
    """Transformed drivers of a panel as functions of the raw parameter vector.

    Args:
        entries: the drivers; their parameters come first in the raw vector, in this order.
    """

    def __init__(self, panel: Panel, entries: tuple[Entry, ...], spec: MixSpec) -> None:
        self.entries, self.panel = entries, panel
        self.count, self.dates = len(panel.territories), len(panel.dates)
        self.priors: list[Prior] = []
        self.names: list[tuple[str, str, str]] = []
        table = np.full((len(entries), 5), -1, dtype=np.int64)
        for d, entry in enumerate(entries):
            for place, at in enumerate(entry.places):
                if at >= 0:
                    table[d, place] = len(self.priors) + at
            self.priors += entry.priors
            self.names += [(entry.driver.kind, entry.driver.name, name) for name in entry.names]
        if any(entry.pooled for entry in entries):
            self.priors.append(Prior(centre=0.0, spread=spec.media_spread))
            self.names.append(("media", "all", "level"))
        weight = np.repeat(panel.size[:, None], self.dates, axis=1)
        self.drivers = Drivers(
            table=table,
            carry=np.array([e.carry for e in entries], dtype=np.int64),
            fill=np.array([e.fill for e in entries], dtype=np.int64),
            lags=LAGS[panel.grain],
            exposure=self._exposure(),
            start=np.array([e.start for e in entries]).reshape(len(entries), self.count),
            sign=np.array([e.sign for e in entries], dtype=np.float64),
            normalised=np.array([e.normalised for e in entries], dtype=np.float64),
            usual=np.array([e.usual for e in entries], dtype=np.float64),
            weight=weight / weight.sum(),
            pooled=np.array([e.pooled for e in entries], dtype=np.float64),
            level_at=len(self.priors) - 1,
            frequency=self._frequency(),
        )
        self.shared = tuple(self._open() + self._drifts(spec) + self._pairs(spec))
        self.own = tuple(self._deviations()) if self.count > 1 else ()
        self.shared_parts, self.own_parts = (
            _parts(self.shared, self.dates),
            _parts(self.own, self.dates),
        )

    def _exposure(self) -> Floats:
        entries = self.entries
        ahead = max((e.exposure.shape[1] - self.dates for e in entries), default=0)
        out = np.empty((len(entries), self.count, ahead + self.dates))
        for d, entry in enumerate(entries):
            out[d] = entry.start[:, None]
            out[d, :, ahead + self.dates - entry.exposure.shape[1] :] = entry.exposure
        return out

    def _frequency(self) -> Floats:
        """Frequency in units of its mean, of drivers that saturate by it; no dates where none."""
        whole = self._exposure().shape[2] if any(e.often for e in self.entries) else 0
        out = np.zeros((len(self.entries), self.count, whole))
        for d, entry in enumerate(self.entries):
            if entry.often and entry.driver.frequency is not None:
                out[d, :, whole - entry.driver.frequency.shape[1] :] = entry.driver.frequency
                out[d] /= entry.often
        return out

    def _column(self, d: int, width: float, group: str | None = None) -> Column:
        entry = self.entries[d]
        return Column(entry.driver.kind, entry.driver.name, width, group, entry.unit)

    def _open(self) -> list[Dynamic]:
        return [
            Dynamic(self._column(d, entry.width), "effect", d)
            for d, entry in enumerate(self.entries)
            if not entry.sign
        ]

    def _drifts(self, spec: MixSpec) -> list[Dynamic]:
        # Of the whole span, so that a panel cut short has the same columns.
        span = self.panel.dates if self.panel.span is None else self.panel.span
        days = (span - span[0]).days.to_numpy(dtype=np.float64)
        moves = max(1, int(days[-1] // _DRIFT_DAYS))
        step = days[-1] / moves
        out = []
        for d, entry in enumerate(self.entries):
            if not entry.settings.drifts:
                continue
            width = spec.drift_spread * float(np.sqrt(step / YEAR_DAYS)) * (entry.width or 1.0)
            for move in range(moves):
                ramp = np.clip((days - move * step) / step, 0.0, 1.0)
                part = Dynamic(
                    self._column(d, width), "drift", d, modulator=(ramp - ramp.mean())[: self.dates]
                )
                out.append(part)
        return out

    def _pairs(self, spec: MixSpec) -> list[Dynamic]:
        at = {entry.driver.name: d for d, entry in enumerate(self.entries)}
        return [
            Dynamic(
                Column("interaction", f"{first} x {second}", spec.interaction_width),
                "interaction",
                at[first],
                at[second],
            )
            for first, second in spec.interactions
            if first in at and second in at
        ]

    def _deviations(self) -> list[Dynamic]:
        return [
            Dynamic(
                self._column(d, 1.0, "effect")
                if entry.sign
                else self._column(d, _OPEN_SPREAD * entry.width),
                "deviation",
                d,
            )
            for d, entry in enumerate(self.entries)
            if entry.driver.kind not in _SAME_EVERYWHERE
        ]

    def forward(self, raw: Floats) -> State:
        """Every driver at raw parameters."""
        return forward(raw, self.drivers, self.dates)

    def signed_sum(self, state: State) -> Floats:
        """What all drivers of a known sign bring, (S, T)."""
        return signed_sum(self.drivers, state)

    def shared_columns(self, state: State) -> Floats:
        """Dynamic columns with one coefficient for all series, (Pd, S, T)."""
        return columns(self.drivers, state, self.shared_parts)

    def own_columns(self, state: State) -> Floats:
        """Dynamic columns with a coefficient for each series, (Kd, S, T)."""
        return columns(self.drivers, state, self.own_parts)


def _parts(found: tuple[Dynamic, ...], dates: int) -> Parts:
    modulators = [d.modulator for d in found if d.modulator is not None]
    places, at = [], 0
    for dynamic in found:
        places.append(-1 if dynamic.modulator is None else at)
        at += dynamic.modulator is not None
    return Parts(
        first=np.array([d.first for d in found], dtype=np.int64),
        second=np.array([d.second for d in found], dtype=np.int64),
        modulator=np.array(places, dtype=np.int64),
        modulators=np.array(modulators).reshape(-1, dates),
    )
