r"""Properties of Gaussian processes: rates are derivatives, time inverts the noise level, Tweedie's formula, the bound.

The bound is compared with the true log density of a mixture, so no constant can hide.
"""

from __future__ import annotations

from typing import cast

import torch

from unnoise.denoisers import ExactMixture
from unnoise.evaluation import Bound
from unnoise.laws import GaussianMixture
from unnoise.objectives.times import ImportanceTimes
from unnoise.processes import Gaussian
from unnoise.testing.case import Case
from unnoise.testing.findings import Finding, exact, probable, stated_in
from unnoise.testing.statistics import mean_p_value

EXACT = 1e-8
DIFFERENCE = 1e-5
TOLERATED = 0.01  # nats between the bound and the truth, beyond chance
WIDTH = 0.3  # of the mixture's components, in root mean square distances of the atoms from zero


def rates_are_derivatives(case: Case) -> Finding:
    r"""`rates` are $d\log\alpha/dt$ and $d\log\sigma/dt$, by central differences."""
    process, t = cast(Gaussian, case.process), torch.linspace(0.01, 0.99, 99, dtype=torch.float64)
    h, (alpha_rate, sigma_rate) = 1e-5 * t, process.rates(t)
    ahead, behind = ((*process.logs(time), process.log_snr(time)) for time in (t + h, t - h))
    difference = [(after - before) / (2 * h) for after, before in zip(ahead, behind, strict=True)]
    size = alpha_rate.abs() + sigma_rate.abs()
    sides = {
        "alpha": (alpha_rate / size, difference[0] / size),
        "sigma": (sigma_rate / size, difference[1] / size),
        "log SNR": (process.log_snr_rate(t) / size, difference[2] / size),
    }
    return exact("rates are derivatives", sides, DIFFERENCE, size=1.0)


def noise_grows(case: Case) -> Finding:
    """The log signal-to-noise ratio decreases strictly."""
    steps = cast(Gaussian, case.process).log_snr(torch.linspace(0, 1, 201, dtype=torch.float64)).diff()
    return exact("the signal-to-noise ratio falls", {"steps": (steps, steps.clamp(max=-1e-12))}, 0.0, size=1.0)


def time_inverts_the_noise_level(case: Case) -> Finding:
    """time_at(log_snr(t)) = t."""
    t = torch.linspace(0, 1, 101, dtype=torch.float64)
    process = cast(Gaussian, case.process)
    return exact("time inverts the noise level", {"t": (process.time_at(process.log_snr(t)), t)}, 1e-6)


def score_is_the_gradient(case: Case) -> Finding:
    r"""Tweedie: $(\alpha E[x_0|x] - x)/\sigma^2 = \nabla\log q_t(x)$, by automatic differentiation of the mixture."""
    claim, sides = "the score is the gradient of the log density", {}
    rng, process = case.rng(claim), cast(Gaussian, case.process)
    for _, label, t in case.each_time():
        x = case.noised(t).sample(rng, (case.draws,)).requires_grad_()
        (gradient,) = torch.autograd.grad(case.noised(t).log_prob(x).sum(), x)
        x = x.detach()
        sides[label] = (process.score(x, case.exact()(x, t), t), gradient)
    return exact(claim, sides, EXACT)


def bound_is_the_likelihood(case: Case) -> Finding:
    r"""The bound at the exact denoiser of a Gaussian mixture is its log density, within 0.01 nats beyond chance."""
    claim, process = "the bound at the exact denoiser is the likelihood", cast(Gaussian, case.process)
    rng, (count, dimension) = case.rng(claim), case.atoms.flatten(1).shape
    if len(process.space.event_shape) != 1:
        return Finding(claim, None, detail="points are no vectors")
    width = WIDTH * case.atoms.square().sum(1).mean().sqrt()
    spread = width**2 * torch.eye(dimension, dtype=torch.float64)
    mixture = GaussianMixture(case.weights, case.atoms, spread.expand(count, -1, -1))
    x_0 = mixture.sample(rng, (max(64, case.draws // 8),))
    estimate = Bound(draws=256, times=ImportanceTimes())(ExactMixture(process, mixture), x_0, rng)
    (mean, error), truth = estimate.mean, mixture.log_prob(x_0)
    detail = f"mean {mean:.4f} (standard error {error:.1g}) against {float(truth.mean()):.4f} nats"
    return probable(claim, mean_p_value(estimate.log_prob - truth, 0.0, TOLERATED), detail)  # row by row: data vary


PROPERTIES = stated_in(__name__)
