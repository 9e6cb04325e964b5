"""Gates: what must stop a publication, what a reader must look at, and what passed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

COLUMNS = ["check_name", "subject", "severity", "status", "figure", "threshold", "text"]

Row = tuple[str, str, str, str, float, float, str]


def row(  # noqa: PLR0917
    name: str, subject: str, severity: str, passed: bool, figure: float, threshold: float, text: str
) -> Row:
    """One line of the gates table; a gate that does not pass has its severity for status."""
    return (name, subject, severity, "pass" if passed else severity, figure, threshold, text)


def gates_frame(rows: list[Row]) -> pd.DataFrame:
    """The gates table, sorted by gate and subject."""
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame = frame.astype({"figure": np.float64, "threshold": np.float64})
    return frame.sort_values(["check_name", "subject"], ignore_index=True)


def gates_as_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Gates for a file: gate, subject, status (PASS, REVIEW, FAIL), figure, threshold, text.

    REVIEW is a gate of severity warn that did not pass. Figures that are no number are None.
    """
    return [
        {
            "gate": str(gate.check_name),
            "subject": str(gate.subject),
            "status": {"pass": "PASS", "fail": "FAIL"}.get(str(gate.status), "REVIEW"),
            "figure": _number(gate.figure),
            "threshold": _number(gate.threshold),
            "text": str(gate.text),
        }
        for gate in frame.itertuples(index=False)
    ]


def _number(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None
