"""The network of small images."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unnoise import InputError
from unnoise._seeding import seeded
from unnoise.networks import SmallImage


def made(shape: tuple[int, int, int] = (1, 8, 8), cond: int = 0, out: int | None = None, **sizes: int) -> SmallImage:
    """Whose last layer is not zero any more."""
    with seeded(0):
        output = None if out is None else (out, *shape[1:])
        network = SmallImage(shape, cond, output, **{"width": 16, "depth": 2, "channels": 8, **sizes})
        nn.init.normal_(network.last.weight)
    return network


def images(n: int, shape: tuple[int, int, int] = (1, 8, 8)) -> Tensor:
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (1, 7, 9), (2, 12, 5), (1, 1, 1)])
def test_the_output_is_as_large_as_the_input_and_has_channels_of_its_own(shape: tuple[int, int, int]) -> None:
    network, x = made(shape, cond=2, out=5), images(3, shape)
    out = network(x, torch.rand(3), torch.randn(3, 2))
    assert out.shape == (3, 5, *shape[1:])
    assert torch.isfinite(out).all()
    assert made(shape)(x, torch.tensor(0.3)).shape == x.shape


def test_it_starts_at_zero() -> None:
    assert (SmallImage((1, 8, 8), width=16, channels=8)(images(2), torch.tensor(0.3)) == 0).all()


def test_every_parameter_learns() -> None:
    network = made(cond=1)
    network(images(3), torch.rand(3), torch.randn(3, 1)).square().sum().backward()
    learns = {name: weight.grad is not None and bool(weight.grad.any()) for name, weight in network.named_parameters()}
    assert all(learns.values()), learns


def test_its_size_is_that_of_its_parts() -> None:
    """An MLP of 3 x 8 x 8 + 2 numbers into 4 of 8 x 8, and three convolutions between 3 + 4, 8 and 5 channels."""
    network = made((3, 8, 8), cond=2, out=5, width=16, depth=1, told=4)
    whole = 16 * (192 + 2 + 1) + (16 * 17 + 16 * 129 + 32) + 256 * 17 + (32 + 2 + 2) * 128 + 128 * 129
    told = (32 + 2 + 2) * 32 + 32 * 33
    near = 8 * (9 * 7 + 1) + 2 * 8 * (9 * 8 + 1) + 16 * 33 + 6 * 8 + 5 * (9 * 8 + 1) + 5 * 64
    assert sum(weight.numel() for weight in network.parameters()) == whole + told + near


def test_every_pixel_sees_the_whole_image_and_the_convolutions_alone_what_is_near() -> None:
    """The twin is told nothing by its perceptron."""
    network, x = made(), images(1)
    changed = x.clone()
    changed[0, 0, 0, 0] += 1

    def moved() -> Tensor:
        return (network(changed, torch.tensor(0.3)) - network(x, torch.tensor(0.3)))[0, 0].abs()

    assert (moved() > 1e-6).all()
    nn.init.zeros_(network.whole.last.weight)
    network.block.norm_1, network.block.norm_2, network.norm = (nn.Identity() for _ in range(3))  # these see all
    near = moved() > 0
    assert near[:5, :5].all()
    assert not near[5:].any()
    assert not near[:, 5:].any()


def test_places_have_a_bias() -> None:
    network, x = made(), images(2)
    before = network(x, torch.tensor(0.3))
    with torch.no_grad():
        network.bias[0, 2, 3] += 1
    expected = torch.zeros(1, 8, 8)
    expected[0, 2, 3] = 1
    torch.testing.assert_close(network(x, torch.tensor(0.3)) - before, expected.expand(2, 1, 8, 8))


def test_levels_and_conditions_reach_the_perceptron_and_the_convolutions() -> None:
    x, zero = images(2), torch.zeros(2, 1)
    for asleep in ("whole", "block"):
        network = made(cond=1)
        silent = network.whole.last if asleep == "whole" else network.block.modulation
        nn.init.zeros_(silent.weight)
        base = network(x, torch.tensor(0.0), zero)
        assert (network(x, torch.tensor(0.5), zero) - base).abs().max() > 1e-4
        assert (network(x, torch.tensor(0.0), zero + 1) - base).abs().max() > 1e-4


def test_rows_do_not_see_each_other_and_one_level_serves_all() -> None:
    network, x = made().double(), images(4).double()
    level = torch.full((4,), 0.3, dtype=torch.float64)
    alone = torch.cat([network(x[i : i + 1], level[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(network(x, level), alone, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(network(x, level[0]), alone, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"input_shape": (64,)}, "got input_shape = "),
        ({"input_shape": (1, 8, 8), "output_shape": (1, 8, 9)}, "both as large; in is"),
        ({"input_shape": (1, 8, 8), "channels": 12}, "got channels = 12; expected a multiple of 8"),
        ({"input_shape": (1, 8, 8), "told": 0}, "got told = 0"),
    ],
)
def test_what_is_no_such_network_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        SmallImage(**options)  # type: ignore[arg-type]
