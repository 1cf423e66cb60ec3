"""One loop for all methods of the poses: the same views, optimiser and seconds of one core."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from experiments.pose_views import NAMES, Views
from unnoise.training.dataset import BatchOrder

WARMUP = 100  # steps
OFTEN = 2.0  # how often tetrahedra and solids with marks are shown, beside the others: they take longest to learn
HARD = {"tetrahedron": OFTEN, "marked sphere": OFTEN, "marked cylinder": OFTEN, "marked tetrahedron": OFTEN}


class Trained(Protocol):
    """What can be trained."""

    def __call__(self, rotations: Tensor, cond: Tensor, rng: torch.Generator) -> Tensor:
        """The mean loss of a batch."""


def fit(
    model: nn.Module,
    loss: Trained,
    views: Views,
    seconds: float,
    *,
    batch_size: int,
    rate: float = 1e-3,
    seed: int = 0,
    tell: Callable[[float, str], None] = lambda share, words: None,
) -> int:
    """Train for so many seconds of CPU of this process and leave the averaged weights; returns the number of steps.

    Adam, the rate rising for 100 steps and then falling along a cosine.
    """
    rng, each = torch.Generator().manual_seed(seed), len(views) // len(NAMES)
    shares = torch.tensor([HARD.get(name, 1.0) for name in NAMES]).repeat_interleave(each)
    order = BatchOrder(len(views), batch_size, seed, shares)
    weights = list(model.parameters())
    optimiser, average = torch.optim.Adam(weights, fused=True), [weight.detach().clone() for weight in weights]
    start, step, progress = time.process_time(), 0, 0.0
    while progress < 1 or step < 2:
        optimiser.param_groups[0]["lr"] = rate * min(1, (step + 1) / WARMUP) * 0.5 * (1 + math.cos(math.pi * progress))
        value = loss(*views.batch(order.indices(step), rng), rng)
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        step += 1
        torch._foreach_lerp_(average, [weight.detach() for weight in weights], max(2e-3, 9 / (9 + step)))
        progress = min(1.0, (time.process_time() - start) / seconds)
        tell(progress, f"step {step:,}, loss {value.item():.3f}")
    with torch.no_grad():
        torch._foreach_copy_([*weights], average)
    model.eval()
    return step
