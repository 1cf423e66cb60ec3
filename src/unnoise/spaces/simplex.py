r"""The simplex: N positive parts that sum to one, with the noise of population genetics.

A `Diffusion` on it is $dx = b\,dt + s\,\sqrt{a(x)}\,dB$ (Ito), with the covariance of Wright and Fisher,
$a(x) = \mathrm{diag}(x) - x x^T$, which vanishes towards the faces so that no path leaves. $a$ is the inverse of the
Fisher-Rao metric; densities are with respect to Lebesgue measure on all parts but one, so divergences are flat ones:

* generator: $b\cdot\nabla f + \frac12 s^2\,\mathrm{tr}(a\nabla^2 f)$;
* $\Phi(f) = \frac12 s^2 g^T a\, g$, $g = \nabla\log f$, with $g^T a\, g = \sum x_i g_i^2 - (\sum x_i g_i)^2$;
* cost of undoing $(b, s)$ by $(\mu, s)$, with $\nabla\cdot a = 1 - N x$ and $\sum\partial_{ij}a_{ij} = -N(N - 1)$:
  $\frac12\lVert\mu + b - s^2\nabla\cdot a\rVert^2_{(s^2 a)^{-1}}$
  $+ \nabla\cdot\mu - \frac12 s^2\sum\partial_{ij}a_{ij}$.

Gradients have N components, up to a common constant, as $a\,1 = 0$ (Benton et al. 2024, arXiv 2211.03595, section 5).

`Aitchison` is the flat geometry of log ratios, on which every Gaussian process runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.distributions import constraints

from unnoise._checks import MOST_STATES, whole
from unnoise._errors import InputError
from unnoise._gradients import partials
from unnoise._tree import expand
from unnoise.laws import Dirichlet, LogDensity
from unnoise.laws.base import differentiated, standard_normal
from unnoise.spaces._points import check_points
from unnoise.spaces.base import Characteristics, Continuum, Diffusion
from unnoise.spaces.euclidean import Euclidean

SUM_TOLERANCE = 1e-4  # how far from 1 the parts may sum: float32 rounds
SHARPEST = 1e24  # the concentration that stands for a step without noise: relative error 1e-12
INSIDE = 1e-12  # `project` keeps parts at least this large


@dataclass(frozen=True)
class Simplex(Continuum):
    r"""$\{x \in R^N : x_i \ge 0, \sum_i x_i = 1\}$; densities with respect to Lebesgue measure on N - 1 parts.

    Args:
        parts: N, at least 2.

    >>> Simplex(3).check(torch.tensor([[2.0, -1.0, 0.5]]))
    Traceback (most recent call last):
    unnoise._errors.InputError: got a part of -1 at batch index [0]; Simplex expects ... apply softmax first
    """

    parts: int

    def __post_init__(self) -> None:
        whole(least=2, most=MOST_STATES, parts=self.parts)

    @property
    def event_shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """The shape (N,)."""
        return (self.parts,)

    @property
    def dimension(self) -> int:
        """N - 1."""
        return self.parts - 1

    @property
    def constraint(self) -> constraints.Constraint:
        """Of points as the parameters of a density, for which log ratios are a chart (see `unnoise.walk`)."""
        return constraints.simplex

    def check(self, x: Tensor) -> None:
        """Raise InputError unless x is floating, (*batch, N), not negative and of sum 1."""
        check_points("Simplex", x, self.event_shape)
        least = x.amin(-1)
        if (least < 0).any():
            raise InputError(
                f"got a part of {float(least.min()):.4g} at batch index {(least < 0).nonzero()[0].tolist()}; Simplex "
                "expects parts that are not negative: were these logits? apply softmax first"
            )
        excess = x.double().sum(-1) - 1
        if (excess.abs() > SUM_TOLERANCE).any():
            row = (excess.abs() > SUM_TOLERANCE).nonzero()[0].tolist()
            raise InputError(
                f"got parts that sum to {float(excess[tuple(row)]) + 1:.6g} at batch index {row}; Simplex expects a "
                "sum of 1: were these logits? apply softmax; counts or percentages? divide each row by its sum"
            )

    def features(self, x: Tensor) -> Tensor:
        """The parts themselves."""
        return x

    def move(self, x: Tensor, local: Diffusion, dt: Tensor) -> Dirichlet:
        r"""A Dirichlet law with the mean $x + b\,dt$ and the covariance $s^2 dt\,a$, both to first order.

        Where the drift points outwards, $x_i + b_i dt$ is replaced by $x_i / (1 - b_i dt / x_i)$, which stays positive.
        """
        dt = expand(dt, x)
        moved = local.drift * dt
        shrinking = x * x / (x - moved.clamp(max=0)).clamp(min=torch.finfo(x.dtype).tiny)
        mean = torch.where(moved < 0, shrinking, x + moved)
        mean = mean / mean.sum(-1, keepdim=True)
        sharpness = 1 / (local.scale**2 * dt).clamp(min=1 / SHARPEST)
        return Dirichlet((mean * sharpness.to(mean)).clamp(min=torch.finfo(mean.dtype).tiny))

    def apply(self, local: Diffusion, f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """By divergences, differentiated."""
        _, spread = self.divergence(lambda y: self.spread(y, partials(f, y)), x)
        slopes = partials(f, x)
        spread = spread - self.dot(self.drift_of_spreading(x), slopes)
        return self.dot(local.drift, slopes) + 0.5 * self._per_row(local.scale, x) ** 2 * spread

    def phi(self, local: Diffusion, log_f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        r"""$\frac12 s^2 g^T a\,g$."""
        return 0.5 * self._per_row(local.scale, x) ** 2 * self.squared(x, partials(log_f, x))

    def implicit(
        self, forward: Characteristics, reverse: Characteristics, x: Tensor, probes: Tensor | None = None
    ) -> Tensor:
        """The cost of undoing in the module."""
        there, size = forward(x), self.parts
        back, divergence = self.divergence(lambda y: reverse(y).drift, x, probes)
        scale = self._per_row(there.scale, x)
        excess = (there.drift + back) / scale[..., None] - scale[..., None] * self.drift_of_spreading(x)
        length = (excess**2 / x).sum(-1) - excess.sum(-1) ** 2  # the inverse of a on vectors that sum to zero
        divergence = divergence if probes is None else divergence.mean(0)
        return 0.5 * length + divergence + 0.5 * scale**2 * size * (size - 1)

    def reversible(self, target: LogDensity[Tensor], x: Tensor) -> tuple[Tensor, Diffusion]:
        r"""Langevin's motion in the metric of Wright and Fisher, $b = a\nabla\log p + \nabla\cdot a$, $s = \sqrt2$."""
        log_prob, slopes = differentiated(target.log_prob, x)
        return log_prob, Diffusion(self.spread(x, slopes) + self.drift_of_spreading(x), x.new_tensor(2.0).sqrt())

    def project(self, x: Tensor) -> Tensor:
        """Positive parts over their sum."""
        x = x.clamp(min=INSIDE)
        return x / x.sum(-1, keepdim=True)

    def tangent(self, x: Tensor, v: Tensor) -> Tensor:
        """The part of a vector that sums to zero."""
        return v - v.mean(-1, keepdim=True)

    def noise(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """Normal, of sum zero, standard in the flat metric."""
        return self.tangent(x, standard_normal(tuple(x.shape), x, rng))

    def frame(self, x: Tensor) -> Tensor:
        """Orthonormal vectors that sum to zero (Helmert)."""
        basis = helmert(self.parts).to(x).reshape(self.parts - 1, *[1] * (x.ndim - 1), self.parts)
        return basis.expand(-1, *x.shape)

    def dot(self, u: Tensor, v: Tensor) -> Tensor:
        """The flat one."""
        return (u * v).sum(-1)

    def spread(self, x: Tensor, slopes: Tensor) -> Tensor:
        r"""$a\,g = x \odot (g - x\cdot g)$."""
        return x * (slopes - (x * slopes).sum(-1, keepdim=True))

    def squared(self, x: Tensor, slopes: Tensor) -> Tensor:
        r"""$g^T a\,g$, the variance of g under x."""
        mean = (x * slopes).sum(-1, keepdim=True)
        return (x * (slopes - mean) ** 2).sum(-1)

    def drift_of_spreading(self, x: Tensor) -> Tensor:
        r"""$\nabla\cdot a = 1 - N x$."""
        return 1 - self.parts * x


@dataclass(frozen=True)
class Aitchison(Euclidean):
    r"""The open simplex of N parts in isometric log-ratio coordinates $z = V \log x$, $R^{N-1}$ (Aitchison 1982).

    The rows of V are orthonormal and sum to zero (Egozcue et al. 2003). Points are z, densities with respect to
    Lebesgue measure on z; `log_volume` makes them densities on all parts but one. Parts of zero lie at infinity: for
    them use `Simplex` with Wright-Fisher noise.

    Args:
        parts: N, at least 2.

    >>> space = Aitchison(3)
    >>> space.to_proportions(space.from_proportions(torch.tensor([[0.2, 0.3, 0.5]])))
    tensor([[0.2000, 0.3000, 0.5000]])
    """

    event_shape: tuple[int, ...] = field(init=False)
    parts: int

    def __init__(self, parts: int) -> None:
        Simplex(parts)
        super().__init__(parts - 1)
        object.__setattr__(self, "parts", parts)

    def from_proportions(self, x: Tensor) -> Tensor:
        """Coordinates (*batch, N - 1) of proportions (*batch, N), all positive, else InputError."""
        Simplex(self.parts).check(x)
        if not (x > 0).all():
            row = (~(x > 0).all(-1)).nonzero()[0].tolist()
            raise InputError(
                f"got a part of zero at batch index {row}, which has no logarithm; replace zeros by a small share, or "
                "use spaces.Simplex with processes.WrightFisher"
            )
        return x.log() @ helmert(self.parts).to(x).T

    def to_proportions(self, z: Tensor) -> Tensor:
        """Proportions (*batch, N) of log-ratio coordinates (*batch, N - 1)."""
        return torch.softmax(z @ helmert(self.parts).to(z), -1)

    def log_volume(self, z: Tensor) -> Tensor:
        r"""$\log|dz/dx| = -\frac12\log N - \sum_i\log x_i$, (*batch,), from a density of z to one of x."""
        return -0.5 * math.log(self.parts) - self.to_proportions(z).log().sum(-1)


def helmert(parts: int) -> Tensor:
    """Orthonormal vectors that sum to zero, (N - 1, N), in float64: row k is $(1, ..., 1, -k, 0, ...)$, scaled."""
    k = torch.arange(1, parts, dtype=torch.float64)[:, None]
    column = torch.arange(parts)[None]
    rows = torch.where(column < k, 1.0, torch.where(column == k, -k, 0.0))
    return rows / torch.sqrt(k * (k + 1))
