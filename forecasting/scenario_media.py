"""What two plans differ by in the drivers of a mix result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecasting.calibrating import PATHS
from forecasting.grid import Bools, Floats
from forecasting.media import Media
from forecasting.replanning import Under


@dataclass(frozen=True)
class MediaChange:
    """Media of the plan compared with (`before`) and of the other (`after`), added to forecasts
    of the plans in between (`unders`): as before in all of them, then changed last. `named` (D,):
    drivers that are told, where these series are a part of a frame; None: those that change."""

    before: Media
    after: Media
    unders: Sequence[Under]
    named: Bools | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        return self.before.labels

    def first(self, base: Floats, number: int) -> Floats:
        """(S, H) the forecast of a plan in between, with media as before."""
        return np.round(self.before.on(base, self.unders[number].shut), 2)

    def last(self, base: Floats, number: int) -> Floats:
        """(S, H) with media as after."""
        return np.round(self.after.on(base, self.unders[number].shut), 2)

    def parts(self, whole: Floats, number: int) -> Floats:
        """(D, S, H) of the change `whole` (S, H) of media; what the floor at zero keeps is shared
        by the size of parts."""
        parts = self._moved(number)
        size = np.abs(parts)
        total = size.sum(axis=0)
        share = np.where(total > 0, size / np.where(total > 0, total, 1.0), 0.0)
        # Rounding of the two forecasts to cents is no part of media: it goes with the floor.
        return np.asarray(parts + share * (whole - parts.sum(axis=0)))

    def changed(self, number: int) -> Bools:
        """(D,) drivers that the plans tell differently."""
        if self.named is not None:
            return self.named
        return np.asarray(np.abs(self._moved(number)).max(axis=(1, 2)) > 0)

    def closed(self, rows: npt.NDArray[np.intp]) -> Floats:
        """(plans, rows, H) what media no longer bring where a plan in between closes."""
        brought = np.stack([self.before.parts(u.shut).sum(axis=0)[rows] for u in self.unders])
        return np.asarray(brought - brought[0])

    def draws(self, rows: npt.NDArray[np.intp], number: int, seed: int) -> Floats:
        """(D, rows, PATHS, H) draws of each driver's change.

        The same draw of the mix stands for both plans, so what is not known of history's level
        falls out. The mix's draws are of all drivers together: what they add to the mean is shared
        by the size of each driver's change.
        """
        parts = self._moved(number)[:, rows]
        order = np.random.default_rng([seed, 3]).permutation(len(self.before.swings))
        picked = np.resize(order, PATHS)
        size = np.abs(parts)
        total = size.sum(axis=0)
        share = np.where(total > 0, size / np.where(total > 0, total, 1.0), 0.0)
        out = np.empty((len(parts), len(rows), PATHS, parts.shape[2]))
        for place, row in enumerate(rows):
            cell = self.before.cells[row]
            swing = (self.after.swings - self.before.swings)[picked, cell] * self.before.share[row]
            out[:, place] = parts[:, place, None] + share[:, place, None] * swing
        return out

    def _moved(self, number: int) -> Floats:
        shut = self.unders[number].shut
        return np.asarray(self.after.parts(shut) - self.before.parts(shut))
