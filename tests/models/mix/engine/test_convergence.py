"""R-hat and effective draws are those that ArviZ computes."""

import numpy as np
import pytest

from models.mix.engine.convergence import effective_draws, split_r_hat


def walks(kind: str, chains: int = 4, draws: int = 300, size: int = 3) -> np.ndarray:
    rng = np.random.default_rng(4)
    steps = rng.normal(size=(chains, draws, size))
    if kind == "slow":
        for t in range(1, draws):
            steps[:, t] = 0.9 * steps[:, t - 1] + 0.4 * steps[:, t]
    if kind == "swinging":
        for t in range(1, draws):
            steps[:, t] = -0.6 * steps[:, t - 1] + steps[:, t]
    if kind == "apart":
        steps += np.arange(chains)[:, None, None]
    if kind == "wide":
        steps *= (1.0 + np.arange(chains))[:, None, None]
    return steps


@pytest.mark.parametrize("kind", ["plain", "slow", "swinging", "apart", "wide"])
@pytest.mark.parametrize("draws", [300, 101])
def test_figures_equal_arviz(kind, draws):
    arviz = pytest.importorskip("arviz")
    theta = walks(kind, draws=draws)
    for i in range(theta.shape[2]):
        one = theta[:, :, i]
        r_hat = float(arviz.rhat(one, method="rank"))
        least = min(float(arviz.ess(one, method=method)) for method in ("bulk", "tail"))
        assert split_r_hat(theta)[i] == pytest.approx(r_hat, rel=1e-6)
        assert effective_draws(theta)[i] == pytest.approx(least, rel=1e-6)


def test_chains_that_disagree_are_seen_in_place_and_in_width():
    assert split_r_hat(walks("plain")).max() < 1.02
    assert split_r_hat(walks("apart")).min() > 1.3
    assert split_r_hat(walks("wide")).min() > 1.1
    assert effective_draws(walks("slow")).max() < 0.2 * effective_draws(walks("plain")).min()
