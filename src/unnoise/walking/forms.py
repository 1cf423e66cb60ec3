"""Log densities as people write them: of a batch or of one point, in torch or NumPy, of any precision."""

from __future__ import annotations

import contextlib
import inspect
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.spaces import Space
from unnoise.walking.calling import FORMS, NOWHERE, in_columns, in_numpy_in_turn, patient
from unnoise.walking.functions import Batched, Function

Told = Callable[[Any], Any]
ROWS = 3  # of the points that a function is tried on
CLOSE = 1e-4  # relative, within which a row has the same value alone and among others, in single precision
SAME = 1e-5  # relative, within which a value is the same as before
VMAP = ("vmap:", "Cannot access data pointer")  # how errors of `torch.vmap` begin, which say nothing of the function
RAISED = (ArithmeticError, AssertionError, ValueError)  # where there is no density, or by mistake
LONGEST = 200  # letters of an error that are shown
EVERY_AXIS = ", a number for every axis of a point: sum over these axes"


def understood(function: Told, space: Space[Any, Any], x: Any) -> Function:
    """The function as one of batches, by trying it on a few points, x (n, *event).

    Tried in this order: torch on a batch, torch on one point (`torch.vmap`), both in single precision, NumPy on a
    batch, on columns and on one point, torch on one point after the other. A function of several arguments gets the
    numbers of a point apart. Functions get copies, so they may write on them.

    Raises:
        InputError: none of these works; or a row's value depends on other rows, or on chance.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of forms that do not fit
        warnings.filterwarnings("error", "__array_wrap__")  # of NumPy, which takes some tensors for arrays
        return _understood(function, space, x)


def _understood(function: Told, space: Space[Any, Any], x: Any) -> Function:
    wrong: list[tuple[str, Exception | str]] = []
    for told in _ways(function, x):
        for name, form in FORMS.items():
            batched = form(told)
            try:
                few, values = _tried(batched, x)
            except InputError:
                raise
            except Exception as error:
                _check_name(error, x)
                wrong.append((name, error))
                continue
            if not _fits(values, _tree.length(few)):
                wrong.append((name, f"it returned {_shape(values, _tree.length(few))}"))
                continue
            shaped = _shaped(patient(batched))
            if form is not in_columns or _same_alone(told, few, values.flatten()):
                _check_rows(shaped, few, values.flatten())
                return Function(shaped, space, _slopes(shaped, few) or _is_constant(shaped, x))
    raise InputError(_words(function, wrong, x))


def arguments(function: Told) -> list[str]:
    """The names of its arguments that have no default; none where it does not say them."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # of functions written in C
        return []
    ordered = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [one.name for one in parameters if one.kind in ordered and one.default is one.empty]


def check_names(function: Told) -> None:
    """Raise InputError if a function, which is given no names, asks for parts of a point by these."""
    asked = _Names()
    with contextlib.suppress(Exception):  # of any kind, as the numbers have no meaning
        function(asked)
    if names := asked.found:
        raise InputError(
            f"the log density asks for parts of its points by the names {', '.join(names)}; say what these are by "
            f"parameters = {{{', '.join(f'{name!r}: Reals()' for name in names)}}}, of unnoise.walking"
        )


class _Names(dict[str, Tensor]):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __missing__(self, name: Any) -> Tensor:
        if not isinstance(name, str):
            raise TypeError("points have names")
        self.found += [] if name in self.found else [name]
        return torch.tensor([0.5], dtype=torch.float64)


def _ways(function: Told, x: Any) -> Iterator[Told]:
    """The function, which may take a point, or its numbers apart; a point of one number may be the number."""
    names = arguments(function)
    size = x.shape[1] if isinstance(x, Tensor) and x.ndim == 2 else 0
    if len(names) < 2:
        yield function
        if size == 1:
            yield lambda x: function(x[..., 0])
        if size and not names:  # def log_prob(*x)
            yield _apart(function, size)
    if isinstance(x, dict) and names and set(names) <= set(x):
        yield lambda x: function(**{name: x[name] for name in names})  # type: ignore[call-arg]
    elif len(names) < 2:
        return
    elif len(names) == size:
        yield _apart(function, size)
    else:
        has = f"the parameters are {', '.join(x)}" if isinstance(x, dict) else f"a point has {size} numbers"
        raise InputError(
            f"the log density takes {', '.join(names)}, and {has}; expected one argument, a point, or one for each of "
            "these: bind others by functools.partial, or give them defaults"
        )


def _apart(function: Callable[..., Any], size: int) -> Told:
    return lambda x: function(*(x[..., i] for i in range(size)))


def _rows(x: Any) -> int:
    """How many points to try: as many as no axis of a point has, so that an axis cannot pass for the batch."""
    axes = {size for _, leaf in _tree.leaves(x) for size in leaf.shape[1:]}
    return next(rows for rows in range(ROWS, ROWS + len(axes) + 1) if rows not in axes)


def _tried(batched: Batched, x: Any) -> tuple[Any, Tensor]:
    """A few points at which it raises no error, and what it returns there; its error where there are no two."""
    rows = _rows(x)
    few = _tree.map(lambda leaf: leaf[:rows], x)
    try:
        return few, batched(few)
    except NOWHERE:
        there = (~patient(batched)(x).flatten().isnan()).nonzero()[:rows, 0]
        if len(there) < 2:
            raise
        few = _tree.map(lambda leaf: leaf[there], x)
        return few, batched(few)


def _fits(values: Tensor, rows: int) -> bool:
    """Whether there is a number for each row, along one axis."""
    return values.numel() == rows and (rows == 1 or max(values.shape, default=0) == rows)


def _shape(values: Tensor, rows: int) -> str:
    many = values.ndim > 1 and len(values) == rows
    return f"{tuple(values.shape)}" + (EVERY_AXIS if many else "")


def _check_name(error: Exception, x: Any) -> None:
    """Raise InputError where a function asks for a name that points do not have."""
    if isinstance(error, KeyError) and isinstance(x, dict) and error.args and error.args[0] not in x:
        raise InputError(
            f"the log density asks for {error.args[0]!r}, and the parameters are {', '.join(x)}: declare it, or mend "
            "its name"
        )


def _check_rows(batched: Batched, few: Any, values: Tensor) -> None:
    rows = range(len(values))
    again = batched(few)
    if len(other := (~_close(again, values, SAME)).nonzero()):
        row = int(other[0])
        raise InputError(
            f"the log density of the same point is {float(values[row]):.6g} and then {float(again[row]):.6g}; expected "
            "a function of the point alone: leave out random numbers, and what it changes from call to call"
        )
    alone = torch.cat([batched(_tree.map(lambda leaf, i=i: leaf[i : i + 1], few)) for i in rows])
    if len(other := (~_close(alone, values, CLOSE)).nonzero()):
        row = int(other[0])
        raise InputError(
            f"rows see each other: the log density of a point is {float(alone[row]):.6g} alone and "
            f"{float(values[row]):.6g} among {len(values)}; sum over the axes of a point, never over the batch"
        )


def _same_alone(told: Told, few: Any, values: Tensor) -> bool:
    """Whether a point has the same value as a vector, as a function of columns may be none of points."""
    try:
        alone = in_numpy_in_turn(told)(few)
    except Exception:  # of any kind, as another form is tried
        return False
    return bool(_close(alone, values, CLOSE).all())


def _close(a: Tensor, b: Tensor, tolerance: float) -> Tensor:
    return torch.isclose(a.double(), b.double(), rtol=tolerance, atol=tolerance, equal_nan=True)


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


def _is_constant(batched: Batched, x: Any) -> bool:
    """Whether it is the same everywhere, as a flat prior; its slope is zero, though nothing of torch says so."""
    values = batched(x)
    return bool(torch.isfinite(values).all() & (values == values[0]).all())


def _shaped(batched: Batched) -> Batched:
    """One number for every row, (n,), also of (n, 1), and of a single row that comes without an axis."""
    return lambda x: batched(x).reshape(_tree.length(x))


def _words(function: Told, wrong: list[tuple[str, Exception | str]], x: Any) -> str:
    """Why a function works in no form."""
    if isinstance(x, Tensor):
        check_names(function)
    if axes := next((what for _, what in wrong if isinstance(what, str) and what.endswith(EVERY_AXIS)), None):
        return f"the log density is not one number for each point: {axes}, as by .sum(1)"
    said: dict[str, str] = {}
    for name, what in wrong:
        text = what if isinstance(what, str) else f"{type(what).__name__}: {str(what).partition(chr(10))[0][:LONGEST]}"
        if not (isinstance(what, Exception) and str(what).startswith(VMAP)):
            said.setdefault(text + ("" if isinstance(what, str) else _place(what)), name)
    shown = "; ".join(f"{name}: {text}" for text, name in said.items())
    innermost = [traceback.extract_tb(what.__traceback__)[-1] for _, what in wrong if isinstance(what, RAISED)]
    advice = "; where that means that there is no density, give the bounds of its points as parameters"
    return (
        f"the log density works neither on a batch, (n, *event) to (n,), nor on one point, in torch or NumPy ({shown})"
        f"{advice if any(map(_is_own, innermost)) else ''}"
    )


def _place(error: Exception) -> str:
    """The innermost line of the user's own code."""
    own = [at for at in traceback.extract_tb(error.__traceback__) if _is_own(at)]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""


def _is_own(at: traceback.FrameSummary) -> bool:
    here = str(Path(__file__).parents[1])
    return not (at.filename.startswith((here, "<")) or "site-packages" in at.filename)
