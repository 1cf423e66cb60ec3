"""The residual network of two-layer blocks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from unnoise.networks import ResNet


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def awake(network: ResNet) -> ResNet:
    """A network whose layers that begin at zero are not zero any more."""
    for layer in (network.last, *(block.outer for block in network.blocks)):
        nn.init.normal_(layer.weight)
    return network.double()


def test_it_is_the_formula() -> None:
    """h <- h + W_2 silu(W_1 norm(h) + e), and a norm before the output."""
    network = awake(ResNet((3,), cond_features=2, output_shape=(5,), width=16, depth=2))
    x, level, cond = torch.randn(4, 3).double(), torch.rand(4).double(), torch.randn(4, 2).double()
    e = nn.functional.silu(network.embedding(level, cond))
    h = network.first(x)
    for block in network.blocks:
        z = block.inner(block.norm(h)) + block.shift(e)
        h = h + block.outer(z * torch.sigmoid(z))
    expected = network.last((h - h.mean(1, keepdim=True)) / (h.var(1, correction=0, keepdim=True) + 1e-5).sqrt())
    torch.testing.assert_close(network(x, level, cond), expected)


def test_rows_do_not_see_each_other() -> None:
    network = awake(ResNet((2, 2), width=16))
    x, level = torch.randn(5, 2, 2).double(), torch.rand(5).double()
    alone = torch.cat([network(x[i : i + 1], level[i : i + 1]) for i in range(5)])
    torch.testing.assert_close(network(x, level), alone, rtol=1e-12, atol=1e-12)


def test_it_begins_at_an_output_whatever_is_seen() -> None:
    network = ResNet((3,), output_shape=(2, 2), width=16)
    nn.init.normal_(network.last.weight)
    network.begin(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert network(torch.randn(5, 3), torch.tensor(0.3)).flatten(1).unique(dim=0).tolist() == [[1.0, 2.0, 3.0, 4.0]]
    for block in network.blocks:
        assert block.outer.weight.abs().max() == 0, "blocks begin as the identity"


def test_depth_and_width_are_what_was_asked_for() -> None:
    network = ResNet((3,), width=24, depth=5, embedding=10)
    assert len(network.blocks) == 5
    assert network.blocks[0].inner.weight.shape == (24, 24)
    assert network.blocks[0].shift.weight.shape == (24, 10)
