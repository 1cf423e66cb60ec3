"""Validation: the same question at every look, the best weights kept, an end in time, and the same after resuming."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import pytest
import torch
from tiny_training import Quadratic, Ring, digest, start

from unnoise._errors import InputError
from unnoise._seeding import seeded
from unnoise.denoisers import Answering, Denoiser, Neural
from unnoise.heads import told
from unnoise.networks import MLP
from unnoise.objectives import AnyOrder, Denoising, Objective
from unnoise.processes import variance_preserving
from unnoise.spaces import Euclidean
from unnoise.testing import assert_mean
from unnoise.training import (
    Arrays,
    BatchOrder,
    HeldOut,
    Looks,
    Questions,
    Settings,
    TrainState,
    Validation,
    ending,
    load,
    train,
)
from unnoise.training.validation import SLACK, affordable

PROCESS = variance_preserving(Euclidean(3))


def rows(n: int, seed: int) -> Arrays:
    return Arrays(torch.randn(n, 3, generator=torch.Generator().manual_seed(seed)))


def untrained(head=None) -> Neural:
    with seeded(0):
        made = PROCESS.head if head is None else head(PROCESS)
        return Neural(PROCESS, MLP(made.input_shape, 0, made.output_shape, width=32, depth=1, embedding=16), head)


def learner(steps: int = 700) -> TrainState:
    settings = Settings(steps=steps, batch_size=64, learning_rate=1e-2, ema=0.9, device="cpu")
    return TrainState(untrained(), settings)


@pytest.mark.parametrize("begun", [True, False])
def test_a_look_before_the_first_step_keeps_what_training_spoils(begun: bool) -> None:
    state = learner(steps=40)
    first = state.ema.network.first.weight.clone()

    def change(denoiser: Denoiser) -> float:
        return float((denoiser.network.first.weight - first).norm())

    validation = Validation(change, every=10, first=10, begun=begun)
    for _ in train(state, Denoising(), rows(64, 0), validation=validation):
        pass
    assert (change(state.best) == 0) == begun
    assert (state.looks.steps[0] == 0) == begun


def test_noise_and_questions_are_the_same_at_every_look() -> None:
    denoiser = Answering(untrained(partial(told, head=None)))
    asked = HeldOut(Denoising(), Questions(rows(7, 0), PROCESS), seed=1)
    assert asked(denoiser) == asked(denoiser)
    assert asked(denoiser) != HeldOut(Denoising(), Questions(rows(7, 0), PROCESS), seed=2)(denoiser)


def test_a_look_costs_no_more_than_its_share_of_a_short_training() -> None:
    """But every row is seen under two draws of noise; of long trainings a look has as many as it wants."""
    held_out, count = rows(6, 0), affordable(3 * 16)
    assert (count, affordable(64 * 2000)) == (7, 2048)
    assert count <= 0.05 * 3 * 3 * 16 < count + 1
    assert len(HeldOut(Denoising(), held_out, evaluations=count)) == 12
    assert len(HeldOut(Denoising(), held_out, evaluations=affordable(64 * 2000))) == 6 * (2048 // 6)


def test_weights_are_those_of_a_mean() -> None:
    """Two of the rows count, as if they were alone; noise that is spread evenly leaves little error."""
    states = torch.tensor([[9.0], [1.0], [-1.0], [9.0]]).expand(4, 3)
    weighted = HeldOut(Denoising(), Arrays(states), torch.tensor([0.0, 3.0, 3.0, 0.0]))
    alone, other = HeldOut(Denoising(), Arrays(states[1:3])), HeldOut(Denoising(), Arrays(states))
    denoiser = untrained()
    assert weighted(denoiser) == pytest.approx(alone(denoiser), rel=0.1)
    assert other(denoiser) != pytest.approx(alone(denoiser), rel=0.1)


@pytest.mark.slow
def test_few_rows_are_learnt_by_heart_unless_training_ends_in_time() -> None:
    """Judged on rows that neither training nor its end has seen."""
    validation = Validation.of(HeldOut(Denoising(), rows(30, 1)), 64)
    stopped, blind = learner(), learner()
    for _ in train(stopped, Denoising(), rows(6, 0), validation=validation):
        pass
    for _ in train(blind, Denoising(), rows(6, 0)):
        pass
    new = HeldOut(Denoising(), rows(500, 2), seed=3)
    assert stopped.step < 700
    assert stopped.looks.best_step < stopped.step
    assert ending(stopped, validation).endswith(f"since step {stopped.looks.best_step}; kept those weights")
    assert new(stopped.best) < new(blind.best) - 0.5
    assert new(stopped.best) < new(stopped.ema), "the best weights should be kept, not the last"


def test_the_words_of_its_end_are_true_of_digits_too() -> None:
    """Within the slack the kept look is not the best, so that it would be wrong to say that nothing improved since."""
    validation, state = Validation(falling, slack=0.25), learner()
    state.looks = Looks([20, 40, 60, 400], [9.0, 1.0, 2.0, 5.0], slack=0.25)
    state.step = 400
    lost = "validation has lost over 25% of its improvement"
    assert ending(state, validation) == f"stopped at step 400 of 700: {lost} since step 60; kept those weights"
    state.step = 700
    assert ending(state, validation) == f"all 700 steps done; kept the weights of step 60, since which {lost}"


@pytest.mark.slow
def test_it_looks_in_vain_at_rows_that_leaked_into_training() -> None:
    """What the test above would not notice: on rows that are trained on, loss falls to the end."""
    leaked = Validation.of(HeldOut(Denoising(), rows(6, 0)), 64)
    state = learner()
    for _ in train(state, Denoising(), rows(6, 0), validation=leaked):
        pass
    assert state.step == 700
    assert state.looks.best_loss < state.looks.losses[0] - 1


def falling(denoiser: Denoiser) -> float:
    """A loss that nobody asks for."""
    raise AssertionError


def test_looks_are_close_at_first_and_never_cost_more_than_their_share() -> None:
    validation, looks = Validation(falling, every=100, first=20), Looks()
    for step in range(1, 2001):
        if validation.is_due(looks, step):
            looks.add(step, 0.0, torch.nn.Linear(1, 1))
    assert looks.steps[:6] == [20, 40, 60, 80, 100, 125]
    assert looks.steps[-1] - looks.steps[-2] == 100
    held_out = HeldOut(Denoising(), rows(3, 0))
    assert len(held_out) / 3 <= 0.05 * 64 * Validation.of(held_out, 64).every


@pytest.mark.parametrize(
    ("best", "patience", "end"),
    [(400, 1 / 3, 700), (1000, 1 / 3, 1500), (1000, 0.25, 1340), (1000, None, 2000)],
)
def test_it_ends_when_a_share_of_the_steps_has_brought_nothing(best: int, patience: float | None, end: int) -> None:
    """But at least 300."""
    validation, looks = Validation(falling, every=10, first=10, patience=patience), Looks()
    for step in range(10, 2001, 10):
        looks.add(step, float(abs(step - best)), torch.nn.Linear(1, 1))
        if validation.is_over(looks):
            break
    assert looks.steps[-1] == end
    assert looks.best_step == best


@pytest.mark.parametrize(("rise", "end"), [(0.05, 1500), (0.2, 800)])
def test_it_waits_longer_where_little_of_the_improvement_is_lost_again(rise: float, end: int) -> None:
    validation, looks = Validation(falling, every=10, first=10), Looks()
    for step in range(10, 2001, 10):
        looks.add(step, max(500 - step, 0) / 490 + rise * (step > 500), torch.nn.Linear(1, 1))
        if validation.is_over(looks):
            break
    assert (looks.best_step, looks.steps[-1]) == (500, end)


def test_nan_is_never_the_best() -> None:
    looks = Looks()
    for step, loss in enumerate((math.nan, 2.0, math.nan, 1.0, 3.0)):
        looks.add(step, loss, torch.nn.Linear(1, 1))
    assert (looks.best_step, looks.best_loss) == (3, 1.0)
    assert looks.words == ", validation 3.000, best 1.000 at step 3"


def test_a_resumed_training_looks_keeps_and_ends_as_one_that_never_stopped(tmp_path: Path) -> None:
    def validation() -> Validation:
        return Validation(HeldOut(Quadratic(), Ring(10)), every=3, first=2)

    path, whole = tmp_path / "training.safetensors", start(steps=20)
    for _ in train(whole, Quadratic(), Ring(), validation=validation()):
        pass
    for step in train(start(steps=20), Quadratic(), Ring(), validation=validation(), checkpoint=path):
        if step.index == 11:
            break
    again = start(steps=20)
    load(again, path)
    assert again.looks.steps == [2, 4, 6, 8, 10, 12]
    for _ in train(again, Quadratic(), Ring(), validation=validation(), checkpoint=path):
        pass
    assert digest(again) == digest(whole)
    assert again.looks.losses == whole.looks.losses
    assert {name for name in again.state_dict()[0] if name.startswith("best.")}


def test_the_look_at_a_time_limit_is_none_of_a_training_that_goes_on(tmp_path: Path) -> None:
    """It keeps the best weights of what ended there; one run would not have looked."""

    def validation() -> Validation:
        return Validation(HeldOut(Quadratic(), Ring(10)), every=3, first=2)

    path, whole = tmp_path / "training.safetensors", start(steps=20)
    for _ in train(whole, Quadratic(), Ring(), validation=validation()):
        pass
    limited = start(steps=20, time_limit=1e-9)
    for _ in train(limited, Quadratic(), Ring(), validation=validation(), checkpoint=path):
        pass
    assert (limited.step, limited.looks.steps) == (1, [1])
    again = start(steps=20)
    load(again, path)
    assert again.looks.steps == []
    for _ in train(again, Quadratic(), Ring(), validation=validation()):
        pass
    assert digest(again) == digest(whole)
    assert again.looks.losses == whole.looks.losses


def test_weighted_rows_are_drawn_in_proportion() -> None:
    """No row more or less than once beyond its share in a round; a row of weight zero never."""
    weights = torch.tensor([1.0, 0.0, 2.0, 5.0])
    order = BatchOrder(4, 512, 0, weights)
    drawn = torch.cat([order.indices(step) for step in range(32)])
    counts = torch.bincount(drawn, minlength=4)
    assert counts[1] == 0
    assert (counts - len(drawn) * weights / 8).abs().max() <= 1
    first = torch.tensor([float(BatchOrder(4, 1, seed, weights).indices(0)[0] == 3) for seed in range(300)])
    assert_mean(first, 5 / 8)
    with pytest.raises(InputError, match="got the weight -1 in row 1; expected finite numbers from 0"):
        BatchOrder(2, 4, 0, torch.tensor([1.0, -1.0]))
    with pytest.raises(InputError, match="got weights that are all zero"):
        BatchOrder(2, 4, 0, torch.zeros(2))
    with pytest.raises(InputError, match=r"got weights of shape \(3,\); expected one for each of 2 rows"):
        BatchOrder(2, 4, 0, torch.ones(3))


def test_rows_must_be_held_out() -> None:
    with pytest.raises(InputError, match="no rows held out"):
        HeldOut(Denoising(), Ring(0))


@pytest.mark.parametrize(("objective", "slack"), [(AnyOrder(), SLACK), (Denoising(), 0.0)])
def test_a_validation_of_rows_has_the_slack_of_their_objective(objective: Objective, slack: float) -> None:
    held_out = HeldOut(objective, rows(3, 0))
    found = Validation.of(held_out, 64, begun=True)
    assert (found.loss, found.slack, found.begun) == (held_out, slack, True)
    assert not Validation.of(held_out, 64).begun
