"""Independent noise on the factors of a product, on one common time.

Given $x_0$ the factors are independent: kernels multiply, generators and KL rates add. The data couple them, so one
denoiser sees all factors and estimates the dict of their statistics. A product has the capabilities that all factors
have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, ClassVar

import torch
from torch import Tensor

from unnoise import spaces
from unnoise._checks import mapping
from unnoise._errors import InputError
from unnoise.heads.product import JointHead
from unnoise.laws import Independent
from unnoise.processes.base import Bridged, HasKernel, Process
from unnoise.processes.rates import Absorbing


@dataclass(frozen=True)
class ProductProcess(Process[Any]):
    """The processes of all factors, by name; made by `product`.

    States, statistics and local characteristics are dicts of the factors'; the generator is their sum, so KL rates add
    up.

    >>> from unnoise import processes, spaces
    >>> both = processes.product({"a": processes.edm(spaces.Euclidean(1)), "b": processes.Brownian(spaces.Torus(1))})
    >>> type(both).__name__, {name: x.shape for name, x in both.prior(3).sample(torch.Generator()).items()}
    ('KernelProduct', {'a': torch.Size([3, 1]), 'b': torch.Size([3, 1])})
    """

    kind: ClassVar[type] = Process  # of the factors
    parts: Mapping[str, Process[Any]]

    def __post_init__(self) -> None:
        mapping(self.kind, parts=self.parts)

    @cached_property
    def space(self) -> spaces.ProductSpace:  # type: ignore[override]
        """The product of the factors' spaces."""
        return spaces.product({name: process.space for name, process in self.parts.items()})

    @property
    def head(self) -> JointHead:
        """The factors' own heads, side by side."""
        return JointHead({name: process.head for name, process in self.parts.items()})

    def check(self, x_0: Any) -> None:
        """Raise InputError unless x_0 is a dict of every factor's data, all of one length."""
        for name, process in self.parts.items():
            if isinstance(x_0, Mapping) and name in x_0:
                try:
                    process.check(x_0[name])
                except InputError as error:
                    raise InputError(f"in {name!r}: {error}") from None
        self.space.check(x_0)

    def noise_conditioning(self, t: Tensor) -> Tensor:
        """The mean of the factors' numbers."""
        return torch.stack([process.noise_conditioning(t) for process in self.parts.values()]).mean(0)

    def forward(self, x: Any, t: Tensor) -> Any:
        """The factors' generators."""
        return {name: process.forward(x[name], t) for name, process in self.parts.items()}

    def kept(self) -> float:
        """That of the factor which keeps most."""
        return max(process.kept() for process in self.parts.values())

    def prior(self, n: int) -> Independent:
        """The factors' priors."""
        return Independent({name: process.prior(n) for name, process in self.parts.items()})

    def reverse(self, x_t: Any, stat: Any, t: Tensor, *, churn: float = 1.0) -> Any:
        """The factors' reverses."""
        return {name: p.reverse(x_t[name], stat[name], t, churn=churn) for name, p in self.parts.items()}

    def encode(self, x_0: Any) -> tuple[Any, Tensor]:
        """The factors' starts; log volumes add."""
        starts = {name: process.encode(x_0[name]) for name, process in self.parts.items()}
        return {name: x for name, (x, _) in starts.items()}, _total(volume for _, volume in starts.values())

    def decode(self, x_0: Any, stat: Any, rng: torch.Generator) -> Any:
        """The factors' data."""
        return {name: process.decode(x_0[name], stat[name], rng) for name, process in self.parts.items()}


@dataclass(frozen=True)
class KernelProduct(ProductProcess, HasKernel[Any]):
    """A product of processes whose kernels are known: $q_{t|0}$ is the product of the factors', and KL rates add up.

    Times of `importance_times` are those of a factor that is drawn, all alike.
    """

    kind = HasKernel
    parts: Mapping[str, HasKernel[Any]]

    def marginal(self, x_0: Any, t: Tensor) -> Independent:
        """The factors' kernels."""
        return Independent({name: process.marginal(x_0[name], t) for name, process in self.parts.items()})

    def target(self, x_0: Any, x_t: Any, t: Tensor) -> Any:
        """The factors' statistics."""
        return {name: process.target(x_0[name], x_t[name], t) for name, process in self.parts.items()}

    def kl_rate(self, stat: Any, target: Any, x_t: Any, t: Tensor) -> Tensor:
        """The sum over factors."""
        return _total(p.kl_rate(stat[name], target[name], x_t[name], t) for name, p in self.parts.items())

    def importance_times(self, u: Tensor) -> tuple[Tensor, Tensor]:
        r"""The mixture $\frac1k\sum_n p_n(t)$: u chooses a factor and a time of it."""
        scaled = u.double().clamp(0, 1) * len(self.parts)
        chosen = scaled.floor().clamp(max=len(self.parts) - 1)
        t = torch.zeros_like(scaled)
        for index, process in enumerate(self.parts.values()):
            t = torch.where(chosen == index, process.importance_times(scaled - chosen)[0].clamp(0, 1), t)
        return t.to(u), self.importance_density(t).to(u)

    def importance_density(self, t: Tensor) -> Tensor:
        """The mean of the factors'."""
        return torch.stack([process.importance_density(t) for process in self.parts.values()]).mean(0)

    def control_variate(self, x_0: Any, x_t: Any, t: Tensor) -> Tensor:
        """The sum over factors."""
        return _total(process.control_variate(x_0[name], x_t[name], t) for name, process in self.parts.items())

    def reconstruction(self, x_0: Any) -> Tensor:
        """The sum over factors."""
        return _total(process.reconstruction(x_0[name]) for name, process in self.parts.items())


@dataclass(frozen=True)
class BridgedProduct(KernelProduct, Bridged[Any]):
    """A product of processes whose bridges are known: its bridge $q(x_s | x_0, x_t)$ is the product of the factors'."""

    kind = Bridged
    parts: Mapping[str, Bridged[Any]]

    def ancestral(self, stat: Any, x_t: Any, t: Tensor, s: Tensor, *, churn: float = 1.0) -> Independent:
        """The factors' laws, for one statistic."""
        return Independent({k: p.ancestral(stat[k], x_t[k], t, s, churn=churn) for k, p in self.parts.items()})

    def reference(self, like: Any, t: Tensor | None = None) -> Independent:
        """The factors' references."""
        return Independent({name: process.reference(like[name], t) for name, process in self.parts.items()})


def product(parts: Mapping[str, Process[Any]]) -> ProductProcess:
    """The processes of all factors at once: a `BridgedProduct` if all have bridges, a `KernelProduct` if kernels.

    Else it is a `ProductProcess`. A part, by its name, may be a product.

    >>> from unnoise.processes import variance_exploding, variance_preserving
    >>> from unnoise.spaces import Euclidean
    >>> process = product({"a": variance_preserving(Euclidean(2)), "b": variance_exploding(Euclidean(1))})
    >>> type(process).__name__, process.space.event_shape
    ('BridgedProduct', (3,))
    """
    mapping(Process, parts=parts)
    bridged = {name: process for name, process in parts.items() if isinstance(process, Bridged)}
    if len(bridged) == len(parts):
        return BridgedProduct(bridged)
    kernels = {name: process for name, process in parts.items() if isinstance(process, HasKernel)}
    return KernelProduct(kernels) if len(kernels) == len(parts) else ProductProcess(parts)


def leaves(process: Process[Any], *trees: Any, path: str = "") -> Iterator[tuple[str, Process[Any], tuple[Any, ...]]]:
    """The dotted name, the process and the parts of the trees of every factor; of one process, itself under "".

    >>> from unnoise import processes, spaces
    >>> both = processes.product({"a": processes.edm(spaces.Euclidean(1)), "b": processes.Brownian(spaces.Torus(1))})
    >>> [(name, type(process).__name__, parts) for name, process, parts in leaves(both, {"a": 1, "b": 2})]
    [('a', 'Gaussian', (1,)), ('b', 'Brownian', (2,))]
    """
    if isinstance(process, ProductProcess):
        for name, part in process.parts.items():
            yield from leaves(part, *(tree[name] for tree in trees), path=f"{path}.{name}" if path else name)
    else:
        yield path, process, trees


def map_leaves(f: Callable[..., Any], process: Process[Any], *trees: Any) -> Any:
    """The values f(factor, *parts of the trees), as one tree of the same names.

    >>> from unnoise import processes, spaces
    >>> both = processes.product({"a": processes.edm(spaces.Euclidean(1)), "b": processes.Brownian(spaces.Torus(2))})
    >>> map_leaves(lambda process, part: process.space.event_shape * part, both, {"a": 1, "b": 2})
    {'a': (1,), 'b': (2, 2)}
    """
    if isinstance(process, ProductProcess):
        return {name: map_leaves(f, part, *(tree[name] for tree in trees)) for name, part in process.parts.items()}
    return f(process, *trees)


def is_masked(process: Process[Any]) -> bool:
    """Whether noise does nothing but hide sites of finite spaces behind masks, in every factor.

    >>> from unnoise import processes, spaces
    >>> from unnoise.processes import rates
    >>> one = processes.CTMC(spaces.Finite(2, 3), rates.Absorbing(3))
    >>> is_masked(one), is_masked(processes.product({"a": one, "b": processes.edm(spaces.Euclidean(1))}))
    (True, False)
    """
    return all(isinstance(getattr(part, "rates", None), Absorbing) for _, part, _ in leaves(process))


def _total(terms: Iterable[Tensor]) -> Tensor:
    return reduce(torch.add, terms)
