r"""What a network sees of letters, and how its output becomes $p(x_0 | x_t)$ at every site.

Networks read channels first: (S, sites) for sequences, (S, height, width) for images, (channels * S, height, width) for
images with channels. Few sites in a row, of at most `FLAT` numbers together, are one flat vector.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise.heads.base import Head

FLAT = 2048


class _Sites(Head[Tensor]):
    """Numbers at every site, (n, *sites, k), in the layout that networks read."""

    @abstractmethod
    def estimate(self, process: Any, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """The statistic, (n, *sites, S)."""

    def _shape(self, process: Any, numbers: int) -> tuple[int, ...]:
        """Of a network's input or output with so many numbers per site."""
        space = process.space
        if len(space.event_shape) == 1 and space.sites * space.states <= FLAT:
            return (space.sites * numbers,)
        channels, positions = _split(space.event_shape)
        return (numbers * channels, *positions)

    def _laid_out(self, process: Any, values: Tensor) -> Tensor:
        """(n, *sites, k) as a network's input."""
        return values.movedim(-1, 1).reshape(-1, *self._shape(process, values.shape[-1]))

    def _by_site(self, process: Any, output: Tensor, numbers: int) -> Tensor:
        """A network's output as (n, *sites, k)."""
        return output.reshape(len(output), numbers, *process.space.event_shape).movedim(1, -1)


def _split(event_shape: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """The axes of sites as channels and at most two axes of positions."""
    return math.prod(event_shape[:-2]), event_shape[-2:]


@dataclass(frozen=True)
class Softmax(_Sites):
    """The network sees one-hot states, and its output is the logits of p(x_0 | x_t) over the states of data."""

    def input_shape(self, process: Any) -> tuple[int, ...]:
        """S numbers per site."""
        return self._shape(process, process.space.states)

    def output_shape(self, process: Any) -> tuple[int, ...]:
        """S numbers per site."""
        return self._shape(process, process.space.states)

    def inputs(self, process: Any, x_t: Tensor, t: Tensor) -> Tensor:
        r"""One-hot, times $\sqrt S$ for a mean square of one."""
        states = process.space.states
        return self._laid_out(process, states**0.5 * process.space.features(x_t))

    def estimate(self, process: Any, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """Softmax; data is never where it cannot be."""
        logits = self._by_site(process, output, process.space.states)
        return torch.softmax(logits.masked_fill(~process.rates.data.to(logits.device), -math.inf), -1)


@dataclass(frozen=True)
class Posterior(Softmax):
    r"""$p(x_0 | x_t) \propto e^{F(x_0)} q_{t|0}(x_t | x_0)$ at every site, with the network's output F.

    What a site shows about itself is known, so that the network has to learn only what the other sites say about it,
    the same at all times for sites that are independent. What the kernel rules out is ruled out: a state that cannot
    have come by noise is data (the carry-over of masked diffusion; Sahoo et al. 2024, arXiv 2406.07524).

    >>> from unnoise.processes import CTMC, rates
    >>> from unnoise.spaces import Finite
    >>> process, mask = CTMC(Finite(2, 3), rates.Absorbing(3)), 2
    >>> Posterior().estimate(process, torch.zeros(1, 6), torch.tensor([[0, mask]]), torch.tensor(0.5))
    tensor([[[1.0000, 0.0000, 0.0000],
             [0.5000, 0.5000, 0.0000]]])
    """

    def estimate(self, process: Any, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """Softmax of the output plus the log kernel."""
        logits = self._by_site(process, output, process.space.states)
        return torch.softmax(logits + process.evidence(x_t, t, logits.dtype).log(), -1)


@dataclass(frozen=True)
class Logistic(_Sites):
    r"""A discretised logistic law, truncated to the states: two numbers per site, for states that are ordered.

    States are scaled to [-1, 1], where state k is the bin $k \pm \frac12$. The output is the mean relative to $x_t$,
    and the log scale relative to `log_scale`. With `evidence` the law is multiplied by $q_{t|0}(x_t | x_0)$, as in
    `Posterior`. Salimans et al. 2017 (arXiv 1701.05517); Campbell et al. 2022 (arXiv 2205.14987).
    """

    evidence: bool = False
    log_scale: float = -2.0

    def input_shape(self, process: Any) -> tuple[int, ...]:
        """One number per site."""
        return self._shape(process, 1)

    def output_shape(self, process: Any) -> tuple[int, ...]:
        """Two numbers per site."""
        return self._shape(process, 2)

    def inputs(self, process: Any, x_t: Tensor, t: Tensor) -> Tensor:
        """States scaled to [-1, 1]."""
        return self._laid_out(process, _scaled(x_t, process.space.states, torch.get_default_dtype())[..., None])

    def estimate(self, process: Any, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        r"""$\sigma(b) - \sigma(a) = \sigma(b)\sigma(-a)(1 - e^{a - b})$ in logarithms, for the edges a < b of a bin."""
        shift, log_scale = self._by_site(process, output, 2).unbind(-1)
        states = process.space.states
        mean = _scaled(x_t, states, shift.dtype) + shift
        centres = torch.linspace(-1, 1, states, dtype=shift.dtype, device=shift.device)
        narrowness = torch.exp(-(self.log_scale + log_scale))[..., None]
        middle, half = (centres - mean[..., None]) * narrowness, narrowness / (states - 1)
        log_sigmoid = torch.nn.functional.logsigmoid
        logits = log_sigmoid(middle + half) + log_sigmoid(half - middle) + torch.log(-torch.expm1(-2 * half))
        if self.evidence:
            logits = logits + process.evidence(x_t, t, logits.dtype).log()
        return torch.softmax(logits.masked_fill(~process.rates.data.to(logits.device), -math.inf), -1)


def _scaled(x: Tensor, states: int, dtype: torch.dtype) -> Tensor:
    """0 ... S - 1 as -1 ... 1."""
    return x.to(dtype) * (2 / (states - 1)) - 1
