"""Marketing mix model: release frames in, contributions with intervals out.

Names are loaded when they are first used: a command that only reads a table or a spec does not wait
for the compiler and the sampler.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.mix.model import MixModel
    from models.mix.panel import MixInputs
    from models.mix.result import MixResult
    from models.mix.spec import MixSpec, Prior

__all__ = ["MixInputs", "MixModel", "MixResult", "MixSpec", "Prior"]

_PLACES = {"MixInputs": "panel", "MixModel": "model", "MixResult": "result"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES.get(name, 'spec')}"), name)
