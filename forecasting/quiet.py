"""Prophet without its chatter."""

import importlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep Prophet's and cmdstanpy's per-fit chatter out of the caller's log."""
    names = ("prophet", "prophet.models", "prophet.plot", "cmdstanpy")
    loggers = [logging.getLogger(n) for n in names]
    before = [(lg, lg.level, lg.disabled) for lg in loggers]
    for lg in loggers:
        lg.disabled = True
    try:
        importlib.import_module("prophet")
        for lg in loggers:
            lg.disabled = True
        yield
    finally:
        for lg, level, disabled in before:
            lg.setLevel(level)
            lg.disabled = disabled
