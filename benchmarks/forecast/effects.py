"""Do intervals of scenarios hold? A known promotion in simulated chains; errors that run or not.

    python benchmarks/forecast/effects.py [--seeds 12]

Eight series, a year of days, a promotion worth 30 % in the mean, unlike from series to series
(deviation 5 points of log), day errors of 8 % own and 6 % common; the plan is changed from no
promotion to one on every day of 14. Counted: whether the interval of the difference holds what the
promotion brings.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from forecasting.candidates.naive import RecentMean, SeasonalNaive
from forecasting.candidates.pooled import PooledTrees
from forecasting.candidates.regression import LogOls
from forecasting.grid import Floats
from forecasting.longframe import lay_out
from forecasting.scenarios import compare_plans

DAYS, H, SERIES = 364, 14, 8
LIFT, UNLIKE, OWN, COMMON = 0.30, 0.05, 0.08, 0.06


def chain(seed: int, carry: float) -> tuple[pd.DataFrame, dict[str, float]]:
    """The chain's days, and what the promotion brings to each shop over the horizon."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2023-01-02", periods=DAYS + H)

    def errors() -> Floats:
        out = np.zeros(len(dates))
        for day in range(1, len(dates)):
            out[day] = carry * out[day - 1] + np.sqrt(1 - carry**2) * rng.standard_normal()
        return out

    common = COMMON * errors()
    frames, brings = [], {}
    for number in range(SERIES):
        weeks = rng.random(len(dates) // 7 + 1) < 0.4
        promo = weeks.astype(int).repeat(7)[: len(dates)]
        lift = LIFT + UNLIKE * rng.standard_normal()
        base = 5 + 0.2 * number + 0.05 * dates.dayofweek.to_numpy()
        units = np.round(np.exp(base + lift * promo + common + OWN * errors()))
        usual = np.exp(base[-H:] + (OWN**2 + COMMON**2) / 2)
        brings[f"s{number}"] = float((usual * np.expm1(lift)).sum())
        frames.append(
            pd.DataFrame({"shop": f"s{number}", "day": dates, "units": units, "promo": promo})
        )
    return pd.concat(frames, ignore_index=True), brings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=12)
    asked = parser.parse_args()
    shown = Table(title="differences of two plans over 14 days: does the interval hold the truth?")
    for heading in ("errors", "of", "cases", "in 80 %", "in 95 %", "bias", "spread", "80 % width"):
        shown.add_column(heading, justify="right")
    for label, carry in (("a day's own", 0.0), ("carried on by 0.8", 0.8)):
        found: dict[str, list[tuple[bool, bool, float, float]]] = defaultdict(list)
        for seed in range(100, 100 + asked.seeds):
            frame, brings = chain(seed, carry)
            first = frame["day"].max() - pd.Timedelta(days=H - 1)
            past, plan = frame[frame["day"] < first], frame[frame["day"] >= first]
            laid = {
                name: lay_out(
                    past, plan.drop(columns="units").assign(promo=on), series=["shop"],
                    date="day", target="units", horizon=H,
                )
                for name, on in (("none", 0), ("all", 1))
            }  # fmt: skip
            race = (SeasonalNaive(), RecentMean(), LogOls(), PooledTrees())
            table = compare_plans(laid, candidates=race).table
            table = table[(table["driver"] == "all") & (table["ds"] == table["ds"].min())]
            for row in table[table["ds_last"] == table["ds_last"].max()].itertuples():
                truth = brings.get(row.key, sum(brings.values()))
                found[row.level].append(
                    (row.p10 <= truth <= row.p90, row.p025 <= truth <= row.p975,
                     row.mean / truth - 1, (row.p90 - row.p10) / truth)
                )  # fmt: skip
        for level, rows in found.items():
            in80, in95, bias, width = np.mean(rows, axis=0)
            spread = float(np.std([row[2] for row in rows]))
            cells = [f"{v:.3f}" for v in (in80, in95, bias, spread, width)]
            shown.add_row(label, level, str(len(rows)), *cells)
    Console().print(shown)


if __name__ == "__main__":
    main()
