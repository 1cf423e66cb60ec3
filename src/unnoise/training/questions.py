"""Random questions: which cells of a training row are given, asked or unknown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import instance, real
from unnoise.denoisers import Roles
from unnoise.processes import Process, map_leaves
from unnoise.training.dataset import Dataset, Digested

BOXES_FROM = 16  # cells of one factor, from which neighbours are hidden together


@runtime_checkable
class Holed(Protocol):
    """Data of which some cells are not known."""

    def known_at(self, indices: Tensor) -> Any:
        """Where the rows at these indices say something, a tree of bool tensors (n, *cells); None for everywhere."""
        ...


@dataclass(frozen=True)
class RandomRoles:
    r"""A law of roles, of every row by itself.

    A share `joint` of the rows asks everything. In the others each cell is given with a probability of its row,
    uniform in [0, 1]; in half of those each further cell is unknown with another such probability. Where a factor has
    many cells, half of the rows give or hide a box of neighbours, as a half or the middle of an image, or all but it.
    (Random conditions of random size: Gloeckler et al. 2024, arXiv 2404.09636.)

    Args:
        joint: the share of rows that ask all cells.
    """

    joint: float = 0.5

    def __post_init__(self) -> None:
        real(least=0, most=1, joint=self.joint)

    def draw(self, process: Process[Any], n: int, rng: torch.Generator, known: Any = None) -> Roles:
        """Roles of n rows; a cell that is not known is unknown, and another one is asked in every row that has one."""
        cells = map_leaves(lambda part: part.cells, process)
        uniform = torch.rand(5, n, generator=rng, device=rng.device)
        some = uniform[0] >= self.joint
        given_share, hidden_share = uniform[1], torch.where(uniform[2] < 0.5, uniform[3], 0.0)
        boxed = uniform[4] < 0.5
        given = _tree.map(lambda shape: _chosen(shape, given_share, boxed, rng) & _to(some, shape), cells)
        hidden = _tree.map(lambda shape: _chosen(shape, hidden_share, boxed, rng) & _to(some, shape), cells)
        if known is None:
            known = _tree.map(torch.ones_like, given)
        known = _tree.map(lambda leaf: leaf.to(rng.device), known)
        asked = with_one(_tree.map(lambda k, g, h: k & ~g & ~h, known, given, hidden), known, rng)
        return Roles(asked, _tree.map(lambda k, g, a: k & g & ~a, known, given, asked))


@dataclass(frozen=True, eq=False)
class Questions:
    """Examples of a dataset, each with a random question about it as its condition, as `denoisers.Answering` takes.

    Args:
        data: the examples, and the conditions besides.
        process: of the denoiser.
        roles: their law.
    """

    data: Dataset
    process: Process[Any]
    roles: RandomRoles = RandomRoles()

    def __post_init__(self) -> None:
        instance(Dataset, data=self.data)
        instance(Process, process=self.process)
        instance(RandomRoles, roles=self.roles)

    def __len__(self) -> int:
        return len(self.data)

    def digest(self) -> str | None:
        """That of the data."""
        return self.data.digest() if isinstance(self.data, Digested) else None

    def batch(self, indices: Tensor, rng: torch.Generator) -> tuple[Any, Any]:
        """The examples at these indices, and their questions."""
        x, cond = self.data.batch(indices, rng)
        known = self.data.known_at(indices) if isinstance(self.data, Holed) else None
        drawn = self.roles.draw(self.process, _tree.length(x), rng, known)
        question = {"asked": drawn.asked, "given": drawn.given, "values": x}
        return x, question if cond is None else question | {"cond": cond}


def _to(rows: Tensor, shape: tuple[int, ...]) -> Tensor:
    return rows.reshape(-1, *[1] * len(shape))


def _chosen(shape: tuple[int, ...], share: Tensor, boxed: Tensor, rng: torch.Generator) -> Tensor:
    """Each cell with the probability of its row, or a box of about this share of them."""
    scattered = torch.rand(len(share), *shape, generator=rng, device=rng.device) < _to(share, shape)
    if math.prod(shape) < BOXES_FROM:
        return scattered
    return torch.where(_to(boxed, shape), _boxes(shape, share, rng), scattered)


def _boxes(shape: tuple[int, ...], share: Tensor, rng: torch.Generator) -> Tensor:
    """A box of the share of the cells, often across all of them or at an edge; or all but a box."""
    n, axes = len(share), [axis for axis, size in enumerate(shape) if size > 1]
    numbers = torch.rand(n, 2 * len(axes) + 2, generator=rng, device=rng.device)
    outside = numbers[:, -1] < 0.5
    volume = torch.where(outside, 1 - share, share)
    weights = numbers[:, : len(axes)].log()
    strip = torch.nn.functional.one_hot(weights.argmin(1), len(axes)).to(weights)
    shared = weights / weights.sum(1, keepdim=True)  # how the volume is split between the axes
    weights = torch.where(numbers[:, -2:-1] < 0.5, strip, shared)
    inside = torch.ones(n, *shape, dtype=torch.bool, device=share.device)
    for place, axis in enumerate(axes):
        size = shape[axis]
        length = (volume ** weights[:, place] * size).round()
        where = (2 * numbers[:, len(axes) + place] - 0.5).clamp(0, 1)  # a quarter of them at each edge
        first = (where * (size - length)).round()
        index = torch.arange(size, device=share.device)
        held = (index >= first[:, None]) & (index < (first + length)[:, None])
        inside &= held.reshape(n, *[size if a == axis else 1 for a in range(len(shape))])
    return (inside ^ _to(outside, shape)) & _to(share > 0, shape)


def with_one(asked: Any, known: Any, rng: torch.Generator) -> Any:
    """The cells that are asked, and one known cell of a row that would ask none."""
    flat, possible = _tree.ravel(asked), _tree.ravel(known)
    lots = torch.rand(flat.shape, generator=rng, device=rng.device) * possible
    one = torch.zeros_like(flat).scatter(1, lots.argmax(1, keepdim=True), True) & possible
    return _tree.unravel(torch.where(flat.any(1, keepdim=True), flat, one), asked)
