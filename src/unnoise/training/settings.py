"""The numbers of a training, checked once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from unnoise._checks import flag, real, refuse, whole

PRECISIONS = ("float32", "bfloat16")
MOST_ROWS = 2**24  # of one batch, whose order is held at once


@dataclass(frozen=True, kw_only=True)
class Settings:
    r"""The numbers of one training.

    With step $n$ (from 0), progress $p \in [0, 1]$ and warm-up $w$, the learning rate is $\eta \min(1, (n + 1) / w) (1
    + \cos \pi p) / 2$ (Loshchilov and Hutter 2017, arXiv 1608.03983). Progress is the larger share of steps and time,
    so the rate also ends at zero under a time limit.

    Args:
        steps: gradient steps.
        batch_size: examples at once, over all processes.
        accumulate: batches per step, in the memory of one.
        learning_rate: the peak rate of AdamW.
        warmup: steps of linear warm-up, at most a fifth of `steps`.
        clip: the largest gradient norm; None for no limit.
        ema: decay of the running average of the weights, per step.
        weight_decay: decoupled weight decay, per unit of learning rate.
        precision: "float32", or "bfloat16" for autocast.
        seed: of the noise and of the order of the examples.
        time_limit: seconds after which training ends; None for no limit.
        checkpoint_every: seconds between checkpoints; 0 for one after every step.
        device: "auto" (a GPU if there is one), "cpu", "cuda:1" ...
        compile: whether torch.compile joins the small operations of the network, after a minute or so that it takes; on
            a CPU it needs a C++ compiler, and gains a few per cent of a step whose most part is products of matrices.

    >>> settings = Settings(steps=1000, learning_rate=0.01, warmup=100)
    >>> round(settings.rate(settings.progress(step=49), step=49), 6)
    0.00497
    """

    steps: int = 2000
    batch_size: int = 512
    accumulate: int = 1
    learning_rate: float = 1e-3
    warmup: int = 100
    clip: float | None = 1.0
    ema: float = 0.999
    weight_decay: float = 0.0
    precision: Literal["float32", "bfloat16"] = "float32"
    seed: int = 0
    time_limit: float | None = None
    checkpoint_every: float = 30.0
    device: str = "auto"
    compile: bool = False

    def __post_init__(self) -> None:
        whole(least=1, steps=self.steps)
        whole(least=1, most=MOST_ROWS, batch_size=self.batch_size, accumulate=self.accumulate)
        if self.batch_size * self.accumulate > MOST_ROWS:
            refuse(
                "batch_size * accumulate", self.batch_size * self.accumulate, f"at most {MOST_ROWS:,} examples a step"
            )
        whole(warmup=self.warmup)
        whole(most=2**64 - 1, seed=self.seed)
        real(above=0, learning_rate=self.learning_rate)
        real(least=0, weight_decay=self.weight_decay, checkpoint_every=self.checkpoint_every)
        real(least=0, below=1, ema=self.ema)
        real(above=0, or_none=True, clip=self.clip, time_limit=self.time_limit)
        flag(compile=self.compile)
        if not isinstance(self.device, str):
            refuse("device", self.device, "the name of a device, such as 'auto' or 'cpu'")
        if self.precision not in PRECISIONS:
            refuse("precision", self.precision, " or ".join(map(repr, PRECISIONS)))

    def progress(self, step: int, elapsed: float = 0.0) -> float:
        """The share done after `step` steps and `elapsed` seconds."""
        fraction = step / self.steps
        if self.time_limit is not None:
            fraction = max(fraction, elapsed / self.time_limit)
        return min(1.0, fraction)

    def rate(self, progress: float, step: int) -> float:
        """The learning rate of this step (from 0) at this progress."""
        warmup = max(1, min(self.warmup, self.steps // 5))
        warm = min(1.0, (step + 1) / warmup)
        return self.learning_rate * warm * (1.0 + math.cos(math.pi * progress)) / 2.0
