"""Results as tables: by side, by seed, and against the goals fixed beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from rich.table import Table

#: Figure, heading, decimals; in the order of issue and README.
FIGURES = (
    ("wall", "wall s", 1),
    ("cpu", "CPU s", 1),
    ("peak_mb", "peak MB", 0),
    ("ess", "least ESS", 0),
    ("ess_per_cpu", "ESS a CPU s", 1),
    ("r_hat", "greatest R-hat", 3),
    ("share_error", "share error, points", 2),
    ("coverage", "coverage of 90 %", 2),
    ("interval_score", "interval score", 3),
    ("media_error", "total media error", 3),
    ("media_error_absolute", "  the same, absolute", 3),
    ("holdout_mape", "holdout MAPE, %", 2),
)
PEERS = ("pymc", "meridian", "meridian-one-knot")
R_HAT, ESS = 1.01, 400
#: Power of the number of territories up to which cost counts as linear.
LINEAR = 1.1


def _spread(values: pd.Series, decimals: int) -> str:
    values = values.dropna()
    if values.empty:
        return "-"
    told = [f"{value:.{decimals}f}" for value in (values.median(), values.min(), values.max())]
    return f"{told[0]} ({told[1]} to {told[2]})" if len(values) > 1 else told[0]


def _column(results: pd.DataFrame, name: str) -> pd.Series:
    empty = pd.Series(float("nan"), index=results.index)
    return pd.to_numeric(results[name]) if name in results else empty


def converged(results: pd.DataFrame) -> pd.Series:
    """R-hat at most 1.01 and ESS at least 400, row by row; a fit without them has not."""
    return (_column(results, "r_hat") <= R_HAT) & (_column(results, "ess") >= ESS)


def by_side(results: pd.DataFrame, sides: list[str], size: str) -> Table:
    """Median (least to most) over seeds of every figure, a column a side."""
    table = Table(title=f"{size}: median (least to most) over seeds", title_justify="left")
    table.add_column("figure")
    parts = {side: results[results["side"] == side] for side in sides}
    for side in sides:
        table.add_column(side, justify="right")
    counts = {side: part["status"].value_counts() for side, part in parts.items()}
    for status in ("done", "capped", "failed"):
        table.add_row(f"fits {status}", *[str(counts[side].get(status, 0)) for side in sides])
    table.add_row("  of these converged", *[str(int(converged(parts[s]).sum())) for s in sides])
    for name, heading, decimals in FIGURES:
        table.add_row(heading, *[_spread(_column(parts[s], name), decimals) for s in sides])
    return table


def by_seed(results: pd.DataFrame, sides: list[str], size: str) -> Table:
    """Share error of every side on every seed, beside both floors."""
    table = Table(title=f"{size}: share error in points, by seed", title_justify="left")
    for heading in ("seed", "forms", "by spend", "equally", *sides):
        table.add_column(heading, justify="right")
    for seed, rows in results.groupby("seed"):
        first, told = rows.iloc[0], []
        for side in sides:
            row = rows[rows["side"] == side]
            if row.empty:
                told.append("-")
            elif row["status"].iloc[0] != "done":
                told.append(str(row["status"].iloc[0]))
            else:
                lost = row["share_error"].iloc[0] >= min(
                    first["floor_spend"], first["floor_equally"]
                )
                told.append(f"{row['share_error'].iloc[0]:.2f}{' *' if lost else ''}")
        table.add_row(
            str(seed),
            "usual" if first["usual"] else "other",
            f"{first['floor_spend']:.2f}",
            f"{first['floor_equally']:.2f}",
            *told,
        )
    table.caption = "* not below both floors"
    return table


@dataclass(frozen=True)
class Goal:
    """One goal of the issue: what was asked, what was found, whether it is met (None: unknown)."""

    text: str
    found: str
    met: bool | None


def goals(results: pd.DataFrame, size: str) -> list[Goal]:
    """The goals fixed beforehand (README), on the fits of one size."""
    ours = results[results["side"] == "liftcast"]
    if ours.empty:
        return []
    done = ours[ours["status"] == "done"]
    seconds = 10 if size == "national" else 60
    found = [
        _most(ours, "wall", seconds, f"a fit takes at most {seconds} s"),
        _most(ours, "peak_mb", 1500, "peak memory is at most 1,500 MB"),
        *_efficiency(results),
        *_shares(results),
    ]
    error = _column(done, "media_error_absolute").mean()
    signed = _column(done, "media_error").mean()
    found.append(
        Goal(
            "total media within 15 % on the mean (absolute)",
            f"{error:.3f}, signed {signed:+.3f}",
            bool(error <= 0.15),
        )
    )
    held = _column(done, "coverage").mean()
    found.append(Goal("coverage 0.85 to 0.97", f"{held:.3f}", bool(0.85 <= held <= 0.97)))
    count = int(converged(ours).sum())
    text = f"converged on every seed (R-hat {R_HAT}, ESS {ESS})"
    found.append(Goal(text, f"{count} of {len(ours)}", count == len(ours)))
    return found


def _most(ours: pd.DataFrame, name: str, limit: float, text: str) -> Goal:
    most = _column(ours, name).max()
    failed = int((ours["status"] != "done").sum())
    told = f"most {most:.1f}" + (f", {failed} not done" if failed else "")
    return Goal(text, told, bool(most <= limit and not failed))


def _efficiency(results: pd.DataFrame) -> list[Goal]:
    """ESS a CPU second against the better peer's, as medians over seeds."""
    medians = results.assign(value=_column(results, "ess_per_cpu"))
    medians = medians.groupby("side")["value"].median()
    peers = medians.reindex(PEERS).dropna()
    text = "ESS a CPU second at least 20 times the better peer's"
    if peers.empty:
        return [Goal(text, "no peer finished a fit", None)]
    ratio = medians["liftcast"] / peers.max()
    told = ", ".join(f"{name} {value:.2f}" for name, value in peers.items())
    found = f"{ratio:.1f} times: {medians['liftcast']:.1f} against {told}"
    return [Goal(text, found, bool(ratio >= 20))]


def _shares(results: pd.DataFrame) -> list[Goal]:
    """Share error against the better peer, on the seeds that all finished sides share, and against
    the floors on every seed."""
    wide = results.assign(value=_column(results, "share_error")).pivot(
        index="seed", columns="side", values="value"
    )
    found = []
    peers = [peer for peer in PEERS if peer in wide and wide[peer].notna().any()]
    if peers:
        both = wide[["liftcast", *peers]].dropna()
        means = both.mean()
        better = means[peers].idxmin() if len(both) else peers[0]
        text = "mean share error at most half of the better peer's"
        told = f"{means['liftcast']:.2f} against {means[better]:.2f} ({better}), {len(both)} seeds"
        ratio = means["liftcast"] / means[better]
        found.append(Goal(text, told, bool(ratio <= 0.5) if len(both) else None))
    else:
        text = "mean share error at most half of the better peer's"
        found.append(Goal(text, "no peer finished a fit", None))
    ours = results[results["side"] == "liftcast"]
    floor = ours[["floor_spend", "floor_equally"]].min(axis=1)
    below = int((_column(ours, "share_error") < floor).sum())
    text = "share error below both floors on every seed"
    found.append(Goal(text, f"{below} of {len(ours)}", below == len(ours)))
    return found


def growth(counts: list[int], seconds: list[float]) -> float:
    """The power of the count that seconds grow with: 1 is linear. Least squares on logarithms."""
    return float(np.polyfit(np.log(counts), np.log(seconds), 1)[0])


def scale_goals(
    results: pd.DataFrame, large: Sequence[str], series: Mapping[str, int]
) -> list[Goal]:
    """The goals on large panels: they finish, and cost is linear in territories.

    Args:
        results: liftcast's fits.
        large: sizes that must finish.
        series: number of territories by size, all else the same.
    """
    done = results[results["status"] == "done"]
    found = []
    for size in large:
        row = done[done["size"] == size]
        told = "not done"
        if len(row):
            cost = row.iloc[0]
            told = f"{cost['wall']:.1f} s, {cost['peak_mb']:,.0f} MB"
        found.append(Goal(f"{size} finishes", told, bool(len(row))))
    rows = done[done["size"].isin(series)]
    text = f"cost grows at most linearly in territories (power at most {LINEAR})"
    if len(rows) < len(series):
        return [*found, Goal(text, f"{len(rows)} of {len(series)} sizes done", False)]
    power = growth([series[name] for name in rows["size"]], list(rows["cpu"]))
    return [*found, Goal(text, f"CPU seconds to the power of {power:.2f}", bool(power <= LINEAR))]


def goal_table(found: list[Goal], size: str) -> Table:
    table = Table(title=f"{size}: goals fixed beforehand", title_justify="left")
    for heading in ("goal", "found", "met"):
        table.add_column(heading)
    for goal in found:
        table.add_row(goal.text, goal.found, {True: "yes", False: "NO", None: "-"}[goal.met])
    return table
