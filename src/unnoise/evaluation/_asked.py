"""Prices of the cells that are asked alone: what is given costs nothing, and what is unknown is marginalised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._tree import expand
from unnoise.laws.base import event_sum
from unnoise.processes import Chain, Process, leaves


def total(process: Process[Any], asked: Any, price: Callable[..., Tensor], t: Tensor, *trees: Any) -> Tensor:
    """The price of rows, (n,), at the times t, () or (n,): `price(process, t, *trees)`.

    With masks `asked` it is the sum over the cells that are asked, whose prices come from the processes of one cell.
    """
    if asked is None:
        return price(process, t, *trees)
    parts = [_leaf(p.cell, mask, price, t, own) for _, p, (mask, *own) in leaves(process, asked, *trees)]
    return torch.stack(parts).sum(0)


def total_of_chain(chain: Chain[Any], asked: Any, price: Callable[..., Tensor], t: Tensor, *trees: Any) -> Tensor:
    """The same for a chain at its steps t: `price(chain, t, *trees)`."""
    if asked is None:
        return price(chain, t, *trees)
    parts: Any = leaves(chain.process, asked, *trees)
    prices = [_leaf(replace(chain, process=p.cell), mask, price, t, own) for _, p, (mask, *own) in parts]
    return torch.stack(prices).sum(0)


def log_prior(process: Process[Any], x_1: Any, asked: Any = None) -> Tensor:
    """The log density of the prior, whose law lives on the CPU, (n,)."""
    x_1 = _tree.map(lambda leaf: leaf.cpu(), x_1)
    asked = None if asked is None else _tree.map(lambda leaf: leaf.cpu(), asked)
    rows = _tree.length(x_1) if asked is None else 1
    return total(process, asked, lambda p, t, x: p.prior(rows).log_prob(x), torch.zeros(()), x_1)


def priced(asked: Tensor | None, numbers: Tensor) -> Tensor:
    """The sum over all numbers of a row, (n, *cells), or those that are asked."""
    return (numbers if asked is None else torch.where(asked, numbers, 0.0)).flatten(1).sum(1)


def _leaf(part: Any, mask: Tensor, price: Callable[..., Tensor], t: Tensor, trees: list[Any]) -> Tensor:
    each = price(part, expand(t, mask), *trees)
    return event_sum(torch.where(mask, each, 0.0), mask.ndim - 1)
