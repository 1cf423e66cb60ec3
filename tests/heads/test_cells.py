"""The head that knows cells: against Bayes' rule with every cell integrated."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.heads import CellHead
from unnoise.processes import CTMC, edm, rates, variance_preserving
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean, Finite, Lattice

FLOAT64 = torch.float64
LATTICE = Lattice(-1.0, 0.1, 21)
PLACES = 400  # of one cell, over which it is integrated


@pytest.fixture
def process():
    return variance_preserving(Euclidean((1, 2, 3)), LinearLogSNR(14.0, -8.0))


def at_noise(process, noise):
    return process.time_at(torch.tensor(-2 * math.log(noise), dtype=FLOAT64))


def dequantised(n, rng):
    index = torch.randint(LATTICE.count, (n, 1, 2, 3), generator=rng)
    return LATTICE.value(
        index + torch.rand(n, 1, 2, 3, generator=rng, dtype=FLOAT64) - 0.5, torch.ones(1, dtype=FLOAT64)
    )


@pytest.mark.parametrize("dtype", [torch.float32, FLOAT64])
@pytest.mark.parametrize("noise", [0.003, 0.02, 0.15, 0.21, 3.0, 40.0])
def test_it_is_the_posterior_mean_over_all_cells(noise, dtype, process, rng):
    head, t = CellHead(process, LATTICE), at_noise(process, noise)
    alpha, sigma = process.alpha_sigma(t)
    output = 2 * torch.randn(20, *head.output_shape, generator=rng, dtype=FLOAT64)
    x_0 = dequantised(20, rng)
    x_t = (alpha * x_0 + sigma * torch.randn(x_0.shape, generator=rng, dtype=FLOAT64)).to(dtype)
    places = LATTICE.levels(x_0)[:, None] + LATTICE.step * ((torch.arange(PLACES) + 0.5) / PLACES - 0.5)
    fit = -0.5 * ((x_t.double()[..., None, None] - alpha * places) / sigma).square()
    log_weight = output.reshape(20, -1, 1, 2, 3).movedim(1, -1)[..., None] + fit
    expected = (torch.softmax(log_weight.flatten(-2), -1) * places.flatten()).sum(-1)
    found = head.estimate(output.to(dtype), x_t, t.to(dtype)).double()
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-3 * min(LATTICE.step, noise))


def test_far_below_the_step_the_network_does_not_matter(process, rng):
    head, t = CellHead(process, LATTICE), at_noise(process, 1e-3)
    x_0 = dequantised(50, rng)
    inside = (x_0 - LATTICE.value(LATTICE.index(x_0), x_0)).abs() < 0.45 * LATTICE.step
    alpha, sigma = process.alpha_sigma(t)
    x_t = alpha * x_0 + sigma * torch.randn(x_0.shape, generator=rng, dtype=FLOAT64)
    found = head.estimate(torch.randn(50, *head.output_shape, generator=rng, dtype=FLOAT64), x_t, t)
    torch.testing.assert_close(found[inside], (x_t / alpha)[inside], rtol=0, atol=1e-6)


def test_beyond_all_cells_the_estimate_lies_in_the_last(process):
    head, t = CellHead(process, LATTICE), at_noise(process, 1e-3)
    for end, edge in ((-50.0, -1.05), (50.0, 1.05)):
        found = head.estimate(torch.zeros(1, *head.output_shape), torch.full((1, 1, 2, 3), end), t)
        torch.testing.assert_close(found, torch.full_like(found, edge), rtol=0, atol=1e-3)


def test_far_states_and_many_times_stay_finite(rng):
    head = CellHead(edm(Euclidean((1, 2, 3))), LATTICE)
    x_t = (1e3 * torch.randn(7, 1, 2, 3, generator=rng)).requires_grad_()
    output = (30 * torch.randn(7, *head.output_shape, generator=rng)).requires_grad_()
    found = head.estimate(output, x_t, torch.linspace(0, 1, 7))
    found.sum().backward()
    for numbers in (found, output.grad, x_t.grad):
        assert torch.isfinite(numbers).all()


def test_shapes_and_scales_of_images(process):
    head, t = CellHead(process, LATTICE, sigma_data=0.5), torch.tensor(0.0)
    assert (head.input_shape, head.output_shape) == ((1, 2, 3), (21, 2, 3))
    alpha, sigma = process.alpha_sigma(t)
    ones = torch.ones(5, 1, 2, 3)
    scale = torch.hypot(0.5 * alpha, sigma)
    torch.testing.assert_close(head.inputs(ones, t), ones / scale)
    torch.testing.assert_close(head.faded(ones, t), 0.5 * alpha / scale**2 * ones)


def test_what_it_cannot_read_is_refused(process):
    with pytest.raises(InputError, match="got lattice = 17; expected a spaces"):
        CellHead(process, 17)
    with pytest.raises(InputError, match="the head CellHead reads the states of a process with x_t = alpha x_0"):
        CellHead(CTMC(Finite(1, 3), rates.Absorbing(3)), LATTICE)
