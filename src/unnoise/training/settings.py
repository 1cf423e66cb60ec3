"""The numbers of a training, checked once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal

from unnoise._errors import InputError

PRECISIONS = ("float32", "bfloat16")


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

    def __post_init__(self) -> None:
        for name, least in {"steps": 1, "batch_size": 1, "accumulate": 1, "warmup": 0, "seed": 0}.items():
            self._whole(name, least)
        self._real("learning_rate", strict=True)
        self._real("weight_decay")
        self._real("checkpoint_every")
        self._real("ema", below=1.0)
        for name in ("clip", "time_limit"):
            if getattr(self, name) is not None:
                self._real(name, strict=True, otherwise=" or None")
        if not isinstance(self.device, str):
            self._refuse("device", "the name of a device, such as 'auto' or 'cpu'")
        if self.precision not in PRECISIONS:
            self._refuse("precision", " or ".join(map(repr, PRECISIONS)))

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

    def _whole(self, name: str, least: int) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
            self._refuse(name, f"a whole number, at least {least}")

    def _real(self, name: str, *, below: float = math.inf, strict: bool = False, otherwise: str = "") -> None:
        value = getattr(self, name)
        number = math.nan if isinstance(value, bool) or not isinstance(value, Real) else float(value)
        if not (0 < number < below or (number == 0 and not strict)):
            end = f" and less than {below:g}" if below < math.inf else ""
            self._refuse(name, f"a finite number {'greater than' if strict else 'at least'} 0{end}{otherwise}")

    def _refuse(self, name: str, expected: str) -> None:
        raise InputError(f"{name} is {getattr(self, name)!r}, but it must be {expected}.")
