"""Noised data for any process: by its kernel where known, else by small steps of its generator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise.processes import HasKernel, Process


@dataclass(frozen=True)
class Noised:
    """Data noised to x_t at t, (n,), of a density in dt, (n,); and to x_1, or None."""

    t: Tensor
    density: Tensor
    x_t: Any
    x_1: Any


@torch.no_grad()
def noised(
    process: Process[Any], x_0: Any, u: Tensor, steps: int, rng: torch.Generator, *, to_the_end: bool = False
) -> Noised:
    """Noise x_0 up to times that uniform numbers u, (n,), decide, and to t = 1 if `to_the_end`.

    A kernel is sampled exactly, at importance times. Else times are uniform, and paths take `steps` moves, with an
    error of order 1 / steps.

    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> noised(edm(Euclidean(1)), torch.zeros(3, 1), torch.rand(3), 10, torch.Generator()).x_t.shape
    torch.Size([3, 1])
    """
    if isinstance(process, HasKernel):
        t, density = process.importance_times(u)
        x_t = process.marginal(x_0, t).sample(rng)
        x_1 = process.marginal(x_0, torch.ones_like(t)).sample(rng) if to_the_end else None
        return Noised(t, density, x_t, x_1)
    cell = (u * steps).long().clamp(max=steps - 1)
    offset = torch.rand((), generator=rng, device=rng.device, dtype=u.dtype).to(u.device)
    times = (torch.arange(steps, device=u.device) + offset) / steps
    x = x_t = x_0
    for index, x in enumerate(path(process, x_0, torch.cat([times, times.new_ones(1)]) if to_the_end else times, rng)):
        x_t = _tree.map(lambda new, old, here=cell == index: torch.where(_tree.expand(here, new), new, old), x, x_t)
    return Noised(times[cell], torch.ones_like(u), x_t, x if to_the_end else None)


def path(process: Process[Any], x_0: Any, times: Tensor, rng: torch.Generator) -> Iterator[Any]:
    """States at increasing times, one move of the generator between each, from x_0 at t = 0.

    A move uses the generator of the middle of its interval, without error of first order.
    """
    t, x = torch.zeros_like(times[0]), x_0
    for s in times:
        x = process.space.move(x, process.forward(x, 0.5 * (t + s)), s - t).sample(rng)
        t = s
        yield x
