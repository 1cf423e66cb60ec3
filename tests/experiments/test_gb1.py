"""Exact laws on four sites, and the models that they judge."""

from __future__ import annotations

import math

import pytest
import torch

from experiments import enumerated as laws
from experiments.gb1 import FIRST, MASKED, OneOrder
from unnoise.denoisers import Exact
from unnoise.objectives import AnyOrder
from unnoise.testing import assert_mean


@pytest.fixture(scope="module")
def drawn() -> torch.Tensor:
    """Numbers of forty variants of unequal shares."""
    rng = torch.Generator().manual_seed(0)
    return torch.randint(laws.STATES, (40,), generator=rng)[torch.randint(40, (100,), generator=rng)]


def exact(drawn: torch.Tensor) -> Exact:
    return Exact(MASKED, laws.variants(drawn))


def test_numbers_are_variants(drawn: torch.Tensor) -> None:
    assert torch.equal(laws.numbers(laws.variants(drawn)), drawn)
    assert laws.shares(drawn).sum() == pytest.approx(1)


@pytest.mark.parametrize("orders", [FIRST, laws.ORDERS], ids=["one order", "all"])
def test_exact_conditionals_give_the_law_in_every_order(
    drawn: torch.Tensor, orders: tuple[tuple[int, ...], ...]
) -> None:
    """And one that was told of other draws does not."""
    p = laws.shares(drawn)
    assert laws.kl(p, laws.one_by_one(exact(drawn), orders)) == pytest.approx(0, abs=1e-5)
    assert laws.kl(p, laws.one_by_one(exact(drawn[:50]), orders)) > 0.05


def test_one_order_is_the_likelihood(drawn: torch.Tensor) -> None:
    """Its mean is the entropy, as that of all orders is; the loss of a denoiser of other draws is larger."""
    p, rng = laws.shares(drawn), torch.Generator().manual_seed(1)
    x = laws.variants(laws.draw(p, 5_000, rng))
    for objective in (OneOrder(), AnyOrder()):
        assert_mean(objective(exact(drawn), x, None, rng).value - laws.entropy(p), tolerance=0.03)
        assert objective(exact(drawn[:50]), x, None, rng).value.mean() > laws.entropy(p) + 0.05


def test_a_potts_model_knows_pairs_and_independent_sites_do_not() -> None:
    """Two sites that are equal, and two that are free: the entropy is log 20 + 2 log 20."""
    p = torch.eye(laws.LETTERS, dtype=torch.float64).view(20, 20, 1, 1).expand(laws.SHAPE) / laws.LETTERS**3
    assert laws.entropy(p) == pytest.approx(3 * math.log(20))
    assert laws.kl(p, laws.independent(p, 10**9)) == pytest.approx(math.log(20), abs=1e-6)
    assert laws.kl(p, laws.potts(p, 1e-7)) < 0.01
    assert laws.potts(p, 1e-4).exp().sum() == pytest.approx(1)


def test_exact_draws_have_the_law() -> None:
    rng = torch.Generator().manual_seed(2)
    p = torch.zeros(laws.STATES, dtype=torch.float64)
    p[torch.tensor([0, 7, 159_999])] = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    found = laws.draw(p.view(laws.SHAPE), 50_000, rng)
    assert set(found.tolist()) == {0, 7, 159_999}
    assert_mean((found == 7).double() - 0.5, tolerance=0.01)
    assert laws.total_variation(laws.shares(found), p.view(laws.SHAPE)) < 0.01
