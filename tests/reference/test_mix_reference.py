"""The mix model on public data sets: known truth, a leaking control, forty territories."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.mix import MixInputs, MixModel, MixResult, MixSpec
from models.mix.spec import DriverSpec, Sampling

pytestmark = pytest.mark.reference


def series(frame: pd.DataFrame, date: str, territory: str | None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "date_day": frame[date],
            "territory_id": frame[territory] if territory else "all",
        }
    )


def release(
    frame: pd.DataFrame,
    date: str,
    revenue: pd.Series,
    drivers: list[tuple[str, str, str, str | None]],
    controls: list[str],
    *,
    territory: str | None = None,
    country: str | None = None,
) -> MixInputs:
    """A weekly release from a wide file; drivers are (kind, name, exposure, spend) columns."""
    keys = series(frame, date, territory)
    population = frame.groupby(territory)["population"].first() if territory else None
    names = sorted(keys["territory_id"].unique())
    return MixInputs(
        outcome=keys.assign(net_revenue=revenue.round(2)),
        drivers=pd.concat(
            [
                keys.assign(
                    kind=kind,
                    driver=name,
                    exposure=frame[exposure].astype(float),
                    exposure_unit="depth" if kind == "promotion" else "impressions",
                    spend=frame[spend].astype(float) if spend else 0.0,
                )
                for kind, name, exposure, spend in drivers
            ],
            ignore_index=True,
        ),
        controls=pd.concat(
            [keys.assign(control=name, value=frame[name].astype(float)) for name in controls],
            ignore_index=True,
        ),
        territories=pd.DataFrame(
            {
                "territory_id": names,
                "country_code": country,
                "population": population.loc[names].to_numpy() if territory else None,
            }
        ),
        grain="week",
        currency="USD",
    )


def assert_sums_exactly(inputs: MixInputs, result: MixResult) -> None:
    cells = result.contributions().groupby(["date_day", "territory_id"])["contribution"].sum()
    outcome = inputs.outcome.assign(date_day=pd.to_datetime(inputs.outcome["date_day"]))
    expected = outcome.set_index(["date_day", "territory_id"])["net_revenue"].sort_index()
    cents = np.rint(expected.to_numpy() * 100).astype(np.int64)
    assert ((cells.sort_index() * 100).astype(np.int64).to_numpy() == cents).all()


def weekly_example(frame: pd.DataFrame, date: str) -> MixInputs:
    return release(
        frame.assign(y=100 * frame["y"]),
        date,
        100 * frame["y"],
        [("media", name, name, name) for name in ("x1", "x2")],
        ["event_1", "event_2"],
    )


def forms(**settings: object) -> MixSpec:
    return MixSpec(
        drivers={name: DriverSpec(**settings) for name in ("x1", "x2")},
        sampling=Sampling(warmup=200, draws=300, longer=1),
    )


def test_shares_of_the_worked_example_are_within_two_points(reference_data: Path) -> None:
    frame = pd.read_csv(reference_data / "mix" / "mmm_example.csv")
    truth = pd.read_csv(reference_data / "mix" / "mmm_example_truth.csv")
    inputs = weekly_example(frame, "date_week")
    # The forms that its page documents.
    result = MixModel(forms(adstock="geometric", saturation="logistic")).fit(inputs)
    summary = result.summary().set_index("driver")
    usual = MixModel().fit(inputs).summary().set_index("driver")
    for name in ("x1", "x2"):
        share = truth[f"{name}_true_contribution"].sum() / frame["y"].sum()
        assert summary.share[name] == pytest.approx(share, abs=0.02)
        assert summary.share_p05[name] < share < summary.share_p95[name]
        # With nothing said of the forms the interval still holds it.
        assert usual.share_p05[name] < share < usual.share_p95[name]
    parameters = result.parameters()
    alphas = parameters[parameters["parameter"] == "alpha"].set_index("driver")
    assert alphas["mean"]["x1"] == pytest.approx(0.4, abs=0.1)
    assert alphas["mean"]["x2"] == pytest.approx(0.2, abs=0.1)
    assert_sums_exactly(inputs, result)


def test_shares_of_drifting_media_are_within_three_points_with_drift_on(
    reference_data: Path,
) -> None:
    frame = pd.read_csv(reference_data / "mix" / "media_tvp.csv")
    inputs = weekly_example(frame, "date_week")
    result = MixModel(forms(drifts=True)).fit(inputs)
    summary = result.summary().set_index("driver")
    for name in ("x1", "x2"):
        share = frame[f"{name}_contribution"].sum() / frame["y"].sum()
        assert summary.share[name] == pytest.approx(share, abs=0.03)
    assert_sums_exactly(inputs, result)


def test_the_competitor_that_moves_with_revenue_is_flagged(reference_data: Path) -> None:
    frame = pd.read_csv(reference_data / "mix" / "robyn_weekly.csv")
    inputs = release(
        frame,
        "DATE",
        frame["revenue"],
        [
            ("media", "tv", "tv_S", "tv_S"),
            ("media", "ooh", "ooh_S", "ooh_S"),
            ("media", "print", "print_S", "print_S"),
            ("media", "facebook", "facebook_I", "facebook_S"),
            ("media", "search", "search_clicks_P", "search_S"),
            ("organic", "newsletter", "newsletter", None),
        ],
        ["competitor_sales_B"],
        country="DE",
    )
    result = MixModel().fit(inputs)
    gates = result.gates().set_index(["check_name", "subject"])
    leak = gates.loc[("control_leaks_outcome", "competitor_sales_B")]
    assert leak["status"] != "pass" and leak["figure"] == pytest.approx(0.92, abs=0.005)
    summary = result.summary()
    media = summary[summary["kind"].isin(["media", "organic"])]
    assert len(media) == 6
    assert (media["contribution"] > 0).all() and (media["contribution_p05"] > 0).all()
    assert_sums_exactly(inputs, result)


CHANNELS = [f"Channel{i}" for i in range(5)]


def test_the_national_file_is_its_territories_summed(reference_data: Path) -> None:
    by_territory = pd.read_csv(reference_data / "mix" / "meridian_geo_all_channels.csv.gz")
    national = pd.read_csv(reference_data / "mix" / "meridian_national_all_channels.csv")
    columns = [
        "conversions",
        *[f"{c}_{what}" for c in CHANNELS for what in ("impression", "spend")],
    ]
    summed = by_territory.groupby("time")[columns].sum()
    assert summed.to_numpy() == pytest.approx(national.set_index("time")[columns].to_numpy())


def test_forty_territories_fit_and_sum_exactly(reference_data: Path) -> None:
    frame = pd.read_csv(reference_data / "mix" / "meridian_geo_all_channels.csv.gz")
    inputs = release(
        frame,
        "time",
        frame["conversions"] * frame["revenue_per_conversion"],
        [
            *(("media", c, f"{c}_impression", f"{c}_spend") for c in CHANNELS),
            ("organic", "organic", "Organic_channel0_impression", None),
            ("promotion", "promo", "Promo", None),
        ],
        ["competitor_sales_control", "sentiment_score_control"],
        territory="geo",
        country="US",
    )
    # A short walk: that long ones converge is shown where speed is measured.
    short = MixSpec(sampling=Sampling(starts=1, chains=2, warmup=60, draws=60, longer=1))
    result = MixModel(short).fit(inputs)
    assert_sums_exactly(inputs, result)
    summary = result.summary().set_index("driver")
    assert (summary.loc[[*CHANNELS, "organic"], "contribution"] > 0).all()
    assert summary["share"].sum() == pytest.approx(1.0)
