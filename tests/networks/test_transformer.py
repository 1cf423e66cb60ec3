"""The transformer over sites."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from unnoise._errors import InputError
from unnoise.networks import Transformer


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def awake(network):
    """A network whose gates and last layer are not zero any more."""
    for block in network.blocks:
        nn.init.normal_(block.modulation.weight, std=0.5)
        nn.init.normal_(block.modulation.bias, std=0.5)
    nn.init.normal_(network.last.weight)
    return network.double()


def small(**changes):
    return Transformer(**({"input_shape": (3, 5), "width": 16, "depth": 2, "heads": 2} | changes))


def batch(cond_features=0):
    cond = torch.randn(4, cond_features).double() if cond_features else None
    return torch.randn(4, 3, 5).double(), torch.rand(4).double(), cond


def test_shapes_and_levels():
    network = awake(small(cond_features=2, output_shape=(7, 5)))
    x, _, cond = batch(2)
    assert network(x, torch.rand(4).double(), cond).shape == (4, 7, 5)
    one, many = torch.tensor(0.3).double(), torch.full((4,), 0.3).double()
    torch.testing.assert_close(network(x, one, cond), network(x, many, cond), rtol=1e-12, atol=1e-12)


def test_it_starts_at_zero_and_its_blocks_as_the_identity():
    network = small()
    assert (network(torch.randn(4, 3, 5), torch.tensor(0.3)) == 0).all()
    h, embedded = torch.randn(4, 5, 16), torch.randn(4, 16)
    assert torch.equal(network.blocks[0](h, embedded), h)


def test_a_block_is_the_formula():
    block = awake(small()).blocks[0]
    h, embedded = torch.randn(4, 5, 16).double(), torch.randn(4, 16).double()
    parts = block.modulation(embedded)[:, None].chunk(6, -1)

    def modulated(h, scale, shift):
        centred = h - h.mean(-1, keepdim=True)
        return centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt() * (1 + scale) + shift

    query, key, value = block.project(modulated(h, *parts[:2])).reshape(4, 5, 3, 2, 8).permute(2, 0, 3, 1, 4)
    weights = torch.softmax(query @ key.mT / 8**0.5, -1)
    between = h + parts[2] * block.out((weights @ value).transpose(1, 2).reshape(4, 5, 16))
    expected = between + parts[5] * block.mlp(modulated(between, *parts[3:5]))
    torch.testing.assert_close(block(h, embedded), expected, rtol=1e-10, atol=1e-10)


def test_rows_do_not_see_each_other_and_sites_do():
    network, (x, level, cond) = awake(small(cond_features=1)), batch(1)
    alone = torch.cat([network(x[i : i + 1], level[i : i + 1], cond[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(network(x, level, cond), alone, rtol=1e-10, atol=1e-10)
    changed = x.clone()
    changed[0, :, 0] += 1
    moved = (network(changed, level, cond) - network(x, level, cond)).abs().amax(1)
    assert (moved[0] > 1e-6).all()
    assert (moved[1:] == 0).all()


def test_only_positions_tell_sites_apart():
    network, (x, level, _) = awake(small()), batch()
    there, order = network(x, level), torch.tensor([2, 0, 4, 1, 3])
    assert not torch.allclose(network(x[..., order], level), there[..., order])
    network.positions.weight.data = network.positions.weight[order]
    torch.testing.assert_close(network(x[..., order], level), there[..., order], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("window", [1, 3])
def test_a_window_shows_each_site_its_neighbours_before_attention(window):
    network, (x, level, _) = awake(small(depth=1, window=window)), batch()
    for name in ("modulation.weight", "modulation.bias"):
        nn.init.zeros_(network.blocks[0].get_parameter(name))  # the block is the identity
    changed = x.clone()
    changed[:, :, 2] += 1
    moved = (network(changed, level) - network(x, level)).abs().amax((0, 1)) > 1e-6
    reach = window // 2
    assert moved.tolist() == [abs(site - 2) <= reach for site in range(5)]


def test_a_window_is_a_sum_over_its_sites_with_zeros_beyond_the_ends():
    network, (x, _, _) = awake(small(window=3)), batch()
    around = nn.functional.pad(x, (1, 1))
    weights, bias = network.first.weight, network.first.bias
    expected = bias + sum(torch.einsum("wc,ncs->nsw", weights[:, :, k], around[:, :, k : k + 5]) for k in range(3))
    torch.testing.assert_close(network._first(x), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("window", [1, 3])
def test_every_parameter_learns(window):
    network, (x, level, cond) = awake(small(cond_features=1, window=window)), batch(1)
    network(x, level, cond).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in network.parameters())


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        (
            {"input_shape": (3,)},
            r"got the shapes \(3,\) and \(3,\); a transformer expects \(channels, sites\) in and out",
        ),
        ({"output_shape": (3, 4)}, r"got the shapes \(3, 5\) and \(3, 4\)"),
        ({"heads": 3}, "got width 16 and 3 heads"),
        ({"window": 2}, "got window = 2; expected an odd number, as many sites to the left as to the right"),
    ],
)
def test_impossible_shapes_are_refused(changes, match):
    with pytest.raises(InputError, match=match):
        small(**changes)
