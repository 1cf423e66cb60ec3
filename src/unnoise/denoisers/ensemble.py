"""The mean of several denoisers of one process, such as networks from several seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from unnoise import _tree
from unnoise._checks import instance
from unnoise._errors import InputError
from unnoise.denoisers.base import Denoiser, check_denoiser


class Ensemble(Denoiser):
    r"""$\frac1K\sum_k E_k[Y_t(X_0, x_t) | X_t = x_t, \text{cond}]$: the statistic of the mean of K posteriors of X_0.

    Networks from several seeds err in part at random, and the mean of a bound that is convex in the statistic, as all
    are here, is never above the mean of the bounds: better than one network, at K times the cost
    (Lakshminarayanan et al. 2017, arXiv 1612.01474).

    Args:
        members: at least one, of one process.

    Raises:
        InputError: no members, or of several processes.

    >>> import torch
    >>> from unnoise import denoisers, processes, spaces
    >>> process = processes.edm(spaces.Euclidean(1))
    >>> one, other = (denoisers.Exact(process, torch.tensor([[place]])) for place in (-1.0, 2.0))
    >>> Ensemble([one, other])(torch.zeros(1, 1), torch.tensor(0.0))
    tensor([[0.5000]])
    """

    def __init__(self, members: Sequence[Denoiser]) -> None:
        instance(Sequence, members=members)
        for member in members:
            check_denoiser(member=member)
        if not members:
            raise InputError("got no members; expected at least one denoiser")
        first, *others = (member.process for member in members)
        if different := [one for one in others if one != first]:
            raise InputError(f"got denoisers of {first} and of {different[0]}; expected one process")
        super().__init__()
        self.process = first
        self.members: Any = nn.ModuleList(members)

    def asked(self, cond: Any) -> Any:
        """What each of them is asked."""
        return self.members[0].asked(cond)

    def forward(self, x_t: Any, t: Tensor, cond: Any = None) -> Any:
        """The mean, leaf by leaf."""
        found = [member(x_t, t, cond) for member in self.members]
        return _tree.map(lambda *leaves: sum(leaves[1:], leaves[0]) / len(leaves), *found)
