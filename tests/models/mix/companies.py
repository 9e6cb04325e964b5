"""Small made-up companies for the tests of the mix model; no code of the model is in them."""

import numpy as np
import pandas as pd

from models.mix import MixInputs


def company(
    territories: int = 1,
    dates: int = 60,
    media: int = 3,
    *,
    products: tuple[str, ...] = (),
    ahead: int = 0,
    seed: int = 0,
    grain: str = "week",
) -> MixInputs:
    """Media c0, c1, ..., a coupon, press and a temperature; the outcome is noise around 100.

    `ahead`: dates of exposure before the outcome begins.
    """
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2022-01-03")
    days = {
        "week": pd.date_range(start, periods=ahead + dates, freq="7D"),
        "day": pd.date_range(start, periods=ahead + dates, freq="D"),
        "month": pd.date_range("2018-01-01", periods=ahead + dates, freq="MS"),
    }[grain]
    names = [f"t{i}" for i in range(territories)]

    def long(values: np.ndarray, when: pd.DatetimeIndex = days) -> pd.DataFrame:
        keys = pd.MultiIndex.from_product([names, when], names=["territory_id", "date_day"])
        return keys.to_frame(index=False).assign(value=values.ravel())

    shape = (territories, ahead + dates)

    def driver(kind: str, name: str, values: np.ndarray, unit: str) -> pd.DataFrame:
        frame = long(values).rename(columns={"value": "exposure"})
        spend = frame["exposure"].round(2) if kind == "media" else 0.0
        return frame.assign(kind=kind, driver=name, exposure_unit=unit, spend=spend)

    drivers = [
        driver("media", f"c{c}", rng.gamma(2, 1, shape) * (rng.uniform(size=shape) < 0.7), "spend")
        for c in range(media)
    ]
    drivers += [
        driver("promotion", "coupon", (rng.uniform(size=shape) < 0.1) * 0.2, "depth"),
        driver(
            "publicity", "press", rng.gamma(1, 1, shape) * (rng.uniform(size=shape) < 0.1), "reach"
        ),
    ]
    window = days[ahead:]
    outcome = [
        long(100 * (1 + 0.1 * rng.normal(size=(territories, dates))), window)
        .rename(columns={"value": "net_revenue"})
        .assign(**({"product_id": product} if product else {}))
        for product in products or ("",)
    ]
    control = long(rng.normal(size=(territories, dates)), window).assign(control="temperature")
    return MixInputs(
        outcome=pd.concat(outcome, ignore_index=True),
        drivers=pd.concat(drivers, ignore_index=True),
        controls=control,
        territories=pd.DataFrame(
            {
                "territory_id": names,
                "population": rng.uniform(1, 3, territories) * 1e5,
                "country_code": "DE",
            }
        ),
        grain=grain,
        currency="EUR",
    )
