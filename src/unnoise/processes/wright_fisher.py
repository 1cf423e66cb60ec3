r"""Wright-Fisher noise on the simplex: random drift of gene frequencies, with mutation towards a Dirichlet law.

With a schedule $B(t)$ and $\theta = \sum_i\alpha_i$:

* generator: drift $b = \frac\beta2(\alpha - \theta x)$, covariance $\beta\,a(x)$, $a = \mathrm{diag}(x) - x x^T$;
  reversible, with the stationary law $\mathrm{Dir}(\alpha)$;
* kernel: `laws.WrightFisherKernel`;
* what is learnt: $r = \nabla\log(q_t/\mathrm{Dir}(\alpha))$, for the kernel $E[L_i | x_0, x]/x_i$, L the ancestors:
  bounded at the faces, where the score is not. A common constant means nothing; the target has $\sum_i x_i r_i = 0$;
* reverse, in reversed time: drift $c^2 b + \frac12(1 + c^2)\beta\,a r$, scale $c\sqrt\beta$ for any churn c;
* KL rate of an error $\delta$ of r: $\frac\beta2\delta^T a\,\delta$.

Benton et al. 2024 (arXiv 2211.03595, section 5.3) learn by implicit score matching; Avdeyev et al. 2023 (arXiv
2305.10699) use Jacobi processes part by part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import instance, real, reals, refuse, times, whole
from unnoise._tree import expand
from unnoise.heads.base import Head
from unnoise.heads.simplex import SimplexHead
from unnoise.laws import Dirichlet
from unnoise.laws.lineages import Lineages, lineages
from unnoise.laws.wright_fisher import WrightFisherKernel
from unnoise.processes.base import HasKernel
from unnoise.processes.tilting import ByScore
from unnoise.schedules import Geometric, Schedule
from unnoise.schedules.base import check_increasing
from unnoise.spaces import Diffusion, Simplex

START = 2e-4  # B at t = 0: one half is known to 0.007
UNMIXED = 1e-3  # nats, about, between the kernel at t = 1 and the prior


@dataclass(frozen=True)
class WrightFisher(HasKernel[Tensor], ByScore):
    r"""Noise that ends at $\mathrm{Dir}(\alpha)$.

    Args:
        alpha: $\alpha$, positive, one number for all parts or one for each.
        schedule: $B(t)$; by default geometric, from 2e-4 to about 1e-3 nats from the prior.

    >>> process = WrightFisher(Simplex(3))
    >>> x_0, t = torch.tensor([[0.2, 0.3, 0.5]]), torch.tensor(0.5)
    >>> round(float(process.marginal(x_0, t).sample(torch.Generator()).sum()), 5)
    1.0
    """

    space: Simplex
    alpha: tuple[float, ...]
    schedule: Schedule

    def __init__(
        self, space: Simplex, alpha: float | tuple[float, ...] = 1.0, schedule: Schedule | None = None
    ) -> None:
        instance(Simplex, space=space)
        instance(Schedule, or_none=True, schedule=schedule)
        if isinstance(alpha, tuple):
            reals("alpha", alpha, above=0)
        else:
            real(above=0, alpha=alpha)
        each = alpha if isinstance(alpha, tuple) else (float(alpha),) * space.parts
        if len(each) != space.parts:
            refuse("alpha", alpha, f"one positive number, or one for each of {space.parts} parts")
        schedule = _until_mixed(each) if schedule is None else schedule
        check_increasing(schedule)
        vars(self).update(space=space, alpha=each, schedule=schedule)

    @property
    def head(self) -> Head[Tensor]:
        """Square roots in, scores out."""
        return SimplexHead(self)

    def forward(self, x: Tensor, t: Tensor) -> Diffusion:
        r"""Drift b, scale $\sqrt\beta$."""
        rate = expand(self.schedule.rate(t), x).to(x)
        return Diffusion(rate * self._mutation(x), rate.sqrt())

    def prior(self, n: int) -> Dirichlet:
        r"""$\mathrm{Dir}(\alpha)$."""
        whole(n=n)
        return Dirichlet(self._alpha().expand(n, -1))

    def kept(self) -> float:
        r"""The factor $e^{-\theta B/2}$, $\theta = \sum\alpha$, by which the means have decayed."""
        return math.exp(-0.5 * sum(self.alpha) * float(self.schedule.value(torch.ones((), dtype=torch.float64))))

    def reverse(self, x_t: Tensor, stat: Tensor, t: Tensor, *, churn: float = 1.0) -> Diffusion:
        """Drift and scale at churn c."""
        rate = expand(self.schedule.rate(t), x_t).to(x_t)
        drift = 0.5 * (1 + churn**2) * self.space.spread(x_t, stat)
        if churn:
            drift = drift + churn**2 * self._mutation(x_t)
        return Diffusion(rate * drift, churn * rate.sqrt())

    def marginal(self, x_0: Tensor, t: Tensor) -> WrightFisherKernel:
        """The exact kernel."""
        times(t, 1)
        return WrightFisherKernel(x_0, self._alpha(x_0), self.schedule.value(t.double()), self._lineages())

    def target(self, x_0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        r"""$E[L | x_0, x_t]/x_t$, centred."""
        return self.marginal(x_0, t).relative_score(x_t)

    def kl_rate(self, stat: Tensor, target: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        r"""$\frac\beta2\delta^T a\,\delta$."""
        return 0.5 * self.schedule.rate(t).to(x_t) * self.space.squared(x_t, stat - target)

    def importance_times(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Uniform in log B."""
        low, high = self.schedule.value(u.new_tensor([0.0, 1.0], dtype=torch.float64)).log().tolist()
        value = torch.exp(low + (high - low) * u.double())
        t = self.schedule.inverse(value).clamp(0, 1)
        return t.to(u), (self.schedule.rate(t) / (value * (high - low))).to(u)

    def importance_density(self, t: Tensor) -> Tensor:
        r"""$B'/B$ over the range of $\log B$."""
        low, high = self.schedule.value(t.new_tensor([0.0, 1.0], dtype=torch.float64)).log().tolist()
        density: Tensor = self.schedule.rate(t.double()) / (self.schedule.value(t.double()) * (high - low))
        return density.to(t)

    def control_variate(self, x_0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        r"""$\frac{\beta}{2\kappa^2}\sum_i[(x_i - m_i)^2 - v_i]/m_i$, mean m and variance v of the kernel."""
        rate, spent = (part.to(x_t) for part in (self.schedule.rate(t.double()), self.spent(t)))
        mean, variance = self.moments(x_0, t)
        excess = ((x_t - mean) ** 2 - variance) / mean
        return 0.5 * rate / spent**2 * excess.sum(-1)

    def moments(self, x_0: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of every part, by two eigenfunctions of the generator."""
        x, alpha = x_0.double(), torch.tensor(self.alpha, dtype=torch.float64, device=x_0.device)
        theta, value = alpha.sum(), expand(self.schedule.value(t.double()), x_0).to(x_0.device)
        home, first, second = alpha / theta, torch.exp(-0.5 * theta * value), torch.exp(-(1 + theta) * value)
        mean = home + (x - home) * first
        grown = home * (1 - second) / (1 + theta) + (x - home) * (first - second) / (1 + 0.5 * theta)
        square = x**2 * second + (1 + alpha) * grown
        return mean.to(x_0), (square - mean**2).to(x_0)

    def spent(self, t: Tensor) -> Tensor:
        r"""$\kappa = (e^{\theta B} - 1)/\theta$."""
        theta = sum(self.alpha)
        return torch.expm1(theta * self.schedule.value(t.double())) / theta

    def decode(self, x_0: Tensor, stat: Tensor, rng: torch.Generator) -> Tensor:
        r"""The posterior mean to first order in $B_0$: $x + B_0[\frac12(\alpha - \theta x) + a r]$."""
        left = self._left(x_0)
        moved = Diffusion(self._mutation(x_0) + self.space.spread(x_0, stat), torch.zeros_like(left))
        return self.space.move(x_0, moved, left).sample(rng)

    def reconstruction(self, x_0: Tensor) -> Tensor:
        r"""The cost, or a little more, of the decoder: the law of noise from $x_{t=0}$ with all $\alpha_i = 1$.

        The entropy of the kernel to first order, $\frac12\log\det(2\pi e B_0 a)$. Near a face parts below $B_0$ count
        as $B_0$ and $\frac18(\alpha_i^2 - 1)_+ B_0/x_i$ is added, a bound: 0.01 nats too much at $x_i = 10 B_0$, 1.1 on
        the face for $\alpha_i = 1$.
        """
        left = self._left(x_0)
        inside = torch.maximum(x_0, left)
        volume = torch.log(2 * math.pi * math.e * left) * self.space.dimension
        pushed = ((self._alpha(x_0) ** 2 - 1).clamp(min=0) * left / inside).sum(-1) / 8
        return 0.5 * (volume + inside.log().sum(-1)) + pushed

    def _left(self, x: Tensor) -> Tensor:
        return self.schedule.value(torch.zeros((), dtype=torch.float64)).to(x)

    def _mutation(self, x: Tensor) -> Tensor:
        alpha = self._alpha(x)
        return 0.5 * (alpha - alpha.sum() * x)

    def _alpha(self, like: Tensor | None = None) -> Tensor:
        return torch.tensor(self.alpha) if like is None else torch.tensor(self.alpha, dtype=like.dtype).to(like)

    def _lineages(self) -> Lineages:
        ends = self.schedule.value(torch.tensor([0.0, 1.0], dtype=torch.float64)).tolist()
        return lineages(sum(self.alpha), 0.99 * ends[0], 1.01 * ends[1])


def _until_mixed(alpha: tuple[float, ...]) -> Geometric:
    """To where the kernel is nearly at the prior, also from the worst corner."""
    theta = sum(alpha)
    corner = 0.5 * (theta + 1) * (theta / min(alpha) - 1)
    return Geometric(START, max(math.log(max(corner, 1.0) / UNMIXED) / theta, 10 * START))
