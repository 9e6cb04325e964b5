"""Random streams by name: what one component draws never shifts what another draws."""

from zlib import crc32

import numpy as np


class Streams:
    """Independent generators of one seed, each with a name of its own.

    A name is a path of words, hashed into the spawn key of a `numpy.random.SeedSequence`. That is
    what `SeedSequence.spawn` does with counters; names instead of counters mean that a component
    added later leaves every stream before it as it was.
    """

    def __init__(self, seed: int) -> None:
        if seed < 0:
            raise ValueError(f"A simulation seed is 0 or more, got {seed}; choose another seed.")
        self._seed = seed

    def __call__(self, *name: str) -> np.random.Generator:
        """A fresh generator at the beginning of the stream called `name`."""
        key = tuple(crc32(word.encode()) for word in name)
        sequence = np.random.SeedSequence(self._seed, spawn_key=key)
        return np.random.Generator(np.random.PCG64(sequence))
