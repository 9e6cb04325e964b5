"""A mix result of a release and the release's plan: what its drivers bring to the ledger."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecasting.checks import Check
from forecasting.errors import ForecastError
from forecasting.grid import Floats, Grid
from forecasting.inputs import ForecastInputs
from forecasting.media import Media
from forecasting.mix_media import media_of
from forecasting.plan import Driver, Exposures
from forecasting.series import Sold
from models.errors import ModelInputError
from models.mix.panel import MixInputs, Panel
from models.mix.result import MixResult

_NAME = "media_from_mix"


def media_of_release(
    result: MixResult,
    inputs: ForecastInputs,
    sold: Sold,
    drivers: Exposures,
    grid: Grid,
) -> tuple[Media | None, frozenset[Driver], Check]:
    """What the mix's drivers bring, which drivers those are, and a check that says so.

    A result that does not go with the release is told in the check; the forecast then has the
    drivers in its race.

    Args:
        inputs: as given; `drivers` has the exposure's unit.
        drivers: history and plan of every driver, of each territory of the mix too.
    """
    panel = result.estimate.panel
    places = {name: at for at, name in enumerate(panel.territories)}
    strange = sorted(set(sold.keys["territory_id"]) - set(places))
    try:
        if panel.has_products or strange:
            raise ForecastError(
                f"the result is not by the territories of the ledger"
                f"{f' ({strange[0]!r} is not in it)' if strange else ''}"
            )
        cells = np.array([places[name] for name in sold.keys["territory_id"]], dtype=np.int64)
        media = media_of(result, _plan(panel, inputs, grid.dates, drivers), grid, cells)
    except (ForecastError, ModelInputError) as error:
        text = (
            f"Media and promotions are not as the attribution has them ({str(error)[:300]}): their "
            "effects are the forecast's own. Attribute the release again."
        )
        return None, frozenset(), Check.warn(_NAME, "mix", text)
    told = "".join(f" Note: {note}." for note in media.notes)
    text = (
        f"What {len(media.drivers)} drivers brought and will bring is as the attribution of this "
        f"release has it, carry-over and saturation kept.{told}"
    )
    check = Check(_NAME, "mix", "warn", "pass", float(len(media.drivers)), np.nan, text)
    return media, frozenset(media.drivers), check


def _plan(
    panel: Panel, inputs: ForecastInputs, dates: pd.DatetimeIndex, drivers: Exposures
) -> MixInputs:
    """Drivers and controls of each date after the mix's window, as its panel has them.

    Prices and controls are where they usually are: what they bring is not taken from the mix.
    """
    at = np.flatnonzero(dates > panel.dates[-1])
    units = _units(inputs.drivers)
    number = {driver: column for column, driver in enumerate(drivers.drivers)}
    frames, controls = [], []
    for driver in panel.drivers:
        key = (driver.kind, driver.name)
        for row, place in enumerate(panel.territories):
            cells = pd.DataFrame({"date_day": dates[at], "territory_id": place})
            usual = float(np.median(driver.exposure[row]))
            if driver.kind == "control":
                controls.append(cells.assign(control=driver.name, value=usual))
                continue
            values: Floats = np.full(len(at), usual if driver.kind == "price" else 0.0)
            if key in number and driver.kind != "price":
                values = drivers.by_territory[place][at, number[key]]
            frames.append(
                cells.assign(
                    kind=driver.kind,
                    driver=driver.name,
                    exposure=values,
                    exposure_unit=units.get(key, "exposure"),
                    spend=0.0,
                )
            )
    return MixInputs(
        outcome=pd.DataFrame(columns=["date_day", "territory_id", "net_revenue"]),
        drivers=pd.concat(frames, ignore_index=True),
        controls=pd.concat(controls, ignore_index=True) if controls else None,
        holidays=inputs.holidays,
        territories=inputs.territories,
        grain=panel.grain,
        currency=panel.currency,
    )


def _units(drivers: pd.DataFrame) -> dict[Driver, str]:
    if "exposure_unit" not in drivers:
        return {}
    found = drivers.drop_duplicates(["kind", "driver"])
    columns = (found[name].astype(str) for name in ("kind", "driver", "exposure_unit"))
    return {(kind, name): unit for kind, name, unit in zip(*columns, strict=True)}
