"""Log densities as people write them: of a batch or of one point, in torch or NumPy, of any precision."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.spaces import Space
from unnoise.walking.functions import Batched, Function

Told = Callable[[Any], Any]
ROWS = 3  # of the points that a function is tried on
CLOSE = 1e-4  # relative, within which a row has the same value alone and among others, in single precision
OUTSIDE = "within the support"  # as distributions of torch say it


def understood(function: Told, space: Space[Any, Any], x: Any) -> Function:
    """The function as one of batches, by trying it on a few points, x (n, *event).

    Tried in this order: torch on a batch, torch on one point (`torch.vmap`), both in single precision, NumPy on a
    batch, NumPy on one point. Functions get copies, so they may write on them.

    Raises:
        InputError: none of these works; or a row's value depends on other rows.
    """
    rows = _rows(x)
    few = _tree.map(lambda leaf: leaf[:rows], x)
    wrong: list[str] = []
    for name, form in _FORMS.items():
        batched = form(function)
        try:
            values = batched(few)
        except Exception as error:
            _check_name(error, few)
            wrong.append(f"{name}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
            continue
        if not isinstance(values, Tensor) or values.shape not in ((rows,), (rows, 1)):
            wrong.append(f"{name}: it returned {_returned(values, rows)}")
            continue
        if form is _of_rows:
            _check_support(function, x)
        shaped = _shaped(batched)
        _check_rows(shaped, few, values.flatten())
        return Function(shaped, space, _slopes(shaped, few))
    for said in wrong:
        _check_outside(said)
    shown = "; ".join(_distinct(wrong))
    raise InputError(
        f"the log density works neither on a batch, (n, *event) to (n,), nor on one point, in torch or NumPy ({shown})"
    )


def _rows(x: Any) -> int:
    """How many points to try: as many as no axis of a point has, so that an axis cannot pass for the batch."""
    axes = {size for _, leaf in _tree.leaves(x) for size in leaf.shape[1:]}
    return next(rows for rows in range(ROWS, ROWS + len(axes) + 1) if rows not in axes)


def _distinct(wrong: list[str]) -> list[str]:
    """What was not said before by another form."""
    said: dict[str, str] = {}
    for one in wrong:
        said.setdefault(one.partition(": ")[2], one)
    return list(said.values())


def _returned(values: Any, rows: int) -> str:
    if not isinstance(values, Tensor):
        return type(values).__name__
    many = values.ndim > 1 and len(values) == rows
    return f"{tuple(values.shape)}" + (", a number for every axis of a point: sum over these axes" if many else "")


def _check_name(error: Exception, x: Any) -> None:
    """Raise InputError where a function asks for a name that points do not have."""
    if isinstance(error, KeyError) and isinstance(x, dict) and error.args and error.args[0] not in x:
        raise InputError(
            f"the log density asks for {error.args[0]!r}, and the parameters are {', '.join(x)}: declare it, or mend "
            "its name"
        )


def _check_outside(said: str) -> None:
    """Raise InputError where a distribution refuses a value that it cannot have."""
    if OUTSIDE in said:
        raise InputError(
            "the log density asks a distribution for values that it cannot have, and that raises an error: give the "
            "bounds of its points as parameters, such as unnoise.walking.Positive(), or return minus infinity there"
        )


def _check_support(function: Told, x: Any) -> None:
    """Raise InputError if one of the points is outside a support, which `torch.vmap` could not tell."""
    for i in range(_tree.length(x)):
        try:
            function(_tree.map(lambda leaf, i=i: leaf[i].clone(), x))
        except ValueError as error:
            _check_outside(str(error))


def _check_rows(batched: Batched, few: Any, values: Tensor) -> None:
    rows = range(len(values))
    alone = torch.cat([batched(_tree.map(lambda leaf, i=i: leaf[i : i + 1], few)) for i in rows])
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


def _shaped(batched: Batched) -> Batched:
    """One number for every row, (n,), also of (n, 1), and of a single row that comes without an axis."""

    def shaped(x: Any) -> Tensor:
        try:
            return batched(x).reshape(_tree.length(x))  # type: ignore[no-any-return]
        except ValueError as error:
            _check_outside(str(error))
            raise

    return shaped


def _of_batches(function: Told) -> Batched:
    return lambda x: function(_tree.map(torch.clone, x))


def _of_rows(function: Told) -> Batched:
    mapped = torch.vmap(lambda x: torch.as_tensor(function(_tree.map(torch.clone, x))).reshape(()))

    def batched(x: Any) -> Any:
        with _unvalidated():
            return mapped(x)

    return batched


@contextlib.contextmanager
def _unvalidated() -> Iterator[None]:
    """Distributions ask whether numbers are good by an `if`, which `torch.vmap` cannot follow."""
    before = Distribution._validate_args
    Distribution.set_default_validate_args(False)
    try:
        yield
    finally:
        Distribution.set_default_validate_args(before)


def _single(form: Callable[[Told], Batched]) -> Callable[[Told], Batched]:
    """The form, of a function that knows single precision alone, as one with weights."""

    def singly(function: Told) -> Batched:
        batched = form(function)
        return lambda x: batched(_tree.map(lambda leaf: leaf.float() if leaf.is_floating_point() else leaf, x)).double()

    return singly


def _numpy(function: Told) -> Batched:
    return lambda x: torch.as_tensor(np.asarray(function(_arrays(x)), dtype=float))


def _numpy_rows(function: Told) -> Batched:
    worked = False

    def batched(x: Any) -> Tensor:
        nonlocal worked
        points, values, wrong = _arrays(x), [], []
        for i in range(_tree.length(x)):  # the user's own loop
            try:
                values.append(float(function(_tree.map(lambda leaf, i=i: leaf[i], points))))
            except (ArithmeticError, ValueError) as error:  # as math.exp and math.log raise: no density there
                values.append(math.nan)
                wrong.append(error)
        worked = worked or len(wrong) < len(values)
        if not worked:
            raise wrong[0]
        return torch.tensor(values, dtype=torch.float64)

    return batched


def _arrays(x: Any) -> Any:
    return _tree.map(lambda leaf: leaf.detach().cpu().numpy().copy(), x)


_FORMS: dict[str, Callable[[Told], Batched]] = {
    "a batch": _of_batches,
    "one point": _of_rows,
    "a batch in single precision": _single(_of_batches),
    "one point in single precision": _single(_of_rows),
    "a batch in NumPy": _numpy,
    "one point in NumPy": _numpy_rows,
}
