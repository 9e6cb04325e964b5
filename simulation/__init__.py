"""A company with known truth, reproducible from a seed."""

from simulation.company import Company, DriverTruth, simulate

__all__ = ["Company", "DriverTruth", "simulate"]
