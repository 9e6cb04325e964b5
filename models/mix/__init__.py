"""Marketing mix model: release frames in, contributions with intervals out."""

from models.mix.model import MixModel
from models.mix.panel import MixInputs
from models.mix.result import MixResult
from models.mix.spec import MixSpec, Prior

__all__ = ["MixInputs", "MixModel", "MixResult", "MixSpec", "Prior"]
