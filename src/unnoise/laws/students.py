"""Mixtures of multivariate Student laws: proposals with tails."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from unnoise._checks import instance
from unnoise._errors import InputError
from unnoise.laws.base import Law, standard_normal

ROWS = 512  # at once, so that all components of them stay in the cache


@dataclass(frozen=True)
class Students(Law[Tensor]):
    r"""$\sum_k w_k\, t_{\nu_k}(x; m_k, A_k A_k^T)$ on $R^d$; density with respect to Lebesgue measure.

    $t_\nu(x; m, A A^T) \propto |A|^{-1}(1 + |A^{-1}(x - m)|^2/\nu)^{-(\nu + d)/2}$ (Kotz, Nadarajah 2004).

    Args:
        weights: $w_k$, (K,), positive; they are divided by their sum.
        means: $m_k$, (K, d).
        factors: $A_k$, (K, d, d), of full rank.
        freedom: $\nu_k$, (K,), positive; normal laws in the limit.

    >>> law = Students(torch.ones(1), torch.zeros(1, 2), torch.eye(2)[None], torch.tensor([3.0]))
    >>> round(float(law.log_prob(torch.zeros(1, 2)).exp()) * 2 * math.pi, 5)
    1.0
    """

    weights: Tensor
    means: Tensor
    factors: Tensor
    freedom: Tensor

    def __post_init__(self) -> None:
        instance(Tensor, weights=self.weights, means=self.means, factors=self.factors, freedom=self.freedom)
        count, size = self.means.shape
        expected = ((count,), (count, size, size), (count,))
        if (found := (*(tuple(t.shape) for t in (self.weights, self.factors, self.freedom)),)) != expected:
            raise InputError(
                f"got weights, factors and degrees of freedom of shapes {found}; expected {expected} for {count} means "
                f"in {size} dimensions"
            )
        if not bool((self.weights > 0).all() & (self.freedom > 0).all()):
            raise InputError(
                "got weights or degrees of freedom that are not positive; a mixture of Students needs both"
            )

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, d)."""
        count = math.prod(shape)
        part = torch.multinomial(self.weights.double(), max(count, 1), replacement=True, generator=rng)[:count]
        noise = standard_normal((count, self.means.shape[1]), self.means, rng)
        half = 0.5 * self.freedom[part].double()
        gamma: Tensor = torch._standard_gamma(half, generator=rng)
        length = (half / gamma.clamp(min=1e-300)).sqrt().to(noise)
        order, counts = part.argsort(), torch.bincount(part, minlength=len(self.means)).tolist()
        pieces = zip(torch.split(noise[order], counts), self.factors, strict=True)
        away = torch.empty_like(noise)
        away[order] = torch.cat([rows @ factor.T for rows, factor in pieces])
        x = self.means[part] + length[:, None] * away
        return x.reshape(*shape, -1)

    def log_prob(self, x: Tensor) -> Tensor:
        """In nats."""
        rows = torch.split(x.reshape(-1, x.shape[-1]), ROWS)
        return torch.cat([torch.logsumexp(self._each(self.distances(few)), -1) for few in rows]).reshape(x.shape[:-1])

    def log_prob_and_score(self, x: Tensor) -> tuple[Tensor, Tensor]:
        r"""Both at x; $\nabla\log p = -\sum_k r_k\frac{\nu_k + d}{\nu_k + q_k}\Sigma_k^{-1}(x - m_k)$, shares $r_k$."""
        found = [self._both(rows) for rows in torch.split(x.reshape(-1, x.shape[-1]), ROWS)]
        values, scores = (torch.cat(part) for part in zip(*found, strict=True))
        return values.reshape(x.shape[:-1]), scores.reshape(x.shape)

    def _both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        along = self._along(x)
        squared = along.square().sum(-1)
        each = self._each(squared)
        pull = each.softmax(-1) * (self.freedom + self.means.shape[1]) / (self.freedom + squared)
        return torch.logsumexp(each, -1), -(pull[..., None] * along).flatten(-2) @ self._inverse[0].flatten(0, 1)

    def distances(self, x: Tensor) -> Tensor:
        r"""$|A_k^{-1}(x - m_k)|^2$, (*batch, K)."""
        return self._along(x).square().sum(-1)

    def _along(self, x: Tensor) -> Tensor:
        """In units of every component, (*batch, K, d), by one product."""
        inverse, shift = self._inverse
        along: Tensor = (x @ inverse.flatten(0, 1).T).reshape(*x.shape[:-1], *shift.shape)
        return along - shift

    def _each(self, squared: Tensor) -> Tensor:
        """The log density of every component with its weight, (*batch, K)."""
        freedom = self.freedom
        return self._heights - 0.5 * (freedom + self.means.shape[1]) * torch.log1p(squared / freedom)

    def nearest(self, x: Tensor) -> Tensor:
        """The component that most probably made x, were all normal, (*batch,)."""
        return (self.weights.log() - self._log_volume - 0.5 * self.distances(x)).argmax(-1)

    @cached_property
    def _inverse(self) -> tuple[Tensor, Tensor]:
        inverse = torch.linalg.inv(self.factors)
        return inverse, torch.einsum("kij,kj->ki", inverse, self.means)

    @cached_property
    def _log_volume(self) -> Tensor:
        volume: Tensor = torch.linalg.slogdet(self.factors)[1]
        return volume

    @cached_property
    def _heights(self) -> Tensor:
        half, dimension = 0.5 * self.freedom, self.means.shape[1]
        constant = torch.lgamma(half + 0.5 * dimension) - torch.lgamma(half)
        constant = constant - 0.5 * dimension * torch.log(math.pi * self.freedom)
        return (self.weights / self.weights.sum()).log() + constant - self._log_volume
