"""Log densities as people write them: of a batch or of one point, in torch or NumPy, of any precision."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.laws import HasRatios, LogDensity
from unnoise.laws.base import differentiated
from unnoise.spaces import Manifold, Space

Batched = Callable[[Any], Any]
ROWS = 3  # of the points that a function is tried on
CLOSE = 1e-4  # relative, within which a row has the same value alone and among others, in single precision


@dataclass
class Tried(LogDensity[Any]):
    """A log density that is asked where nobody knows what it returns: NaN, infinity and errors count as no density.

    Attributes:
        log_density: of batches.
        space: where its points live.
        evaluations: of points so far.
        refused: of these, the points at which it is NaN or plus infinity.
        outside: of these, the points at which there is no density.
    """

    log_density: LogDensity[Any]
    space: Space[Any, Any]
    evaluations: int = field(default=0, init=False)
    refused: int = field(default=0, init=False)
    outside: int = field(default=0, init=False)

    @property
    def support(self) -> Space[Any, Any]:
        """The space."""
        return self.space

    def log_prob(self, x: Any) -> Tensor:
        """At x, (n,); minus infinity where it is refused."""
        return self._held(self.log_density.log_prob(x))[0]

    def log_prob_and_score(self, x: Any) -> tuple[Tensor, Any]:
        """Both; no slope where it is refused."""
        values, score = self.log_density.log_prob_and_score(x)
        values, good = self._held(values, torch.isfinite(score).flatten(1).all(1))
        return values, torch.where(_tree.expand(good, score), score, 0.0)

    def _held(self, values: Tensor, sloped: Tensor | None = None) -> tuple[Tensor, Tensor]:
        self.evaluations += len(values)
        bad = values.isnan() | values.isposinf()
        if sloped is not None:
            bad |= ~sloped & ~values.isneginf()
        self.refused += int(bad.sum())
        self.outside += int((bad | values.isneginf()).sum())
        return torch.where(bad, -math.inf, values), ~bad & ~values.isneginf()


class TriedRatios(Tried, HasRatios):
    """The same on sites, of a density that knows its ratios."""

    def log_ratios(self, x: Tensor) -> Tensor:
        """Those of the density."""
        known: Any = self.log_density
        ratios: Tensor = known.log_ratios(x)
        return ratios


@dataclass(frozen=True)
class Function(LogDensity[Any]):
    """A function of the user's, in whatever form it was found to work.

    Args:
        function: of batches, to (n,).
        space: where its points live.
        sloped: whether torch can differentiate it.
    """

    function: Batched
    space: Space[Any, Any]
    sloped: bool

    @property
    def support(self) -> Space[Any, Any]:
        """The space."""
        return self.space

    def log_prob(self, x: Any) -> Tensor:
        """At x, (n,)."""
        values: Tensor = self.function(x)
        return values

    def log_prob_and_score(self, x: Any) -> tuple[Tensor, Any]:
        """Both, at the cost of one."""
        values, slope = differentiated(self.function, x)
        return values, self.space.riemannian_gradient(x, slope) if isinstance(self.space, Manifold) else slope


def understood(function: Callable[[Any], Any], space: Space[Any, Any], x: Any) -> Function:
    """The function as one of batches, by trying it on a few points, x (n, *event).

    Tried in this order: torch on a batch, torch on one point (`torch.vmap`), NumPy on a batch, NumPy on one point.

    Raises:
        InputError: none of these works; or a row's value depends on other rows.
    """
    rows = _rows(x)
    few = _tree.map(lambda leaf: leaf[:rows], x)
    wrong: list[str] = []
    for name, form in _FORMS.items():
        batched = form(function)
        try:
            values = batched(_tree.map(torch.clone, few))
        except Exception as error:
            _check_name(error, few)
            wrong.append(f"{name}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
            continue
        if isinstance(values, Tensor) and values.shape == (rows, 1):
            batched = _flattened(batched)
            values = values[:, 0]
        if not isinstance(values, Tensor) or values.shape != (rows,):
            got = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
            wrong.append(f"{name}: it returned {got}")
            continue
        _check_rows(batched, few, values)
        return Function(batched, space, _slopes(batched, few))
    shown = "; ".join(wrong)
    raise InputError(
        f"the log density works neither on a batch, (n, *event) to (n,), nor on one point, in torch or NumPy ({shown})"
    )


def _rows(x: Any) -> int:
    """How many points to try: as many as no axis of a point has, so that an axis cannot pass for the batch."""
    axes = {size for _, leaf in _tree.leaves(x) for size in leaf.shape[1:]}
    return next(rows for rows in range(ROWS, ROWS + len(axes) + 1) if rows not in axes)


def _check_name(error: Exception, x: Any) -> None:
    """Raise InputError where a function asks for a name that points do not have."""
    if isinstance(error, KeyError) and isinstance(x, dict) and error.args and error.args[0] not in x:
        raise InputError(
            f"the log density asks for {error.args[0]!r}, and the parameters are {', '.join(x)}: declare it, or mend "
            "its name"
        )


def _check_rows(batched: Batched, few: Any, values: Tensor) -> None:
    rows = range(len(values))
    alone = torch.cat([batched(_tree.map(lambda leaf, i=i: leaf[i : i + 1].clone(), few)) for i in rows])
    same = torch.isclose(alone.double(), values.double(), rtol=CLOSE, atol=CLOSE, equal_nan=True)
    if not bool(same.all()):
        row = int((~same).nonzero()[0])
        raise InputError(
            f"rows see each other: the log density of a point is {float(alone[row]):.6g} alone and "
            f"{float(values[row]):.6g} among {len(values)}; sum over the axes of a point, never over the batch"
        )


def _slopes(batched: Batched, few: Any) -> bool:
    """Whether torch can differentiate it in all that is not whole numbers."""
    with torch.enable_grad():
        asked = _tree.map(lambda leaf: leaf.clone().requires_grad_() if leaf.is_floating_point() else leaf, few)
        try:
            values = batched(asked)
            leaves = [leaf for _, leaf in _tree.leaves(asked) if leaf.requires_grad]
            torch.autograd.grad(values.sum(), leaves, allow_unused=True)
        except RuntimeError:
            return False
    return True


def _flattened(batched: Batched) -> Batched:
    return lambda x: batched(x)[:, 0]


def _of_rows(function: Callable[[Any], Any]) -> Batched:
    mapped = torch.vmap(lambda x: torch.as_tensor(function(x)).reshape(()))
    return lambda x: mapped(x)


def _numpy(function: Callable[[Any], Any]) -> Batched:
    def batched(x: Any) -> Any:
        values = function(_tree.map(lambda leaf: leaf.detach().cpu().numpy(), x))
        return torch.as_tensor(np.asarray(values, dtype=float))

    return batched


def _numpy_rows(function: Callable[[Any], Any]) -> Batched:
    def batched(x: Any) -> Tensor:
        points = _tree.map(lambda leaf: leaf.detach().cpu().numpy(), x)
        rows = range(_tree.length(x))
        values = [float(function(_tree.map(lambda leaf, i=i: leaf[i], points))) for i in rows]  # the user's own loop
        return torch.tensor(values, dtype=torch.float64)

    return batched


_FORMS: dict[str, Callable[[Callable[[Any], Any]], Batched]] = {
    "a batch": lambda function: function,
    "one point": _of_rows,
    "a batch in NumPy": _numpy,
    "one point in NumPy": _numpy_rows,
}
