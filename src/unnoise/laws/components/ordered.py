"""Categorical laws of states that follow on each other, as the cells of a number do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from unnoise._checks import instance, refuse
from unnoise.laws.components.base import Tally
from unnoise.laws.components.states import CategoricalComponents

ALONE = (0.04, 0.12)  # shares of rows from which a state stands for itself, of many states and of few
EQUAL = 1.5  # times the share that each would have, from which it does
OWN = 1.0  # rows of the base, by which the place and the width of a component are known
LEAST = 1e-2  # variance of a component
STRAY = 1e-3  # share of a component that is as all rows
TINY = 1e-30


@dataclass(frozen=True)
class OrderedComponents(CategoricalComponents):
    r"""Categorical laws, of which few rows say more where their states are in order.

    A component of a few rows has seen few of a hundred states. Its prior is the base, tilted to the mean m and the
    variance v that its rows have of normal scores z, those of the base being $m_0$ and $v_0$:

    $$m_k(s) \propto m(s)\exp\Big(\frac{(z_s - m_0)^2}{2 v_0} - \frac{(z_s - m)^2}{2 v}\Big),$$

    so that a normal base becomes another normal law. States that many rows have stand for themselves.

    Args:
        probs: (K, *sites, S), as of `CategoricalComponents`.
        scores: (*sites, S), NaN of states that stand for themselves.

    References:
        Liu, Lafferty & Wasserman 2009, The nonparanormal (arXiv 0903.0649): normal scores of any law.

    >>> base = CategoricalComponents(torch.full((1, 1, 40), 0.025))
    >>> ordered = OrderedComponents.of_base(base, torch.ones(1, 40).bool())
    >>> seen = torch.zeros(1, 1, 40).index_fill(2, torch.tensor([9, 10, 12]), 9.0)
    >>> found = ordered.refitted((seen,), ordered, torch.tensor([30.0])).probs[0, 0]
    >>> bool(found[11] > 0.05), bool(found[30] < 0.01)
    (True, True)
    """

    scores: Tensor

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.scores, Tensor) or not self.scores.is_floating_point() or self.scores.isinf().any():
            refuse("scores", self.scores, "a tensor of numbers (*sites, S), NaN of states that stand for themselves")

    @classmethod
    def of_base(cls, base: CategoricalComponents, ordered: Tensor) -> Self:
        """The law of all rows, with scores of its states.

        Args:
            base: one component.
            ordered: which states follow on each other, bool (*sites, S).

        Raises:
            InputError: several components, or flags of another shape.
        """
        instance(CategoricalComponents, base=base)
        if len(base) != 1 or ordered.shape != base.probs.shape[1:]:
            refuse("ordered", ordered, f"flags of the states of one component, {tuple(base.probs.shape[1:])}")
        probs = base.probs[0].double() * ordered
        share = probs / probs.sum(-1, keepdim=True).clamp(min=TINY)
        middle = (share.cumsum(-1) - share / 2).clamp(1e-6, 1 - 1e-6)
        most = (EQUAL / ordered.sum(-1, keepdim=True).clamp(min=1)).clamp(*ALONE)
        scores = torch.where(ordered & (base.probs[0] < most), torch.special.ndtri(middle), math.nan)
        return cls(base.probs, scores.to(base.probs))

    @property
    def plain(self) -> CategoricalComponents:
        """The same laws without an order."""
        return CategoricalComponents(self.probs)

    def tensors(self) -> dict[str, Tensor]:
        """The parameters of each component: scores are those of all."""
        return {"probs": self.probs}

    def only(self, cells: Tensor) -> Self:
        """The laws of the cells of a mask, side by side."""
        return type(self)(self.plain.only(cells).probs, self.scores.flatten(0, -2)[cells.flatten()])

    def refitted(self, tally: Tally, base: Self, rows: Tensor) -> Self:
        r"""$(N_{kcs} + a\,m_{kcs})/(N_{kc} + a)$ with the tilted base."""
        return super().refitted(tally, base._tilted(tally[0]), rows)

    def _tilted(self, counts: Tensor) -> Self:
        """The base as components of these counts, (K, cells, S), begin with it."""
        scores, base = self.scores.flatten(0, -2), self.probs.flatten(1, -2).to(counts)
        along, z = ~scores.isnan(), scores.nan_to_num(0.0)
        own = counts + OWN * base
        own, among = own / own.sum(-1, keepdim=True), base * along
        mean, variance = _moments(own * along, z)
        old_mean, old_variance = _moments(among, z)
        variance = torch.minimum(variance, old_variance)  # no component is wider than all rows
        old, new = (
            (z - m[..., None]).square() / (2 * v[..., None]) for m, v in ((old_mean, old_variance), (mean, variance))
        )
        shape = torch.softmax(torch.where(along, base.clamp(min=TINY).log() + old - new, -(TINY**-1)), -1)
        shape = (1 - STRAY) * shape + STRAY * among / among.sum(-1, keepdim=True).clamp(min=TINY)
        probs = torch.where(along, (own * along).sum(-1, keepdim=True) * shape, own)
        probs = torch.where(along.any(-1, keepdim=True), probs, base)
        return self._with({"probs": probs.reshape(-1, *self.probs.shape[1:]).to(self.probs)})


def _moments(weights: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance over the last axis."""
    total = weights.sum(-1).clamp(min=TINY)
    mean = (weights * z).sum(-1) / total
    return mean, ((weights * (z - mean[..., None]).square()).sum(-1) / total).clamp(min=LEAST)
