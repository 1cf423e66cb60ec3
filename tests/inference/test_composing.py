"""Composing needs a model that knows the prior, too."""

from __future__ import annotations

import numpy as np
import pytest
from simulated import UNTRAINED, noisy, normal_prior, of_reals, truth
from sklearn.base import clone

from unnoise import samplers
from unnoise._errors import InputError
from unnoise.inference import posterior
from unnoise.inference.composing import composed
from unnoise.testing import assert_mean


def test_a_model_without_the_prior_is_refused():
    model = clone(UNTRAINED).set_params(unconditional=0.0)
    alone = posterior(normal_prior(), noisy, simulations=100, model=model)
    with pytest.raises(InputError, match="unconditional=0"):
        alone.sample(5, np.zeros((3, 2)))


def test_the_sampler_that_was_given_runs():
    x = np.tile([0.8, -0.5], (4, 1))
    make = composed(of_reals(), x, 0, samplers.Ancestral)
    assert isinstance(make(of_reals().model.denoiser_, steps=3), samplers.Ancestral)
    mean, deviation = truth(x)
    theta = of_reals().sample(2000, x, seed=0, sampler=samplers.Ancestral, steps=60)
    assert_mean(theta.double(), mean, tolerance=0.15 * deviation)
