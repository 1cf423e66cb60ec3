r"""The flat geometry of proportions: log ratios are real numbers, on which every Gaussian process runs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.spaces.euclidean import Euclidean
from unnoise.spaces.simplex import Simplex, helmert


@dataclass(frozen=True)
class Aitchison(Euclidean):
    r"""The open simplex of N parts in isometric log-ratio coordinates $z = V \log x$, $R^{N-1}$ (Aitchison 1982).

    The rows of V are orthonormal and sum to zero (Egozcue et al. 2003). Points are z; `from_proportions` and
    `to_proportions` go there and back. Densities are with respect to Lebesgue measure on z; `log_volume` turns them
    into densities with respect to Lebesgue measure on all parts but one. Parts of zero lie at infinity: use `Simplex`
    with Wright-Fisher noise for them.

    Args:
        parts: N, at least 2.

    Raises:
        InputError: fewer than 2 parts.

    >>> space = Aitchison(3)
    >>> z = space.from_proportions(torch.tensor([[0.2, 0.3, 0.5]]))
    >>> z.shape, space.to_proportions(z)
    (torch.Size([1, 2]), tensor([[0.2000, 0.3000, 0.5000]]))
    """

    event_shape: tuple[int, ...] = field(init=False)
    parts: int

    def __init__(self, parts: int) -> None:
        Simplex(parts)
        super().__init__(parts - 1)
        object.__setattr__(self, "parts", parts)

    def from_proportions(self, x: Tensor) -> Tensor:
        """Log-ratio coordinates (*batch, N - 1) of proportions (*batch, N).

        Raises:
            InputError: the parts are no proportions, or one of them is zero.
        """
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
        r"""$\log|dz/dx| = -\frac12\log N - \sum_i\log x_i$, (*batch,): add it to a density of z to get one of x."""
        return -0.5 * math.log(self.parts) - self.to_proportions(z).log().sum(-1)
