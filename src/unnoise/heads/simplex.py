"""What a network sees of proportions, and how its output becomes a relative score."""

from __future__ import annotations

import math
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
        spent = expand(self.process.spent(t), x_t).sqrt().to(x_t)
        return _centred(output.to(x_t.dtype) / (spent * torch.sqrt(x_t + self._reached(x_t, t))), x_t)

    def _reached(self, x_t: Tensor, t: Tensor) -> Tensor:
        r"""$\kappa e^{-\theta B}$, to which noise lifts a part that was zero, (n, 1) or ()."""
        spent = expand(self.process.spent(t), x_t)
        return (spent / (1 + sum(self.process.alpha) * spent)).to(x_t)


class LogRatio(SimplexHead):
    r"""The network sees $\sqrt{N x}$ and $\log N(x + \kappa e^{-\theta B})$, and answers in the slope of log parts.

    Its output F stands for $r_i = \sqrt N F_i / (x_i + \kappa e^{-\theta B})$.

    For laws with a density that is smooth up to the faces, in log parts: of a Dirichlet law with little noise the right
    output is constant, $(a_i - \alpha_i)/\sqrt N$ (Aitchison 1982 takes log ratios), and an error costs the less the
    less noise there is. The process's own head is for data of any kind, as on lines and faces, where scores grow as
    noise shrinks.

    >>> from unnoise.processes import WrightFisher
    >>> head = LogRatio(WrightFisher(Simplex(3)))
    >>> head.input_shape, head.output_shape
    ((6,), (3,))
    """

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(2 N,)."""
        return (2 * self.process.space.parts,)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """(N,)."""
        return (self.process.space.parts,)

    def inputs(self, x_t: Tensor, t: Tensor) -> Tensor:
        """Square roots, then logarithms."""
        parts = self.process.space.parts
        return torch.cat([super().inputs(x_t, t), torch.log(parts * (x_t + self._reached(x_t, t)))], -1)

    def estimate(self, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        r"""The relative score, centred so that $\sum_i x_i r_i = 0$."""
        size = math.sqrt(self.process.space.parts)
        return _centred(size * output.to(x_t.dtype) / (x_t + self._reached(x_t, t)), x_t)


def _centred(r: Tensor, x: Tensor) -> Tensor:
    return r - (x * r).sum(-1, keepdim=True)
