"""How a scalar noise level and a condition enter a network."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from unnoise._checks import real, refuse, shape, whole
from unnoise._errors import InputError

Shape = tuple[int, ...]
MOST_WIDTH, MOST_DEPTH, MOST_WEIGHTS = 2**16, 1_000, 2**32  # larger ones would fill the memory before a first step
L = TypeVar("L", nn.Linear, nn.Conv2d)


def shapes(input_shape: Shape, output_shape: Shape | None, axes: int = 0) -> tuple[Shape, Shape]:
    """Those of one input and one output, by default the same, of so many axes or more; else InputError."""
    first = shape("input_shape", input_shape, axes=axes)
    return first, first if output_shape is None else shape("output_shape", output_shape, axes=axes)


def check_size(depth: int, width: int, weights: Callable[[], int], **other: Any) -> None:
    """Raise InputError for a network that is no honest one, before it is built."""
    whole(least=1, most=MOST_DEPTH, depth=depth)
    whole(least=1, most=MOST_WIDTH, width=width, **other)
    if weights() > MOST_WEIGHTS:
        refuse("width", width, f"one with which the network has at most {MOST_WEIGHTS:,} weights, not {weights():,}")


def check_inputs(
    x: Any, level: Any, cond: Any, shape: Sequence[int | None], weight: Tensor, *, reshapes: bool = False
) -> None:
    """Raise InputError unless a backbone can read this.

    Args:
        x: as for `check_batch`.
        level: (), (1,) or (n,).
        cond: (n, c), one row of it, or None.
        shape: as for `check_batch`.
        weight: one of the backbone's, for the precision.
        reshapes: as for `check_batch`.
    """
    check_batch(x, shape, weight, reshapes=reshapes)
    rows = x.shape[0]
    for name, part in (("a level", level), *((("a condition", cond),) if cond is not None else ())):
        _check_kind(name, part, weight)
        if part.ndim and part.shape[0] not in (1, rows):
            raise InputError(f"got {name} of shape {tuple(part.shape)} for {rows} rows; expected as many, or one")


def check_batch(x: Any, shape: Sequence[int | None], weight: Tensor | None, *, reshapes: bool = False) -> None:
    """Raise InputError unless x is a batch, (n, *shape).

    Args:
        x: what a network is given.
        shape: of one row; None for any length of an axis.
        weight: whose precision it has; None for any.
        reshapes: whether a row may have any shape of as many numbers.
    """
    _check_kind("an input", x, weight)
    fits = x.ndim == 1 + len(shape) and all(size in (None, got) for size, got in zip(shape, x.shape[1:], strict=True))
    if not fits and not (reshapes and x.ndim and x.shape[1:].numel() == math.prod(size or 0 for size in shape)):
        expected = f"(n, {', '.join('any' if size is None else str(size) for size in shape)})"
        raise InputError(f"got an input of shape {tuple(x.shape)}; expected {expected}, a row for each example")


def _check_kind(name: str, part: Any, weight: Tensor | None) -> None:
    """Raise InputError unless this is a tensor in the precision of a weight, or torch casts both."""
    if not isinstance(part, Tensor):
        raise InputError(f"got {name} of type {type(part).__name__}; expected a tensor: use torch.as_tensor")
    if weight is not None and part.dtype != weight.dtype and not torch.is_autocast_enabled(weight.device.type):
        raise InputError(f"got {name} in {part.dtype} for weights in {weight.dtype}: use x.to({weight.dtype})")


def zeroed(layer: L) -> L:
    """The layer, whose output starts at zero."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class Embedding(nn.Module):
    """(level, cond) -> (n, width): waves of the level and a linear map of the condition, through an MLP.

    Args:
        width: of the embedding.
        cond_features: numbers per condition; 0 for none.
        frequencies: how many angular frequencies, log-spaced from 1 to `highest`.

    >>> Embedding(8, cond_features=2)(torch.zeros(3), torch.zeros(3, 2)).shape
    torch.Size([3, 8])
    """

    frequencies: Tensor

    def __init__(self, width: int, cond_features: int = 0, frequencies: int = 16, highest: float = 64.0) -> None:
        whole(least=1, most=MOST_WIDTH, width=width, frequencies=frequencies)
        whole(most=MOST_WIDTH, cond_features=cond_features)
        real(above=0, highest=highest)
        super().__init__()
        self.level = nn.Linear(2 * frequencies, width)
        # First on the CPU: where a network is only sketched, torch would import its compiler for it, a second.
        octaves = torch.linspace(0, math.log(highest), frequencies, device="cpu").exp().to(self.level.weight.device)
        self.register_buffer("frequencies", octaves, persistent=False)
        self.cond = nn.Linear(cond_features, width) if cond_features else None
        self.out = nn.Linear(width, width)

    def forward(self, level: Tensor, cond: Tensor | None = None) -> Tensor:
        """Levels () or (n,); a scalar level without condition gives one row, which broadcasts."""
        if cond is not None and cond.ndim != 2:
            raise InputError(f"got conditions of shape {tuple(cond.shape)}; expected a row of numbers for each, (n, c)")
        expected, got = 0 if self.cond is None else self.cond.in_features, 0 if cond is None else cond.shape[-1]
        if got != expected:
            built = f"a network that was built with cond_features={expected}"
            raise InputError(f"got conditions of {got} numbers for {built}; build it with as many, 0 for none")
        angles = level.reshape(-1, 1) * self.frequencies
        hidden = self.level(torch.cat([angles.sin(), angles.cos()], -1))
        if self.cond is not None:
            hidden = hidden + self.cond(cond)
        embedded: Tensor = self.out(nn.functional.silu(hidden))
        return embedded

    def at_each(self, levels: Tensor, cond: Tensor | None = None) -> Tensor:
        """At each level, (k,), for all conditions, (n, cond_features): (k, n, width); (k, 1, width) without them."""
        count, rows = len(levels), 1 if cond is None else len(cond)
        pairs: Tensor = self(
            levels.repeat_interleave(rows), None if cond is None else cond.repeat(count, *(1,) * (cond.ndim - 1))
        )
        return pairs.reshape(count, rows, -1)
