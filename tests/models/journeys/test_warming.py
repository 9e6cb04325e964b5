"""Compiling ahead: nothing is left to compile for whoever comes first."""

from __future__ import annotations

from models.journeys import chains, kernels, warming


def test_every_loop_that_python_calls_is_compiled_by_the_small_examples() -> None:
    warming.main()

    called = {
        *(kernels._filled, kernels._split, kernels._grouped, kernels._walked),
        *(chains.follow, chains.resample),
    }
    assert [loop.__name__ for loop in called if not loop.signatures] == []
