"""Models of other libraries as log densities: of PyMC, and of Stan by BridgeStan."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unnoise._checks import function, refuse
from unnoise._errors import InputError
from unnoise.laws import LogDensity
from unnoise.spaces import Euclidean

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Foreign(LogDensity[Tensor]):
    r"""A log density of another library, on the $R^d$ that its parameters are mapped to, one point at a time.

    Args:
        names: of the d coordinates.
        value: the log density at a point, (d,), with the Jacobian of the map.
        slope: the same, and its gradient, (d,).
        parameters: points, (n, d), as parameters of the model by name, (n, ...).

    What raises an error at a point has no density there.
    """

    names: tuple[str, ...]
    value: Callable[[Numbers], float]
    slope: Callable[[Numbers], tuple[float, Numbers]]
    parameters: Callable[[Numbers], dict[str, Numbers]]

    def __post_init__(self) -> None:
        if not isinstance(self.names, tuple) or not self.names or not all(isinstance(n, str) for n in self.names):
            refuse("names", self.names, "a tuple of the names of coordinates, at least one")
        function(value=self.value, slope=self.slope, parameters=self.parameters)

    @property
    def support(self) -> Euclidean:
        """$R^d$."""
        return Euclidean(len(self.names))

    def log_prob(self, x: Tensor) -> Tensor:
        """At x, (n, d), in nats, up to a constant."""
        values = [_tried(lambda row: (self.value(row), row), row)[0] for row in _rows(x)]
        return torch.tensor(values, dtype=torch.float64, device=x.device)

    def score(self, x: Tensor) -> Tensor:
        """The gradient, (n, d)."""
        return self.log_prob_and_score(x)[1]

    def log_prob_and_score(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both."""
        found = [_tried(self.slope, row) for row in _rows(x)]
        values = torch.tensor([value for value, _ in found], dtype=torch.float64, device=x.device)
        return values, torch.from_numpy(np.stack([slope for _, slope in found])).to(x)

    def constrained(self, x: Tensor) -> dict[str, Numbers]:
        """Draws, (n, d), as parameters of the model by name, (n, ...)."""
        return self.parameters(_rows(x))


def from_pymc(model: Any) -> Foreign:
    """The posterior of a PyMC model, on the space of its transformed variables, with its gradient.

    Args:
        model: a `pymc.Model` with continuous variables alone.

    Raises:
        InputError: PyMC is not installed; or the model has discrete variables.
    """
    try:
        import pymc
    except ImportError:
        raise InputError("a model of PyMC needs PyMC: pip install pymc") from None
    if not isinstance(model, pymc.Model):
        raise InputError(f"got a {type(model).__name__}; expected a pymc.Model")
    if model.discrete_value_vars:
        named = ", ".join(variable.name for variable in model.discrete_value_vars)
        raise InputError(f"the model has discrete variables ({named}), without gradients; sum over them in the model")
    variables = model.continuous_value_vars
    start = model.initial_point()
    shapes = [np.shape(start[variable.name]) for variable in variables]
    both = model.logp_dlogp_function(grad_vars=variables, ravel_inputs=True)
    both.set_extra_values({})
    shown = model.compile_fn(model.unobserved_value_vars, inputs=variables, on_unused_input="ignore", point_fn=False)

    def parameters(rows: Numbers) -> dict[str, Numbers]:
        found = [shown(*_split(row, shapes)) for row in rows]
        names = [variable.name for variable in model.unobserved_value_vars]
        return {name: np.stack(column) for name, column in zip(names, zip(*found, strict=True), strict=True)}

    def slope(row: Numbers) -> tuple[float, Numbers]:
        value, gradient = both(row)
        return float(value), np.asarray(gradient, dtype=np.float64)

    names = [_numbered(variable.name, shape) for variable, shape in zip(variables, shapes, strict=True)]
    return Foreign(tuple(name for part in names for name in part), lambda row: slope(row)[0], slope, parameters)


def from_bridgestan(model: Any) -> Foreign:
    """The posterior of a Stan model that BridgeStan has compiled, on its unconstrained space, with its gradient.

    Args:
        model: a `bridgestan.StanModel`.
    """
    needed = ("param_unc_names", "param_names", "param_constrain", "log_density", "log_density_gradient")
    if missing := [name for name in needed if not callable(getattr(model, name, None))]:
        raise InputError(f"got a {type(model).__name__} without {missing[0]}; expected a bridgestan.StanModel")

    def parameters(rows: Numbers) -> dict[str, Numbers]:
        table = np.stack([model.param_constrain(row) for row in rows])
        return dict(zip(model.param_names(), table.T, strict=True))

    def slope(row: Numbers) -> tuple[float, Numbers]:
        value, gradient = model.log_density_gradient(row)
        return float(value), np.asarray(gradient, dtype=np.float64)

    return Foreign(tuple(model.param_unc_names()), lambda row: float(model.log_density(row)), slope, parameters)


def _rows(x: Tensor) -> Numbers:
    rows: Numbers = x.detach().cpu().double().numpy()
    return rows


def _tried(evaluate: Callable[[Numbers], tuple[float, Numbers]], row: Numbers) -> tuple[float, Numbers]:
    try:
        return evaluate(row)
    except (ArithmeticError, RuntimeError, ValueError):
        return -math.inf, np.zeros_like(row)


def _split(row: Numbers, shapes: list[tuple[int, ...]]) -> list[Numbers]:
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(row, ends[:-1]), shapes, strict=True)]


def _numbered(name: str, shape: tuple[int, ...]) -> list[str]:
    """The names of the numbers of a variable.

    >>> _numbered("mu", ()), _numbered("b", (2,))
    (['mu'], ['b[0]', 'b[1]'])
    """
    return [f"{name}[{','.join(map(str, place))}]" for place in np.ndindex(shape)] if shape else [name]
