r"""Proposals by the reverse of a noising process, accepted or refused exactly, whatever the denoiser.

K steps backwards make a path $u_K, \dots, u_1, u_0$ of density $g(u_{0:K}) = \pi(u_K)\prod_k p(u_{k-1} | u_k)$. What
they draw, $u_0$, has no density in closed form, but the path has. So a chain on p is thought of as one on
$p(u_0)\,f(u_{1:K} | u_0)$, f the paths that noise makes of a point, of which p is the marginal: before each move the
path of a point is drawn anew from f, and Metropolis' rule takes a whole path by

$$1 \wedge \frac{p(y)\,L(x)}{p(x)\,L(y)}, \qquad L = \frac{g(u_{0:K})}{f(u_{1:K} | u_0)}$$

(the weights of Sohl-Dickstein et al. 2015, arXiv 1503.03585, eq. 9; auxiliary variables as in Andrieu, Roberts 2009).
No solver has an error here: a bad denoiser, or few steps, cost acceptance alone. And $E_g[p/L]$ is the integral of p.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import instance, real, whole
from unnoise._errors import InputError
from unnoise.chains.metropolis import Blind
from unnoise.denoisers import Denoiser, Look
from unnoise.laws import Law, LogDensity
from unnoise.laws.base import standard_normal
from unnoise.processes import Gaussian

COARSE = 48  # noise levels at which errors are looked at, to place the steps
LEAST = 0.03  # of the density of steps, where a step seems to need no care
LOOKED = 2048, 4096  # points by which steps are placed, and by which their variances are found
ROWS = 2048  # of a path at once, so that it stays in the cache
NARROWEST = 1e-3  # of the last step, in deviations of its noise


class Paths(ABC):
    """What draws points with a weight, and weighs points that are given."""

    @abstractmethod
    def drawn(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        r"""Points (n, d), and $\log L$ of the paths by which they came, (n,)."""

    @abstractmethod
    def traced(self, x: Tensor, rng: torch.Generator) -> Tensor:
        r"""$\log L$ of a fresh path from each of the points x, (n, d), to noise, (n,)."""


@dataclass(frozen=True)
class ReversePaths(Paths):
    r"""The steps backwards of a denoiser of $u$, with $x = m + A u$.

    From t to s < t: $N(c\,\hat u_0(u_t) + k\,u_t,\ v + c^2 e_t)$, where $N(c\,u_0 + k\,u_t, v)$ is the bridge, and
    $e_t$ the mean squared error of $\hat u_0$ in every number; the last one is $N(\hat u_0, e)$.

    Args:
        denoiser: of a Gaussian process on vectors.
        times: decreasing, (K,).
        errors: e at each of them, (K, d), positive.
        centre: m, (d,).
        factor: A, (d, d), lower triangular.

    >>> from unnoise.denoisers import ExactMixture
    >>> from unnoise.laws import GaussianMixture
    >>> from unnoise.processes import variance_preserving
    >>> from unnoise.spaces import Euclidean
    >>> law = GaussianMixture(torch.ones(1), torch.zeros(1, 2), torch.eye(2)[None])
    >>> exact = ExactMixture(variance_preserving(Euclidean(2)), law)
    >>> rng = torch.Generator().manual_seed(0)
    >>> paths = ReversePaths.fitted(exact, law.sample(rng, (4096,)).double(), rng, steps=16)
    >>> x, log_ratio = paths.drawn(2000, rng)
    >>> round(float((law.log_prob(x.float()) - log_ratio).exp().mean()), 1)  # the integral of the law
    1.0
    """

    denoiser: Denoiser
    times: Tensor
    errors: Tensor
    centre: Tensor
    factor: Tensor

    def __post_init__(self) -> None:
        instance(Denoiser, denoiser=self.denoiser)
        instance(Tensor, times=self.times, errors=self.errors, centre=self.centre, factor=self.factor)
        if not isinstance(self.denoiser.process, Gaussian):
            raise InputError(f"ReversePaths needs a denoiser of a Gaussian process, not of {self.denoiser.process}")
        size = len(self.centre)
        shapes = (tuple(self.times.shape), tuple(self.errors.shape), tuple(self.factor.shape))
        if shapes != ((len(self.times),), (len(self.times), size), (size, size)):
            raise InputError(
                f"got times, errors and a factor of shapes {shapes}; expected (K,), (K, {size}) and ({size}, {size})"
            )

    @classmethod
    @torch.no_grad()
    def fitted(
        cls,
        denoiser: Denoiser,
        u: Tensor,
        rng: torch.Generator,
        *,
        steps: int = 64,
        centre: Tensor | None = None,
        factor: Tensor | None = None,
    ) -> ReversePaths:
        r"""With errors as they are at points u, (n, d), and more steps where these say neither all nor nothing.

        With the share $q = \mathrm{SNR}\cdot e$ of what noise leaves unknown, a step has nothing to go wrong at q = 0
        and at q = 1; steps are spread over $\log\mathrm{SNR}$ in proportion to $\sqrt{q(1 - q)}$.
        """
        whole(least=2, most=10_000, steps=steps)
        instance(Gaussian, process=denoiser.process)
        process, d = cast(Gaussian, denoiser.process), u.shape[1]
        low, high = process.log_snr(torch.tensor([1.0, 0.0], dtype=torch.float64)).tolist()
        coarse = torch.linspace(low, high, COARSE, dtype=torch.float64)
        errors = _errors(denoiser, process.time_at(coarse), _some(u, LOOKED[0]), rng)
        share = (coarse.exp()[:, None] * errors).clamp(0, 1)
        density = (share * (1 - share)).mean(1).sqrt() + LEAST
        passed = torch.cat([density.new_zeros(1), (0.5 * (density[1:] + density[:-1])).cumsum(0)])
        times = process.time_at(_interpolated(passed, coarse, steps))
        return cls(
            denoiser,
            times,
            _errors(denoiser, times, _some(u, LOOKED[1]), rng),
            u.new_zeros(d) if centre is None else centre,
            torch.eye(d, dtype=u.dtype, device=u.device) if factor is None else factor,
        )

    @torch.no_grad()
    def drawn(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """As of `Paths`."""
        parts = [self._drawn(min(ROWS, n - done), rng) for done in range(0, n, ROWS)]
        u, ratio = (torch.cat(part) for part in zip(*parts, strict=True))
        return self.centre + u @ self.factor.T, ratio - self._log_volume

    @torch.no_grad()
    def traced(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """As of `Paths`."""
        u = torch.linalg.solve_triangular(self.factor, (x - self.centre).T, upper=False).T.contiguous()
        return torch.cat([self._traced(rows, rng) for rows in torch.split(u, ROWS)]) - self._log_volume

    def _drawn(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        path = [standard_normal((n, len(self.centre)), self.centre, rng)]
        found = []
        for look, (of_u_0, kept, _, wide) in zip(self._looks(path[0]), self._steps(), strict=True):
            found.append(look(path[-1], None))
            noise = standard_normal(tuple(path[0].shape), path[0], rng)
            path.append(of_u_0 * found[-1] + kept * path[-1] + wide.sqrt() * noise)
        return path[-1], self._log_ratio(path, found)

    def _traced(self, u: Tensor, rng: torch.Generator) -> Tensor:
        alpha, sigma = self._process.alpha_sigma(self.times[0])
        path = [alpha * u + sigma * standard_normal(tuple(u.shape), u, rng)]
        for of_u_0, kept, narrow, _ in self._steps()[:-1]:
            path.append(of_u_0 * u + kept * path[-1] + narrow.sqrt() * standard_normal(tuple(u.shape), u, rng))
        found = [look(one, None) for look, one in zip(self._looks(u), path, strict=True)]
        return self._log_ratio([*path, u], found)

    def _log_ratio(self, path: list[Tensor], found: list[Tensor]) -> Tensor:
        """By the path, from noise to its point, and what the denoiser found on the way."""
        u_0, (alpha, sigma) = path[-1], self._process.alpha_sigma(self.times[0])
        total = _normal(path[0], torch.ones_like(sigma)) - _normal(path[0] - alpha * u_0, sigma**2)
        *steps, (_, _, _, last) = self._steps()
        for (of_u_0, kept, narrow, wide), before, after, seen in zip(steps, path, path[1:], found, strict=False):
            away = after - kept * before
            total = total + _normal(away - of_u_0 * seen, wide) - _normal(away - of_u_0 * u_0, narrow)
        return total + _normal(u_0 - found[-1], last)

    def _steps(self) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Of each step c, k, v and the variance of the reverse; the last has no bridge."""
        of_u_0, kept, scale = self._process.shares(self.times[:-1], self.times[1:], 1.0)
        narrow = scale[:, None] ** 2
        wide = narrow + of_u_0[:, None] ** 2 * self.errors[:-1]
        one = torch.ones((), dtype=self.errors.dtype)
        return [*zip(of_u_0, kept, narrow, wide, strict=True), (one, 0 * one, 0 * one, self.errors[-1])]

    def _looks(self, like: Tensor) -> Sequence[Look]:
        return self.denoiser.along(self.times, like)

    @property
    def _process(self) -> Gaussian:
        return cast(Gaussian, self.denoiser.process)

    @property
    def _log_volume(self) -> Tensor:
        return self.factor.diagonal().abs().log().sum()


@dataclass(frozen=True)
class PathsBeside(Paths):
    r"""By a share draws of a law with a density s instead, whose tails are not thinner than the target's.

    With share a the paths of both have $L = (1 - a)\,g/f + a\,s(u_0)$.

    Args:
        paths: they.
        law: the other, on $R^d$.
        share: of it, above 0 and below 1.
    """

    paths: Paths
    law: Law[Tensor]
    share: float

    def __post_init__(self) -> None:
        instance(Paths, paths=self.paths)
        instance(Law, law=self.law)
        real(above=0, below=1, share=self.share)

    def drawn(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """As of `Paths`."""
        count = int((torch.rand(n, generator=rng) < self.share).sum())
        (x, ratio), other = self.paths.drawn(n - count, rng), self.law.sample(rng, (count,))
        x, ratio = torch.cat([x, other]), torch.cat([ratio, self.paths.traced(other, rng)])
        order = torch.randperm(n, generator=rng)
        return x[order], self._mixed(x, ratio)[order]

    def traced(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """As of `Paths`."""
        return self._mixed(x, self.paths.traced(x, rng))

    def _mixed(self, x: Tensor, ratio: Tensor) -> Tensor:
        return torch.logaddexp(math.log1p(-self.share) + ratio, math.log(self.share) + self.law.log_prob(x))


@dataclass(frozen=True)
class PathsOfHalves(Paths):
    """Some for the first rows, others for the rest."""

    first: Paths
    rest: Paths
    rows: int

    def __post_init__(self) -> None:
        instance(Paths, first=self.first, rest=self.rest)
        whole(rows=self.rows)

    def drawn(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """As of `Paths`."""
        parts = self.first.drawn(self.rows, rng), self.rest.drawn(n - self.rows, rng)
        x, ratio = (torch.cat(part) for part in zip(*parts, strict=True))
        return x, ratio

    def traced(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """As of `Paths`."""
        return torch.cat([self.first.traced(x[: self.rows], rng), self.rest.traced(x[self.rows :], rng)])


@dataclass(frozen=True)
class ByPaths(Blind):
    r"""Proposals that come by paths, and do not look at where the chain is: `Independence` of a denoiser.

    y is taken with probability $1 \wedge \frac{p(y)\,L(x)}{p(x)\,L(y)}$, with a fresh path from x to noise every time.

    Args:
        target: a log density on $R^d$.
        paths: as `ReversePaths`.

    >>> from unnoise.chains import Density, run
    >>> from unnoise.denoisers import ExactMixture
    >>> from unnoise.laws import GaussianMixture
    >>> from unnoise.processes import variance_preserving
    >>> from unnoise.spaces import Euclidean
    >>> means = torch.tensor([[-4.0], [4.0]], dtype=torch.float64)
    >>> law = GaussianMixture(torch.tensor([0.5, 0.5]), means, torch.eye(1, dtype=torch.float64).expand(2, 1, 1))
    >>> rng = torch.Generator().manual_seed(0)
    >>> exact = ExactMixture(variance_preserving(Euclidean(1)), law)
    >>> paths = ReversePaths.fitted(exact, law.sample(rng, (1000,)), rng, steps=16)
    >>> target = Density(lambda x: law.log_prob(x) + 0.1 * x[:, 0])  # not what was learnt
    >>> x = run(ByPaths(target, paths), -4 * torch.ones(500, 1, dtype=torch.float64), 8, rng).x
    >>> print(f"{(x > 0).double().mean():.1f}")  # both modes, by their weights
    0.7
    """

    target: LogDensity[Tensor]
    paths: Paths
    step_size: float = field(default=1.0, init=False)  # of which there is none

    def __post_init__(self) -> None:
        instance(LogDensity, target=self.target)
        instance(Paths, paths=self.paths)

    def propose(self, x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Fresh draws, against fresh paths of where the chain is."""
        y, ratio = self.paths.drawn(_tree.length(x), rng)
        return y, self.paths.traced(x, rng) - ratio


def _normal(away: Tensor, variance: Tensor) -> Tensor:
    """Log densities of N(0, variance) at (n, d), summed, (n,)."""
    each = variance.expand(away.shape[1])
    return -0.5 * ((away.square() / each).sum(1) + (2 * math.pi * each).log().sum())


def _errors(denoiser: Denoiser, times: Tensor, u: Tensor, rng: torch.Generator) -> Tensor:
    """Mean squared errors in every number at each time, (K, d); no less than a little of the noise."""
    process, found = cast(Gaussian, denoiser.process), []
    for t, look in zip(times, denoiser.along(times, u), strict=True):
        alpha, sigma = process.alpha_sigma(t)
        u_t = alpha * u + sigma * standard_normal(tuple(u.shape), u, rng)
        least = (NARROWEST * sigma / alpha) ** 2
        found.append((look(u_t, None) - u).square().mean(0).clamp(min=float(least)))
    return torch.stack(found)


def _some(u: Tensor, n: int) -> Tensor:
    """So many of the points at most, evenly spread."""
    return u[:: -(-len(u) // n)]


def _interpolated(passed: Tensor, values: Tensor, count: int) -> Tensor:
    """Values where what was passed is evenly spread, from the first to the last, (count,)."""
    wanted = torch.linspace(0, float(passed[-1]), count, dtype=passed.dtype)
    right = torch.searchsorted(passed, wanted).clamp(1, len(passed) - 1)
    share = (wanted - passed[right - 1]) / (passed[right] - passed[right - 1])
    return torch.lerp(values[right - 1], values[right], share.clamp(0, 1))
