"""Candidates of the forecast, behind one protocol."""

from forecasting.candidates.protocol import Candidate, Window

__all__ = ["Candidate", "Window"]
