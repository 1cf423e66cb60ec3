"""What one network sees of all factors of a product, and how they share its output."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import mapping, refuse
from unnoise.heads.base import Head

Factory = Callable[[Any], Head[Any]]


@dataclass(frozen=True)
class JointHead(Head[Any]):
    """The heads of the factors, by name, side by side: one network sees all factors as one vector.

    >>> from unnoise import heads, processes, spaces
    >>> word = processes.CTMC(spaces.Finite(2, 5), processes.rates.Absorbing(5))
    >>> place = processes.variance_preserving(spaces.Euclidean(3))
    >>> JointHead({"word": word.head, "place": heads.Eps(place)}).input_shape
    (13,)
    """

    parts: Mapping[str, Head[Any]]

    def __post_init__(self) -> None:
        mapping(Head, parts=self.parts)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """All factors' inputs as one vector."""
        return (sum(math.prod(head.input_shape) for head in self.parts.values()),)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """All factors' outputs as one vector."""
        return (sum(math.prod(head.output_shape) for head in self.parts.values()),)

    @property
    def timeless(self) -> bool:
        """Where all factors are."""
        return all(head.timeless for head in self.parts.values())

    def inputs(self, x_t: Any, t: Any) -> Tensor:
        """One after the other; the times may be a dict of those of the factors' cells."""
        return self._joined({name: head.inputs for name, head in self.parts.items()}, x_t, t)

    def faded(self, x_t: Any, t: Any) -> Tensor:
        """The factors', in the same order."""
        return self._joined({name: head.faded for name, head in self.parts.items()}, x_t, t)

    def _joined(self, views: Mapping[str, Callable[[Any, Any], Tensor]], x_t: Any, t: Any) -> Tensor:
        times = t if isinstance(t, Mapping) else dict.fromkeys(self.parts, t)
        inputs = [view(x_t[name], times[name]).flatten(1) for name, view in views.items()]
        kind = inputs[0].dtype if len({part.dtype for part in inputs}) == 1 else torch.get_default_dtype()
        return torch.cat([part.to(kind) for part in inputs], 1)

    def estimate(self, output: Tensor, x_t: Any, t: Tensor) -> Any:
        """Every factor reads its own part of the output."""
        own = self._own(output)
        return {name: head.estimate(own[name], x_t[name], t) for name, head in self.parts.items()}

    def at_site(self, output: Tensor, x_t: Any, t: Tensor, site: Tensor) -> Any:
        """Every factor reads those rows whose site it has."""
        own, found = self._own(output), {}
        sizes = [_tree.numel_per_row(x_t[name]) for name in self.parts]
        for (name, head), (rows, place) in zip(self.parts.items(), _tree.owned(site, sizes), strict=True):
            some = _tree.map(lambda leaf, rows=rows: leaf[rows], x_t[name])
            found[name] = head.at_site(own[name][rows], some, t if t.numel() == 1 else t[rows], place)
        return found

    def margins(self, x_0: Any, weights: Any) -> Tensor:
        """Those of all factors, one after the other."""
        return torch.cat([head.margins(x_0[name], weights[name]).flatten() for name, head in self.parts.items()])

    def _own(self, output: Tensor) -> dict[str, Tensor]:
        """The outputs of all factors."""
        sizes = [math.prod(head.output_shape) for head in self.parts.values()]
        flat = torch.split(output.flatten(1), sizes, 1)
        return {
            name: part.reshape(-1, *head.output_shape)
            for (name, head), part in zip(self.parts.items(), flat, strict=True)
        }


class _Product(Protocol):
    @property
    def parts(self) -> Mapping[str, Any]: ...  # name -> process


def joint(process: _Product, parts: Mapping[str, Factory]) -> JointHead:
    """The head of a product of processes where some factors, by name, have other heads than their own.

    >>> from functools import partial
    >>> from unnoise import heads, processes, spaces
    >>> process = processes.product({"numbers": processes.edm(spaces.Euclidean(2))})
    >>> head = partial(joint, parts={"numbers": heads.V})  # as for `Neural` and `DenoisingMarkovModel`
    >>> type(head(process).parts["numbers"]).__name__
    'V'
    """
    known = getattr(process, "parts", None)
    if not isinstance(known, Mapping):
        refuse("process", process, "a product of processes, as processes.product makes")
    if not isinstance(parts, Mapping) or not set(parts) <= set(known) or not all(map(callable, parts.values())):
        refuse("parts", parts, f"heads for some of the factors {', '.join(known)}, as {{name: heads.V}}")
    return JointHead({name: parts[name](p) if name in parts else p.head for name, p in process.parts.items()})
