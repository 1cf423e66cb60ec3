"""Distributions of torch that are asked where they have no density: rows of minus infinity in the place of an error."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.distributions.utils import lazy_property


class Notes:
    """Which rows have numbers that a distribution cannot have.

    Args:
        rows: of the batch; None inside of `torch.vmap`, where there is one row.
    """

    def __init__(self, rows: int | None) -> None:
        self.rows = rows
        self.good: Tensor | None = None

    def took(self, valid: Tensor) -> bool:
        """Whether it is now known to which rows an answer belongs; not that of data, which have no rows."""
        try:
            if bool(valid.all()):
                return True
        except RuntimeError:  # as `torch.vmap` knows no truth values
            good = valid.all()
        else:
            if self.rows is None or valid.ndim == 0 or len(valid) != self.rows:
                return False
            good = valid.flatten(1).all(1) if valid.ndim > 1 else valid
        self.good = good if self.good is None else self.good & good
        return True

    def held(self, values: Tensor) -> Tensor:
        """The values, minus infinity where a row was found to be bad; with no slope there."""
        if self.good is None or (self.rows is not None and len(values) != self.rows):
            return values
        good = self.good.reshape(self.good.shape + (1,) * (values.ndim - self.good.ndim))
        return torch.where(good, values, -math.inf)


@contextlib.contextmanager
def noting(rows: int | None) -> Iterator[Notes]:
    """Inside, distributions note bad parameters and values, and raise an error where these belong to no row.

    They look even where that was switched off for all, as `torch.compile` does in the process that it is used in.
    """
    notes, begin, check = Notes(rows), Distribution.__init__, Distribution._validate_sample
    usual = Distribution._validate_args

    def begun(
        self: Distribution,
        batch_shape: torch.Size = torch.Size(),  # as torch has it
        event_shape: torch.Size = torch.Size(),
        validate_args: bool | None = None,
    ) -> None:
        _noted(
            lambda: begin(self, batch_shape, event_shape, validate_args),
            lambda: begin(self, batch_shape, event_shape, False),
            lambda: _parameters(self),
            notes,
        )
        self._validate_args = type(self)._validate_args if validate_args is None else validate_args

    def checked(self: Distribution, value: Tensor) -> None:
        _noted(lambda: check(self, value), lambda: None, lambda: [_rule(self).check(value)], notes)

    Distribution.__init__, Distribution._validate_sample = begun, checked  # type: ignore[method-assign]
    Distribution._validate_args = True
    try:
        yield notes
    finally:
        Distribution._validate_args = usual
        Distribution.__init__, Distribution._validate_sample = begin, check  # type: ignore[method-assign]


def _noted(
    ask: Callable[[], None], instead: Callable[[], None], answers: Callable[[], list[Any]], notes: Notes
) -> None:
    """Ask as torch does; what it refuses for some rows is noted, and done instead."""
    try:
        ask()
    except (ValueError, RuntimeError):  # the latter in `torch.vmap`
        instead()
        if not all([notes.took(valid) for valid in answers()]):
            raise


def _rule(law: Distribution) -> Any:
    return law.support


def _parameters(law: Distribution) -> list[Any]:
    """Where each of its parameters is one."""
    found = []
    named: dict[str, Any] = law.arg_constraints
    for name, constraint in named.items():
        lazy = name not in law.__dict__ and isinstance(getattr(type(law), name, None), lazy_property)
        if not (lazy or constraints.is_dependent(constraint)):  # type: ignore[no-untyped-call]
            found.append(constraint.check(getattr(law, name)))
    return found
