"""Normal laws side by side, on the line and wound around circles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from unnoise._checks import refuse, tensor
from unnoise.laws.base import standard_normal
from unnoise.laws.components.base import Components, Tally
from unnoise.laws.wrapped_normal import wrap

LEAST_VARIANCE = 1e-6
TURN = 2 * math.pi
HELD = 8  # numbers of a cell at a time
ROUNDING = 1e-9  # of a weight in float32, and less
LEAST_LOG = -170.0  # of a factor beside 1: smaller ones count for nothing, and their powers are slow to compute


@dataclass(frozen=True)
class _Bells(Components):
    """A mean and a variance for every cell of every component."""

    means: Tensor
    variances: Tensor

    def __post_init__(self) -> None:
        tensor(means=self.means)
        tensor(above=0, variances=self.variances)
        if self.means.ndim < 2 or self.means.shape != self.variances.shape:
            wanted = f"means and variances of one shape (K, *cells), not {tuple(self.means.shape)}"
            refuse("variances", self.variances, wanted)

    @property
    def shape(self) -> tuple[int, ...]:
        """(K, *cells)."""
        return tuple(self.means.shape)


@dataclass(frozen=True)
class NormalComponents(_Bells):
    r"""Normal laws $N(\mu_{kc}, v_{kc})$ of numbers; density with respect to Lebesgue measure.

    Args:
        means: (K, *cells).
        variances: the same, positive.

    >>> laws = NormalComponents(torch.tensor([[0.0], [1.0]]), torch.ones(2, 1))
    >>> laws.log_prob(torch.tensor([[1.0]])) + 0.5 * math.log(2 * math.pi)
    tensor([[-0.5000,  0.0000]])
    """

    @classmethod
    def of(cls, x: Tensor, known: Tensor) -> Self:
        """The law of all rows, one component."""
        count = known.sum(0).clamp(min=1)
        mean = torch.where(known, x, 0.0).sum(0) / count
        square = torch.where(known, x - mean, 0.0).square().sum(0) / count
        return cls(mean[None], square.clamp(min=LEAST_VARIANCE)[None])

    def log_prob(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """By products of matrices, in float64, as their terms may cancel."""
        x = x.flatten(1).double()
        seen = torch.ones_like(x) if known is None else known.flatten(1).double()
        x = torch.where(seen > 0, x, 0.0)
        mean, precision = self.means.flatten(1).double(), 1 / self.variances.flatten(1).double()
        constant = mean.square() * precision - (precision / (2 * math.pi)).log()
        squares = x.square() @ precision.T - 2 * x @ (mean * precision).T + seen @ constant.T
        return (-0.5 * squares).to(self.means)

    def sample(self, chosen: Tensor, rng: torch.Generator) -> Tensor:
        """Means plus noise."""
        means = self.means[chosen]
        return means + self.variances[chosen].sqrt() * standard_normal(tuple(means.shape), means, rng)

    def tally(self, x: Tensor, known: Tensor, weights: Tensor) -> Tally:
        """Numbers of rows, sums and sums of squares, (K, cells), in float64."""
        seen, weights = known.flatten(1).double(), weights.T.double()
        x = torch.where(known.flatten(1), x.flatten(1), 0.0).double()
        return weights @ seen, weights @ x, weights @ x.square()

    def refitted(self, tally: Tally, base: Self, rows: Tensor) -> Self:
        """Moments, of the rows and those of the base."""
        middle, spread = base.means.flatten(1).double(), base.variances.flatten(1).double()
        count, first, second = tally
        count = count + rows
        mean = (first + rows * middle) / count
        square = (second + rows * (middle.square() + spread)) / count
        variance = (square - mean.square()).clamp(min=LEAST_VARIANCE)
        return type(self)(*(part.reshape(-1, *self.cells).to(self.means) for part in (mean, variance)))

    def log_prior(self, base: Self, rows: Tensor) -> Tensor:
        r"""Normal and inverse gamma: $-\frac a2\sum_{kc}\log v + ((\mu - m)^2 + v_0)/v$."""
        middle, spread = base.means.flatten(1).double(), base.variances.flatten(1).double()
        return (rows * _normal(self, torch.ones_like(middle), middle, middle.square() + spread)).sum()

    def expected(self, tally: Tally) -> Tensor:
        r"""$-\frac12(N\log v + \sum (x - \mu)^2/v)$."""
        return _normal(self, *tally)


@dataclass(frozen=True)
class WrappedNormalComponents(_Bells):
    r"""Normal laws wound around circles, the heat kernels of tori; density with respect to length.

    How often an angle was wound is a latent variable of EM too, so its M step has moments in closed form. The prior is
    of the variances alone.

    Args:
        means: (K, *cells), in radians, of any number of turns.
        variances: the same, positive.

    >>> laws = WrappedNormalComponents(torch.zeros(1, 1), torch.full((1, 1), 50.0))
    >>> laws.log_prob(torch.ones(1, 1)) + math.log(2 * math.pi)
    tensor([[0.]])
    """

    @classmethod
    def of(cls, x: Tensor, known: Tensor) -> Self:
        """The law of all rows, one component, by its first Fourier coefficient."""
        count = known.sum(0).clamp(min=1)
        cosine, sine = (torch.where(known, part, 0.0).sum(0) / count for part in (x.cos(), x.sin()))
        variance = -2 * torch.hypot(cosine, sine).clamp(math.exp(-0.5 * math.pi**2), 1).log()
        return cls(torch.atan2(sine, cosine)[None], variance.clamp(min=LEAST_VARIANCE)[None])

    @property
    def numbers_per_row(self) -> int:
        """Offsets and turns of every cell."""
        return self.means.numel() * HELD

    def log_prob(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """Sums over turns."""
        variance = self.variances.flatten(1).double()
        far = (wrap(x.flatten(1).double())[:, None] - wrap(self.means.flatten(1).double())).abs_()
        far.sub_(math.pi).abs_().sub_(math.pi)  # minus the way around the circle, in place, as all that is long here
        near, _, both = _turns(-far, variance)
        each = near.square().sub_(2 * both).mul_(both).add_(near).log1p_()
        each.sub_(far.square_().div_(2 * variance)).sub_(0.5 * (TURN * variance).log())
        seen = each if known is None else each.mul_(known.flatten(1)[:, None])
        return seen.sum(-1).to(self.means)

    def sample(self, chosen: Tensor, rng: torch.Generator) -> Tensor:
        """Normal numbers, wound."""
        means = self.means[chosen]
        return wrap(means + self.variances[chosen].sqrt() * standard_normal(tuple(means.shape), means, rng))

    def tally(self, x: Tensor, known: Tensor, weights: Tensor) -> Tally:
        """Numbers of rows, sums and sums of squares of unwound angles, (K, cells), in float64.

        Of the components of each row alone that have more than a rounding of its weight, mostly few of many.
        """
        x, seen, weights = x.flatten(1).double(), known.flatten(1).double(), weights.double()
        row, own = (weights > ROUNDING * weights.amax(1, keepdim=True)).nonzero().unbind(1)
        law = own % len(self)  # one is the law of all
        means, variance = (part.flatten(1).double()[law] for part in (self.means, self.variances))
        offsets, share = wrap(x[row] - means), weights[row, own, None] * seen[row]
        near, more, both = _turns(offsets.abs(), variance)
        twice = both * (near.square() - 2 * both)
        whole = 1 + near + twice
        wound = offsets.sign() * TURN * more * (1 + 2 * both * near) / whole  # its mean, and its square's
        squares = TURN**2 * (near + 4 * twice) / whole
        nearest = offsets + means
        moments = torch.ones_like(share), nearest + wound, nearest.square() + 2 * nearest * wound + squares
        zeros = x.new_zeros(weights.shape[1], x.shape[1])
        return tuple(zeros.index_add(0, own, share * moment) for moment in moments)

    def refitted(self, tally: Tally, base: Self, rows: Tensor) -> Self:
        """Moments; the variances with those of the base."""
        count, first, second = tally
        mean = first / count.clamp(min=1e-9)
        square = (second - mean * first).clamp(min=0)
        variance = (square + rows * base.variances.flatten(1).double()) / (count + rows)
        parts = mean, variance.clamp(min=LEAST_VARIANCE)
        return type(self)(*(part.reshape(-1, *self.cells).to(self.means) for part in parts))

    def log_prior(self, base: Self, rows: Tensor) -> Tensor:
        r"""Inverse gamma: $-\frac a2\sum_{kc}\log v + v_0/v$."""
        mean, spread = self.means.flatten(1).double(), base.variances.flatten(1).double()
        return (rows * _normal(self, torch.ones_like(mean), mean, mean.square() + spread)).sum()

    def expected(self, tally: Tally) -> Tensor:
        r"""$-\frac12(N\log v + \sum (x - \mu)^2/v)$ of unwound angles."""
        return _normal(self, *tally)


def _turns(far: Tensor, variance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r"""What the densities of other turns are times that of the nearest, whose mean is so far away.

    Those of one turn towards the other side, $a = e^{-2\pi(\pi - |o|)/v}$, and away, $b = e^{-2\pi(\pi + |o|)/v}$, have
    the product $e^{-4\pi^2/v}$ everywhere, and those of two turns are $a^3 b$ and $a b^3$. These are $a + b$, $b - a$
    and $a b$.
    """
    rate = TURN / variance
    back, both = ((far - math.pi) * rate).clamp_(min=LEAST_LOG).exp_(), (-TURN * rate).clamp_(min=2 * LEAST_LOG).exp_()
    on = both / back
    return back + on, on - back, both


def _normal(part: NormalComponents | WrappedNormalComponents, count: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Of moments (K or 1, cells), for each component."""
    mean, variance = part.means.flatten(1).double(), part.variances.flatten(1).double()
    squares = second - 2 * mean * first + count * mean.square()
    return -0.5 * (count * variance.log() + squares / variance)
