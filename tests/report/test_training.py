"""The part of a page about training."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import tiny

from unnoise import DenoisingMarkovModel
from unnoise.objectives import AnyOrder, Denoising
from unnoise.report.page import number
from unnoise.report.training import UNKNOWN, curves, ending_of, kept_step, log_means


def test_it_says_why_training_ended_and_draws_both_curves(model: DenoisingMarkovModel) -> None:
    words = ending_of(model).words
    assert words.startswith(f"T{model.ended_[1:]}.")
    assert "all 20 steps done" in words
    panels, caption = curves(model)
    assert len(panels) == 2
    assert "The weights of the best look are kept." in caption
    assert panels[1].inside.count('class="ring"') == 1
    for step, loss in model.validation_losses_:
        assert f"step {step:.0f}: {number(loss)}, rows held out" in panels[1].inside


def test_models_of_earlier_versions_do_not_say_why() -> None:
    old = tiny(validation=0).fit(np.random.default_rng(0).normal(size=(40, 1)))
    del old.ended_
    ending = ending_of(old)
    assert ending.words == f"W{UNKNOWN[1:]}."
    assert (ending.unseen, ending.falling) == (True, False)
    assert len(curves(old)[0]) == 1


def test_a_mixture_has_no_steps_to_draw() -> None:
    quick = tiny(quick=True, network=None, sampler=None).fit(np.random.default_rng(0).normal(size=(40, 1)).round(1))
    ending = ending_of(quick)
    assert "Fitted a mixture of" in ending.words
    assert (ending.unseen, ending.falling, ending.early) == (False, False, False)
    assert curves(quick) == ([], "")


def ended(words: str, looks: list[tuple[int, float]], steps: int = 100) -> DenoisingMarkovModel:
    """A model whose training went like this."""
    model = DenoisingMarkovModel(objective=Denoising(), steps=100)
    model.ended_, model.losses_ = words, np.linspace(9, 1, steps)
    model.validation_losses_ = np.array(looks, dtype=float).reshape(-1, 2)
    return model


def test_whether_the_loss_still_fell_is_what_the_looks_say() -> None:
    falling = ending_of(ended("ended at step 40 of 100", [(20, 3.0), (40, 2.0)], 40))
    assert (falling.falling, falling.by_time) == (True, True)
    assert "still fell: 2 at the last look" in falling.words
    flat = ending_of(ended("all 100 steps done; kept", [(20, 2.0), (60, 1.0), (100, 1.5)]))
    assert (flat.falling, flat.by_time, flat.early) == (False, False, False)
    early = ending_of(ended("stopped at step 50 of 100: validation", [(10, 1.0), (50, 3.0)], 50))
    assert (early.falling, early.early) == (False, True)


def test_means_are_of_bins_that_grow_with_the_step() -> None:
    steps, values = np.arange(1.0, 1001.0), np.random.default_rng(0).normal(size=1000)
    centres, means = log_means(steps, values)
    assert len(centres) <= 60
    assert means[0] == values[0]
    assert np.diff(centres)[-1] > 10 * np.diff(centres)[0]
    np.testing.assert_allclose(log_means(steps, 3 * steps + 1)[1], 3 * centres + 1)


@pytest.mark.parametrize(("objective", "kept"), [(Denoising(), 40), (AnyOrder(), 60)])
def test_the_kept_look_is_the_best_or_the_last_within_the_slack_of_digits(objective: object, kept: int) -> None:
    model = DenoisingMarkovModel(objective=objective)
    model.validation_losses_ = np.array([[20, 9.0], [40, 1.0], [60, 1.5], [80, 4.0]])
    assert kept_step(model) == kept
    model.validation_losses_ = np.empty((0, 2))
    assert kept_step(model) is None


def test_early_is_early_among_the_steps_that_were_planned() -> None:
    assert ending_of(ended("stopped at step 50 of 100: validation", [(20, 1.0), (50, 3.0)], 50)).early
    assert not ending_of(ended("stopped at step 70 of 100: validation", [(30, 1.0), (70, 3.0)], 70)).early
