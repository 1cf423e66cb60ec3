"""Uniform laws: one over the volume."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise.spaces import Rotations, Sphere, Torus


@pytest.mark.parametrize("space", [Torus(2), Sphere(1), Sphere(3), Rotations()])
def test_every_point_is_as_likely(space, rng):
    law = space.uniform(6)
    x = law.sample(rng, (4,))
    assert x.shape == (4, 6, *space.event_shape)
    space.check(x)
    expected = torch.full((4, 6), -math.log(space.volume), dtype=torch.float64)
    torch.testing.assert_close(law.log_prob(x), expected)
