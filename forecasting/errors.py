"""What can be wrong with a request for a forecast; each message is one sentence for a person."""


class ForecastError(ValueError):
    """The forecast cannot be made from what was given; the message says what to change."""


class MissingColumnError(ForecastError):
    """An input frame lacks a column of its contract."""


class BadValueError(ForecastError):
    """A cell holds something its column cannot mean: text in a number, no date, an empty key."""


class DuplicateKeyError(ForecastError):
    """Two rows of an input frame share the key that must tell them apart."""


class MixedGrainError(ForecastError):
    """Rows of a weekly lake do not all start on the same day of the week."""


class EmptyLedgerError(ForecastError):
    """There is no sale to forecast from."""


class HorizonError(ForecastError):
    """The horizon asked for is not a whole number of weeks from 1 to 156."""


class GapError(ForecastError):
    """A series of a long frame lacks periods between its first and the frame's last."""


class PlanError(ForecastError):
    """The plan of the horizon is not there, or says what history does not know."""


class MediaError(ForecastError):
    """A mix result does not go with the history and plan it is to explain."""


class RuleError(PlanError, BadValueError):
    """A rule that was asked for (a sign, an assumption, fiscal periods) means nothing; no file is
    wrong."""
