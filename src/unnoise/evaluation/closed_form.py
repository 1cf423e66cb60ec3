"""The density of a law that is known in closed form, of all cells or of some given others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import instance
from unnoise._errors import InputError
from unnoise.denoisers import Answering, Denoiser, ExactProductMixture
from unnoise.evaluation.likelihood import Estimate, Likelihood, OnRows
from unnoise.processes import Process


@dataclass(frozen=True)
class MixtureDensity(Likelihood):
    r"""The density of the mixture that a `denoisers.ExactProductMixture` knows: $\log p(x_A, x_B) - \log p(x_B)$.

    It has no error, and is of the data themselves, not of data a little noised.

    >>> from unnoise import laws, processes, spaces
    >>> law = laws.ProductMixture(torch.ones(1), laws.NormalComponents(torch.zeros(1, 1), torch.ones(1, 1)))
    >>> denoiser = ExactProductMixture(processes.variance_preserving(spaces.Euclidean(1)), law)
    >>> MixtureDensity()(denoiser, torch.zeros(1, 1), torch.Generator()).log_prob
    tensor([-0.9189])
    """

    name: str = "exact density of the mixture"

    def __post_init__(self) -> None:
        instance(str, name=self.name)

    def is_exact(self, process: Process[Any]) -> bool:
        """Always."""
        return True

    def evaluate(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, on_rows: OnRows) -> Estimate:
        """Of all rows; memory is bounded by the law's own blocks."""
        found = mixture_in(denoiser)
        if found is None:
            raise InputError(
                f"got a {type(denoiser).__name__}; the density of a mixture needs denoisers.ExactProductMixture, or "
                "Answering of one: use evaluation.Bound"
            )
        law = found.law
        if isinstance(cond, Mapping):
            values = cond["values"]
            own = x_0 if isinstance(x_0, Tensor) else values | x_0
            asked, given = (_tree.map(lambda mask: mask.bool(), cond[name]) for name in ("asked", "given"))
            x = _tree.map(lambda mask, *of: torch.where(_tree.expand(mask, of[0]), *of), asked, own, values)
            whole = law.log_prob(x, _tree.map(torch.logical_or, asked, given))
            log_prob = whole - law.log_prob(x, given)
        else:
            log_prob = law.log_prob(x_0)
        if on_rows is not None:
            on_rows(len(log_prob))
        return Estimate(log_prob, torch.zeros_like(log_prob), {"density": log_prob}, self.description)


def mixture_in(denoiser: Denoiser) -> ExactProductMixture | None:
    """The denoiser of a mixture, also inside one that answers questions; None for all others."""
    inside = denoiser.denoiser if isinstance(denoiser, Answering) else denoiser
    return inside if isinstance(inside, ExactProductMixture) else None


def own_likelihood(denoiser: Denoiser) -> Likelihood | None:
    """How a denoiser that knows the law of the data says how likely they are; None for all others."""
    return None if mixture_in(denoiser) is None else MixtureDensity()
