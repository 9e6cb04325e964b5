"""Echoes: what a promotion does to sales before and after it runs.

Buyers stock up while it lasts and buy less afterwards (pull-forward), wait for one that is
announced, and dealers order when their shelves are empty: days later. Left out of the model, the
first takes credit that is not a promotion's, the last withholds credit that is.
"""

from __future__ import annotations

import numpy as np

from models.mix.frames import Floats

#: Dates since a promotion ran whose sales it may move, by grain: (from, to), negative where it is
#: still to come. A month holds its own echoes.
ECHOES: dict[str, tuple[tuple[int, int], ...]] = {
    "day": ((1, 7), (8, 14), (15, 21), (-7, -1)),
    "week": ((1, 1), (2, 2), (3, 3), (-1, -1)),
    "month": (),
}


def echoed(exposure: Floats, since: tuple[int, int]) -> Floats:
    """Mean exposure over the dates that ran `since` dates ago, (S, B + T) like `exposure`.

    Dates before the first and after the last have none.
    """
    first, last = since
    length = exposure.shape[1]
    out = np.zeros_like(exposure)
    for lag in range(first, last + 1):
        if abs(lag) >= length:
            continue
        if lag > 0:
            out[:, lag:] += exposure[:, :-lag]
        else:
            out[:, :lag] += exposure[:, -lag:]
    return out / (last - first + 1)
