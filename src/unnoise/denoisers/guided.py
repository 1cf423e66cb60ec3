"""A denoiser that is told more about x_0: gradient guidance."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.denoisers.base import Denoiser
from unnoise.denoisers.likelihoods import LogR, log_twist
from unnoise.processes import Gaussian


class Guided(Denoiser):
    r"""$\hat x_0 + c\,\frac{\sigma^2}\alpha\nabla_{x_t}\log\tilde r_t(x_t)$: reconstruction guidance towards p(x) r(x).

    With $\tilde r_t(x_t) = E[r(X_0) | x_t]$ and c = 1 this is the denoiser of $p\,r$ exactly (Tweedie's formula). Here
    $\tilde r_t$ is r at the denoised point $\hat x_0(x_t)$: diffusion posterior sampling (Chung et al. 2023, arXiv
    2209.14687); for a `likelihoods.Likelihood`, r averaged over noise of variance
    $\sigma^2/(\alpha^2 + \sigma^2)$ around it: pseudo-inverse guidance (Song et al. 2023, ICLR), exact for standard
    normal data. It is an approximation all the same, which `samplers.TwistedSMC` corrects.

    Costs a backward pass through the denoiser.

    Args:
        denoiser: of a Gaussian process, differentiable.
        log_r: log r of points, (n, *event) to (n,), differentiable where r is not 0.
        scale: c; 0 leaves the denoiser as it is.
        warm: an r that is no `Likelihood` is raised to the power $\alpha^2/(\alpha^2 + \sigma^2)$: it begins as 1.

    Raises:
        InputError: another process, an r that is NaN, infinite or without a gradient.

    >>> from unnoise.denoisers import ExactMixture, likelihoods
    >>> from unnoise.laws import GaussianMixture
    >>> from unnoise.processes import variance_preserving
    >>> from unnoise.spaces import Euclidean
    >>> law = GaussianMixture(torch.tensor([1.0]), torch.zeros(1, 1), torch.eye(1)[None])
    >>> plain = ExactMixture(variance_preserving(Euclidean(1)), law)
    >>> guided = Guided(plain, likelihoods.noisy(torch.tensor([1.0]), scale=1.0))
    >>> guided(torch.zeros(1, 1), torch.tensor(1.0))  # the posterior mean of N(0, 1) given y = 1 with noise 1
    tensor([[0.5000]])
    """

    process: Gaussian

    def __init__(self, denoiser: Denoiser, log_r: LogR, scale: float = 1.0, warm: bool = False) -> None:
        super().__init__()
        if not isinstance(denoiser.process, Gaussian):
            raise InputError(
                f"guidance by gradients needs a process with x_t = alpha x_0 + sigma noise (Gaussian), and "
                f"{type(denoiser.process).__name__} is none: use samplers.TwistedSMC with guidance=0, "
                "which weighs instead"
            )
        self.denoiser = denoiser
        self.process = denoiser.process
        self.log_r = log_r
        self.scale = scale
        self.warm = warm

    def forward(self, x_t: Tensor, t: Tensor, cond: Any = None) -> Tensor:
        """The guided estimate of x_0."""
        alpha, sigma = self.process.alpha_sigma(t)
        stat, slope, _ = self.look(x_t, t, cond)
        return stat + self.scale * expand((sigma**2 / alpha).to(x_t), x_t) * slope

    def look(self, x_t: Tensor, t: Tensor, cond: Any = None) -> tuple[Tensor, Tensor, Tensor]:
        r"""The estimate without guidance, $\nabla\log\tilde r_t(x_t)$, 0 at scale 0, and $\log\tilde r_t$."""
        alpha, sigma = self.process.alpha_sigma(t)
        variance = (sigma**2 / (alpha**2 + sigma**2)).to(x_t)
        if not self.scale:
            stat = self.denoiser(x_t, t, cond)
            return stat, torch.zeros_like(stat), self._twist(stat, variance)
        with torch.enable_grad():
            x_t = x_t.detach().requires_grad_()
            stat = self.denoiser(x_t, t, cond)
            twist = self._twist(stat, variance)
            slope = _slope(twist, x_t)
        return stat.detach(), slope, twist.detach()

    def _twist(self, stat: Tensor, variance: Tensor) -> Tensor:
        twist = log_twist(self.log_r, stat, variance)
        if not self.warm or hasattr(self.log_r, "blurred"):
            return twist
        return torch.where(torch.isneginf(twist), twist, (1 - variance) * twist)  # 0 to any power, also to the 0th


def _slope(twist: Tensor, x: Tensor) -> Tensor:
    """The gradient of every row; 0 where r is 0, from where no direction is known to be better."""
    if not twist.requires_grad:
        raise InputError(
            "log r has no gradient with respect to x; compute it by torch operations, without detach() or NumPy, or "
            "use samplers.TwistedSMC with guidance=0, which needs none"
        )
    (slope,) = torch.autograd.grad(twist.sum(), x)
    slope = torch.where(expand(torch.isneginf(twist.detach()), slope), 0.0, slope)
    if not torch.isfinite(slope).all():
        raise InputError("the gradient of log r is not finite; give an r that is smooth and positive, or guidance=0")
    return slope
