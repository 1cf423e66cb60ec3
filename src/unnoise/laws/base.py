"""What a density and a law are: a log density and its gradient, and draws."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import wraps
from typing import Any, Generic, Protocol, Self

import torch
from torch import Tensor

from unnoise._checks import instance, refuse, whole
from unnoise._errors import InputError
from unnoise._gradients import derivatives, leaf
from unnoise._tree import S


class Place(Protocol):
    """Where points live: a space, as far as a density has to know it."""

    @property
    def event_shape(self) -> tuple[int, ...]:
        """The shape of one point."""

    def check(self, x: Any) -> None:
        """Raise InputError unless x is a batch of points."""


class Scored(ABC, Generic[S]):
    r"""A density with a known score $\nabla\log p$, all that unadjusted chains need.

    One of your own states `score`, a tangent vector at every point, (n, *event); `chains.Field` makes one of a
    function.

    >>> class Spring(Scored):  # p = exp(- x^2)
    ...     def score(self, x):
    ...         return -2 * x
    >>> from unnoise.chains import Langevin, run
    >>> trace = run(Langevin(Spring(), 0.01), torch.zeros(20_000, 1), 200, torch.Generator().manual_seed(0))
    >>> f"{trace.x.var():.1f}"
    '0.5'
    """

    @property
    def support(self) -> Place | None:
        """The space of the points; None is $R^d$, for points of any shape."""
        return None

    @abstractmethod
    def score(self, x: S) -> S:
        """The gradient of the log density at x: a tangent vector at every point."""


class LogDensity(Scored[S]):
    """A density known by its logarithm in nats, up to a constant unless the class says more.

    One of your own states `log_prob`, (n, *event) to (n,); the score then comes by automatic differentiation.
    `chains.Density` makes one of a function.

    >>> class Spring(LogDensity):
    ...     def log_prob(self, x):
    ...         return -x.square().sum(-1)
    >>> Spring().score(torch.tensor([[1.0, 2.0]]))
    tensor([[-2., -4.]])
    """

    @abstractmethod
    def log_prob(self, x: S) -> Tensor:
        """Log density at x in nats, (*batch,), in the reference measure of the class."""

    def score(self, x: S) -> S:
        """By automatic differentiation, for flat spaces."""
        slope: S = differentiated(self.log_prob, x)[1]
        return slope

    def log_prob_and_score(self, x: S) -> tuple[Tensor, S]:
        """Both at x."""
        return self.log_prob(x), self.score(x)


class HasRatios(LogDensity[Tensor]):
    r"""A density on sites that knows what a change of one site does to it, at less than the cost of all neighbours.

    `log_ratios(x)` is $\log p(y) - \log p(x)$ in nats for every neighbour y, (n, *sites, ways); such as
    `targets.Ising`.
    """

    @abstractmethod
    def log_ratios(self, x: Tensor) -> Tensor:
        r"""$\log p(y) - \log p(x)$ for every neighbour y, (n, *sites, ways), as rates are laid out; 0 for x itself."""


class Law(LogDensity[S]):
    """A (batch of) probability law(s) on states: a density to draw from, normalised unless the class says more.

    Its batch axes are those of x_0 for the kernel q(x_t | x_0). One of your own states `log_prob`, (*batch,) in nats,
    and `sample`; `testing.check_law` says whether they agree.

    >>> from unnoise.laws import Normal
    >>> law = Normal(torch.zeros(3, 2), torch.tensor(2.0), 1)  # a batch of three laws on the plane
    >>> law.sample(torch.Generator().manual_seed(0), (5,)).shape, law.log_prob(torch.zeros(3, 2)).shape
    (torch.Size([5, 3, 2]), torch.Size([3]))
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Let `sample` say what is wrong with its arguments."""
        super().__init_subclass__(**options)
        if "sample" in vars(cls):
            cls.sample = _checked(cls.sample)  # type: ignore[method-assign]

    @abstractmethod
    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> S:
        """Draw states of shape (*shape, *batch, *event)."""


def _checked(sample: Callable[..., Any]) -> Callable[..., Any]:
    """The method, after a look at its arguments."""

    @wraps(sample)
    def checked(self: Any, rng: torch.Generator, shape: tuple[int, ...] = (), **options: Any) -> Any:
        instance(torch.Generator, rng=rng)
        if not isinstance(shape, tuple | list):
            refuse("shape", shape, "how many draws along each axis, as (5,)")
        for size in shape:
            whole(shape=size)
        return sample(self, rng, shape, **options)

    return checked


def differentiated(log_prob: Any, x: Any) -> tuple[Tensor, Any]:
    """A function of points, (n, *event) to (n,), and its gradient, by one evaluation."""
    graph = x.requires_grad and torch.is_grad_enabled()
    with derivatives():
        x = x if graph or not x.is_floating_point() else leaf(x)
        values = log_prob(x)
        if not values.requires_grad:
            raise InputError(
                "the log density has no gradient with respect to x; compute it by torch operations, without "
                "detach() or NumPy, or give its gradient as gradient="
            )
        (slope,) = torch.autograd.grad(values.sum(), x, create_graph=graph)
    return (values, slope) if graph else (values.detach(), slope.detach())


class HasEntropy(Law[S]):
    r"""A law of known entropy $-E\log p(X)$ and divergence, in nats, (*batch,), summed over the axes of an event.

    >>> from unnoise.laws import Normal
    >>> law = Normal(torch.zeros(1, 2), torch.tensor(1.0), 1)
    >>> law.entropy(), law.kl(Normal(torch.ones(1, 2), torch.tensor(1.0), 1))  # log(2 pi e), half of 2
    (tensor([2.8379]), tensor([1.]))
    """

    @abstractmethod
    def entropy(self) -> Tensor:
        r"""$-E[\log p(X)]$ in nats, (*batch,)."""

    @abstractmethod
    def kl(self, other: Self) -> Tensor:
        r"""$KL(p \| p') = E[\log p(X) - \log p'(X)]$ in nats, (*batch,), for p' of the same kind."""


def none_below_zero(name: str, values: Tensor, *, within: float = 0.0, each_some: bool = False) -> None:
    """An InputError if a value is negative, by more than `within`; or if a last axis holds zeros alone.

    NaN goes on, to be named by the sampler that diverged; and on other devices nobody waits for an answer.
    """
    if values.device.type != "cpu" or not values.numel():
        return
    if (values < -within).any():
        refuse(name, float(values.detach().min()), "no negative number")
    if each_some and (values == 0).all(-1).any():
        raise InputError(f"got {name} that are all 0 in a row; expected some that are positive")


def event_sum(coordinates: Tensor, event_ndim: int) -> Tensor:
    """The sum over the last `event_ndim` axes."""
    return coordinates.flatten(coordinates.ndim - event_ndim).sum(-1) if event_ndim else coordinates


def events(x: Tensor, size: int) -> Tensor:
    """Vectors (*batch, size) as floating point numbers; InputError for others, which would broadcast.

    >>> events(torch.zeros(5, 1), 2)
    Traceback (most recent call last):
    unnoise._errors.InputError: got points of shape (5, 1); expected vectors of 2 numbers, (*batch, 2)
    """
    instance(Tensor, x=x)
    if x.shape[-1:] != (size,):
        got = f"got points of shape {tuple(x.shape)}"
        raise InputError(f"{got}; expected vectors of {size} numbers, (*batch, {size})")
    return x if x.is_floating_point() else x.to(torch.get_default_dtype())


def standard_normal(shape: tuple[int, ...], like: Tensor, rng: torch.Generator, scale: float = 1.0) -> Tensor:
    """N(0, 1) numbers, times `scale`, in the dtype and on the device of `like`.

    Drawn where `rng` lives, so that a seed gives the same numbers on every device.
    """
    numbers = torch.empty(shape, device=rng.device, dtype=like.dtype).normal_(0, scale, generator=rng)
    return numbers.to(like.device)
