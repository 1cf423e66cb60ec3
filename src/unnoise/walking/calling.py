"""How a log density of the user's may be called: on a batch or on one point, in torch or NumPy, and what it returns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise._masks import unmasked
from unnoise.walking.functions import Batched
from unnoise.walking.supports import noting

Told = Callable[[Any], Any]
UNSOLVED: type[Exception] = torch.linalg.LinAlgError  # type: ignore[attr-defined]
NOWHERE = (ArithmeticError, ValueError, AssertionError, LookupError, UNSOLVED)  # raised where there is no density
FEW = 8  # rows that are asked alone
ROUNDED = 1e3  # in units of rounding: what an imaginary part of a real number may be

_patient = True


def is_patient() -> bool:
    """Whether errors at some rows count as no density there; a function, as what is sent elsewhere copies constants."""
    return _patient


@contextmanager
def impatient() -> Iterator[None]:
    """Within it errors are raised."""
    global _patient
    _patient = False
    try:
        yield
    finally:
        _patient = True


def patient(batched: Batched) -> Batched:
    """The same, NaN at the rows at which it raises an error, as `math.log` does; they are found by halving.

    Of few rows each is asked alone, as halves mostly raise errors, too, where many rows do. NumPy does not warn of what
    overflows, as at points that are far out, where there is no density.
    """

    def asked(x: Any) -> Any:
        try:
            with np.errstate(all="ignore"):
                return batched(x)
        except NOWHERE:
            if not is_patient():
                raise
            rows = _tree.length(x)
            if rows == 1:
                return torch.full((1,), math.nan, dtype=torch.float64)
            size = 1 if rows <= FEW else -(-rows // 2)
            parts = [_tree.map(lambda leaf, a=a: leaf[a : a + size], x) for a in range(0, rows, size)]
            return torch.cat([asked(part).reshape(_tree.length(part)).double() for part in parts])

    return asked


def returned(found: Any) -> Tensor:
    """What a function returned, as a tensor of its own; of lists of numbers, too. What is masked or not real is NaN.

    A function may return the same array from call to call, and write on it in the next one.

    Raises:
        InputError: truth values.
        TypeError: no numbers, or several things.
    """
    if isinstance(found, list | tuple):
        if any((one.numel() if isinstance(one, Tensor) else np.size(one)) != 1 for one in found):
            raise TypeError(f"it returned a {type(found).__name__} of {len(found)}; expected its value alone")
        if any(isinstance(one, Tensor) for one in found):
            found = torch.stack([torch.as_tensor(one, dtype=torch.float64).reshape(()) for one in found])
    if not isinstance(found, Tensor):
        if found is None or isinstance(found, str | dict):
            raise TypeError(f"it returned {'nothing' if found is None else f'a {type(found).__name__}'}")
        numbers = np.asarray(unmasked(found))
        found = torch.as_tensor(numbers if numbers.dtype.kind in "bc" else np.asarray(numbers, dtype=float))
    if found.dtype == torch.bool:
        raise InputError(
            "the log density returned truth values; expected logarithms: 0 where they are true and minus infinity "
            "elsewhere, where the density is one of these"
        )
    real: Tensor = _real(found) if found.is_complex() else found
    return real.clone() if real.is_floating_point() else real.double()


def _real(found: Tensor) -> Tensor:
    r"""The real part; NaN where there is another, as of the logarithm of a negative density, $\log|p| + i\pi$."""
    rounding = (ROUNDED * torch.finfo(found.real.dtype).eps * (1 + found.real.abs())).clamp(max=0.1)
    return torch.where(found.imag.abs() <= rounding, found.real, math.nan)


@contextmanager
def computing(precision: torch.dtype) -> Iterator[None]:
    """Within it torch makes numbers of this precision where nothing says which."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(precision)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def precise(function: Told) -> Told:
    r"""The same, in double precision where points have whole numbers, of which torch makes single ones by itself.

    Of counts around a million $x\log\lambda - \log x!$ would be off by one.
    """

    def asked(x: Any) -> Any:
        whole = not all(leaf.is_floating_point() for _, leaf in _tree.leaves(x))
        with computing(torch.float64 if whole else torch.get_default_dtype()):
            return function(x)

    return asked


def of_batches(function: Told) -> Batched:
    """Of a function of (n, *event), in torch."""

    def batched(x: Any) -> Tensor:
        with noting(_tree.length(x)) as notes:
            return notes.held(returned(precise(function)(_tree.map(torch.clone, x))))

    return batched


def of_points(function: Told) -> Batched:
    """Of a function of one point, (*event), in torch, by `torch.vmap`."""

    def one(x: Any) -> Tensor:
        with noting(None) as notes:
            return notes.held(returned(function(_tree.map(torch.clone, x))).reshape(()))

    return precise(torch.vmap(one))


def of_points_in_turn(function: Told) -> Batched:
    """The same one after the other, of a function that asks how large a number is."""
    return _in_turn(
        precise(function),
        lambda x: _tree.map(torch.clone, x),
        lambda found: returned(found).reshape(()).double(),
        torch.stack,
    )


def in_numpy(function: Told) -> Batched:
    """Of a function of (n, *event), in NumPy."""
    return lambda x: returned(function(arrays(x)))


def in_columns(function: Told) -> Batched:
    """Of a function of (d, n), in NumPy, that gives each column what it gives it alone."""

    def batched(x: Tensor) -> Tensor:
        if not isinstance(x, Tensor) or x.ndim != 2:
            raise TypeError("points are no vectors")
        return returned(function(np.ascontiguousarray(arrays(x).T)))

    return batched


def in_numpy_in_turn(function: Told) -> Batched:
    """Of a function of one point, (*event), in NumPy."""
    return _in_turn(function, arrays, _number, lambda values: torch.tensor(values, dtype=torch.float64))


def single(form: Callable[[Told], Batched]) -> Callable[[Told], Batched]:
    """The form, of a function that knows single precision alone, as one with weights."""

    def singly(function: Told) -> Batched:
        def plain(x: Any) -> Any:
            with computing(torch.float32):
                return function(x)

        batched = form(plain)
        return lambda x: batched(_tree.map(lambda leaf: leaf.float() if leaf.is_floating_point() else leaf, x)).double()

    return singly


def arrays(x: Any) -> Any:
    """Copies in NumPy."""
    return _tree.map(lambda leaf: leaf.detach().cpu().numpy().copy(), x)


def _in_turn(
    function: Told, copied: Callable[[Any], Any], number: Callable[[Any], Any], joined: Callable[[list[Any]], Tensor]
) -> Batched:
    worked = False

    def batched(x: Any) -> Tensor:
        nonlocal worked
        points, values, wrong = copied(x), [], []
        for i in range(_tree.length(x)):  # the user's own loop
            try:
                values.append(number(function(_tree.map(lambda leaf, i=i: leaf[i], points))))
            except NOWHERE as error:  # as math.exp and math.log raise: no density there
                values.append(number(math.nan))
                wrong.append(error)
        worked = worked or len(wrong) < len(values)
        if wrong and not (worked and is_patient()):
            raise wrong[0]
        return joined(values)

    return batched


def _number(found: Any) -> float:
    return found if isinstance(found, float) else returned(found).item()


FORMS: dict[str, Callable[[Told], Batched]] = {
    "a batch": of_batches,
    "one point": of_points,
    "a batch in single precision": single(of_batches),
    "one point in single precision": single(of_points),
    "a batch in NumPy": in_numpy,
    "columns in NumPy": in_columns,
    "one point in NumPy": in_numpy_in_turn,
    "one point in turn": of_points_in_turn,
    "one point in turn in single precision": single(of_points_in_turn),
}
