"""Series that sell now and then: Croston's kinds of statsforecast."""

from __future__ import annotations

import importlib

import numpy as np

from forecasting.candidates.protocol import Speed, Window
from forecasting.grid import Floats

KINDS = frozenset({"intermittent"})


class Intermittent:
    """Croston (1972) with bias correction (Syntetos and Boylan 2005), or TSB (Teunter, Syntetos
    and Babai 2011), which forgets a product that has stopped selling."""

    speed: Speed = "quick"
    kinds = KINDS

    def __init__(self, name: str) -> None:
        self.name = name

    def forecast(self, window: Window) -> Floats:
        models = importlib.import_module("statsforecast.models")
        model = (
            models.CrostonSBA()
            if self.name == "croston_sba"
            else models.TSB(alpha_d=0.1, alpha_p=0.1)
        )
        grid = window.grid
        out = np.full((len(grid.ids), grid.ahead), np.nan)
        sold = window.sold
        for row in range(len(grid.ids)):
            y = sold[row][np.isfinite(sold[row])]
            if len(y) >= 4 and (y > 0).any():
                told = model.forecast(y=np.maximum(y, 0.0), h=grid.ahead)["mean"]
                out[row] = np.asarray(told, dtype=float)
        return window.shut(out)
