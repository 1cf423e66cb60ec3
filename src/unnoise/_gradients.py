"""Derivatives in every mode of torch; in inference mode they would be zero, in silence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


@contextmanager
def derivatives() -> Iterator[None]:
    """Graphs are built here, whatever mode it is called in.

    >>> with torch.inference_mode(), derivatives():
    ...     x = leaf(torch.ones(()))
    ...     torch.autograd.grad(x**3, x)
    (tensor(3.),)
    """
    with torch.inference_mode(False), torch.enable_grad():
        yield


def leaf(x: Tensor) -> Tensor:
    """The same numbers, as a leaf of a new graph; those that were made in inference mode are copied."""
    return (x.clone() if x.is_inference() else x.detach()).requires_grad_()


def partials(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Partial derivatives at x, (*batch, *event), of f, which maps points to (*batch,)."""
    with derivatives():
        x = x if x.requires_grad else leaf(x)
        total = f(x).sum()
        if not total.requires_grad:
            return torch.zeros_like(x)
        (slopes,) = torch.autograd.grad(total, x, create_graph=True, materialize_grads=True)
    return slopes


def slopes_along(
    field: Callable[[Tensor], Tensor], x: Tensor, directions: Tensor, dot: Callable[[Tensor, Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    r"""The field F at x, and $\langle v, \nabla_v F\rangle$ for directions v, (k, n, *event), as (k, n)."""
    graph = torch.is_grad_enabled()
    with derivatives():
        x = leaf(x)
        value, directions = field(x), directions.expand(-1, *x.shape)
        products = torch.zeros_like(directions)
        if value.requires_grad:  # not if it is constant, as the gradient of a linear function
            (products,) = torch.autograd.grad(
                value, x, directions, create_graph=graph, is_grads_batched=True, materialize_grads=True
            )
        terms = dot(products, directions)
    return (value, terms) if graph else (value.detach(), terms.detach())
