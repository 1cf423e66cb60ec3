"""Where numbers are drawn by others than us."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, what draws from torch's global generator draws from this seed; outside, nothing has changed.

    torch.nn offers no other way to initialise a network from a seed.

    >>> with seeded(0):
    ...     first = torch.nn.Linear(1, 1).weight
    >>> with seeded(0):
    ...     bool(first == torch.nn.Linear(1, 1).weight)
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def generator(seed: int | None, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator from a seed; None takes a fresh one from the system."""
    rng = torch.Generator(device)
    if seed is None:
        rng.seed()
    else:
        rng.manual_seed(seed)
    return rng
