"""Networks drawn without memory, to compare their form with a file before anything large is made."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from unnoise._errors import InputError

PER_TENSOR = 100  # operations that the first values of one tensor may take


@contextmanager
def sketch(tensors: int) -> Iterator[None]:
    """Inside, new tensors have a shape and no memory, and there are about as many as were promised.

    Args:
        tensors: how many a file holds; a deeper network is refused while it is built.

    >>> with sketch(tensors=2):
    ...     torch.nn.Linear(10**6, 10**6).weight.device
    device(type='meta')

    Raises:
        InputError: far more tensors are made than that.
    """
    as_before = torch.set_grad_enabled(torch.is_grad_enabled())  # the refusal may come in the middle of a no_grad
    with as_before, torch.device("meta"), _Counted(PER_TENSOR * (tensors + 10)):
        yield


class _Counted(TorchFunctionMode):
    def __init__(self, most: int) -> None:
        super().__init__()
        self.left = most

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        self.left -= 1
        if self.left < 0:
            raise InputError("the network that is described has far more tensors than the weights beside it: damaged")
        # For this one torch would import its compiler, a second at each start of a command.
        if getattr(func, "__name__", "") == "normal_":
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


def is_ours(part: Any) -> bool:
    """Whether a class, a function or a partial of one is of this package, or None, for our own default."""
    while isinstance(part, functools.partial):
        part = part.func
    return part is None or getattr(part, "__module__", "").startswith("unnoise.")
