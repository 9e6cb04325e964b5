"""Volume forecast: frames of one release in, a frozen result out. No file is read or written."""

from forecasting.errors import (
    BadValueError,
    DuplicateKeyError,
    EmptyLedgerError,
    ForecastError,
    HorizonError,
    MissingColumnError,
    MixedGrainError,
)
from forecasting.inputs import ForecastInputs, ForecastResult
from forecasting.stage import forecast

__all__ = [
    "BadValueError",
    "DuplicateKeyError",
    "EmptyLedgerError",
    "ForecastError",
    "ForecastInputs",
    "ForecastResult",
    "HorizonError",
    "MissingColumnError",
    "MixedGrainError",
    "forecast",
]
