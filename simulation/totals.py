"""What the months of a company add up to, beside what has been written down."""

from dataclasses import dataclass

import numpy as np

from simulation.desk import TRACKED
from simulation.opportunities import Agencies, Won
from simulation.response import Whole
from simulation.scene import Scene


@dataclass
class Totals:
    """Filled month by month.

    `booked_eur` is the company's ledger converted line by line, in cents, days x territories x
    products. `first_seen` is the day of each customer's first known order. `caused` holds orders,
    units and EUR cents by [customer known or not, cause].
    """

    booked_eur: Whole
    first_seen: Whole
    caused: Whole
    won: Won
    agencies: Agencies

    @classmethod
    def of(cls, scene: Scene) -> "Totals":
        """Nothing yet."""
        stage = scene.stage
        cells = (stage.days, stage.width)
        return cls(
            booked_eur=np.zeros((*cells, scene.catalogue.size), dtype=np.int64),
            first_seen=np.full(int(scene.desk.customers[-1]), stage.days, dtype=np.int64),
            caused=np.zeros((2, len(TRACKED) + 1, 3), dtype=np.int64),
            won=Won(),
            agencies=Agencies(np.zeros(cells), np.zeros(cells)),
        )
