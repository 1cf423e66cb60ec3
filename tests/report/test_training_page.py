"""The part of a page about training."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import tiny

from unnoise import DenoisingMarkovModel
from unnoise.objectives import AnyOrder, Denoising
from unnoise.report.page import Page
from unnoise.report.training_page import UNKNOWN, kept_step, show_training


def shown(model: DenoisingMarkovModel) -> str:
    page = Page("title")
    show_training(page, model)
    return page.html()


def test_it_says_why_training_ended_beside_both_curves(model: DenoisingMarkovModel) -> None:
    source = shown(model)
    assert f"<p>T{model.ended_[1:]}.</p>" in source
    assert "all 20 steps done" in source
    assert source.count("<img") == 1
    assert "The weights of the best look are kept." in source


def test_models_of_earlier_versions_do_not_say_why() -> None:
    old = tiny(validation=0).fit(np.random.default_rng(0).normal(size=(40, 1)))
    del old.ended_
    source = shown(old)
    assert f"<p>W{UNKNOWN[1:]}.</p>" in source
    assert "held out" not in source


def test_a_mixture_has_no_steps_to_draw() -> None:
    quick = tiny(quick=True, network=None, sampler=None).fit(np.random.default_rng(0).normal(size=(40, 1)).round(1))
    source = shown(quick)
    assert "Fitted a mixture of" in source
    assert "<img" not in source


@pytest.mark.parametrize(("objective", "kept"), [(Denoising(), 40), (AnyOrder(), 60)])
def test_the_kept_look_is_the_best_or_the_last_within_the_slack_of_digits(objective: object, kept: int) -> None:
    model = DenoisingMarkovModel(objective=objective)
    model.validation_losses_ = np.array([[20, 9.0], [40, 1.0], [60, 1.5], [80, 4.0]])
    assert kept_step(model) == kept
    model.validation_losses_ = np.empty((0, 2))
    assert kept_step(model) is None
