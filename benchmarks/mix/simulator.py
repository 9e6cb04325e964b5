"""Panels with known truth, for judging mix models; no code shared with `models` or `simulation`.

    python benchmarks/mix/simulator.py --seed 3 --size national --out DIR

What is drawn, and why, was written down before any model was fitted to it:

- **Size of media.** 15 to 40 % of revenue. A channel's share of spend is log-normal (sd 0.7), its
  return relative to the others log-normal (sd 0.6), so splitting by spend is a real rival; return
  on all spend together is log-normal with median 1.5 (sd 0.3), inside every peer's default prior.
- **Plans.** See `spending`: always on, in flights, seasonal; one correlated pair per four channels.
- **Noise.** 2 to 5 % of mean revenue nationally, half fading (AR(1), 0.3 to 0.7), half white. In a
  territory of mean size 5 to 10 %, more in smaller ones, three tenths of it shared by all.
- **Territories.** Population over a factor of 10, revenue a head sd 0.2 (log), effects of a channel
  sd 0.15 to 0.25 (log), own trends and seasons near the common ones.
- **Controls.** `control_price` matters (2 to 4 % of revenue per standard deviation, negative),
  `control_weather` does not.
- **Before the window.** 26 weeks of spend precede the first row; their carry-over is in revenue and
  counts as the channel's contribution, as it would in a real ledger. No model sees those weeks.
- **Even seeds** use the forms that mix models assume: geometric carry-over (0.1 to 0.7), Hill
  saturation, additive season of two harmonics (5 to 20 % of the level), trend linear with at most
  two bends.
- **Odd seeds** use forms that none assumes: carry-over that peaks after 1 to 3 weeks (in seven
  channels of ten; the rest geometric), logistic or root saturation, a season of three harmonics
  that multiplies baseline and media, three channels of eight whose budget follows expected demand
  (demand to the power of 1.5 to 3), a step of 5 to 12 % in the level.

Seeds 1 to 20 are for makers of models to look at; 101 and up are for proof only.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from spending import NAMES, Plan, fading, plan, spend_pattern

BEFORE = 26  # weeks of spend before the first row
HOLDOUT = 13  # weeks after the last row, in a file of their own
FIRST_WEEK = "2021-01-04"
REVENUE_PER_HEAD = 0.25  # a week
PEOPLE = 4_000_000
PRICE, WEATHER = "control_price", "control_weather"


@dataclass(frozen=True)
class Size:
    """Rows to fit (weeks), paid channels, territories (0 for a national panel)."""

    weeks: int
    channels: int
    territories: int = 0


SIZES = {
    "national": Size(156, 8),
    "territories": Size(104, 6, 40),
    "national-large": Size(200, 30),
    "territories-large": Size(156, 12, 200),
    **{f"territories-{count}": Size(104, 6, count) for count in (25, 50, 100, 200)},
}


@dataclass(frozen=True)
class Truth:
    """What the simulator knows and no model is told. Money in the panel's currency.

    Attributes:
        contributions: date, [territory,] driver, kind (media, control, baseline), contribution;
            sums by date and territory to the expectation.
        totals: driver, spend, contribution, share (of all media), roi; media only, whole window.
        holdout: the 13 weeks after the panel: its columns and `expectation`.
        settings: seed, size and every drawn form.
    """

    contributions: pd.DataFrame
    totals: pd.DataFrame
    holdout: pd.DataFrame
    settings: dict[str, object]


def carried(exposure: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum over lags of weight times exposure, along the weeks (second axis); nothing before."""
    total = np.zeros_like(exposure)
    for lag, weight in enumerate(weights[: exposure.shape[1]]):
        total[:, lag:] += weight * exposure[:, : exposure.shape[1] - lag]
    return total


def carry_over(rng: np.random.Generator, usual: bool) -> tuple[np.ndarray, dict[str, float | str]]:
    """Weights by lag, which sum to 1, and their description."""
    lag = np.arange(BEFORE)
    if usual or rng.random() < 0.3:
        keep = rng.uniform(0.1, 0.7)
        weights, told = keep**lag, {"carry_over": "geometric", "keep": keep}
    else:
        keep, peak = rng.uniform(0.5, 0.85), rng.uniform(1, 3)
        weights = keep ** ((lag - peak) ** 2)
        told = {"carry_over": "peaked", "keep": keep, "peak": peak}
    return weights / weights.sum(), told


def saturated(
    rng: np.random.Generator, exposure: np.ndarray, running: float, usual: bool
) -> tuple[np.ndarray, dict[str, float | str]]:
    """Response to carried exposure, without a unit; `running` is the exposure of a usual week on
    air, which half-saturation is drawn relative to (log-normal, median 1.5, sd 0.4)."""
    relative = exposure / running
    if usual:
        half, shape = 1.5 * np.exp(0.4 * rng.standard_normal()), rng.uniform(0.9, 1.6)
        raised = relative**shape
        told = {"saturation": "hill", "half": half, "shape": shape}
        return raised / (raised + half**shape), told
    if rng.random() < 0.5:
        half = 1.5 * np.exp(0.4 * rng.standard_normal())
        told = {"saturation": "logistic", "half": half}
        return np.tanh(relative * np.arctanh(0.5) / half), told
    power = rng.uniform(0.4, 0.8)
    return relative**power, {"saturation": "root", "power": power}


def seasons(rng: np.random.Generator, angle: np.ndarray, usual: bool) -> np.ndarray:
    """Season relative to the level, mean 0 over a year, half-swing 5 to 20 % (odd: 10 to 25 %)."""
    harmonics = 2 if usual else 3
    wave = np.zeros_like(angle)
    for h in range(1, harmonics + 1):
        along, across = rng.standard_normal(2) / h
        wave += along * np.cos(h * angle) + across * np.sin(h * angle)
    swing = rng.uniform(0.05, 0.20) if usual else rng.uniform(0.10, 0.25)
    return np.asarray(swing * wave / np.abs(wave).max())


def trends(rng: np.random.Generator, weeks: int, territories: int) -> np.ndarray:
    """Level relative to its start (territories, weeks): at most two bends, slopes within 8 % a
    year; territories' slopes differ by 2 % a year (sd)."""
    year = np.arange(weeks) / 52.18
    slope = np.full(weeks, rng.uniform(-0.04, 0.08))
    for _ in range(int(rng.integers(0, 3))):
        slope[int(rng.integers(weeks // 5, weeks * 4 // 5)) :] = rng.uniform(-0.06, 0.08)
    common = 1 + np.cumsum(slope) / 52.18
    own = rng.normal(0, 0.02, (territories, 1)) if territories > 1 else np.zeros((1, 1))
    return np.asarray(common[None] + own * (year - year.mean())[None])


def noises(
    rng: np.random.Generator, level: np.ndarray, people: np.ndarray, weeks: int
) -> np.ndarray:
    """Noise in money (territories, weeks): half of its variance fades, half is white."""
    territories, memory = len(people), rng.uniform(0.3, 0.7)

    def mixed(rows: int) -> np.ndarray:
        both = fading(rng, (rows, weeks), memory) + rng.standard_normal((rows, weeks))
        return np.asarray(both / np.sqrt(2))

    if territories == 1:
        return np.asarray(rng.uniform(0.02, 0.05) * level[:, None] * mixed(1))
    width = rng.uniform(0.05, 0.10) * level * (people / people.mean()) ** -0.25
    return np.asarray(
        width[:, None] * (np.sqrt(0.3) * mixed(1) + np.sqrt(0.7) * mixed(territories))
    )


def people_of(rng: np.random.Generator, territories: int) -> np.ndarray:
    """Population by territory over a factor of 10; one of four million for a national panel."""
    if not territories:
        return np.full(1, float(PEOPLE))
    relative = rng.permutation(np.geomspace(1.0, 10.0, territories))
    return np.asarray(np.round(relative / relative.mean() * PEOPLE / 10))


def demands(
    rng: np.random.Generator, size: Size, angle: np.ndarray, usual: bool
) -> tuple[np.ndarray, np.ndarray, dict[str, object]]:
    """Demand without media (territories, weeks) relative to its level; season; what was drawn."""
    units = max(size.territories, 1)
    trend = trends(rng, len(angle), units)
    spread = rng.normal(0, 0.15 if size.territories else 0.0, (units, 1))
    season = seasons(rng, angle, usual)[None] * np.exp(spread)
    if usual:
        return trend + season, season, {}
    at = int(rng.integers(BEFORE + size.weeks // 4, BEFORE + size.weeks * 3 // 4))
    step = rng.choice([-1, 1]) * rng.uniform(0.05, 0.12)
    trend[:, at:] += step
    return trend * (1 + season), season, {"step": step, "step_week": at - BEFORE}


def media_plan(
    rng: np.random.Generator, size: Size, baseline: np.ndarray, people: np.ndarray, usual: bool
) -> tuple[np.ndarray, np.ndarray, Plan, dict[str, object]]:
    """Spend (territories, weeks, channels), true contribution by channel, plan, what was drawn."""
    window = slice(BEFORE, BEFORE + size.weeks)
    chosen = plan(rng, size.channels, demand_led=not usual)
    demand = baseline / baseline.mean(axis=1, keepdims=True)
    relative = spend_pattern(rng, chosen, demand, len(people)) * people[:, None, None]
    money = np.exp(0.7 * rng.standard_normal(size.channels))
    returns = np.exp(0.6 * rng.standard_normal(size.channels))
    share = rng.uniform(0.15, 0.40)
    overall = 1.5 * np.exp(0.3 * rng.standard_normal())
    total = share / (1 - share) * baseline[:, window].sum()
    value = money * returns / (money * returns).sum() * total
    budget = money / money.sum() * total / overall
    spend = np.round(relative * (budget / relative[:, window].sum(axis=(0, 1))), 2)
    return spend, value, chosen, {"media_share": share, "overall_roi": overall}


def responses(
    rng: np.random.Generator,
    size: Size,
    spend: np.ndarray,
    *,
    people: np.ndarray,
    swing: np.ndarray,
    usual: bool,
) -> tuple[np.ndarray, list[dict[str, float | str]]]:
    """Response to spend (territories, weeks, channels) without a unit, and the drawn forms.

    Saturation acts on spend per head; `swing` (territories, weeks) multiplies what comes out.
    """
    response, forms = np.empty_like(spend), []
    for c in range(size.channels):
        exposure = spend[:, :, c] / people[:, None]
        weights, carry = carry_over(rng, usual)
        running = exposure[exposure > 0].mean()
        curve, shape = saturated(rng, carried(exposure, weights), running, usual)
        differs = rng.uniform(0.15, 0.25) if size.territories else 0.0
        effect = np.exp(rng.normal(0, differs, len(people))) * people
        response[:, :, c] = effect[:, None] * curve * swing
        forms.append({"channel": NAMES[c], **carry, **shape, "territory_sd": differs})
    return response, forms


def simulate_panel(seed: int, size: str | Size = "national") -> tuple[pd.DataFrame, Truth]:
    """A panel and the truth behind it; the same seed and size give the same bytes.

    Args:
        seed: even seeds use the usual forms, odd seeds others.
        size: a name of `SIZES`, or a `Size`.

    Returns:
        The panel (date, [territory, population,] revenue, spend_<channel>..., control_price,
        control_weather), weeks x territories rows, and its `Truth`.
    """
    size = SIZES[size] if isinstance(size, str) else size
    usual = seed % 2 == 0
    rng = np.random.default_rng([seed, size.weeks, size.channels, size.territories])
    weeks, window = BEFORE + size.weeks + HOLDOUT, slice(BEFORE, BEFORE + size.weeks)
    people = people_of(rng, size.territories)
    head = rng.normal(0, 0.2 if size.territories else 0.0, len(people))
    level = people * np.exp(head) * REVENUE_PER_HEAD  # mean baseline a week (territories,)
    demand, season, stepped = demands(rng, size, 2 * np.pi * np.arange(weeks) / 52.18, usual)
    baseline = level[:, None] * demand / demand[:, window].mean(axis=1, keepdims=True)

    spend, value, chosen, drawn = media_plan(rng, size, baseline, people, usual)
    swing = np.ones_like(season) if usual else 1 + season
    media, forms = responses(rng, size, spend, people=people, swing=swing, usual=usual)
    media *= value / media[:, window].sum(axis=(0, 1))

    price, weather = (fading(rng, (len(people), weeks), memory) for memory in (0.8, 0.6))
    if size.territories:  # prices mostly move together
        price = np.sqrt(0.6) * fading(rng, (1, weeks), 0.8) + np.sqrt(0.4) * price
    price, weather = price.round(4), weather.round(4)
    priced = -rng.uniform(0.02, 0.04) * level[:, None] * price
    expectation = baseline + priced + media.sum(axis=2)
    noise = noises(rng, expectation[:, window].mean(axis=1), people, weeks)

    told = {"seed": seed, **asdict(size), "usual_forms": usual, **drawn, **stepped}
    told |= {"plan": asdict(chosen), "channels_drawn": forms}
    cells = {"revenue": np.round(expectation + noise, 2)}
    cells |= {f"spend_{NAMES[c]}": spend[:, :, c] for c in range(size.channels)}
    frame = _frame(size, people, cells | {PRICE: price, WEATHER: weather})
    parts = {f"spend_{NAMES[c]}": ("media", media[:, :, c]) for c in range(size.channels)}
    parts |= {PRICE: ("control", priced), "baseline": ("baseline", baseline)}
    return _told(size, frame, parts, expectation, told)


def _frame(size: Size, people: np.ndarray, cells: dict[str, np.ndarray]) -> pd.DataFrame:
    """The panel's columns for all weeks from the first fitted one, holdout included."""
    index = pd.date_range(FIRST_WEEK, periods=size.weeks + HOLDOUT, freq="7D")
    frame = pd.DataFrame({"date": np.tile(index, len(people))})
    if size.territories:
        names = [f"T{g + 1:03d}" for g in range(len(people))]
        frame["territory"] = np.repeat(names, len(index))
        frame["population"] = np.repeat(people.astype(int), len(index))
    flat = {name: values[:, BEFORE:].ravel() for name, values in cells.items()}
    return pd.concat([frame, pd.DataFrame(flat)], axis=1)


def _told(
    size: Size,
    frame: pd.DataFrame,
    parts: dict[str, tuple[str, np.ndarray]],
    expectation: np.ndarray,
    settings: dict[str, object],
) -> tuple[pd.DataFrame, Truth]:
    """Cut window from holdout, and tell the truth of the window."""
    fitted = (frame["date"] < frame["date"].min() + pd.Timedelta(weeks=size.weeks)).to_numpy()
    key = ["date", "territory"] if size.territories else ["date"]
    contributions = pd.concat(
        [
            frame.loc[fitted, key].assign(
                driver=driver, kind=kind, contribution=cells[:, BEFORE:].ravel()[fitted]
            )
            for driver, (kind, cells) in parts.items()
        ],
        ignore_index=True,
    )
    media = contributions[contributions["kind"] == "media"]
    drivers = [driver for driver, (kind, _) in parts.items() if kind == "media"]
    totals = pd.DataFrame({"driver": drivers})
    totals["spend"] = frame.loc[fitted, drivers].sum().round(2).to_numpy()
    totals["contribution"] = media.groupby("driver")["contribution"].sum()[drivers].to_numpy()
    totals["share"] = totals["contribution"] / totals["contribution"].sum()
    totals["roi"] = totals["contribution"] / totals["spend"]
    holdout = frame.assign(expectation=expectation[:, BEFORE:].ravel())[~fitted]
    panel = frame[fitted].reset_index(drop=True)
    return panel, Truth(contributions, totals, holdout.reset_index(drop=True), settings)


def write(seed: int, size: str, folder: Path) -> None:
    """Write panel.csv (for models), holdout.csv, truth.csv, totals.csv and truth.json."""
    panel, truth = simulate_panel(seed, size)
    folder.mkdir(parents=True, exist_ok=True)
    panel.to_csv(folder / "panel.csv", index=False)
    truth.holdout.to_csv(folder / "holdout.csv", index=False)
    truth.contributions.to_csv(folder / "truth.csv", index=False)
    truth.totals.to_csv(folder / "totals.csv", index=False)
    text = json.dumps(truth.settings, indent=1, default=float)
    (folder / "truth.json").write_text(text + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description="Simulate a panel with known truth")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--size", choices=SIZES, default="national")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    write(asked.seed, asked.size, asked.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
