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
    r"""The bound in T steps as an objective: the sum of `step_loss` from $i/T$ to $(i - 1)/T$, $i = 1, \dots, T$.

    In nats. Each example draws one of the steps, all alike, and its loss counts T times: unbiased for the sum. As T
    grows the mean falls to that of `Denoising()` (Kingma et al. 2021, arXiv 2107.00630, eq. 13 to 15).

    Args:
        steps: T, at least 1, else InputError.

    Two points, which cost log 2 nats with the exact denoiser, and more in few steps:

    >>> from unnoise import denoisers, processes, spaces
    >>> x_0 = torch.tensor([[-1.0], [1.0]]).repeat(5_000, 1)
    >>> exact = denoisers.Exact(processes.edm(spaces.Euclidean(1)), x_0[:2])
    >>> for steps in (20, 100):
    ...     found = discrete(steps)(exact, x_0, None, torch.Generator().manual_seed(0)).value.mean()
    ...     print(f"{found:.2f}")
    1.25
    0.78
    """
    return Denoising(StepWeighting(steps), StepTimes(steps))


def noise(process: Gaussian, x_0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
    r"""The noise $\epsilon = (z - \alpha x)/\sigma$ in a noisy point z, (n, *event): true, or estimated as x is.

    Args:
        process: whose $\alpha(t)$ and $\sigma(t)$.
        x_0: data x, or an estimate of them, (n, *event).
        x_t: the noisy points z, (n, *event).
        t: times in [0, 1], () or (n,).

    >>> from unnoise import processes, spaces
    >>> process, t = processes.variance_preserving(spaces.Euclidean(2)), torch.tensor(0.3)
    >>> alpha, sigma = process.alpha_sigma(t)
    >>> x, drawn = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.5, -0.5]])
    >>> noise(process, x, alpha * x + sigma * drawn, t)
    tensor([[ 0.5000, -0.5000]])
    """
    alpha, sigma = process.alpha_sigma(t)
    return (x_t - expand(alpha, x_t) * x_0) / expand(sigma, x_t)


def force(process: Gaussian, x_0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
    r"""The force $(\alpha x - z)/\sigma^2 = -\epsilon/\sigma$ on a noisy point z, (n, *event); eq. 8.45, 8.47.

    Of the data x it is the conditional force $\nabla_z\log q_{t|0}(z | x)$; of the posterior mean the marginal one, the
    score $\nabla_z\log q_t(z)$, of densities with respect to Lebesgue measure. The mean of the conditional force given
    z is the marginal one. Shapes are those of `noise`.

    >>> from unnoise import denoisers, processes, spaces
    >>> data = torch.tensor([[-1.0], [1.0]])
    >>> exact = denoisers.Exact(processes.variance_preserving(spaces.Euclidean(1)), data)
    >>> z, t = torch.tensor([[0.2]]), torch.tensor(0.3)
    >>> given = exact.process.marginal(data, t).log_prob(z).softmax(0)  # p(x | z) of the two points
    >>> (given[:, None] * force(exact.process, data, z, t)).sum(0), force(exact.process, exact(z, t), z, t)[0]
    (tensor([-0.1169]), tensor([-0.1169]))
    """
    return process.score(x_t, x_0, t)


def tweedie(process: Gaussian, score: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
    r"""What the score says of the data: $E[\alpha x | z] = z + \sigma^2\nabla\log q_t(z)$, (n, *event); eq. 8.46.

    The inverse of `force` (Robbins 1956; Efron 2011). Divide by $\alpha$ for $E[x | z]$.

    Args:
        process: whose $\alpha(t)$ and $\sigma(t)$.
        score: $\nabla\log q_t$ at `x_t`, (n, *event).
        x_t: the noisy points z, (n, *event).
        t: times in [0, 1], () or (n,).

    >>> from unnoise import processes, spaces
    >>> process, t = processes.variance_preserving(spaces.Euclidean(1)), torch.tensor(0.3)
    >>> x, z = torch.tensor([[2.0]]), torch.tensor([[0.5]])
    >>> tweedie(process, force(process, x, z, t), z, t) / process.alpha_sigma(t)[0]
    tensor([[2.0000]])
    """
    return x_t + expand(process.alpha_sigma(t)[1], x_t) ** 2 * score


def step_loss(process: Gaussian, x_0: Tensor, estimate: Tensor, s: Tensor, t: Tensor) -> Tensor:
    r"""$\frac12(\mathrm{SNR}(s) - \mathrm{SNR}(t))\lVert x - \hat x\rVert^2$ nats, (n,), a step from t to s; eq. 8.41.

    It is $KL\big(q(x_s | x_t, x)\,\|\,q(x_s | x_t, \hat x)\big)$, of two Gaussians of one variance (Kingma et al. 2021,
    arXiv 2107.00630, eq. 13).

    Args:
        process: whose SNR.
        x_0: the data x, (n, *event).
        estimate: $\hat x$ of a denoiser that saw $x_t$, (n, *event).
        s: where the step ends, () or (n,), below t.
        t: where it begins.

    >>> from unnoise import processes, spaces
    >>> process = processes.variance_preserving(spaces.Euclidean(1))
    >>> x, estimate, z = torch.tensor([[1.0]]), torch.tensor([[0.7]]), torch.tensor([[0.4]])
    >>> s, t = torch.tensor(0.3), torch.tensor(0.4)
    >>> true, modelled = (process.bridge(one, z, t, s) for one in (x, estimate))
    >>> step_loss(process, x, estimate, s, t), 0.5 * ((true.mean - modelled.mean) / true.scale).square()[0]
    (tensor([0.0186]), tensor([0.0186]))
    """
    gained = process.log_snr(t).exp() * torch.expm1(process.log_snr(s) - process.log_snr(t))
    return 0.5 * gained * _square(process, x_0 - estimate)


def rate_loss(process: Gaussian, x_0: Tensor, estimate: Tensor, t: Tensor) -> Tensor:
    r"""A unit of time: $-\frac12\mathrm{SNR}'(t)\lVert x - \hat x\rVert^2$ nats, (n,); eq. 8.42.

    The limit of `step_loss`$/(t - s)$ as s comes to t. Its integral over t is the diffusion part of the bound on
    $-\log p(x)$ (Kingma et al. 2021, arXiv 2107.00630, eq. 15). Shapes are those of `step_loss`.

    >>> from unnoise import processes, spaces
    >>> process, t = processes.variance_preserving(spaces.Euclidean(1)), torch.tensor(0.4)
    >>> x, estimate = torch.tensor([[1.0]]), torch.tensor([[0.7]])
    >>> rate_loss(process, x, estimate, t), step_loss(process, x, estimate, t - 1e-3, t) / 1e-3
    (tensor([0.1096]), tensor([0.1101]))
    """
    return -process.log_snr_rate(t) * level_loss(process, x_0, estimate, t)


def level_loss(process: Gaussian, x_0: Tensor, estimate: Tensor, t: Tensor) -> Tensor:
    r"""A unit of $\lambda = \log\mathrm{SNR}$: $\frac12\mathrm{SNR}(t)\lVert x - \hat x\rVert^2$ nats, (n,); eq. 8.43.

    With $\lambda$ as the variable no schedule is left: its integral over $\lambda$ is the one of `rate_loss` over t.
    Shapes are those of `step_loss`.

    >>> from unnoise import processes, spaces
    >>> process, t = processes.variance_preserving(spaces.Euclidean(1)), torch.tensor(0.4)
    >>> x, estimate = torch.tensor([[1.0]]), torch.tensor([[0.7]])
    >>> level_loss(process, x, estimate, t), 0.5 * process.log_snr(t).exp() * 0.3**2
    (tensor([0.0109]), tensor(0.0109))
    """
    return 0.5 * process.log_snr(t).exp() * _square(process, x_0 - estimate)


def noise_loss(process: Gaussian, true: Tensor, estimate: Tensor, t: Tensor, s: Tensor | None = None) -> Tensor:
    r"""The same nats by noise: $\frac c2\lVert\epsilon - \hat\epsilon\rVert^2$, (n,); eq. 8.48.

    $c = \mathrm{SNR}(s)/\mathrm{SNR}(t) - 1$ for a step to s, as `step_loss`; without s $c = -\lambda'(t)$ for a
    unit of time, as `rate_loss`.

    Args:
        process: whose SNR.
        true: the noise $\epsilon$, (n, *event).
        estimate: $\hat\epsilon$, (n, *event), as `noise` makes it of $\hat x$.
        t: times in [0, 1], () or (n,).
        s: where the step ends, below t.

    >>> from unnoise import processes, spaces
    >>> process, t = processes.variance_preserving(spaces.Euclidean(1)), torch.tensor(0.4)
    >>> x, estimate, z = torch.tensor([[1.0]]), torch.tensor([[0.7]]), torch.tensor([[0.4]])
    >>> true, found = (noise(process, one, z, t) for one in (x, estimate))
    >>> noise_loss(process, true, found, t), rate_loss(process, x, estimate, t)
    (tensor([0.1096]), tensor([0.1096]))
    """
    gain = -process.log_snr_rate(t) if s is None else torch.expm1(process.log_snr(s) - process.log_snr(t))
    return 0.5 * gain * _square(process, true - estimate)


def force_loss(process: Gaussian, true: Tensor, estimate: Tensor, t: Tensor, s: Tensor | None = None) -> Tensor:
    r"""The same nats by force: $\frac c2\sigma^2\lVert f - \hat f\rVert^2$, (n,), with the c of `noise_loss`; eq. 8.48.

    The true force is the kernel's or the marginal's: the means differ by a constant (Vincent 2011). Shapes are those of
    `noise_loss`.

    >>> from unnoise import processes, spaces
    >>> process, t = processes.variance_preserving(spaces.Euclidean(1)), torch.tensor(0.4)
    >>> x, estimate, z = torch.tensor([[1.0]]), torch.tensor([[0.7]]), torch.tensor([[0.4]])
    >>> true, found = (force(process, one, z, t) for one in (x, estimate))
    >>> force_loss(process, true, found, t), rate_loss(process, x, estimate, t)
    (tensor([0.1096]), tensor([0.1096]))
    """
    return process.alpha_sigma(t)[1] ** 2 * noise_loss(process, true, estimate, t, s)


def _square(process: Gaussian, error: Tensor) -> Tensor:
    return process.space.dot(error, error)
