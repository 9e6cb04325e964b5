"""The exact removal effects, by solving the chain again without each channel: slow and plain."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]


def effects(frame: pd.DataFrame, order: int) -> pd.Series:
    """Removal effect by channel of paths whose states are the last `order` touches."""
    counts: dict[tuple[tuple[str, ...], tuple[str, ...] | str], float] = {}
    walked = frame.groupby("path", sort=False)[["conversions", "nulls"]].sum()
    for path, sold, lost in walked.itertuples():
        state: tuple[str, ...] = ()
        for touch in path.split(" > "):
            after = (*state, touch)[-order:]
            counts[state, after] = counts.get((state, after), 0.0) + sold + lost
            state = after
        for end, people in (("sold", sold), ("lost", lost)):
            counts[state, end] = counts.get((state, end), 0.0) + people
    states = sorted({source for source, _ in counts})
    at = {state: i for i, state in enumerate(states)}
    moves, sold_at = np.zeros((len(states), len(states))), np.zeros(len(states))
    whole = np.zeros(len(states))
    for (source, target), people in counts.items():
        whole[at[source]] += people
        if target == "sold":
            sold_at[at[source]] += people
        elif isinstance(target, tuple):
            moves[at[source], at[target]] += people
    chance, converts = moves / whole[:, None], sold_at / whole
    usual = _reached(chance, converts)[at[()]]
    channels = sorted({state[-1] for state in states if state})
    found = {}
    for channel in channels:
        kept = [i for i, state in enumerate(states) if not state or state[-1] != channel]
        reached = _reached(chance[np.ix_(kept, kept)], converts[kept])
        found[channel] = 1.0 - reached[kept.index(at[()])] / usual
    return pd.Series(found)


def _reached(chance: Floats, converts: Floats) -> Floats:
    out: Floats = np.linalg.solve(np.eye(len(chance)) - chance, converts)
    return out
