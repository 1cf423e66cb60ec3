"""Where numbers are drawn by others than us."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, torch's global generator has this seed; outside, nothing changed.

    torch.nn has no other way to seed weights.

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
    """From a seed; None takes a fresh one."""
    rng = torch.Generator(device)
    if seed is None:
        rng.seed()
    else:
        rng.manual_seed(seed)
    return rng
