"""Heads: exact reparameterisations of one estimate."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from unnoise._errors import InputError
from unnoise.denoisers import Neural
from unnoise.heads import X0, Eps, LatticeHead, Letters, Preconditioned, Score, V, Velocity
from unnoise.processes import CTMC, edm, rates, rectified_flow
from unnoise.samplers import Heun
from unnoise.spaces import Euclidean, Finite

SIGMA_DATA = 0.7
EDM_3 = edm(Euclidean(3))

# The output F that each head needs, from the estimate of x_0; each line is the definition in its source.
NEEDED = {
    "x0": (X0, lambda x_0, eps, alpha, sigma: x_0),
    "eps": (Eps, lambda x_0, eps, alpha, sigma: eps),
    "v": (V, lambda x_0, eps, alpha, sigma: alpha * eps - sigma * x_0),
    "velocity": (Velocity, lambda x_0, eps, alpha, sigma: eps - x_0),
    "score": (Score, lambda x_0, eps, alpha, sigma: -eps),  # sigma times (alpha x_0 - x) / sigma^2
    "preconditioned": (
        # the effective target of Karras et al., eq. 8, with x / alpha at level sigma / alpha
        partial(Preconditioned, sigma_data=SIGMA_DATA),
        lambda x_0, eps, alpha, sigma: (
            (x_0 - SIGMA_DATA**2 / ((sigma / alpha) ** 2 + SIGMA_DATA**2) * (x_0 + sigma / alpha * eps))
            * torch.sqrt((sigma / alpha) ** 2 + SIGMA_DATA**2)
            / (SIGMA_DATA * sigma / alpha)
        ),
    ),
}


@pytest.fixture
def case(gaussian, rng):
    """x_0, eps, x_t, alpha and sigma at 20 times of every process."""
    alpha, sigma = gaussian(3).alpha_sigma(torch.linspace(0, 1, 20, dtype=torch.float64)[:, None])
    x_0, eps = torch.randn(2, 20, 3, generator=rng, dtype=torch.float64)
    return x_0, eps, alpha * x_0 + sigma * eps, alpha, sigma


@pytest.mark.parametrize(("head", "needed"), NEEDED.values(), ids=NEEDED)
def test_every_head_gives_the_same_estimate(case, head, needed):
    x_0, eps, x_t, alpha, sigma = case
    found = head(EDM_3).x_0(needed(x_0, eps, alpha, sigma), x_t, alpha, sigma)
    torch.testing.assert_close(found, x_0, rtol=1e-7, atol=1e-7)


def test_preconditioning_is_that_of_edm(rng):
    """Karras et al. 2022, table 1, at alpha = 1."""
    sigma = torch.logspace(-3, 2, 30, dtype=torch.float64)[:, None]
    x, output = torch.randn(2, 30, 3, generator=rng, dtype=torch.float64)
    c_skip = SIGMA_DATA**2 / (sigma**2 + SIGMA_DATA**2)
    c_out = sigma * SIGMA_DATA / torch.sqrt(sigma**2 + SIGMA_DATA**2)
    c_in = 1 / torch.sqrt(sigma**2 + SIGMA_DATA**2)
    head, one = Preconditioned(EDM_3, SIGMA_DATA), torch.ones_like(sigma)
    torch.testing.assert_close(head.x_0(output, x, one, sigma), c_skip * x + c_out * output)
    torch.testing.assert_close(head.input_scale(one, sigma), c_in)


def test_preconditioning_is_minus_v_in_a_variance_preserving_process(rng):
    angle = torch.linspace(0.01, 1.56, 30, dtype=torch.float64)[:, None]
    x, output = torch.randn(2, 30, 3, generator=rng, dtype=torch.float64)
    found = Preconditioned(EDM_3).x_0(output, x, angle.cos(), angle.sin())
    torch.testing.assert_close(found, V(EDM_3).x_0(-output, x, angle.cos(), angle.sin()), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("head", [X0, Eps, V, Velocity, Score, Preconditioned])
def test_the_network_sees_unit_variance(head, gaussian):
    alpha, sigma = gaussian(3).alpha_sigma(torch.linspace(0, 1, 20, dtype=torch.float64))
    variance = alpha**2 * SIGMA_DATA**2 + sigma**2
    scaled = head(EDM_3, SIGMA_DATA).input_scale(alpha, sigma) ** 2 * variance
    torch.testing.assert_close(scaled, torch.ones_like(scaled))


def test_the_preconditioned_target_has_unit_variance(gaussian, rng):
    """For data of the stated deviation, at every noise level, within 5 deviations of a mean of 40000 squares."""
    alpha, sigma = gaussian(1).alpha_sigma(torch.linspace(0, 1, 20, dtype=torch.float64)[:, None])
    x_0, eps = (
        SIGMA_DATA * torch.randn(20, 40_000, generator=rng).double(),
        torch.randn(20, 40_000, generator=rng).double(),
    )
    target = NEEDED["preconditioned"][1](x_0, eps, alpha, sigma)
    assert (target.square().mean(1) - 1).abs().max() < 5 * (2 / 40_000) ** 0.5


class FlowMatching(nn.Module):
    """The exact velocity E[eps - x_0 | x] of data N(0, 0.25), for inputs at unit variance by `sigma_data`."""

    def __init__(self, process):
        super().__init__()
        self.process = process

    def forward(self, x, noise, cond=None):
        ratio = torch.exp(4 * noise)[:, None]  # sigma / alpha
        alpha, sigma = 1 / (1 + ratio), ratio / (1 + ratio)
        x_t = x * torch.hypot(alpha, sigma)
        return x_t * (sigma - 0.25 * alpha) / (0.25 * alpha**2 + sigma**2)


def test_a_flow_matching_network_is_read_as_the_velocity_of_rectified_flow(rng):
    process = rectified_flow(Euclidean(1))
    denoiser = Neural(process, FlowMatching(process), Velocity)
    made = Heun(denoiser, steps=40).sample(4000, rng)
    assert abs(float(made.square().mean()) / 0.25 - 1) < 5 * (2 / 4000) ** 0.5 + 0.01


def test_heads_compare_by_kind_process_and_deviation():
    assert V(EDM_3) == V(EDM_3, 1.0)
    assert V(EDM_3) != Eps(EDM_3)
    assert V(EDM_3, 0.5) != V(EDM_3) != V(edm(Euclidean(2)))


@pytest.mark.parametrize("head", [V, Letters, partial(LatticeHead, lattice=None)])
def test_a_process_of_another_kind_is_refused(head):
    with pytest.raises(InputError, match="x_t = alpha x_0 \\+ sigma noise, not of CTMC: leave the head out"):
        Neural(CTMC(Finite(2, 3), rates.Absorbing(3)), nn.Identity(), head)
