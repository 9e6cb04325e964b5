"""What the forecast says about itself: each check is one row of `checks`."""

import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass

import pandas as pd

COLUMNS = ("check_name", "subject", "severity", "status", "figure", "threshold", "text")


@dataclass(frozen=True)
class Check:
    """`severity` fail stops publication when `status` is fail; warn is published with its text."""

    check_name: str
    subject: str
    severity: str
    status: str
    figure: float
    threshold: float
    text: str

    @classmethod
    def warn(
        cls,
        check_name: str,
        subject: str,
        text: str,
        figure: float = math.nan,
        threshold: float = math.nan,
    ) -> "Check":
        return cls(check_name, subject, "warn", "warn", figure, threshold, text)

    @classmethod
    def judged(
        cls,
        check_name: str,
        subject: str,
        severity: str,
        *,
        good: bool,
        figure: float,
        threshold: float,
        text: str,
    ) -> "Check":
        status = "pass" if good else severity
        return cls(check_name, subject, severity, status, figure, threshold, text)


def check_frame(checks: Iterable[Check]) -> pd.DataFrame:
    """Rows sorted by name and subject; figure and threshold are doubles."""
    frame = pd.DataFrame([astuple(c) for c in checks], columns=list(COLUMNS))
    frame = frame.astype({"figure": float, "threshold": float})
    return frame.sort_values(["check_name", "subject"], kind="stable", ignore_index=True)
