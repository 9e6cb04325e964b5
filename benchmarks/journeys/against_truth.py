"""Credit of journeys beside what channels really caused in the simulated company.

python benchmarks/journeys/against_truth.py --seeds 101 102 103

The company knows of every order of a known customer which channel caused it, or that it was coming
anyway; an order that a channel caused has a touch of it, and other touches by chance.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
from rich.console import Console
from rich.table import Table

from liftcast.journeys_building import Wishes, build, open_scratch
from liftcast.journeys_crediting import credit_of
from simulation import simulate

RULES = (
    "first", "last", "last_non_direct", "linear", "position", "time_decay", "shapley", "markov",
)  # fmt: skip
#: Days; the company's channels act for 28.
LOOKBACK = 30.0


@dataclass(frozen=True)
class Compared:
    """What was credited and what was true.

    Attributes:
        credited: orders by channel (rows) and rule (columns), only channels that cause orders.
        caused: orders each channel caused, by channel.
        orders: all orders of known customers.
        found: share of the caused orders whose path holds the channel that caused them.
    """

    credited: pd.DataFrame
    caused: pd.Series
    orders: int
    found: float

    @property
    def times(self) -> pd.DataFrame:
        """Credited orders for each that was caused, by channel and rule; the last row is all."""
        whole = self.credited.sum() / self.caused.sum()
        out = self.credited.div(self.caused, axis=0)
        out.loc["all four"] = whole
        return out

    @property
    def split_error(self) -> pd.Series:
        """Largest difference of a channel's share of what the four get, in points, by rule."""
        share = self.credited / self.credited.sum()
        return 100 * share.sub(self.caused / self.caused.sum(), axis=0).abs().max()


def compare(folder: Path, *, devices: bool = False) -> Compared:
    """Credit of a simulated company's touches and orders against its truth.

    Args:
        folder: what `simulate` wrote; size s, which is CSV.
        devices: whether it is known which second devices belong to whom.
    """
    work = Path(tempfile.mkdtemp(dir=folder))
    try:
        conversions = work / "conversions.parquet"
        with duckdb.connect() as connection:
            connection.execute(
                f"copy (select order_id as conversion_id, customer_id as person_id, "
                f"min(sold_at) as converted_at from read_csv('{folder}/sales.csv') where "
                f"booked_by = 'company' and customer_kind = 'B2C' and customer_id is not null "
                f"and net_revenue >= 0 group by all) to '{conversions}' (format parquet)"
            )
        known = folder / "truth" / "devices.csv" if devices else None
        files = (folder / "touchpoints.csv", conversions, known)
        connection = open_scratch(work, [file for file in files if file], "1GB", 1)
        try:
            built = build(connection, work, files, Wishes(lookback={"": LOOKBACK}, direct="direct"))
            credit = credit_of(connection, built, RULES, 1, 0, 0).table
            at = {name: code for code, name in enumerate(built.names)}
            walked = connection.execute(
                "select conversion_id, list_transform(touches, lambda t: t.code) from weighted"
            ).fetchall()
        finally:
            connection.close()
    finally:
        shutil.rmtree(work)
    paths = {str(order): set(codes) for order, codes in walked}
    due = pd.read_csv(folder / "truth" / "conversions.csv")
    found = [
        at[channel] in paths.get(order, set())
        for order, channel in zip(due["order_id"], due["channel"], strict=True)
    ]
    truth = pd.read_csv(folder / "truth" / "touch_effects.csv").set_index("channel")["orders"]
    caused = truth.drop("none")
    wide = credit.pivot(index="channel", columns="rule", values="conversions")
    credited = wide.reindex(index=caused.index, columns=pd.Index(RULES)).fillna(0.0)
    return Compared(credited, caused, int(truth.sum()), sum(found) / len(found))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103])
    parser.add_argument("--days", type=int, default=365)
    asked = parser.parse_args()
    console = Console(width=150)
    told: list[Compared] = []
    for seed in asked.seeds:
        folder = Path(tempfile.mkdtemp())
        try:
            simulate(folder, seed=seed, days=asked.days)
            told.append(compare(folder))
        finally:
            shutil.rmtree(folder)
    caused = sum(one.caused.sum() for one in told)
    orders = sum(one.orders for one in told)
    found = [f"{one.found:.1%}" for one in told]
    console.print(
        f"seeds {', '.join(map(str, asked.seeds))}, {asked.days} days: {orders:,} orders of known "
        f"customers, {caused / orders:.0%} caused by a channel that leaves touches; the cause is "
        f"on the path of {', '.join(found)} of these"
    )
    times = pd.concat([one.times for one in told]).groupby(level=0, sort=False)
    table = Table(title="credited orders for each that was caused: least to most of the seeds")
    table.add_column("rule")
    names = list(told[0].times.index)
    for name in names:
        table.add_column(name, justify="right")
    table.add_column("split, points", justify="right")
    low, high = times.min(), times.max()
    for rule in RULES:
        cells = [f"{low.loc[name, rule]:.1f} to {high.loc[name, rule]:.1f}" for name in names]
        off = [one.split_error[rule] for one in told]
        table.add_row(rule, *cells, f"{min(off):.0f} to {max(off):.0f}")
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
