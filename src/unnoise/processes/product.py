r"""Independent noise on the factors of a product, on one common time.

Given $x_0$ the factors are independent: kernels multiply, generators and prices add. What couples them is the data, so
one denoiser sees all factors and estimates all statistics; the statistic is the dict of the factors' own.

Capabilities are those that all factors have: a product of processes with kernels has one, and of bridged processes a
bridge.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from unnoise import spaces
from unnoise._errors import InputError
from unnoise._roots import bisect
from unnoise.heads.base import Head
from unnoise.laws import Independent
from unnoise.processes.base import Bridged, HasKernel, Process

HALVINGS, NEWTON_STEPS = 12, 5  # to invert a map of times to rounding


@dataclass(frozen=True)
class Product(Process[Any]):
    """The processes of all factors at once.

    Constructing it gives a `ProductWithKernel` where all factors have kernels, a `BridgedProduct` where all have
    bridges. Its space is the product of their spaces.

    Args:
        parts: name -> process, at least one; nest by giving a product as a part.

    Raises:
        InputError: no parts.

    >>> from unnoise.processes import variance_exploding, variance_preserving
    >>> from unnoise.spaces import Euclidean
    >>> process = Product({"a": variance_preserving(Euclidean(2)), "b": variance_exploding(Euclidean(1))})
    >>> type(process).__name__, process.space.event_shape
    ('BridgedProduct', (3,))
    """

    parts: Mapping[str, Process[Any]]
    space: spaces.Product = field(init=False, repr=False)

    def __new__(cls, parts: Mapping[str, Process[Any]] | None = None) -> Product:
        """The kind of product that the factors allow; without parts for `copy` and `pickle`."""
        processes = list((parts or {}).values())
        for kind, capability in ((BridgedProduct, Bridged), (ProductWithKernel, HasKernel)):
            if cls is Product and processes and all(isinstance(process, capability) for process in processes):
                return object.__new__(kind)
        return object.__new__(cls)

    def __post_init__(self) -> None:
        if not self.parts:
            raise InputError("got a product of no processes; give at least one, as {name: process}")
        factors = {name: process.space for name, process in self.parts.items()}
        object.__setattr__(self, "space", spaces.Product(factors))

    @property
    def head(self) -> Head[Any]:
        """The factors' own heads, side by side."""
        return Joint()

    def noise_conditioning(self, t: Tensor) -> Tensor:
        """The mean of the factors' levels."""
        return torch.stack([process.noise_conditioning(t) for process in self.parts.values()]).mean(0)

    def forward(self, x: Any, t: Tensor) -> Any:
        """Factor by factor."""
        return {name: process.forward(x[name], t) for name, process in self.parts.items()}

    def prior(self, n: int) -> Independent:
        """The factors' priors."""
        return Independent({name: process.prior(n) for name, process in self.parts.items()})

    def reverse(self, x_t: Any, stat: Any, t: Tensor, *, churn: float = 1.0) -> Any:
        """Factor by factor."""
        return {name: p.reverse(x_t[name], stat[name], t, churn=churn) for name, p in self.parts.items()}


class ProductWithKernel(Product, HasKernel[Any]):
    """A product of processes with kernels."""

    def marginal(self, x_0: Any, t: Tensor) -> Independent:
        """The factors' kernels."""
        return Independent({name: process.marginal(x_0[name], t) for name, process in self._kernels().items()})

    def target(self, x_0: Any, x_t: Any, t: Tensor) -> Any:
        """Factor by factor."""
        return {name: process.target(x_0[name], x_t[name], t) for name, process in self._kernels().items()}

    def kl_rate(self, stat: Any, target: Any, x_t: Any, t: Tensor) -> Tensor:
        """The sum of the factors' prices."""
        return _total(p.kl_rate(stat[name], target[name], x_t[name], t) for name, p in self._kernels().items())

    def importance_times(self, u: Tensor) -> tuple[Tensor, Tensor]:
        r"""The mixture of the factors' clocks, of density $\frac1k\sum_n p_n(t)$.

        One uniform number chooses the factor and, by its remainder, the time of that factor's clock.
        """
        clocks, count = list(self._kernels().values()), len(self.parts)
        scaled = u.double().clamp(0, 1) * count
        chosen = scaled.floor().clamp(max=count - 1)
        rest = scaled - chosen
        t = torch.zeros_like(rest)
        for index, process in enumerate(clocks):
            t = torch.where(chosen == index, process.importance_times(rest)[0].clamp(0, 1), t)
        density = torch.stack([_density(process, t) for process in clocks]).mean(0)
        return t.to(u), density.to(u)

    def control_variate(self, x_0: Any, x_t: Any, t: Tensor) -> Tensor:
        """The sum of the factors' control variates."""
        return _total(process.control_variate(x_0[name], x_t[name], t) for name, process in self._kernels().items())

    def encode(self, x_0: Any) -> tuple[Any, Tensor]:
        """Factor by factor; log volumes add."""
        starts = {name: process.encode(x_0[name]) for name, process in self._kernels().items()}
        return {name: x for name, (x, _) in starts.items()}, _total(volume for _, volume in starts.values())

    def decode(self, x_0: Any, stat: Any, rng: torch.Generator) -> Any:
        """Factor by factor."""
        return {name: process.decode(x_0[name], stat[name], rng) for name, process in self._kernels().items()}

    def reconstruction(self, x_0: Any) -> Tensor:
        """The sum of the factors' terms."""
        return _total(process.reconstruction(x_0[name]) for name, process in self._kernels().items())

    def _kernels(self) -> dict[str, HasKernel[Any]]:
        return {name: process for name, process in self.parts.items() if isinstance(process, HasKernel)}


class BridgedProduct(ProductWithKernel, Bridged[Any]):
    """A product of bridged processes."""

    def ancestral(self, stat: Any, x_t: Any, t: Tensor, s: Tensor, *, churn: float = 1.0) -> Independent:
        """Factor by factor, for one statistic of all."""
        bridges = self._bridges()
        return Independent({name: p.ancestral(stat[name], x_t[name], t, s, churn=churn) for name, p in bridges.items()})

    def reference(self, like: Any, t: Tensor | None = None) -> Independent:
        """Factor by factor."""
        return Independent({name: process.reference(like[name], t) for name, process in self._bridges().items()})

    def _bridges(self) -> dict[str, Bridged[Any]]:
        return {name: process for name, process in self.parts.items() if isinstance(process, Bridged)}


@dataclass(frozen=True)
class Joint(Head[Any]):
    """The heads of the factors side by side: one network sees all factors as one vector.

    Args:
        parts: name -> head, for the factors that should not have their process's own.
    """

    parts: Mapping[str, Head[Any]] = field(default_factory=dict)

    def input_shape(self, process: Any) -> tuple[int, ...]:
        """All factors' inputs as one vector."""
        return (sum(math.prod(head.input_shape(part)) for _, part, head in self._each(process)),)

    def output_shape(self, process: Any) -> tuple[int, ...]:
        """All factors' outputs as one vector."""
        return (sum(math.prod(head.output_shape(part)) for _, part, head in self._each(process)),)

    def inputs(self, process: Any, x_t: Any, t: Tensor) -> Tensor:
        """The factors' inputs, one after the other."""
        inputs = [head.inputs(part, x_t[name], t).flatten(1) for name, part, head in self._each(process)]
        kind = torch.get_default_dtype() if any(part.dtype != inputs[0].dtype for part in inputs) else inputs[0].dtype
        return torch.cat([part.to(kind) for part in inputs], 1)

    def estimate(self, process: Any, output: Tensor, x_t: Any, t: Tensor) -> Any:
        """Every factor reads its own part of the output."""
        shapes = [head.output_shape(part) for _, part, head in self._each(process)]
        ends = list(itertools.accumulate(math.prod(shape) for shape in shapes))
        flat = output.flatten(1).tensor_split(ends[:-1], 1)
        return {
            name: head.estimate(part, values.reshape(-1, *shape), x_t[name], t)
            for (name, part, head), values, shape in zip(self._each(process), flat, shapes, strict=True)
        }

    def _each(self, process: Product) -> list[tuple[str, Process[Any], Head[Any]]]:
        return [(name, part, self.parts.get(name, part.head)) for name, part in process.parts.items()]


def _density(process: HasKernel[Any], t: Tensor) -> Tensor:
    """The density of a process's clock at given times: its map is monotone, so bisection and Newton invert it."""
    ends = process.importance_times(t.new_tensor([0.0, 1.0]))[0]
    sign = torch.sign(ends[1] - ends[0])
    unit = torch.zeros_like(t), torch.ones_like(t)
    low, high = bisect(lambda u: sign * (t - process.importance_times(u)[0]) >= 0, *unit, HALVINGS)
    u = 0.5 * (low + high)
    for _ in range(NEWTON_STEPS):
        at, density = process.importance_times(u)
        u = (u - sign * (at - t) * density).clamp(0, 1)
    return process.importance_times(u)[1]


def _total(terms: Any) -> Tensor:
    first, *others = terms
    total: Tensor = sum(others, first)
    return total
