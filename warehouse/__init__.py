"""Ground floor: settings, lake paths, errors, locks, atomic files, run log and publication."""

from warehouse.errors import LiftcastError
from warehouse.lake import Lake
from warehouse.settings import Settings

__all__ = ["Lake", "LiftcastError", "Settings"]
