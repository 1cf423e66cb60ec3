r"""Questions about weighted atoms, and their answers in closed form.

Given $x_B$ at t = 0 the atoms $a_i$ have the weights $\pi_i \propto w_i\, q_{0|0}(x_B | a_{i,B})$. All kernels of A and
B come from those of whole points that differ in A or B alone, as their cells are independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._tree import expand
from unnoise.denoisers import Answering, Denoiser, Exact, question
from unnoise.evaluation._asked import total
from unnoise.processes import HasKernel, leaves, map_leaves
from unnoise.testing.case import Case, at, repeated, rows

MOST_SPLITS = 3**5  # that are looked at one by one
GIVEN, ASKED = 1, 2  # else unknown


@dataclass(frozen=True)
class Posed:
    """A question about every row.

    Attributes:
        x_0: atoms, (n, *event); those cells count that are given, and where a likelihood is asked.
        asked: a tree like x_0 of bool tensors, (n, *cells).
        given: the same.
    """

    process: HasKernel[Any]
    x_0: Any
    asked: Any
    given: Any

    @property
    def cond(self) -> dict[str, Any]:
        """As a condition."""
        return question(self.process, self.asked, self.given, self.x_0)

    def where(self, keep: Tensor) -> Posed:
        """Some of the rows."""
        return Posed(self.process, *(rows(tree, keep) for tree in (self.x_0, self.asked, self.given)))

    def beside(self, others: Any) -> Posed:
        """The same questions, where other points stand in all cells that are not given."""
        return Posed(self.process, spliced(self.given, self.x_0, others), self.asked, self.given)

    def wrong(self) -> list[Posed]:
        """Two ways to err: as if nothing were given, and as if all other cells were."""
        return [replace(self, given=_tree.map(f, self.asked)) for f in (torch.zeros_like, torch.logical_not)]

    def about(self, asked: Any) -> Posed:
        """Other cells of the same points, with nothing given."""
        return Posed(self.process, self.x_0, asked, _tree.map(torch.zeros_like, asked))


@dataclass(frozen=True)
class QuestionCase(Case):
    """Weighted atoms whose exact denoiser is told roles.

    Attributes:
        answering: makes the denoiser that answers questions.
    """

    answering: Callable[[Exact], Denoiser] = Answering

    @cached_property
    def denoiser(self) -> Denoiser:
        """What answers."""
        return self.answering(self.exact())

    def questions(self, n: int, rng: torch.Generator) -> Posed:
        """About n atoms drawn by their weights."""
        x_0 = rows(self.atoms, torch.multinomial(self.weights, n, replacement=True, generator=rng))
        sizes = [math.prod(process.cells) for _, process, _ in leaves(self.process)]
        splits = _splits(sum(sizes), rng)[torch.arange(n) % MOST_SPLITS]
        parts = iter(torch.split(splits, sizes, 1))
        roles = map_leaves(lambda process: next(parts).reshape(n, *process.cells), self.process)
        asked, given = (_tree.map(lambda role, r=r: role == r, roles) for r in (ASKED, GIVEN))
        return Posed(self.process, x_0, asked, given)

    def ratios(self, x_0: Any, x: Any, t: Tensor, cells: Any) -> Tensor:
        """log q(x | a_i) / q(x | x_0) of some cells of x at t, (n, k)."""
        n, own = _tree.length(x), self.process.marginal(x_0, t).log_prob(x)
        atoms = [spliced(cells, repeated(self.atom(i), n), x_0) for i in range(len(self.weights))]
        return torch.stack([self.process.marginal(atom, t).log_prob(x) - own for atom in atoms], -1)

    def log_weights(self, asks: Posed) -> Tensor:
        r"""$\log\pi_i$ of every row, (n, k)."""
        seen = self.ratios(asks.x_0, asks.x_0, at(0.0), asks.given).double()
        nowhere = torch.isneginf(seen.amax(-1, keepdim=True))  # no atom is like this: all are as likely as they were
        return torch.log_softmax(seen.masked_fill(nowhere, 0.0) + self.weights.log(), -1)

    def statistic(self, asks: Posed, x: Any, t: Tensor) -> Any:
        """What is learnt of the asked cells."""
        n, log_joint = _tree.length(x), self.log_weights(asks) + self.ratios(asks.x_0, x, t, asks.asked)
        shares = torch.softmax(log_joint, -1)
        targets = [self.process.target(repeated(self.atom(i), n), x, t) for i in range(len(self.weights))]
        return _tree.map(
            lambda *parts: sum(expand(shares[:, i], part) * part for i, part in enumerate(parts)), *targets
        )

    def cost(self, asks: Posed, rng: torch.Generator) -> Tensor:
        """A draw of the diffusion part of the bound, (n,)."""
        log_weights, ends = self.log_weights(asks), []
        for t in (at(0.0), at(1.0)):
            x = self.process.marginal(asks.x_0, t).sample(rng)
            ends.append(torch.logsumexp(log_weights + self.ratios(asks.x_0, x, t, asks.asked), -1))
        return ends[1] - ends[0]

    def log_density(self, asks: Posed, x: Any) -> Tensor:
        """Log q_0 of the asked cells of x, (n,)."""
        own = total(self.process, asks.asked, log_kernel, at(0.0), asks.x_0, x)
        return own + torch.logsumexp(self.log_weights(asks) + self.ratios(asks.x_0, x, at(0.0), asks.asked), -1)


def _splits(cells: int, rng: torch.Generator) -> Tensor:
    """Roles of cells, MOST_SPLITS rows: all that ask something, in turn, if so few, else some at random."""
    if 3**cells <= MOST_SPLITS:
        roles = torch.cartesian_prod(*[torch.arange(3)] * cells).reshape(-1, cells)
    else:
        roles = torch.randint(0, 3, (2 * MOST_SPLITS, cells), generator=rng)
    roles = roles[(roles == ASKED).any(1)]
    return roles[torch.arange(MOST_SPLITS) % len(roles)]


def spliced(cells: Any, inside: Any, outside: Any) -> Any:
    """One tree in these cells, the other elsewhere."""
    return _tree.map(lambda mask, a, b: torch.where(expand(mask, a), a, b), cells, inside, outside)


def cells_of(process: HasKernel[Any]) -> int:
    """How many cells a point has, all factors together."""
    return sum(math.prod(factor.cells) for _, factor, _ in leaves(process))


def log_kernel(process: HasKernel[Any], t: Tensor, x_0: Any, x: Any) -> Tensor:
    """Log q_{t|0} of x, in the order of prices."""
    return process.marginal(x_0, t).log_prob(x)
