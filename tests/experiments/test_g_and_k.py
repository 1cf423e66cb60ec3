"""What the comparison of g-and-k posteriors rests on: the law, its exact posterior, and the distances."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest
import torch

from experiments import g_and_k as experiment
from experiments import g_and_k_law as law
from unnoise.testing import ImprobableError, assert_law, assert_mean

THETA = torch.tensor([[3.0, 1.0, 2.0, 0.5], [0.2, 9.0, 0.1, 8.0]]).double()
Z = torch.linspace(-4, 4, 9).double().expand(2, -1)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_quantiles_are_inverted() -> None:
    torch.testing.assert_close(law.inverse(THETA, law.quantile(THETA, Z)), Z, rtol=0, atol=1e-9)


def test_the_slope_is_the_derivative() -> None:
    z = Z.clone().requires_grad_()
    (slope,) = torch.autograd.grad(law.quantile(THETA, z).sum(), z)
    torch.testing.assert_close(law.log_slope(THETA, Z), slope.log())


def test_a_middle_order_statistic_has_its_beta_law() -> None:
    """F of the r-th of n is Beta(r, n + 1 - r)."""
    x = law.simulate(THETA[:1].expand(2000, -1), rng())
    share = torch.special.ndtr(law.inverse(THETA[:1].expand(2000, -1), x.sinh()))
    place = law.RANKS.index(98)
    from scipy.stats import beta

    assert_law(share[:, place], lambda u: beta(98, 153).cdf(u))


@pytest.mark.parametrize("broken", [False, True], ids=["right", "without what lies between"])
def test_the_score_of_the_likelihood_has_mean_zero(broken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    n, step = 1000, 1e-4
    x = law.simulate(THETA[:1].expand(n, -1), rng(1))
    if broken:  # as if all draws were kept
        monkeypatch.setattr(law, "DRAWS", len(law.RANKS))
        monkeypatch.setattr(law, "RANKS", tuple(range(1, len(law.RANKS) + 1)))
    scores = []
    for move in step * torch.eye(4).double():
        above, below = (law.Posterior(x).log_prob((THETA[:1] + by).expand(n, -1)) for by in (move, -move))
        scores.append((above - below) / (2 * step))
    score = torch.stack(scores, 1)
    with pytest.raises(ImprobableError) if broken else nullcontext():
        assert_mean(score)


def test_chains_find_the_truth_and_agree() -> None:
    x = law.simulate(THETA[:1], rng(2))[0]
    kept = law.walk(law.Posterior(x), 16, 120, rng(3))
    assert kept.shape == (120, 16, 4)
    posterior = law.Posterior(x)
    assert ((posterior.log_prob(kept[-1]) - posterior.log_prob(THETA[:1])).abs() < 25).all()
    assert (posterior.log_prob(law.prior(100, rng(4))) < posterior.log_prob(THETA[:1]) - 25).all()
    assert len(kept[:, 0].unique(dim=0)) > 3


def test_distances_are_in_deviations_of_the_exact_posterior() -> None:
    exact = np.random.default_rng(0).normal(size=(20_000, 4)) * [1.0, 2.0, 3.0, 4.0]
    moved = exact + np.array([1.0, 0.0, 6.0, 0.0])
    np.testing.assert_allclose(experiment.distances(moved, exact), [1, 0, 2, 0], atol=0.05)


def test_the_second_round_is_around_the_first_within_the_prior() -> None:
    draws = np.random.default_rng(0).uniform([0, 4, 4, 9], [1, 5, 6, 10], (5000, 4))
    box = experiment.boxed(draws, 2000, rng()).numpy()
    np.testing.assert_allclose(box.min(0), [0, 3.75, 3.5, 8.75], atol=0.05)
    np.testing.assert_allclose(box.max(0), [1.25, 5.25, 6.5, 10], atol=0.05)


def test_regression_adjustment_is_right_where_the_law_is_linear() -> None:
    random = np.random.default_rng(0)
    theta = random.uniform(0, 10, (20_000, 4))
    x = np.log(theta / (10 - theta)) + 0.1 * random.normal(size=theta.shape)
    found = experiment.adjusted(theta, x, np.zeros(4), 4000, 0)
    assert np.abs(found.mean(0) - 5).max() < 0.05
    assert np.abs(found.std(0) - 0.25).max() < 0.03
