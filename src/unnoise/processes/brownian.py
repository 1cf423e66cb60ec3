r"""Brownian motion on a compact manifold, run to the time $B(t)$ of a schedule.

With $q_{t|0}$ the heat kernel $p_{B(t)}$ and $\beta = dB/dt$,

* generator: $\frac12\beta\Delta$; it ends at the uniform law;
* what is learnt: the score, $E[\nabla\log p_B(x_t | X_0) | x_t] = \nabla\log q_t(x_t)$;
* reverse, in reversed time: drift $\frac12(1 + c^2)\beta s$ and scale $c\sqrt\beta$ for any churn $c \ge 0$;
* KL rate of an error: $\frac12\beta\lVert\nabla\log q_{t|0} - s\rVert^2$.

De Bortoli et al. 2022 (arXiv 2202.02763); Huang et al. 2022 (arXiv 2208.07949).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import instance, real, times
from unnoise._tree import expand
from unnoise.heads.base import Head
from unnoise.heads.manifolds import Tangent
from unnoise.laws import Law
from unnoise.processes.base import HasKernel
from unnoise.processes.tilting import ByScore
from unnoise.schedules import Geometric, Schedule
from unnoise.schedules.base import check_increasing
from unnoise.spaces import Compact, Diffusion

LEFT = 1e-4  # nats between the last kernel and the uniform law


def until_mixed(space: Compact, start: float = 1e-4) -> Geometric:
    r"""A geometric schedule from the variance `start` to about 1e-4 nats from the uniform law.

    $KL \approx \frac m2 e^{-2gB}$, with the spectral gap g of multiplicity $m \le (d + 1)^2$.
    """
    instance(Compact, space=space)
    real(above=0, start=start)
    return Geometric(start, math.log((space.dimension + 1) ** 2 / (2 * LEFT)) / (2 * space.spectral_gap))


@dataclass(frozen=True)
class Brownian(HasKernel[Tensor], ByScore):
    r"""Brownian motion at the time $B(t)$; the prior is uniform, data are resolved to $\sqrt{B(0)}$ = 0.01.

    Args:
        space: any compact manifold with a heat kernel.
        schedule: $B$; `until_mixed(space)` by default.

    >>> from unnoise.spaces import Sphere
    >>> process, north = Brownian(Sphere(2)), torch.tensor([[0.0, 0.0, 1.0]])
    >>> process.marginal(north, torch.tensor(0.5)).sample(torch.Generator()).shape
    torch.Size([1, 3])
    """

    space: Compact
    schedule: Schedule

    def __init__(self, space: Compact, schedule: Schedule | None = None) -> None:
        instance(Compact, space=space)
        instance(Schedule, or_none=True, schedule=schedule)
        schedule = until_mixed(space) if schedule is None else schedule
        check_increasing(schedule)
        vars(self).update(space=space, schedule=schedule)

    @property
    def head(self) -> Head[Tensor]:
        """Tangent vectors, from waves between 1 and the blur of the data."""
        finest = float(self.variance(torch.zeros((), dtype=torch.float64))) ** -0.5
        return Tangent(self, tuple(2.0**octave for octave in range(1, max(1, int(math.log2(finest))) + 1)))

    def variance(self, t: Tensor) -> Tensor:
        """$B(t)$: the variance of every direction, while that is small."""
        return self.schedule.value(t)

    def noise_conditioning(self, t: Tensor) -> Tensor:
        r"""A quarter of $\log B$."""
        return 0.25 * self.variance(t).log()

    def forward(self, x: Tensor, t: Tensor) -> Diffusion:
        r"""No drift, scale $\sqrt\beta$."""
        return Diffusion(torch.zeros_like(x), self._volatility(x, t))

    def prior(self, n: int) -> Law[Tensor]:
        """The uniform law."""
        return self.space.uniform(n)

    def kept(self) -> float:
        """The factor by which the longest wave has decayed."""
        return math.exp(-self.space.spectral_gap * float(self.variance(torch.ones((), dtype=torch.float64))))

    def marginal(self, x_0: Tensor, t: Tensor) -> Law[Tensor]:
        """The heat kernel at $B(t)$."""
        times(t, 1)
        return self.space.heat(x_0, self.variance(t))

    def target(self, x_0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        r"""$\nabla\log q_{t|0}(x_t | x_0)$."""
        return self.marginal(x_0, t).score(x_t)

    def reverse(self, x_t: Tensor, stat: Tensor, t: Tensor, *, churn: float = 1.0) -> Diffusion:
        """Drift and scale at churn c."""
        scale = self._volatility(x_t, t)
        return Diffusion(0.5 * (1 + churn**2) * scale**2 * stat, churn * scale)

    def kl_rate(self, stat: Tensor, target: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        r"""$\frac12\beta\lVert Y - s\rVert^2$."""
        error = stat - target
        return 0.5 * self.schedule.rate(t) * self.space.dot(error, error)

    def importance_times(self, u: Tensor) -> tuple[Tensor, Tensor]:
        r"""Uniform in $\log B$."""
        first, last = self.variance(u.new_tensor([0.0, 1.0])).log().tolist()
        t = self.schedule.inverse(torch.exp(first + (last - first) * u)).clamp(0, 1)
        return t, self.importance_density(t)

    def importance_density(self, t: Tensor) -> Tensor:
        r"""$B'/B$ over the range of $\log B$."""
        first, last = self.variance(t.new_tensor([0.0, 1.0])).log().tolist()
        density: Tensor = self.schedule.rate(t) / (self.variance(t) * (last - first))
        return density

    def control_variate(self, x_0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        r"""$\frac12\beta(\lVert Y\rVert^2 + \nabla\cdot Y)$."""
        target, trace = self.space.divergence(lambda x: self.target(x_0, x, t), x_t)
        return 0.5 * self.schedule.rate(t) * (self.space.dot(target, target) + trace)

    def decode(self, x_0: Tensor, stat: Tensor, rng: torch.Generator) -> Tensor:
        r"""$\exp(B_0 s)$: the posterior mean, to first order in $B_0$ (Tweedie)."""
        return self.space.project(self.space.exp(x_0, self._residue(x_0) * stat))

    def reconstruction(self, x_0: Tensor) -> Tensor:
        r"""$\frac d2\log(2\pi e B_0)$ up to $O(B_0)$: the decoder is the heat kernel at $B_0$."""
        cost = 0.5 * self.space.dimension * torch.log(2 * math.pi * math.e * self._residue(x_0))
        return cost.expand(x_0.shape[: x_0.ndim - len(self.space.event_shape)])

    def _residue(self, x: Tensor) -> Tensor:
        return self.variance(torch.zeros((), dtype=x.dtype, device=x.device))

    def _volatility(self, x: Tensor, t: Tensor) -> Tensor:
        return expand(self.schedule.rate(t).sqrt(), x)
