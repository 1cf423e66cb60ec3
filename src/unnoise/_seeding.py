"""Where numbers are drawn by others than us."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from unnoise._checks import whole

# What torch draws with: functions, methods of tensors, and `torch.nn.init`.
_DRAWS = frozenset(
    {"bernoulli", "multinomial", "normal", "poisson", "rand", "rand_like", "randint", "randint_like", "randn"}
    | {"randn_like", "randperm", "bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_", "normal_"}
    | {"random_", "uniform_", "kaiming_normal_", "kaiming_uniform_", "orthogonal_", "sparse_", "trunc_normal_"}
    | {"xavier_normal_", "xavier_uniform_"}
)


class seeded(TorchFunctionMode):
    """Inside, whatever draws on the CPU without a generator of its own draws from one with this seed.

    torch.nn has no other way to seed weights. The global generator is neither used nor touched, and only this thread is
    concerned.

    >>> with seeded(0):
    ...     first = torch.nn.Linear(1, 1).weight
    >>> with seeded(0):
    ...     bool(first == torch.nn.Linear(1, 1).weight)
    True
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.rng = generator(seed)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """The call, with our generator if it would take the global one."""
        given = dict(kwargs or {})
        draws = getattr(func, "__name__", "") in _DRAWS and given.get("generator") is None
        if draws and _device(args, given) == "cpu":
            given["generator"] = self.rng
        return func(*args, **given)


@contextmanager
def reseeded(seed: int) -> Iterator[None]:
    """Inside, the global generators of Python, NumPy and torch on the CPU start from a seed; then all are as before.

    For the code of users that takes no generator, such as a simulator; ours is always given one.

    >>> with reseeded(0):
    ...     first = np.random.normal()
    >>> with reseeded(0):
    ...     first == np.random.normal()
    True
    """
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.set_rng_state(generator(seed).get_state())
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])


def _device(args: Sequence[Any], given: Mapping[str, Any]) -> str:
    devices = (value.device for value in (*args, *given.values()) if isinstance(value, torch.Tensor))
    return torch.device(next(devices, given.get("device") or torch.get_default_device())).type


def fresh_seed() -> int:
    """A seed that nobody knows, from 0 to 2**63 - 1."""
    return torch.Generator().seed() % 2**63


def as_seed(source: Any) -> Any:
    """A seed drawn from a generator of NumPy, old or new; all else as it is.

    >>> as_seed(np.random.RandomState(0)), as_seed(3), as_seed(None)
    (209652396, 3, None)
    """
    if isinstance(source, np.random.RandomState):
        return int(source.randint(2**31 - 1))
    return int(source.integers(2**63)) if isinstance(source, np.random.Generator) else source


def generator(seed: int | None, device: torch.device | str = "cpu") -> torch.Generator:
    """From a seed, or one that a generator of NumPy draws; None takes a fresh one.

    Raises:
        InputError: the seed is no whole number from 0 to 2**64 - 1.
    """
    rng, seed = torch.Generator(device), as_seed(seed)
    if seed is None:
        rng.seed()
    else:
        whole(most=2**64 - 1, seed=seed)
        rng.manual_seed(int(seed))
    return rng
