"""The exact denoiser of a mixture of product laws, on any process that keeps its components in closed form."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import instance, refuse
from unnoise.denoisers.base import AnyQuestion, Roles, check_placed
from unnoise.denoisers.exact import ClosedForm
from unnoise.laws import ProductMixture
from unnoise.laws.components import Components
from unnoise.processes import Gaussian, HasKernel, leaves, map_leaves, noised, require

NUMBERS_AT_ONCE = 2**22
_GROUP = "group"


class ExactProductMixture(ClosedForm, AnyQuestion):
    r"""The exact denoiser of a mixture of product laws, by Bayes' rule.

    With $q_{t|k}$ the noised law of a cell under component k, and c over the cells that are known, at their times,

    $$E[Y_t | x] = \sum_k r_k E[Y_t | x, k], \qquad r_k \propto w_k\prod_c q_{t_c|k}(x_c).$$

    At a point that no component can have come to, $r_k = w_k$. Groups of cells that are independent have each its own.

    Args:
        process: with a kernel, and components of its data that stay in closed form (`processes.noised`).
        law: of the data.

    >>> from unnoise import processes, spaces
    >>> from unnoise.laws import CategoricalComponents
    >>> process = processes.CTMC(spaces.Finite(2, 3), processes.rates.Absorbing(3))
    >>> probs = torch.tensor([[[0.9, 0.1, 0.0]] * 2, [[0.1, 0.9, 0.0]] * 2])
    >>> law = ProductMixture(torch.tensor([0.5, 0.5]), CategoricalComponents(probs))
    >>> ExactProductMixture(process, law)(torch.tensor([[1, 2]]), torch.tensor(0.5))  # the second state is hidden
    tensor([[[0.0000, 1.0000, 0.0000],
             [0.1800, 0.8200, 0.0000]]])
    """

    process: HasKernel[Any]
    weights: Tensor

    def __init__(self, process: HasKernel[Any], law: ProductMixture) -> None:
        process = require(process, HasKernel, "ExactProductMixture", "denoisers.Exact")
        instance(ProductMixture, law=law)
        try:
            fits = all(part.cells == own.cells for _, own, (part,) in leaves(process, law.parts))
        except (AttributeError, KeyError, TypeError):
            fits = False
        if not fits:
            refuse("law", law, f"one with the cells of {process.space}")
        super().__init__()
        self.process = process
        self.register_buffer("weights", law.weights.clone())
        for path, part in _tree.leaves(law.parts):
            for name, numbers in part.tensors().items():
                self.register_buffer(_key(path, name), numbers.clone())
        self._kinds = {path: type(part) for path, part in _tree.leaves(law.parts)}
        if law.groups is not None:
            for path, numbers in _tree.leaves(law.groups):
                self.register_buffer(_key(path, _GROUP), numbers.clone())

    @property
    def law(self) -> ProductMixture:
        """Of the data."""

        def part(path: str) -> Components:
            kind: Any = self._kinds[path]
            names = [field.name for field in dataclasses.fields(kind)]
            made: Components = kind(**{name: getattr(self, _key(path, name)) for name in names})
            return made

        paths = [path for path, _, _ in leaves(self.process)]

        def tree(found: list[Any]) -> Any:
            each = iter(found)
            return map_leaves(lambda _: next(each), self.process)

        groups = None if self.weights.ndim == 1 else tree([getattr(self, _key(path, _GROUP)) for path in paths])
        return ProductMixture(self.weights, tree([part(path) for path in paths]), groups)

    def forward(self, x_t: Any, t: Tensor, cond: Any = None) -> Any:
        """The exact statistic."""
        t = check_placed(self.process, x_t, t)
        return self.answer(x_t, t, self._everything(x_t), cond)

    def answer(self, x: Any, t: Tensor, roles: Roles, cond: Any = None) -> Any:
        """With the cells that are known, at their times."""
        law = self.law

        def statistic(noisy: Any, log_joint: Tensor) -> Any:
            nowhere = torch.isneginf(log_joint.amax(1, keepdim=True))
            weights = law.weights.log().to(log_joint).reshape(1, *log_joint.shape[1:])
            shares = torch.softmax(torch.where(nowhere, weights, log_joint), 1)
            if law.groups is None:
                return _tree.map(lambda leaf: leaf.statistic(shares[..., 0]), noisy)
            return _tree.map(lambda leaf, numbers: leaf.statistic(shares[..., numbers.flatten()]), noisy, law.groups)

        return _tree.concatenate(self._by_blocks(law, x, t, roles, statistic))

    def log_prob(self, x_t: Any, t: Tensor) -> Tensor:
        r"""$\log\sum_k w_k\prod_c q_{t|k}(x_c)$ in nats, (n,)."""
        t = check_placed(self.process, x_t, t)
        parts = self._by_blocks(
            self.law, x_t, t, self._everything(x_t), lambda _, log_joint: torch.logsumexp(log_joint, 1).sum(1)
        )
        return torch.cat(parts)

    def score(self, x_t: Tensor, t: Tensor) -> Tensor:
        """By Tweedie's formula."""
        process = require(self.process, Gaussian, "a score", "the local characteristics of process.reverse")
        return process.score(x_t, self(x_t, t), t)

    def _by_blocks(
        self, law: ProductMixture, x: Any, t: Tensor, roles: Roles, f: Callable[[Any, Tensor], Any]
    ) -> list[Any]:
        """f of noisy components, and of the log joint (rows, K, groups), for some rows at a time."""
        cells = max(_cells(part) for _, part in _tree.leaves(law.parts))
        size = max(1, NUMBERS_AT_ONCE // (len(law.weights) * cells))
        trees = x, roles.times(t), roles.known
        found = []
        for start in range(0, max(1, _tree.length(x)), size):
            some = (_tree.map(lambda leaf, start=start: leaf[start : start + size], tree) for tree in trees)
            noisy = map_leaves(noised, self.process, law.parts, *some)
            found.append(f(noisy, self._log_joint(law, noisy)))
        return found

    def _log_joint(self, law: ProductMixture, noisy: Any) -> Tensor:
        """(rows, K, groups)."""
        if law.groups is None:
            return sum((leaf.log_prob for _, leaf in _tree.leaves(noisy)), law.weights.log())[..., None]
        total = law.weights.log()[None]
        for (_, leaf), (_, numbers) in zip(_tree.leaves(noisy), _tree.leaves(law.groups), strict=True):
            zero = leaf.each.new_zeros(*leaf.each.shape[:2], law.weights.shape[1])
            total = total + zero.index_add_(2, numbers.flatten(), leaf.each)
        return total

    def _everything(self, x: Any) -> Roles:
        n = _tree.length(x)
        ones = map_leaves(lambda process, leaf: leaf.new_ones(n, *process.cells, dtype=torch.bool), self.process, x)
        return Roles(ones, _tree.map(torch.zeros_like, ones))


def _cells(part: Components) -> int:
    return max(1, torch.Size(part.cells).numel())


def _key(path: str, name: str) -> str:
    """A name of a buffer, which has no dots."""
    return f"part_{path.replace('.', '__')}_{name}" if path else f"part_{name}"
