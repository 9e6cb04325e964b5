"""Read-outs of experiments as likelihood terms on what a driver brought."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.mix.frames import Floats


@dataclass(frozen=True)
class ReadOut:
    """One experiment: what driver `at` brought in the cells of `worth`, with its standard error.

    `worth` (S, T) is what a relative unit is worth in the outcome's unit in treated cells, 0
    elsewhere. `effect` and `error` are in the outcome's unit.
    """

    name: str
    at: int
    worth: Floats
    effect: float
    error: float

    def add(self, brought: Floats, by_brought: Floats) -> float:
        """Log likelihood at `brought` (D, S, T); its gradient is added to `by_brought`."""
        away = (self.effect - float((self.worth * brought[self.at]).sum())) / self.error
        by_brought[self.at] += self.worth * (away / self.error)
        return -0.5 * away**2 - float(np.log(self.error))
