"""What every fit of the mix model must satisfy, whatever the data."""

import dataclasses
import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from models.errors import TooFewRowsError
from models.mix import MixInputs, MixModel, MixSpec
from models.mix.spec import Sampling

QUICK = MixSpec(sampling=Sampling(starts=2, chains=2, warmup=60, draws=60, longer=1))
KEY = ["date_day", "territory_id"]
COLUMNS = {
    "contributions": ["date_day", "territory_id", "kind", "driver", "contribution", "p05", "p95"],
    "summary": [
        *["kind", "driver", "spend", "contribution", "contribution_p05", "contribution_p95"],
        *["share", "share_p05", "share_p95", "roi", "roi_p05", "roi_p95", "mroi"],
    ],
    "curves": ["kind", "driver", "multiplier", "spend", "contribution", "p05", "p95"],
    "parameters": ["kind", "driver", "parameter", "mean", "p05", "p95"],
    "gates": ["check_name", "subject", "severity", "status", "figure", "threshold", "text"],
}


def small_release(grain: str = "week", dates: int = 110, seed: int = 50) -> MixInputs:
    """Two territories, one medium, an organic channel, publicity, a promotion, two idle drivers."""
    rng = np.random.default_rng(seed)
    step = {"week": 7, "day": 1}[grain]
    days = [datetime.date(2023, 1, 2) + datetime.timedelta(days=step * i) for i in range(dates)]
    series = {
        ("media", "tv"): rng.gamma(2.0, 5e4, (2, dates)) * (rng.uniform(size=(2, dates)) < 0.6),
        ("organic", "newsletter"): rng.gamma(3.0, 1e3, (2, dates)),
        ("publicity", "public_relations"): rng.gamma(1.0, 1e3, (2, dates))
        * (rng.uniform(size=(2, dates)) < 0.1),
        ("promotion", "coupon"): (rng.uniform(size=(2, dates)) < 0.2) * 0.2,
        ("media", "idle"): np.zeros((2, dates)),
        ("media", "always_on"): np.full((2, dates), 5.0),
    }
    tv = series[("media", "tv")] / 1e5
    revenue = 10_000 * np.array([[1.0], [0.4]]) * (1 + 0.3 * tv / (tv + 1))
    revenue = revenue + 3000 * series[("promotion", "coupon")] + rng.normal(0, 300, (2, dates))
    if grain == "day":
        revenue = revenue * (1 + 0.2 * (np.arange(dates) % 7 == 5))
    outcome, drivers, controls = [], [], []
    for g, territory in enumerate(("north", "south")):
        for t, day in enumerate(days):
            outcome.append((day, territory, Decimal(f"{revenue[g, t]:.2f}")))
            controls.append((day, territory, "temperature", float(rng.normal())))
            for (kind, name), values in series.items():
                spend = Decimal(f"{values[g, t] / 100:.2f}") if kind == "media" else Decimal(0)
                unit = "depth" if kind == "promotion" else "impressions"
                drivers.append((day, territory, kind, name, float(values[g, t]), unit, spend))
    names = ["date_day", "territory_id", "kind", "driver", "exposure", "exposure_unit", "spend"]
    return MixInputs(
        outcome=pd.DataFrame(outcome, columns=[*KEY, "net_revenue"]),
        drivers=pd.DataFrame(drivers, columns=names),
        controls=pd.DataFrame(controls, columns=[*KEY, "control", "value"]),
        territories=pd.DataFrame(
            {
                "territory_id": ["north", "south"],
                "country_code": ["DE", "FR"],
                "population": [5e6, 2e6],
            }
        ),
        grain=grain,
        currency="EUR",
    )


@pytest.fixture(scope="module", params=[("week", 110), ("day", 150)], ids=["week", "day"])
def fitted(request):
    release = small_release(*request.param)
    return release, MixModel(QUICK).fit(release, seed=3)


def test_frames_have_the_columns_of_the_contract(fitted):
    _, result = fitted
    for name, columns in COLUMNS.items():
        assert list(getattr(result, name)().columns) == columns


def test_contributions_sum_to_net_revenue_to_the_cent_in_every_cell(fitted):
    release, result = fitted
    sums = result.contributions().groupby(KEY)["contribution"].sum()
    outcome = release.outcome.assign(date_day=pd.to_datetime(release.outcome["date_day"]))
    expected = outcome.set_index(KEY)["net_revenue"].sort_index()
    assert (sums.sort_index() == expected).all()
    assert result.summary()["contribution"].sum() == expected.sum()


def test_every_kind_stands_once_in_every_cell(fitted):
    _, result = fitted
    frame = result.contributions()
    assert not frame.duplicated([*KEY, "kind", "driver"]).any()
    assert set(frame["kind"]) == {
        *("media", "organic", "publicity", "promotion", "control"),
        *("holiday", "baseline", "residual"),
    }
    assert frame.equals(frame.sort_values([*KEY, "kind", "driver"], ignore_index=True))


def test_media_contributions_are_positive_and_intervals_hold_the_estimate(fitted):
    _, result = fitted
    summary = result.summary().set_index(["kind", "driver"])
    for key in (("media", "tv"), ("organic", "newsletter")):
        assert 0 < summary.contribution_p05[key] < float(summary.contribution[key])
        assert float(summary.contribution[key]) < summary.contribution_p95[key]
    cells = result.contributions()[result.contributions()["driver"] == "tv"]
    assert (cells["p05"] >= 0).all()
    # Bounds of a total come from draws of the total: they are closer than the cells' bounds.
    assert summary.contribution_p05[("media", "tv")] >= cells["p05"].sum()


def test_idle_drivers_are_left_out_said_so_and_reported_as_zero(fitted):
    _, result = fitted
    idle = result.contributions()[result.contributions()["driver"].isin(["idle", "always_on"])]
    assert (idle["contribution"] == 0).all() and (idle[["p05", "p95"]] == 0).all(axis=None)
    warned = result.gates()[(result.gates().check_name == "driver_varies")]
    assert set(warned[warned.status == "warn"].subject) == {"media idle", "media always_on"}


def test_curves_pass_through_zero_and_the_summary_and_saturate(fitted):
    _, result = fitted
    summary = result.summary().set_index(["kind", "driver"])
    for key, curve in result.curves().groupby(["kind", "driver"]):
        assert list(curve["multiplier"]) == [round(0.1 * i, 1) for i in range(21)]
        assert curve["contribution"].iloc[0] == 0
        # The summary counts whole cents.
        assert curve["contribution"].iloc[10] == pytest.approx(
            float(summary.contribution[key]), rel=0.05, abs=5
        )
    tv = result.curves()[result.curves()["driver"] == "tv"]["contribution"].to_numpy()
    assert (np.diff(tv) > 0).all()
    assert summary.mroi[("media", "tv")] < summary.roi[("media", "tv")] * 1.5


def test_no_fail_check_fails_on_plain_data(fitted):
    _, result = fitted
    failed = result.gates()[result.gates()["status"] == "fail"]
    assert failed.empty, failed.to_string()
    assert set(result.gates()["severity"]) <= {"fail", "warn"}
    assert {
        *("control_leaks_outcome", "driver_collinearity", "data_per_parameter"),
        *("residual_autocorrelation", "baseline_negative", "contributions_sum_to_outcome"),
        *("results_finite", "optimiser_converged", "fit_r2", "holdout_error"),
    } <= set(result.gates()["check_name"])


def test_same_seed_gives_the_same_frames_and_row_order_does_not_matter(fitted):
    release, result = fitted
    shuffled = dataclasses.replace(
        release,
        outcome=release.outcome.sample(frac=1, random_state=1),
        drivers=release.drivers.sample(frac=1, random_state=2),
        controls=release.controls.sample(frac=1, random_state=3),
    )
    again = MixModel(QUICK).fit(shuffled, seed=3)
    for name in COLUMNS:
        pd.testing.assert_frame_equal(
            getattr(result, name)(), getattr(again, name)(), check_exact=True
        )


def test_renaming_drivers_only_renames_the_results():
    release = small_release()
    names = {"tv": "radio", "newsletter": "blog"}
    renamed = dataclasses.replace(
        release, drivers=release.drivers.assign(driver=release.drivers["driver"].replace(names))
    )
    plain = MixModel(QUICK).fit(release).summary()
    other = MixModel(QUICK).fit(renamed).summary()
    pd.testing.assert_frame_equal(
        plain.assign(driver=plain["driver"].replace(names)).sort_values(["kind", "driver"]),
        other.sort_values(["kind", "driver"]),
        check_like=True,
    )


def test_swapping_two_drivers_swaps_their_results():
    # Names decide the order and so the random numbers: equal only up to the draws' error.
    release = small_release()
    release = dataclasses.replace(
        release, drivers=release.drivers.replace({"kind": {"organic": "media"}})
    )
    names = {"tv": "newsletter", "newsletter": "tv"}
    swapped = dataclasses.replace(
        release, drivers=release.drivers.assign(driver=release.drivers["driver"].replace(names))
    )
    spec = MixSpec(sampling=Sampling(starts=2))
    plain = MixModel(spec).fit(release).summary().set_index("driver")
    other = MixModel(spec).fit(swapped).summary().set_index("driver")
    for name, new in names.items():
        width = plain.contribution_p95[name] - plain.contribution_p05[name]
        gap = abs(float(plain.contribution[name]) - float(other.contribution[new]))
        assert gap < 0.1 * width


def test_scaling_the_currency_scales_contributions_and_leaves_roi():
    release = small_release()
    scaled = dataclasses.replace(
        release,
        outcome=release.outcome.assign(net_revenue=[v * 8 for v in release.outcome.net_revenue]),
        drivers=release.drivers.assign(spend=[v * 8 for v in release.drivers.spend]),
    )
    plain = MixModel(QUICK).fit(release).summary().set_index("driver")
    other = MixModel(QUICK).fit(scaled).summary().set_index("driver")
    assert other.roi["tv"] == pytest.approx(plain.roi["tv"], rel=1e-3)
    assert other.mroi["tv"] == pytest.approx(plain.mroi["tv"], rel=1e-3)
    for name in ("tv", "newsletter", "coupon", "baseline"):
        assert float(other.contribution[name]) == pytest.approx(
            8 * float(plain.contribution[name]), rel=1e-3
        )


def test_money_as_floats_gives_the_same_as_decimals():
    release = small_release(dates=70)
    floats = dataclasses.replace(
        release,
        outcome=release.outcome.astype({"net_revenue": float}),
        drivers=release.drivers.astype({"spend": float}),
    )
    one, two = MixModel(QUICK).fit(release), MixModel(QUICK).fit(floats)
    pd.testing.assert_frame_equal(one.contributions(), two.contributions())
    assert all(isinstance(v, Decimal) for v in two.contributions()["contribution"])


def test_a_control_that_follows_the_outcome_is_flagged():
    release = small_release(dates=70)
    leak = release.outcome.rename(columns={"net_revenue": "value"}).assign(control="visits")
    leak = leak.astype({"value": float})
    result = MixModel(QUICK).fit(
        dataclasses.replace(release, controls=pd.concat([release.controls, leak]))
    )
    check = result.gates()[result.gates().check_name == "control_leaks_outcome"].set_index(
        "subject"
    )
    assert check.status["visits"] == "warn" and check.figure["visits"] == pytest.approx(1.0)
    assert check.status["temperature"] == "pass"


def test_two_drivers_that_move_together_are_flagged():
    release = small_release(dates=70)
    tv = release.drivers[release.drivers["driver"] == "tv"]
    twin = tv.assign(driver="video", exposure=tv["exposure"] * 3)
    result = MixModel(QUICK).fit(
        dataclasses.replace(release, drivers=pd.concat([release.drivers, twin]))
    )
    pairs = result.gates()[result.gates().check_name == "driver_pair_correlation"]
    assert list(pairs["subject"]) == ["media tv and media video"]
    inflation = result.gates()[result.gates().check_name == "driver_collinearity"]
    assert {"media tv", "media video"} == set(inflation[inflation.status == "warn"].subject)


def test_too_short_a_window_is_refused_before_fitting():
    with pytest.raises(TooFewRowsError, match=r"observations .* parameters"):
        MixModel(QUICK).fit(small_release(dates=10))
