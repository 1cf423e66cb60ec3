r"""The losses of the SNR form: the same KL in other words.

For $z = \alpha x + \sigma\epsilon$ let $\hat x$ estimate x given z, $\hat\epsilon$ be the noise that it implies and
$\hat f = (\alpha\hat x - z)/\sigma^2$ the force, an estimate of $\nabla\log q_t(z)$. With $\lambda = \log\mathrm{SNR}$,
one example costs, in nats,

| per | times $\frac12\lVert x - \hat x\rVert^2$ | times $\frac12\lVert\epsilon - \hat\epsilon\rVert^2$ |
|---|---|---|
| step from t to s < t | $\mathrm{SNR}(s) - \mathrm{SNR}(t)$ | $\mathrm{SNR}(s)/\mathrm{SNR}(t) - 1$ |
| unit of time | $-\mathrm{SNR}'(t)$ | $-\lambda'(t)$ |
| unit of $\lambda$ | $\mathrm{SNR}(t)$ | 1 |

and $\sigma^2\lVert f - \hat f\rVert^2 = \lVert\epsilon - \hat\epsilon\rVert^2$. Their sum or integral is the diffusion
part of the bound: `discrete(T)` and `Denoising()` (Kingma et al. 2021, arXiv 2107.00630).
"""

from __future__ import annotations

import torch
from torch import Tensor

from unnoise._tree import expand
from unnoise.objectives.denoising import Denoising
from unnoise.objectives.times import StepTimes
from unnoise.objectives.weightings import StepWeighting
from unnoise.processes import Gaussian


def discrete(steps: int) -> Denoising:
    r"""$\sum_{i=1}^T$ `step_loss` at $t = i/T$ as an objective, one step per example."""
    return Denoising(StepWeighting(steps), StepTimes(steps))


def noise(process: Gaussian, x_0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
    r"""$\epsilon = (z - \alpha x)/\sigma$, true or estimated as x is."""
    alpha, sigma = process.alpha_sigma(t)
    return (x_t - expand(alpha, x_t) * x_0) / expand(sigma, x_t)


def force(process: Gaussian, x_0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
    r"""$(\alpha x - z)/\sigma^2$: of the data $\nabla_z\log q_{t|0}(z | x)$, of an estimate the score."""
    return process.score(x_t, x_0, t)


def tweedie(process: Gaussian, score: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
    r"""$E[\alpha x | z] = z + \sigma^2\nabla\log q_t(z)$, the inverse of `force` (Robbins 1956; Efron 2011)."""
    return x_t + expand(process.alpha_sigma(t)[1], x_t) ** 2 * score


def step_loss(process: Gaussian, x_0: Tensor, estimate: Tensor, s: Tensor, t: Tensor) -> Tensor:
    r"""$\frac12(\mathrm{SNR}(s) - \mathrm{SNR}(t))\lVert x - \hat x\rVert^2$, (n,): the KL of two posteriors at s."""
    gained = process.log_snr(t).exp() * torch.expm1(process.log_snr(s) - process.log_snr(t))
    return 0.5 * gained * _square(process, x_0 - estimate)


def rate_loss(process: Gaussian, x_0: Tensor, estimate: Tensor, t: Tensor) -> Tensor:
    r"""$-\frac12\mathrm{SNR}'(t)\lVert x - \hat x\rVert^2$, (n,), per unit time."""
    return -process.log_snr_rate(t) * level_loss(process, x_0, estimate, t)


def level_loss(process: Gaussian, x_0: Tensor, estimate: Tensor, t: Tensor) -> Tensor:
    r"""$\frac12\mathrm{SNR}\,\lVert x - \hat x\rVert^2$, (n,), per unit of log SNR."""
    return 0.5 * process.log_snr(t).exp() * _square(process, x_0 - estimate)


def noise_loss(process: Gaussian, true: Tensor, estimate: Tensor, t: Tensor, s: Tensor | None = None) -> Tensor:
    r"""$\frac c2\lVert\epsilon - \hat\epsilon\rVert^2$, (n,), c of the table: of a step to s, or of unit time."""
    gain = -process.log_snr_rate(t) if s is None else torch.expm1(process.log_snr(s) - process.log_snr(t))
    return 0.5 * gain * _square(process, true - estimate)


def force_loss(process: Gaussian, true: Tensor, estimate: Tensor, t: Tensor, s: Tensor | None = None) -> Tensor:
    r"""$\frac c2\sigma^2\lVert f - \hat f\rVert^2$, (n,), with the c of `noise_loss`.

    The true force is the kernel's or the marginal's: the means differ by a constant (Vincent 2011).
    """
    return process.alpha_sigma(t)[1] ** 2 * noise_loss(process, true, estimate, t, s)


def _square(process: Gaussian, error: Tensor) -> Tensor:
    return process.space.dot(error, error)
