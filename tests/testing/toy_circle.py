"""Brownian motion on a circle: a diffusion and a probability flow on a curved line, a score, no bridge."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.laws import Law
from unnoise.laws.base import standard_normal
from unnoise.processes import HasKernel
from unnoise.spaces import Diffusion, Manifold


@dataclass(frozen=True)
class Wrapped(Law[Tensor]):
    """Wrapped normal angles; scale broadcasts."""

    mean: Tensor
    scale: Tensor

    def sample(self, rng, shape=()):
        return _wrap(self.mean + self.scale * standard_normal((*shape, *self.mean.shape), self.mean, rng))

    def log_prob(self, x):
        images = torch.arange(-6, 7, dtype=torch.float64) * 2 * math.pi
        z = (_wrap(x - self.mean)[..., None] + images) / self.scale[..., None]
        density = torch.logsumexp(-0.5 * z**2, -1) - self.scale.log() - 0.5 * math.log(2 * math.pi)
        return density.sum(-1)


@dataclass(frozen=True)
class Uniform(Law[Tensor]):
    """Uniform angles."""

    shape: tuple[int, ...]

    def sample(self, rng, shape=()):
        return _wrap(2 * math.pi * torch.rand((*shape, *self.shape), generator=rng, dtype=torch.float64))

    def log_prob(self, x):
        return torch.full(x.shape[:-1], -x.shape[-1] * math.log(2 * math.pi), dtype=torch.float64)


@dataclass(frozen=True)
class Circle(Manifold):
    """Angles."""

    event_shape: tuple[int, ...] = (1,)

    def check(self, x):
        if not torch.isfinite(x).all():
            raise InputError("got NaN")

    def features(self, x):
        return torch.cat([x.cos(), x.sin()], -1)

    def move(self, x, local, dt):
        return Wrapped(x + local.drift * dt, (local.scale * dt**0.5).expand_as(x))

    def apply(self, local, f, x):
        first, second = self.divergence(lambda y: _gradient(f, y), x)
        return (local.drift * first).sum(-1) + 0.5 * (local.scale.expand_as(x)[..., 0]) ** 2 * second

    def phi(self, local, log_f, x):
        return 0.5 * (local.scale * _gradient(log_f, x)).square().sum(-1)

    def exp(self, x, v):
        return _wrap(x + v)

    def log(self, x, y):
        return _wrap(y - x)

    def distance(self, x, y):
        return _wrap(y - x).norm(dim=-1)

    def noise(self, x, rng):
        return standard_normal(tuple(x.shape), x, rng)

    def divergence(self, field, x, probes=None):
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            value = field(x)
            (slope,) = torch.autograd.grad(value.sum(), x)
        return value.detach(), slope.sum(-1) if probes is None else (slope * probes**2).sum(-1)


@dataclass(frozen=True)
class Brownian(HasKernel[Tensor]):
    """Standard deviations from 0.02 to 4, geometrically."""

    space: Circle = Circle()
    growth: float = math.log(4.0 / 0.02)

    def _scale(self, t):
        return 0.02 * torch.exp(self.growth * t)

    def _volatility(self, x, t):
        return expand(self._scale(t) * (2 * self.growth) ** 0.5, x)

    def forward(self, x, t):
        return Diffusion(torch.zeros_like(x), self._volatility(x, t))

    def prior(self, n):
        return Uniform((n, *self.space.event_shape))

    def marginal(self, x_0, t):
        return Wrapped(x_0, expand(self._scale(t), x_0))

    def target(self, x_0, x_t, t):
        x_0, x_t = torch.broadcast_tensors(x_0, x_t)
        return _gradient(lambda x: self.marginal(x_0, t).log_prob(x), x_t).detach()

    def reverse(self, x_t, stat, t, *, churn=1.0):
        scale = self._volatility(x_t, t)
        return Diffusion(0.5 * (1 + churn**2) * scale**2 * stat, churn * scale)

    def divergence(self, stat, target, x_t, t):
        return 0.5 * (self._volatility(x_t, t) * (stat - target)).square().sum(-1)

    def clock(self, u):
        return u, torch.ones_like(u)

    def fluctuation(self, x_0, x_t, t):
        return torch.zeros(x_t.shape[:-1], dtype=torch.float64)

    def begin(self, x_0):
        return x_0, torch.zeros(len(x_0), dtype=torch.float64)

    def finish(self, x_0, stat, rng):
        return _wrap(x_0 + self._scale(torch.zeros(())) ** 2 * stat)

    def reconstruction(self, x_0):
        return torch.zeros(len(x_0), dtype=torch.float64)


def _wrap(angle):
    return torch.remainder(angle + math.pi, 2 * math.pi) - math.pi


def _gradient(f, x):
    with torch.enable_grad():
        x = x if x.requires_grad else x.detach().requires_grad_()
        return torch.autograd.grad(f(x).sum(), x, create_graph=True)[0]
