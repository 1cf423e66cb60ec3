"""The U-Net."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from unnoise.networks import UNet
from unnoise.networks.unet import Attention


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def awake(network):
    """A network whose last layer is not zero any more."""
    nn.init.normal_(network.last.weight)
    return network


SHAPES = {
    "one-channel": (1, 8, 8),
    "colour": (3, 8, 8),
    "odd": (1, 7, 9),
    "tall": (2, 12, 5),
    "tiny": (1, 1, 1),
    "line": (1, 1, 6),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_output_is_shaped_like_the_input(shape):
    network = awake(UNet(shape, cond_features=2, width=8, blocks=1))
    x, cond = torch.randn(3, *shape), torch.randn(3, 2)
    out = network(x, torch.rand(3), cond)
    assert out.shape == x.shape
    assert torch.isfinite(out).all()


SIZES = {
    "one-resolution": {"multipliers": (1,)},
    "wide-first": {"multipliers": (2, 1)},
    "growing": {"multipliers": (1, 2, 3, 4)},
    "three-blocks": {"blocks": 3},
    "no-attention": {"attention": False},
}


@pytest.mark.parametrize("options", SIZES.values(), ids=SIZES)
def test_every_size_works_and_every_parameter_learns(options):
    network = awake(UNet((1, 8, 8), cond_features=1, width=8, **options))
    network(torch.randn(3, 1, 8, 8), torch.rand(3), torch.randn(3, 1)).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in network.parameters())


def test_the_output_may_have_other_channels():
    network = awake(UNet((3, 8, 8), output_shape=(5, 8, 8), width=8, blocks=1))
    assert network(torch.randn(2, 3, 8, 8), torch.tensor(0.3)).shape == (2, 5, 8, 8)


def test_it_starts_at_zero():
    assert (UNet((1, 8, 8), width=8)(torch.randn(2, 1, 8, 8), torch.tensor(0.3)) == 0).all()


def test_one_level_serves_all_rows():
    network = awake(UNet((1, 8, 8), cond_features=1, width=8, blocks=1))
    x, cond = torch.randn(3, 1, 8, 8), torch.randn(3, 1)
    torch.testing.assert_close(network(x, torch.tensor(0.3), cond), network(x, torch.full((3,), 0.3), cond))
    plain = awake(UNet((1, 8, 8), width=8, blocks=1))
    torch.testing.assert_close(plain(x, torch.tensor(0.3)), plain(x, torch.full((3,), 0.3)))


def test_rows_do_not_see_each_other():
    network = awake(UNet((1, 8, 8), width=8, blocks=1)).double()
    x, level = torch.randn(4, 1, 8, 8).double(), torch.rand(4).double()
    alone = torch.cat([network(x[i : i + 1], level[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(network(x, level), alone, rtol=1e-10, atol=1e-10)


def test_level_and_condition_change_the_output():
    network = awake(UNet((1, 8, 8), cond_features=1, width=8, blocks=1))
    x, zero = torch.randn(2, 1, 8, 8), torch.zeros(2, 1)
    base = network(x, torch.tensor(0.0), zero)
    assert (network(x, torch.tensor(0.5), zero) - base).abs().max() > 1e-4
    assert (network(x, torch.tensor(0.0), zero + 1) - base).abs().max() > 1e-4


def test_skips_bring_fine_detail_to_the_output():
    """A checkerboard vanishes when it is halved, so that only a skip can carry it."""
    network = awake(UNet((1, 8, 8), width=8, blocks=1, attention=False))
    board = (-1.0) ** (torch.arange(8)[:, None] + torch.arange(8))
    outputs = [network(scale * board[None, None], torch.tensor(0.1)) for scale in (0.5, 1.0)]
    assert (outputs[0] - outputs[1]).abs().max() > 1e-3


def test_attention_is_the_formula():
    attention = Attention(8).double()
    x = torch.randn(2, 8, 3, 4, dtype=torch.float64)
    query, key, value = attention.project(attention.norm(x)).flatten(2).chunk(3, 1)
    weights = torch.softmax(query.mT @ key / 8**0.5, -1)
    mixed = (weights @ value.mT).mT.reshape(x.shape)
    torch.testing.assert_close(attention(x), x + attention.out(mixed))
