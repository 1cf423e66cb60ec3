"""Guidance by a denoiser's own conditions, without a classifier."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor

from unnoise import _tree
from unnoise._checks import instance, real
from unnoise.denoisers.base import Denoiser, check_denoiser
from unnoise.denoisers.conditions import for_rows
from unnoise.processes import Tilting, leaves, map_leaves, require


class ClassifierFree(Denoiser):
    r"""The denoiser of $q_t(x | c)^w\,q_t(x)^{1-w}$ at every noise level: classifier-free guidance.

    The scores are combined, $w\,\nabla\log q_t(x|c) + (1 - w)\,\nabla\log q_t(x)$, which for Gaussian noise is the same
    line through the two means of $x_0$ (Ho and Salimans 2022, arXiv 2207.12598); so are the logarithms of $p(x_0|x_t)$
    at every site of a finite space (Schiff et al. 2024, arXiv 2412.10193), and those of the rates at which counts jump
    back (Nisonoff et al. 2024, arXiv 2406.01572). So w = 1 is the law given c, w = 0 the one without, and w > 1 goes
    beyond: rows that are more typical of c, and less diverse. Samples of w other than 0 and 1 follow no law whose noisy
    marginals these would be; they come near to $p(x|c)^w p(x)^{1-w}$.

    Args:
        denoiser: which can be told that the condition is unknown.
        scale: w.
        unknown: what it is then given as the condition, one row; None for no condition.

    >>> import torch
    >>> from unnoise import networks, processes, spaces
    >>> from unnoise.denoisers import Neural
    >>> process = processes.variance_preserving(spaces.Euclidean(2))
    >>> plain = Neural(process, networks.MLP((2,), 2, width=16))
    >>> guided = ClassifierFree(plain, scale=2.0, unknown=torch.tensor([[0.0, 1.0]]))
    >>> guided(torch.zeros(4, 2), torch.tensor(0.5), torch.tensor([[3.0, 0.0]])).shape
    torch.Size([4, 2])
    """

    def __init__(self, denoiser: Denoiser, scale: float, unknown: Tensor | None = None) -> None:
        check_denoiser(denoiser=denoiser)
        real(scale=scale)
        instance(Tensor, or_none=True, unknown=unknown)
        super().__init__()
        for _, factor, _ in leaves(denoiser.process):
            require(factor, Tilting, "classifier-free guidance", "no guidance, or a process that inherits from Tilting")
        self.denoiser, self.process, self.scale = denoiser, denoiser.process, float(scale)
        self.register_buffer("unknown", unknown)

    def asked(self, cond: Any) -> Any:
        """As the denoiser says."""
        return self.denoiser.asked(cond)

    def forward(self, x_t: Any, t: Tensor, cond: Any = None) -> Any:
        """The combined statistic; of one law alone where the other does not count."""
        if self.scale == 1:
            return self.denoiser(x_t, t, cond)
        untold = self.denoiser(x_t, t, self._untold(cond, _tree.length(x_t)))
        if self.scale == 0:
            return untold
        told = self.denoiser(x_t, t, cond)
        return map_leaves(partial(_tilted, t=t, scale=self.scale), self.process, told, untold, x_t)

    def _untold(self, cond: Any, n: int) -> Any:
        """The same question with nothing said of the condition."""
        unknown = for_rows(self.unknown, n)
        if not (isinstance(cond, Mapping) and cond.get("asked") is not None):
            return unknown
        rest = {name: part for name, part in cond.items() if name != "cond"}
        return rest if unknown is None else rest | {"cond": for_rows(self.unknown, _tree.length(cond["asked"]))}


def _tilted(process: Tilting[Any], told: Any, untold: Any, x_t: Any, t: Tensor, scale: float) -> Any:
    return process.tilted(told, untold, x_t, t, scale)
