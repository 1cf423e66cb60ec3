"""The training loop: a generator that yields after every step, so that the caller shows, logs and stops.

A step is: draw the batch and its noise, evaluate the own rows, average the gradients over the processes,
clip, move the weights, move their average. The numbers that a person sees are read from the device once per
step, between gradient and update, so a step that would spoil the weights is never made.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unnoise import _tree
from unnoise._atomic import clean_up
from unnoise._errors import InputError, NonFiniteError
from unnoise.denoisers import Denoiser
from unnoise.objectives import Objective
from unnoise.training.checkpoint import save
from unnoise.training.dataset import BatchOrder, Dataset
from unnoise.training.interrupts import deferred_interrupt
from unnoise.training.process_group import ProcessGroup
from unnoise.training.state import TrainState


@dataclass(frozen=True)
class Step:
    """What one step did.

    Args:
        index: of the step, from 0.
        loss: mean over the whole batch.
        rate: the learning rate.
        gradient: norm of the gradient, before clipping.
        progress: of the training after this step; it ends at 1.
        metrics: what the objective reported of the rows of this process.
    """

    index: int
    loss: float
    rate: float
    gradient: float
    progress: float
    metrics: dict[str, Tensor]


def train(
    state: TrainState, objective: Objective, source: Dataset, *, checkpoint: Path | None = None
) -> Iterator[Step]:
    """Train from where `state` is to the end of its settings, and yield after every step.

    `state` is whole whenever this yields, and at the end. With `checkpoint` it is saved there as often as the
    settings say, at the end, when the caller closes the generator, and on Ctrl-C, which waits for the step at
    hand. After an error inside a step the last checkpoint stands. To resume, `load` it before training.

    Raises:
        InputError: the data are empty or not those of the checkpoint, or a batch cannot be shared evenly.
        NonFiniteError: a loss or a gradient is infinite or NaN.
        OSError: the checkpoint cannot be written.
    """
    run = _Run(state, objective, source)
    keeper = _Keeper(state, checkpoint if run.team.rank == 0 else None)
    whole = True
    try:
        while state.progress < 1.0:
            whole = False
            with deferred_interrupt():
                step = run.step()
                whole = True
                if keeper.due():
                    keeper.save()
            yield step
    finally:
        if whole:
            with deferred_interrupt():
                keeper.save()


class _Run:
    """One stretch of training: from a start or a resumption to its end."""

    def __init__(self, state: TrainState, objective: Objective, source: Dataset) -> None:
        settings = state.settings
        self.state, self.source, self.settings = state, source, settings
        self.order = BatchOrder(len(source), settings.batch_size, settings.seed)
        _check_examples(state, len(source))
        self.team = ProcessGroup.gather(settings)
        self.rows = self.team.rows(settings.batch_size)
        self.precise = self.team.autocast()
        state.denoiser.train()
        self.price = self.team.join(_Loss(state.denoiser, objective))
        self.weights = [weight for weight in state.denoiser.parameters() if weight.requires_grad]
        self.start = time.monotonic() - state.elapsed

    def step(self) -> Step:
        """One step; the state changes only after everything that can go wrong went well."""
        state = self.state
        rate = self.settings.rate(state.progress, state.step)
        loss, metrics = self._forward()
        state.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        gradients = [weight.grad for weight in self.weights if weight.grad is not None]
        price, norm, elapsed = self._read(loss, gradients)
        _check_finite(state.step, price, norm, rate)
        self._update(gradients, norm, rate)
        state.losses.append(price)
        state.elapsed = elapsed
        state.step += 1
        return Step(state.step - 1, price, rate, norm, state.progress, metrics)

    def _forward(self) -> tuple[Tensor, dict[str, Tensor]]:
        rng, device = self.state.rng, self.team.device
        batch = self.source.batch(self.order.indices(self.state.step), rng)
        x_0, cond = (None if part is None else _tree.map(lambda leaf: leaf.to(device), part) for part in batch)
        with self.precise():
            loss, metrics = self.price(x_0, cond, rng, self.rows)
        return loss, {name: metric.detach() for name, metric in metrics.items()}

    def _read(self, loss: Tensor, gradients: list[Tensor]) -> tuple[float, float, float]:
        """Loss, gradient norm and seconds spent, alike in all processes; the one wait for the device."""
        norm = nn.utils.get_total_norm(gradients)
        elapsed = norm.new_tensor(time.monotonic() - self.start)
        price, norm, elapsed = self.team.mean(torch.stack((loss.detach(), norm, elapsed))).tolist()
        return price, norm, elapsed

    def _update(self, gradients: list[Tensor], norm: float, rate: float) -> None:
        state, clip = self.state, self.settings.clip
        if clip is not None and norm > clip:
            torch._foreach_mul_(gradients, clip / norm)
        for group in state.optimiser.param_groups:
            group["lr"] = rate
        state.optimiser.step()
        state.average.update(state.step)


class _Loss(nn.Module):
    """The denoiser and its objective as one module, whose output is the mean loss: what a team shares."""

    def __init__(self, denoiser: Denoiser, objective: Objective) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.objective = objective

    def forward(self, x_0: Any, cond: Any, rng: torch.Generator, rows: slice) -> tuple[Tensor, dict[str, Tensor]]:
        loss = self.objective(self.denoiser, x_0, cond, rng, rows)
        return loss.value.mean(), loss.metrics


class _Keeper:
    """Saves the state when it is time, and never the same state twice."""

    def __init__(self, state: TrainState, path: Path | None) -> None:
        self.state, self.path = state, path
        self.every = state.settings.checkpoint_every
        self.saved, self.last = state.step, time.monotonic()
        if path is not None:
            clean_up(path)

    def due(self) -> bool:
        return self.path is not None and time.monotonic() - self.last >= self.every

    def save(self) -> None:
        if self.path is None or self.saved == self.state.step:
            return
        self.saved = self.state.step  # also when saving fails: it would fail again on the way out
        save(self.state, self.path)
        self.last = time.monotonic()


def _check_examples(state: TrainState, num_examples: int) -> None:
    if state.num_examples not in (None, num_examples):
        raise InputError(
            f"The training to resume saw {state.num_examples} examples, but the data have {num_examples}; "
            "resume with the same data, or train anew."
        )
    state.num_examples = num_examples


def _check_finite(step: int, loss: float, norm: float, rate: float) -> None:
    if math.isfinite(loss) and math.isfinite(norm):
        return
    what = f"loss is {loss}" if not math.isfinite(loss) else f"norm of the gradient is {norm}"
    raise NonFiniteError(
        f"Training stopped at step {step}: the {what}; try a learning rate below {rate:.2g} or a longer "
        "warm-up, precision float32 if it was bfloat16, and look for extreme values in the data."
    )
