r"""Charts of parameters: what takes $R^d$ to their natural coordinates, and the volume that it stretches.

A density p of natural coordinates $\theta = \phi(z)$ is $p(\phi(z))\,|\partial\phi/\partial z|$ in the chart, so that
integrals are those of $\theta$. Maps are those of `torch.distributions.biject_to`, but for ordered numbers, which torch
does not have, and shares, which stay precise near zero in log ratios (Aitchison 1982).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import biject_to, constraints
from torch.distributions.constraints import Constraint
from torch.distributions.transforms import Transform

from unnoise._checks import instance, shown
from unnoise._checks import shape as checked_shape
from unnoise._errors import InputError
from unnoise.spaces.simplex import helmert
from unnoise.walking.parameters import EXPECTED, Bounded, Increasing, by_names, told

MOST_NUMBERS = 10**7  # of a value
END = 600.0  # of a chart: e^709 is infinite
FAR = 20.0  # first points in a chart, where e^20 is far
BESIDE = 8.0  # of a chart, before its end: a factor of 3,000 of what is left of the distance to a bound


class LogRatios(Transform):
    r"""Shares from isometric log ratios, $\mathrm{softmax}(V^T z)$, one number fewer than there are shares."""

    bijective = True
    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: Tensor) -> Tensor:
        return torch.softmax(x @ helmert(x.shape[-1] + 1).to(x), -1)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log() @ helmert(y.shape[-1]).to(y).T

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """With respect to all shares but one."""
        parts = y.shape[-1]
        return 0.5 * math.log(parts) + torch.log_softmax(x @ helmert(parts).to(x), -1).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        """One share more."""
        return (*shape[:-1], shape[-1] + 1)

    def inverse_shape(self, shape: Any) -> Any:
        """One number fewer."""
        return (*shape[:-1], shape[-1] - 1)


class Steps(Transform):
    r"""Increasing numbers: $z_1$, and from each to the next a step $e^{z_i}$."""

    bijective = True
    domain = constraints.real_vector
    codomain = Increasing()

    def _call(self, x: Tensor) -> Tensor:
        return torch.cat([x[..., :1], x[..., 1:].exp()], -1).cumsum(-1)

    def _inverse(self, y: Tensor) -> Tensor:
        return torch.cat([y[..., :1], y.diff(dim=-1).log()], -1)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """The logarithms of the steps."""
        return x[..., 1:].sum(-1)


_OWN: dict[type, Callable[[], Transform]] = {Increasing: Steps, type(constraints.simplex): LogRatios}


@dataclass(frozen=True)
class ParameterChart:
    r"""All parameters at once, as $R^d$.

    Args:
        parts: parameters by their names; one under the empty name is shown as a tensor, others as a dict.

    >>> from unnoise.walking.parameters import Positive, Reals
    >>> chart = ParameterChart({"mu": Reals(), "tau": Positive(2)})
    >>> chart.size, chart.columns
    (3, ['mu', 'tau[0]', 'tau[1]'])
    >>> z = torch.tensor([[5.0, 0.0, math.log(2)]])
    >>> chart.inside(z)
    {'mu': tensor([5.]), 'tau': tensor([[1., 2.]])}
    >>> round(float(chart.log_volume(z).exp()), 4), chart.outside(chart.inside(z)).round(decimals=2).tolist()
    (2.0, [[5.0, 0.0, 0.69]])
    """

    parts: Mapping[str, Bounded]

    def __post_init__(self) -> None:
        instance(Mapping, parts=self.parts)
        self._maps  # noqa: B018  # refuses what has no chart

    @property
    def named(self) -> bool:
        """Whether values are shown as a dict."""
        return "" not in self.parts

    @property
    def size(self) -> int:
        """d, how many free numbers there are."""
        return sum(math.prod(one.free) for one in self._maps.values())

    @property
    def columns(self) -> list[str] | None:
        """A name for each number of a value; None without names."""
        if not self.named:
            return None
        return [column for name in self.parts for column in _columns(name, self._maps[name].shape)]

    def inside(self, z: Tensor) -> Any:
        """Natural coordinates of points of the chart, (n, d): a tensor (n, *shape), or a dict of them."""
        return self._shown({name: one.transform(x) for name, one, x in self._each(z)})

    def log_volume(self, z: Tensor) -> Tensor:
        r"""$\log|\partial\theta/\partial z|$, (n,)."""
        return torch.stack([_rows(one.volume(x)).sum(1) for _, one, x in self._each(z)]).sum(0)

    @torch.no_grad()
    def held(self, z: Tensor) -> Tensor:
        """Where numbers hold a value that is finite and off its borders, (n,): none at 1e-400 or 1e400."""
        good = []
        for _, one, x in self._each(z):
            value = one.transform(x)
            finite = torch.isfinite(_rows(value)).all(1) & torch.isfinite(_rows(one.volume(x))).all(1)
            good.append(finite & _rows(one.holds(value)).all(1))
        return torch.stack(good).all(0)

    def near(self, z: Tensor) -> Tensor:
        """Points no farther out than FAR where a bound is, as beyond it there is nothing but the border."""
        return torch.cat([x if one.unbounded else x / (1 + x.abs() / FAR) for one, x in self._cut(z)], -1)

    @torch.no_grad()
    def at_bounds(self, z: Tensor) -> float:
        """The share of points (n, d) that are at a bound, in floating point, when e^BESIDE times nearer to it."""
        ended = [one.ends(_farther(x, BESIDE)) for _, one, x in self._each(z) if not one.unbounded]
        return float(torch.stack(ended).any(0).double().mean()) if ended else 0.0

    def reaches_its_end(self, z: Tensor) -> bool:
        """Whether a point, (1, d), has a bounded number that floating point hardly holds, as 1e280."""
        return any(bool((x.abs() > END).any()) for one, x in self._cut(z) if not one.unbounded)

    def outside(self, values: Any) -> Tensor:
        """Points of the chart, (n, d), for natural coordinates, as `inside` makes them.

        Raises:
            InputError: other names or shapes, or a value that breaks its constraint, by its row and name.
        """
        given = values if self.named else {"": values}
        if not isinstance(given, Mapping) or set(given) != set(self.parts):
            got = ", ".join(map(str, given)) if isinstance(given, Mapping) else shown(values)
            raise InputError(f"got the values {got}; expected a dict of {', '.join(self.parts)}")
        found = [one.inverse(name, given[name]) for name, one in self._maps.items()]
        if len({len(one) for one in found}) > 1:
            raise InputError(f"got values of {sorted({len(one) for one in found})} rows; expected as many of each")
        return torch.cat(found, 1)

    def read(self, rows: Tensor) -> Any:
        """Values from their numbers side by side, (n, numbers), in the order of `columns`."""
        shapes = {name: one.shape for name, one in self._maps.items()}
        expected = sum(map(math.prod, shapes.values()))
        if rows.ndim != 2 or rows.shape[1] != expected:
            raise InputError(f"got values of shape {tuple(rows.shape)}; expected (n, {expected})")
        cut = torch.split(rows, [math.prod(one) for one in shapes.values()], 1)
        return self._shown({name: x.reshape(-1, *shapes[name]) for name, x in zip(shapes, cut, strict=True)})

    def _shown(self, values: dict[str, Tensor]) -> Any:
        return values if self.named else values[""]

    def _each(self, z: Tensor) -> list[tuple[str, _Map, Tensor]]:
        return [(name, one, x.reshape(-1, *one.free)) for name, (one, x) in zip(self.parts, self._cut(z), strict=True)]

    def _cut(self, z: Tensor) -> list[tuple[_Map, Tensor]]:
        cut = torch.split(z, [math.prod(one.free) for one in self._maps.values()], -1)
        return list(zip(self._maps.values(), cut, strict=True))

    @cached_property
    def _maps(self) -> dict[str, _Map]:
        return {name: _map(name, part) for name, part in self.parts.items()}


def chart_of(parameters: Any) -> ParameterChart:
    """The chart of what a user declared: a parameter, or a dict of them by their names."""
    return ParameterChart(by_names(parameters))


@dataclass(frozen=True)
class _Map:
    """Of one parameter: from an array of free numbers to a value."""

    transform: Transform
    constraint: Constraint
    free: tuple[int, ...]
    shape: tuple[int, ...]

    @property
    def unbounded(self) -> bool:
        """Whether all numbers are allowed."""
        constraint: Any = self.constraint
        return isinstance(getattr(constraint, "base_constraint", constraint), type(constraints.real))

    def holds(self, x: Tensor) -> Tensor:
        """Where values, (n, *shape), fulfil the constraint."""
        found: Tensor = self.constraint.check(x)  # type: ignore[no-untyped-call]
        return found

    def ends(self, z: Tensor) -> Tensor:
        """Where a value is the same a little farther out, as floating point tells no more of it, (n,)."""
        same = self.transform(z) == self.transform(_farther(z, 1.0))
        each: Constraint = getattr(self.constraint, "base_constraint", self.constraint)
        return _rows(_whole(same, each.event_dim)).any(1)

    def volume(self, z: Tensor) -> Tensor:
        """The logarithm of what z is stretched by, of any shape that sums to rows."""
        found: Tensor = self.transform.log_abs_det_jacobian(z, self.transform(z))  # type: ignore[no-untyped-call]
        return found

    def inverse(self, name: str, values: Any) -> Tensor:
        """Free numbers side by side, (n, k)."""
        try:
            x = torch.as_tensor(np.asarray(values) if isinstance(values, list | tuple) else values)
        except (TypeError, ValueError, RuntimeError):
            raise InputError(f"got {name or 'values'} = {shown(values)}; expected numbers") from None
        if x.ndim == 0 or x.shape[1:] != self.shape:
            expected = ", ".join(("n", *map(str, self.shape)))
            raise InputError(f"got {name or 'values'} of shape {tuple(x.shape)}; expected ({expected})")
        x = x.detach().double()
        z: Tensor = self.transform.inv(x)
        good = self.holds(x) & _whole(torch.isfinite(x), self.constraint.event_dim)
        finite = torch.isfinite(_rows(z)).all(1)
        if not bool(good.all() & finite.all()):
            raise InputError(_broken(name, x, good, finite, self.constraint))
        return _rows(z)


def _farther(z: Tensor, by: float) -> Tensor:
    """So much farther from zero, to either side."""
    return z + torch.where(z < 0, -by, by)


def _rows(x: Tensor) -> Tensor:
    """All numbers of a row side by side, (n, k)."""
    return x[:, None] if x.ndim == 1 else x.flatten(1)


def _whole(good: Tensor, axes: int) -> Tensor:
    """Whether all are, along the last axes."""
    return good.flatten(good.ndim - axes).all(-1) if axes else good


def _broken(name: str, x: Tensor, good: Tensor, finite: Tensor, constraint: Constraint) -> str:
    """The first value that breaks its constraint."""
    bad = ~good if bool((~good).any()) else (~finite).reshape(-1, *[1] * (good.ndim - 1)).expand(good.shape)
    row, *place = bad.nonzero()[0].tolist()
    value = x[(row, *place)]
    where = f"[{', '.join(map(str, place))}]" if place else ""
    numbers = [f"{number:.6g}" for number in value.flatten().tolist()]
    number = f"({', '.join(numbers)})" if value.ndim else numbers[0]
    return f"got {name or 'x'}{where} = {number} in row {row} (the first is 0); expected {told(constraint)}"


def _map(name: str, part: Bounded) -> _Map:
    constraint, shape = part.constraint, checked_shape("event_shape", part.event_shape)
    try:
        if math.prod(shape) > MOST_NUMBERS:
            raise ValueError(f"it has more than {MOST_NUMBERS:,} numbers")
        own = _OWN.get(type(constraint))
        transform = biject_to(constraint) if own is None else own()
        free = tuple(transform.inverse_shape(shape))
        found = _Map(transform, constraint, free, shape)
        _tried(found)
    except (NotImplementedError, ValueError, RuntimeError) as error:
        why = f" ({str(error).splitlines()[0]})" if str(error) else ""
        what = f"{name or 'a parameter'} of shape {shape}, {told(constraint)}"
        raise InputError(f"no chart is known for {what}{why}; expected {EXPECTED}") from None
    return found


def _tried(one: _Map) -> None:
    """Raise ValueError unless a value has the shape, and its map a Jacobian."""
    if not math.prod(one.free):
        raise ValueError("nothing of it is free")
    z = torch.zeros(1, *one.free, dtype=torch.float64)
    x = one.transform(z)
    if tuple(x.shape[1:]) != one.shape:
        raise ValueError(f"its values have the shape {tuple(x.shape[1:])}")
    if not bool(torch.isfinite(x).all() & torch.isfinite(one.volume(z)).all() & one.holds(x).all()):
        raise ValueError("bounds must be finite, and the lower one below the upper one")


def _columns(name: str, shape: tuple[int, ...]) -> list[str]:
    return [f"{name}[{', '.join(map(str, place))}]" for place in np.ndindex(*shape)] if shape else [name]
