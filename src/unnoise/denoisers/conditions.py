"""What rows are conditioned on."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError


def for_rows(cond: Any, n: int) -> Any:
    """None, or n rows of a tensor or dict of tensors, from n rows or one that holds for all; else InputError.

    >>> import torch
    >>> for_rows(torch.tensor([[7.0, 8.0]]), 3).shape
    torch.Size([3, 2])
    """

    def leaf(values: Any) -> Tensor:
        if not isinstance(values, Tensor) or values.ndim == 0:
            got = "a tensor without rows" if isinstance(values, Tensor) else f"a {type(values).__name__}"
            raise InputError(f"got {got} as the condition; expected a tensor of {n} rows, or of one row for all")
        _check_numbers(values)
        if len(values) == n:
            return values
        if len(values) != 1:
            raise InputError(f"got a condition of {len(values)} rows for {n} rows; expected {n} rows, or one for all")
        return values.expand(n, *values.shape[1:])

    return None if cond is None else _tree.map(leaf, cond)


def check_each(cond: Any, n: int) -> None:
    """Raise InputError unless this is None, or a tensor or a dict of tensors that have a row for each of n examples."""
    for _, leaf in () if cond is None else _tree.leaves(cond):
        if not (isinstance(leaf, Tensor) and leaf.ndim and len(leaf) == n):
            got = f"shape {tuple(leaf.shape)}" if isinstance(leaf, Tensor) else f"type {type(leaf).__name__}"
            raise InputError(f"got conditions of {got} for {n} examples; expected a tensor with one row for each")
        _check_numbers(leaf)


def _check_numbers(values: Tensor) -> None:
    if values.is_meta:
        raise InputError("got a condition on the device 'meta', which has no numbers; expected one with numbers")


def at(cond: Any, rows: slice | Tensor) -> Any:
    """Some rows of a condition or a state; None of None."""
    return None if cond is None else _tree.map(lambda leaf: leaf[rows], cond)


def repeated(tree: Any, times: int) -> Any:
    """Every row several times in a row; None stays None."""
    return None if tree is None else _tree.map(lambda leaf: leaf.repeat_interleave(times, 0), tree)
