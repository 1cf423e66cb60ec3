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


@dataclass(frozen=True)
class Stretch(Blind):
    r"""$y_i = m_i + (x_i - m_i)\,e^{hz}$, z standard normal, for one of some axes, drawn anew for every chain.

    Where $p \propto |x_i|^{-1-\nu}$, steps of any one length hardly meet the ends, and hardly come back; of
    $\log|x_i - m_i|$ the tail is exponential, so that steps of one length do (the multiplicative random walk of Dutta
    2012, Statistica Sinica). y is taken with probability
    $1 \wedge \frac{p(y)}{p(x)}\left|\frac{y_i - m_i}{x_i - m_i}\right|$. It never changes a side, so other moves are
    needed beside it.

    Args:
        target: a log density on $R^d$.
        centre: m, (d,).
        axes: whose numbers i are stretched, (k,).
        step_size: h, of the logarithm.

    >>> from unnoise.chains import Density, run
    >>> target = Density(lambda x: -torch.log1p(x.square()).sum(-1))  # Cauchy laws
    >>> start = torch.randn(2000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    >>> x = run(Stretch(target, torch.zeros(2), torch.tensor([0, 1])), start, 100, torch.Generator().manual_seed(0)).x
    >>> round(float((x.abs() > 6.314).double().mean()), 1)  # .1 is right
    0.1
    """

    target: LogDensity[Tensor]
    centre: Tensor
    axes: Tensor
    step_size: float = 2.0

    def __post_init__(self) -> None:
        instance(LogDensity, target=self.target)
        instance(Tensor, centre=self.centre, axes=self.axes)
        real(above=0, step_size=self.step_size)
        if self.axes.ndim != 1 or not len(self.axes) or self.axes.is_floating_point():
            raise InputError(f"got axes {self.axes.tolist()}; expected the numbers of some, (k,)")

    def propose(self, x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """One axis longer or shorter, and the logarithm by how much."""
        n, axes = len(x), self.axes.to(x.device)
        axis = axes[torch.randint(len(axes), (n, 1), generator=rng, device=rng.device).to(x.device)]
        longer = self.step_size * standard_normal((n, 1), x, rng)
        centre = self.centre.to(x)
        there = centre[axis] + (x.gather(1, axis) - centre[axis]) * longer.exp()
        return x.scatter(1, axis, there), longer[:, 0]
