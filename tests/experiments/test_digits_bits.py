"""The codes beside which a model's bits are shown."""

from __future__ import annotations

import pytest
import torch

from experiments import mnist
from experiments.digits_bits import LATTICE, as_bytes, codes, histogram_bits


def test_bytes_survive_the_trip_through_states(rng):
    content = torch.randint(256, (5, 1, 28, 28), generator=rng)
    states = mnist.states(content / 255)
    assert torch.equal(as_bytes(states), content.flatten(1).to(torch.uint8))
    assert float((states - LATTICE.value(content, states)).abs().max()) < 1e-6 < LATTICE.step / 1000


def test_noise_costs_eight_bits_and_black_nothing(rng):
    noise = torch.randint(256, (4000, 784), generator=rng, dtype=torch.uint8)
    assert histogram_bits(noise[:3000], noise[3000:]) == pytest.approx(8.0, abs=0.15)
    found = codes(noise[:100], noise[100:150])
    for name in ("zlib", "lzma", "png"):
        assert 7.9 < found[name] < 9.5
    black = torch.zeros(50, 784, dtype=torch.uint8)
    assert all(bits < 1 for bits in codes(black, black).values())


def test_a_biased_pixel_costs_its_entropy(rng):
    pixels = (torch.rand(20_000, 3, generator=rng) < 0.11).to(torch.uint8)
    assert histogram_bits(pixels, pixels) == pytest.approx(0.5, abs=0.02)
