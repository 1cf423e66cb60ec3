"""Five simulators of the benchmark of simulation-based inference (Lueckmann et al. 2021, arXiv 2101.04653)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from experiments.base import Setting

HALF = math.sqrt(0.5)


@dataclass(frozen=True)
class References:
    """The observations of a task, (10, x), and 10,000 draws of the posterior of each, (10, 10000, theta)."""

    observations: Tensor
    draws: Tensor

    @classmethod
    def read(cls, setting: Setting, name: str) -> References:
        """From `sbi/NAME.npz` of the real data."""
        with np.load(setting.file(f"sbi/{name}.npz")) as stored:
            found = (torch.from_numpy(stored[key]).float() for key in ("observation", "reference_posterior"))
            return cls(*found)


class Task(ABC):
    """A prior of theta and a simulator of x, whose densities are known but not told to those who infer."""

    name: str
    dim: int

    @property
    def bound(self) -> float | None:
        """Half the side of the cube on which theta is uniform, or None for a normal prior."""
        return None

    @property
    def points(self) -> int | None:
        """Of how many points x consists whose order does not matter, or None."""
        return None

    @abstractmethod
    def prior(self, n: int, rng: torch.Generator) -> Tensor:
        """Draws, (n, dim)."""

    @abstractmethod
    def simulate(self, theta: Tensor, rng: torch.Generator) -> Tensor:
        """One x for each theta, (n, features)."""

    @abstractmethod
    def log_posterior(self, theta: Tensor, x: Tensor) -> Tensor:
        """log p(theta) + log p(x | theta), up to a constant that theta does not change, (n,)."""

    def simulations(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """n pairs of theta and x."""
        theta = self.prior(n, rng)
        return theta, self.simulate(theta, rng)


def uniform(n: int, dim: int, bound: float, rng: torch.Generator) -> Tensor:
    """Points of a cube around 0, (n, dim)."""
    return bound * (2 * torch.rand(n, dim, generator=rng) - 1)


def inside(theta: Tensor, bound: float) -> Tensor:
    """The log density of a cube, up to a constant: 0 inside, minus infinity outside."""
    return torch.where((theta.abs() <= bound).all(-1), 0.0, -math.inf)


class TwoMoons(Task):
    r"""x = a half circle's arc, shifted by $(-|\theta_1 + \theta_2|, \theta_2 - \theta_1)/\sqrt2$."""

    name, dim, bound = "two_moons", 2, 1.0

    def prior(self, n: int, rng: torch.Generator) -> Tensor:
        """Uniform on [-1, 1]^2."""
        return uniform(n, self.dim, self.bound, rng)

    def simulate(self, theta: Tensor, rng: torch.Generator) -> Tensor:
        """The radius is N(0.1, 0.01^2), the angle uniform."""
        angle = math.pi * (torch.rand(len(theta), generator=rng) - 0.5)
        radius = 0.1 + 0.01 * torch.randn(len(theta), generator=rng)
        return torch.stack([radius * angle.cos() + 0.25, radius * angle.sin()], 1) + self._shift(theta)

    def log_posterior(self, theta: Tensor, x: Tensor) -> Tensor:
        """The density of a point at radius r is that of r over pi r, on the right side alone."""
        point = x - self._shift(theta) - x.new_tensor([0.25, 0.0])
        radius = point.norm(dim=-1)
        density = -0.5 * ((radius - 0.1) / 0.01) ** 2 - radius.log()
        return torch.where(point[..., 0] > 0, density, -math.inf) + inside(theta, self.bound)

    def _shift(self, theta: Tensor) -> Tensor:
        return HALF * torch.stack([-theta.sum(-1).abs(), theta[..., 1] - theta[..., 0]], -1)


class SLCP(Task):
    r"""Simple likelihood, complex posterior: four points of $N((\theta_1, \theta_2), S)$.

    S has deviations $\theta_3^2, \theta_4^2$ and correlation $\tanh\theta_5$, so signs stay open: four modes.
    """

    name, dim, bound, points = "slcp", 5, 3.0, 4

    def prior(self, n: int, rng: torch.Generator) -> Tensor:
        """Uniform on [-3, 3]^5."""
        return uniform(n, self.dim, self.bound, rng)

    def simulate(self, theta: Tensor, rng: torch.Generator) -> Tensor:
        """The points one after the other, (n, 8)."""
        mean, first, second, correlation = self._law(theta)
        a, b = torch.randn(2, len(theta), 4, generator=rng)
        across = correlation * a + (1 - correlation**2).sqrt() * b
        return (mean[:, None] + torch.stack([first * a, second * across], -1)).flatten(1)

    def log_posterior(self, theta: Tensor, x: Tensor) -> Tensor:
        """A product of four normal densities."""
        mean, first, second, correlation = self._law(theta)
        u, v = ((x.reshape(-1, 4, 2) - mean[:, None]) / torch.stack([first, second], -1)).unbind(-1)
        rest = 1 - correlation**2
        square = (u**2 - 2 * correlation * u * v + v**2) / rest
        density = -0.5 * square - (first * second * rest.sqrt()).log()
        return density.sum(-1) + inside(theta, self.bound)

    def _law(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return theta[:, :2], theta[:, 2:3] ** 2, theta[:, 3:4] ** 2, theta[:, 4:5].tanh()


@dataclass(frozen=True)
class GaussianLinear(Task):
    """x = theta + noise of variance 0.1, in ten dimensions; the prior N(0, 0.1 I), or uniform on [-1, 1]^10."""

    bounded: bool = False
    dim: int = 10

    @property
    def name(self) -> str:  # type: ignore[override]
        """As the benchmark calls it."""
        return "gaussian_linear_uniform" if self.bounded else "gaussian_linear"

    @property
    def bound(self) -> float | None:
        """1, or none."""
        return 1.0 if self.bounded else None

    def prior(self, n: int, rng: torch.Generator) -> Tensor:
        """Of the one kind or the other."""
        if self.bounded:
            return uniform(n, self.dim, 1.0, rng)
        return math.sqrt(0.1) * torch.randn(n, self.dim, generator=rng)

    def simulate(self, theta: Tensor, rng: torch.Generator) -> Tensor:
        """With independent noise."""
        return theta + math.sqrt(0.1) * torch.randn(theta.shape, generator=rng)

    def log_posterior(self, theta: Tensor, x: Tensor) -> Tensor:
        """Of the first kind that of N(x/2, 0.05 I)."""
        likelihood = -5 * (x - theta).square().sum(-1)
        return likelihood + (inside(theta, 1.0) if self.bounded else -5 * theta.square().sum(-1))


@dataclass(frozen=True)
class BernoulliGLM(Task):
    """A hundred spikes of a generalised linear model: an offset and a smooth filter; x = what suffices of them.

    Args:
        design: (100, 10), one row per spike: 1, and the last nine values of a stimulus of white noise.
    """

    design: Tensor
    name: str = field(default="bernoulli_glm", init=False)
    dim: int = field(default=10, init=False)

    @classmethod
    def read(cls, setting: Setting) -> BernoulliGLM:
        """With the stimulus of the benchmark."""
        with np.load(setting.file("sbi/bernoulli_glm.npz")) as stored:
            return cls(torch.from_numpy(stored["design_matrix"]).float())

    @property
    def precision(self) -> Tensor:
        """That of the prior, (10, 10): variance 2 of the offset, second differences of the filter."""
        differences = torch.eye(9) - torch.diag(torch.ones(8), -1)
        smooth = differences @ differences + torch.diag((torch.arange(9) / 9).sqrt())
        whole = torch.zeros(10, 10)
        whole[0, 0], whole[1:, 1:] = 0.5, smooth.T @ smooth
        return whole

    def prior(self, n: int, rng: torch.Generator) -> Tensor:
        """Normal, of that precision."""
        root = torch.linalg.cholesky(self.precision)
        found: Tensor = torch.linalg.solve_triangular(root.T, torch.randn(10, n, generator=rng), upper=True).T
        return found

    def simulate(self, theta: Tensor, rng: torch.Generator) -> Tensor:
        """The sums of the rows of the design at which there is a spike, (n, 10)."""
        chance = torch.sigmoid(theta @ self.design.T)
        return (torch.rand(chance.shape, generator=rng) < chance).float() @ self.design

    def log_posterior(self, theta: Tensor, x: Tensor) -> Tensor:
        """The spikes matter by their sums alone."""
        likelihood = (theta * x).sum(-1) - torch.nn.functional.softplus(theta @ self.design.T).sum(-1)
        return likelihood - 0.5 * ((theta @ self.precision.to(theta)) * theta).sum(-1)


def tasks(setting: Setting) -> tuple[Task, ...]:
    """All five."""
    return TwoMoons(), SLCP(), GaussianLinear(), GaussianLinear(bounded=True), BernoulliGLM.read(setting)
