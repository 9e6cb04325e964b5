"""Which sampler, in which coordinates? Effective draws by processor second (decision 0014).

    python benchmarks/samplers.py --seeds 1 2 3 4

On national panels of `benchmarks/mix` (tuning seeds only), from the same mode: nutpie's NUTS in the
coordinates of the Laplace approximation, the same in plain coordinates (standardised by the prior;
nutpie adapts its diagonal metric), and emcee's stretch move, which needs no gradient. emcee is not
among the pins: `pip install emcee` beside them.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "mix"))

import emcee  # pip install emcee
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from simulator import simulate_panel
from threadpoolctl import threadpool_limits

from models.mix.engine.convergence import effective_draws, split_r_hat
from models.mix.engine.sampler import Mode, find_mode, sample
from models.mix.model import settle
from models.mix.panel import MixInputs, read_panel
from models.mix.posterior import Posterior
from models.mix.problem import pose
from models.mix.spec import MixSpec, Sampling

CHAINS, WARMUP, DRAWS = 4, 300, 1000


def national(seed: int) -> MixInputs:
    """A simulated panel as the frames that the model reads."""
    frame, _ = simulate_panel(seed, "national")
    keys = pd.DataFrame({"date_day": frame["date"], "territory_id": "all"})
    media = [
        keys.assign(
            kind="media",
            driver=name,
            exposure=frame[name],
            exposure_unit="spend",
            spend=frame[name],
        )
        for name in frame
        if name.startswith("spend_")
    ]
    controls = [
        keys.assign(control=name, value=frame[name])
        for name in frame
        if name.startswith("control_")
    ]
    return MixInputs(
        outcome=keys.assign(net_revenue=frame["revenue"]),
        drivers=pd.concat(media),
        controls=pd.concat(controls),
        territories=pd.DataFrame({"territory_id": ["all"]}),
        grain="week",
        currency="EUR",
    )


def walk(posterior: Posterior, mode: Mode) -> tuple[float, float, float]:
    """Processor seconds, least effective draws and largest R-hat of nutpie from a mode."""
    settings = Sampling(chains=CHAINS, warmup=WARMUP, draws=DRAWS, longer=1)
    start = time.process_time()
    draws = sample(posterior, mode, settings, 1, lambda _: None, cores=1)
    seconds = time.process_time() - start
    return seconds, float(draws.effective.min()), float(draws.r_hat.max())


def stretch(posterior: Posterior, mode: Mode, seconds: float) -> tuple[float, float, float]:
    """The same of emcee, given at least as many processor seconds; its walkers are the chains."""
    walkers = 4 * posterior.size
    rng = np.random.default_rng(1)
    start = mode.theta + 0.7 * rng.standard_normal((walkers, posterior.size)) @ mode.axes.T

    def log_density(theta: np.ndarray) -> float:
        return posterior.value_and_gradient(theta)[0]

    sampler = emcee.EnsembleSampler(walkers, posterior.size, log_density)
    begun, state = time.process_time(), start
    while time.process_time() - begun < 3 * seconds:
        state = sampler.run_mcmc(state, 50)
    spent = time.process_time() - begun
    chain = sampler.get_chain()
    kept = np.moveaxis(chain[len(chain) // 3 :], 0, 1)
    return spent, float(effective_draws(kept).min()), float(split_r_hat(kept).max())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4])
    seeds = parser.parse_args().seeds
    if max(seeds) > 20:
        parser.error("seeds above 20 are for proof: take tuning seeds")
    rows = []
    with threadpool_limits(1):
        for seed in seeds:
            problem = pose(read_panel(national(seed)), MixSpec())
            posterior, theta = settle(problem, (), 2, np.random.default_rng(seed))
            mode = find_mode(posterior, theta)
            posterior.value_and_gradient(mode.theta)
            plain = Mode(mode.theta, mode.value, mode.distance, np.eye(posterior.size))
            laplace = walk(posterior, mode)
            rows.append((seed, "nutpie, Laplace coordinates", *laplace))
            rows.append((seed, "nutpie, plain coordinates", *walk(posterior, plain)))
            rows.append((seed, "emcee", *stretch(posterior, mode, laplace[0])))
    table = Table(title=f"{CHAINS} chains of {WARMUP} + {DRAWS}; emcee three times the seconds")
    for column in ("seed", "sampler", "CPU s", "least ESS", "ESS / CPU s", "R-hat"):
        table.add_column(column, justify="left" if column == "sampler" else "right")
    for seed, name, seconds, effective, r_hat in rows:
        rate = effective / seconds
        table.add_row(
            str(seed), name, f"{seconds:.1f}", f"{effective:.0f}", f"{rate:.0f}", f"{r_hat:.3f}"
        )
    Console(width=110).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
