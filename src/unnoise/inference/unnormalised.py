"""A prior and a likelihood in the chart of the prior, as `unnoise.walk` takes them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from unnoise._gradients import derivatives, leaf
from unnoise._seeding import generator
from unnoise.inference.parameters import Floats
from unnoise.inference.points import PointLaw
from unnoise.inference.priors import ParameterPrior
from unnoise.laws import Law, LogDensity
from unnoise.spaces import Euclidean

SHORT, SHORTER = 1e-3, 1e-5  # differences of a prior in single precision, and in double, in its spreads
DRAWS = 1000  # that show its spreads


@dataclass(frozen=True, eq=False)
class Before(Law[Tensor]):
    """A prior in its chart, with the volume.

    Args:
        prior: with a density, whose slopes are differences, as priors of every origin have none in common.
    """

    prior: ParameterPrior
    _last: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list, init=False, repr=False)

    @property
    def support(self) -> Euclidean:
        """The chart."""
        return Euclidean(self.prior.parameters.free)

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, d), in float64."""
        drawn = self.prior.draw(math.prod(shape), rng)
        parameters = self.prior.parameters
        return torch.from_numpy(parameters.outside(drawn, rng)).reshape(*shape, -1)

    @cached_property
    def spreads(self) -> Tensor:
        """The deviation of each number of the chart, (d,), as parameters without bounds come in any unit."""
        deviation = self.sample(generator(0), (DRAWS,)).std(0)
        return deviation.clamp(min=torch.finfo(deviation.dtype).tiny)

    def log_prob(self, x: Tensor) -> Tensor:
        """At points of the chart, (n, d), in nats."""
        parameters, z = self.prior.parameters, rows(x)
        return torch.from_numpy(self.prior.log_prob(parameters.inside(z)) + parameters.log_volume(z)).to(x)

    def log_prob_and_score(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both, of the same points once: a bridge from the prior asks for those of either end, and differences cost."""
        if not (self._last and torch.equal(self._last[0][0], x)):
            self._last[:] = [(x.clone(), self.log_prob(x), self.score(x))]
        _, value, slope = self._last[0]
        return value, slope

    def score(self, x: Tensor) -> Tensor:
        """The gradient, (n, d); 0 at an edge."""
        parameters, z = self.prior.parameters, rows(x)
        n, d = z.shape
        single = any(part.dtype not in (None, "float64") for part in parameters.parts)
        step = (SHORT if single else SHORTER) * self.spreads.numpy()
        aside = np.diag(step)[:, None]
        beside = parameters.inside(np.stack([z + aside, z - aside]))
        up, down = self.prior.log_prob(beside.reshape(-1, parameters.size)).reshape(2, d, n)
        with np.errstate(invalid="ignore"):
            slope = (up - down).T / (2 * step) + parameters.volume_slopes(z)
        return torch.from_numpy(np.where(np.isfinite(slope), slope, 0.0)).to(x)


@dataclass(frozen=True, eq=False)
class Unnormalised(LogDensity[Tensor]):
    r"""$\log p(\theta) + \sum_i\log p(x_i|\theta)$ in the chart of the prior.

    Args:
        law: of an observation.
        before: the prior in its chart.
        seen: observations, (j, k).
    """

    law: PointLaw
    before: Before
    seen: Floats

    @property
    def support(self) -> Euclidean:
        """The chart."""
        return self.before.support

    def log_prob(self, x: Tensor) -> Tensor:
        """At points of the chart, (n, d), in nats."""
        found = [self._likelihood(part, sloped=False)[0] for part in self._parts(x)]
        return torch.cat(found).to(x) + self.before.log_prob(x)

    def score(self, x: Tensor) -> Tensor:
        """The gradient, (n, d)."""
        return self.log_prob_and_score(x)[1]

    def log_prob_and_score(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both, by one evaluation of the network."""
        values, slopes = zip(*(self._likelihood(part, sloped=True) for part in self._parts(x)), strict=True)
        value, slope = self.before.log_prob_and_score(x)
        return torch.cat(values).to(x) + value, torch.cat(slopes).to(x) + slope

    def _parts(self, x: Tensor) -> tuple[Tensor, ...]:
        return torch.split(x, self.law.at_once(len(self.seen)))

    def _likelihood(self, x: Tensor, sloped: bool) -> tuple[Tensor, Tensor]:
        parameters, z = self.before.prior.parameters, rows(x)
        theta, seen = torch.from_numpy(parameters.inside(z)), torch.from_numpy(self.seen)
        if not sloped:
            return self.law.log_prob(theta, seen), theta
        with derivatives():
            theta = leaf(theta)
            values = self.law.log_prob(theta, seen)
            (slopes,) = torch.autograd.grad(values.sum(), theta)
        return values.detach(), torch.from_numpy(parameters.pulled(slopes.numpy(), z))


def rows(x: Tensor) -> Floats:
    """Points as an array, in double precision."""
    found: Floats = x.detach().cpu().double().numpy()
    return found
