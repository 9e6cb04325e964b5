"""Recovery of a simulated company's truth; the simulator shares no code with the model."""

import math

import numpy as np
import pandas as pd
import pytest

from models.mix import MixInputs, MixModel, MixSpec
from models.mix.spec import Sampling

# Settings and priors were chosen on seeds 100 to 131; these were not looked at before.
PROOF_SEEDS = (1, 2, 3, 4, 5, 6)
# A short walk: that long ones converge is tested elsewhere.
SHORT = MixSpec(sampling=Sampling(starts=2, warmup=150, draws=200, longer=1))
WEEKS = 156


def company(seed: int) -> tuple[MixInputs, dict[str, float]]:
    """A company with 1 to 4 territories and five channels, and each channel's true total.

    Odd channels saturate like 1 - exp(-x), which the model does not assume.
    """
    rng = np.random.default_rng(seed)
    territories = int(rng.integers(1, 5))
    population = rng.uniform(0.5, 3.0, territories)
    week = np.arange(WEEKS)
    season = 0.12 * np.sin(2 * math.pi * (week - 9) / 52.18) + 0.05 * np.cos(
        4 * math.pi * week / 52.18
    )
    trend = 0.1 * week / WEEKS + np.where(week > 90, -0.08 * (week - 90) / WEEKS, 0.0)
    raw = rng.dirichlet(np.full(5, 3.0))
    target = raw * rng.uniform(0.15, 0.35)
    alphas = rng.uniform(0.0, 0.7, 5)
    exposure = np.zeros((territories, 5, WEEKS))
    effect = np.zeros((territories, 5, WEEKS))
    for c in range(5):
        plan = np.exp(rng.normal(0, 0.5, WEEKS)) * (1 + 0.5 * (season > 0.05))
        if c in (1, 3):
            plan *= np.repeat(rng.uniform(size=WEEKS // 4) < 0.4, 4)
        for g in range(territories):
            exposure[g, c] = plan * np.exp(rng.normal(0, 0.35, WEEKS)) * population[g] * 1e5
            x = exposure[g, c] / (population[g] * 1e5)
            carried = np.zeros(WEEKS)
            for t in range(WEEKS):
                for lag in range(min(t, 12) + 1):
                    carried[t] += alphas[c] ** lag * x[t - lag]
            typical = carried[carried > 0.2 * carried.max()].mean()
            if c % 2:
                effect[g, c] = 1 - np.exp(-carried / typical)
            else:
                effect[g, c] = carried / (carried + 1.2 * typical)
    base = (1 + season + trend) * 1e6 * population[:, None]
    total = base.sum()
    for c in range(5):
        weighted = effect[:, c] * population[:, None]
        effect[:, c] = weighted / weighted.sum() * target[c] / (1 - target.sum()) * total
    noise = np.zeros((territories, WEEKS))
    for g in range(territories):
        for t in range(WEEKS):
            noise[g, t] = 0.3 * noise[g, t - 1] * (t > 0) + rng.normal(0, 0.03)
    control = rng.normal(size=(territories, WEEKS))
    promo = (rng.uniform(size=(territories, WEEKS)) < 0.12) * rng.uniform(
        0.1, 0.3, (territories, WEEKS)
    )
    outcome = base + effect.sum(axis=1)
    outcome += population[:, None] * 1e6 * (noise + 0.03 * control + 0.5 * promo)

    dates = pd.date_range("2021-01-04", periods=WEEKS, freq="7D")
    names = [f"t{g}" for g in range(territories)]

    def long(values: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "date_day": np.tile(dates, territories),
                "territory_id": np.repeat(names, WEEKS),
                "value": values.ravel(),
            }
        )

    cost = rng.uniform(0.005, 0.02, 5)
    frames = [
        long(exposure[:, c])
        .rename(columns={"value": "exposure"})
        .assign(
            kind="media",
            driver=f"channel_{c}",
            exposure_unit="impressions",
            spend=lambda f, c=c: (f["exposure"] * cost[c]).round(2),
        )
        for c in range(5)
    ]
    frames.append(
        long(promo)
        .rename(columns={"value": "exposure"})
        .assign(kind="promotion", driver="price_cut", exposure_unit="depth", spend=0.0)
    )
    release = MixInputs(
        outcome=long(outcome.round(2)).rename(columns={"value": "net_revenue"}),
        drivers=pd.concat(frames, ignore_index=True),
        controls=long(control).assign(control="weather"),
        territories=pd.DataFrame({"territory_id": names, "population": population * 1e6}),
        grain="week",
        currency="USD",
    )
    truth = {f"channel_{c}": float(effect[:, c].sum()) for c in range(5)}
    truth["price_cut"] = float((population[:, None] * 1e6 * 0.5 * promo).sum())
    return release, truth


@pytest.fixture(scope="module")
def proof() -> list[tuple[pd.DataFrame, dict[str, float], float]]:
    """Summary, truth and net revenue of every proof seed."""
    out = []
    for seed in PROOF_SEEDS:
        release, truth = company(seed)
        summary = MixModel(SHORT).fit(release).summary().set_index("driver")
        out.append((summary, truth, float(release.outcome["net_revenue"].sum())))
    return out


def test_ninety_percent_intervals_cover_the_true_totals(proof):
    hits = [
        bool(summary.contribution_p05[name] <= total <= summary.contribution_p95[name])
        for summary, truth, _ in proof
        for name, total in truth.items()
    ]
    # 36 totals: at 90 % coverage fewer than 27 hits has a chance below 0.5 %.
    print(f"{sum(hits)} of {len(hits)} intervals hold the truth")
    assert len(hits) == 36
    assert sum(hits) / len(hits) >= 0.75


def test_intervals_are_narrow_enough_to_mean_something(proof):
    widths = [
        (summary.contribution_p95[name] - summary.contribution_p05[name]) / revenue
        for summary, truth, revenue in proof
        for name in truth
    ]
    assert np.mean(widths) < 0.06


def test_total_media_is_near_the_truth(proof):
    errors = []
    for summary, truth, _ in proof:
        names = [name for name in truth if name != "price_cut"]
        errors.append(
            sum(float(summary.contribution[n]) for n in names) / sum(truth[n] for n in names) - 1
        )
    print(f"total media: {np.mean(errors):+.1%} on average, {max(np.abs(errors)):.1%} at worst")
    assert abs(np.mean(errors)) < 0.15
    assert max(np.abs(errors)) < 0.40


def test_shares_beat_splitting_the_true_total_by_spend_on_average(proof):
    # The split is told the true total, which the model is not; by luck it wins on one seed of six.
    model, floor = [], []
    for summary, truth, revenue in proof:
        names = [name for name in truth if name != "price_cut"]
        total = sum(truth[name] for name in names)
        spend = sum(float(summary.spend[name]) for name in names)
        model += [abs(float(summary.contribution[n]) - truth[n]) / revenue for n in names]
        floor += [abs(float(summary.spend[n]) / spend * total - truth[n]) / revenue for n in names]
    print(f"mean share error: {np.mean(model):.2%}, split by spend {np.mean(floor):.2%}")
    assert np.mean(model) < np.mean(floor)


def test_a_promotion_is_recovered_within_a_tenth(proof):
    errors = [
        float(summary.contribution["price_cut"]) / truth["price_cut"] - 1
        for summary, truth, _ in proof
    ]
    assert max(np.abs(errors)) < 0.10
