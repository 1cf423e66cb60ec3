r"""Noising in T whole steps: a bridged process, looked at T times, and the evidence lower bound of discrete time.

The reverse starts at $\pi_T$ and takes steps $p(x_{t-1} | x_t)$, the last of which is set, not learnt:
$p(x_0 | x_1) = q(x_1 | x_0)\pi_0(x_0)/\pi_1(x_1)$, where $\pi_t$ is the reference law of the process. The bound on the
log-likelihood is

$$K = -\sum_{t=2}^T E\big[KL(q(X_{t-1} | X_t, x_0) \| p(X_{t-1} | X_t))\big]
+ E[\log p(x_0 | X_1)] - KL(q(X_T | x_0) \| \pi_T),$$

(Ho et al. 2020, arXiv 2006.11239, eq. 5), or, as first published (Sohl-Dickstein et al. 2015, arXiv 1503.03585, eq.
14), with $H_q(X_T | x_0) - H_q(X_1 | x_0) - H_\pi(X_T)$ in place of the last two. They differ by `edge`, of mean zero
over data with the moments of the reference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, final

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import MOST_STEPS, instance, reals, whole
from unnoise._errors import InputError
from unnoise._tree import S
from unnoise.laws import HasEntropy
from unnoise.processes.base import Bridged
from unnoise.processes.betas import Betas
from unnoise.processes.binomial import Binomial, Mean
from unnoise.processes.gaussian import Gaussian
from unnoise.processes.named_gaussians import variance_preserving
from unnoise.processes.reverse_variances import ReverseVariance, SmallVariance
from unnoise.schedules import Erasing
from unnoise.spaces import Euclidean, Finite

SMALL = SmallVariance()
LEFT = 1e-12  # of a bit in the last step of a binomial chain; as published, nothing


def even_times(steps: int) -> tuple[float, ...]:
    """The times $(t - 1)/(T - 1)$ of steps t = 1, ..., T; T at least 2, else InputError.

    >>> even_times(3)
    (0.0, 0.5, 1.0)
    """
    whole(least=2, most=MOST_STEPS, steps=steps)
    return tuple(step / (steps - 1) for step in range(steps))


@final
@dataclass(frozen=True)
class Chain(Generic[S]):
    """The steps of a bridged process at given times. Steps t are whole numbers, () or (*batch,), from 1 to T.

    Laws are in the precision of the states, sums over them in float64.

    Args:
        process: any bridged process; a denoiser of it serves the chain.
        times: of steps 1, ..., T, at least 2, increasing within [0, 1].
        variance: of the reverse steps of a Gaussian process.

    >>> law = chain_of_betas(Euclidean(1), (0.1, 0.2, 0.4)).marginal(torch.ones(1, 1), torch.tensor(3))
    >>> law.mean**2, law.scale**2
    (tensor([[0.4320]]), tensor(0.5680))
    """

    process: Bridged[S]
    times: tuple[float, ...] = field(repr=False)
    variance: ReverseVariance = SMALL

    def __post_init__(self) -> None:
        instance(Bridged, process=self.process)
        instance(ReverseVariance, variance=self.variance)
        reals("times", self.times, fewest=2)
        knots = torch.tensor((-1e-9, *self.times, 1 + 1e-9), dtype=torch.float64)
        if not (knots.diff() > 0).all():
            raise InputError(f"got times from {self.times[0]} to {self.times[-1]}; expected an increase within [0, 1]")
        if not isinstance(self.process, Gaussian) and not isinstance(self.variance, SmallVariance):
            got = f"{self.variance} for {type(self.process).__name__}"
            raise InputError(f"got {got}; the variance of reverse steps is a choice for Gaussian processes only")

    @property
    def steps(self) -> int:
        """The number of steps, T."""
        return len(self.times)

    def time(self, t: Tensor) -> Tensor:
        """The continuous time of step t, in float64; NaN for step 0, the data."""
        if t.device.type == "cpu" and t.numel() and not (t.min() >= 0 and t.max() <= self.steps):
            raise InputError(f"got steps from {t.min()} to {t.max()}; this chain has the steps 1 to {self.steps}")
        return self._times.to(t.device)[t]

    def marginal(self, x_0: S, t: Tensor) -> HasEntropy[S]:
        """$q(x_t | x_0)$."""
        return self.process.marginal(x_0, self.time(t))

    def bridge(self, x_0: S, x_t: S, t: Tensor, s: Tensor | None = None) -> HasEntropy[S]:
        """$q(x_s | x_t, x_0)$ for any s < t; one step by default."""
        return self.process.bridge(x_0, x_t, self.time(t), self.time(t - 1 if s is None else s))

    def posterior(self, stat: Any, x_t: S, t: Tensor, s: Tensor | None = None) -> HasEntropy[S]:
        """$p(x_s | x_t)$ for the learnt statistic; one step by default."""
        return self._posterior(stat, x_t, x_t, self.time(t), self.time(t - 1 if s is None else s))

    def kl(self, stat: Any, x_0: S, x_t: S, t: Tensor, s: Tensor | None = None) -> Tensor:
        r"""$KL(q(x_s | x_t, x_0) \| p(x_s | x_t))$ in nats, (*batch,)."""
        s = t - 1 if s is None else s
        right = self.bridge(_double(x_0), _double(x_t), t, s)
        return right.kl(self._posterior(_double(stat), _double(x_t), x_t, self.time(t), self.time(s)))

    def reference(self, like: S, t: Tensor) -> HasEntropy[S]:
        r"""$\pi_t$, shaped like these; at T where samples start."""
        return self.process.reference(like, self.time(t))

    def decoded(self, x_0: S, x_1: S) -> Tensor:
        r"""$\log p(x_0 | x_1)$ in nats, (*batch,)."""
        (x_0, first, _), x_1 = self._ends(x_0), _double(x_1)
        gained = self.process.reference(x_0).log_prob(x_0) - self.reference(x_1, first).log_prob(x_1)
        return self.marginal(x_0, first).log_prob(x_1) + gained

    def entropies(self, x_0: S) -> dict[str, Tensor]:
        r"""The published terms besides the steps, by name, each (*batch,), in nats.

        `end` is $H_q(X_T | x_0)$, `start` $-H_q(X_1 | x_0)$, `prior` $-H_\pi(X_T)$, and `edge` what that bound leaves
        out, $\log\pi_0(x_0) - E[\log\pi_1(X_1)] + E[\log\pi_T(X_T)] + H_\pi(X_T)$.
        """
        x_0, first, last = self._ends(x_0)
        published = {
            "end": self.marginal(x_0, last).entropy(),
            "start": -self.marginal(x_0, first).entropy(),
            "prior": -self.reference(x_0, last).entropy(),
        }
        whole, seen = (torch.stack(list(terms.values())).sum(0) for terms in (self.divergences(x_0), published))
        return published | {"edge": whole - seen}

    def divergences(self, x_0: S) -> dict[str, Tensor]:
        r"""The other form's terms besides the steps, by name, each (*batch,), in nats.

        `prior` is $-KL(q(X_T | x_0) \| \pi_T)$, `reconstruction` $\log\pi_0(x_0) + KL(q(X_1 | x_0) \| \pi_1)$.
        """
        x_0, first, last = self._ends(x_0)
        gained = self.marginal(x_0, first).kl(self.reference(x_0, first))
        return {
            "prior": -self.marginal(x_0, last).kl(self.reference(x_0, last)),
            "reconstruction": self.process.reference(x_0).log_prob(x_0) + gained,
        }

    def _posterior(self, stat: Any, x_t: S, seen: Any, t: Tensor, s: Tensor) -> HasEntropy[S]:
        law: Any = self.process.ancestral(stat, x_t, t, s)
        if isinstance(self.process, Gaussian):
            law = self.variance.widened(law, self.process, seen, t, s)
        found: HasEntropy[S] = law
        return found

    @cached_property
    def _times(self) -> Tensor:
        return torch.tensor((math.nan, *self.times), dtype=torch.float64)

    def _ends(self, x_0: S) -> tuple[S, Tensor, Tensor]:
        first, last = torch.tensor([1, self.steps], device=_tree.first(x_0).device)
        return _double(x_0), first, last


def chain_of_betas(space: Euclidean, betas: Sequence[float], variance: ReverseVariance = SMALL) -> Chain[Tensor]:
    r"""The chain $q(x_t | x_{t-1}) = N(\sqrt{1 - \beta_t}\,x_{t-1}, \beta_t I)$.

    Args:
        space: of points (n, *event) of real numbers, on the scale of 1.
        betas: $\beta_1, ..., \beta_T$, two or more between 0 and 1.
        variance: of the reverse steps.

    Ho et al. 2020, arXiv 2006.11239.

    >>> from unnoise.processes import linear_betas
    >>> from unnoise.spaces import Euclidean
    >>> chain_of_betas(Euclidean(2), linear_betas(1000)).steps
    1000
    """
    reals("betas", betas, fewest=2, above=0, below=1)
    return Chain(variance_preserving(space, Betas(tuple(betas))), even_times(len(betas)), variance)


def binomial_chain(space: Finite, mean: Mean = 0.5, steps: int = 1000) -> Chain[Tensor]:
    """Binomial diffusion in T steps: a bit survives t of them with probability $1 - t/T$, the last with 1e-12.

    Args:
        space: bits, `Finite(d, 2)`.
        mean: the probability of 1 where a bit has not survived; one for all, or one for each.
        steps: T.

    Sohl-Dickstein et al. 2015, arXiv 1503.03585.

    >>> from unnoise.spaces import Finite
    >>> binomial_chain(Finite(3, 2), steps=10).steps
    10
    """
    times = even_times(steps)
    return Chain(Binomial(space, mean, Erasing(lost=1 / steps, survival=LEFT)), times)


def _double(state: Any) -> Any:
    """Float64, in which a divergence between two nearly equal laws is exact."""
    return _tree.map(lambda leaf: leaf.double() if leaf.is_floating_point() else leaf, state)
