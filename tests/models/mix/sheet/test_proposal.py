"""What a table's columns are taken for, and the spec that is written of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models import errors
from models.mix.panel import read_panel
from models.mix.sheet.days import Calendar, parsed, read_days
from models.mix.sheet.drafting import spec_text
from models.mix.sheet.layout import SpecFileError, read_spec
from models.mix.sheet.proposal import Proposal, propose
from models.mix.sheet.reading import read_sheet


def table(**cells: object) -> pd.DataFrame:
    """Thirty weeks of date, revenue and spend_tv, and further columns."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "date": pd.date_range("2024-01-01", periods=30, freq="7D").strftime("%Y-%m-%d"),
            "revenue": rng.uniform(100, 200, 30).round(2),
            "spend_tv": rng.uniform(0, 10, 30).round(2),
        }
    ).assign(**cells)
    return frame.astype(str)


def numbers(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 10, 30).round(3)


def roles(proposal: Proposal) -> dict[str, str]:
    return {guess.column: guess.role for guess in proposal.guesses}


def fits(frame: pd.DataFrame) -> Proposal:
    """A proposal whose written spec reads back as it was meant and reads the table."""
    proposal = propose(frame)
    spec = read_spec(spec_text(proposal, "t.csv"), "t.yml")
    assert spec == proposal.spec
    read_panel(read_sheet(frame, spec.panel).inputs)
    assert [guess.column for guess in proposal.guesses] == list(frame.columns)
    return proposal


@pytest.mark.parametrize(
    ("column", "role"),
    [
        ("radio_spend", "media"), ("cost_search", "media"), ("OOH_S", "media"), ("TV", "media"),
        ("x1", "media"), ("video_impressions", "media"), ("newsletter", "organic"),
        ("organic_search_clicks", "organic"), ("Promo", "promotion"), ("discount_pct", "promotion"),
        ("avg_price", "price"), ("sales_calls", "seller"), ("rep_visits", "seller"),
        ("agency_calls", "agency"), ("pr_mentions", "publicity"), ("temperature", "control"),
        ("competitor_price", "control"), ("black_friday", "control"), ("context_B", "control"),
        ("web_sessions", "ignored"), ("google_revenue", "ignored"), ("tv_contribution", "ignored"),
        ("predicted", "ignored"), ("orders", "ignored"), ("nonsense", "ignored"),
    ],
)  # fmt: skip
def test_names_say_what_a_column_is(column, role):
    assert roles(fits(table(**{column: numbers()})))[column] == role


def test_spend_meets_its_exposure():
    frame = table(
        fb_S=numbers(2) + 1, fb_I=1000 * (numbers(2) + 1), fb_clicks=numbers(3),
        tv_reach=numbers(4) + 1, tv_frequency=numbers(5) + 1,
    )  # fmt: skip
    proposal = fits(frame)
    fb, tv = (
        next(d for d in proposal.spec.panel.drivers if d.name == name)
        for name in ("fb_S", "spend_tv")
    )
    assert (fb.exposure, fb.spend, fb.unit) == ("fb_I", "fb_S", "impressions")
    assert (tv.exposure, tv.frequency, tv.unit) == ("tv_reach", "tv_frequency", "reach")
    assert roles(proposal)["fb_clicks"] == "ignored"


def test_exposure_that_misses_the_money_is_not_used():
    clicks = numbers(3)
    clicks[:5] = 0
    proposal = fits(table(search_spend=numbers(2) + 1, search_clicks=clicks))
    driver = next(d for d in proposal.spec.panel.drivers if d.name == "search_spend")
    assert driver.exposure is None
    assert "spend stands for exposure" in next(
        g.why for g in proposal.guesses if g.column == "search_clicks"
    )


def test_a_sum_of_spend_is_no_channel():
    one, two = numbers(2), numbers(3)
    frame = table(spend_a=one, spend_b=two)
    total = frame[["spend_tv", "spend_a", "spend_b"]].astype(float).sum(axis=1).round(3)
    assert roles(fits(frame.assign(total_spend=total.astype(str))))["total_spend"] == "ignored"


def test_a_control_that_moves_with_the_outcome_is_left_out_and_said():
    frame = table()
    leak = (pd.to_numeric(frame["revenue"]) * 3 + numbers() * 0.01).round(4).astype(str)
    guess = next(
        g
        for g in fits(frame.assign(competitor_sales=leak)).guesses
        if g.column == "competitor_sales"
    )
    assert guess.role == "ignored"
    assert "correlation 1.00" in guess.why
    assert not guess.sure


def test_rows_are_told_apart_by_territory_and_product():
    parts = [
        table().assign(region=region, brand=brand, population=people)
        for region, people in (("n", "10"), ("s", "20"))
        for brand in ("a", "b")
    ]
    proposal = fits(pd.concat(parts, ignore_index=True))
    panel = proposal.spec.panel
    assert (panel.territory, panel.product, panel.population) == ("region", "brand", "population")


def test_index_and_parts_of_the_date_are_left_out():
    frame = table(t=np.arange(30), year="2024", month=np.repeat(np.arange(1, 7), 5))
    frame.insert(0, "Unnamed: 0", [str(n) for n in range(30)])
    found = roles(fits(frame))
    assert {found[c] for c in ("Unnamed: 0", "t", "year", "month")} == {"ignored"}


def test_named_events_have_effects():
    notes = ["na"] * 30
    notes[4], notes[20] = "fair", "strike"
    proposal = fits(table(events=notes, is_holiday=[str(int(n in (3, 17))) for n in range(30)]))
    assert proposal.spec.panel.events == ("events",)
    assert proposal.spec.panel.controls == ("is_holiday",)


def test_empty_cells_of_drivers_are_read_as_nothing_and_said():
    frame = table(radio_spend=numbers(2))
    frame.loc[3, "radio_spend"] = ""
    proposal = fits(frame)
    assert proposal.spec.panel.empty_cells == "zero"
    assert any("empty cells are read as 0" in g.why and not g.sure for g in proposal.guesses)


def test_units_with_their_worth():
    frame = table(revenue_per_conversion="2.5").rename(columns={"revenue": "conversions"})
    outcome = fits(frame).spec.panel.outcome
    assert (outcome.column, outcome.kind) == ("conversions", "units")
    assert outcome.value_per_unit == "revenue_per_conversion"


def test_months_and_written_dates():
    days = pd.date_range("2023-01-01", periods=30, freq="MS").strftime("%d.%m.%Y")
    panel = fits(table(date=days)).spec.panel
    assert (panel.grain, panel.date_format) == ("month", "%d.%m.%Y")


def test_dates_with_a_zone_are_days_as_their_clock_showed_them():
    """Midnight in Berlin is the evening before in London, and summer moves it once more."""
    days = pd.date_range("2024-01-01", periods=30, freq="7D", tz="Europe/Berlin")
    texts = [f"{day:%Y-%m-%d %H:%M:%S%z}" for day in days]
    assert texts[0].endswith("+0100") and texts[-1].endswith("+0200")
    read = read_days(pd.Series(texts))
    assert isinstance(read, Calendar)
    assert read.days.equals(pd.date_range("2024-01-01", periods=30, freq="7D"))
    assert fits(table(date=texts)).spec.panel.grain == "week"
    # Without any offset the format does not read it.
    assert parsed(pd.Series(["2024-01-01 00:00:00"]), "%Y-%m-%d %H:%M:%S%z").isna().all()


def test_you_may_name_the_outcome():
    frame = table().rename(columns={"revenue": "gizmos"})
    with pytest.raises(errors.MissingColumnError, match="--outcome COLUMN"):
        propose(frame, "t.csv")
    assert propose(frame, outcome="gizmos").spec.panel.outcome.column == "gizmos"
    with pytest.raises(errors.MissingColumnError, match="lacks the column 'none' of --outcome"):
        propose(frame, outcome="none")


@pytest.mark.parametrize(
    ("frame", "error", "text"),
    [
        (table().iloc[:0], errors.EmptyFrameError, "no rows"),
        (table().drop(columns="date"), errors.MissingColumnError, "no column holds a date"),
        (table(date=["soon"] * 30), errors.MissingColumnError, "'date' has 'soon' in row 0"),
        (table().drop(columns="spend_tv"), errors.MissingColumnError, "to be a driver"),
        (pd.concat([table(), table()[["spend_tv"]]], axis=1), errors.DuplicateKeyError, "2 times"),
        (pd.concat([table()] * 2, ignore_index=True).assign(ad=[f"a{n}" for n in range(60)]),
         errors.DuplicateKeyError, "2024-01-01 stands in several rows.*liftcast sources new"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_told_is_refused(frame, error, text):
    with pytest.raises(error, match=text):
        propose(frame, "t.csv")


@pytest.mark.parametrize(
    "name",
    ["=HYPERLINK(1)_spend", "spend: tv", "spend # tv", "'spend", "no_spend", "spend\n\x1b[2J",
     "spend 😀", "- spend", "{spend}", "spend\\", '"spend"', "&a spend", "yes spend"],
)  # fmt: skip
def test_hostile_names_survive_the_spec(name):
    frame = table().rename(columns={"spend_tv": name})
    assert fits(frame).spec.panel.drivers[0].name == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected the sections panel: and model:; got nothing"),
        ("- a", "got list"),
        ("panel: [", r"line 1, column 9: this is not YAML"),
        ("model: {}", "panel: this setting is missing"),
        ("panel: {date: d, outcome: {column: y}, drivers: []}", r"panel.drivers: .*at least 1"),
        ("panel: {date: d, outcome: {column: y}, drivers: [{name: a, kind: magic}]}",
         r"panel.drivers\[0\].kind: expected 'media'.*got 'magic'"),
        ("panel: {date: d, outcome: {column: y}, drivers: [{name: a, kind: media, spent: a}]}",
         r"panel.drivers\[0\].spent: there is no such setting.*Did you mean 'spend'"),
        ("panel: {date: d, outcome: {column: y}, drivers: [{name: a, kind: media},"
         " {name: a, kind: media}]}", "'a' names two drivers"),
        ("panel: {date: d, outcome: {column: y}, drivers: [{name: y, kind: media}]}",
         "'y' is the outcome"),
        ("panel: {date: d, outcome: {column: y}, drivers: [{name: a, kind: media}]}\n"
         "model: {media_share: 2}", "model.media_share: expected less than 1; got 2"),
        ("panel: {date: d, outcome: {column: y}, drivers: [{name: a, kind: media}]}\n"
         "model: {sampling: {chain: 2}}", "model.sampling.chain.*Did you mean 'chains'"),
        ("a: &a [*a]", "panel: this setting is missing"),
    ],
)  # fmt: skip
def test_errors_of_a_spec_name_path_expected_got_and_remedy(text, message):
    with pytest.raises(SpecFileError, match=message) as raised:
        read_spec(text, "s.yml")
    assert str(raised.value).startswith("s.yml")


@pytest.mark.reference
@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("robyn_weekly.csv", {"tv_S": "media", "facebook_I": "exposure of facebook_S",
                              "search_clicks_P": "exposure of search_S", "newsletter": "organic",
                              "competitor_sales_B": "ignored", "events": "events"}),
        ("meridian_national_all_channels.csv", {"conversions": "outcome", "Promo": "promotion",
                                                "Organic_channel0_impression": "organic",
                                                "sentiment_score_control": "control"}),
        ("meridian_geo_all_channels.csv.gz", {"geo": "territory", "population": "population",
                                              "revenue_per_conversion": "value per unit"}),
        ("mmm_example.csv", {"y": "outcome", "x1": "media", "event_1": "control", "t": "ignored"}),
        ("media_tvp.csv", {"y": "outcome", "x2": "media", "channel_contribution": "ignored",
                           "hidden_latent_media_fluctuation": "ignored"}),
    ],
)  # fmt: skip
def test_reference_files_are_understood(reference_data: Path, file, wanted):
    frame = pd.read_csv(reference_data / "mix" / file, dtype=str, keep_default_na=False)
    found = roles(fits(frame))
    assert {column: found[column] for column in wanted} == wanted
