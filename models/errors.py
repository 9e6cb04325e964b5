"""Errors an estimator raises before it estimates anything."""

from __future__ import annotations


class ModelInputError(ValueError):
    """The input frames cannot be estimated on; the message says what, where and what to do."""


class MissingColumnError(ModelInputError):
    """A frame lacks a column its contract names."""


class EmptyFrameError(ModelInputError):
    """A frame that must have rows has none."""


class DuplicateKeyError(ModelInputError):
    """Two rows share a key."""


class DateGapError(ModelInputError):
    """A series does not hold every date of the window exactly once."""


class NotFiniteError(ModelInputError):
    """A number is missing, infinite or not a number."""


class UnknownTerritoryError(ModelInputError):
    """A territory is used that the territories frame (or the outcome) does not hold."""


class UnknownKindError(ModelInputError):
    """A driver or a grain is of a kind the model does not know."""


class TooFewRowsError(ModelInputError):
    """There are fewer observations than parameters to estimate."""


class ExperimentError(ModelInputError):
    """An experiment does not fit the panel: its dates, territories, driver or unit."""
