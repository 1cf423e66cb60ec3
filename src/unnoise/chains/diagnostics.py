r"""When to believe a chain: log-concavity of its target, what a jump loses, whether chains agree."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import MOST_STEPS, real, whole
from unnoise._errors import InputError
from unnoise._gradients import derivatives, leaf
from unnoise.chains.at_noise import AtNoise
from unnoise.chains.density import check_points
from unnoise.chains.measurements import Mean
from unnoise.chains.mixing import start_correlation as start_correlation

NUMBERS_AT_ONCE = 2**22


def zeta(m: int, sigma: float, radius: float, tau: float) -> float:
    r"""A bound on the curvature of the log density of the m-th equal measurement, in $1/\text{length}^2$.

    $\zeta(m) = -\frac1{\sigma^2} + \frac{\tau^2}{\sigma^2(\sigma^2 + m\tau^2)} + \frac{R^2}{(\sigma^2 +
    m\tau^2)^2}$ bounds $\nabla^2_{y_m}\log p(y_m | y_{1:m-1})$ for $X = Z + N(0, \tau^2 I)$ with $|Z| \le R$ (Saremi,
    Park, Bach 2024, arXiv 2305.19473). It decreases with m.

    >>> zeta(1, log_concave_sigma(3.0, 1.0), 3.0, 1.0)
    0.0
    """
    whole(least=1, m=m)
    real(above=0, sigma=sigma, radius=radius)
    real(least=0, tau=tau)
    total = sigma**2 + m * tau**2
    return -1 / sigma**2 + tau**2 / (sigma**2 * total) + radius**2 / total**2


def log_concave_sigma(radius: float, tau: float = 0.0) -> float:
    r"""The smallest noise that makes every such law log-concave: $\sqrt{R^2 - \tau^2}$, or 0.

    Two equal points at the distance 2R need no less (Loog, Duistermaat, Florack 2001).

    Args:
        radius: R, of the ball that Z lies in, as from `enclosing_radius`.
        tau: of the normal part of $X = Z + N(0, \tau^2 I)$; 0 is safe, and gives a larger sigma.

    >>> round(log_concave_sigma(radius=6.0, tau=1.0), 4)  # two modes at -3 and 3 in each of 4 dimensions
    5.9161
    """
    real(above=0, radius=radius)
    real(least=0, tau=tau)
    return math.sqrt(max(radius**2 - tau**2, 0.0))


def enclosing_radius(points: Tensor, tau: float = 0.0, rounds: int = 200) -> float:
    r"""The radius R of the smallest ball around data, (n, *event), less what noise adds.

    The ball, of radius r, is found to a few per cent: step to the farthest point by $1/(i + 1)$ of the way (Badoiu,
    Clarkson 2003). Noise has length about $\tau\sqrt d$, nearly at right angles to the rest, so
    $R = \sqrt{r^2 - d\tau^2}$: in trials too large by up to a third.
    """
    check_points(None, points)
    real(least=0, tau=tau)
    whole(least=1, most=MOST_STEPS, rounds=rounds)
    rows = points.flatten(1).double()
    centre = rows.mean(0)
    best = math.inf
    for i in range(rounds):
        distance = (rows - centre).square().sum(1)
        best = min(best, float(distance.max()))
        centre = torch.lerp(centre, rows[distance.argmax()], 1 / (i + 2))
    return math.sqrt(max(best - rows.shape[1] * tau**2, 0.0))


def curvature(score: Callable[[Tensor], Tensor], y: Tensor) -> Tensor:
    r"""The largest eigenvalue of $\nabla^2\log p$ at every y, (n, *event), as (n,).

    Negative where the density is log-concave. The score must be differentiable, row by row; it costs one backward pass
    per dimension.
    """
    d = y[0].numel()
    size = max(1, NUMBERS_AT_ONCE // d**2)
    return torch.cat([_top(_jacobian(score, rows)) for rows in torch.split(y, size)])


def conditional_curvature(noisy: AtNoise, y: Tensor, past: Mean, sigma: float) -> Tensor:
    r"""The largest eigenvalue of $\nabla^2_y\log p(Y_k = y | Y_{1:k-1})$, (n,).

    It is $-\sigma^{-2}(1 - \sigma^{-2}\lambda_{max}(\mathrm{cov}(X | Y_{1:k})))$.
    """
    mean = past.with_one_more(y, sigma)
    slope = curvature(noisy.at(mean.level).denoise, mean.value)  # d denoise / d mean = cov(X | Y) / level^2
    return (slope * mean.level**2 / sigma**2 - 1) / sigma**2


def jump_bound(sigma: float, dimension: int, m: int = 1) -> float:
    r"""$\sigma^2 d/m \ge W_2(\mathrm{law}\,X, \mathrm{law}\,E[X | Y_{1:m}])^2$, for any X (arXiv 2305.19473).

    Args:
        sigma: of one measurement, in the units of the points.
        dimension: d, of X.
        m: how many measurements.

    >>> jump_bound(0.5, dimension=8, m=4)
    0.5
    """
    whole(least=1, dimension=dimension, m=m)
    real(above=0, sigma=sigma)
    return sigma**2 * dimension / m


def jump_variance(tau: float, level: float) -> float:
    r"""$\tau^4/(\tau^2 + s^2)$: the variance of jumps $E[X | Y]$ from noise level s within a mode of deviation $\tau$.

    Jumps are narrower than the mode, whose variance is $\tau^2$ (arXiv 2305.19473).

    Args:
        tau: $\tau$, in the units of the points, above 0.
        level: s; of m measurements of noise $\sigma$ it is $\sigma/\sqrt m$.

    >>> jump_variance(tau=1.0, level=1.0)
    0.5
    """
    real(above=0, tau=tau, level=level)
    return tau**4 / (tau**2 + level**2)


@dataclass(frozen=True)
class Agreement:
    r"""Whether chains agree on every coordinate (Vehtari et al. 2021, arXiv 1903.08008).

    Attributes:
        r_hat: rank-normalised $\hat R$, (*event); above 1.01 the chains remember their start.
        bulk: effective sample size for the centre, (*event).
        tail: effective sample size for the 5 % and 95 % quantiles, (*event).
    """

    r_hat: Tensor
    bulk: Tensor
    tail: Tensor

    def __str__(self) -> str:
        """The verdict, by the worst coordinate."""
        worst, fewest = float(self.r_hat.max()), min(float(self.bulk.min()), float(self.tail.min()))
        if worst > 1.01:
            return (
                f"the chains disagree (R-hat {worst:.3g}, above 1.01): some never left the mode they started in; run "
                "longer, or take chains.Sequential, which needs no passage between modes"
            )
        if fewest < 400:
            return f"the chains agree (R-hat {worst:.3g}), on few effective draws ({fewest:.0f}, below 400): run longer"
        return f"the chains agree: R-hat {worst:.3g}, at least {fewest:.0f} effective draws"


def agreement(kept: Tensor) -> Agreement:
    r"""R-hat and effective sample sizes of positions, (m, n, *event), as `run` keeps them; by ArviZ.

    Chains that never leave one mode agree: start them over the whole target. It needs 4 positions of 2 chains.
    """
    from arviz_stats.base import array_stats  # type: ignore[attr-defined]

    if kept.ndim < 3 or kept.shape[0] < 4 or kept.shape[1] < 2:
        raise InputError(f"got positions of shape {tuple(kept.shape)}; expected (m, n, *event), at least 4 of 2 chains")
    draws = kept.detach().cpu().double().numpy()

    def of(statistic: Callable[..., object], method: str, **options: object) -> Tensor:
        return torch.as_tensor(statistic(draws, chain_axis=1, draw_axis=0, method=method, **options))

    return Agreement(
        of(array_stats.rhat, "rank"), of(array_stats.ess, "bulk"), of(array_stats.ess, "tail", prob=(0.05, 0.95))
    )


def _jacobian(score: Callable[[Tensor], Tensor], y: Tensor) -> Tensor:
    """(n, d, d), by one batched backward pass."""
    n, d = len(y), y[0].numel()
    with derivatives():
        y = leaf(y)
        value = score(y).reshape(n, d)
        if not value.requires_grad:
            raise InputError("the score does not depend on y by differentiable operations: its curvature is not known")
        basis = torch.eye(d, dtype=y.dtype, device=y.device)[:, None].expand(d, n, d)
        (rows,) = torch.autograd.grad(value, y, basis, is_grads_batched=True, materialize_grads=True)
    return rows.reshape(d, n, d).transpose(0, 1)


def _top(matrices: Tensor) -> Tensor:
    top: Tensor = torch.linalg.eigvalsh(0.5 * (matrices + matrices.transpose(1, 2)))[:, -1]
    return top
