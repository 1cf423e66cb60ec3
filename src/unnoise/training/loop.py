"""The training loop: a generator that yields after every step, so that the caller shows, logs and stops.

A step draws a batch and its noise, evaluates the process's own rows part after part, averages the gradients over the
processes, clips, and moves weights and average. Loss and gradient are read before the update, so a step that would
spoil the weights is never made.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unnoise import _tree
from unnoise._atomic import clean_up
from unnoise._checks import function, instance, refuse
from unnoise._errors import InputError, NonFiniteError
from unnoise.denoisers import Denoiser
from unnoise.objectives import Loss, Objective
from unnoise.objectives.base import check_batch
from unnoise.training.checkpoint import save
from unnoise.training.compiling import compile_networks
from unnoise.training.dataset import BatchOrder, Dataset
from unnoise.training.process_group import ProcessGroup
from unnoise.training.signals import Signals
from unnoise.training.state import TrainState
from unnoise.training.validation import Validation


@dataclass(frozen=True)
class Step:
    """What one step of training did.

    Attributes:
        index: from 0.
        loss: the mean over all processes, in nats where the objective is.
        rate: the learning rate.
        gradient: the norm of the gradient before it was clipped.
        progress: the share of the steps, or of the time, that is done.
        metrics: what the objective shows besides, of this process.
    """

    index: int
    loss: float
    rate: float
    gradient: float
    progress: float
    metrics: dict[str, Tensor]


def train(
    state: TrainState,
    objective: Objective,
    source: Dataset,
    *,
    weights: Tensor | None = None,
    validation: Validation | None = None,
    checkpoint: str | Path | None = None,
) -> Generator[Step]:
    """Train from where `state` is to the end of its settings, and yield after every step.

    With `weights`, (n,), examples are drawn in proportion to them. With `validation` the best weights are kept in
    `state.looks`, and training ends when it no longer helps.

    With `checkpoint` the state is saved as often as the settings say, at the end, on closing the generator, and after
    the step in which Ctrl-C, SIGTERM or SIGHUP comes. After an error the last checkpoint stands. To resume, `load` it
    first.
    """
    instance(TrainState, state=state)
    function(objective=objective)
    instance(Tensor, or_none=True, weights=weights)
    if not isinstance(source, Dataset):
        refuse("source", source, "a Dataset, such as training.Arrays(data)")
    run = _Run(state, objective, source, weights, validation)
    checkpoints = _Checkpoints(state, Path(checkpoint) if checkpoint is not None and run.group.rank == 0 else None)
    whole = True
    with Signals(together=run.group.size > 1, ending=checkpoint is not None) as signals:
        try:
            if not state.step:
                run.look()
            while not run.is_over:
                whole = False
                with signals.step():
                    step = run.step(bool(signals.waiting))
                    run.look()
                    whole = True
                    if checkpoints.due():
                        checkpoints.save()
                if run.asked_to_end:
                    signals.deliver()
                yield step
        finally:
            if whole:
                with signals.step():
                    checkpoints.save()


class _Run:
    """One stretch of training."""

    def __init__(
        self,
        state: TrainState,
        objective: Objective,
        source: Dataset,
        weights: Tensor | None,
        validation: Validation | None,
    ) -> None:
        settings = state.settings
        self.state, self.source, self.settings, self.validation = state, source, settings, validation
        self.order = BatchOrder(len(source), settings.batch_size * settings.accumulate, settings.seed, weights)
        state.see(source, weights)
        state.minimise(objective)
        if validation is not None:
            state.looks.slack = validation.slack
        self.group = ProcessGroup.gather(settings)
        own, starts = self.group.rows(settings.batch_size), range(0, self.order.batch_size, settings.batch_size)
        self.parts = [slice(start + own.start, start + own.stop) for start in starts]
        self.autocast = self.group.autocast()
        state.denoiser.train()
        if settings.compile:
            compile_networks(state.denoiser)
        self.mean_loss = self.group.join(_MeanLoss(state.denoiser, objective))
        self.weights = [weight for weight in state.denoiser.parameters() if weight.requires_grad]
        self.start, self.checked, self.asked_to_end = time.monotonic() - state.elapsed, False, False

    @property
    def is_over(self) -> bool:
        """At the end of the settings, or when validation says so: alike in all processes."""
        return self.state.progress >= 1.0 or (self.validation is not None and self.validation.is_over(self.state.looks))

    @torch.inference_mode(False)
    def look(self) -> None:
        """At what is not trained on, when it is time, and at the end; a part of the step, which a checkpoint holds."""
        state, validation = self.state, self.validation
        due = validation is not None and validation.is_due(state.looks, state.step)
        if validation is None or not (due or state.progress >= 1.0):
            return
        if not due and state.step < self.settings.steps:  # at a time limit, where one run would not have looked
            state.resumed = replace(state.looks, steps=list(state.looks.steps), losses=list(state.looks.losses))
        loss = torch.tensor(validation.loss(state.ema), dtype=torch.float64).to(self.weights[0])
        state.looks.add(state.step, float(self.group.mean(loss)), state.ema)

    @torch.inference_mode(False)
    @torch.enable_grad()
    def step(self, asked_to_end: bool) -> Step:
        """One step; the state changes only after all that can go wrong.

        Afterwards `asked_to_end` tells, in all processes alike, whether one of them was asked.
        """
        state = self.state
        rate = self.settings.rate(state.progress, state.step)
        loss, metrics = self._backpropagate(*self._batch())
        gradients = [weight.grad for weight in self.weights if weight.grad is not None]
        mean, norm, elapsed, asked = self._read(loss, gradients, asked_to_end)
        _check_finite(state.step, mean, norm, rate)
        self._update(gradients, norm, rate)
        state.losses.append(mean)
        state.elapsed = elapsed
        state.step += 1
        self.asked_to_end = asked > 0
        return Step(state.step - 1, mean, rate, norm, state.progress, metrics)

    def _batch(self) -> tuple[Any, Any]:
        """The first batch is checked."""
        x_0, cond = self.source.batch(self.order.indices(self.state.step), self.state.rng)
        if not self.checked:
            check_batch(self.state.denoiser.process, x_0, cond)
            self.checked = True
        moved = _tree.map(self._moved, x_0)
        return moved, None if cond is None else _tree.map(self._moved, cond)

    def _moved(self, leaf: Tensor) -> Tensor:
        return leaf.to(self.group.device, self.weights[0].dtype if leaf.is_floating_point() else leaf.dtype)

    def _backpropagate(self, x_0: Any, cond: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Every part sees the noise of the whole batch."""
        rng, losses, reported = self.state.rng, [], []
        before = rng.get_state()
        for weight in self.weights:  # as zero_grad does it, which looks for more
            weight.grad = None
        for rows in self.parts:
            rng.set_state(before)
            with self.autocast():
                loss, metrics = self.mean_loss(x_0, cond, rng, rows)
            (loss / len(self.parts)).backward()
            losses.append(loss.detach())
            reported.append(metrics)
        joined = {name: torch.cat([part[name].detach().reshape(-1) for part in reported]) for name in reported[0]}
        return torch.stack(losses).mean(), joined

    def _read(self, loss: Tensor, gradients: list[Tensor], asked: bool) -> list[float]:
        """Alike in all processes; the one wait for the device."""
        norm = nn.utils.get_total_norm(gradients)
        own = norm.new_tensor((time.monotonic() - self.start, asked))
        return self.group.mean(torch.cat((torch.stack((loss, norm)), own))).tolist()

    def _update(self, gradients: list[Tensor], norm: float, rate: float) -> None:
        state, clip = self.state, self.settings.clip
        if clip is not None and norm > clip:
            torch._foreach_mul_(gradients, clip / norm)
        for group in state.optimiser.param_groups:
            group["lr"] = rate
        state.optimiser.step()
        state.average.update(state.step)


class _MeanLoss(nn.Module):
    """Denoiser and objective as the one module that a process group shares."""

    def __init__(self, denoiser: Denoiser, objective: Objective) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.objective = objective

    def forward(self, x_0: Any, cond: Any, rng: torch.Generator, rows: slice) -> tuple[Tensor, dict[str, Tensor]]:
        loss = self.objective(self.denoiser, x_0, cond, rng, rows)
        if not isinstance(loss, Loss):
            refuse("loss", loss, "an objectives.Loss of one number per example")
        if not loss.value.requires_grad:
            raise InputError(
                "got a loss that does not depend on the weights: compute it from what the denoiser gives, by torch's "
                "operations, without detach() or no_grad()"
            )
        return loss.value.mean(), loss.metrics


class _Checkpoints:
    """Saves the state when due, never twice."""

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
        self.saved = self.state.step  # also after a failure, which would repeat on the way out
        save(self.state, self.path)
        self.last = time.monotonic()


def _check_finite(step: int, loss: float, norm: float, rate: float) -> None:
    if math.isfinite(loss) and math.isfinite(norm):
        return
    what = f"loss is {loss}" if not math.isfinite(loss) else f"norm of the gradient is {norm}"
    raise NonFiniteError(
        f"Training stopped at step {step}: the {what}; try a learning rate below {rate:.2g} or a longer "
        "warm-up, precision float32 if it was bfloat16, and look for extreme values in the data."
    )
