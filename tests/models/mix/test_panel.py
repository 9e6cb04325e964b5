"""Bad input is refused before any fitting, with the frame, the place and what to do."""

import dataclasses
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from models import errors
from models.mix import MixInputs
from models.mix.panel import read_panel


def release() -> MixInputs:
    days = pd.date_range("2024-01-01", periods=6, freq="D")
    cells = pd.MultiIndex.from_product([days, ["a", "b"]], names=["date_day", "territory_id"])
    outcome = cells.to_frame(index=False).assign(net_revenue=[Decimal("1.10")] * 12)
    drivers = cells.to_frame(index=False).assign(
        kind="media",
        driver="tv",
        exposure=np.arange(12.0),
        exposure_unit="impressions",
        spend=2.5,
    )
    controls = cells.to_frame(index=False).assign(control="rain", value=1.0)
    territories = pd.DataFrame({"territory_id": ["a", "b"], "population": [3.0, 1.0]})
    return MixInputs(outcome, drivers, territories, "day", "USD", controls)


def change(frame: str, edit) -> MixInputs:
    base = release()
    return dataclasses.replace(base, **{frame: edit(getattr(base, frame).copy())})


def put(column: str, row: int, value):
    def edit(frame):
        frame[column] = frame[column].astype(object)
        frame.loc[row, column] = value
        return frame

    return edit


@pytest.mark.parametrize(
    ("frame", "edit", "error", "text"),
    [
        ("outcome", lambda f: f.drop(columns="net_revenue"), errors.MissingColumnError,
         "outcome lacks the column 'net_revenue'"),
        ("drivers", lambda f: f.drop(columns="exposure"), errors.MissingColumnError,
         "drivers lacks the column 'exposure'"),
        ("outcome", lambda f: f.iloc[:0], errors.EmptyFrameError, "outcome has no rows"),
        ("drivers", lambda f: f.iloc[:0], errors.EmptyFrameError, "drivers has no rows"),
        ("outcome", lambda f: f.assign(net_revenue=0.0), errors.EmptyFrameError, "only zeros"),
        ("outcome", lambda f: pd.concat([f, f.iloc[[3]]]), errors.DuplicateKeyError,
         "2024-01-02, territory_id 'b' more than once"),
        ("drivers", lambda f: pd.concat([f, f.iloc[[0]]]), errors.DuplicateKeyError, "'tv'"),
        ("outcome", lambda f: f[f["date_day"] != "2024-01-03"], errors.DateGapError,
         "from 2024-01-02 to 2024-01-04"),
        ("outcome", lambda f: f.drop(index=4), errors.DateGapError,
         "lacks 2024-01-03 in territory 'a'"),
        ("drivers", lambda f: f.drop(index=5), errors.DateGapError,
         r"drivers \(media tv\) lacks 2024-01-03 in territory 'b'"),
        ("controls", lambda f: f.drop(index=5), errors.DateGapError, r"controls \(rain\) lacks"),
        ("outcome", put("date_day", 2, "soon"), errors.DateGapError, "'soon' for a date in row 2"),
        ("outcome", put("net_revenue", 2, Decimal("NaN")), errors.NotFiniteError,
         "net_revenue at date_day 2024-01-02, territory_id 'a'"),
        ("drivers", put("exposure", 2, float("inf")), errors.NotFiniteError, "inf in exposure"),
        ("drivers", put("spend", 2, "many"), errors.NotFiniteError, "'many' in spend"),
        ("controls", put("value", 1, None), errors.NotFiniteError, "None in value"),
        ("territories", lambda f: f.iloc[:1], errors.UnknownTerritoryError, "'b'"),
        ("territories", lambda f: pd.concat([f, f]), errors.DuplicateKeyError, "territories"),
        ("drivers", put("territory_id", 1, "z"), errors.UnknownTerritoryError, "'z'"),
        ("drivers", put("territory_id", 1, None), errors.UnknownTerritoryError, "row 1"),
        ("drivers", put("kind", 1, "magic"), errors.UnknownKindError, "'magic'"),
    ],
)  # fmt: skip
def test_bad_frames_are_named(frame, edit, error, text):
    with pytest.raises(error, match=text) as raised:
        read_panel(change(frame, edit))
    assert isinstance(raised.value, ValueError)
    assert len(str(raised.value).splitlines()) == 1


def test_an_unknown_grain_is_refused():
    with pytest.raises(errors.UnknownKindError, match="'month'"):
        read_panel(dataclasses.replace(release(), grain="hour"))


def test_decimals_are_read_to_the_exact_cent():
    big = change("outcome", put("net_revenue", 0, Decimal("90071992547409.93")))
    assert read_panel(big).ticks[0, 0] == 9007199254740993


def test_exposure_is_shared_by_population_where_every_territory_has_one_else_by_outcome():
    assert read_panel(release()).people == pytest.approx([1.5, 0.5])
    assert read_panel(release()).size == pytest.approx([1.0, 1.0])
    without = change("territories", put("population", 1, None))
    assert read_panel(without).people == pytest.approx([1.0, 1.0])
    assert read_panel(without).people_source == "outcome"


def test_depth_is_not_divided_by_population_and_impressions_are():
    impressions = read_panel(release()).drivers[0]
    assert impressions.per_head[0] == pytest.approx(impressions.exposure[0] / 1.5)
    depth = read_panel(change("drivers", lambda f: f.assign(exposure_unit="depth"))).drivers[0]
    assert depth.per_head == pytest.approx(depth.exposure)


def test_negative_exposure_counts_as_none_and_is_counted():
    driver = read_panel(change("drivers", put("exposure", 2, -4.0))).drivers[0]
    assert driver.negative_cells == 1 and driver.exposure.min() == 0
