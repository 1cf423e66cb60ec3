"""Walk on what a model has learnt, instead of running its process backwards."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.chains.base import check_positive
from unnoise.chains.measurements import Sequential, growing
from unnoise.chains.smoothed import FromDenoiser
from unnoise.chains.walk_jump import WalkJump
from unnoise.denoisers import Denoiser
from unnoise.samplers.base import batches, default_batch_size

CHAINS = ("walk-jump", "sequential")
MEASUREMENTS, LAST = 20, 0.1  # of equal noise, and the noise at which sequential ends, in standard deviations

Tell = Callable[[float, str], None]


def learned(
    denoiser: Denoiser,
    n: int,
    rng: torch.Generator,
    *,
    chain: str = "walk-jump",
    sigma: float | None = None,
    steps: int = 200,
    cond: Tensor | None = None,
    tell: Tell = lambda done, note: None,
) -> Tensor:
    r"""Jumps of n chains that start at noise around zero, the mean of standardised data.

    Args:
        denoiser: of a Gaussian process.
        n: how many; walked in groups, so that memory does not grow with them.
        rng: where all randomness comes from.
        chain: "walk-jump", see `WalkJump`, or "sequential", see `Sequential`.
        sigma: the noise, in standard deviations of the data: 0.5 by default to walk and jump; for sequential that of
            the first measurements, $\sqrt d$ by default, about the radius of the data.
        steps: of the walk; for sequential, of its first measurement, where modes are weighed.
        cond: encoded conditions, one row per chain.
        tell: hears what share is done, and a note.

    Raises:
        InputError: another chain, a denoiser of a process that is not Gaussian, or a number out of its range.
        NonFiniteError: a chain diverged.
    """
    if chain not in CHAINS:
        raise InputError(f"got the chain {chain!r}; expected one of {', '.join(CHAINS)}")
    check_positive(steps=steps, **({} if sigma is None else {"sigma": sigma}))
    space = FromDenoiser(denoiser).process.space  # refuses what is not Gaussian
    like = next(denoiser.parameters(), next(denoiser.buffers(), torch.empty(0)))
    groups = list(batches(n, default_batch_size(space.event_shape)))
    done: list[Tensor] = []
    for rows in groups:
        smoothed = FromDenoiser(denoiser, None if cond is None else cond[rows])
        guess = like.new_zeros(rows.stop - rows.start, *space.event_shape)
        draw, count = _sampler(chain, smoothed, sigma, steps, guess[0].numel())

        def told(index: int, state: Any, count: int = count) -> None:
            tell((len(done) + (index + 1) / count) / len(groups), f"step {index + 1:,} of {count:,}")

        done.append(draw(guess, rng=rng, on_step=told))
    return torch.cat(done)


def _sampler(
    chain: str, smoothed: FromDenoiser, sigma: float | None, steps: int, dimension: int
) -> tuple[Callable[..., Tensor], int]:
    """What draws, and how many steps or measurements it tells of."""
    if chain == "walk-jump":
        return partial(WalkJump(smoothed, sigma or 0.5).sample, steps=steps), steps
    first = sigma or math.sqrt(dimension)
    sampler = Sequential(smoothed, growing(first, MEASUREMENTS, min(LAST, first / MEASUREMENTS**0.5)), first=steps)
    return sampler.sample, len(sampler.sigmas)
