"""What can be wrong with a version, or with what is asked of one; one sentence for a person."""

from forecasting.errors import ForecastError


class VersionError(ForecastError):
    """The version cannot be made, moved or read; the message says what to do."""


class OverrideError(VersionError):
    """The override cannot be entered or applied; the message says what to change."""
