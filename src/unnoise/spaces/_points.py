"""What every compact manifold asks of a batch of points."""

from __future__ import annotations

import torch
from torch import Tensor

from unnoise._errors import InputError


def check_points(name: str, x: Tensor, event_shape: tuple[int, ...]) -> None:
    """Shape, floating point numbers, no NaN.

    Raises:
        InputError: one of these fails.
    """
    ndim = len(event_shape)
    if x.ndim <= ndim or tuple(x.shape[x.ndim - ndim :]) != event_shape:
        raise InputError(f"got points of shape {tuple(x.shape)}; {name} expects (*batch, {str(event_shape)[1:]}")
    if not x.is_floating_point():
        raise InputError(f"got {x.dtype}; {name} expects floating point numbers: convert with x.float()")
    if not torch.isfinite(x).all():
        rows = (~torch.isfinite(x)).flatten(x.ndim - ndim).any(-1).nonzero()[:3].tolist()
        raise InputError(f"got NaN or infinite values, first at batch index {rows}; remove or impute them")
