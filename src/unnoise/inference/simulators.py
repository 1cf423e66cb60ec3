"""A simulator of the user, called with a batch or row by row, under a seed, and checked in what it returns."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np
import torch

from unnoise._checks import shown
from unnoise._errors import InputError
from unnoise._masks import unmasked
from unnoise._seeding import reseeded
from unnoise.inference.arguments import Arguments, arguments
from unnoise.inference.coupled import COPIES, are_coupled
from unnoise.inference.parameters import Floats, Parameters
from unnoise.training.dataset import derived_seed

Simulator = Callable[..., Any]
LONGEST = 120  # characters of the words of an error
PATIENCE = 10.0  # seconds of work that are not worth starting processes, or that a trial may take


@dataclass(frozen=True, eq=False)
class Caller:
    """How a simulator is called.

    Args:
        simulator: of the user.
        parameters: what it is called with.
        batched: whether with rows (n, d), or with one.
        takes: its arguments.
        shape: of one observation.
        seconds: that one row took in the trial.
    """

    simulator: Simulator
    parameters: Parameters
    batched: bool
    takes: Arguments
    shape: tuple[int, ...]
    seconds: float = 0.0

    def __call__(self, theta: Floats, seed: int) -> Floats:
        """One observation for each row of theta, (n, *shape), NaN for what is not finite.

        Raises:
            InputError: the simulator raised, and at which parameters; or returned another shape.
        """
        with nullcontext() if self.takes.seed else reseeded(seed):
            if self.batched:
                return self._batch(theta, seed)
            found = [self._row(row, derived_seed(seed, place)) for place, row in enumerate(theta)]
        return np.stack(found)

    def _batch(self, theta: Floats, seed: int) -> Floats:
        try:
            found = called(self, theta, seed)
        except InputError:
            raise
        except Exception as error:
            raise InputError(self._why(error, self._culprit(theta, seed))) from error
        expected = (len(theta), *self.shape)
        if found.shape != expected:
            raise InputError(
                f"the simulator returned the shape {found.shape} for {len(theta)} rows; expected {expected}, as in "
                "its trial"
            )
        return found

    def _row(self, row: Floats, seed: int) -> Floats:
        try:
            found = called(self, row, seed)
        except InputError:
            raise
        except Exception as error:
            raise InputError(self._why(error, row)) from error
        if found.shape != self.shape:
            raise InputError(
                f"the simulator returned the shape {found.shape} at {self.parameters.told(row)}; expected "
                f"{self.shape}, as in its trial"
            )
        return found

    def _culprit(self, theta: Floats, seed: int) -> Floats | None:
        """The first row that raises by itself."""
        row: Floats
        for row in theta:
            try:
                called(self, row[None], seed)
            except Exception:
                return row
        return None

    def _why(self, error: Exception, row: Floats | None) -> str:
        where = "with a batch, though with none of its rows" if row is None else f"at {self.parameters.told(row)}"
        return f"the simulator raised {_words(error)} {where}; return NaN where there is nothing to be seen"


def called(caller: Caller, theta: Floats, seed: int) -> Floats:
    """What the simulator returns, as an array of numbers."""
    options = {"seed": seed % 2**63} if caller.takes.seed else {}
    values = caller.parameters.shown(theta)
    found = caller.simulator(**values, **options) if caller.takes.names else caller.simulator(values, **options)
    seen = np.asarray(found.detach().cpu() if isinstance(found, torch.Tensor) else unmasked(found))
    if seen.dtype.kind not in "biuf":
        raise InputError(f"the simulator returned {shown(found)}; expected numbers")
    seen = seen.astype(np.float64)
    return np.where(np.isfinite(seen), seen, np.nan)


def tried(
    simulator: Simulator,
    parameters: Parameters,
    row: Floats,
    seed: int,
    batched: bool | None = None,
    other: Floats | None = None,
) -> Caller:
    """How to call a simulator, found out by calling it: with rows, and with one row.

    Rows that are equal show whether it takes a batch: it must return as many observations, each of the shape that one
    row gives, and different ones if it is random, as noise that all rows share is that of a single row.

    Args:
        simulator: of the user.
        parameters: what they are.
        row: the parameters of the trial, (d,).
        seed: of the trial.
        batched: whether it takes a batch, if that is known.
        other: different parameters, (d,), by which rows of a batch may be seen to depend on each other.

    Raises:
        InputError: it works in neither way.
    """
    if not callable(simulator) or isinstance(simulator, type):
        raise InputError(f"got simulator = {shown(simulator)}; expected a function of parameters, or Simulations")
    takes = arguments(simulator, parameters)
    count = next(n for n in (3, 4, 5) if n not in (parameters.size, parameters.parts[0].size))
    rows = np.tile(row, (count, 1))
    attempts = {flag: Caller(simulator, parameters, flag, takes, ()) for flag in (False, True)}
    one, each = _attempt(attempts[False], row, seed) if batched is not True else (None, 0.0)
    many, all_of_them = _attempt(attempts[True], rows, seed) if batched is not False else (None, 0.0)
    if isinstance(many, np.ndarray) and many.shape[:1] == (count,):
        fits = not isinstance(one, np.ndarray) or many.shape[1:] == one.shape
        if fits and not (isinstance(one, np.ndarray) and _is_shared(many, attempts[False], row, seed)):
            whole = Caller(simulator, parameters, True, takes, many.shape[1:], all_of_them / count)
            if batched or other is None or not _is_coupled(whole, isinstance(one, np.ndarray), row, other, seed, count):
                return whole
            if not isinstance(one, np.ndarray):
                raise InputError(
                    f"the simulator gives a row of a batch other observations than alone, at {parameters.told(row)}; "
                    "expected rows that do not see each other, or a function of one row (batch=1)"
                )
    if isinstance(one, np.ndarray):
        return Caller(simulator, parameters, False, takes, one.shape, each)
    if isinstance(many, np.ndarray):
        raise InputError(
            f"the simulator returned the shape {many.shape} for {count} rows of parameters; expected ({count}, ...), "
            "one observation for each"
        )
    _raise_again(one if one is not None else many, parameters.told(row))


def _raise_again(error: Any, told: str) -> NoReturn:
    """What was raised of one row or a batch, as an InputError."""
    if isinstance(error, InputError):
        raise error
    raise InputError(
        f"the simulator raised {_words(error)} at {told}; expected a function of parameters as the prior draws them, "
        "of one or of a batch"
    ) from error


def _attempt(caller: Caller, theta: Floats, seed: int) -> tuple[Floats | Exception, float]:
    """What it returned or raised, and the seconds that it took."""
    start = time.perf_counter()
    try:
        with nullcontext() if caller.takes.seed else reseeded(seed):
            return called(caller, theta, seed), time.perf_counter() - start
    except Exception as error:
        return error, 0.0


def _is_coupled(whole: Caller, takes_one: bool, row: Floats, other: Floats, seed: int, count: int) -> bool:
    """Whether rows of a batch see each other, where finding out takes no long time."""
    if 2 * COPIES * whole.seconds > PATIENCE:
        return False
    single = replace(whole, batched=False)

    def together(theta: Floats, seed: int) -> Floats | Exception:
        return _attempt(whole, theta, seed)[0]

    def alone(theta: Floats, seed: int) -> Floats | Exception:
        found = _attempt(single, theta[0], seed)[0] if takes_one else together(theta, seed)
        return found[None] if takes_one and isinstance(found, np.ndarray) else found

    return are_coupled(together, alone, row, other, seed, count)


def _is_shared(many: Floats, alone: Caller, row: Floats, seed: int) -> bool:
    """Whether equal rows gave the same, though calls one by one do not."""
    if not all(np.array_equal(many[0], other, equal_nan=True) for other in many[1:]):
        return False
    first, second = (_attempt(alone, row, other)[0] for other in (seed + 1, seed + 2))
    return not (
        isinstance(first, np.ndarray)
        and isinstance(second, np.ndarray)
        and np.array_equal(first, second, equal_nan=True)
    )


def _words(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__} ({text[:LONGEST]}{'...' * (len(text) > LONGEST)})" if text else type(error).__name__
