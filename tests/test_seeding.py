from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch

from unnoise._errors import InputError
from unnoise._seeding import as_seed, generator, seeded


def test_inside_the_seed_decides_and_outside_nothing_has_changed() -> None:
    before = torch.get_rng_state()
    with seeded(3):
        first = torch.nn.Linear(4, 4).weight
    with seeded(3):
        again = torch.nn.Linear(4, 4).weight
    with seeded(4):
        other = torch.nn.Linear(4, 4).weight
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_error_inside_leaves_the_global_generator_as_it_was() -> None:
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError), seeded(3):
        torch.nn.Linear(4, 4)(torch.rand(1))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_generator_draws_from_its_seed() -> None:
    assert torch.equal(torch.rand(5, generator=generator(7)), torch.rand(5, generator=generator(7)))
    assert not torch.equal(torch.rand(5, generator=generator(7)), torch.rand(5, generator=generator(8)))


def test_without_a_seed_every_generator_is_fresh() -> None:
    assert generator(None).initial_seed() != generator(None).initial_seed()


def drawn() -> list[torch.Tensor]:
    """One of everything that torch draws with."""
    return [
        torch.nn.Linear(2, 3).weight,
        torch.nn.Embedding(3, 2).weight,
        torch.nn.MultiheadAttention(4, 2).in_proj_weight,
        torch.nn.init.orthogonal_(torch.empty(3, 3)),
        torch.nn.init.trunc_normal_(torch.empty(3, 3)),
        torch.randn(3),
        torch.rand_like(torch.zeros(3)),
        torch.randperm(5),
        torch.randint(0, 9, (4,)),
        torch.bernoulli(torch.full((5,), 0.5)),
        torch.multinomial(torch.ones(4), 2),
        torch.normal(torch.zeros(3), 1.0),
        torch.empty(3).exponential_(),
    ]


def test_the_numbers_are_those_of_the_global_generator_with_that_seed() -> None:
    with seeded(5):
        ours = drawn()
    with torch.random.fork_rng():
        torch.manual_seed(5)
        theirs = drawn()
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_threads_do_not_disturb_each_other() -> None:
    together = threading.Barrier(4)

    def weights(seed: int) -> list[torch.Tensor]:
        together.wait()
        with seeded(seed):
            return [torch.nn.Linear(8, 8).weight for _ in range(50)]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(weights, range(4)))
    for seed, ours in enumerate(found):
        with seeded(seed):
            assert all(torch.equal(weight, torch.nn.Linear(8, 8).weight) for weight in ours)


def test_a_generator_of_its_own_is_left_alone() -> None:
    with seeded(0):
        assert torch.equal(torch.rand(5, generator=generator(7)), torch.rand(5, generator=generator(7)))


@pytest.mark.parametrize("seed", [-1, 2**64, 10**30, 1.0, "1", True, float("nan")])
def test_what_is_no_seed_is_refused(seed: Any) -> None:
    with pytest.raises(
        InputError, match=r"got seed = .*; expected a whole number from 0 to 18,446,744,073,709,551,615"
    ):
        generator(seed)


def test_generators_of_numpy_draw_seeds() -> None:
    for make in (np.random.RandomState, np.random.default_rng):
        source = make(7)
        first, second = as_seed(source), as_seed(source)
        assert first != second
        assert first == as_seed(make(7))
        assert generator(make(7)).initial_seed() == first
