r"""Steps that multiply: how a chain goes as far as tails of any power reach."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import instance, real
from unnoise._errors import InputError
from unnoise.chains.metropolis import Blind
from unnoise.laws import LogDensity
from unnoise.laws.base import standard_normal

DUAL = 1e-3  # by which products of directions and coordinates may be off


@dataclass(frozen=True)
class Stretch(Blind):
    r"""$y = x + (e^{hz} - 1)\,P(x - m)$, z standard normal, P onto one of some directions or onto all, for every chain.

    Where p falls as a power along a direction $u_i$, steps of any one length hardly meet the ends, and hardly come
    back; of $\log|w_i \cdot (x - m)|$ the tail is exponential, so that steps of one length do (the multiplicative
    random walk of Dutta 2012, Statistica Sinica). $P = u_i w_i^T$ stretches one coordinate and leaves the others, as
    suits coordinates with tails of their own; $P = \sum_i u_i w_i^T$, of rank k, suits one tail that they share, as of
    a multivariate Student law. y is taken with probability $1 \wedge \frac{p(y)}{p(x)}e^{hz\operatorname{rank}P}$.
    It never changes a side, so other moves are needed beside it.

    Args:
        target: a log density on $R^d$.
        centre: m, (d,).
        directions: $u_i$, (k, d).
        coordinates: $w_i$, (k, d), with $w_i \cdot u_j = 1$ where i = j and else 0; the directions by default, which
            then are orthonormal.
        step_size: h, of the logarithm.

    >>> from unnoise.chains import Density, run
    >>> target = Density(lambda x: -torch.log1p(x.square()).sum(-1))  # Cauchy laws
    >>> start = torch.randn(2000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    >>> x = run(Stretch(target, torch.zeros(2), torch.eye(2)), start, 200, torch.Generator().manual_seed(0)).x
    >>> round(float((x.abs() > 6.314).double().mean()), 1)  # .1 is right
    0.1
    """

    target: LogDensity[Tensor]
    centre: Tensor
    directions: Tensor
    coordinates: Tensor | None = None
    step_size: float = 2.0

    def __post_init__(self) -> None:
        instance(LogDensity, target=self.target)
        instance(Tensor, centre=self.centre, directions=self.directions)
        instance(Tensor, or_none=True, coordinates=self.coordinates)
        real(above=0, step_size=self.step_size)
        shapes = [tuple(one.shape) for one in (self.directions, self._coordinates)]
        count = len(self.directions) if self.directions.ndim else 0
        if not count or shapes != 2 * [(count, len(self.centre))]:
            raise InputError(
                f"got directions and coordinates of shapes {shapes[0]} and {shapes[1]}; expected (k, "
                f"{len(self.centre)}), k at least 1"
            )
        products = self._coordinates.double() @ self.directions.double().T
        if not torch.allclose(products, torch.eye(count).to(products), atol=DUAL):
            raise InputError(
                "got directions and coordinates whose products are not one where they belong together and zero "
                "elsewhere; give coordinates=torch.linalg.pinv(directions.T)"
            )

    @property
    def _coordinates(self) -> Tensor:
        return self.directions if self.coordinates is None else self.coordinates

    def propose(self, x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """One coordinate longer or shorter, or all, and the logarithm of the volume."""
        n, count = len(x), len(self.directions)
        directions, coordinates = self.directions.to(x), self._coordinates.to(x)
        which = torch.randint(count + (count > 1), (n,), generator=rng, device=rng.device).to(x.device)
        longer = self.step_size * standard_normal((n, 1), x, rng)
        away, part, every = x - self.centre.to(x), torch.empty_like(x), which == count
        one = which[~every]
        part[~every] = (away[~every] * coordinates[one]).sum(1, keepdim=True) * directions[one]
        part[every] = away[every] @ coordinates.T @ directions
        return x + part * torch.expm1(longer), longer[:, 0] * torch.where(every, count, 1)
