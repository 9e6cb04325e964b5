"""How many touches a journey remembers: the order that predicts held-out journeys best."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.errors import ModelInputError
from models.journeys.markov import graph
from models.journeys.paths import Floats, Paths

#: Added to every count of what may come next: Krichevsky & Trofimov (1981).
ALPHA = 0.5


def choose_order(paths: Paths, up_to: int = 4, folds: int = 5, seed: int = 0) -> pd.DataFrame:
    """Held-out log-likelihood of every order, summed over folds.

    People are dealt to `folds` folds at random (a path walked by many is split between folds). Of
    each fold the moves, ends included, are predicted from counts of the others: the next of C
    channels, conversion or null has the probability (count + 1/2) / (total + (C + 2) / 2).

    Returns:
        order, states, loglik, is_chosen (the first order of highest loglik). Orders above the
        longest path, or of more states than `graph` takes, are left out.

    Raises:
        ModelInputError: fewer than one order or two folds, or order 1 has too many states.
    """
    if up_to < 1 or folds < 2:
        raise ModelInputError(
            f"up_to is {up_to} and folds {folds}; expected an order of 1 or more and 2 folds or "
            "more."
        )
    rng = np.random.default_rng(seed)
    converted = _dealt(paths.conversions, folds, rng)
    nulls = _dealt(paths.nulls, folds, rng)
    table: list[dict[str, float]] = []
    for order in range(1, min(up_to, int(paths.lengths.max())) + 1):
        try:
            shape = graph(paths, order)
        except ModelInputError:
            if order == 1:
                raise
            break  # higher orders have more states still
        size = len(shape.last)
        held = np.stack(
            [
                np.r_[
                    np.bincount(shape.move, (converted + nulls)[fold][paths.rows]),
                    np.bincount(shape.exit, converted[fold], minlength=size),
                    np.bincount(shape.exit, nulls[fold], minlength=size),
                ]
                for fold in range(folds)
            ]
        )
        source = np.r_[shape.source, np.arange(size), np.arange(size)]
        trained = held.sum(axis=0) - held
        leaving = np.stack([np.bincount(source, counts, minlength=size + 1) for counts in trained])
        outcomes = len(paths.channels) + 2
        chance = (trained + ALPHA) / (leaving[:, source] + ALPHA * outcomes)
        table.append(
            {"order": order, "states": size, "loglik": float((held * np.log(chance)).sum())}
        )
    frame = pd.DataFrame(table)
    frame["is_chosen"] = frame.index == int(np.argmax(frame["loglik"]))
    return frame


def _dealt(counts: Floats, folds: int, rng: np.random.Generator) -> Floats:
    """Counts split at random, shape (folds, n); what is no whole person goes to one fold."""
    whole = np.floor(counts).astype(np.int64)
    dealt = rng.multinomial(whole, np.full(folds, 1 / folds)).T.astype(np.float64)
    dealt[rng.integers(folds, size=len(counts)), np.arange(len(counts))] += counts - whole
    return dealt
