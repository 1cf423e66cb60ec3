r"""Where points live, and how one moves a little.

Local characteristics say what a generator does at a point, in either direction of time: a `Diffusion` drifts and
spreads, a `Jump` goes to other states at given rates, and a dict of them acts on the factors of a product. A space
turns them into

* `move`: the law of one small step;
* `apply`: $(L f)(x)$;
* `phi`: the score-matching operator $\Phi(f) = L f / f - L \log f \ge 0$ (Benton et al. 2024, arXiv 2211.03595);
* `implicit`: the cost of undoing one generator by another, all that a bound needs.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import instance
from unnoise._gradients import partials, slopes_along
from unnoise._tree import S
from unnoise.laws import Law, LogDensity
from unnoise.spaces.uniform import UniformLaw


@dataclass(frozen=True)
class Diffusion:
    r"""$dx = \text{drift}\, dt + \text{scale}\, dB$, isotropic in the space's own metric.

    Attributes:
        drift: a tangent vector at every point, (*batch, *event).
        scale: the volatility, non-negative, broadcasts against the drift.
    """

    drift: Tensor
    scale: Tensor

    def __post_init__(self) -> None:
        instance(Tensor, drift=self.drift, scale=self.scale)

    def __add__(self, other: Diffusion) -> Diffusion:
        return Diffusion(self.drift + other.drift, torch.hypot(self.scale, other.scale))

    def over(self, time: Tensor) -> Diffusion:
        """The generator that does in unit time what this one does in `time`, () or (n,)."""
        time = _tree.expand(time.to(self.drift), self.drift)
        return Diffusion(self.drift * time, self.scale * time.sqrt())

    def where(self, taken: Tensor, other: Diffusion) -> Diffusion:
        """This one in the rows that are taken, (n,), else the other; their scales are the same."""
        return Diffusion(torch.where(_tree.expand(taken, self.drift), self.drift, other.drift), self.scale)


@dataclass(frozen=True)
class Jump:
    """Rates of jumps from each point to every state of each of its sites, per unit of time.

    Attributes:
        rates: (*batch, *sites, states), at least 0; those of the present state mean nothing.

    >>> (Jump(torch.ones(1, 1, 2)) + Jump(torch.ones(1, 1, 2))).rates  # of both at once
    tensor([[[2., 2.]]])
    """

    rates: Tensor

    def __post_init__(self) -> None:
        instance(Tensor, rates=self.rates)

    def __add__(self, other: Jump) -> Jump:
        return Jump(self.rates + other.rates)

    def over(self, time: Tensor) -> Jump:
        """The generator that does in unit time what this one does in `time`, () or (n,)."""
        return Jump(self.rates * _tree.expand(time.to(self.rates), self.rates))

    def where(self, taken: Tensor, other: Jump) -> Jump:
        """This one in the rows that are taken, (n,), else the other."""
        return Jump(torch.where(_tree.expand(taken, self.rates), self.rates, other.rates))


Local = Diffusion | Jump | dict[str, "Local"]
L = TypeVar("L", bound=Local)
Characteristics = Callable[[Tensor], Diffusion]  # local ones as a function of the point


class Space(ABC, Generic[S, L]):
    """A state space.

    Attributes:
        event_shape: of one point.
        longest_move: how long a `move` of unit scale may be for its law to have an exact density.
        real: whether points are floating point numbers, or whole ones; None where that is not said.
    """

    event_shape: tuple[int, ...]
    real: bool | None = None
    longest_move: float = math.inf

    def numbers(self) -> tuple[Tensor, Tensor]:
        """Which numbers of a point are those of a flat space, and which are counts, two masks (numbers,)."""
        none = torch.zeros(math.prod(self.event_shape), dtype=torch.bool)
        return none, none

    @property
    def jumps(self) -> int:
        """How many points one jump at one site leads to; none where nothing jumps."""
        return 0

    @property
    def cell(self) -> Space[S, L]:
        """The space of the smallest part that noise moves by itself, such as one number of many; here all of it.

        Points are then arrays of cells: their batch axes end in those of the cells.
        """
        return self

    @abstractmethod
    def check(self, x: S) -> None:
        """Raise InputError, in one helpful sentence, unless x is a batch of points."""

    @abstractmethod
    def features(self, x: S) -> Tensor:
        """Real features of a batch of points, for networks."""

    @abstractmethod
    def move(self, x: S, local: L, dt: Tensor) -> Law[S]:
        """The law of one small step of length dt from x."""

    @abstractmethod
    def apply(self, local: L, f: Callable[[S], Tensor], x: S) -> Tensor:
        """$(L f)(x)$, (*batch,), for f that maps states to (*batch,)."""

    @abstractmethod
    def phi(self, local: L, log_f: Callable[[S], Tensor], x: S) -> Tensor:
        r"""$\Phi(f)(x)$, (*batch,), non-negative and zero for constants."""

    @abstractmethod
    def implicit(
        self, forward: Callable[[S], L], reverse: Callable[[S], L], x: S, probes: Tensor | None = None
    ) -> Tensor:
        r"""What it costs to undo `forward` by `reverse`, in nats per unit time, (*batch,); of any sign.

        For a noising generator L and a generator K in reversed time that share their noise,

        $$-\log p(x_0) \le -E[\log p_1(X_1)] + \int_0^1 E[\text{implicit}(L_t, K_t)(X_t)]\,dt,$$

        with equality for the time reversal (Girsanov; Benton et al. 2024, arXiv 2211.03595, theorem 1). With the
        reverse of a $\beta$ it is $\hat L^*\beta/\beta + \hat L\log\beta$.

        Args:
            forward: the local characteristics of L as a function of the point.
            reverse: those of K; asked at further points of each row, (k, n, *event), where needed.
            x: points, (n, *event).
            probes: from `probes`, for an unbiased estimate of a long sum.
        """

    @abstractmethod
    def probes(self, x: S, count: int, rng: torch.Generator) -> S:
        """Random terms or directions, `count` per row of x, that make `implicit` an unbiased estimate."""

    @abstractmethod
    def reversible(self, target: LogDensity[S], x: S) -> tuple[Tensor, L]:
        r"""Log density at x, (n,), and the local characteristics there of a motion in detailed balance with it.

        So a small `move` is a good proposal for a Metropolis step. By itself it leaves the density as it is in the
        limit of small steps.
        """

    def factors(self, target: LogDensity[S], x: S) -> list[Any]:
        """The density of every factor of a product given the others at x, `OneFactor`; none of what is no product."""
        return []

    def langevin_step(self, local: L, snr: float, longest: Tensor) -> Tensor | None:
        """How long a step may be for a drift of at most `snr` times its noise, if known."""
        return None


class Continuum(Space[Tensor, Diffusion]):
    """A space of real coordinates and a volume, where diffusions have a probability flow.

    Points and tangent vectors are written in the same ambient coordinates, (*batch, *event). Densities are with respect
    to the volume.
    """

    real = True

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Of the space, not of its ambient coordinates."""

    @abstractmethod
    def project(self, x: Tensor) -> Tensor:
        """The nearest point of the space to ambient coordinates close to it."""

    @abstractmethod
    def tangent(self, x: Tensor, v: Tensor) -> Tensor:
        """The tangent part at x of ambient vectors, of any leading axes."""

    @abstractmethod
    def noise(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """A standard normal tangent vector at every x."""

    def tangent_signs(self, x: Tensor, signs: Tensor) -> Tensor:
        """Tangent vectors at x of mean zero and unit covariance, from random signs."""
        return self.tangent(x, signs)

    @abstractmethod
    def frame(self, x: Tensor) -> Tensor:
        """An orthonormal basis of the tangent spaces, (dimension, *batch, *event)."""

    @abstractmethod
    def dot(self, u: Tensor, v: Tensor) -> Tensor:
        """The inner product of tangent vectors, summed over the event axes."""

    def probes(self, x: Tensor, count: int, rng: torch.Generator) -> Tensor:
        """Standard normal tangent vectors, (count, n, *event)."""
        return self.noise(x.expand(count, *x.shape), rng)

    def divergence(
        self, field: Callable[[Tensor], Tensor], x: Tensor, probes: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        r"""A tangent field at x, (n, *event), and its divergence in the reference measure, (n,); differentiable.

        Without `probes` the trace is exact: one backward pass per dimension, batched, memory n x d x width. With probes
        $v$, (k, n, *event), of mean zero and unit covariance, it is Hutchinson's unbiased
        $\langle v, \nabla_v F\rangle$, (k, n) (Hutchinson 1990; Grathwohl et al. 2019, arXiv 1810.01367).
        """
        value, terms = slopes_along(field, x, self.frame(x) if probes is None else probes, self.dot)
        return value, terms.sum(0) if probes is None else terms

    def _per_row(self, scale: Tensor, x: Tensor) -> Tensor:
        """A scale that broadcasts against points as (*batch,)."""
        return scale.expand_as(x).reshape(*x.shape[: x.ndim - len(self.event_shape)], -1)[..., 0]


class Manifold(Continuum):
    r"""A Riemannian manifold: diffusions have the generator $b\cdot\nabla + \frac12 s^2\Delta$.

    $\Delta$ is the Laplace-Beltrami operator. A new manifold states its geometry only: `testing.check_space` says
    whether its parts agree.

    >>> from unnoise.spaces import Sphere
    >>> space, x = Sphere(2), torch.tensor([[1.0, 0.0, 0.0]])
    >>> y = space.exp(x, torch.tensor([[0.0, 0.5, 0.0]]))  # half a radian to the east
    >>> space.distance(x, y), space.log(x, y)
    (tensor([0.5000]), tensor([[0.0000, 0.5000, 0.0000]]))
    """

    @abstractmethod
    def exp(self, x: Tensor, v: Tensor) -> Tensor:
        """Where the geodesic from x with initial velocity v is after unit time."""

    @abstractmethod
    def log(self, x: Tensor, y: Tensor) -> Tensor:
        """The tangent vector at x with exp(x, v) = y."""

    @abstractmethod
    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        """Geodesic distance, (*batch,)."""

    @abstractmethod
    def riemannian_gradient(self, x: Tensor, covector: Tensor) -> Tensor:
        """The gradient at x, from partial derivatives in ambient coordinates."""

    def scattered(self, n: int, rng: torch.Generator) -> Tensor:
        """Different points, n of them, of any law, in float64."""
        return self.project(torch.randn(n, *self.event_shape, generator=rng, dtype=torch.float64))

    def tangent_signs(self, x: Tensor, signs: Tensor) -> Tensor:
        """Units lie between those of gradients and covectors, for metrics that scale the ambient one."""
        flat, gradient = self.tangent(x, signs), self.riemannian_gradient(x, signs)
        vectors: Tensor = flat * (gradient.norm() / flat.norm().clamp(min=1e-30)).sqrt()
        return vectors

    def langevin_step(self, local: Diffusion, snr: float, longest: Tensor) -> Tensor:
        """One for all rows, by their mean squares."""
        drift = self.dot(local.drift, local.drift).mean()
        noise = self.dimension * local.scale.square().mean()
        return torch.minimum(snr**2 * noise / drift, longest.to(drift))

    def apply(self, local: Diffusion, f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        r"""$b\cdot\nabla f + \frac12 s^2 \Delta f$."""
        gradient, laplacian = self.divergence(lambda y: self.gradient(f, y), x)
        return self.dot(local.drift, gradient) + 0.5 * self._per_row(local.scale, x) ** 2 * laplacian

    def phi(self, local: Diffusion, log_f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        r"""$\frac12 s^2 \lVert\nabla\log f\rVert^2$."""
        gradient = local.scale * self.gradient(log_f, x)
        return 0.5 * self.dot(gradient, gradient)

    def implicit(
        self, forward: Characteristics, reverse: Characteristics, x: Tensor, probes: Tensor | None = None
    ) -> Tensor:
        r"""$\frac1{2 s^2}\lVert b + \mu\rVert^2 + \nabla\cdot\mu$ for drifts b and, back, $\mu$."""
        there = forward(x)
        back, divergence = self.divergence(lambda y: reverse(y).drift, x, probes)
        excess = (there.drift + back) / there.scale
        return 0.5 * self.dot(excess, excess) + (divergence if probes is None else divergence.mean(0))

    def reversible(self, target: LogDensity[Tensor], x: Tensor) -> tuple[Tensor, Diffusion]:
        r"""Langevin's motion, $dx = \nabla\log p\,dt + \sqrt2\,dB$."""
        log_prob, score = target.log_prob_and_score(x)
        return log_prob, Diffusion(score, score.new_tensor(2.0).sqrt())

    def gradient(self, f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """The gradient at x of f, which maps points to (*batch,)."""
        return self.riemannian_gradient(x, partials(f, x))


class Affine(Manifold):
    r"""A manifold with straight geodesics: $\exp(x, v) = x + v$, $\log(x, y) = y - x$; `Euclidean`."""

    def numbers(self) -> tuple[Tensor, Tensor]:
        """All are of a flat space."""
        every = torch.ones(math.prod(self.event_shape), dtype=torch.bool)
        return every, ~every


class Compact(Manifold):
    """A manifold without boundary and of finite volume: noise ends at the uniform law.

    Densities are with respect to the Riemannian volume, in which the uniform one is 1 over `volume`.

    >>> from unnoise.spaces import Sphere
    >>> round(Sphere(2).log_volume, 4)  # log(4 pi)
    2.531
    """

    @property
    @abstractmethod
    def volume(self) -> float:
        """The total volume."""

    @property
    def log_volume(self) -> float:
        """Its log."""
        return math.log(self.volume)

    @property
    @abstractmethod
    def spectral_gap(self) -> float:
        r"""The smallest positive eigenvalue of $-\frac12\Delta$: how fast noise forgets."""

    @abstractmethod
    def draw_uniform(self, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
        """Uniform points, (*shape, *event), in float64."""

    def uniform(self, n: int) -> UniformLaw:
        """The uniform law, as a batch of n."""
        return UniformLaw(self.draw_uniform, self.log_volume, len(self.event_shape), n)

    def scattered(self, n: int, rng: torch.Generator) -> Tensor:
        """Uniform points."""
        return self.uniform(n).sample(rng)

    @abstractmethod
    def heat(self, x_0: Tensor, time: Tensor) -> Law[Tensor]:
        """The law at `time`, () or (*batch,), of Brownian motion from x_0."""


def still(asked: Any, local: Any) -> Any:
    """Characteristics that move only the cells that are asked, by a tree of bool tensors (n, *cells); None for all."""
    return local if asked is None else _tree.map(_still, asked, local)


def _still(asked: Tensor, local: Diffusion | Jump) -> Diffusion | Jump:
    if isinstance(local, Jump):
        return Jump(torch.where(_tree.expand(asked, local.rates), local.rates, 0.0))
    return Diffusion(torch.where(_tree.expand(asked, local.drift), local.drift, 0.0), local.scale)


P = TypeVar("P", bound=Space[Any, Any])


def one_cell(space: P, **changed: Any) -> P:
    """A copy whose points have no axes: one entry of an array."""
    cell = copy.copy(space)
    vars(cell).update(event_shape=(), **changed)
    return cell


def continuum(space: Space[Any, Any]) -> Continuum | None:
    """The space if a probability flow runs on it, else None.

    >>> from unnoise.spaces import Euclidean, Finite
    >>> continuum(Euclidean(2)), continuum(Finite(1, 2))
    (Euclidean(event_shape=(2,)), None)
    """
    return space if isinstance(space, Continuum) else None


class FiniteSites(Space[Tensor, Jump]):
    """Every site holds one of finitely many states, and can be set to any of them; points are int64.

    Attributes:
        sizes: how many states each site has, or one number for all of them.
    """

    real = False
    sizes: tuple[int, ...]

    @property
    @abstractmethod
    def states(self) -> int:
        """The largest number of states of a site, S."""

    @property
    @abstractmethod
    def sites(self) -> int:
        """How many sites make a point."""

    @abstractmethod
    def neighbours(self, x: Tensor, numbers: Tensor) -> Tensor:
        """Of x (n, *sites), those with these numbers (m, n), (m, n, *sites): k sets site k // S to k % S."""

    @abstractmethod
    def log_ratios(self, target: LogDensity[Tensor], x: Tensor, log_prob: Tensor) -> Tensor:
        r"""$\log p(y) - \log p(x)$ for every neighbour y of x, (n, *sites, S); minus infinity where there is none."""
