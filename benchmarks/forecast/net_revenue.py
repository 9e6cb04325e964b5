"""Net revenue of a lake's release at past origins: raced on its own, or units x net price.

`python benchmarks/forecast/net_revenue.py --lake build/demo` prints, for each lake, errors by way
and origin; `--baskets` does so for the twelve largest departments of Complete Journey's sample of
baskets (public reference data, no plan; real discounts), four weeks from each origin. Weights,
intervals and what moves the price are learned before each origin; slow candidates do not race.
Where the release is attributed, what the mix credits to drivers is known to every way (it is
learned from all of history), as in the stage's own record.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from threadpoolctl import threadpool_limits

from forecasting.calibrating import calibrate, draw
from forecasting.correcting import mix_at
from forecasting.grid import Floats
from forecasting.inputs import ForecastInputs, cleaned
from forecasting.laying import grid_of
from forecasting.mix_release import media_of_release
from forecasting.net_price import net_price, prices
from forecasting.plan import exposures
from forecasting.public_holidays import holiday_dates
from forecasting.race import Race, field_of_candidates
from forecasting.revenue import takings_of, units_told
from forecasting.series import Sold, calendar, sold_of
from forecasting.stage import LAGGED_TREES, TREES
from forecasting.weighing import weights_over
from liftcast import releasing, results
from models.mix.result import MixResult
from warehouse.lake import Lake

KINDS = ("media", "organic", "promotion", "publicity")
CONSOLE = Console(width=160, highlight=False)
COLUMNS = ("WAPE total", "WAPE series x week", "bias", "inside 80 %", "inside 95 %")


@dataclass(frozen=True)
class Raced:
    """A race, what a mix brings on top of it (S, T), and CPU seconds it took."""

    race: Race
    added: Floats
    seconds: float

    def told(self, cut: int, older: list[int]) -> tuple[Floats, Floats]:
        """(S, H) mean and (S, P, H) paths from an origin, learned at older ones."""
        told = self.race.at(cut)
        weights = weights_over(self.race, older, sorted(set(map(str, told.kinds))))
        mean = mix_at(self.race, told, weights, older).mean
        calibration = calibrate(self.race, older, weights, told)
        paths = draw(mean, told, calibration, np.arange(len(mean)), 0)
        start = self.race.grid.known - cut
        brought = np.nan_to_num(self.added[:, start : start + mean.shape[1]])
        return np.maximum(mean + brought, 0), np.maximum(paths + brought[:, None], 0)


def inputs_of(lake: Lake) -> tuple[ForecastInputs, str]:
    """The forecast's inputs of the lake's newest release, and its id."""
    folder = lake.current_release()
    told, frames = releasing.read_facts(folder), results.read_release(folder)
    frames["drivers"] = frames["drivers"][frames["drivers"]["kind"].isin(KINDS)]
    names = ("ledger", "drivers", "plan", "holidays", "territories", "products")
    inputs = ForecastInputs(
        **{name: frames[name] for name in names}, grain=told["grain"], currency=told["currency"],
        last_day=pd.Timestamp(told["last_day"]),
    )  # fmt: skip
    return inputs, told["release_id"]


def baskets() -> ForecastInputs:
    """Complete Journey by day and department; what is not a piece (fuel) is left out."""
    root = Path(os.environ.get("LIFTCAST_REFERENCE_DATA", "../shared/data")) / "retail"
    sold = pd.read_csv(root / "completejourney_transactions_sample.csv.gz")
    products = pd.read_csv(root / "completejourney_products.csv.gz")
    sold = sold.merge(products[["product_id", "department"]], on="product_id")
    largest = sold["department"].value_counts().index[:12]
    sold = sold[sold["department"].isin(largest) & (sold["quantity"] < 100)]
    times = pd.to_datetime(sold["transaction_timestamp"], unit="s")
    sold = sold.assign(
        date_day=times.dt.normalize(), net_revenue=sold["sales_value"] - sold["coupon_disc"]
    )
    ledger = sold.groupby(["date_day", "department"])[["net_revenue", "quantity"]].sum()
    ledger = ledger.reset_index().rename(columns={"department": "product_id", "quantity": "units"})
    ledger = ledger.assign(territory_id="US", sales_channel="store")

    def empty(*names: str) -> pd.DataFrame:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in names})

    key = ("date_day", "territory_id", "kind", "driver", "exposure", "spend")
    return ForecastInputs(
        ledger=ledger, drivers=empty(*key), plan=empty(*key, "product_id"),
        holidays=empty("date_day", "holiday", "country_code"),
        territories=pd.DataFrame({"territory_id": ["US"], "country_code": ["US"]}),
        products=pd.DataFrame({"product_id": sorted(largest)}),
        grain="day", currency="USD", last_day=ledger["date_day"].max(),
    )  # fmt: skip


def measured(
    inputs: ForecastInputs, release: str, mix: MixResult | None, weeks: int, origins: int
) -> pd.DataFrame:
    """Errors by way and origin; the newest origin is a horizon before the end."""
    given = cleaned(inputs, weeks)
    laid = calendar(given, weeks)
    sold, money = sold_of(given, laid, "units"), sold_of(given, laid, "net_revenue")
    places = sorted(set(sold.keys["territory_id"]))
    drivers = exposures(given, laid, places)
    holidays, _ = holiday_dates(given, laid, places)
    ahead = len(laid.future)
    cuts = [ahead * number for number in range(1, origins + 2)]

    def raced(history: Sold) -> Raced:
        start, added = time.process_time(), np.zeros(history.y.shape)
        grid = grid_of(history, laid, drivers, holidays)
        if mix is not None:
            bare = grid_of(history, laid, drivers, {})
            media, credited, _ = media_of_release(mix, inputs, history, drivers, bare)
            if media is not None:
                grid = media.without(grid_of(history, laid, drivers, holidays, credited))
                added = media.past
        field = [one for one in field_of_candidates(TREES, LAGGED_TREES) if one.speed != "slow"]
        race = Race(grid, 0, candidates=field)
        for cut in cuts:
            race.at(cut)
        return Raced(race, added, time.process_time() - start)

    units, own = raced(sold), raced(Sold(sold.keys, money.y))
    takings = takings_of(given, laid, sold, drivers)
    CONSOLE.print(
        f"release {release}: {len(sold.keys)} series, {laid.grain}, {ahead} periods ahead, mix: "
        f"{'yes' if mix else 'no'}; CPU s of the race of units {units.seconds:.1f}, of revenue "
        f"{own.seconds:.1f}"
    )
    rows = []
    for cut in cuts[:-1]:
        older = [one for one in cuts if one >= cut + ahead]
        known = sold.y.shape[1] - cut
        later = slice(known, known + ahead)
        seen = np.isfinite(money.y[:, later]) & np.isfinite(sold.y[:, [known - 1]])
        mean, paths = units.told(cut, older)
        weights = weights_over(units.race, older, sorted(set(map(str, units.race.at(cut).kinds))))
        start = time.process_time()
        price = net_price(takings, units_told(units.race, older, weights, units.added), ahead, cut)
        drawn = price.on_paths(paths.astype(np.float32), np.arange(len(mean)), 0)
        seconds = time.process_time() - start
        then = takings.at(known)
        level, plan = (prices(then, ahead, planned=planned) for planned in (False, True))
        last = np.nan_to_num(money.y[:, known - laid.per_week : known])
        ways = {
            "naive: the last week again": (np.resize(last.T, (ahead, len(last))).T, None),
            "(a) raced on its own": own.told(cut, older),
            "(b) units x price of the last weeks": (mean * level, paths * level[:, None]),
            "(b) units x price with promotions": (mean * plan, paths * plan[:, None]),
            "(b) as the stage chooses": (price.revenue(mean), drawn),
            "price of the last weeks alone, units known": (
                np.nan_to_num(sold.y[:, later]) * level, None),
            "price with promotions alone, units known": (
                np.nan_to_num(sold.y[:, later]) * plan, None),
        }  # fmt: skip
        for way, (told, cloud) in ways.items():
            figures = scored(told, cloud, money.y[:, later], seen, laid.per_week)
            rows.append({"way": way, "origin": cut, **dict(zip(COLUMNS, figures, strict=True))})
        CONSOLE.print(f"origin {cut}: promotions in the price saved {price.saved:+.1%} before it; "
              f"price and its paths took {seconds:.2f} CPU s")  # fmt: skip
    return pd.DataFrame(rows)


def scored(told: Floats, paths: Any, actual: Floats, seen: np.ndarray, week: int) -> list[float]:
    """Figures in the order of COLUMNS; `paths` (S, P, H), or None."""
    a, f = np.where(seen, actual, 0.0), np.where(seen, told, 0.0)

    def weekly(values: Floats) -> Floats:
        whole = values.shape[-1] // week * week
        return values[..., :whole].reshape(*values.shape[:-1], -1, week).sum(axis=-1)

    size = np.abs(a.sum(axis=0)).sum()
    out = [
        np.abs(a.sum(axis=0) - f.sum(axis=0)).sum() / size,
        np.abs(weekly(a) - weekly(f)).sum() / np.abs(weekly(a)).sum(),
        (f - a).sum() / size,
    ]
    if paths is None:
        return [*out, np.nan, np.nan]
    rows = seen.all(axis=1)
    sums, truth = weekly(paths[rows]), weekly(actual[rows])
    for low, high in ((0.1, 0.9), (0.025, 0.975)):
        least, most = np.quantile(sums, [low, high], axis=1)
        out.append(float(((truth >= least) & (truth <= most)).mean()))
    return out


def main() -> None:
    """Print the table of each lake, and of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lake", type=Path, action="append", default=[])
    parser.add_argument("--baskets", action="store_true")
    parser.add_argument("--weeks", type=int, default=13)
    parser.add_argument("--origins", type=int, default=3)
    asked = parser.parse_args()
    frames = []
    pd.set_option("display.width", 160, "display.max_columns", 20)
    jobs = []
    for folder in asked.lake:
        lake = Lake.at(folder)
        inputs, release = inputs_of(lake)
        jobs.append((inputs, release, results.read_mix(lake, release)[0], asked.weeks))
    if asked.baskets:
        jobs.append((baskets(), "of baskets", None, 4))
    for job in jobs:
        with threadpool_limits(1):
            frame = measured(*job, asked.origins)
        frames.append(frame)
        by_origin = frame.pivot(index="way", columns="origin", values=list(COLUMNS[:2]))
        CONSOLE.print((100 * by_origin.loc[frame["way"].unique()]).round(1).to_string())
    whole = pd.concat(frames)
    mean = whole.groupby("way", sort=False)[list(COLUMNS)].mean()
    CONSOLE.print(f"\nmean of {len(whole) // len(mean)} origins, %")
    CONSOLE.print((100 * mean).round(1).to_string())


if __name__ == "__main__":
    main()
