"""What a network sees of letters, and how its output becomes $p(x_0 | x_t)$ at every site.

Networks read channels first: (S, sites) or (channels * S, height, width); sites in a row of up to `FLAT` numbers in all
are a vector.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from unnoise._checks import counts, flag, real, whole
from unnoise.heads.base import ProcessHead
from unnoise.spaces import Finite

FLAT = 2048
MOST_BELLS = 1_000  # laws that are mixed at a site


@runtime_checkable
class _OnFinite(Protocol):
    @property
    def space(self) -> Finite: ...


class _Rates(Protocol):
    @property
    def data(self) -> Tensor: ...  # which states data can be in, (S,) or (sites, S)


@runtime_checkable
class _KnownJumps(_OnFinite, Protocol):
    @property
    def rates(self) -> _Rates: ...
    def evidence(self, x_t: Tensor, t: Tensor, dtype: torch.dtype) -> Tensor: ...  # q(x_t | a) for all states a


@dataclass(frozen=True)
class StatesHead(ProcessHead):
    """The network sees one-hot states and gives S numbers for every site."""

    needs, on = _OnFinite, Finite
    trait = "on a finite space"
    process: _OnFinite

    @property
    def input_shape(self) -> tuple[int, ...]:
        """One number for every state of every site."""
        return self.shape(self.process.space.states)

    def inputs(self, x_t: Tensor, t: Tensor) -> Tensor:
        r"""One-hot, times $\sqrt S$ for a mean square of one."""
        space = self.process.space
        one_hot: Tensor = space.states**0.5 * space.features(x_t)
        return one_hot.movedim(-1, 1).reshape(-1, *self.input_shape)

    def shape(self, numbers: int) -> tuple[int, ...]:
        """Of what networks read or write, with so many numbers for every site."""
        space = self.process.space
        if len(space.event_shape) == 1 and space.sites * space.states <= FLAT:
            return (space.sites * numbers,)
        return (numbers * math.prod(space.event_shape[:-2]), *space.event_shape[-2:])

    def by_site(self, output: Tensor) -> Tensor:
        """A network's output as (n, *sites, numbers)."""
        return output.reshape(len(output), -1, *self.process.space.event_shape).movedim(1, -1)


@dataclass(frozen=True)
class Softmax(StatesHead):
    r"""The output is the logits F of $p(x_0 | x_t)$ over the states of data: $\hat p = \mathrm{softmax}(F)$.

    States where data cannot be, such as a mask, have probability 0. `Posterior` adds what the kernel knows.

    >>> from unnoise.processes import CTMC, rates
    >>> head = Softmax(CTMC(Finite(1, 3), rates.Absorbing(3)))
    >>> head.estimate(torch.tensor([[0.0, math.log(3), 9.0]]), torch.tensor([[2]]), torch.tensor(0.5))
    tensor([[[0.2500, 0.7500, 0.0000]]])
    """

    needs = _KnownJumps
    trait = "of jumps on a finite space whose kernel is known"
    process: _KnownJumps

    def faded(self, x_t: Tensor, t: Tensor) -> Tensor:
        r"""What the state says of x_0 by itself, $q_{t|0}(x_t | a)/\sum_b q_{t|0}(x_t | b)$, instead of one-hot."""
        own = self.process.evidence(x_t, t, torch.get_default_dtype())
        one_hot: Tensor = self.process.space.states**0.5 * own / own.sum(-1, keepdim=True)
        return one_hot.movedim(-1, 1).reshape(-1, *self.input_shape)

    def estimate(self, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """Softmax; data is never where it cannot be."""
        return self.over_data(self.by_site(output))

    def over_data(self, logits: Tensor) -> Tensor:
        """Probabilities of the states of data."""
        return torch.softmax(logits.masked_fill(~self.process.rates.data.to(logits.device), -math.inf), -1)


class Posterior(Softmax):
    r"""$p(x_0 | x_t) \propto e^{F(x_0)} q_{t|0}(x_t | x_0)$ at every site, with the network's output F.

    The network learns only what the other sites say. A state that cannot come by noise is data (the carry-over of
    masked diffusion; Sahoo et al. 2024, arXiv 2406.07524).

    >>> from unnoise.processes import CTMC, rates
    >>> head, mask = Posterior(CTMC(Finite(2, 3), rates.Absorbing(3))), 2
    >>> head.estimate(torch.zeros(1, 6), torch.tensor([[0, mask]]), torch.tensor(0.5))
    tensor([[[1.0000, 0.0000, 0.0000],
             [0.5000, 0.5000, 0.0000]]])
    """

    def estimate(self, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """Softmax of the output plus the log kernel."""
        logits = self.by_site(output)
        return torch.softmax(logits + self.process.evidence(x_t, t, logits.dtype).log(), -1)


class Indices(Posterior):
    """The network sees states as whole numbers to embed: cheaper than one-hot for large vocabularies.

    >>> from unnoise.processes import CTMC, rates
    >>> head = Indices(CTMC(Finite(64, 32_000), rates.Absorbing(32_000)))
    >>> head.input_shape, head.output_shape
    ((64,), (32000, 64))
    """

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The sites."""
        return self.process.space.event_shape

    @property
    def output_shape(self) -> tuple[int, ...]:
        """One number for every state of every site."""
        return super().input_shape

    def inputs(self, x_t: Tensor, t: Tensor) -> Tensor:
        """The states themselves."""
        return x_t

    def faded(self, x_t: Tensor, t: Tensor) -> Tensor:
        """The inputs."""
        return self.inputs(x_t, t)


@dataclass(frozen=True)
class Logistic(Softmax):
    r"""Discretised logistic laws, truncated to the states: a few numbers for every site of ordered states.

    State k of those scaled to [-1, 1] is the bin $k \pm \frac12$. By default the output is the mean relative to $x_t$,
    and the log scale relative to `log_scale`; `evidence` multiplies by $q_{t|0}(x_t | x_0)$. Salimans et al. 2017
    (arXiv 1701.05517); Campbell et al. 2022 (arXiv 2205.14987).

    Args:
        bells: how many laws are mixed, at first evenly spread.
        atoms: states, counted from 0, that have a weight of their own, such as ends where numbers pile up.
        relative: whether means are told relative to $x_t$, else to the middle, for what is said of a site unseen.

    >>> from unnoise.processes import CTMC, rates
    >>> process = CTMC(Finite(2, 5), rates.BirthDeath(5))
    >>> head = Logistic(process, evidence=True, bells=2, atoms=(0, -1), relative=False)
    >>> head.output_shape  # of each site two means, two scales and four weights
    (16,)
    """

    evidence: bool = False
    log_scale: float = -2.0
    bells: int = 1
    atoms: tuple[int, ...] = ()
    relative: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        flag(evidence=self.evidence, relative=self.relative)
        real(log_scale=self.log_scale)
        states = self.process.space.states
        whole(least=1, most=MOST_BELLS, bells=self.bells)
        atoms = counts("atoms", self.atoms, least=-states, most=states - 1) if self.atoms != () else ()
        object.__setattr__(self, "atoms", atoms)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """One number for every site."""
        return self.shape(1)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """For every site mean and log scale of each bell, and the weights of bells and atoms if there are several."""
        parts = self.bells + len(self.atoms)
        return self.shape(2 * self.bells + (parts if parts > 1 else 0))

    def inputs(self, x_t: Tensor, t: Tensor) -> Tensor:
        """States scaled to [-1, 1]."""
        return self._scaled(x_t, torch.get_default_dtype()).reshape(-1, *self.input_shape)

    def faded(self, x_t: Tensor, t: Tensor) -> Tensor:
        """The inputs."""
        return self.inputs(x_t, t)

    def estimate(self, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """The mixture, times the evidence."""
        spoken = self.by_site(output)
        shifts, log_scales, weights = spoken.tensor_split((self.bells, 2 * self.bells), -1)
        spread = torch.arange(1 - self.bells, self.bells, 2, dtype=shifts.dtype, device=shifts.device) / self.bells
        means = shifts + spread + (self._scaled(x_t, shifts.dtype)[..., None] if self.relative else 0.0)
        logits = self._bells(means[..., None], torch.exp(-(self.log_scale + log_scales))[..., None])
        logits = self._mixed(logits, weights) if weights.shape[-1] else logits[..., 0, :]
        if self.evidence:
            logits = logits + self.process.evidence(x_t, t, logits.dtype).log()
        return self.over_data(logits)

    def _bells(self, mean: Tensor, narrowness: Tensor) -> Tensor:
        r"""The logarithms of $\sigma(b) - \sigma(a) = \sigma(b)\sigma(-a)(1 - e^{a - b})$ for the edges a < b."""
        states = self.process.space.states
        centres = torch.linspace(-1, 1, states, dtype=mean.dtype, device=mean.device)
        return _between((centres - mean) * narrowness, narrowness / (states - 1))

    def _mixed(self, bells: Tensor, weights: Tensor) -> Tensor:
        """Of all parts; bells have mass on the states alone."""
        shares = torch.log_softmax(weights, -1)
        first, rest = shares[..., : self.bells], shares[..., self.bells :]
        mixed = torch.logsumexp(torch.log_softmax(bells, -1) + first[..., None], -2)
        if not self.atoms:
            return mixed
        atoms = torch.full_like(mixed, -math.inf)
        atoms[..., list(self.atoms)] = rest
        return torch.logaddexp(mixed, atoms)

    def _scaled(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """0 ... S - 1 as -1 ... 1."""
        return x.to(dtype) * (2 / (self.process.space.states - 1)) - 1


def _between(middle: Tensor, half: Tensor) -> Tensor:
    """The log mass of a logistic law in the bins of this half width."""
    log_sigmoid = torch.nn.functional.logsigmoid
    return log_sigmoid(middle + half) + log_sigmoid(half - middle) + torch.log(-torch.expm1(-2 * half))


class RatioHead(StatesHead):
    r"""The output is $\log\frac{q_t(y)}{q_t(x)}$ for every y that differs from x at one site; the concrete score.

    Lou et al. 2024 (arXiv 2310.16834). The statistic is the ratios, (n, *sites, S), with 1 for staying.

    >>> from unnoise.laws import Categorical
    >>> from unnoise.processes import JumpProcess
    >>> prior = lambda n: Categorical(torch.full((n, 1, 2), 0.5), event_ndim=1)
    >>> head = RatioHead(JumpProcess(Finite(1, 2), lambda x, t: torch.ones(*x.shape, 2), prior))
    >>> head.estimate(torch.tensor([[5.0, math.log(3)]]), torch.tensor([[0]]), torch.tensor(0.5))
    tensor([[[1., 3.]]])
    """

    def estimate(self, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """The ratios; 1 for staying."""
        return self.by_site(output).scatter(-1, x_t[..., None], 0.0).exp()
