"""Masks of the cells of states, as trees of bool tensors: what is in both, in either, in neither."""

from __future__ import annotations

from typing import Any

import torch

from unnoise import _tree


def both(one: Any, other: Any) -> Any:
    """Cells in both masks."""
    return _tree.map(torch.logical_and, one, other)


def either(one: Any, other: Any) -> Any:
    """Cells in one of the masks."""
    return _tree.map(torch.logical_or, one, other)


def negated(masks: Any) -> Any:
    """All other cells."""
    return _tree.map(torch.logical_not, masks)


def nowhere(masks: Any) -> Any:
    """No cells."""
    return _tree.map(torch.zeros_like, masks)


def apart(masks: Any, leaf: str | None) -> tuple[Any, Any]:
    """The masks of one leaf alone, nothing without one, and of all else.

    >>> masks = {"flag": torch.tensor([True]), "value": torch.tensor([True])}
    >>> apart(masks, "flag")
    ({'flag': tensor([True]), 'value': tensor([False])}, {'flag': tensor([False]), 'value': tensor([True])})
    """
    if leaf is None:
        return nowhere(masks), masks
    alone = {name: mask if name == leaf else torch.zeros_like(mask) for name, mask in masks.items()}
    return alone, {name: torch.zeros_like(mask) if name == leaf else mask for name, mask in masks.items()}
