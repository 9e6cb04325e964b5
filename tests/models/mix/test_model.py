"""What every fit of the mix model must satisfy, whatever the data."""

import dataclasses
import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from models.errors import TooFewRowsError
from models.mix import MixInputs, MixModel, MixSpec
from models.mix.panel import read_panel
from models.mix.problem import pose
from models.mix.spec import DriverSpec, Sampling
from tests.models.mix.companies import company

QUICK = MixSpec(sampling=Sampling(starts=2, chains=2, warmup=60, draws=60, longer=1))
KEY = ["date_day", "territory_id"]
TINY = MixSpec(sampling=Sampling(starts=1, chains=2, warmup=40, draws=40, longer=1))
COLUMNS = {
    "contributions": [
        *["date_day", "territory_id", "kind", "driver", "contribution"],
        *["mean", "p05", "p50", "p95"],
    ],
    "summary": [
        *["kind", "driver", "spend"],
        *["contribution", "contribution_p05", "contribution_p50", "contribution_p95"],
        *["share", "share_p05", "share_p95", "roi", "roi_p05", "roi_p95"],
        *["mroi", "mroi_p05", "mroi_p95"],
        *["cost_per_unit", "cost_per_unit_p05", "cost_per_unit_p95"],
        *["saturation", "prior_shift", "prior_narrowing"],
    ],
    "curves": [
        *["kind", "driver", "multiplier", "spend", "contribution", "p05", "p50", "p95"],
        *["is_current", "is_extrapolated"],
    ],
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
        # The summary has conditional means, the curve the mean of 120 draws: five standard errors.
        spread = (summary.contribution_p95[key] - summary.contribution_p05[key]) / 3.3
        assert curve["contribution"].iloc[10] == pytest.approx(
            float(summary.contribution[key]), abs=5 * spread / np.sqrt(120) + 1
        )
    tv = result.curves()[result.curves()["driver"] == "tv"]["contribution"].to_numpy()
    assert (np.diff(tv) > 0).all()
    assert summary.mroi[("media", "tv")] < summary.roi[("media", "tv")] * 1.5


def test_on_plain_data_nothing_fails_but_the_length_of_the_walk(fitted):
    _, result = fitted
    failed = set(result.gates()[result.gates()["status"] == "fail"]["check_name"])
    assert failed <= {"effective_draws", "sampler_converged"}
    assert set(result.gates()["severity"]) <= {"fail", "warn"}


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
    plain = MixModel(TINY).fit(release).summary()
    other = MixModel(TINY).fit(renamed).summary()
    pd.testing.assert_frame_equal(
        plain.assign(driver=plain["driver"].replace(names)).sort_values(["kind", "driver"]),
        other.sort_values(["kind", "driver"]),
        check_like=True,
    )


def test_swapping_two_drivers_swaps_their_results():
    # Names decide the order and so the random numbers: equal only up to the draws' error.
    release = company(1, 104, 2, seed=2)
    names = {"c0": "c1", "c1": "c0"}
    swapped = dataclasses.replace(
        release, drivers=release.drivers.assign(driver=release.drivers["driver"].replace(names))
    )
    spec = MixSpec(sampling=Sampling(starts=1, chains=2, warmup=150, draws=600, longer=1))
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
    plain = MixModel(TINY).fit(release).summary().set_index("driver")
    other = MixModel(TINY).fit(scaled).summary().set_index("driver")
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
    one, two = MixModel(TINY).fit(release), MixModel(TINY).fit(floats)
    pd.testing.assert_frame_equal(one.contributions(), two.contributions())
    assert all(isinstance(v, Decimal) for v in two.contributions()["contribution"])


def test_too_short_a_window_is_refused_before_fitting():
    with pytest.raises(TooFewRowsError, match=r"observations .* parameters"):
        MixModel(QUICK).fit(small_release(dates=5))


def exact_sums(release: MixInputs, result) -> None:
    """Contributions of every cell sum to the outcome, digit by digit."""
    frame, outcome = result.contributions(), release.outcome
    key = [*KEY, *(["product_id"] if "product_id" in outcome else [])]
    sums = frame.groupby(key)["contribution"].sum().sort_index()
    expected = outcome.assign(date_day=pd.to_datetime(outcome["date_day"]))
    expected = expected.set_index(key)["net_revenue"].sort_index()
    assert len(sums) == len(expected)
    assert all(Decimal(repr(e)) == s for e, s in zip(expected, sums, strict=True))


def test_products_in_territories_are_series_and_sum_exactly():
    release = company(2, 80, 2, products=("ink", "pen"))
    values = release.outcome["net_revenue"].round(2)
    release = dataclasses.replace(release, outcome=release.outcome.assign(net_revenue=values))
    result = MixModel(TINY).fit(release)
    exact_sums(release, result)
    frame = result.contributions()
    assert list(frame.columns[:4]) == ["date_day", "territory_id", "product_id", "kind"]
    assert set(frame["product_id"]) == {"ink", "pen"}
    # A territory's spend is counted once, however many products it has.
    spend = result.summary().set_index("driver").spend["c0"]
    assert float(spend) == pytest.approx(
        release.drivers[release.drivers["driver"] == "c0"]["spend"].sum(), abs=0.01
    )


@pytest.mark.parametrize("decimals", [0, 2, 6])
def test_cells_sum_exactly_at_any_number_of_decimals(decimals):
    release = company(1, 70, 1)
    values = release.outcome["net_revenue"].round(decimals)
    release = dataclasses.replace(
        release, outcome=release.outcome.assign(net_revenue=values), decimals=decimals
    )
    exact_sums(release, MixModel(TINY).fit(release))


def test_months_are_a_grain_of_their_own():
    release = company(1, 48, 1, grain="month")
    values = release.outcome["net_revenue"].round(2)
    release = dataclasses.replace(release, outcome=release.outcome.assign(net_revenue=values))
    result = MixModel(TINY).fit(release)
    exact_sums(release, result)
    assert result.settings["grain"] == "month"


def test_returns_and_silent_weeks_are_outcomes_like_others():
    release = company(1, 90, 2)
    values = release.outcome["net_revenue"].round(2).to_numpy().copy()
    values[10:14], values[40:43] = -50.0, 0.0
    release = dataclasses.replace(release, outcome=release.outcome.assign(net_revenue=values))
    result = MixModel(TINY).fit(release)
    exact_sums(release, result)
    assert np.isfinite(result.summary()["contribution_p95"]).all()


def test_units_are_worth_what_is_said():
    release = company(1, 80, 2)
    plain = MixModel(TINY).fit(release).summary().set_index("driver")
    worth = MixModel(TINY.model_copy(update={"value_per_unit": 25.0})).fit(release)
    priced = worth.summary().set_index("driver")
    # Contribution stays in units, returns are in money.
    assert priced.contribution["c0"] == plain.contribution["c0"]
    assert priced.roi["c0"] == pytest.approx(25 * plain.roi["c0"])
    assert priced.mroi["c0"] == pytest.approx(25 * plain.mroi["c0"])
    assert priced.cost_per_unit["c0"] == pytest.approx(plain.cost_per_unit["c0"])


def test_exposure_before_the_window_carries_into_it_and_its_spend_is_not_counted():
    release = company(1, 80, 1, ahead=8)
    early = release.drivers["date_day"] < release.outcome["date_day"].min()
    result = MixModel(TINY).fit(release)
    spend = float(result.summary().set_index("driver").spend["c0"])
    media = release.drivers["driver"] == "c0"
    assert spend == pytest.approx(release.drivers[media & ~early]["spend"].sum(), abs=0.01)
    # With other exposure before, only the first dates of the response differ.
    drivers = release.drivers.copy()
    drivers.loc[media & early, "exposure"] *= 5.0
    states = []
    for frame in (release.drivers, drivers):
        of = pose(read_panel(dataclasses.replace(release, drivers=frame)), TINY).posterior()
        raw = of.raw(np.zeros(of.size))
        entry = of.response.entries[0]
        states.append(of.response.forward(raw).carried[0, 0] * entry.unit)
    assert abs(states[0][0] - states[1][0]) > 1e-3
    assert states[0][30:] == pytest.approx(states[1][30:], rel=1e-3)


def test_a_week_without_spend_adds_only_what_is_carried_over():
    release = company(1, 80, 1)
    quiet = release.drivers["date_day"] == release.drivers["date_day"].unique()[40]
    drivers = release.drivers.copy()
    drivers.loc[quiet & (drivers["driver"] == "c0"), ["exposure", "spend"]] = 0.0
    release = dataclasses.replace(release, drivers=drivers)
    for carry, nothing in (("none", True), ("geometric", False)):
        spec = TINY.model_copy(update={"drivers": {"c0": DriverSpec(adstock=carry)}})
        cells = MixModel(spec).fit(release).contributions()
        cell = cells[(cells["driver"] == "c0")].iloc[40]
        assert (cell["contribution"] == 0) == nothing
        assert (cell["p95"] == 0) == nothing


def test_a_landed_holiday_is_credited_where_it_falls():
    release = company(1, 104, 1)
    at = [20, 46, 72, 98]
    days = release.outcome["date_day"].unique()
    values = release.outcome["net_revenue"].to_numpy().copy()
    values[at] += 60.0
    release = dataclasses.replace(
        release,
        outcome=release.outcome.assign(net_revenue=values),
        holidays=pd.DataFrame({"date_day": days[at], "holiday": "fair", "country_code": "de"}),
    )
    cells = MixModel(TINY).fit(release).contributions()
    fair = cells[cells["kind"] == "holiday"]["contribution"].astype(float).to_numpy()
    assert fair[at] == pytest.approx(60.0, abs=15.0)
    assert (np.delete(fair, at) == 0).all()


def test_same_seed_gives_the_same_bytes_and_another_seed_nearly_the_same():
    release = company(1, 70, 1)
    one, two, other = (MixModel(TINY).fit(release, seed=seed) for seed in (4, 4, 5))
    for name in COLUMNS:
        first, second = (getattr(result, name)().to_csv() for result in (one, two))
        assert first == second
    assert one.summary().to_csv() != other.summary().to_csv()
