"""How data is noised, and what undoes it.

A process owns its mathematics: generator, kernel, prior, what is learnt, and reverse. It is immutable, without network.

Time runs from t = 0, data, to t = 1, noise. With marginals $q_t$ and kernels $q_{t|0}$, the reverse given its endpoint
$x_0$ is known (Doob), and affine in a statistic $Y_t(x_0, x_t)$; so all that is learnt is $E[Y_t(X_0, x) | X_t = x]$.

Capabilities are types: a sampler or an objective asks for what it needs by class.
"""

from __future__ import annotations

import copy
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Generic, Self, TypeVar

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise._roots import bisect
from unnoise._tree import S
from unnoise.heads.base import Head
from unnoise.laws import HasEntropy, Law
from unnoise.spaces import Jump, Local, Space

HALVINGS, NEWTON_STEPS = 12, 5  # to invert a map of importance times to rounding


class Process(ABC, Generic[S]):
    """A noising Markov process on a space, from t = 0, data, to t = 1, noise.

    It states its generator, `forward`, its noise, `prior`, and its reverse for a learnt statistic. Times are tensors of
    shape () or (*batch,), states (*batch, *event) or a dict of them.

    >>> from unnoise import processes, spaces
    >>> process = processes.Brownian(spaces.Torus(1))
    >>> process.forward(torch.zeros(1, 1), torch.tensor(0.5)).drift, process.prior(3).sample(torch.Generator()).shape
    (tensor([[0.]]), torch.Size([3, 1]))
    """

    trait: ClassVar[str] = "of any kind"  # a clause after "a process", for `require`
    space: Space[S, Any]

    @property
    def cell(self) -> Self:
        """The process of one cell of its space, whose batch axes end in those of the cells.

        So what it gives is one number for every cell, and times may differ between cells: they broadcast against
        (*batch, *cells), with as many axes. A point of one cell is a cell.
        """
        cell = copy.copy(self)
        vars(cell).update(space=self.space.cell)
        return cell

    @property
    def cells(self) -> tuple[int, ...]:
        """The shape of the cells of a point: the first axes of an event."""
        shape = self.space.event_shape
        return shape[: len(shape) - len(self.space.cell.event_shape)]

    @abstractmethod
    def forward(self, x: S, t: Tensor) -> Local:
        """The local characteristics of the generator $L_t$ at x."""

    @abstractmethod
    def prior(self, n: int) -> Law[S]:
        """$p_1$, the law that samples start from, as a batch of n."""

    @abstractmethod
    def reverse(self, x_t: S, stat: S, t: Tensor, *, churn: float = 1.0) -> Local:
        """The local characteristics of the reverse $K_t$ at x_t, for the learnt statistic.

        `churn` scales its noise and keeps the marginals: 1 is the time reversal, 0 the probability flow, if any.
        """

    def blank(self) -> S:
        """A point that says nothing, (1, *event): here one draw of noise, always the same."""
        return self.prior(1).sample(torch.Generator().manual_seed(0))

    @property
    @abstractmethod
    def head(self) -> Head[S]:
        """The default head: what a network sees of a state and what its output stands for."""

    def kept(self) -> float:
        """What the state at t = 1 still knows of the data, as a correlation, which samples forget; 0 if not known."""
        return 0.0

    def check(self, x_0: S) -> None:
        """Raise InputError unless x_0 is a batch of data, (n, *event): here any points."""
        if not isinstance(x_0, Tensor):
            raise InputError(f"got data of type {type(x_0).__name__}; expected a tensor, as of torch.as_tensor(data)")
        self.space.check(x_0)
        shape = self.space.event_shape
        if x_0.ndim != len(shape) + 1:
            raise InputError(f"got data of shape {tuple(x_0.shape)}; expected n points of shape {shape}, (n, ...)")
        if x_0.is_floating_point() and x_0.dtype.itemsize < 4:
            raise InputError(f"got data in {x_0.dtype}, too coarse for fine noise: convert it with x.float()")

    def encode(self, x_0: S) -> tuple[S, Tensor]:
        """Where the flow of x_0 begins, and the log volume of this map, (*batch,): here x_0, 0."""
        first = _tree.first(x_0)
        kind = first.dtype if first.is_floating_point() else torch.get_default_dtype()
        return x_0, torch.zeros(self._batch_of(x_0), dtype=kind, device=first.device)

    def decode(self, x_0: S, stat: S, rng: torch.Generator) -> S:
        """From the state at t = 0 to data: here as it is."""
        return x_0

    def noise_conditioning(self, t: Tensor) -> Tensor:
        """How noisy the time t is, of order one; by default t from -1 to 1."""
        return 2 * t - 1

    def _batch_of(self, x: S) -> torch.Size:
        """The batch axes of points, which for the process of one cell end in those of the cells."""
        axes = len(self.space.event_shape) if isinstance(x, Tensor) else _tree.first(x).ndim - 1
        shape = _tree.first(x).shape
        return shape[: len(shape) - axes]


class HasKernel(Process[S]):
    """A process whose kernel $q_{t|0}$ is known: draws and densities of `marginal(x_0, t)`, at once, for any t.

    With the kernel come the statistic $Y_t(x_0, x_t)$ that a denoiser regresses on, `target`, and what an error of it
    costs, `kl_rate`, in nats per unit of time.

    >>> from unnoise import processes, spaces
    >>> process, t = processes.Brownian(spaces.Torus(1)), torch.tensor(0.5)
    >>> x_0, x_t = torch.tensor([[0.0]]), torch.tensor([[0.1]])
    >>> score = process.target(x_0, x_t, t)  # the gradient of the log kernel, in nats per radian
    >>> process.kl_rate(score, score, x_t, t)
    tensor([0.])
    """

    trait = "whose kernel is known"

    @abstractmethod
    def marginal(self, x_0: S, t: Tensor) -> Law[S]:
        r"""$q_{t|0}(\cdot | x_0)$."""

    @abstractmethod
    def target(self, x_0: S, x_t: S, t: Tensor) -> S:
        """$Y_t(x_0, x_t)$: what a denoiser regresses on."""

    @abstractmethod
    def kl_rate(self, stat: S, target: S, x_t: S, t: Tensor) -> Tensor:
        r"""$\Phi(q_{t|0} / \beta_t)(x_t)$ in nats per unit time, (*batch,): the cost of stat for target."""

    @abstractmethod
    def importance_times(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Uniform numbers as times where the KL rate is worth a look, and their density in dt."""

    def importance_density(self, t: Tensor) -> Tensor:
        """The density of `importance_times` in dt at t; here by inverting that monotone map: bisection, then Newton."""
        ends = self.importance_times(t.new_tensor([0.0, 1.0]))[0]
        sign = torch.sign(ends[1] - ends[0])
        unit = torch.zeros_like(t), torch.ones_like(t)
        low, high = bisect(lambda u: sign * (t - self.importance_times(u)[0]) >= 0, *unit, HALVINGS)
        u = 0.5 * (low + high)
        for _ in range(NEWTON_STEPS):
            at, density = self.importance_times(u)
            u = (u - sign * (at - t) * density).clamp(0, 1)
        return self.importance_times(u)[1]

    def control_variate(self, x_0: S, x_t: S, t: Tensor) -> Tensor:
        """How noise moves the KL rate of a good denoiser, (*batch,), of mean 0; here 0."""
        return torch.zeros(self._batch_of(x_t), dtype=precision(t), device=_tree.first(x_t).device)

    @abstractmethod
    def reconstruction(self, x_0: S) -> Tensor:
        r"""$-E[\log p(x_0 | X_{t=0})]$, (*batch,), in nats."""


BridgeStep = Callable[[Any, Any], HasEntropy[Any]]


class Bridged(HasKernel[S]):
    """A process whose bridge $q(x_s | x_0, x_t)$, s < t, is known: ancestral steps and discrete-time bounds.

    The bridge needs $Y_t(x_0, x_t)$ alone. With the learnt one it is the ancestral law: on finite spaces exactly the
    average of the bridges over $p(x_0 | x_t)$, as they are linear in it.

    >>> from unnoise import processes, spaces
    >>> process = processes.variance_preserving(spaces.Euclidean(1))
    >>> x_0, x_t, s, t = torch.tensor([[1.0]]), torch.tensor([[0.4]]), torch.tensor(0.0), torch.tensor(0.4)
    >>> process.bridge(x_0, x_t, t, s).mean  # at s = 0 the data
    tensor([[1.0000]])
    """

    trait = "whose bridge is known"

    @abstractmethod
    def marginal(self, x_0: S, t: Tensor) -> HasEntropy[S]:
        r"""$q_{t|0}(\cdot | x_0)$."""

    @abstractmethod
    def reference(self, like: S, t: Tensor | None = None) -> HasEntropy[S]:
        r"""The law $\pi_t$ of data that noise leaves in their family; without t, $\pi_0$ itself.

        A reverse in whole steps starts at it; its last step has it as Bayes' prior. `like` gives shape and device.
        """

    @abstractmethod
    def ancestral(self, stat: S, x_t: S, t: Tensor, s: Tensor, *, churn: float = 1.0) -> HasEntropy[S]:
        """The law of x_s given x_t and the statistic; churn keeps the marginals."""

    def steps(self, times: Tensor, like: S, *, churn: float = 1.0) -> Sequence[BridgeStep]:
        """The steps (stat, x_t) -> `ancestral` between decreasing times, (k,), for states like this one: k - 1 of them.

        What depends on time alone may be computed once for all: here it is not.
        """
        ends = itertools.pairwise(times.unbind())
        return [partial(self.ancestral, t=t, s=s, churn=churn) for t, s in ends]

    def bridge(self, x_0: S, x_t: S, t: Tensor, s: Tensor, *, churn: float = 1.0) -> HasEntropy[S]:
        """$q(x_s | x_0, x_t)$."""
        return self.ancestral(self.target(x_0, x_t, t), x_t, t, s, churn=churn)


P = TypeVar("P", bound=Process[Any])


def require(process: Process[Any], kind: type[P], asker: str, instead: str) -> P:
    """The process, as one of the kind that the asker needs; else InputError says what to use instead.

    >>> from unnoise import processes, spaces
    >>> letters = processes.CTMC(spaces.Finite(3, 4), processes.rates.Absorbing(4))
    >>> require(letters, processes.Gaussian, "Heun", "samplers.Ancestral")
    Traceback (most recent call last):
    unnoise._errors.InputError: Heun needs a process with x_t = alpha x_0 + sigma noise (Gaussian), not CTMC: use
    samplers.Ancestral
    """
    if isinstance(process, kind):
        return process
    raise InputError(
        f"{asker} needs a process {kind.trait} ({kind.__name__}), not {type(process).__name__}: use {instead}"
    )


def with_churn(back: Tensor, forward: Callable[[], Tensor], churn: float) -> Jump:
    r"""The reverse jumps K, plus $\frac12(c^2 - 1)(A + K)$ for a churn c above 1, A the rates forward."""
    more = max(0.0, 0.5 * (churn**2 - 1))
    return Jump((1 + more) * back + more * forward() if more else back)


def precision(t: Tensor) -> torch.dtype:
    """The dtype for whole states: the default, or that of the time where it is higher."""
    return torch.promote_types(torch.get_default_dtype(), t.dtype)
