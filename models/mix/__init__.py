"""Marketing mix model: release frames in, contributions with intervals out."""

from models.mix.model import MixModel
from models.mix.spec import MixInputs, MixResult, MixSpec, Prior

__all__ = ["MixInputs", "MixModel", "MixResult", "MixSpec", "Prior"]
