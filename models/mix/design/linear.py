"""Draws of the linear coefficients, which the posterior has integrated out."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from models.mix.design.baseline import Design
from models.mix.engine.collapsed import Fixed, Found
from models.mix.engine.noise import Noise
from models.mix.frames import Floats


def fix(design: Design, noise: Noise) -> Fixed:
    """The fixed columns of a design, whitened once."""
    shared = noise.whiten(design.shared)
    flat = shared.reshape(len(shared), -1)
    return Fixed(
        shared=np.ascontiguousarray(np.moveaxis(shared, 0, 1)),
        gram=flat @ flat.T,
        by_date=np.ascontiguousarray(shared.sum(axis=1)),
        own=np.ascontiguousarray(np.moveaxis(noise.whiten(design.own), 0, 1)),
        common=float(noise.common) if design.shared.shape[1] > 1 else 0.0,
        log_root=noise.log_root(design.shared.shape[2]),
    )


def draw(found: Found, size: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """One draw of shared (P,) and own (S, K) coefficients from their joint posterior."""
    noise = rng.standard_normal(len(found.factor))
    moved = lapack.dtrtrs(found.factor, noise, lower=1, trans=1)[0]
    if found.own_mean.size and not found.lean.size:  # own coefficients stand beside shared ones
        return found.mean[:size] + moved[:size], found.own_mean + moved[size:].reshape(
            found.own_mean.shape
        )
    own = found.own_mean - found.lean @ moved
    if found.own_root.shape[1]:
        fresh = rng.standard_normal((*found.own_root.shape[:2], 1))
        own = own + (found.own_root.transpose(0, 2, 1) @ fresh)[:, :, 0]
    return found.mean[:size] + moved[:size], own
