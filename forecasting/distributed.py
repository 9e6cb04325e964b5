"""Parts of a large forecast on an engine that is there already: Spark, Dask, Ray, through fugue.

A part is sent as one row, and its forecast comes back as one row; what makes it is
`many.forecast_part`, as anywhere else. Rows hold pickled objects: they are made and read by this
project's own code, between a driver and its own workers. Workers need the project installed, in the
driver's versions, or forecasts differ in their last digits.
"""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from forecasting.errors import ForecastError
from forecasting.many import Part, Run, Task, forecast_part

_SCHEMA = "number:long,part:binary"


def on_engine(engine: Any = None, conf: dict[str, Any] | None = None) -> Run:
    """What makes parts for `many.forecast_many(..., run=on_engine(spark))`.

    Args:
        engine: a SparkSession, a Dask or Ray client, or anything that fugue takes for an engine;
            None: fugue's native one, in this process.
        conf: fugue's settings for the engine.

    Raises:
        ForecastError: fugue is not installed.
    """
    try:
        fugue = importlib.import_module("fugue.api")
    except ImportError as error:
        raise ForecastError(
            "Forecasts on another engine need fugue: install liftcast[spark]."
        ) from error

    def run(tasks: Iterator[Task]) -> Iterable[Part]:
        rows = [(task.number, pickle.dumps(task)) for task in tasks]
        frame = pd.DataFrame(rows, columns=["number", "part"])
        made = fugue.transform(
            frame,
            _forecast,
            schema=_SCHEMA,
            # A part is one row: a partition each, so that no worker holds two at once.
            partition={"by": ["number"]},
            engine=engine,
            engine_conf=conf,
            as_local=True,
        )
        local = fugue.as_pandas(made)
        return [pickle.loads(bytes(cell)) for cell in local["part"]]  # noqa: S301 - our own rows

    return run


def _forecast(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of tasks in, rows of parts out; runs where the engine puts it."""
    made = [
        pickle.dumps(forecast_part(pickle.loads(bytes(cell))))  # noqa: S301 - our own rows
        for cell in frame["part"]
    ]
    return pd.DataFrame({"number": frame["number"].to_numpy(), "part": made})
