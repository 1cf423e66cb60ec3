r"""Which cells of a point are given, asked or unknown: one denoiser answers p(A | B) for all disjoint A and B.

In a product of independent noising processes every cell may stand at a time of its own. A *given* cell stands at t = 0,
an *unknown* one at t = 1, where noise says nothing of it, so it is marginalised; an *asked* one moves with the sampler
(Bao et al. 2023, arXiv 2303.06555; Gloeckler et al. 2024, arXiv 2404.09636; Rojas et al. 2025, arXiv 2506.07903).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import instance, refuse, shown
from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.denoisers.base import AnyQuestion, Denoiser, Roles
from unnoise.denoisers.conditions import for_rows
from unnoise.processes import HasKernel, Process, leaves, map_leaves, product, require


def question(process: Process[Any], asked: Any, given: Any, values: Any, cond: Any = None) -> dict[str, Any]:
    """What `Answering` takes as its condition: one question per row, or one row for all.

    Args:
        process: of the denoiser, with a kernel.
        asked: the cells to answer, a tree like the state of bool tensors (n, *cells).
        given: the cells that are known.
        values: points, (n, *event), that hold the given cells; in other cells any valid values.
        cond: a condition besides.

    Raises:
        InputError: a cell both given and asked, nothing asked in some row, or shapes that do not fit.

    >>> from unnoise import processes, spaces
    >>> process = processes.variance_preserving(spaces.Euclidean(2))
    >>> first = torch.tensor([[True, False]])
    >>> question(process, asked=~first, given=first, values=torch.tensor([[0.5, 0.0]]))["given"]
    tensor([[ True, False]])
    """
    instance(Process, process=process)
    require(process, HasKernel, "a question", "a process with a kernel")
    process.check(values)
    instance(Tensor, or_none=True, cond=cond)
    n, some = _tree.length(values), torch.zeros((), dtype=torch.bool)
    for path, leaf, _ in leaves(process):
        own = {name: _mask(name, tree, path, leaf, n) for name, tree in (("asked", asked), ("given", given))}
        if (own["asked"] & own["given"]).any():
            where = f" in {path!r}" if path else ""
            raise InputError(f"got a cell that is both asked and given{where}; expected one of them")
        some = some.to(own["asked"].device) | own["asked"][:, None].flatten(1).any(1)
    if not some.all():
        row = int((~some).nonzero()[0, 0])
        raise InputError(f"got a question that asks nothing in row {row}; expected at least one cell that is not given")
    whole = {"asked": asked, "given": given, "values": values}
    return whole if cond is None else whole | {"cond": cond}


def _mask(name: str, tree: Any, path: str, process: Process[Any], n: int) -> Tensor:
    """The mask of one factor, or an InputError."""
    found = tree
    for key in path.split(".") if path else ():
        found = found.get(key) if isinstance(found, Mapping) else None
    shape = (n, *process.cells)
    if isinstance(found, Tensor) and found.dtype == torch.bool and tuple(found.shape) in (shape, (1, *process.cells)):
        return found
    held = f"shape {tuple(found.shape)} in {found.dtype}" if isinstance(found, Tensor) else shown(found)
    where = f" in {path!r}" if path else ""
    raise InputError(f"got {name}{where} = {held}; expected bool numbers of shape {shape}, one for each cell")


class Answering(Denoiser):
    r"""A denoiser that answers the question that comes as its condition.

    It puts the given cells in, hides the unknown ones, and has in every cell that is not asked the process's own
    target: so that its price is zero, and every sampler ends where it was given. Without a question everything is
    asked.

    Args:
        denoiser: one that can be told roles, of a process with a kernel.
        only: the factors of a product that may be asked, by name. Points are then dicts of these alone, and what is
            given of the others stands in the question; so a flow may run where other factors have none.

    >>> from unnoise import denoisers, laws, processes, samplers, spaces
    >>> both = torch.tensor([[1.0, 0.5], [0.5, 1.0]])
    >>> law = laws.GaussianMixture(torch.ones(1), torch.zeros(1, 2), both[None])
    >>> process = processes.variance_preserving(spaces.Euclidean(2))
    >>> answering = Answering(denoisers.ExactMixture(process, law))
    >>> first = torch.tensor([[True, False]])
    >>> asks = question(process, asked=~first, given=first, values=torch.tensor([[2.0, 0.0]]))
    >>> x = samplers.Multistep(answering).sample(2000, torch.Generator().manual_seed(0), asks)
    >>> print(f"{x[:, 0].mean():.1f} {x[:, 1].mean():.1f} {x[:, 1].var():.1f}")  # 2, 0.5 * 2 and 1 - 0.5^2
    2.0 1.0 0.8
    """

    process: HasKernel[Any]

    def __init__(self, denoiser: AnyQuestion, only: Sequence[str] | None = None) -> None:
        instance(AnyQuestion, denoiser=denoiser)
        super().__init__()
        self.whole = require(denoiser.process, HasKernel, "Answering", "the denoiser itself")
        self.process = self.whole if only is None else _factors(self.whole, only)
        self.denoiser, self.only = denoiser, None if only is None else tuple(only)
        self.blank = map_leaves(lambda process: process.blank(), self.whole)

    def asked(self, cond: Any) -> Any:
        """The cells that rows ask, or None for all."""
        return self._part(_roles(cond).asked) if _is_question(cond) else None

    def forward(self, x_t: Any, t: Tensor, cond: Any = None) -> Any:
        """The statistic: learnt where a cell is asked, else the process's target."""
        if not _is_question(cond):
            if self.only is not None:
                raise InputError(f"got no question for {', '.join(self.only)} alone; expected one, as of question(...)")
            return self.denoiser(x_t, t, cond)
        cond = for_rows(cond, _tree.length(x_t))
        roles, values = _roles(cond), cond["values"]
        x_t = x_t if self.only is None else values | x_t
        stat = self.denoiser.answer(self._shown(x_t, values, roles), t, roles, cond.get("cond"))
        trees = (self._part(tree) for tree in (stat, values, x_t, roles.asked))
        return map_leaves(partial(_targets, t=t), self.process, *trees)

    def at_site(self, x_t: Any, t: Tensor, site: Tensor, cond: Any = None) -> Any:
        """What is learnt of one site of every row that is asked."""
        if self.only is not None:
            return super().at_site(x_t, t, site, cond)
        if not _is_question(cond):
            return self.denoiser.at_site(x_t, t, site, cond)
        cond = for_rows(cond, _tree.length(x_t))
        roles = _roles(cond)
        seen = self._shown(x_t, cond["values"], roles)
        return self.denoiser.answer_at_site(seen, t, roles, site, cond.get("cond"))

    def _shown(self, x: Any, values: Any, roles: Roles) -> Any:
        """The points, with the given cells put in and the unknown ones hidden."""
        blank = _tree.map(lambda point, leaf: point.to(leaf), self.blank, x)
        return _tree.map(_seen, x, values, blank, roles.asked, roles.given)

    def _part(self, tree: Any) -> Any:
        return tree if self.only is None else {name: tree[name] for name in self.only}


def _factors(process: HasKernel[Any], names: Sequence[str]) -> HasKernel[Any]:
    parts: Mapping[str, Process[Any]] = getattr(process, "parts", {})
    listed = isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)
    if not listed or not names or not set(names) <= set(parts):
        refuse("only", names, f"some of the factors {', '.join(parts)}" if parts else "None, as there are no factors")
    return product({name: parts[name] for name in names})  # type: ignore[return-value]  # as all have kernels


def _is_question(cond: Any) -> bool:
    return isinstance(cond, Mapping) and cond.get("asked") is not None


def _roles(cond: Mapping[str, Any]) -> Roles:
    """Masks that were cast with numbers are masks again."""
    return Roles(*(_tree.map(lambda mask: mask.bool(), cond[name]) for name in ("asked", "given")))


def _seen(x: Tensor, value: Tensor, blank: Tensor, asked: Tensor, given: Tensor) -> Tensor:
    return torch.where(expand(asked, x), x, torch.where(expand(given, x), value.to(x), blank))


def _targets(process: HasKernel[Any], stat: Tensor, value: Tensor, x: Tensor, asked: Tensor, t: Tensor) -> Tensor:
    """No gradient passes through a target: where a cell is not asked, nothing depends on its state."""
    target = process.target(value.to(x), x.detach(), t)
    return torch.where(expand(asked, stat), stat, target.to(stat))
