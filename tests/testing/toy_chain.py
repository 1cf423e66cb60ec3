"""Words of a few letters that are refreshed at a rate: integers, jumps, a bridge, no metric."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.laws import Law
from unnoise.processes import Bridged
from unnoise.spaces import Jump, Space

STATES = 3


@dataclass(frozen=True)
class Categorical(Law[Tensor]):
    """Independent sites; probabilities (*batch, sites, states)."""

    probs: Tensor

    def sample(self, rng, shape=()):
        uniform = torch.rand((*shape, *self.probs.shape[:-1], 1), generator=rng, dtype=self.probs.dtype)
        below = (uniform > self.probs.cumsum(-1)).sum(-1)
        return below.clamp(max=STATES - 1)

    def log_prob(self, x):
        shape = torch.broadcast_shapes(x.shape, self.probs.shape[:-1])
        letters = x.expand(shape)[..., None]
        return torch.gather(self.probs.expand(*shape, STATES), -1, letters)[..., 0].log().sum(-1)


@dataclass(frozen=True)
class Chain(Space[Tensor, Jump]):
    """Words of a few letters."""

    event_shape: tuple[int, ...]

    def check(self, x):
        if x.is_floating_point() or x.shape[-1:] != self.event_shape or (x < 0).any() or (x >= STATES).any():
            raise InputError(f"got {x.dtype} of shape {tuple(x.shape)}; expected letters below {STATES}")

    def features(self, x):
        return torch.nn.functional.one_hot(x, STATES).float()

    def move(self, x, local, dt):
        here = torch.nn.functional.one_hot(x, STATES).double()
        leaving = local.rates * (1 - here)
        total = leaving.sum(-1, keepdim=True)
        gone = -torch.expm1(-total * dt)
        return Categorical(here * (1 - gone) + gone * leaving / total.clamp(min=1e-300))

    def apply(self, local, f, x):
        return self._sum(local, f, x, lambda there, here: there - here)

    def phi(self, local, log_f, x):
        return self._sum(local, log_f, x, lambda there, here: torch.expm1(there - here) - (there - here))

    def _sum(self, local, f, x, change):
        total, here = 0.0, f(x)
        for site in range(self.event_shape[0]):
            for letter in range(STATES):
                y = x.clone()
                y[..., site] = letter
                total = total + torch.where(
                    x[..., site] == letter, 0.0, local.rates[..., site, letter] * change(f(y), here)
                )
        return total


@dataclass(frozen=True)
class Refresh(Bridged[Tensor]):
    """Every letter is drawn anew at a rate 1 / (1.001 - t): it survives with probability 1.001 - t, nearly."""

    space: Chain

    def _kept(self, t):
        return (0.999 - 0.998 * t).clamp(min=1e-3)

    def _rate(self, t):
        return 0.998 / self._kept(t)

    def _matrix(self, kept):
        kept = kept[..., None, None]
        return kept * torch.eye(STATES, dtype=torch.float64) + (1 - kept) / STATES

    def forward(self, x, t):
        return Jump(expand(self._rate(t), x)[..., None] / STATES * torch.ones(*x.shape, STATES, dtype=torch.float64))

    def prior(self, n):
        return Categorical(torch.full((n, *self.space.event_shape, STATES), 1 / STATES, dtype=torch.float64))

    def marginal(self, x_0, t):
        kept = expand(self._kept(t), x_0)[..., None]
        return Categorical(kept * torch.nn.functional.one_hot(x_0, STATES) + (1 - kept) / STATES)

    def target(self, x_0, x_t, t):
        return torch.nn.functional.one_hot(x_0, STATES).double()

    def _ratios(self, stat, x_t, t):
        """beta(y) / beta(x) at every site: linear in the statistic."""
        matrix = self._matrix(expand(self._kept(t), x_t).expand(x_t.shape))  # (..., from, to)
        here = torch.gather(matrix, -1, x_t[..., None, None].expand(*x_t.shape, STATES, 1))
        return ((stat[..., None] / here) * matrix).sum(-2)

    def reverse(self, x_t, stat, t, *, churn=1.0):
        return Jump(self.forward(x_t, t).rates * self._ratios(stat, x_t, t))

    def divergence(self, stat, target, x_t, t):
        ratio = (self._ratios(target, x_t, t) / self._ratios(stat, x_t, t)).clamp(min=1e-300)
        other = 1 - torch.nn.functional.one_hot(x_t, STATES)
        return (self.forward(x_t, t).rates * other * (ratio - 1 - ratio.log())).sum((-1, -2))

    def clock(self, u):
        return u, torch.ones_like(u)

    def fluctuation(self, x_0, x_t, t):
        return torch.zeros(x_t.shape[:-1], dtype=torch.float64)

    def begin(self, x_0):
        return x_0, torch.zeros(len(x_0), dtype=torch.float64)

    def finish(self, x_0, stat, rng):
        return stat.argmax(-1)

    def reconstruction(self, x_0):
        return torch.zeros(len(x_0), dtype=torch.float64)

    def bridge(self, x_0, x_t, t, s, *, churn=1.0):
        kept_s, kept = self._kept(s), self._kept(t) / self._kept(s)
        from_data = self.marginal(x_0, s).probs
        to_here = expand(kept, x_t)[..., None] * torch.nn.functional.one_hot(x_t, STATES) + (1 - kept) / STATES
        joint = from_data * to_here + 0 * kept_s
        return Categorical(joint / joint.sum(-1, keepdim=True))
