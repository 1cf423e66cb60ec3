r"""Components of product mixtures under noise: which laws stay in closed form on which process.

* Jumps on finite spaces: $p_{kc}$ is any law of the states, $q_t(x | k) = \sum_s p_{kc}(s) q_{t|0}(x | s)$, and what is
  learnt is $p_{kc}(s) q_{t|0}(x | s) / q_t(x | k)$.
* Gaussian noise: normal laws stay normal.
* Brownian motion on tori: heat kernels are run on, their times add up.
* Counts: Poisson laws stay Poisson, since survivors and the lost of a Poisson number are independent.

Register functions for a process of your own with `components_of` and `noised`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.laws import Normal, WrappedNormal
from unnoise.laws.base import event_sum
from unnoise.laws.components import (
    CategoricalComponents,
    Components,
    NormalComponents,
    PoissonComponents,
    WrappedNormalComponents,
)
from unnoise.processes.base import Process, precision
from unnoise.processes.brownian import Brownian
from unnoise.processes.counts import ImmigrationDeath, PureDeath
from unnoise.processes.ctmc import CTMC
from unnoise.processes.gaussian import Gaussian
from unnoise.spaces import Torus


@dataclass(frozen=True)
class NoisyComponents:
    """One leaf at noisy points.

    Attributes:
        each: log probability of each cell under every component, (n, K, cells), 0 where it is not known.
        statistic: from responsibilities (n, K), or (n, K, cells) of each cell, to what a denoiser learns, (n, *event)
            or alike.

    >>> from unnoise import processes, spaces
    >>> process = processes.variance_preserving(spaces.Euclidean(1))
    >>> parts, x = NormalComponents(torch.tensor([[-1.0], [1.0]]), torch.ones(2, 1)), torch.ones(1, 1)
    >>> noisy = noised(process, parts, x, torch.full((1, 1), 0.5), torch.ones(1, 1, dtype=torch.bool))
    >>> bool(noisy.log_prob[0, 1] > noisy.log_prob[0, 0])
    True
    """

    each: Tensor
    statistic: Callable[[Tensor], Tensor]

    @property
    def log_prob(self) -> Tensor:
        """Of all known cells under every component, (n, K)."""
        return event_sum(self.each, 1)


@singledispatch
def components_of(process: Process[Any], x: Tensor, known: Tensor) -> Components:
    """The law of all rows as one component, of the family that noise keeps in closed form.

    Args:
        process: of one leaf.
        x: points, (n, *event).
        known: (n, *cells) bool.

    Raises:
        InputError: a process without such a family.
    """
    raise InputError(
        f"mixtures of product laws have no components on {process.space} under {type(process).__name__}; they have on "
        "numbers, finite states, angles and counts: leave those columns out, or train a network, without --quick "
        "(quick=False)"
    )


@singledispatch
def noised(process: Process[Any], parts: Components, x_t: Tensor, t: Tensor, known: Tensor) -> NoisyComponents:
    """Components at noisy points.

    Args:
        process: of one leaf.
        parts: as of `components_of`.
        x_t: points, (n, *event).
        t: the time of every cell, (n, *cells).
        known: which cells count, (n, *cells) bool.
    """
    raise InputError(
        f"{type(parts).__name__} are not in closed form under {type(process).__name__}; use denoisers.Exact"
    )


@components_of.register
def _states(process: CTMC, x: Tensor, known: Tensor) -> CategoricalComponents:
    return CategoricalComponents.of(x, known, process.rates.data.to(x.device))


@noised.register
def _finite(process: CTMC, parts: CategoricalComponents, x_t: Tensor, t: Tensor, known: Tensor) -> NoisyComponents:
    evidence = process.cell.evidence(x_t, t, parts.probs.dtype)
    laws, seen = parts.probs.flatten(1, -2), evidence.flatten(1, -2)  # (K, cells, S), (n, cells, S)
    each = torch.einsum("ncs,kcs->nck", seen, laws).clamp(min=torch.finfo(laws.dtype).tiny)

    def statistic(shares: Tensor) -> Tensor:
        of_cells = _of_cells(shares).transpose(1, 2).to(each)
        mixed = torch.einsum("nck,kcs->ncs", of_cells / each, laws) * seen
        return (mixed / mixed.sum(-1, keepdim=True)).reshape(evidence.shape)

    return NoisyComponents(_seen(each.log().transpose(1, 2), known), statistic)


@components_of.register
def _numbers(process: Gaussian, x: Tensor, known: Tensor) -> NormalComponents:
    return NormalComponents.of(x, known)


@noised.register
def _gaussian(process: Gaussian, parts: NormalComponents, x_t: Tensor, t: Tensor, known: Tensor) -> NoisyComponents:
    """In float64, as given cells are far more precise than others."""
    alpha, sigma = (level.flatten(1)[:, None] for level in process.cell.alpha_sigma(t.double()))  # (n, 1, cells)
    mean, variance = (part.flatten(1).double() for part in (parts.means, parts.variances))
    x, total = x_t.flatten(1)[:, None].double(), alpha**2 * variance + sigma**2
    offset = x - alpha * mean
    each = Normal(alpha * mean, total.sqrt(), 0).log_prob(x)

    def statistic(shares: Tensor) -> Tensor:
        gain = alpha * variance / total
        return _averaged(shares, mean + gain * offset).reshape(x_t.shape).to(x_t)

    return NoisyComponents(_seen(each, known), statistic)


@components_of.register
def _angles(process: Brownian, x: Tensor, known: Tensor) -> Components:
    if not isinstance(process.space, Torus):
        return components_of.dispatch(object)(process, x, known)
    return WrappedNormalComponents.of(x, known)


@noised.register
def _wrapped(
    process: Brownian, parts: WrappedNormalComponents, x_t: Tensor, t: Tensor, known: Tensor
) -> NoisyComponents:
    means, variances = (part.flatten(1).double() for part in (parts.means, parts.variances))
    law = WrappedNormal(means, (variances + process.variance(t.double()).flatten(1)[:, None]).sqrt(), 0)
    x = x_t.flatten(1)[:, None]

    def statistic(shares: Tensor) -> Tensor:
        return _averaged(shares, law.score(x).double()).reshape(x_t.shape).to(x_t)

    return NoisyComponents(_seen(law.log_prob(x), known), statistic)


@components_of.register(ImmigrationDeath)
@components_of.register(PureDeath)
def _counts(process: ImmigrationDeath | PureDeath, x: Tensor, known: Tensor) -> PoissonComponents:
    return PoissonComponents.of(x, known)


@noised.register
def _immigration(
    process: ImmigrationDeath, parts: PoissonComponents, x_t: Tensor, t: Tensor, known: Tensor
) -> NoisyComponents:
    (kept, gone), means = process.gone(t.double(), x_t), parts.means.flatten(1).double()
    kept, gone, new = (part.flatten(1)[:, None] for part in (kept, gone, process.means(kept) * gone))
    rate = means * kept + new

    def statistic(shares: Tensor) -> Tensor:
        lost = _averaged(shares, means * gone)
        come = x_t.flatten(1) * _averaged(shares, new / rate)
        return torch.stack([lost, come], -1).reshape(*x_t.shape, 2).to(precision(t))

    return NoisyComponents(_seen(_log_poisson(x_t, rate), known), statistic)


@noised.register
def _death(process: PureDeath, parts: PoissonComponents, x_t: Tensor, t: Tensor, known: Tensor) -> NoisyComponents:
    kept, gone = (part.flatten(1)[:, None] for part in process.gone(t.double(), x_t))
    means = parts.means.flatten(1).double()

    def statistic(shares: Tensor) -> Tensor:
        lost = _averaged(shares, means * gone)
        return (x_t + lost.reshape(x_t.shape)).to(precision(t))

    return NoisyComponents(_seen(_log_poisson(x_t, means * kept), known), statistic)


def _log_poisson(x: Tensor, rate: Tensor) -> Tensor:
    x = x.flatten(1)[:, None].double()
    return torch.xlogy(x, rate) - rate - torch.lgamma(x + 1)


def _of_cells(shares: Tensor) -> Tensor:
    """Responsibilities of each cell, or the same of all, (n, K, cells or 1)."""
    return shares if shares.ndim == 3 else shares[..., None]


def _averaged(shares: Tensor, each: Tensor) -> Tensor:
    """Over components, (n, cells)."""
    return torch.einsum("nkc,nkc->nc", _of_cells(shares).double(), each)


def _seen(each: Tensor, known: Tensor) -> Tensor:
    """0 where nothing is known."""
    return torch.where(known.flatten(1)[:, None], each, 0.0)
