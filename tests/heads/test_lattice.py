"""The head that knows levels: against Bayes' rule with every level enumerated."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.heads import LatticeHead
from unnoise.processes import edm, variance_preserving
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean, Lattice

FLOAT64 = torch.float64
LATTICE = Lattice(-1.0, 0.02, 101)


@pytest.fixture
def process():
    return variance_preserving(Euclidean((1, 2, 3)), LinearLogSNR(14.0, -8.0))


@pytest.mark.parametrize("noise", [0.003, 0.01, 0.05, 0.4, 10.0])
def test_it_is_the_posterior_mean_over_all_levels(process, noise, rng):
    """A prior of two ends and two bells, written out over the levels: the estimate is its posterior mean."""
    head, t = LatticeHead(process, LATTICE), process.time_at(torch.tensor(-2 * math.log(noise), dtype=FLOAT64))
    output = 0.3 * torch.randn(40, *head.output_shape, generator=rng, dtype=FLOAT64)
    output[:, 4:] *= 0.2  # bells that end before the lattice does
    output[:, 6:] -= 1.5
    alpha, sigma = process.alpha_sigma(t)
    x_0 = LATTICE.value(torch.randint(30, 70, (40, 1, 2, 3), generator=rng), output)
    x_t = alpha * x_0 + sigma * torch.randn(x_0.shape, generator=rng, dtype=FLOAT64)
    logits, means, widths = torch.split(output, (4, 2, 2), 1)
    levels, scales = LATTICE.levels(x_0), (widths - 1).exp()
    ends = torch.full((2, 101), -torch.inf, dtype=FLOAT64)
    ends[0, 0] = ends[1, -1] = 0
    bells = -0.5 * ((levels - means[..., None]) / scales[..., None]).square() - scales.log()[..., None]
    bells = bells + math.log(LATTICE.step / math.sqrt(2 * math.pi))
    parts = torch.cat([ends.view(1, 2, 1, 1, 101).expand(40, -1, 2, 3, -1), bells], 1) + logits[..., None]
    fit = -0.5 * ((x_t[..., None] - alpha * levels) / sigma).square()
    expected = (torch.softmax(parts.logsumexp(1, keepdim=True) + fit, -1) * levels).sum(-1)
    found = head.estimate(output, x_t, t)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-3 * LATTICE.step)


def test_below_the_step_the_network_does_not_matter(process, rng):
    head, t = LatticeHead(process, LATTICE), process.time_at(torch.tensor(-2 * math.log(0.0015), dtype=FLOAT64))
    x_0 = LATTICE.value(torch.randint(101, (50, 1, 2, 3), generator=rng), torch.zeros((), dtype=FLOAT64))
    x_t = process.marginal(x_0, t).sample(rng)
    output = torch.randn(50, *head.output_shape, generator=rng, dtype=FLOAT64)
    torch.testing.assert_close(head.estimate(output, x_t, t), x_0, rtol=0, atol=1e-4)


def test_a_number_that_is_surely_an_atom_is_that_atom(process, rng):
    """Under noise that hides everything the estimate is the mean of the prior: here all of it on one level."""
    head, t = LatticeHead(process, LATTICE, atoms=(0, 63, -1)), torch.tensor(1.0, dtype=FLOAT64)
    output = torch.zeros(5, *head.output_shape, dtype=FLOAT64)
    output[:, 1] = 60.0
    found = head.estimate(output, torch.randn(5, 1, 2, 3, generator=rng, dtype=FLOAT64), t)
    torch.testing.assert_close(found, torch.full_like(found, -1 + 63 * 0.02))


@pytest.mark.parametrize(("bells", "atoms"), [(0, (0,)), (1, ()), (1, (101,)), (1, (-102,))])
def test_parts_off_the_lattice_are_refused(process, bells, atoms):
    with pytest.raises(InputError, match="expected a whole number"):
        LatticeHead(process, LATTICE, bells, atoms)


def test_far_states_and_many_times_stay_finite(rng):
    head = LatticeHead(edm(Euclidean((1, 2, 3))), LATTICE)
    x_t = 1e3 * torch.randn(7, 1, 2, 3, generator=rng)
    output = (10 * torch.randn(7, *head.output_shape, generator=rng)).requires_grad_()
    found = head.estimate(output, x_t, torch.linspace(0, 1, 7))
    found.sum().backward()
    assert torch.isfinite(found).all()
    assert torch.isfinite(output.grad).all()


def test_shapes_of_images(process):
    head = LatticeHead(process, LATTICE, bells=3)
    assert head.input_shape == (1, 2, 3)
    assert head.output_shape == (11, 2, 3)
    assert head.inputs(torch.zeros(5, 1, 2, 3), torch.tensor(0.5)).shape == (5, 1, 2, 3)
