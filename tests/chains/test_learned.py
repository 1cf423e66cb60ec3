"""Chains on what a denoiser has learnt: groups, what they tell of, and what they refuse."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.chains import learned as module
from unnoise.chains.learned import CHAINS, learned
from unnoise.denoisers import ExactMixture
from unnoise.laws import GaussianMixture
from unnoise.processes import variance_preserving
from unnoise.spaces import Euclidean


@pytest.fixture
def normal() -> ExactMixture:
    law = GaussianMixture(torch.ones(1), torch.zeros(1, 3), torch.eye(3)[None])
    return ExactMixture(variance_preserving(Euclidean(3)), law)


@pytest.mark.parametrize("chain", CHAINS)
def test_groups_are_walked_in_order_and_told_of(
    chain: str, normal: ExactMixture, rng: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "default_batch_size", lambda shape: 4)
    told = []
    x = learned(normal, 10, rng, chain=chain, steps=5, tell=lambda done, note: told.append((done, note)))
    assert x.shape == (10, 3)
    assert len(x.unique(dim=0)) == 10
    shares = [done for done, _ in told]
    assert len(shares) % 3 == 0
    assert shares == pytest.approx([(i + 1) / len(shares) for i in range(len(shares))])
    assert told[0][1].startswith("step 1 of ")


def test_sequential_ends_nearer_to_the_law_than_one_jump(normal: ExactMixture, rng: torch.Generator) -> None:
    n = 4000
    variances = {chain: float(learned(normal, n, rng, chain=chain, sigma=1.0).var()) for chain in CHAINS}
    error = 4.5 * (2 / (3 * n)) ** 0.5  # of either, relative; fails by chance once in 70 000 seeds
    assert abs(variances["walk-jump"] / 0.5 - 1) < error
    assert abs(variances["sequential"] / (1 / 1.01) - 1) < 2 * error  # chains are short


def test_a_first_noise_below_the_last_is_no_problem(normal: ExactMixture, rng: torch.Generator) -> None:
    assert learned(normal, 2, rng, chain="sequential", sigma=0.05, steps=2).isfinite().all()


def test_another_chain_is_refused(normal: ExactMixture, rng: torch.Generator) -> None:
    with pytest.raises(InputError, match="got the chain 'joint'; expected one of walk-jump, sequential"):
        learned(normal, 2, rng, chain="joint")
