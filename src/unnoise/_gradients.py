"""Derivatives in every mode of torch; in inference mode they would be zero, in silence."""

from __future__ import annotations

from collections.abc import Iterator
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
