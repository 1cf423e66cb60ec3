"""What a network sees of proportions, and how its output becomes a relative score."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from unnoise._tree import expand
from unnoise.heads.base import ProcessHead
from unnoise.spaces import Simplex


@runtime_checkable
class _WrightFisher(Protocol):
    @property
    def space(self) -> Simplex: ...
    @property
    def alpha(self) -> tuple[float, ...]: ...
    def spent(self, t: Tensor) -> Tensor: ...


class SimplexHead(ProcessHead):
    r"""The network sees $\sqrt{N x}$, points of a sphere, on which this noise is equal everywhere.

    Its output F stands for $r_i = F_i\,/\sqrt{\kappa\,(x_i + \kappa e^{-\theta B})}$, with
    $\kappa = (e^{\theta B} - 1)/\theta$.

    >>> from unnoise.processes import WrightFisher
    >>> head = SimplexHead(WrightFisher(Simplex(3)))
    >>> head.inputs(torch.tensor([[0.75, 0.25, 0.0]]), torch.tensor(0.5))
    tensor([[1.5000, 0.8660, 0.0000]])
    """

    needs, on = _WrightFisher, Simplex
    trait = "of Wright-Fisher noise on the simplex"
    process: _WrightFisher

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(N,)."""
        return (self.process.space.parts,)

    def inputs(self, x_t: Tensor, t: Tensor) -> Tensor:
        r"""$\sqrt{N x}$."""
        return torch.sqrt(self.process.space.parts * x_t)

    def estimate(self, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        r"""The relative score, centred so that $\sum_i x_i r_i = 0$."""
        spent = expand(self.process.spent(t), x_t)
        reached = spent / (1 + sum(self.process.alpha) * spent)
        r = output.to(x_t.dtype) / (spent.sqrt().to(x_t) * torch.sqrt(x_t + reached.to(x_t)))
        return r - (x_t * r).sum(-1, keepdim=True)
