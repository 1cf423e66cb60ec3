"""The head of manifolds: scores at the scale of the noise, waves that fade."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from unnoise.denoisers import Neural
from unnoise.heads import Tangent
from unnoise.networks import MLP
from unnoise.processes import Brownian
from unnoise.spaces import Rotations, Sphere, Torus

FLOAT64 = torch.float64
SPACES = {"torus": Torus(2), "globe": Sphere(2), "rotations": Rotations()}
spaces = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
FEATURES = {"torus": 4, "globe": 3, "rotations": 9}


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("frequencies", [(), (3.0, 10.0)])
def test_shapes(name, frequencies, rng):
    process = Brownian(SPACES[name])
    head = Tangent(process, frequencies)
    x, t = process.space.uniform(7).sample(rng).float(), torch.linspace(0, 1, 7)
    assert head.input_shape == (FEATURES[name] * (1 + 2 * len(frequencies)),)
    assert head.inputs(x, t).shape == (7, *head.input_shape)
    denoiser = Neural(
        process, MLP(head.input_shape, 0, head.output_shape, width=8), partial(Tangent, frequencies=frequencies)
    )
    assert denoiser(x, t).shape == x.shape
    assert denoiser(x, t[0]).dtype == torch.float32


@spaces
def test_the_estimate_is_tangent_and_zero_where_the_output_is(space, rng):
    process, x = Brownian(space), space.uniform(5).sample(rng)
    head = Tangent(process)
    output = torch.randn(5, *head.output_shape, generator=rng, dtype=FLOAT64)
    estimate = head.estimate(output, x, torch.tensor(0.3, dtype=FLOAT64))
    torch.testing.assert_close(space.tangent(x, estimate), estimate)
    assert (head.estimate(0 * output, x, torch.tensor(0.3)) == 0).all()


@spaces
@pytest.mark.parametrize("t", [0.0, 0.4, 0.6])
def test_the_target_has_unit_variance_while_noise_is_small(space, t, rng):
    """The output that makes the estimate the target has a mean square near 1 in every direction."""
    process, t = Brownian(space), torch.tensor(t, dtype=FLOAT64)
    x_0 = space.uniform(20_000).sample(rng)
    x_t = process.marginal(x_0, t).sample(rng)
    target = process.target(x_0, x_t, t)
    unit = Tangent(process).estimate(torch.ones(20_000, *Tangent(process).output_shape, dtype=FLOAT64), x_t, t)
    ones = space.tangent(x_t, torch.ones_like(x_t))
    factor = (space.dot(unit, ones) / space.dot(ones, ones))[0]
    square = float(space.dot(target, target).mean()) / float(factor) ** 2 / space.dimension
    assert square == pytest.approx(1, rel=0.25)


def test_waves_finer_than_the_noise_fade():
    head = Tangent(Brownian(Sphere(2)), (10.0,))
    x = Sphere(2).uniform(6).sample(torch.Generator().manual_seed(0))
    early, late = (head.inputs(x, torch.tensor(t, dtype=FLOAT64))[:, 3:] for t in (0.0, 0.9))
    assert float(early.abs().max()) > 0.9
    assert float(late.abs().max()) < 1e-3


def test_waves_fade_as_the_noise_blurs_them():
    """Beside the features phi: sin and cos of f phi, times what a blur of variance B leaves of waves of frequency f."""
    process = Brownian(Torus(1))
    head, x = Tangent(process, (2.0, 5.0)), torch.tensor([[0.4], [-2.0]], dtype=FLOAT64)
    t = torch.tensor([0.2, 0.5], dtype=FLOAT64)
    phi, b = process.space.features(x), process.variance(t)[:, None]
    waves = [torch.exp(-0.5 * f**2 * b) * wave for f in (2.0, 5.0) for wave in ((f * phi).sin(), (f * phi).cos())]
    torch.testing.assert_close(head.inputs(x, t), torch.cat([phi, *waves], 1))
