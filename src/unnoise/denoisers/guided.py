"""Gradient guidance by what else is known of x_0."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import flag, function, real
from unnoise._errors import InputError
from unnoise._gradients import derivatives, leaf
from unnoise._tree import expand
from unnoise.denoisers.base import Denoiser, check_denoiser, check_placed
from unnoise.denoisers.likelihoods import LogR, Observation, log_twist
from unnoise.processes import Gaussian, leaves, map_leaves, require


class Guided(Denoiser):
    r"""$\hat x_0 + c\,\frac{\sigma^2}\alpha\nabla_{x_t}\log\tilde r_t(x_t)$: reconstruction guidance towards p(x) r(x).

    With $\tilde r_t(x_t) = E[r(X_0) | x_t]$ and c = 1 this would be exact (Tweedie's formula). Here $\tilde r_t$ is r
    at $\hat x_0(x_t)$: diffusion posterior sampling (Chung et al. 2023, arXiv 2209.14687); for a
    `likelihoods.Observation`, r averaged over noise of variance $\sigma^2/(\alpha^2 + \sigma^2)$ around it:
    pseudo-inverse guidance (Song et al. 2023, ICLR), exact for standard normal data. `samplers.TwistedSMC` corrects the
    error.

    Args:
        denoiser: of Gaussian processes; differentiable.
        log_r: log r of points, (n, *event) or a dict of factors to (n,), differentiable where r is not 0.
        scale: c; 0 leaves the denoiser as it is.
        warm: an r that is no `Observation` is raised to $\alpha^2/(\alpha^2 + \sigma^2)$, on a product the mean power.

    >>> from unnoise import denoisers, laws, processes, spaces
    >>> law = laws.GaussianMixture(torch.tensor([1.0]), torch.zeros(1, 1), torch.eye(1)[None])
    >>> plain = denoisers.ExactMixture(processes.variance_preserving(spaces.Euclidean(1)), law)
    >>> guided = Guided(plain, denoisers.likelihoods.noisy(torch.tensor([1.0]), scale=1.0))
    >>> guided(torch.zeros(1, 1), torch.tensor(1.0))
    tensor([[0.5000]])
    """

    def __init__(self, denoiser: Denoiser, log_r: LogR, scale: float = 1.0, warm: bool = False) -> None:
        check_denoiser(denoiser=denoiser)
        function(log_r=log_r)
        real(scale=scale)
        flag(warm=warm)
        super().__init__()
        for _, factor, _ in leaves(denoiser.process):
            require(factor, Gaussian, "guidance by gradients", "samplers.TwistedSMC with guidance=0, which weighs")
        self.denoiser, self.process = denoiser, denoiser.process
        self.log_r, self.scale, self.warm = log_r, scale, warm

    def asked(self, cond: Any) -> Any:
        """As the denoiser says."""
        return self.denoiser.asked(cond)

    def forward(self, x_t: Any, t: Tensor, cond: Any = None) -> Any:
        """The guided estimate of x_0."""
        t = check_placed(self.process, x_t, t)

        def guided(process: Any, x: Tensor, stat: Tensor, slope: Tensor) -> Tensor:
            alpha, sigma = process.alpha_sigma(t)
            return stat + self.scale * expand((sigma**2 / alpha).to(x), x) * slope

        stat, slope, _ = self.guide(x_t, t, cond)
        return map_leaves(guided, self.process, x_t, stat, slope)

    def guide(self, x_t: Any, t: Tensor, cond: Any = None) -> tuple[Any, Any, Tensor]:
        r"""The estimate without guidance, $\nabla\log\tilde r_t(x_t)$, 0 at scale 0, and $\log\tilde r_t$."""
        variance = map_leaves(partial(_posterior_variance, t=t), self.process, x_t)
        if not self.scale:
            stat = self.denoiser(x_t, t, cond)
            return stat, _tree.map(torch.zeros_like, stat), self._twist(stat, variance)
        with derivatives():
            x_t = _tree.map(leaf, x_t)
            stat = self.denoiser(x_t, t, cond)
            twist = self._twist(stat, variance)
            slope = _slope(twist, x_t)
        return _tree.map(torch.detach, stat), slope, twist.detach()

    def _twist(self, stat: Any, variance: Any) -> Tensor:
        twist = log_twist(self.log_r, stat, variance)
        if not self.warm or isinstance(self.log_r, Observation):
            return twist
        share = torch.stack([leaf for _, leaf in _tree.leaves(variance)]).mean(0)
        return torch.where(torch.isneginf(twist), twist, (1 - share) * twist)  # 0 to any power, also to the 0th


def _posterior_variance(process: Gaussian, x: Tensor, t: Tensor) -> Tensor:
    """For standard normal data."""
    alpha, sigma = process.alpha_sigma(t)
    return (sigma**2 / (alpha**2 + sigma**2)).to(x)


def _slope(twist: Tensor, x: Any) -> Any:
    """The gradient of every row; 0 where r is 0."""
    if not twist.requires_grad:
        instead = (
            "compute it by torch operations, without detach() or NumPy, or use samplers.TwistedSMC with guidance=0"
        )
        raise InputError(f"log r has no gradient with respect to x; {instead}")
    parts = [leaf for _, leaf in _tree.leaves(x)]
    slopes = iter(torch.autograd.grad(twist.sum(), parts, materialize_grads=True))
    nowhere = torch.isneginf(twist.detach())
    slope = _tree.map(lambda leaf: torch.where(expand(nowhere, leaf), 0.0, next(slopes)), x)
    if not all(torch.isfinite(leaf).all() for _, leaf in _tree.leaves(slope)):
        raise InputError("the gradient of log r is not finite; give an r that is smooth and positive, or guidance=0")
    return slope
