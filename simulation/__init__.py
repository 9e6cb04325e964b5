"""A company with known truth, reproducible from a seed."""

from simulation.company import Company, simulate
from simulation.truth import DriverTruth

__all__ = ["Company", "DriverTruth", "simulate"]
