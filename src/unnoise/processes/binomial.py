r"""Binomial diffusion: bits that are forgotten.

A bit is drawn anew from a coin of mean $\mu$, $q(x_t | x_s) = \mathcal B(x_s e^{-B} + \mu(1 - e^{-B}))$ (Sohl-Dickstein
et al. 2015, arXiv 1503.03585). In T steps with $\beta_t = 1/(T - t + 1)$ what survives falls on a line, as by default
in continuous time; see `binomial_chain`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from unnoise._checks import instance, real, reals
from unnoise._errors import InputError
from unnoise.processes.ctmc import CTMC
from unnoise.processes.rates import Rates, Refresh
from unnoise.schedules import Schedule
from unnoise.spaces import Finite

Mean = float | tuple[float, ...]


@dataclass(frozen=True)
class Binomial(CTMC):
    """The chain of two states per site whose stationary law is a coin.

    Args:
        space: of two states per site.
        mean: of the coin, between 0 and 1, for all sites or one per site; the best is the mean of the data.
        schedule: the integrated rate B(t); by default what survives falls on a line.

    >>> process = Binomial(Finite(20, 2), mean=0.2)
    >>> process.marginal(torch.ones(1, 20, dtype=torch.int64), torch.tensor(0.5)).probs[0, 0]
    tensor([0.4000, 0.6000])
    """

    rates: Rates = field(init=False, repr=False)
    mean: Mean

    def __init__(self, space: Finite, mean: Mean = 0.5, schedule: Schedule | None = None) -> None:
        instance(Finite, space=space)
        if isinstance(mean, tuple):
            reals("mean", mean, above=0, below=1)
        else:
            real(above=0, below=1, mean=mean)
        if space.states != 2:
            raise InputError(f"got a space with {space.states} states per site; binomial diffusion is for bits, with 2")
        ones = torch.as_tensor(mean, dtype=torch.float64)
        super().__init__(space, Refresh(torch.stack([1 - ones, ones], -1)), schedule)
        vars(self).update(mean=mean)
