"""The residual MLP."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from unnoise.networks import MLP


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def awake(network):
    """A network whose last layer is not zero any more."""
    nn.init.normal_(network.last.weight)
    return network


@pytest.mark.parametrize("shape", [(3,), (2, 4), ()], ids=["vector", "matrix", "scalar"])
def test_the_output_is_shaped_like_the_input(shape):
    network = awake(MLP(shape, cond_features=2, width=16, depth=2))
    x, cond = torch.randn(5, *shape), torch.randn(5, 2)
    assert network(x, torch.rand(5), cond).shape == x.shape
    torch.testing.assert_close(network(x, torch.tensor(0.3), cond), network(x, torch.full((5,), 0.3), cond))


def test_it_starts_at_zero():
    assert (MLP((3,), width=16)(torch.randn(5, 3), torch.tensor(0.3)) == 0).all()


def test_it_is_the_formula():
    """h <- h + W silu(norm(h) + e), between a linear map in and one out."""
    network = awake(MLP((3,), width=16, depth=2)).double()
    x, level = torch.randn(5, 3, dtype=torch.float64), torch.rand(5, dtype=torch.float64)
    e = nn.functional.silu(network.embedding(level))
    h = network.first(x)
    for norm, shift, layer in zip(network.norms, network.shifts, network.layers, strict=True):
        z = norm(h) + shift(e)
        h = h + layer(z * torch.sigmoid(z))
    torch.testing.assert_close(network(x, level), network.last(h * torch.sigmoid(h)))


def test_rows_do_not_see_each_other():
    network = awake(MLP((3,), cond_features=1, width=16)).double()
    x, level, cond = torch.randn(5, 3).double(), torch.rand(5).double(), torch.randn(5, 1).double()
    alone = torch.cat([network(x[i : i + 1], level[i : i + 1], cond[i : i + 1]) for i in range(5)])
    torch.testing.assert_close(network(x, level, cond), alone, rtol=1e-12, atol=1e-12)


def test_depth_and_width_are_what_was_asked_for():
    network = MLP((3,), width=24, depth=5, embedding=10)
    assert len(network.layers) == 5
    assert network.layers[0].weight.shape == (24, 24)
    assert network.shifts[0].weight.shape == (24, 10)


def test_every_parameter_learns():
    network = awake(MLP((3,), cond_features=1, width=16))
    network(torch.randn(5, 3), torch.rand(5), torch.randn(5, 1)).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in network.parameters())
