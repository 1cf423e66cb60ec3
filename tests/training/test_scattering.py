"""Orders of many examples: permutations, in which neighbours go anywhere."""

from __future__ import annotations

import pytest
import torch
from scipy import stats

from unnoise.testing import FAILURE_RATE
from unnoise.training import dataset
from unnoise.training.dataset import BatchOrder, derived_seed
from unnoise.training.scattering import ROUNDS, scattered


def keys(seed: int, rounds: int = ROUNDS) -> tuple[int, ...]:
    return tuple(derived_seed(seed, i) for i in range(rounds))


@pytest.mark.parametrize("n", [1, 2, 3, 64, 65, 1000, 4097])
def test_every_place_goes_somewhere_else(n: int) -> None:
    order = scattered(torch.arange(n), n, keys(0))
    assert order.sort().values.tolist() == list(range(n))
    part = slice(n // 3, n // 2 + 1)
    assert torch.equal(scattered(torch.arange(n)[part], n, keys(0)), order[part])


def p_of_places(rounds: int) -> float:
    """Of the places of runs of neighbours being uniform, in large orders."""
    n = 2**26 + 7
    order = torch.cat([scattered(torch.arange(2000) + 1000 * seed, n, keys(seed, rounds)) for seed in range(10)])
    return float(stats.kstest(order.numpy() / n, "uniform").pvalue)


def test_large_orders_are_even() -> None:
    assert p_of_places(ROUNDS) > FAILURE_RATE
    assert p_of_places(1) < FAILURE_RATE, "one round does not mix"


def test_rounds_of_many_examples_take_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    order = BatchOrder(10**12, 512, seed=0)
    first, later = order.indices(0), order.indices(10**6)
    assert (first >= 0).all()
    assert max(first.max(), later.max()) > 9 * 10**11
    monkeypatch.setattr(dataset, "MOST_DEALT", 10**4)
    order, n = BatchOrder(20_000, 512, seed=3), 20_000
    seen = torch.cat([order.indices(step) for step in range(2 * n // 512 + 1)])
    assert sorted(seen[:n].tolist()) == sorted(seen[n : 2 * n].tolist()) == list(range(n))
    assert not torch.equal(seen[:n], seen[n : 2 * n])
