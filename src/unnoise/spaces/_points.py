"""What spaces of one sort ask of a batch of points."""

from __future__ import annotations

import torch
from torch import Tensor

from unnoise._errors import InputError


def check_points(name: str, x: Tensor, event_shape: tuple[int, ...]) -> None:
    _check_shape(name, x, event_shape)
    if not x.is_floating_point():
        raise InputError(f"got {x.dtype}; {name} expects floating point numbers: convert with x.float()")
    if not torch.isfinite(x).all():
        batch = x.shape[: x.ndim - len(event_shape)]
        rows = (~torch.isfinite(x)).reshape(*batch, -1).any(-1).nonzero()[:3].tolist()
        raise InputError(f"got NaN or infinite values, first at batch index {rows}; remove or impute them")


def check_whole(name: str, what: str, x: Tensor, event_shape: tuple[int, ...]) -> None:
    """`what` says which whole numbers are due."""
    _check_shape(name, x, event_shape)
    if x.dtype != torch.int64:
        raise InputError(f"got {x.dtype} where {what} are due; {name} expects whole numbers: convert with x.long()")


def _check_shape(name: str, x: Tensor, event_shape: tuple[int, ...]) -> None:
    if not isinstance(x, Tensor):
        raise InputError(f"got points of type {type(x).__name__}; expected a tensor, as of torch.as_tensor(points)")
    if x.is_meta:
        raise InputError("got points on the device 'meta', which have no numbers; expected points with numbers")
    if x.ndim <= len(event_shape) or tuple(x.shape[x.ndim - len(event_shape) :]) != event_shape:
        raise InputError(
            f"got points of shape {tuple(x.shape[1:])}; {name} expects {event_shape} (the first axis counts the points)"
        )
