"""Spins on lattices; small ones are summed exactly over all their states."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import MOST_STATES, real, reals, whole
from unnoise._checks import shape as lattice
from unnoise._errors import InputError
from unnoise.laws import Categorical, HasRatios, Law
from unnoise.spaces import Finite
from unnoise.targets.base import Target
from unnoise.targets.kaufman import log_sum

MOST = 2**18  # states at once


@dataclass(frozen=True)
class Potts(Target, HasRatios, Law[Tensor]):
    r"""$p(x) \propto \exp\big(J\sum_{x \sim x'} 1[s_x = s_{x'}] + \sum_x h_{s_x}\big)$ on a periodic lattice.

    An axis of two sites has both links between them. Potts 1952; Wu 1982, Reviews of Modern Physics 54, 235.

    `log_normaliser`, `sample` and `marginals` sum over all states, at most 262 144.

    Args:
        shape: sites along each axis, at least 2; an int L means a ring.
        states: q, at least 2.
        coupling: J, in nats; positive makes neighbours agree.
        field: h, one number per state; zero by default.

    >>> round(Potts((2, 2), 3, coupling=0.0).log_normaliser / math.log(3), 10)
    4.0
    """

    shape: tuple[int, ...]
    states: int
    coupling: float
    field: tuple[float, ...]

    def __init__(
        self, shape: int | tuple[int, ...], states: int = 3, coupling: float = 1.0, field: tuple[float, ...] = ()
    ) -> None:
        shape = lattice("shape", shape, axes=1, least=2)
        whole(least=2, most=MOST_STATES, states=states)
        real(coupling=coupling)
        reals("field", field, fewest=0)
        field = tuple(field) or (0.0,) * states
        if len(field) != states:
            raise InputError(f"got a field of {len(field)} numbers; expected one for each of the {states} states")
        for name, value in (("shape", shape), ("states", states), ("coupling", float(coupling)), ("field", field)):
            object.__setattr__(self, name, value)

    @property
    def space(self) -> Finite:
        """The lattice."""
        return Finite(self.shape, self.states)

    @property
    def log_normaliser(self) -> float:
        """By the sum over all states."""
        return float(torch.logsumexp(_everything(self)[1], 0))

    @property
    def marginals(self) -> Tensor:
        """The exact probability of every state at every site, (*shape, q), in float64."""
        points, log_weight = _everything(self)
        return torch.einsum("n,n...->...", log_weight.softmax(0), self._one_hot(points))

    @property
    def mean_agreement(self) -> float:
        """The expected share of links between equal states."""
        points, log_weight = _everything(self)
        share = self._agreements(points) / (len(self.shape) * math.prod(self.shape))
        return float(log_weight.softmax(0) @ share)

    def log_prob(self, x: Tensor) -> Tensor:
        """Of states x, (*batch, *shape), in float64."""
        field = torch.tensor(self.field, dtype=torch.float64, device=x.device)[x]
        return self.coupling * self._agreements(x) + field.flatten(x.ndim - len(self.shape)).sum(-1)

    def conditional(self, x: Tensor) -> Categorical:
        """The law of every site given all others, in float64, for a Gibbs sampler."""
        return Categorical(self._logits(x).softmax(-1), len(self.shape))

    def log_ratios(self, x: Tensor) -> Tensor:
        """In closed form, (*batch, *shape, q)."""
        logits = self._logits(x)
        return logits - torch.gather(logits, -1, x[..., None])

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, *lattice)."""
        points, log_weight = _everything(self)
        chosen = Categorical(log_weight.softmax(0).to(rng.device), 0).sample(rng, shape)
        return points.to(chosen.device)[chosen]

    def _logits(self, x: Tensor) -> Tensor:
        """Of every state of every site given the others, up to a constant, by how many neighbours have it."""
        states = torch.arange(self.states, device=x.device)
        has = (x[..., None] == states).byte()  # small numbers, as memory is what takes time
        agree = torch.zeros_like(has)
        for axis in range(-len(self.shape) - 1, -1):
            agree += has.roll(1, axis)
            agree += has.roll(-1, axis)
        field = torch.tensor(self.field, dtype=torch.float64, device=x.device)
        return torch.add(field, agree, alpha=self.coupling)

    def _agreements(self, x: Tensor) -> Tensor:
        axes = range(-len(self.shape), 0)
        same = [(x == x.roll(-1, axis)).flatten(x.ndim - len(self.shape)).sum(-1) for axis in axes]
        return torch.stack(same).sum(0).double()

    def _one_hot(self, x: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(x, self.states).double()


class Ising(Potts):
    r"""$p(s) \propto \exp(J\sum_{x \sim x'} s_x s_{x'} + h\sum_x s_x)$, $s_x \in \{-1, 1\}$, on a periodic lattice.

    State 0 is spin -1 and state 1 spin +1: the Potts model with twice the coupling. Ising 1925; Onsager 1944: on the
    square lattice magnets form above J = 0.4407.

    Args:
        shape: sites along each axis, at least 2.
        coupling: J, in nats.
        magnet: h, the pull on every spin.

    On a lattice with two axes, without a magnet and with a positive coupling, `log_normaliser` and `mean_agreement` are
    Kaufman's, of any size.

    >>> ring = Ising(6, coupling=0.5)
    >>> exact = math.log((2 * math.cosh(0.5)) ** 6 + (2 * math.sinh(0.5)) ** 6)
    >>> round(ring.log_normaliser - exact, 10)
    0.0
    >>> round(Ising((24, 24)).mean_agreement, 4)
    0.8601
    """

    def __init__(self, shape: int | tuple[int, ...], coupling: float = 0.4407, magnet: float = 0.0) -> None:
        real(coupling=coupling, magnet=magnet)
        super().__init__(shape, 2, 2 * coupling, (-magnet, magnet))

    @property
    def log_normaliser(self) -> float:
        """By the sum over all states, or Kaufman's."""
        return float(self._solution(self._pull)) if self._solved else super().log_normaliser

    @property
    def mean_agreement(self) -> float:
        r"""The expected share of links between equal spins, $\frac12(1 + E[s_x s_{x'}])$."""
        if not self._solved:
            return super().mean_agreement
        with torch.enable_grad():
            pull = self._pull.requires_grad_()
            (energy,) = torch.autograd.grad(self._solution(pull), pull)
        return 0.5 + 0.25 * float(energy) / math.prod(self.shape)

    @property
    def _solved(self) -> bool:
        return len(self.shape) == 2 and not any(self.field) and self.coupling > 0

    def _solution(self, pull: Tensor) -> Tensor:
        rows, columns = self.shape
        return log_sum(rows, columns, pull)

    @property
    def _pull(self) -> Tensor:
        return torch.tensor(0.5 * self.coupling, dtype=torch.float64)

    def log_prob(self, x: Tensor) -> Tensor:
        """Of states x, (*batch, *shape), in float64."""
        links = len(self.shape) * math.prod(self.shape)
        return super().log_prob(x) - 0.5 * self.coupling * links


@functools.lru_cache(maxsize=8)
def _everything(target: Potts) -> tuple[Tensor, Tensor]:
    """All states, (q^sites, *shape), and their log weights."""
    sites = math.prod(target.shape)
    if sites * math.log(target.states) > math.log(MOST) + 1e-9:
        raise InputError(
            f"{target.states} states at {sites} sites are {target.states}^{sites} in all, and sums are taken over at "
            f"most {MOST:,}: take a smaller lattice for exact answers"
        )
    numbers = torch.arange(target.states**sites)[:, None]
    points = numbers // target.states ** torch.arange(sites) % target.states
    points = points.reshape(-1, *target.shape)
    return points, target.log_prob(points)
