"""What really brought the sales: the answer sheet of the simulated company."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simulation.markets import Stage
from simulation.response import Array

Key = tuple[str, str]


class Parameter(NamedTuple):
    """One true number; `territory_id` is empty where it holds everywhere."""

    kind: str
    driver: str
    territory_id: str
    parameter: str
    value: float


@dataclass(frozen=True)
class Driver:
    """One driver of sales: contribution in EUR, days x territories, and what was paid for it."""

    kind: str
    driver: str
    contribution: Array
    spend_eur: float
    parameters: dict[str, float]
    territory_effect: Array

    @property
    def key(self) -> Key:
        """(kind, driver): a medium and a promotion may share a name."""
        return self.kind, self.driver


@dataclass(frozen=True)
class DriverTruth:
    """What a driver cost and brought over the window, EUR; `roi` is None without spend."""

    kind: str
    driver: str
    spend_eur: float
    contribution_eur: float
    roi: float | None


@dataclass(frozen=True)
class Component:
    """What one marketing department leaves behind: raw rows, plan rows, and its drivers."""

    rows: pd.DataFrame
    plan: pd.DataFrame
    drivers: tuple[Driver, ...]


@dataclass(frozen=True)
class Truth:
    """Contributions in whole EUR cents, days x territories, summing to the ledger."""

    cents: dict[Key, NDArray[np.int64]]
    spend_eur: dict[Key, float] = field(default_factory=dict)

    def contributions(self, stage: Stage) -> pd.DataFrame:
        """One row per day, territory, kind and driver."""
        keys = list(self.cents)
        days, width = stage.days, len(stage.territories)
        cube = np.stack([self.cents[key] for key in keys], axis=2)
        each_cell = len(keys)
        return pd.DataFrame(
            {
                "date_day": np.repeat(stage.dates[:days], width * each_cell),
                "territory_id": np.tile(
                    np.repeat([t.territory_id for t in stage.territories], each_cell), days
                ),
                "kind": np.tile([kind for kind, _ in keys], days * width),
                "driver": np.tile([driver for _, driver in keys], days * width),
                "contribution_eur": cube.ravel() / 100.0,
            }
        )

    def summary(self) -> list[DriverTruth]:
        """One entry per kind and driver over the whole window; no ROI where nothing was spent."""
        entries = []
        for (kind, driver), cents in self.cents.items():
            spend = self.spend_eur.get((kind, driver), 0.0)
            total = int(cents.sum()) / 100.0
            roi = round(total / spend, 6) if spend > 0 else None
            entries.append(DriverTruth(kind, driver, round(spend, 2), total, roi))
        return entries


def whole_cents(eur: Array) -> NDArray[np.int64]:
    """EUR amounts as whole cents."""
    return np.rint(eur * 100.0).astype(np.int64)


def parameter_table(
    stage: Stage, drivers: list[Driver], baseline: dict[str, float]
) -> pd.DataFrame:
    """Every number the contributions were made with."""
    rows = [Parameter("baseline", "baseline", "", name, value) for name, value in baseline.items()]
    for driver in drivers:
        rows += [
            Parameter(driver.kind, driver.driver, "", name, value)
            for name, value in driver.parameters.items()
        ]
        rows += [
            Parameter(driver.kind, driver.driver, t.territory_id, "territory_effect", float(effect))
            for t, effect in zip(stage.territories, driver.territory_effect, strict=True)
        ]
    table = pd.DataFrame(rows, columns=Parameter._fields)
    table["value"] = table["value"].round(9)
    return table
