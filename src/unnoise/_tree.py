"""Map over states, tensors or (nested) dicts of tensors, which only this file knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

if TYPE_CHECKING:
    State = Tensor | dict[str, "State"]
else:
    State = Tensor | dict

S = TypeVar("S", bound=State)


def map(f: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """Apply `f` to the leaves at one place in every tree.

    >>> map(lambda a, b: a + b, {"x": 1, "y": {"z": 2}}, {"x": 10, "y": {"z": 20}})
    {'x': 11, 'y': {'z': 22}}
    """
    if isinstance(tree, dict):
        return {name: map(f, tree[name], *(other[name] for other in rest)) for name in tree}
    return f(tree, *rest)


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf with its dotted path; the path of a bare leaf is empty.

    >>> list(leaves({"x": 1, "y": {"z": 2}}))
    [('x', 1), ('y.z', 2)]
    """
    if isinstance(tree, dict):
        for name, child in tree.items():
            yield from leaves(child, f"{path}.{name}" if path else name)
    else:
        yield path, tree


def first(tree: Any) -> Tensor:
    """Any leaf: all share batch axes, dtype family and device."""
    leaf: Tensor = next(leaves(tree))[1]
    return leaf


def length(tree: Any) -> int:
    """The length of the first axis."""
    return int(first(tree).shape[0])


def numel_per_row(tree: Any) -> int:
    """How many numbers one row of the state holds."""
    return sum(leaf.shape[1:].numel() for _, leaf in leaves(tree))


def concatenate(trees: list[Any]) -> Any:
    """Join states along their first axis."""
    return map(lambda *parts: torch.cat(parts), *trees)


def owned(site: Tensor, sizes: Sequence[int]) -> Iterator[tuple[Tensor, Tensor]]:
    """For parts of so many sites, one after the other: the rows whose site a part has, and where in it.

    >>> [(rows.tolist(), place.tolist()) for rows, place in owned(torch.tensor([4, 0, 2]), (2, 3))]
    [([1], [0]), ([0, 2], [2, 0])]
    """
    start = 0
    for size in sizes:
        rows = ((site >= start) & (site < start + size)).nonzero()[:, 0]
        yield rows, site[rows] - start
        start += size


def at_site(stat: Any, site: Tensor) -> Any:
    """The numbers of one site of every row, (rows, S) in the leaf that has the site; of leaves (n, *sites, S).

    Args:
        stat: a tree.
        site: (n,), counted through all leaves, as `ravel` puts them side by side.

    >>> at_site({"x": torch.eye(2).expand(3, 2, 2), "y": torch.ones(3, 1, 5)}, torch.tensor([0, 2, 1]))
    {'x': tensor([[1., 0.],
            [0., 1.]]), 'y': tensor([[1., 1., 1., 1., 1.]])}
    """
    found = owned(site, [leaf.shape[1:-1].numel() for _, leaf in leaves(stat)])
    return map(lambda leaf: leaf.flatten(1, -2)[next(found)], stat)


def expand(t: Tensor, x: Tensor) -> Tensor:
    """Add trailing axes to `t`, () or (*batch,), to broadcast against x, (*batch, *event).

    >>> expand(torch.zeros(5), torch.zeros(5, 3, 2)).shape
    torch.Size([5, 1, 1])
    """
    return t if t.ndim == 0 else t.reshape(t.shape + (1,) * (x.ndim - t.ndim))


def ravel(tree: Any) -> Tensor:
    """All leaves of a batch side by side, (n, numbers)."""
    return torch.cat([leaf.flatten(1) if leaf.ndim > 1 else leaf[:, None] for _, leaf in leaves(tree)], 1)


def unravel(flat: Tensor, like: Any) -> Any:
    """Undo `ravel`, in the shapes of `like`, with any number of rows."""
    parts = iter(torch.split(flat, [leaf[0].numel() for _, leaf in leaves(like)], 1))
    return map(lambda leaf: next(parts).reshape(-1, *leaf.shape[1:]), like)
