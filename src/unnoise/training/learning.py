"""Training in one call: from states in memory, or from states drawn anew for every batch."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unnoise import _tree
from unnoise._random import seeded
from unnoise.denoisers import Denoiser, Neural, Residual
from unnoise.heads import Head
from unnoise.objectives import Denoising, Objective
from unnoise.processes import Process
from unnoise.training import Dataset, Settings, TrainState, train

Tell = Callable[[float, str], None]


@dataclass(frozen=True)
class Rows:
    """States to learn from, as a source of batches."""

    states: Any
    cond: Tensor | None = None

    def __len__(self) -> int:
        return _tree.length(self.states)

    def batch(self, indices: Tensor, rng: torch.Generator) -> tuple[Any, Tensor | None]:
        """The states at these indices."""
        cond = None if self.cond is None else self.cond[indices]
        return _tree.map(lambda leaf: leaf[indices], self.states), cond


@dataclass(frozen=True)
class Fresh:
    """States drawn anew for every batch: data without end, from a known law."""

    draw: Callable[[int, torch.Generator], Any]

    def __len__(self) -> int:
        return 2**16

    def batch(self, indices: Tensor, rng: torch.Generator) -> tuple[Any, Tensor | None]:
        """As many new states as there are indices."""
        return self.draw(len(indices), rng), None


def learn(
    process: Process[Any],
    network: Callable[..., nn.Module],
    source: Dataset,
    tell: Tell,
    *,
    known: Denoiser | None = None,
    objective: Objective | None = None,
    head: Callable[[Any], Head[Any]] | None = None,
    judge: Callable[[Denoiser], float] | None = None,
    looks: int = 6,
    **settings: Any,
) -> Denoiser:
    """A trained denoiser: the running average of the weights.

    Args:
        process: how the states are noised.
        network: called with the shapes that the head states, as networks are.
        source: what to learn from.
        tell: is told how far the training is.
        known: a denoiser that the network corrects.
        objective: the bound by default.
        head: called with the process; how the network's output is read. The process's own by default.
        judge: how good a denoiser is on validation data, larger is better; the best one seen is kept. None keeps the
            last one.
        looks: how often the judge is asked, evenly over the training.
        **settings: of `training.Settings`; `seed` also decides the weights.
    """
    read = process.head if head is None else head(process)
    chosen = Settings(**{"device": "cpu", **settings})
    with seeded(chosen.seed):
        backbone = network(read.input_shape, 0, read.output_shape)
    learnt = Neural(process, backbone, head)
    state = TrainState(learnt if known is None else Residual(known, learnt), chosen)
    best = Best(judge, looks)
    for step in train(state, objective or Denoising(), source):
        best.look(state.ema, step.progress)
        tell(step.progress, f"step {step.index + 1:,}, loss {step.loss:.3f}{best.words}")
    return (best.denoiser or state.ema).requires_grad_(False).eval()


@dataclass
class Best:
    """The best denoiser that a judge has seen: early stopping."""

    judge: Callable[[Denoiser], float] | None
    looks: int
    denoiser: Denoiser | None = None
    score: float = -math.inf
    done: int = 0

    def look(self, denoiser: Denoiser, progress: float) -> None:
        """Ask the judge, where it is time to."""
        if self.judge is None or progress * self.looks < self.done + 1 - 1e-9:
            return
        self.done += 1
        copied = copy.deepcopy(denoiser)
        score = self.judge(copied.eval())
        if score > self.score:
            self.denoiser, self.score = copied, score

    @property
    def words(self) -> str:
        """The best score so far."""
        return "" if self.denoiser is None else f", best on validation {self.score:.3f}"
