"""Score matching without time: fit an unnormalised density on any space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import function, instance
from unnoise._errors import InputError
from unnoise.objectives.base import Loss
from unnoise.spaces import Diffusion, Local, Manifold, Space


@dataclass(frozen=True)
class ScoreMatching:
    r"""$\frac{L\varphi}\varphi + L\log\varphi$ at data, for a generator L that is its own adjoint.

    Its mean is $E_q[\Phi(q/\varphi)]$ up to a constant: least where $\varphi$ is proportional to the law q of the data
    (Benton et al. 2024, arXiv 2211.03595, section 3.3). It is $\Phi(\varphi) + 2 L\log\varphi$:

    | space | L | objective |
    |---|---|---|
    | $R^d$ | $\frac12\Delta$ | $\frac12\lVert\nabla\log\varphi\rVert^2 + \Delta\log\varphi$ (Hyvärinen 2005) |
    | a Riemannian manifold | $\frac12\Delta$ | the same with its own gradient and Laplacian |
    | a finite space | symmetric rates $A(x, y)$ | $\sum_y A(x, y)(r - 1 + \log r)$, $r = \varphi(y)/\varphi(x)$ |

    Densities are with respect to the reference measure, for which L is symmetric.

    Args:
        space: any space.
        local: the local characteristics of L; by default $\frac12\Delta$, on a manifold.

    >>> from unnoise.spaces import Euclidean
    >>> x = torch.tensor([[1.0, 2.0], [0.0, 1.0]])
    >>> ScoreMatching(Euclidean(2))(lambda x: -0.5 * 3 * x.square().sum(-1), x).value.detach()
    tensor([16.5000, -1.5000])
    """

    space: Space[Any, Any]
    local: Callable[[Any], Local]

    def __init__(self, space: Space[Any, Any], local: Callable[[Any], Local] | None = None) -> None:
        instance(Space, space=space)
        function(or_none=True, local=local)
        if local is None and not isinstance(space, Manifold):
            what = f"{type(space).__name__} is no manifold, so `local` must say how points move"
            raise InputError(f"{what}: give symmetric rates, such as local=lambda x: Jump(rates)")
        vars(self).update(space=space, local=half_laplacian if local is None else local)

    def __call__(self, log_density: Callable[[Any], Tensor], x: Any) -> Loss:
        """The loss at x of a log density, which maps points to (*batch,); differentiable in its parameters."""
        self.space.check(x)
        local, axes = self.local(x), _tree.first(x).ndim - 1  # of an event

        def per_point(y: Any) -> Tensor:
            value, leaf = log_density(y), _tree.first(y)
            got, points = tuple(value.shape), tuple(leaf.shape[: leaf.ndim - axes])
            if got != points:
                raise InputError(f"log_density gave shape {got} for {points} points; return one number per point")
            return value

        return Loss(self.space.phi(local, per_point, x) + 2 * self.space.apply(local, per_point, x))


def half_laplacian(x: Any) -> Local:
    r"""Brownian motion, $\frac12\Delta$, on any manifold, products included."""
    still: Local = _tree.map(lambda leaf: Diffusion(torch.zeros_like(leaf), leaf.new_ones(())), x)
    return still
