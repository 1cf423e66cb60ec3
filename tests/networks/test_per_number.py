"""A small network that sees one number at a time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unnoise._seeding import seeded
from unnoise.networks import MLP, PerNumber

NUMBERS = 6


def made(awake: bool = False) -> PerNumber:
    with seeded(0):
        network = PerNumber(MLP((2 * NUMBERS,), 3, (NUMBERS,), width=16, depth=1), 2, NUMBERS, 3, width=16)
        if awake:
            nn.init.normal_(network.last.weight)
    return network


def points(n: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(n, 2 * NUMBERS, generator=rng), torch.rand(n, generator=rng), torch.randn(n, 3, generator=rng)


def test_it_begins_as_the_network_beside_it() -> None:
    x, level, cond = points(5)
    network = made()
    torch.testing.assert_close(network(x, level, cond), network.network(x, level, cond))


def test_it_says_of_a_number_what_it_sees_of_that_number_alone() -> None:
    """And the same of all numbers of which it sees the same, until names tell them apart."""
    x, level, cond = points(5)
    network = made(awake=True)
    alone = network(x, level, cond) - network.network(x, level, cond)
    changed = x.clone()
    changed[:, [2, 2 + NUMBERS]] += 1
    moved = (network(changed, level, cond) - network.network(changed, level, cond) - alone).abs().amax(0)
    assert (moved > 1e-3).tolist() == [number == 2 for number in range(NUMBERS)]
    with torch.no_grad():
        network.reading.weight.copy_(network.reading.weight[:1].expand(NUMBERS, -1))
        network.reading.bias.zero_()
        same = x[:, :1].expand(-1, 2 * NUMBERS)
        alike = network(same, level, cond) - network.network(same, level, cond)
        torch.testing.assert_close(alike, alike[:, :1].expand(-1, NUMBERS))
        network.names[0] += 1
        apart = network(same, level, cond) - network.network(same, level, cond)
    assert ((apart - alike).abs().amax(0) > 1e-3).tolist() == [number == 0 for number in range(NUMBERS)]


def test_a_level_and_a_condition_of_all_rows_are_told_to_each() -> None:
    x, _, cond = points(4)
    network = made(awake=True)
    one = network(x, torch.tensor(0.5), cond[:1])
    torch.testing.assert_close(one, network(x, torch.full((4,), 0.5), cond[:1].expand(4, -1)))


def test_of_few_rows_it_finds_ends_that_the_network_alone_does_not() -> None:
    """Numbers that are cut at both ends, as those between bounds; the twin is the network without it."""
    (x, level, cond), (new, *about) = points(150), points(1000, seed=1)
    errors = []
    for network in (made(), made().network):
        optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
        for _ in range(300):
            optimiser.zero_grad()
            loss = (network(x, level, cond) - x[:, :NUMBERS].clamp(-1, 1)).square().mean()
            loss.backward()
            optimiser.step()
        with torch.no_grad():
            errors.append(float((network(new, *about) - new[:, :NUMBERS].clamp(-1, 1)).square().mean()))
    assert errors[0] < 0.5 * errors[1]


def test_what_it_sees_alone_depends_on_the_level() -> None:
    """Of each row by itself."""
    (x, _, cond), network = points(3), made(awake=True)

    def alone(level: Tensor) -> Tensor:
        found: Tensor = network(x, level, cond) - network.network(x, level, cond)
        return found

    calm, noisy = alone(torch.zeros(3)), alone(torch.ones(3))
    assert ((calm - noisy).abs().amax(1) > 1e-3).all()
    torch.testing.assert_close(alone(torch.tensor([0.0, 1.0, 0.0])), torch.stack([calm[0], noisy[1], calm[2]]))
