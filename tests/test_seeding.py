from __future__ import annotations

import pytest
import torch

from unnoise._seeding import generator, seeded


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
