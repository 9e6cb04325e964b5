"""A wide table is read exactly, or refused with table, row, column and remedy."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import errors
from models.mix.panel import read_panel
from models.mix.sheet.layout import PanelColumns
from models.mix.sheet.reading import read_sheet

COLUMNS = {
    "date": "week",
    "outcome": {"column": "revenue"},
    "territory": "geo",
    "population": "people",
    "drivers": [
        {"name": "tv_S", "kind": "media", "spend": "tv_S", "exposure": "tv_I", "unit": "views"},
        {"name": "promo", "kind": "promotion"},
    ],
    "controls": ["rain"],
}  # fmt: skip


def table() -> pd.DataFrame:
    """Five weeks in two territories, as text; the index is the line of a file."""
    rows = [
        (f"2024-01-{1 + 7 * week:02d}" if week < 4 else "2024-01-29", geo)
        for geo in ("north", "south")
        for week in range(5)
    ]
    frame = pd.DataFrame(rows, columns=["week", "geo"])
    number = np.arange(len(frame))
    frame["people"] = np.where(frame["geo"] == "north", "300", "100")
    frame["revenue"] = [f"{100 + 3 * n}.{n:02d}" for n in number]
    frame["tv_S"] = [str(10 * (n % 3)) for n in number]
    frame["tv_I"] = [str(1000 * (n % 3)) for n in number]
    frame["promo"] = [str(n % 2) for n in number]
    frame["rain"] = [f"{(7 * n) % 5}" for n in number]
    frame.index = pd.Index(number + 2, name="row")
    return frame


def columns(**changed: object) -> PanelColumns:
    return PanelColumns.model_validate(COLUMNS | changed)


def put(column: str, row: int, value: str) -> pd.DataFrame:
    frame = table()
    frame.iloc[row, frame.columns.get_loc(column)] = value
    return frame


def test_a_table_becomes_a_panel_with_its_own_names():
    panel = read_panel(read_sheet(table(), columns(), "p.csv").inputs)
    assert panel.territories == ("north", "south")
    assert panel.grain == "week"
    assert panel.people_source == "population"
    assert {(d.kind, d.name) for d in panel.drivers} == {
        ("media", "tv_S"), ("promotion", "promo"), ("control", "rain"),
    }  # fmt: skip
    tv = next(d for d in panel.drivers if d.name == "tv_S")
    assert tv.spend_cents == 100 * sum(int(cell) for cell in table()["tv_S"])
    assert tv.exposure.sum() == sum(int(cell) for cell in table()["tv_I"])


def test_the_order_of_rows_and_columns_does_not_matter():
    straight = read_panel(read_sheet(table(), columns()).inputs)
    frame = table().sample(frac=1.0, random_state=3)
    mixed = read_panel(read_sheet(frame[frame.columns[::-1]], columns()).inputs)
    assert (straight.ticks == mixed.ticks).all()
    for one, other in zip(straight.drivers, mixed.drivers, strict=True):
        assert one.name == other.name
        assert (one.exposure == other.exposure).all()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 10**15), min_size=10, max_size=10), st.integers(0, 18))
def test_no_digit_of_the_outcome_is_lost(whole_numbers: list[int], decimals: int):
    """What the model keeps and what was cut off give the cell back, to the last digit."""
    cells = [Decimal(number).scaleb(-decimals) for number in whole_numbers]
    frame = table().assign(revenue=[f"{cell:f}" for cell in cells])
    sheet = read_sheet(frame, columns())
    kept = sheet.inputs.outcome
    tick = Decimal(1).scaleb(-sheet.inputs.decimals)
    for cell, row in zip(cells, kept.itertuples(index=False), strict=True):
        key = (row.date_day, row.territory_id)
        whole = row.net_revenue.quantize(tick) + sheet.cut_off.get(key, Decimal(0))
        assert whole == cell


def test_sixteen_decimals_are_kept_beside_the_model():
    frame = table().assign(revenue=[f"7.78438926678362{n}5" for n in range(10)])
    sheet = read_sheet(frame, columns())
    assert sheet.inputs.decimals == 12
    assert len(sheet.cut_off) == 10


def test_whole_units_are_credited_in_parts():
    frame = table().assign(revenue=[str(n % 4) for n in range(10)])
    assert read_sheet(frame, columns()).inputs.decimals >= 5


def test_a_table_without_territories_is_of_one_place():
    frame = table().iloc[:5].drop(columns=["geo", "people"])
    panel = read_panel(read_sheet(frame, columns(territory=None, population=None)).inputs)
    assert panel.territories == ("all",)


def test_month_ends_are_months():
    frame = (
        table()
        .iloc[:5]
        .assign(week=["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"])
    )
    sheet = read_sheet(frame, columns())
    assert sheet.inputs.grain == "month"
    assert read_panel(sheet.inputs).dates[1] == pd.Timestamp("2024-02-01")
    assert sheet.written[pd.Timestamp("2024-02-01")] == "2024-02-29"


def test_reach_is_exposure_and_frequency_stands_beside_it():
    drivers = [
        {"name": "tv_S", "kind": "media", "exposure": "tv_I", "frequency": "rain", "unit": "reach"}
    ]
    sheet = read_sheet(table(), columns(drivers=drivers, controls=[]))
    frame = table()
    for read, column in (("exposure", "tv_I"), ("frequency", "rain")):
        wanted = pd.to_numeric(frame[column]).to_numpy()
        assert (sheet.inputs.drivers[read].to_numpy() == wanted).all()


def test_what_is_the_same_in_all_products_counts_once():
    both = pd.concat([table().assign(brand="a"), table().assign(brand="b")], ignore_index=True)
    sheet = read_sheet(both, columns(product="brand"))
    panel = read_panel(sheet.inputs)
    tv = next(d for d in panel.drivers if d.name == "tv_S")
    assert tv.spend_cents == 100 * sum(int(cell) for cell in table()["tv_S"])
    assert tv.spend.sum() == pytest.approx(tv.spend_cents / 100)
    assert any("tv_S is the same in all products" in note for note in sheet.notes)
    both.loc[0, ["tv_S", "tv_I"]] = ["7", "700"]
    tv = next(
        d
        for d in read_panel(read_sheet(both, columns(product="brand")).inputs).drivers
        if d.name == "tv_S"
    )
    assert tv.spend_cents == 100 * (7 + 2 * sum(int(cell) for cell in table()["tv_S"]))


def test_national_money_repeated_in_every_territory_is_told():
    halves = table().assign(tv_S=[str(n) for n in range(1, 6)] * 2, tv_I="5")
    notes = read_sheet(halves, columns()).notes
    assert any("tv_S is the same in all territories" in note for note in notes)
    assert not any("same in all territories" in n for n in read_sheet(table(), columns()).notes)


def test_value_per_unit_is_weighted_by_what_was_sold():
    frame = table().assign(worth=["2"] * 5 + ["4"] * 5, revenue=["30"] * 5 + ["10"] * 5)
    told = {"column": "revenue", "kind": "units", "value_per_unit": "worth"}
    assert read_sheet(frame, columns(outcome=told)).value_per_unit == pytest.approx(2.5)


def test_events_are_holidays_beside_those_of_the_country():
    frame = table().assign(note=["na", "launch", "na", "na", "na"] + ["na"] * 5)
    sheet = read_sheet(frame, columns(events=["note"], country="US"))
    assert sheet.inputs.holidays is not None
    named = sheet.inputs.holidays.groupby("holiday")["country_code"].nunique()
    assert named["launch"] == 1
    assert named["Martin Luther King Jr. Day"] == 2
    assert read_panel(sheet.inputs).countries == ("#0", "#1")


def test_a_driver_that_never_moves_is_said():
    sheet = read_sheet(table().assign(promo="0"), columns())
    assert any("promo never moves" in note for note in sheet.notes)


def test_an_empty_cell_is_zero_only_where_the_spec_says_so():
    frame = put("tv_S", 2, "").assign(tv_I="5")
    with pytest.raises(errors.NotFiniteError, match=r"row 4, column 'tv_S'.*empty cell.*Write 0"):
        read_sheet(frame, columns())
    sheet = read_sheet(frame, columns(empty_cells="zero"))
    assert sheet.inputs.drivers["spend"].iloc[2] == 0
    with pytest.raises(errors.NotFiniteError, match="an empty cell"):
        read_sheet(put("revenue", 1, ""), columns(empty_cells="zero"))


def test_little_spend_without_exposure_is_told_and_much_refused():
    frame = put("tv_S", 0, "0.5")
    sheet = read_sheet(frame, columns())
    [review] = sheet.reviews
    assert review.gate == "spend_without_exposure"
    assert review.figure < 0.01
    assert "2024-01-01, north" in review.text
    with pytest.raises(errors.ModelInputError, match=r"row 2: tv_S was spent where tv_I is 0"):
        read_sheet(put("tv_S", 0, "50"), columns())


def test_a_column_that_leaks_is_told_again():
    frame = table().assign(rival=table()["revenue"])
    told = columns(ignored=[{"column": "rival", "why": "leak"}])
    [review] = read_sheet(frame, told).reviews
    assert (review.gate, review.subject) == ("control_leaks_outcome", "rival")
    assert review.figure == pytest.approx(1.0)


def weeks(*days: str) -> pd.DataFrame:
    return table().iloc[:5].assign(week=list(days))


@pytest.mark.parametrize(
    ("frame", "changed", "error", "text"),
    [
        (table().drop(columns="rain"), {}, errors.MissingColumnError,
         r"p.csv lacks the column 'rain' that the spec names at panel.controls\[0\]"),
        (table().rename(columns={"tv_S": "tv_s"}), {}, errors.MissingColumnError,
         r"panel.drivers\[0\].spend.*Did you mean 'tv_s'"),
        (pd.concat([table(), table()["rain"]], axis=1), {}, errors.DuplicateKeyError,
         "column 'rain' 2 times"),
        (table().iloc[:0], {}, errors.EmptyFrameError, "no rows"),
        (put("week", 3, "soon"), {}, errors.DateGapError, "row 5, column 'week'.*got 'soon'"),
        (put("week", 3, "2024-02-30"), {}, errors.DateGapError, "row 5"),
        (weeks("2024-01-01", "2024-01-08", "2024-01-22", "2024-01-29", "2024-02-05"), {},
         errors.DateGapError, "row 4.*expected 2024-01-15 after 2024-01-08"),
        (weeks("2024-01-01", "2024-01-02", "2024-01-09", "2024-01-10", "2024-01-17"), {},
         errors.DateGapError, r"expected one step.*got 5 dates, .*7 days \(2 times\)"),
        (weeks("01/02/2024", "02/02/2024", "03/02/2024", "04/02/2024", "05/02/2024"), {},
         errors.DateGapError, "can be read as.*panel.date_format"),
        (put("week", 1, "2024-01-01"), {}, errors.DuplicateKeyError,
         "row 3: 2024-01-01, north stands already in row 2"),
        (table().drop(index=11), {}, errors.DateGapError,
         "south has 4 of 5 dates and lacks 2024-01-29"),
        (put("geo", 4, " "), {}, errors.UnknownTerritoryError, "row 6, column 'geo'"),
        (put("revenue", 4, "much"), {}, errors.NotFiniteError,
         "row 6, column 'revenue'.*got 'much'.*Correct the cell"),
        (put("revenue", 4, "inf"), {}, errors.NotFiniteError, "row 6.*got 'inf'"),
        (put("tv_I", 4, "1,234"), {}, errors.NotFiniteError, "row 6, column 'tv_I'"),
        (put("rain", 4, "NaN"), {}, errors.NotFiniteError, "row 6, column 'rain'.*empty cell"),
        (put("tv_S", 4, "-3"), {}, errors.ModelInputError, "row 6, column 'tv_S'.*got -3"),
        (put("people", 4, "0"), {}, errors.NotFiniteError, "row 6, column 'people'"),
        (table().assign(revenue="0"), {}, errors.EmptyFrameError, "every cell is 0"),
        (put("revenue", 0, "1e300"), {}, errors.NotFiniteError, "too large"),
        (table(), {"country": "XX"}, errors.UnknownKindError, "got 'XX'"),
        (table(), {"country": "geo"}, errors.UnknownKindError, "row 2, column 'geo'.*'north'"),
        (table(), {"territory": None, "population": None}, errors.DuplicateKeyError,
         "panel.territory"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(frame, changed, error, text):
    with pytest.raises(error, match=text):
        read_sheet(frame, columns(**changed), "p.csv")


def test_hostile_text_cannot_write_to_a_terminal():
    with pytest.raises(errors.NotFiniteError) as raised:
        read_sheet(put("revenue", 0, "\x1b[2J\n1"), columns(), "p\x1b.csv")
    assert "\x1b" not in str(raised.value)
    assert "\n" not in str(raised.value)
