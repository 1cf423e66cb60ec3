r"""Wright-Fisher noise on the simplex: random drift of gene frequencies, with mutation towards a Dirichlet law.

On the clock $B(t)$ of a schedule, with $\theta = \sum_i\alpha_i$:

* generator: drift $b = \frac\beta2(\alpha - \theta x)$, covariance $\beta\,a(x)$, $a = \mathrm{diag}(x) - x x^T$;
  reversible, with the stationary law $\mathrm{Dir}(\alpha)$;
* kernel: exact, see `laws.WrightFisher`;
* what is learnt: $r = \nabla\log(q_t/\mathrm{Dir}(\alpha))$, the score relative to the stationary law. For the kernel
  it is $E[L_i | x_0, x]/x_i$, L the ancestors, and bounded at the faces, where the score is not. A common constant of
  its components means nothing; the target has $\sum_i x_i r_i = 0$;
* reverse, in reversed time: drift $c^2 b + \frac12(1 + c^2)\beta\,a r$, scale $c\sqrt\beta$ for any churn c;
* price of an error $\delta$ of r: $\frac\beta2\delta^T a\,\delta$.

(Benton et al. 2024, arXiv 2211.03595, section 5.3, who learn by implicit score matching for want of the kernel's
density; Avdeyev et al. 2023, arXiv 2305.10699, use Jacobi processes part by part.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.heads.base import Head
from unnoise.laws import Dirichlet
from unnoise.laws.lineages import Lineages, lineages
from unnoise.laws.wright_fisher import WrightFisher as Kernel
from unnoise.processes.base import HasKernel
from unnoise.schedules import Geometric, Schedule
from unnoise.spaces import Diffusion, Simplex

START = 2e-4  # B at t = 0: a standard deviation of 0.007 for a share of one half
UNMIXED = 1e-3  # nats between the kernel at t = 1 and the prior, about, from the worst corner


@dataclass(frozen=True)
class WrightFisher(HasKernel[Tensor]):
    r"""Noise that ends at $\mathrm{Dir}(\alpha)$.

    Args:
        space: the simplex of N parts.
        alpha: $\alpha$, one positive number for all parts or one for each.
        schedule: $B(t)$; by default geometric, from 2e-4 to where the kernel is within about 1e-3 nats of the prior.

    Raises:
        InputError: parameters that are not positive, or not one for each part.

    >>> process = WrightFisher(Simplex(3))
    >>> x_0, t = torch.tensor([[0.2, 0.3, 0.5]]), torch.tensor(0.5)
    >>> x_t = process.marginal(x_0, t).sample(torch.Generator().manual_seed(0))
    >>> round(float(x_t.sum()), 5), process.target(x_0, x_t, t).shape
    (1.0, torch.Size([1, 3]))
    """

    space: Simplex
    alpha: float | tuple[float, ...] = 1.0
    schedule: Schedule | None = None

    def __post_init__(self) -> None:
        each = self.alphas
        if len(each) != self.space.parts or not all(part > 0 for part in each):
            raise InputError(
                f"got alpha = {self.alpha}; Wright-Fisher noise on {self.space.parts} parts needs one positive number, "
                "or one for each part"
            )

    @property
    def alphas(self) -> tuple[float, ...]:
        r"""$\alpha$, one for each part."""
        return self.alpha if isinstance(self.alpha, tuple) else (float(self.alpha),) * self.space.parts

    @property
    def clock_of_noise(self) -> Schedule:
        """The schedule, the default one where none was given."""
        if self.schedule is not None:
            return self.schedule
        theta = sum(self.alphas)
        corner = 0.5 * (theta + 1) * (theta / min(self.alphas) - 1)
        return Geometric(START, max(math.log(max(corner, 1.0) / UNMIXED) / theta, 10 * START))

    @property
    def head(self) -> Head[Tensor]:
        """Square roots in, scores out."""
        return Sphere()

    def forward(self, x: Tensor, t: Tensor) -> Diffusion:
        """See the module."""
        rate = expand(self.clock_of_noise.rate(t), x).to(x)
        return Diffusion(rate * self._mutation(x), rate.sqrt())

    def prior(self, n: int) -> Dirichlet:
        r"""$\mathrm{Dir}(\alpha)$."""
        return Dirichlet(self._alpha().expand(n, -1))

    def reverse(self, x_t: Tensor, stat: Tensor, t: Tensor, *, churn: float = 1.0) -> Diffusion:
        """See the module."""
        rate = expand(self.clock_of_noise.rate(t), x_t).to(x_t)
        drift = 0.5 * (1 + churn**2) * self.space.spread(x_t, stat)
        if churn:
            drift = drift + churn**2 * self._mutation(x_t)
        return Diffusion(rate * drift, churn * rate.sqrt())

    def marginal(self, x_0: Tensor, t: Tensor) -> Kernel:
        """See `laws.WrightFisher`."""
        return Kernel(x_0, self._alpha(x_0), self.clock_of_noise.value(t.double()), self._lineages())

    def target(self, x_0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        r"""$E[L | x_0, x_t]/x_t$, centred."""
        return self.marginal(x_0, t).relative_score(x_t)

    def kl_rate(self, stat: Tensor, target: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        r"""$\frac\beta2\delta^T a\,\delta$."""
        return 0.5 * self.clock_of_noise.rate(t).to(x_t) * self.space.squared(x_t, stat - target)

    def importance_times(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Uniform in log B."""
        schedule = self.clock_of_noise
        low, high = schedule.value(u.new_tensor([0.0, 1.0], dtype=torch.float64)).log().tolist()
        value = torch.exp(low + (high - low) * u.double())
        t = schedule.inverse(value).clamp(0, 1)
        return t.to(u), (schedule.rate(t) / (value * (high - low))).to(u)

    def control_variate(self, x_0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        r"""$\frac{\beta}{2\kappa^2}\sum_i[(x_i - m_i)^2 - v_i]/m_i$, with the mean m and the variance v of the kernel.

        For little noise it is the price of a denoiser that gives no score, less its mean.
        """
        rate, spent = (part.to(x_t) for part in (self.clock_of_noise.rate(t.double()), self.spent(t)))
        mean, variance = self.moments(x_0, t)
        excess = ((x_t - mean) ** 2 - variance) / mean
        return 0.5 * rate / spent**2 * excess.sum(-1)

    def moments(self, x_0: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""Mean and variance of every part under the kernel: the first two eigenfunctions of the generator."""
        x, alpha = x_0.double(), torch.tensor(self.alphas, dtype=torch.float64, device=x_0.device)
        theta, value = alpha.sum(), expand(self.clock_of_noise.value(t.double()), x_0).to(x_0.device)
        home, first, second = alpha / theta, torch.exp(-0.5 * theta * value), torch.exp(-(1 + theta) * value)
        mean = home + (x - home) * first
        grown = home * (1 - second) / (1 + theta) + (x - home) * (first - second) / (1 + 0.5 * theta)
        square = x**2 * second + (1 + alpha) * grown
        return mean.to(x_0), (square - mean**2).to(x_0)

    def spent(self, t: Tensor) -> Tensor:
        r"""$\kappa = (e^{\theta B} - 1)/\theta$, nearly B while it is small."""
        theta = sum(self.alphas)
        return torch.expm1(theta * self.clock_of_noise.value(t.double())) / theta

    def encode(self, x_0: Tensor) -> tuple[Tensor, Tensor]:
        """The flow begins at the data."""
        return x_0, torch.zeros(x_0.shape[:-1], dtype=x_0.dtype, device=x_0.device)

    def decode(self, x_0: Tensor, stat: Tensor, rng: torch.Generator) -> Tensor:
        r"""The posterior mean to first order in the noise that is left: $x + B_0[\frac12(\alpha - \theta x) + a r]$."""
        left = self._left(x_0)
        moved = Diffusion(self._mutation(x_0) + self.space.spread(x_0, stat), torch.zeros_like(left))
        return self.space.move(x_0, moved, left).sample(rng)

    def reconstruction(self, x_0: Tensor) -> Tensor:
        r"""The cost, or a little more, of the decoder: the law of noise from $x_{t=0}$ with all $\alpha_i = 1$.

        To first order in $B_0$ it is the entropy of the kernel, $\frac12\log\det(2\pi e B_0 a)$. Near a face, where the
        face cuts the noise off, the cost is bounded from above by counting parts below $B_0$ as $B_0$ and adding
        $\frac18(\alpha_i^2 - 1)_+ B_0/x_i$: too much by 0.01 nats at $x_i = 10 B_0$ and by 1.1 nats on the face for
        $\alpha_i = 1$.
        """
        left = self._left(x_0)
        inside = torch.maximum(x_0, left)
        volume = torch.log(2 * math.pi * math.e * left) * self.space.dimension
        pushed = ((self._alpha(x_0) ** 2 - 1).clamp(min=0) * left / inside).sum(-1) / 8
        return 0.5 * (volume + inside.log().sum(-1)) + pushed

    def _left(self, x: Tensor) -> Tensor:
        """$B(0)$."""
        return self.clock_of_noise.value(torch.zeros((), dtype=torch.float64)).to(x)

    def _mutation(self, x: Tensor) -> Tensor:
        alpha = self._alpha(x)
        return 0.5 * (alpha - alpha.sum() * x)

    def _alpha(self, like: Tensor | None = None) -> Tensor:
        return torch.tensor(self.alphas) if like is None else torch.tensor(self.alphas, dtype=like.dtype).to(like)

    def _lineages(self) -> Lineages:
        ends = self.clock_of_noise.value(torch.tensor([0.0, 1.0], dtype=torch.float64)).tolist()
        return lineages(sum(self.alphas), 0.99 * ends[0], 1.01 * ends[1])


@dataclass(frozen=True)
class Sphere(Head[Tensor]):
    r"""The network sees $\sqrt{N x}$, points of a sphere, on which this noise is equal everywhere.

    Its output F stands for $r_i = F_i\,/\sqrt{\kappa\,(x_i + \kappa e^{-\theta B})}$ with $\kappa$ of `spent`: the size
    that the relative score of the kernel has.
    """

    def input_shape(self, process: Any) -> tuple[int, ...]:
        """(N,)."""
        return (process.space.parts,)

    def output_shape(self, process: Any) -> tuple[int, ...]:
        """(N,)."""
        return (process.space.parts,)

    def inputs(self, process: Any, x_t: Tensor, t: Tensor) -> Tensor:
        r"""$\sqrt{N x}$."""
        return torch.sqrt(process.space.parts * x_t)

    def estimate(self, process: Any, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """The centred relative score."""
        spent = expand(process.spent(t), x_t)
        reached = spent / (1 + sum(process.alphas) * spent)
        r = output.to(x_t.dtype) / (spent.sqrt().to(x_t) * torch.sqrt(x_t + reached.to(x_t)))
        return r - (x_t * r).sum(-1, keepdim=True)
