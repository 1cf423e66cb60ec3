"""A network and a mixture of product laws, whose laws of hidden cells are pooled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import instance, real
from unnoise._errors import InputError
from unnoise.denoisers.base import AnyQuestion, Roles, check_placed
from unnoise.denoisers.neural import Neural
from unnoise.denoisers.product_mixture import ExactProductMixture
from unnoise.processes import is_masked, map_leaves


class Pooled(AnyQuestion):
    r"""$p(x_i | x_S) \propto p_1(x_i | x_S)^s\,p_2(x_i | x_S)^{1 - s}$, of every hidden cell i given those seen.

    With $p_1$ of a network and $p_2$ of a mixture of product laws, which err in other ways: the logarithmic opinion
    pool. What it costs, $-s\log p_1 - (1 - s)\log p_2 + \log\sum p_1^s p_2^{1-s}$, is convex in s, so that the best
    share on some rows costs no more there than the network, s = 1, or the mixture, s = 0.

    Args:
        learnt: a network of a process that hides cells behind masks, and does nothing else.
        mixture: of the same process.
        share: s, of the network.

    Raises:
        InputError: other noise than masks, or two processes.

    References:
        Genest & Zidek 1986, Combining probability distributions (Statistical Science 1).

    >>> from unnoise import laws, networks, processes, spaces
    >>> process = processes.CTMC(spaces.Finite(1, 3), processes.rates.Absorbing(3))
    >>> law = laws.ProductMixture(torch.ones(1), laws.CategoricalComponents(torch.tensor([[[0.9, 0.1, 0.0]]])))
    >>> network = Neural(process, networks.ResNet((3,), width=8))  # untrained: both states are alike likely
    >>> pooled = Pooled(network, ExactProductMixture(process, law), share=0.5)
    >>> pooled(torch.tensor([[2]]), torch.tensor(1.0)).detach()  # odds of 3 to 1
    tensor([[[0.7500, 0.2500, 0.0000]]])
    """

    share: Tensor

    def __init__(self, learnt: Neural, mixture: ExactProductMixture, share: float = 0.5) -> None:
        instance(Neural, learnt=learnt)
        instance(ExactProductMixture, mixture=mixture)
        real(least=0, most=1, share=share)
        if learnt.process != mixture.process:
            raise InputError(f"got denoisers of {learnt.process} and of {mixture.process}; expected one process")
        if not is_masked(learnt.process):
            raise InputError(f"got {learnt.process}; expected noise that hides cells behind masks (rates.Absorbing)")
        super().__init__()
        self.process, self.learnt, self.mixture = learnt.process, learnt, mixture
        self.register_buffer("share", torch.tensor(float(share)))
        self._found: list[_Group] | None = None

    def forward(self, x_t: Any, t: Tensor | float, cond: Tensor | None = None) -> Any:
        """The pooled laws of hidden cells; what is seen, as it is."""
        t = check_placed(self.process, x_t, t)
        return _tree.map(self._pool, self.learnt(x_t, t, cond), self._known(x_t))

    def at_site(self, x_t: Any, t: Tensor, site: Tensor, cond: Tensor | None = None) -> Any:
        """The same at one site of every row."""
        learnt = self.learnt.at_site(x_t, t, site, cond)
        return _tree.map(self._pool, learnt, self._known_at(x_t, site))

    def answer(self, x: Any, t: Tensor, roles: Roles, cond: Tensor | None = None) -> Any:
        """The same: masks say what is not given."""
        return self(x, t, cond)

    def answer_at_site(self, x: Any, t: Tensor, roles: Roles, site: Tensor, cond: Tensor | None = None) -> Any:
        """The same at one site of every row."""
        return self.at_site(x, t, site, cond)

    def _pool(self, learnt: Tensor, known: Tensor) -> Tensor:
        """Of laws (*, S); what is seen has one state alone in the network's, and what data cannot be has none."""
        tiny = torch.finfo(learnt.dtype).tiny
        logs = self.share * learnt.clamp(min=tiny).log() + (1 - self.share) * known.clamp(min=tiny).log()
        return torch.softmax(logs.masked_fill(learnt == 0, -torch.inf), -1)

    def _known(self, x: Any) -> Any:
        """The mixture's laws of all cells given those that are seen, leaves (n, *cells, S)."""
        points = dict(_tree.leaves(x))
        found = {path: torch.empty(0) for path in points}
        for group in self._groups:
            shares = group.shares(points)
            for path, cells, laws in group.each():
                said = (shares @ laws.flatten(1)).reshape(-1, *laws.shape[1:])
                if not len(found[path]):
                    shape = points[path].flatten(1).shape[1], laws.shape[-1]
                    found[path] = said if len(cells) == shape[0] else said.new_zeros(len(said), *shape)
                if len(cells) < found[path].shape[1]:
                    found[path] = found[path].index_copy(1, cells, said)
        made = iter(found.items())
        return _tree.map(lambda leaf: next(made)[1].reshape(*leaf.shape, -1), x)

    def _known_at(self, x: Any, site: Tensor) -> Any:
        """The mixture's law of one site of every row, a tree like that of `at_site`."""
        points = dict(_tree.leaves(x))
        shares = [group.shares(points) for group in self._groups]
        sizes = [leaf.flatten(1).shape[1] for leaf in points.values()]

        def leaf(path: str, rows: Tensor, place: Tensor) -> Tensor:
            states = max(laws.shape[-1] for group in self._groups for name, _, laws in group.each() if name == path)
            made = shares[0].new_empty(len(rows), states)
            for group, share in zip(self._groups, shares, strict=True):
                for name, cells, laws in group.each():
                    for number, cell in enumerate(cells.tolist() if name == path else ()):
                        here = (place == cell).nonzero()[:, 0]
                        made[here] = share[rows[here]] @ laws[:, number]
            return made

        owned = _tree.owned(site, sizes)
        made = iter([leaf(path, *own) for path, own in zip(points, owned, strict=True)])
        return _tree.map(lambda _: next(made), x)

    @property
    def _groups(self) -> list[_Group]:
        """The tables of the mixture, which are made once."""
        if self._found is None:
            self._found = list(_groups(self.mixture))
        return self._found

    def _apply(self, *args: Any, **options: Any) -> Any:
        self._found = None
        return super()._apply(*args, **options)  # type: ignore[no-untyped-call]

    def _load_from_state_dict(self, *args: Any, **options: Any) -> None:
        self._found = None
        super()._load_from_state_dict(*args, **options)


@dataclass(frozen=True)
class _Group:
    """Cells that depend on each other: a mixture.

    Args:
        log_weights: (K,).
        cells: of every leaf of a point, by path, which are in it, int64; leaves without any are left out.
        blank: the masks of these cells.
        laws: of these cells, (K, cells, S).
        tables: their logarithms, (cells S + 1, K), the last row of which is for what is hidden.
    """

    log_weights: Tensor
    cells: dict[str, Tensor]
    blank: dict[str, Tensor]
    laws: dict[str, Tensor]
    tables: dict[str, Tensor]

    def each(self) -> Iterator[tuple[str, Tensor, Tensor]]:
        """Path, cells and laws of every leaf."""
        return ((path, cells, self.laws[path]) for path, cells in self.cells.items())

    def shares(self, points: dict[str, Tensor]) -> Tensor:
        """The posterior of the components given what is seen, (n, K)."""
        total = self.log_weights
        for path, cells, laws in self.each():
            x = points[path].flatten(1).index_select(1, cells)
            last, states = laws.shape[1] * laws.shape[2], laws.shape[2]
            places = torch.where(x == self.blank[path], last, x + states * torch.arange(len(cells), device=x.device))
            total = total + torch.nn.functional.embedding_bag(places, self.tables[path], mode="sum")
        return torch.softmax(total, 1)


def _groups(mixture: ExactProductMixture) -> Iterator[_Group]:
    law = mixture.law
    blanks = {path: leaf.flatten() for path, leaf in _tree.leaves(map_leaves(lambda one: one.blank(), mixture.process))}
    numbers = None if law.groups is None else dict(_tree.leaves(law.groups))
    for group, weights in enumerate(law.weights.reshape(len(law.weights), -1).T):
        there = weights > 0
        cells, blank, laws, tables = ({} for _ in range(4))
        for path, part in _tree.leaves(law.parts):
            probs = part.probs.flatten(1, -2)
            chosen = torch.arange(probs.shape[1], device=probs.device)
            if numbers is not None:
                chosen = chosen[numbers[path].flatten() == group]
            if not len(chosen):
                continue
            own = probs[there][:, chosen]
            flat = own.flatten(1).T.clamp(min=torch.finfo(own.dtype).tiny).log()
            cells[path], blank[path], laws[path] = chosen, blanks[path].to(own.device)[chosen], own
            tables[path] = torch.cat([flat, flat.new_zeros(1, flat.shape[1])])
        yield _Group(weights[there].log(), cells, blank, laws, tables)
